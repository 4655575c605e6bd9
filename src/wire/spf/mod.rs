//! SPF records: which servers a domain allows to send for it (RFC 7208).
//!
//! [`parse`] reads one record, [`check`] evaluates it and counts look-ups, [`macros`] expands names. Nothing is looked
//! up here: the evaluation says what it needs to know and is called again with it.
//!
//! ```
//! use ehlo::wire::spf::{Mechanism, parse};
//! let record = parse("v=spf1 include:_spf.example.net -all").unwrap();
//! assert!(matches!(record.directives[0].mechanism, Mechanism::Include(_)));
//! assert!(parse("v=spf1 includ:example.net").is_err());
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::printable::printable;

pub mod check;
pub mod macros;

/// Most terms of one record that are read.
const MAX_TERMS: usize = 256;

/// What a match means (RFC 7208 §4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`: allowed to send.
    Pass,
    /// `-`: not allowed.
    Fail,
    /// `~`: probably not allowed.
    SoftFail,
    /// `?`: nothing is said.
    Neutral,
}

impl Qualifier {
    /// What it says of the sender, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pass => "allowed",
            Self::Fail => "not allowed",
            Self::SoftFail => "probably not allowed",
            Self::Neutral => "neither allowed nor forbidden",
        }
    }
}

/// How an address is compared (RFC 7208 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Everybody.
    All,
    /// Whoever the record of another domain allows.
    Include(String),
    /// The addresses of a name; prefix lengths for IPv4 and IPv6.
    A(Option<String>, (u8, u8)),
    /// The addresses of a domain's mail exchangers.
    Mx(Option<String>, (u8, u8)),
    /// Addresses whose reverse name lies in a domain. Not to be used any more (RFC 7208 §5.5).
    Ptr(Option<String>),
    /// A network.
    Ip(IpAddr, u8),
    /// A name that exists.
    Exists(String),
}

/// A mechanism with its qualifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// What a match means.
    pub qualifier: Qualifier,
    /// What is compared.
    pub mechanism: Mechanism,
    /// As it stands in the record, printable.
    pub text: String,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its directives in order.
    pub directives: Vec<Directive>,
    /// Where to look instead when nothing matches; without effect beside `all` (RFC 7208 §6.1).
    pub redirect: Option<String>,
}

impl Record {
    /// The qualifier of `all`, where the record ends in one.
    pub fn all(&self) -> Option<Qualifier> {
        self.directives.iter().find(|d| d.mechanism == Mechanism::All).map(|directive| directive.qualifier)
    }
}

/// True where a TXT record is an SPF record: the version, then a blank or nothing (RFC 7208 §4.5).
pub fn is_record(text: &str) -> bool {
    let Some((version, rest)) = text.split_at_checked(6) else { return false };
    version.eq_ignore_ascii_case("v=spf1") && (rest.is_empty() || rest.starts_with(' '))
}

/// Reads a record.
///
/// # Errors
/// In a few words what is wrong: a syntax error anywhere makes the whole record worthless (RFC 7208 §4.6).
pub fn parse(text: &str) -> Result<Record, String> {
    if !is_record(text) {
        return Err("it does not begin with v=spf1".to_owned());
    }
    let mut record = Record::default();
    let mut explained = false;
    for (at, term) in text.split(' ').skip(1).filter(|term| !term.is_empty()).enumerate() {
        if at >= MAX_TERMS {
            return Err(format!("it has more than {MAX_TERMS} terms"));
        }
        let wrong = |why: &str| format!("\"{}\": {why}", printable(term, 80));
        match modifier(term) {
            Some((name, value)) => match name.to_ascii_lowercase().as_str() {
                "redirect" if record.redirect.is_some() => return Err(wrong("redirect stands twice")),
                "redirect" => record.redirect = Some(spec(value).ok_or_else(|| wrong("not a domain"))?),
                "exp" if explained => return Err(wrong("exp stands twice")),
                "exp" => {
                    spec(value).ok_or_else(|| wrong("not a domain"))?;
                    explained = true;
                }
                // Unknown modifiers are ignored (RFC 7208 §6).
                _ if macros::is_well_formed(value) => {}
                _ => return Err(wrong("a macro that cannot be read")),
            },
            None => record.directives.push(directive(term).map_err(wrong)?),
        }
    }
    Ok(record)
}

/// `name=value`, where the name begins with a letter and has only letters, digits, `-`, `_` and `.`.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    named.then_some((name, value))
}

fn directive(term: &str) -> Result<Directive, &'static str> {
    let (qualifier, rest) = match term.split_at_checked(1) {
        Some(("+", rest)) => (Qualifier::Pass, rest),
        Some(("-", rest)) => (Qualifier::Fail, rest),
        Some(("~", rest)) => (Qualifier::SoftFail, rest),
        Some(("?", rest)) => (Qualifier::Neutral, rest),
        _ => (Qualifier::Pass, term),
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, argument) = rest.split_at(end);
    let value = argument.strip_prefix(':');
    let needed = || value.and_then(spec).ok_or("not a domain");
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if argument.is_empty() => Mechanism::All,
        "all" => return Err("all takes nothing behind it"),
        "include" => Mechanism::Include(needed()?),
        "exists" => Mechanism::Exists(needed()?),
        "a" => {
            let (domain, cidr) = with_prefix(argument)?;
            Mechanism::A(domain, cidr)
        }
        "mx" => {
            let (domain, cidr) = with_prefix(argument)?;
            Mechanism::Mx(domain, cidr)
        }
        "ptr" if argument.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(needed()?)),
        "ip4" => network::<Ipv4Addr>(value, 32)?,
        "ip6" => network::<Ipv6Addr>(value, 128)?,
        _ => return Err("no mechanism of that name"),
    };
    Ok(Directive { qualifier, mechanism, text: printable(term, 200) })
}

/// A domain-spec: well formed in its macros, and ending in a domain or a macro (RFC 7208 §7.1).
fn spec(value: &str) -> Option<String> {
    let visible = !value.is_empty() && value.bytes().all(|b| (0x21..=0x7e).contains(&b));
    let lawful = visible && macros::is_well_formed(value) && macros::names_hosts(value);
    (lawful && macros::ends_well(value)).then(|| value.to_owned())
}

/// `[:domain-spec][/ip4-length][//ip6-length]` (RFC 7208 §5.3).
fn with_prefix(argument: &str) -> Result<(Option<String>, (u8, u8)), &'static str> {
    // A slash in a macro's delimiters does not begin a length.
    let mut rest = argument;
    let mut lengths = (32, 128);
    if let Some((before, v6)) = rest.rsplit_once("//")
        && !v6.contains('}')
    {
        lengths.1 = length(v6, 128)?;
        rest = before;
    }
    if let Some((before, v4)) = rest.rsplit_once('/')
        && !v4.contains('}')
    {
        lengths.0 = length(v4, 32)?;
        rest = before;
    }
    let domain = match rest.strip_prefix(':') {
        Some(value) => Some(spec(value).ok_or("not a domain")?),
        None if rest.is_empty() => None,
        None => return Err("not a domain"),
    };
    Ok((domain, lengths))
}

fn length(text: &str, most: u8) -> Result<u8, &'static str> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|length| plain && *length <= most).ok_or("not a prefix length")
}

fn network<T: std::str::FromStr + Into<IpAddr>>(
    value: Option<&str>,
    most: u8,
) -> Result<Mechanism, &'static str> {
    let value = value.ok_or("no address")?;
    let (address, bits) = match value.split_once('/') {
        Some((address, bits)) => (address, length(bits, most)?),
        None => (value, most),
    };
    let address: T = address.parse().map_err(|_| "not an address of this kind")?;
    Ok(Mechanism::Ip(address.into(), bits))
}

/// True where `address` lies in the network.
pub fn in_network(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    fn same(a: u128, b: u128, width: u32, bits: u8) -> bool {
        let bits = u32::from(bits).min(width);
        bits == 0 || (a ^ b) >> (width - bits) == 0
    }
    match (address.to_canonical(), network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32, bits),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128, bits),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_records_of_rfc_7208_appendix_a() {
        for text in [
            "v=spf1 +all",
            "v=spf1 a -all",
            "v=spf1 a:example.org -all",
            "v=spf1 mx -all",
            "v=spf1 mx:example.org -all",
            "v=spf1 mx mx:example.org -all",
            "v=spf1 mx/30 mx:example.org/30 -all",
            "v=spf1 ptr -all",
            "v=spf1 ip4:192.0.2.128/28 -all",
            "v=spf1 include:example.com include:example.net -all",
            "v=spf1 redirect=_spf.example.com",
            "v=spf1 mx:example.com -all",
            "v=spf1 exists:%{l1r+}.%{d2} exp=explain._spf.%{d}",
            "V=SPF1  a:%{d}/24//64  ~all unknown=%%",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
        let record = parse("v=spf1 mx/30 mx:example.org/30//64 ~all").unwrap();
        assert_eq!(record.directives[0].mechanism, Mechanism::Mx(None, (30, 128)));
        assert_eq!(record.directives[1].mechanism, Mechanism::Mx(Some("example.org".into()), (30, 64)));
        assert_eq!(record.all(), Some(Qualifier::SoftFail));
    }

    #[test]
    fn what_is_no_record_or_a_broken_one() {
        assert!(!is_record("v=spf10 a"));
        assert!(!is_record("v=spf"));
        assert!(is_record("v=spf1"));
        for text in [
            "v=spf1 ip4:300.0.0.1",
            "v=spf1 ip4:192.0.2.1/33",
            "v=spf1 ip4:192.0.2.1/08",
            "v=spf1 ip6:192.0.2.1",
            "v=spf1 include:",
            "v=spf1 include",
            "v=spf1 all:example.com",
            "v=spf1 includ:example.com",
            "v=spf1 a:%{z}.example.com",
            "v=spf1 redirect=a.example redirect=b.example",
            "v=spf1 -all, a",
            "v=spf1 exists:%(d).example",
            "v=spf1 exists:%{r}.example.com",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("v=spf1 foo -all").unwrap_err().contains("\"foo\""));
    }

    #[test]
    fn networks() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(in_network(ip("192.0.2.131"), ip("192.0.2.128"), 28));
        assert!(!in_network(ip("192.0.2.1"), ip("192.0.2.128"), 28));
        assert!(in_network(ip("::ffff:192.0.2.1"), ip("192.0.2.1"), 32));
        assert!(in_network(ip("2001:db8::1"), ip("2001:db8::"), 32));
        assert!(in_network(ip("2001:db8::1"), ip("::"), 0));
        assert!(!in_network(ip("2001:db8::1"), ip("0.0.0.0"), 0));
    }

    proptest! {
        #[test]
        fn anything_can_be_read(text in ".{0,200}") {
            let _ = parse(&text);
            let _ = parse(&format!("v=spf1 {text}"));
        }
    }
}
