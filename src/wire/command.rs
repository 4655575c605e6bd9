//! The commands that ehlo sends. Each is written in one piece.
//!
//! ```
//! use ehlo::wire::command::Command;
//! assert_eq!(Command::ehlo("laptop.example.net").bytes.0, b"EHLO laptop.example.net\r\n");
//! ```

use zeroize::Zeroize as _;

use crate::wire::bytes::Bytes;
use crate::wire::printable::{is_hidden, printable_bytes};

/// Longest command line of ours, in octets with CR LF (RFC 5321 §4.5.3.1.4).
pub const MAX_COMMAND: usize = 512;
/// Longest domain (RFC 5321 §4.5.3.1.2).
const MAX_DOMAIN: usize = 255;
/// Longest path, without its brackets (RFC 5321 §4.5.3.1.3).
const MAX_PATH: usize = 254;

/// A command, ready to be written. What must not be shown leaves memory with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// Upper case verb, for the dialogue and the transcript.
    pub verb: &'static str,
    /// What goes over the line, CR LF included.
    pub bytes: Bytes,
    /// What may be shown, where it differs: secrets replaced.
    pub shown: Option<Bytes>,
}

impl Command {
    /// `EHLO name` (RFC 5321 §4.1.1.1).
    pub fn ehlo(name: &str) -> Self {
        Self::with_domain("EHLO", name)
    }

    /// `HELO name`, for servers that refuse EHLO (RFC 5321 §4.1.1.1).
    pub fn helo(name: &str) -> Self {
        Self::with_domain("HELO", name)
    }

    /// `STARTTLS` (RFC 3207 §4): it has no parameter.
    pub fn starttls() -> Self {
        Self::plain("STARTTLS", "")
    }

    /// `QUIT` (RFC 5321 §4.1.1.10).
    pub fn quit() -> Self {
        Self::plain("QUIT", "")
    }

    /// `MAIL FROM:<address>` (RFC 5321 §4.1.1.2), with the size of the message where it is to be declared
    /// (RFC 1870 §6), and with SMTPUTF8 where an address needs it (RFC 6531 §3.4).
    pub fn mail(address: &str, size: Option<u64>, utf8: bool) -> Self {
        let size = size.map(|size| format!(" SIZE={size}")).unwrap_or_default();
        let utf8 = if utf8 { " SMTPUTF8" } else { "" };
        Self::line("MAIL", &format!("MAIL FROM:<{}>{size}{utf8}", path(address)))
    }

    /// `RCPT TO:<address>` (RFC 5321 §4.1.1.3).
    pub fn rcpt(address: &str) -> Self {
        Self::line("RCPT", &format!("RCPT TO:<{}>", path(address)))
    }

    /// `DATA` (RFC 5321 §4.1.1.4).
    pub fn data() -> Self {
        Self::plain("DATA", "")
    }

    /// The message, and the line that ends it. A full stop at the beginning of a line is doubled (RFC 5321 §4.5.2).
    pub fn message(text: &str) -> Self {
        let mut out = String::with_capacity(text.len() + 16);
        for line in text.lines() {
            if line.starts_with('.') {
                out.push('.');
            }
            out.push_str(line);
            out.push_str("\r\n");
        }
        out.push_str(".\r\n");
        Self { verb: "DATA", bytes: Bytes(out.into_bytes()), shown: None }
    }

    /// `RSET` (RFC 5321 §4.1.1.5): takes the transaction back.
    pub fn rset() -> Self {
        Self::plain("RSET", "")
    }

    /// `*`: gives an AUTH exchange up (RFC 4954 §4).
    pub fn cancel() -> Self {
        Self::line("AUTH", "*")
    }

    /// A whole line of ours.
    pub(crate) fn line(verb: &'static str, text: &str) -> Self {
        Self { verb, bytes: Bytes(format!("{text}\r\n").into_bytes()), shown: None }
    }

    /// A whole line that holds a secret, and what may be shown of it.
    pub(crate) fn secret(verb: &'static str, line: &[u8], shown: &str) -> Self {
        let mut bytes = Vec::with_capacity(line.len() + 2);
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
        Self { verb, bytes: Bytes(bytes), shown: Some(Bytes(format!("{shown}\r\n").into_bytes())) }
    }

    /// What may be shown of it.
    pub fn shown(&self) -> &Bytes {
        self.shown.as_ref().unwrap_or(&self.bytes)
    }

    /// Verb and domain. A name that could end the line or add a word to it would be a command of its own, so only
    /// visible ASCII goes through; an empty name becomes `localhost`.
    fn with_domain(verb: &'static str, name: &str) -> Self {
        let name: String = name.chars().filter(char::is_ascii_graphic).take(MAX_DOMAIN).collect();
        Self::plain(verb, if name.is_empty() { "localhost" } else { &name })
    }

    fn plain(verb: &'static str, argument: &str) -> Self {
        let space = if argument.is_empty() { "" } else { " " };
        Self { verb, bytes: Bytes(format!("{verb}{space}{argument}\r\n").into_bytes()), shown: None }
    }
}

/// Nothing of a path may end it, the line, or the argument. The limit is of octets.
fn path(address: &str) -> String {
    let lawful = |c: &char| match c.is_ascii() {
        true => c.is_ascii_graphic() && !matches!(c, '<' | '>'),
        false => !is_hidden(*c),
    };
    let mut octets = 0;
    let fits = |c: &char| {
        octets += c.len_utf8();
        octets <= MAX_PATH
    };
    address.chars().filter(lawful).take_while(fits).collect()
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Command").field(self.shown()).finish()
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        if self.shown.is_some() {
            self.bytes.0.zeroize();
        }
    }
}

/// Reads a command line back, as a transcript has it: the verb in upper case, and what follows it, both printable.
///
/// ```
/// use ehlo::wire::command::verb_and_argument;
/// assert_eq!(verb_and_argument(b"EHLO laptop\r\n"), ("EHLO".to_owned(), "laptop".to_owned()));
/// ```
pub fn verb_and_argument(line: &[u8]) -> (String, String) {
    let line = line.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (verb, argument) = line.split_at(end);
    (
        printable_bytes(&verb.to_ascii_uppercase(), MAX_COMMAND),
        printable_bytes(argument.trim_ascii_start(), MAX_COMMAND),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_they_go_over_the_line() {
        assert_eq!(Command::helo("a.example").bytes.0, b"HELO a.example\r\n");
        assert_eq!(Command::ehlo("[192.0.2.1]").bytes.0, b"EHLO [192.0.2.1]\r\n");
        assert_eq!(Command::starttls().bytes.0, b"STARTTLS\r\n");
        assert_eq!(Command::quit().bytes.0, b"QUIT\r\n");
        assert_eq!(Command::quit().shown().0, b"QUIT\r\n");
    }

    #[test]
    fn a_name_cannot_smuggle_a_command() {
        assert_eq!(Command::ehlo("a\r\nMAIL FROM:<>").bytes.0, b"EHLO aMAILFROM:<>\r\n");
        assert_eq!(Command::ehlo("\u{fc}").bytes.0, b"EHLO localhost\r\n");
    }

    #[test]
    fn the_envelope_and_the_message() {
        assert_eq!(Command::mail("a@b.example", None, false).bytes.0, b"MAIL FROM:<a@b.example>\r\n");
        let utf8 = Command::mail("j\u{fc}rgen\u{2028}@b.example", Some(70), true);
        assert_eq!(utf8.bytes.0, "MAIL FROM:<j\u{fc}rgen@b.example> SIZE=70 SMTPUTF8\r\n".as_bytes());
        assert!(Command::rcpt(&"\u{fc}".repeat(400)).bytes.0.len() < MAX_COMMAND);
        assert_eq!(Command::mail("", Some(70), false).bytes.0, b"MAIL FROM:<> SIZE=70\r\n");
        assert_eq!(Command::rcpt("a> X:<b\r\nDATA").bytes.0, b"RCPT TO:<aX:bDATA>\r\n");
        assert_eq!(Command::message("a\r\n.b\n..").bytes.0, b"a\r\n..b\r\n...\r\n.\r\n");
    }

    #[test]
    fn a_secret_line_is_not_printed() {
        let command = Command::secret("AUTH", b"AUTH PLAIN aHVudGVyMg==", "AUTH PLAIN [hidden]");
        assert_eq!(command.bytes.0, b"AUTH PLAIN aHVudGVyMg==\r\n");
        assert_eq!(command.shown().0, b"AUTH PLAIN [hidden]\r\n");
        assert!(!format!("{command:?}").contains("aHVudGVyMg"));
    }

    #[test]
    fn verbs_are_read_back() {
        assert_eq!(verb_and_argument(b"starttls\r\n"), ("STARTTLS".to_owned(), String::new()));
        assert_eq!(verb_and_argument(b""), (String::new(), String::new()));
        assert_eq!(verb_and_argument(b"AUTH  PLAIN \x1b\r\n"), ("AUTH".to_owned(), "PLAIN <1b>".to_owned()));
    }

    proptest! {
        #[test]
        fn always_one_line_of_lawful_length(name in any::<String>()) {
            for command in [Command::ehlo(&name), Command::helo(&name)] {
                let bytes = &command.bytes.0;
                prop_assert!(bytes.len() <= MAX_COMMAND);
                prop_assert!(bytes.ends_with(b"\r\n"));
                prop_assert_eq!(bytes.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count(), 2);
                prop_assert_eq!(bytes.iter().filter(|byte| **byte == b' ').count(), 1);
            }
        }

        #[test]
        fn any_line_can_be_read(line in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = verb_and_argument(&line);
        }
    }
}
