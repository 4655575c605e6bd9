//! SMTP replies (RFC 5321 §4.2): every byte kept, judged afterwards.

use crate::wire::bytes::Bytes;
use crate::wire::enhanced::EnhancedCode;

/// What stands behind the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// Last line.
    Space,
    /// More lines follow.
    Hyphen,
    /// The line is the code alone (RFC 5321 §4.2 lets a receiver accept that).
    Nothing,
    /// Something else: malformed.
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
    /// The three digits, where there are three.
    pub code: Option<u16>,
    /// What follows them.
    pub separator: Separator,
    /// How it ended.
    pub ending: Ending,
}

impl ReplyLine {
    /// The text behind code and separator, lossy UTF-8, not yet made printable.
    pub fn text(&self) -> String {
        todo!()
    }
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
    /// The code of its last line that has one; `None` where it is no SMTP reply at all.
    pub fn code(&self) -> Option<u16> {
        todo!()
    }

    /// The enhanced status code of its first line.
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        todo!()
    }

    /// 2yz.
    pub fn is_positive(&self) -> bool {
        matches!(self.code(), Some(200..=299))
    }

    /// All its text in one line, for quoting: `code text / text`.
    pub fn summary(&self) -> String {
        todo!()
    }
}

/// Cuts a byte stream into replies, at any split.
#[derive(Clone, Debug, Default)]
pub struct ReplyReader {
    _buffer: Vec<u8>,
}

impl ReplyReader {
    /// An empty reader.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they come.
    pub fn push(&mut self, _bytes: &[u8]) {
        todo!()
    }

    /// The next complete reply, or one that has become so bad that reading on is pointless (over the limits:
    /// [`Quirk::OverLimit`]; a first line that is no reply: [`Quirk::NoCode`]).
    pub fn next_reply(&mut self) -> Option<Reply> {
        todo!()
    }

    /// Bytes that do not yet make a reply.
    pub fn pending(&self) -> &[u8] {
        todo!()
    }

    /// At the end of the stream: what is left, as a cut reply.
    pub fn finish(&mut self) -> Option<Reply> {
        todo!()
    }
}
