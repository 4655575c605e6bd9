//! What kind of line a transcript line is, for the glossary to explain and for rules to cite.

use std::net::IpAddr;
use std::sync::Arc;

use crate::event::{
    Awaited, CloseKind, ConnectOutcome, InspectReason, LookupOutcome, LookupSource, Micros, RecordType, Side,
    Verification,
};
use crate::wire::certificate::Certificate;
use crate::wire::enhanced::EnhancedCode;
use crate::wire::mta_sts::Policy;

/// What kind of line it is. Facts only; the words are the glossary's.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// A DNS question was answered, or not.
    Lookup {
        /// The name asked for.
        name: String,
        /// The type asked for.
        record: RecordType,
        /// Where the answer came from.
        source: LookupSource,
        /// How it ended.
        outcome: LookupOutcome,
    },
    /// The MTA-STS policy was asked for.
    Policy {
        /// The host that was asked.
        host: String,
        /// The policy, or why there is none.
        policy: Result<Policy, String>,
        /// How long it took.
        took: Micros,
    },
    /// The operating system's resolver, compared.
    SystemLookup {
        /// The name asked for.
        host: String,
        /// What it gave.
        result: Result<Vec<IpAddr>, String>,
        /// True where it agrees with DNS.
        agrees: bool,
    },
    /// A connect began.
    ConnectStarted {
        /// Address and port.
        address: String,
    },
    /// A connect ended.
    Connect {
        /// How.
        outcome: ConnectOutcome,
        /// Address and port.
        address: String,
        /// How long it took.
        took: Micros,
    },
    /// A connect ended in silence, for this machine dropped its packets itself.
    DroppedHere {
        /// Address and port.
        address: String,
        /// How long it took.
        took: Micros,
    },
    /// This connection was chosen for the dialogue.
    Chosen {
        /// Address and port.
        address: String,
    },
    /// A command we sent.
    Command {
        /// Upper case: `EHLO`, `STARTTLS`, …
        verb: String,
        /// What follows it.
        argument: String,
    },
    /// A line of the greeting.
    Greeting {
        /// Reply code, where there is one.
        code: Option<u16>,
        /// Enhanced status code, where there is one.
        enhanced: Option<EnhancedCode>,
        /// First line of a greeting of several lines, or the only one.
        first: bool,
    },
    /// A line of EHLO's reply that names a capability.
    Capability {
        /// Upper case.
        keyword: String,
        /// As sent.
        parameters: Vec<String>,
        /// Inside TLS.
        encrypted: bool,
    },
    /// The first line of EHLO's reply: the server's name.
    EhloName,
    /// A line of any other reply.
    Reply {
        /// Reply code, where there is one.
        code: Option<u16>,
        /// Enhanced status code, where there is one.
        enhanced: Option<EnhancedCode>,
        /// The command it answers, upper case; empty where none was sent.
        to: String,
    },
    /// Bytes that are no SMTP reply.
    NotReply {
        /// What they look like, where known: `HTTP`, `SSH`, `IMAP`, `POP3`, `FTP`, `TLS`.
        looks_like: Option<&'static str>,
    },
    /// Bytes that followed the reply to STARTTLS before TLS began.
    AfterStarttls,
    /// A handshake began.
    TlsStarted {
        /// Whether it verifies.
        verification: Verification,
        /// The name sent and verified.
        server_name: String,
        /// Name and version of the TLS library.
        library: String,
        /// Why it was made, on an inspecting connection.
        why: Option<InspectReason>,
    },
    /// ClientHello.
    ClientHello {
        /// Versions offered, highest first: `TLSv1.3`, …
        versions: Vec<String>,
        /// SNI.
        server_name: Option<String>,
        /// Number of cipher suites offered.
        ciphers: usize,
        /// Groups offered, IANA names.
        groups: Vec<String>,
    },
    /// ServerHello.
    ServerHello {
        /// `TLSv1.3`.
        version: String,
        /// IANA name.
        cipher: String,
        /// IANA name.
        group: Option<String>,
    },
    /// HelloRetryRequest: the server asks for another group.
    HelloRetryRequest {
        /// The group asked for, IANA name.
        group: Option<String>,
    },
    /// A certificate chain in the clear.
    CertificateChain {
        /// How many certificates were sent.
        certificates: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// The server's own certificate, or one of its chain, in one line.
    Certificate {
        /// 0 is the server's own.
        depth: usize,
        /// Names of its faults, as finding codes.
        faults: Vec<&'static str>,
        /// The certificate.
        certificate: Arc<Certificate>,
    },
    /// The chain put in order, with what is missing or surplus.
    ChainOrder {
        /// How many certificates were sent.
        certificates: usize,
        /// True where they were sent in that order.
        in_order: bool,
        /// How many do not belong to it.
        surplus: usize,
        /// True where the root was sent too, or the certificate is its own issuer.
        ends_in_root: bool,
    },
    /// ServerKeyExchange, CertificateRequest, … by name.
    Handshake {
        /// The message's name in the RFC.
        name: &'static str,
        /// Who sent it.
        from: Side,
    },
    /// ChangeCipherSpec.
    ChangeCipherSpec {
        /// Who sent it.
        from: Side,
    },
    /// Encrypted records, summed up.
    EncryptedRecords {
        /// How many.
        records: u32,
        /// Their bytes.
        bytes: u64,
        /// Who sent them.
        from: Side,
    },
    /// An alert.
    Alert {
        /// 1 warning, 2 fatal.
        level: u8,
        /// Its number.
        code: u8,
        /// Who sent it.
        from: Side,
    },
    /// Something that is not TLS where TLS was expected.
    NotTls {
        /// What it looks like, where known: as in [`Meaning::NotReply`], and `SMTP`.
        looks_like: Option<&'static str>,
    },
    /// The handshake succeeded.
    TlsEstablished {
        /// Whether the certificate was verified.
        verification: Verification,
    },
    /// The handshake failed.
    TlsFailed {
        /// The library's words; `None` where the limit was reached.
        words: Option<String>,
        /// The limit, where it was reached.
        limit: Option<Micros>,
    },
    /// The connection ended.
    Closed(CloseKind),
    /// A wait came to its limit.
    WaitExpired {
        /// What was waited for.
        awaited: Awaited,
        /// How long.
        limit: Micros,
    },
    /// A limit against endless servers was reached.
    LimitReached {
        /// Which.
        what: String,
    },
    /// A word from ehlo about the run itself.
    Remark,
}
