//! Macros in SPF names (RFC 7208 §7).

use std::net::IpAddr;

/// Longest name that comes of an expansion (RFC 7208 §7.3).
const MAX_NAME: usize = 253;

/// What macros stand for.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The sending address; without one, macros that name it cannot be expanded.
    pub ip: Option<IpAddr>,
    /// The domain whose record is read.
    pub domain: &'a str,
    /// The domain of the sender.
    pub sender: &'a str,
    /// What stands before the `@` of the sender; without it, macros that name it cannot be expanded.
    pub local: Option<&'a str>,
    /// The name of the sending address that leads back to it.
    pub validated: Option<&'a str>,
}

/// One piece of a macro string.
enum Piece<'a> {
    Text(&'a str),
    Macro { letter: char, keep: Option<usize>, reverse: bool, delimiters: &'a str },
}

/// The pieces; `None` where a macro cannot be read.
fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (literal, length) = match from.as_bytes().get(1)? {
            b'%' => ("%", 2),
            b'_' => (" ", 2),
            b'-' => ("%20", 2),
            b'{' => {
                let end = from.find('}')?;
                pieces.push(inside(from.get(2..end)?)?);
                rest = from.get(end + 1..)?;
                continue;
            }
            _ => return None,
        };
        pieces.push(Piece::Text(literal));
        rest = from.get(length..)?;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Some(pieces)
}

fn inside(text: &str) -> Option<Piece<'_>> {
    let letter = text.chars().next().filter(|c| "slodiphcrtvSLODIPHCRTV".contains(*c))?;
    let rest = text.get(1..)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at_checked(digits)?;
    let keep = if number.is_empty() { None } else { Some(number.parse().ok().filter(|n| *n > 0)?) };
    let (reverse, delimiters) = match rest.strip_prefix(['r', 'R']) {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let known = delimiters.chars().all(|c| ".-+,/_=".contains(c));
    known.then_some(Piece::Macro { letter, keep, reverse, delimiters })
}

/// True where every macro can be read.
pub fn is_well_formed(text: &str) -> bool {
    pieces(text).is_some()
}

/// True where every macro may stand in a name: three letters are for explanations only (RFC 7208 §7.2).
pub fn names_hosts(text: &str) -> bool {
    !has_letter(text, "crt")
}

/// True where the name hangs on the reverse name of the sender.
pub fn names_validated(text: &str) -> bool {
    has_letter(text, "p")
}

fn has_letter(text: &str, letters: &str) -> bool {
    let of = |piece: &Piece<'_>| match piece {
        Piece::Macro { letter, .. } => letters.contains(letter.to_ascii_lowercase()),
        Piece::Text(_) => false,
    };
    pieces(text).is_some_and(|pieces| pieces.iter().any(of))
}

/// True where a name ends in a top-level label or in a macro (RFC 7208 §7.1, domain-end).
pub fn ends_well(text: &str) -> bool {
    match pieces(text).as_deref().and_then(<[_]>::last) {
        Some(Piece::Macro { .. }) => true,
        Some(Piece::Text(end)) => {
            let bare = end.strip_suffix('.').unwrap_or(end);
            let (parent, label) = bare.rsplit_once('.').unwrap_or(("", bare));
            // A name of one label is none that anybody could look up, unless a macro stands before it.
            let dotted = !parent.is_empty() || bare.contains('.') || text.len() > end.len();
            let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            dotted
                && letters
                && !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && !label.bytes().all(|b| b.is_ascii_digit())
        }
        None => false,
    }
}

/// The name that a domain-spec stands for; `None` where it depends on what is not known.
pub fn expand(text: &str, facts: &Facts<'_>) -> Option<String> {
    let mut name = String::new();
    for piece in pieces(text)? {
        match piece {
            Piece::Text(text) => name.push_str(text),
            Piece::Macro { letter, keep, reverse, delimiters } => {
                let value = value(letter.to_ascii_lowercase(), facts)?;
                let delimiters = if delimiters.is_empty() { "." } else { delimiters };
                let mut parts: Vec<&str> = value.split(|c| delimiters.contains(c)).collect();
                if reverse {
                    parts.reverse();
                }
                let from = keep.map_or(0, |keep| parts.len().saturating_sub(keep));
                name.push_str(&parts.get(from..).unwrap_or_default().join("."));
            }
        }
        if name.len() > 4 * MAX_NAME {
            return None;
        }
    }
    let mut name = name.trim_end_matches('.').to_ascii_lowercase();
    while name.len() > MAX_NAME {
        name = name.split_once('.')?.1.to_owned();
    }
    (!name.is_empty()).then_some(name)
}

fn value(letter: char, facts: &Facts<'_>) -> Option<String> {
    Some(match letter {
        's' => format!("{}@{}", facts.local?, facts.sender),
        'l' => facts.local?.to_owned(),
        'o' => facts.sender.to_owned(),
        'd' => facts.domain.to_owned(),
        'v' => match facts.ip?.to_canonical() {
            IpAddr::V4(_) => "in-addr".to_owned(),
            IpAddr::V6(_) => "ip6".to_owned(),
        },
        'i' => match facts.ip?.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let nibbles = address.octets().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
                nibbles.map(|nibble| format!("{nibble:x}")).collect::<Vec<_>>().join(".")
            }
        },
        'p' => facts.validated?.to_owned(),
        // What the sender says in HELO is not known beforehand; the rest is for explanations only.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expanded(text: &str) -> Option<String> {
        let facts = Facts {
            ip: Some("192.0.2.3".parse().unwrap()),
            domain: "email.example.com",
            sender: "email.example.com",
            local: Some("strong-bad"),
            validated: Some("mx.email.example.com"),
        };
        expand(text, &facts)
    }

    /// RFC 7208 §7.4.
    #[test]
    fn the_examples_of_the_rfc() {
        for (text, name) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"),
            ("%{lr}", "strong-bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            ("%{p}", "mx.email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d3}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ] {
            assert_eq!(expanded(text).as_deref(), Some(name), "{text}");
        }
        let v6 = Facts {
            ip: Some("2001:db8::cb01".parse().unwrap()),
            domain: "d.example",
            sender: "d.example",
            local: None,
            validated: None,
        };
        assert_eq!(
            expand("%{ir}.%{v}._spf.example.com", &v6).unwrap(),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
        );
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let facts =
            Facts { ip: None, domain: "example.com", sender: "example.com", local: None, validated: None };
        for unknown in ["%{i}.example.net", "%{l}.example.net", "%{s}", "%{p}", "%{h}", "%{c}"] {
            assert_eq!(expand(unknown, &facts), None, "{unknown}");
        }
        assert!(names_validated("%{P}.example") && !names_validated("%{d}"));
        assert!(names_hosts("%{ir}.%{v}.example") && !names_hosts("%{t}.example"));
        assert_eq!(expand("_spf.%{d}", &facts).as_deref(), Some("_spf.example.com"));
        assert!(!is_well_formed("%{d0}"));
        assert!(!is_well_formed("100%"));
        assert!(ends_well("example.com.") && ends_well("%{d}") && ends_well("a.%{d}.b"));
        assert!(!ends_well("example") && !ends_well("192.0.2.1"));
    }

    proptest! {
        #[test]
        fn any_text_expands_within_bounds(text in "[%{}a-zA-Z0-9.\\-+/_=,]{0,120}") {
            if let Some(name) = expanded(&text) {
                prop_assert!(name.len() <= MAX_NAME);
            }
            let _ = ends_well(&text);
        }
    }
}
