//! TLS as the tap sees it: records, hellos, alerts, and the chain where it is in the clear.
//!
//! [`Decoder`] takes one direction of a connection at any split. It holds at most one handshake message, never
//! panics, and stops at the first bytes that are not TLS.
//!
//! ```
//! use ehlo::wire::tls::{Decoder, Seen};
//!
//! // A server that does not speak the version offered answers with a fatal alert, protocol_version (RFC 8446 §6).
//! let seen = Decoder::new().push(&[21, 3, 1, 0, 2, 2, 70]);
//! assert_eq!(seen, [Seen::Alert { level: 2, code: 70 }]);
//!
//! // A server that greets in cleartext does not speak TLS at all.
//! let seen = Decoder::new().push(b"220 mail.example.com ESMTP\r\n");
//! assert!(matches!(&seen[..], [Seen::NotTls(bytes)] if bytes.starts_with(b"220 ")));
//! ```

mod decoder;
mod hello;
pub mod names;

pub use decoder::Decoder;

/// What was seen in one direction, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// ClientHello.
    ClientHello(ClientHello),
    /// ServerHello.
    ServerHello(ServerHello),
    /// HelloRetryRequest with the group asked for (IANA name).
    HelloRetryRequest(Option<String>),
    /// A certificate chain in the clear, DER, in the order sent.
    Chain(Vec<Vec<u8>>),
    /// Another handshake message in the clear: type number and its name in the RFC.
    Handshake(u8, &'static str),
    /// ChangeCipherSpec.
    ChangeCipherSpec,
    /// An alert in the clear.
    Alert {
        /// 1 warning, 2 fatal.
        level: u8,
        /// Its number.
        code: u8,
    },
    /// Encrypted records: number and total bytes of this run.
    Encrypted {
        /// How many records.
        records: u32,
        /// Their bytes.
        bytes: u64,
    },
    /// The bytes are not TLS: what came (at most [`Decoder::MAX_FOREIGN`] bytes).
    NotTls(Vec<u8>),
    /// TLS, but broken: in a few words what is wrong.
    Malformed(&'static str),
}

/// What a ClientHello offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// Versions offered, highest first: `TLSv1.3`, …
    pub versions: Vec<String>,
    /// SNI.
    pub server_name: Option<String>,
    /// Number of cipher suites offered.
    pub ciphers: usize,
    /// Groups offered, IANA names.
    pub groups: Vec<String>,
    /// Length of the message in bytes.
    pub length: usize,
}

/// What a ServerHello chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// `TLSv1.3`.
    pub version: String,
    /// IANA name of the suite.
    pub cipher: String,
    /// IANA name of the group, where the hello tells (TLS 1.3).
    pub group: Option<String>,
}

/// An alert's name in the RFC (RFC 8446 §6, older ones included), such as `handshake_failure`; `None` for unknown
/// numbers.
pub fn alert_name(code: u8) -> Option<&'static str> {
    names::alert(code)
}

#[cfg(test)]
mod tests;
