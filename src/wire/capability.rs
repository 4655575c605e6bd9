//! What a server says it can do, in its reply to EHLO (RFC 5321 §4.1.1.1).

use crate::wire::reply::Reply;

/// One capability line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Upper case (keywords are case-insensitive, RFC 5321 §2.4).
    pub keyword: String,
    /// As sent, split at white space.
    pub parameters: Vec<String>,
    /// The line as sent, without code, made printable.
    pub text: String,
}

/// All of them, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The server's name for itself: the first line.
    pub greeting: String,
    /// The others.
    pub entries: Vec<Capability>,
}

impl Capabilities {
    /// Reads a positive reply to EHLO.
    pub fn from_reply(_reply: &Reply) -> Self {
        todo!()
    }

    /// True where the keyword is offered.
    pub fn has(&self, _keyword: &str) -> bool {
        todo!()
    }

    /// AUTH mechanisms, upper case, each once, the broken `AUTH=` form included; empty where AUTH is not offered or
    /// offered without a mechanism.
    pub fn auth(&self) -> Vec<String> {
        todo!()
    }

    /// The limit of SIZE in octets (RFC 1870); `None` where none is declared (0 means no fixed limit).
    pub fn size(&self) -> Option<u64> {
        todo!()
    }
}
