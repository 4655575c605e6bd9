//! What settings files and copied text leave in a host field: each mistake by its name, and what was probably meant.

use std::fmt;

use super::{Host, Target};

/// Longest text that is shown again, in characters.
const MAX_SHOWN: usize = 120;

/// What is wrong with a text that cannot be a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was given.
    Empty,
    /// A placeholder, such as `${SMTP_HOST}`, that nobody filled in.
    Placeholder,
    /// The word that a program writes where a setting is missing: `undefined`, `null`, …
    Unset,
    /// The setting's name and an equals sign before the value.
    Setting,
    /// A URL, with this scheme.
    Scheme(String),
    /// White space inside or around it.
    WhiteSpace,
    /// Control characters.
    Control,
    /// Quotes around it, as left over from a settings file.
    Quotes,
    /// Angle brackets or parentheses around it.
    Brackets,
    /// A comma or semicolon.
    Separator,
    /// Something behind the host: a path, a comment.
    Path,
    /// Not an e-mail address.
    Mailbox,
    /// An e-mail address with a port.
    MailboxPort,
    /// The port behind the colon is none.
    Port(String),
    /// Nothing stands behind the colon.
    NoPort,
    /// Dots without anything between them, or a dot at the beginning.
    Dots,
    /// A character that no host name has.
    Character(char),
    /// A part of the name that is longer than 63 characters or has a hyphen at an end (RFC 1035 §2.3.1, §2.3.4).
    Label,
    /// Numbers and dots that are no IPv4 address.
    Numbers,
    /// An IPv6 address that is none, or has only one bracket.
    Ipv6,
    /// Longer than a name can be, or not a name for another reason.
    NotAName,
}

/// Why a text cannot be a target. Its text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTarget {
    /// What is wrong.
    pub fault: Fault,
    /// The text, made printable; a password in it is left out.
    pub shown: String,
    /// What was probably meant.
    pub instead: Option<String>,
}

impl BadTarget {
    pub(super) fn new(fault: Fault, text: &str) -> Self {
        Self { fault, shown: visible(&without_password(text)), instead: mend(text) }
    }
}

impl std::error::Error for BadTarget {}

impl fmt::Display for BadTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.shown;
        match &self.fault {
            Fault::Empty => f.write_str("the host is empty: write a host name such as smtp.example.com"),
            Fault::Placeholder => {
                write!(
                    f,
                    "'{shown}' is a placeholder that nobody filled in: the variable behind it is not set"
                )
            }
            Fault::Unset => write!(f, "the host is '{shown}': the setting it is read from is missing"),
            Fault::Setting => write!(f, "'{shown}' has the name of the setting in it: write the value alone"),
            Fault::Scheme(scheme) => {
                write!(f, "'{shown}' is a URL: write the host name alone, without {scheme}:// and path")
            }
            Fault::WhiteSpace => write!(f, "the host '{shown}' contains white space: remove it"),
            Fault::Control => write!(f, "the host '{shown}' contains control characters: type it again"),
            Fault::Quotes => write!(f, "the host '{shown}' is in quotes: remove them"),
            Fault::Brackets => write!(f, "the host '{shown}' is in brackets: remove them"),
            Fault::Separator => {
                write!(f, "the host '{shown}' contains a comma or semicolon: write one host only")
            }
            Fault::Path => write!(f, "'{shown}' goes on behind the host: write the host name alone"),
            Fault::Mailbox => {
                write!(f, "'{shown}' is not an e-mail address: write it as user@example.com")
            }
            Fault::MailboxPort => {
                write!(f, "'{shown}' is an e-mail address with a port: write the host and its port")
            }
            Fault::Port(port) => {
                write!(f, "'{}' is not a port: write a number from 1 to 65535", visible(port))
            }
            Fault::NoPort => write!(f, "'{shown}' has a colon without a port behind it"),
            Fault::Dots => write!(f, "'{shown}' has a dot too many"),
            Fault::Character(c) => {
                write!(f, "'{shown}' contains '{}', which no host name has", c.escape_debug())
            }
            Fault::Label => write!(
                f,
                "'{shown}' cannot be a host name: no part of it may begin or end with a hyphen or be longer than 63 \
                 characters"
            ),
            Fault::Numbers => {
                write!(f, "'{shown}' is not an IPv4 address: it has four numbers from 0 to 255")
            }
            Fault::Ipv6 => {
                write!(
                    f,
                    "'{shown}' is not an IPv6 address: write it as 2001:db8::1, with a port as [2001:db8::1]:587"
                )
            }
            Fault::NotAName => {
                write!(f, "'{shown}' cannot be a host name or an address: check it for typing errors")
            }
        }?;
        match &self.instead {
            Some(instead) => write!(f, " (did you mean {instead}?)"),
            None => Ok(()),
        }
    }
}

/// Control characters made visible, and cut where it is long.
fn visible(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(MAX_SHOWN) {
        if c.is_control() || (c.is_whitespace() && c != ' ') {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Quotes of all kinds.
const QUOTES: [char; 10] = ['"', '\'', '`', '“', '”', '‘', '’', '«', '»', '„'];

/// Words that programs write for a setting that is not there.
const UNSET: [&str; 6] = ["undefined", "null", "none", "nil", "nan", "false"];

/// The mistakes that can be told before a text is taken apart.
pub(super) fn lint(text: &str) -> Result<(), Fault> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Fault::Empty);
    }
    if is_placeholder(trimmed) {
        return Err(Fault::Placeholder);
    }
    if UNSET.contains(&trimmed.to_ascii_lowercase().as_str()) {
        return Err(Fault::Unset);
    }
    if let Some((scheme, _)) = text.split_once("://") {
        let scheme = scheme.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        return Err(Fault::Scheme(scheme.chars().take(20).collect()));
    }
    if text.contains('=') {
        return Err(Fault::Setting);
    }
    if text.contains(QUOTES) {
        return Err(Fault::Quotes);
    }
    if text.contains(['<', '>', '(', ')', '{', '}']) {
        return Err(Fault::Brackets);
    }
    if text.chars().any(char::is_whitespace) {
        return Err(Fault::WhiteSpace);
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::Control);
    }
    if text.contains([',', ';']) {
        return Err(Fault::Separator);
    }
    if text.contains(['/', '\\', '#', '?']) {
        return Err(Fault::Path);
    }
    Ok(())
}

/// `${HOST}`, `$HOST`, `%HOST%`, `{{ host }}`, `<host>`: how templates and shells write what is to be filled in.
fn is_placeholder(text: &str) -> bool {
    let bare = text.trim_matches(QUOTES);
    let word = |inner: &str| {
        let inner = inner.trim();
        !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c))
    };
    let between = |open: &str, close: &str| bare.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    [("${", "}"), ("$(", ")"), ("{{", "}}"), ("%", "%"), ("$", ""), ("@@", "@@")]
        .into_iter()
        .any(|(open, close)| between(open, close).is_some_and(word))
        || between("<", ">").is_some_and(|inner| word(inner) && !inner.contains('.'))
}

/// What is wrong with a text that is a name as far as its surroundings go.
pub(super) fn fault_of_name(name: &str) -> Fault {
    let like_ipv6 = name.contains(['[', ']', '%']) || name.matches(':').count() > 1;
    if like_ipv6 {
        return Fault::Ipv6;
    }
    if name.starts_with('.') || name.contains("..") {
        return Fault::Dots;
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Fault::Numbers;
    }
    let odd = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.');
    if let Some(c) = name.chars().find(odd) {
        return Fault::Character(c);
    }
    let labels = || name.split('.');
    if labels().any(|label| label.starts_with('-') || label.ends_with('-') || label.len() > 63) {
        return Fault::Label;
    }
    Fault::NotAName
}

/// The text without a password in it: what stands between the first colon and the last `@`.
///
/// ```
/// use ehlo::target::without_password;
/// assert_eq!(without_password("smtp://ann:secret@smtp.example.com"), "smtp://ann:…@smtp.example.com");
/// assert_eq!(without_password("ann@example.com"), "ann@example.com");
/// ```
pub fn without_password(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = text.split_at(start);
    match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{scheme}{name}:…@{host}"),
            None => text.to_owned(),
        },
        None => text.to_owned(),
    }
}

/// What was probably meant; `None` where that is not plain.
fn mend(text: &str) -> Option<String> {
    let around =
        |c: char| c.is_whitespace() || c.is_control() || QUOTES.contains(&c) || "<>(){},;".contains(c);
    let mut bare = text.trim_matches(around);
    if is_placeholder(text.trim()) {
        return None;
    }
    if let Some((_, value)) = bare.split_once('=') {
        bare = value.trim_matches(around);
    }
    let mut web = false;
    if let Some((scheme, rest)) = bare.split_once("://") {
        web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        bare = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    } else if let Some((scheme, rest)) = bare.split_once(':')
        && ["smtp", "smtps", "ssl", "tls", "mailto"].contains(&scheme.to_ascii_lowercase().as_str())
    {
        bare = rest;
    }
    bare = bare.split(['/', '\\', '#', '?']).next().unwrap_or_default();
    let mut mended = one_host(bare.trim_matches(around).trim_matches(['.', ':']));
    if web && let Some((host, _)) = mended.rsplit_once(':') {
        // The port of a web page says nothing about mail.
        mended = host.to_owned();
    }
    if let Some((user, rest)) = mended.split_once('@')
        && (rest.contains(':') || user.is_empty())
    {
        mended = rest.to_owned();
    }
    while mended.contains("..") {
        mended = mended.replace("..", ".");
    }
    let good = match Target::parse_plain(&mended) {
        Ok(Target::Host { host: Host::Name(name), .. }) => name.contains('.'),
        Ok(Target::Host { .. } | Target::Mailbox { .. }) => true,
        Ok(Target::Provider(_) | Target::Lab(_)) | Err(_) => false,
    };
    (good && mended != text).then_some(mended)
}

/// One host of what may be several words: `host port`, a list, commas in the place of dots, blanks inside.
fn one_host(text: &str) -> String {
    let is_port = |word: &str| word.parse::<u16>().is_ok_and(|port| port != 0);
    let words: Vec<&str> = text.split_whitespace().collect();
    if let [host, port] = words.as_slice()
        && is_port(port)
    {
        return format!("{}:{port}", host.trim_end_matches([':', ',']));
    }
    if text.contains([',', ';']) {
        let first = text.split([',', ';']).next().unwrap_or_default().trim();
        return if first.contains('.') { first.to_owned() } else { words.concat().replace([',', ';'], ".") };
    }
    let dotted: Vec<&&str> = words.iter().filter(|word| word.contains('.')).collect();
    match dotted.as_slice() {
        // Words around it, as in a sentence.
        [host] if words.len() > 1 && !host.starts_with('.') && !host.ends_with('.') => (**host).to_owned(),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bad(text: &str) -> BadTarget {
        Target::parse(text, &|_| false).expect_err(text)
    }

    #[test]
    fn every_mistake_has_its_name_and_what_was_meant() {
        let host = Some("smtp.example.com");
        let with_port = Some("smtp.example.com:587");
        for (text, fault, instead) in [
            ("", Fault::Empty, None),
            (" \t", Fault::Empty, None),
            ("\"smtp.example.com\"", Fault::Quotes, host),
            ("'smtp.example.com'", Fault::Quotes, host),
            ("“smtp.example.com”", Fault::Quotes, host),
            ("\"smtp.example.com\",", Fault::Quotes, host),
            (" smtp.example.com", Fault::WhiteSpace, host),
            ("smtp.example.com\n", Fault::WhiteSpace, host),
            ("smtp.example.com\u{a0}", Fault::WhiteSpace, host),
            ("smtp. example.com", Fault::WhiteSpace, host),
            ("smtp.example.com 587", Fault::WhiteSpace, with_port),
            ("the host smtp.example.com", Fault::WhiteSpace, host),
            ("smtp.example.com,", Fault::Separator, host),
            ("smtp.example.com;", Fault::Separator, host),
            ("smtp.example.com,mail.example.com", Fault::Separator, host),
            ("smtp,example,com", Fault::Separator, host),
            ("smtps://smtp.example.com", Fault::Scheme("smtps".into()), host),
            ("ssl://smtp.example.com:587", Fault::Scheme("ssl".into()), with_port),
            ("https://smtp.example.com:443/login", Fault::Scheme("https".into()), host),
            ("smtp://ann:hunter2@smtp.example.com:587", Fault::Scheme("smtp".into()), with_port),
            ("smtp.example.com/", Fault::Path, host),
            ("smtp.example.com:587/tls", Fault::Path, with_port),
            ("smtp.example.com#main", Fault::Path, host),
            ("<smtp.example.com>", Fault::Brackets, host),
            ("SMTP_HOST=smtp.example.com", Fault::Setting, host),
            ("host = \"smtp.example.com\"", Fault::Setting, host),
            ("${SMTP_HOST}", Fault::Placeholder, None),
            ("$SMTP_HOST", Fault::Placeholder, None),
            ("{{ smtp_host }}", Fault::Placeholder, None),
            ("%SMTP_HOST%", Fault::Placeholder, None),
            ("<your-host>", Fault::Placeholder, None),
            ("undefined", Fault::Unset, None),
            ("NULL", Fault::Unset, None),
            ("ann@smtp.example.com:587", Fault::MailboxPort, with_port),
            ("<ann@example.com>", Fault::Brackets, Some("ann@example.com")),
            ("mailto:ann@example.com", Fault::Mailbox, Some("ann@example.com")),
            ("@smtp.example.com", Fault::Mailbox, host),
            ("smtp.example.com:", Fault::NoPort, host),
            ("smtp.example.com:0", Fault::Port("0".into()), None),
            ("smtp.example.com:+25", Fault::Port("+25".into()), None),
            ("smtp:smtp.example.com", Fault::Port("smtp.example.com".into()), host),
            ("smtp..example.com", Fault::Dots, host),
            (".smtp.example.com", Fault::Dots, host),
            ("smtp.example.com|", Fault::Character('|'), None),
            ("-x.example.com", Fault::Label, None),
            ("300.1.2.3", Fault::Numbers, None),
            ("192.0.2", Fault::Numbers, None),
            ("[2001:db8::1", Fault::Ipv6, None),
            ("fe80::1%eth0", Fault::Ipv6, None),
        ] {
            let found = bad(text);
            assert_eq!((&found.fault, found.instead.as_deref()), (&fault, instead), "{text:?}");
            if let Some(instead) = instead {
                assert!(found.to_string().ends_with(&format!("(did you mean {instead}?)")), "{found}");
                assert!(Target::parse(instead, &|_| false).is_ok());
            }
        }
    }

    #[test]
    fn sentences_say_what_to_do_and_never_a_password() {
        assert_eq!(
            bad("\"smtp.example.com\"").to_string(),
            "the host '\"smtp.example.com\"' is in quotes: remove them (did you mean smtp.example.com?)"
        );
        for text in ["smtp://ann:hunter2@smtp.example.com", "ann:hunter2@smtp.example.com", "a:hunter2@@b c"]
        {
            assert!(!bad(text).to_string().contains("hunter2"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_proposed_can_be_a_target(text in "[ \"'<>./:,;@a-z0-9\\[\\]-]{0,30}") {
            if let Err(found) = Target::parse(&text, &|_| false)
                && let Some(instead) = found.instead
            {
                prop_assert!(Target::parse(&instead, &|_| false).is_ok(), "{instead}");
            }
        }

        #[test]
        fn nothing_that_is_typed_panics_or_breaks_the_line(text in any::<String>()) {
            if let Err(found) = Target::parse(&text, &|_| false) {
                prop_assert!(!found.to_string().contains(char::is_control));
            }
        }
    }
}
