//! SMTP replies (RFC 5321 §4.2): every byte kept, judged afterwards.
//!
//! [`ReplyReader`] cuts a stream into [`Reply`]s wherever its bytes happened to be split. What is wrong with a reply
//! becomes a [`Quirk`] beside it; only silence and the end of the stream keep a reply from coming out. Put together,
//! the raw lines of all replies are the stream again.
//!
//! ```
//! use ehlo::wire::reply::{Quirk, ReplyReader};
//!
//! let mut reader = ReplyReader::new();
//! reader.push(b"250-mx.example.com\r\n250 STAR");
//! assert!(reader.next_reply().is_none());
//! reader.push(b"TTLS\n");
//! let reply = reader.next_reply().unwrap();
//! assert_eq!(reply.code(), Some(250));
//! assert_eq!(reply.lines[1].text(), "STARTTLS");
//! assert_eq!(reply.quirks, [Quirk::BareLf]);
//! ```

use crate::wire::bytes::Bytes;
use crate::wire::enhanced::EnhancedCode;
use crate::wire::printable::printable;

/// Longest line that is read, in octets with its ending; RFC 5321 §4.5.3.1.5 gives a server 512.
pub const MAX_LINE: usize = 8 * 1024;
/// Most lines of one reply.
pub const MAX_LINES: usize = 256;
/// Most octets of one reply.
pub const MAX_REPLY: usize = 64 * 1024;
/// Most octets that a reader holds, whatever is pushed into it without being taken out.
pub const MAX_PENDING: usize = 1024 * 1024;
/// Longest line that is in order, in octets with its ending (RFC 5321 §4.5.3.1.5).
const ORDINARY_LINE: usize = 512;
/// Longest [`Reply::summary`], in characters.
const MAX_SUMMARY: usize = 1_000;

/// What stands behind the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// Last line.
    Space,
    /// More lines follow.
    Hyphen,
    /// The line is the code alone (RFC 5321 §4.2 lets a receiver accept that), or it has no code.
    Nothing,
    /// Something else: malformed; the line is taken as the last.
    Other(u8),
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// CR LF.
    CrLf,
    /// LF alone: a quirk.
    BareLf,
    /// The connection ended first, or the line was cut at the limit.
    Cut,
}

/// One line of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyLine {
    /// All of it, with its ending.
    pub raw: Bytes,
    /// The three digits, where the line begins with three and no fourth.
    pub code: Option<u16>,
    /// What follows them.
    pub separator: Separator,
    /// How it ended.
    pub ending: Ending,
}

impl ReplyLine {
    fn read(raw: &[u8], ending: Ending) -> Self {
        let (code, separator) = match without_ending(raw, ending) {
            [a, b, c, rest @ ..] if [a, b, c].iter().all(|d| d.is_ascii_digit()) => {
                let digit = |d: &u8| u16::from(d - b'0');
                let code = digit(a) * 100 + digit(b) * 10 + digit(c);
                match rest.first() {
                    None => (Some(code), Separator::Nothing),
                    Some(b' ') => (Some(code), Separator::Space),
                    Some(b'-') => (Some(code), Separator::Hyphen),
                    // A longer number is no reply code.
                    Some(b'0'..=b'9') => (None, Separator::Nothing),
                    Some(&other) => (Some(code), Separator::Other(other)),
                }
            }
            _ => (None, Separator::Nothing),
        };
        Self { raw: Bytes::from(raw), code, separator, ending }
    }

    /// The line without its ending.
    pub fn content(&self) -> &[u8] {
        without_ending(&self.raw.0, self.ending)
    }

    /// The text behind code and separator, as bytes; all of the line where it has no code.
    pub fn text_bytes(&self) -> &[u8] {
        let skip = match (self.code, self.separator) {
            (None, _) => 0,
            (Some(_), Separator::Space | Separator::Hyphen) => 4,
            (Some(_), Separator::Nothing | Separator::Other(_)) => 3,
        };
        self.content().get(skip..).unwrap_or_default()
    }

    /// The text behind code and separator, lossy UTF-8, not yet made printable.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.text_bytes()).into_owned()
    }
}

fn without_ending(raw: &[u8], ending: Ending) -> &[u8] {
    let ending = match ending {
        Ending::CrLf => 2,
        Ending::BareLf => 1,
        Ending::Cut => 0,
    };
    raw.get(..raw.len().saturating_sub(ending)).unwrap_or_default()
}

/// What is wrong with a reply, though it could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quirk {
    /// A line ended with LF alone.
    BareLf,
    /// Lines of one reply bear different codes.
    MixedCodes,
    /// A line is longer than 512 octets (RFC 5321 §4.5.3.1.5).
    LongLine,
    /// A line has no valid code.
    NoCode,
    /// The code's first digit is not 2 to 5, or its second not 0 to 5.
    OddCode,
    /// Something other than space or hyphen follows the code.
    BadSeparator,
    /// Bytes that are not printable ASCII or UTF-8.
    Binary,
    /// The connection ended before the reply did.
    Cut,
    /// The reply exceeded a limit and was given up.
    OverLimit,
}

/// One reply, of one or several lines; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its lines.
    pub lines: Vec<ReplyLine>,
    /// What is wrong with it, each kind once.
    pub quirks: Vec<Quirk>,
}

impl Reply {
    fn judge(lines: Vec<ReplyLine>, given_up: Option<Quirk>) -> Self {
        let code = lines.iter().find_map(|line| line.code);
        let mut quirks = Vec::new();
        let mut note = |quirk, is_so: bool| {
            if is_so && !quirks.contains(&quirk) {
                quirks.push(quirk);
            }
        };
        for line in &lines {
            note(Quirk::BareLf, line.ending == Ending::BareLf);
            note(Quirk::MixedCodes, line.code.is_some() && line.code != code);
            note(Quirk::LongLine, line.raw.0.len() > ORDINARY_LINE);
            note(Quirk::NoCode, line.code.is_none());
            note(
                Quirk::OddCode,
                line.code.is_some_and(|code| !(200..600).contains(&code) || code / 10 % 10 > 5),
            );
            note(Quirk::BadSeparator, matches!(line.separator, Separator::Other(_)));
            note(Quirk::Binary, is_binary(line.content()));
        }
        if let Some(quirk) = given_up {
            note(quirk, true);
        }
        Self { lines, quirks }
    }

    /// The code of its last line that has one; `None` where it is no SMTP reply at all.
    pub fn code(&self) -> Option<u16> {
        self.lines.iter().rev().find_map(|line| line.code)
    }

    /// The enhanced status code of its first line.
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        EnhancedCode::parse(&self.lines.first()?.text())
    }

    /// 2yz.
    pub fn is_positive(&self) -> bool {
        matches!(self.code(), Some(200..=299))
    }

    /// True where the quirk was noted.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// All its text in one line, made printable, for quoting: `code text / text`; at most 1000 characters.
    pub fn summary(&self) -> String {
        let mut all = self.code().map(|code| format!("{code:03}")).unwrap_or_default();
        for (index, line) in self.lines.iter().enumerate() {
            let text = line.text();
            match (index, all.is_empty()) {
                (0, true) => {}
                (0, false) if text.is_empty() => {}
                (0, false) => all.push(' '),
                _ => all.push_str(" / "),
            }
            all.push_str(&text);
        }
        printable(&all, MAX_SUMMARY)
    }
}

/// Control characters (tab excepted), or bytes that are not UTF-8.
fn is_binary(content: &[u8]) -> bool {
    content.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f)
        || std::str::from_utf8(content).is_err()
}

/// What the beginning of a stream looks like, where it is a protocol that people meet on mail ports: `HTTP`, `SSH`,
/// `IMAP`, `POP3`, `FTP` or `TLS`. `None` for SMTP and for what is unknown.
///
/// ```
/// use ehlo::wire::reply::looks_like;
/// assert_eq!(looks_like(b"SSH-2.0-OpenSSH_9.6\r\n"), Some("SSH"));
/// assert_eq!(looks_like(b"220 mx.example.com ESMTP\r\n"), None);
/// ```
pub fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    let starts =
        |prefix: &[u8]| bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if tls_record(bytes).is_some() {
        Some("TLS")
    } else if starts(b"HTTP/") || starts(b"<!DOCTYPE HTML") || starts(b"<html") {
        Some("HTTP")
    } else if starts(b"SSH-") {
        Some("SSH")
    } else if ["* OK", "* BYE", "* PREAUTH", "* BAD", "* NO"].iter().any(|word| starts(word.as_bytes())) {
        Some("IMAP")
    } else if starts(b"+OK") || starts(b"-ERR") {
        Some("POP3")
    } else if (starts(b"220") || starts(b"530")) && names_ftp(bytes) {
        Some("FTP")
    } else {
        None
    }
}

/// FTP shares its reply codes with SMTP; only the words tell. A host may be called `ftp.example.com`, so words with a
/// full stop inside do not count.
fn names_ftp(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes.get(..MAX_LINE).unwrap_or(bytes)).to_ascii_uppercase();
    let mut ftp = false;
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.') {
        match word.trim_matches('.') {
            "SMTP" | "ESMTP" | "ESMTPS" | "ESMTPSA" | "ESMTPA" | "LMTP" => return false,
            "FTP" | "FILEZILLA" => ftp = true,
            word if word.ends_with("FTPD") && !word.contains('.') => ftp = true,
            _ => {}
        }
    }
    ftp
}

/// Where bytes begin with the header of a TLS record: the length of the record with its header.
fn tls_record(bytes: &[u8]) -> Option<usize> {
    match *bytes {
        [20..=24, 3, 0..=4, high, low, ..] => Some(5 + usize::from(u16::from_be_bytes([high, low]))),
        _ => None,
    }
}

/// Cuts a byte stream into replies, at any split.
///
/// Take all replies out after each push. A reader holds one reply at most ([`MAX_REPLY`]) and what was pushed behind
/// it, and never more than [`MAX_PENDING`]: what goes over that is dropped, and the last reply before the gap comes
/// out with [`Quirk::OverLimit`].
#[derive(Clone, Debug, Default)]
pub struct ReplyReader {
    /// What was pushed. Before `head` it has been given out; `head..line` are the bytes of `lines`.
    buffer: Vec<u8>,
    head: usize,
    /// Where the line begins that is not complete yet, and how far it was searched for its end.
    line: usize,
    searched: usize,
    /// Complete lines of the reply that is not complete yet.
    lines: Vec<ReplyLine>,
    /// Bytes were dropped behind the end of the buffer.
    overflowed: bool,
}

impl ReplyReader {
    /// An empty reader.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.head);
        self.line -= self.head;
        self.searched -= self.head;
        self.head = 0;
        let room = if self.overflowed { 0 } else { MAX_PENDING.saturating_sub(self.buffer.len()) };
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.buffer.extend_from_slice(taken);
        self.overflowed |= taken.len() < bytes.len();
    }

    /// The next complete reply, or one that has become so bad that reading on is pointless (over the limits:
    /// [`Quirk::OverLimit`]; a first line that is no reply: [`Quirk::NoCode`]). What follows such a reply is read as
    /// another reply; nothing is lost.
    pub fn next_reply(&mut self) -> Option<Reply> {
        loop {
            let budget = MAX_LINE.min(MAX_REPLY - (self.line - self.head));
            if self.lines.len() >= MAX_LINES || budget == 0 {
                return self.give_out(Some(Quirk::OverLimit));
            }
            let Some((length, ending)) = self.line_end(budget) else {
                // Nothing behind a gap can be trusted to belong to what stands before it.
                return self.overflowed.then(|| self.give_up(Quirk::OverLimit)).flatten();
            };
            let raw = self.buffer.get(self.line..self.line + length).unwrap_or_default();
            let line = ReplyLine::read(raw, ending);
            self.line += length;
            self.searched = self.line;
            let given_up = (ending == Ending::Cut && length >= budget).then_some(Quirk::OverLimit);
            // A line without a code ends nothing, except where it is the first: then this is no reply.
            let last = ending == Ending::Cut
                || match line.code {
                    Some(_) => line.separator != Separator::Hyphen,
                    None => self.lines.is_empty(),
                };
            self.lines.push(line);
            if last {
                return self.give_out(given_up);
            }
        }
    }

    /// Bytes that do not yet make a reply.
    pub fn pending(&self) -> &[u8] {
        self.buffer.get(self.head..).unwrap_or_default()
    }

    /// At the end of the stream, or when waiting for more is over: complete replies first, then what is left as a
    /// reply with [`Quirk::Cut`], then nothing.
    pub fn finish(&mut self) -> Option<Reply> {
        self.next_reply().or_else(|| self.give_up(Quirk::Cut))
    }

    /// Length of the line that begins at `self.line`, its ending included; `None` while more is needed.
    fn line_end(&mut self, budget: usize) -> Option<(usize, Ending)> {
        let rest = self.buffer.get(self.line..).unwrap_or_default();
        if self.lines.is_empty() {
            // TLS knows no lines: waiting for LF would be waiting for ever.
            if let Some(length) = tls_record(rest).map(|length| length.min(budget)) {
                return (rest.len() >= length).then_some((length, Ending::Cut));
            }
            if matches!(rest, [20..=24, 3, ..] | [20..=24]) && rest.len() < 5 {
                return None;
            }
        }
        let begin = self.searched - self.line;
        let window = rest.get(..budget).unwrap_or(rest);
        let found = window.get(begin..).unwrap_or_default().iter().position(|byte| *byte == b'\n');
        match found {
            Some(offset) => {
                let end = begin + offset;
                let carriage = end.checked_sub(1).and_then(|before| rest.get(before)) == Some(&b'\r');
                Some((end + 1, if carriage { Ending::CrLf } else { Ending::BareLf }))
            }
            None if rest.len() >= budget => Some((budget, Ending::Cut)),
            None => {
                self.searched = self.line + window.len();
                None
            }
        }
    }

    /// Everything that is left, complete or not.
    fn give_up(&mut self, why: Quirk) -> Option<Reply> {
        let rest = self.buffer.get(self.line..).unwrap_or_default();
        if !rest.is_empty() {
            self.lines.push(ReplyLine::read(rest, Ending::Cut));
        }
        self.line = self.buffer.len();
        self.searched = self.line;
        self.overflowed = false;
        if self.lines.is_empty() { None } else { self.give_out(Some(why)) }
    }

    fn give_out(&mut self, given_up: Option<Quirk>) -> Option<Reply> {
        self.head = self.line;
        Some(Reply::judge(std::mem::take(&mut self.lines), given_up))
    }
}

#[cfg(test)]
mod tests;
