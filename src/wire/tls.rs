//! TLS as the tap sees it: records, hellos, alerts, and the chain where it is in the clear.

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
    /// The bytes are not TLS: what came (at most 512 bytes).
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

/// Decodes one direction, fed with bytes at any split.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    _buffer: Vec<u8>,
}

impl Decoder {
    /// An empty decoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes and gives what they complete.
    pub fn push(&mut self, _bytes: &[u8]) -> Vec<Seen> {
        todo!()
    }
}

/// An alert's name in the RFC (RFC 8446 §6, older ones included), such as `handshake_failure`; `None` for unknown numbers.
pub fn alert_name(_code: u8) -> Option<&'static str> {
    todo!()
}
