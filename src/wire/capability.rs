//! What a server says it can do, in its reply to EHLO (RFC 5321 §4.1.1.1).
//!
//! ```
//! use ehlo::wire::capability::Capabilities;
//! use ehlo::wire::reply::ReplyReader;
//!
//! let mut reader = ReplyReader::new();
//! reader.push(b"250-mx.example.com\r\n250-auth plain LOGIN\r\n250 Size 35882577\r\n");
//! let offered = Capabilities::from_reply(&reader.next_reply().unwrap());
//! assert_eq!(offered.greeting, "mx.example.com");
//! assert_eq!(offered.auth(), ["PLAIN", "LOGIN"]);
//! assert_eq!(offered.size(), Some(35_882_577));
//! assert!(!offered.has("STARTTLS"));
//! ```

use crate::wire::printable::{printable, printable_bytes};
use crate::wire::reply::Reply;

/// Longest keyword, parameter and mechanism, in characters.
const MAX_WORD: usize = 128;
/// Most parameters of one capability.
const MAX_PARAMETERS: usize = 64;
/// Most mechanisms that are told of; no server has half as many.
const MAX_MECHANISMS: usize = 24;
/// Longest text of a line, in characters.
const MAX_TEXT: usize = 1_000;

/// One capability line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Upper case (keywords are case-insensitive, RFC 5321 §2.4), made printable. The old form `AUTH=` is `AUTH` here.
    pub keyword: String,
    /// As sent, split at white space, made printable.
    pub parameters: Vec<String>,
    /// The line as sent, without code, made printable.
    pub text: String,
}

impl Capability {
    /// Reads one line without its code; `None` where it is blank.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let first = words.next()?;
        // Servers from before RFC 2554 wrote `AUTH=LOGIN`, and many still send that line for old clients.
        let (keyword, joined) = match first.iter().position(|byte| *byte == b'=') {
            Some(4) if first.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH")) => {
                (first.get(..4).unwrap_or(first), first.get(5..).filter(|word| !word.is_empty()))
            }
            _ => (first, None),
        };
        Some(Self {
            keyword: printable_bytes(&keyword.to_ascii_uppercase(), MAX_WORD),
            parameters: joined
                .into_iter()
                .chain(words)
                .take(MAX_PARAMETERS)
                .map(|word| printable_bytes(word, MAX_WORD))
                .collect(),
            text: printable_bytes(line, MAX_TEXT),
        })
    }

    /// True where a device on the way has overwritten the keyword, as Cisco's inspection does: `XXXXXXXA`, `XXXX`.
    pub fn is_masked(&self) -> bool {
        is_masked(&self.keyword)
    }
}

/// True for a keyword that was overwritten with the letter X, perhaps with one other letter at its end.
///
/// ```
/// use ehlo::wire::capability::is_masked;
/// assert!(is_masked("XXXXXXXA") && is_masked("XXXX"));
/// assert!(!is_masked("XEXCH50") && !is_masked("XCLIENT"));
/// ```
pub fn is_masked(keyword: &str) -> bool {
    let rest = keyword.trim_start_matches(['X', 'x']);
    keyword.len() >= 4
        && (rest.is_empty() || (rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_alphabetic())))
}

/// All of them, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The server's name for itself: the first line, made printable. It is never a capability.
    pub greeting: String,
    /// The others.
    pub entries: Vec<Capability>,
}

impl Capabilities {
    /// Reads a positive reply to EHLO. Lines without a code belong to nothing and are passed over.
    pub fn from_reply(reply: &Reply) -> Self {
        let mut lines = reply.lines.iter();
        Self {
            greeting: lines.next().map(|line| printable(&line.text(), MAX_TEXT)).unwrap_or_default(),
            entries: lines
                .filter(|line| line.code.is_some())
                .filter_map(|line| Capability::parse(line.text_bytes()))
                .collect(),
        }
    }

    /// True where the keyword is offered, in whatever case.
    pub fn has(&self, keyword: &str) -> bool {
        self.find(keyword).is_some()
    }

    /// The first entry with this keyword, in whatever case.
    pub fn find(&self, keyword: &str) -> Option<&Capability> {
        self.entries.iter().find(|entry| entry.keyword.eq_ignore_ascii_case(keyword))
    }

    /// AUTH mechanisms, upper case, each once, the broken `AUTH=` form included; empty where AUTH is not offered or
    /// offered without a mechanism.
    pub fn auth(&self) -> Vec<String> {
        let mut mechanisms = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.keyword == "AUTH") {
            for mechanism in
                entry.parameters.iter().map(|word| word.to_uppercase()).filter(|word| is_mechanism(word))
            {
                if !mechanisms.contains(&mechanism) && mechanisms.len() < MAX_MECHANISMS {
                    mechanisms.push(mechanism);
                }
            }
        }
        mechanisms
    }

    /// The limit of SIZE in octets (RFC 1870); `None` where none is declared (0 means no fixed limit).
    pub fn size(&self) -> Option<u64> {
        self.find("SIZE")?.parameters.first()?.parse().ok()
    }
}

/// What may be the name of a mechanism (RFC 4422 §3.1).
fn is_mechanism(word: &str) -> bool {
    (1..=20).contains(&word.len())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::reply::ReplyReader;

    fn read(stream: &[u8]) -> Capabilities {
        let mut reader = ReplyReader::new();
        reader.push(stream);
        Capabilities::from_reply(&reader.finish().unwrap())
    }

    fn keywords(offered: &Capabilities) -> Vec<&str> {
        offered.entries.iter().map(|entry| entry.keyword.as_str()).collect()
    }

    #[test]
    fn the_first_line_is_the_name_never_a_capability() {
        let offered = read(b"250 STARTTLS\r\n");
        assert_eq!((offered.greeting.as_str(), offered.has("STARTTLS")), ("STARTTLS", false));
        let offered = read(b"250-STARTTLS\r\n250 STARTTLS\r\n");
        assert!(offered.has("starttls"), "but the last line is one");
    }

    #[test]
    fn case_white_space_and_unknown_words() {
        let offered = read(
            b"250-mx at your service\r\n250-StartTLS\r\n250-\r\n250-X-FOO  bar\tBaz \r\n250 8bitmime\r\n",
        );
        assert_eq!(keywords(&offered), ["STARTTLS", "X-FOO", "8BITMIME"]);
        assert_eq!(offered.find("x-foo").unwrap().parameters, ["bar", "Baz"]);
        assert_eq!(offered.find("x-foo").unwrap().text, "X-FOO  bar<09>Baz ");
    }

    #[test]
    fn auth_in_both_forms_each_mechanism_once() {
        let offered = read(b"250-mx\r\n250-AUTH login PLAIN\r\n250 AUTH=LOGIN XOAUTH2\r\n");
        assert_eq!(offered.auth(), ["LOGIN", "PLAIN", "XOAUTH2"]);
        assert_eq!(offered.entries[1].text, "AUTH=LOGIN XOAUTH2");
        assert_eq!(read(b"250-mx\r\n250 AUTH=\r\n").auth(), Vec::<String>::new());
        let without = read(b"250-mx\r\n250 AUTH\r\n");
        assert!(without.has("AUTH") && without.auth().is_empty());
        assert_eq!(keywords(&read(b"250-mx\r\n250 AUTHX=1\r\n")), ["AUTHX=1"]);
        let words = read(
            "250-mx\r\n250 AUTH \u{201d}.Use:port PLAIN an-endless-name-of-no-mechanism ÄÖ\r\n".as_bytes(),
        );
        assert_eq!(words.auth(), ["PLAIN"], "what cannot be a mechanism is none");
        let flood: String = (0..60).map(|n| format!(" M{n}")).collect();
        assert_eq!(read(format!("250-mx\r\n250 AUTH{flood}\r\n").as_bytes()).auth().len(), MAX_MECHANISMS);
    }

    #[test]
    fn sizes() {
        assert_eq!(read(b"250-mx\r\n250 SIZE 0\r\n").size(), Some(0));
        assert_eq!(read(b"250-mx\r\n250 SIZE\r\n").size(), None);
        assert_eq!(read(b"250-mx\r\n250 SIZE 99999999999999999999\r\n").size(), None);
        assert_eq!(read(b"250 mx\r\n").size(), None);
    }

    #[test]
    fn masked_keywords() {
        for (keyword, masked) in [
            ("XXXXXXXA", true),
            ("XXXB", true),
            ("XXXXXXXX", true),
            ("XXX", false),
            ("X-FOO", false),
            ("", false),
        ] {
            assert_eq!(is_masked(keyword), masked, "{keyword}");
        }
    }

    #[test]
    fn hostile_words_are_shown_and_bounded() {
        let offered = read(b"250-\x1b]0;x\x07\r\n250-STA\x1b[2JRTTLS \xff\r\n250 OK\r\n");
        assert_eq!(offered.greeting, "<1b>]0;x<07>");
        assert_eq!(offered.entries[0].keyword, "STA<1b>[2JRTTLS");
        assert_eq!(offered.entries[0].parameters, ["<ff>"]);
        let many = [b"250-mx\r\n250 AUTH".as_slice(), &b" A".repeat(2000), b"\r\n"].concat();
        assert_eq!(read(&many).entries[0].parameters.len(), MAX_PARAMETERS);
    }

    #[test]
    fn a_line_without_a_code_offers_nothing() {
        assert!(!read(b"250-mx\r\nSTARTTLS\r\n250 OK\r\n").has("STARTTLS"));
    }

    proptest! {
        #[test]
        fn any_reply_can_be_read(stream in proptest::collection::vec(any::<u8>(), 1..400)) {
            let stream = [b"250-".as_slice(), &stream].concat();
            let offered = read(&stream);
            let _ = (offered.auth(), offered.size());
            for entry in offered.entries {
                prop_assert!(entry.keyword.chars().chain(entry.text.chars()).all(|c| !c.is_control()));
                prop_assert!(entry.keyword.chars().count() <= MAX_WORD);
            }
        }
    }
}
