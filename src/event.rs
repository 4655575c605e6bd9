//! The one corridor: what happened, in order.
//!
//! Probes only *record*; what a record means is computed from it by the session. The terminal interface, `check`,
//! the journal, replay, the lab and the tests all hear these same events in the same order. An event is owned data
//! without secrets: what must not be seen was replaced before the event came to be.
//!
//! A journal is these values as JSON lines, the first one [`EventKind::SessionStarted`].

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::target::{Goal, RouteSpec, SecretKind, TlsMode};
use crate::wire::bytes::{Bytes, Octets};

/// The version of the journal's form, in its first line.
pub const JOURNAL_SCHEMA: &str = "ehlo-journal/1";

/// Microseconds since the session started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// As milliseconds, the unit of reports.
    #[expect(clippy::cast_precision_loss, reason = "a session of 285 years is not expected")]
    pub fn as_ms(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// From a duration, saturating.
    pub fn from_duration(duration: std::time::Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }

    /// The time from an earlier moment to this one; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

/// One run of one probe. 0 is the session itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProbeId(pub u32);

impl ProbeId {
    /// The session itself, where no probe speaks.
    pub const SESSION: Self = Self(0);
}

/// A route under examination: host, port and TLS mode. Numbered in the order of [`EventKind::RouteAdded`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RouteId(pub u16);

/// Where a connect goes: an address, or a name that a proxy will resolve.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Endpoint {
    /// Address and port.
    Address(SocketAddr),
    /// Name and port, resolved at the far end of a proxy.
    Name(String, u16),
}

impl Endpoint {
    /// The address, where it is known here.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.ip()),
            Self::Name(..) => None,
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Name(_, port) => *port,
        }
    }

    /// The address or name without the port, as the report gives it.
    pub fn host(&self) -> String {
        match self {
            Self::Address(address) => address.ip().to_string(),
            Self::Name(name, _) => name.clone(),
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let (name, port) = text.rsplit_once(':').ok_or("an endpoint needs a port")?;
        let port = port.parse().map_err(|_| "the port of an endpoint is not a number")?;
        Ok(Self::Name(name.to_owned(), port))
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, since the session started.
    pub at: Micros,
    /// Who saw it.
    pub probe: ProbeId,
    /// What it was.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The first event of every session.
    SessionStarted(SessionStarted),
    /// What this machine says of itself: names of makers and products, by which a hosting company is recognised.
    Machine {
        /// Name and value, such as `sys_vendor`: `DigitalOcean`.
        facts: BTreeMap<String, String>,
    },
    /// A question of the tree was answered, by the user, a flag or a default.
    Answered {
        /// Id of the question in the tree.
        question: String,
        /// Id of the answer chosen.
        answer: String,
        /// Who answered.
        by: AnsweredBy,
    },
    /// The walk came to a step. The plan says, before anything is sent, what will be done to whom.
    StepEntered {
        /// Id of the step in the tree, such as `port-587`.
        step: String,
        /// The plan in one line, such as `connect to smtp.example.com port 587, greeting, EHLO, STARTTLS, TLS, EHLO, QUIT`.
        plan: String,
    },
    /// The user passed over a step.
    StepSkipped {
        /// Id of the step.
        step: String,
    },
    /// A route will be examined, or may be.
    RouteAdded {
        /// Its number from now on.
        route: RouteId,
        /// Host to connect to.
        host: String,
        /// Port to connect to.
        port: u16,
        /// TLS mode to use.
        tls: TlsMode,
        /// Why it is on the list.
        origin: RouteOrigin,
    },
    /// A probe began.
    ProbeStarted {
        /// What it is for.
        purpose: Purpose,
    },
    /// One DNS question and what came of it.
    Lookup {
        /// The name asked for.
        name: String,
        /// The record type asked for.
        record: RecordType,
        /// Where the answer came from.
        source: LookupSource,
        /// The answer.
        outcome: LookupOutcome,
        /// Microseconds it took.
        took: Micros,
    },
    /// What the operating system's own resolver (getaddrinfo) gives, for comparison.
    SystemLookup {
        /// The name asked for.
        host: String,
        /// Its addresses, or the system's error text.
        result: Result<Vec<IpAddr>, String>,
        /// Microseconds it took.
        took: Micros,
    },
    /// A TCP connect began.
    ConnectStarted {
        /// Where to.
        address: Endpoint,
    },
    /// A TCP connect ended.
    ConnectEnded {
        /// Where to.
        address: Endpoint,
        /// How it ended.
        outcome: ConnectOutcome,
        /// Microseconds it took.
        took: Micros,
        /// The local address used, once connected.
        local: Option<SocketAddr>,
        /// Of a connect that nobody answered: how the kernel's counters rose in its first half, and in its second, when
        /// it was tried once more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        retransmitted: Vec<Retransmissions>,
    },
    /// The connection with which the dialogue goes on.
    ConnectionChosen {
        /// Its remote address.
        address: Endpoint,
    },
    /// Bytes written to the SMTP dialogue (below TLS once `encrypted`).
    Sent {
        /// The bytes, secrets replaced.
        bytes: Bytes,
        /// True inside TLS.
        encrypted: bool,
        /// True where a secret was replaced.
        redacted: bool,
    },
    /// Bytes read from the SMTP dialogue, as one read gave them.
    Received {
        /// The bytes as they came.
        bytes: Bytes,
        /// True inside TLS.
        encrypted: bool,
    },
    /// A TLS handshake began.
    TlsStarted {
        /// The name sent as SNI and verified; an address literal sends no SNI.
        server_name: String,
        /// Whether the certificate is verified.
        verification: Verification,
        /// Name and version of the TLS library.
        library: String,
    },
    /// Bytes of the handshake as the tap below TLS saw them.
    TlsBytes {
        /// Who sent them.
        from: Side,
        /// The bytes.
        bytes: Octets,
    },
    /// A TLS handshake ended.
    TlsEnded {
        /// How.
        outcome: TlsOutcome,
    },
    /// The certificate chain as seen by an inspecting connection (where TLS 1.3 hides it from the tap).
    ChainInspected {
        /// The certificates in the order in which the server sent them, DER.
        chain: Vec<Octets>,
        /// What the library's verification found, by depth.
        errors: Vec<VerifyError>,
    },
    /// The connection ended.
    Closed {
        /// Who ended it and how.
        how: CloseKind,
    },
    /// The MTA-STS policy of a domain was asked for over HTTPS (RFC 8461 §3.3).
    PolicyFetched {
        /// The host that serves it: `mta-sts.` and the domain.
        host: String,
        /// What came.
        outcome: PolicyOutcome,
        /// Microseconds it took, connect and handshake included.
        took: Micros,
    },
    /// A wait came to its limit.
    WaitExpired {
        /// What was waited for.
        awaited: Awaited,
        /// The limit, microseconds.
        limit: Micros,
    },
    /// The probe stopped reading because the server sent more than any server has reason to.
    LimitReached {
        /// Which limit, in words.
        what: String,
    },
    /// The probe ended.
    ProbeEnded {
        /// How.
        how: ProbeEnd,
    },
    /// Something about the run itself that the user should know, such as a journal that cannot be written.
    Warning {
        /// One sentence.
        text: String,
    },
    /// Credentials were typed in while the session ran; the secret is in no event.
    SignInGiven {
        /// The user name.
        user: String,
        /// What kind of secret came with it.
        kind: SecretKind,
    },
    /// The last event of every session.
    RunEnded {
        /// Why.
        reason: RunEnd,
    },
}

/// What was asked and under which limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionStarted {
    /// [`JOURNAL_SCHEMA`].
    pub schema: String,
    /// Version of ehlo that wrote it.
    pub ehlo_version: String,
    /// Wall clock, RFC 3339 in UTC.
    pub started_at: String,
    /// What the user typed.
    pub input: String,
    /// The host that was understood; empty where none was.
    pub host: String,
    /// What the mail is for.
    pub goal: Goal,
    /// The routes asked for, in order.
    pub routes: Vec<RouteSpec>,
    /// True where every route is tried even after one works.
    pub all: bool,
    /// How often each route is probed.
    pub repeat: u16,
    /// `local`, or how the probes are carried.
    pub vantage: String,
    /// The name said in EHLO.
    pub ehlo_name: String,
    /// Limits in force.
    pub limits: Limits,
    /// Id of the provider, where the table knows the host.
    pub provider: Option<String>,
    /// Where the target itself cannot be a host: what is wrong with it.
    pub malformed: Option<String>,
    /// True where credentials were given, so that a server without AUTH matters.
    #[serde(default)]
    pub sign_in: bool,
    /// Where `host` is a domain whose hosts are to be found in DNS: which kind.
    #[serde(default)]
    pub discover: Option<Discover>,
    /// What is known of the sender, for the goal `inbox`.
    #[serde(default, skip_serializing_if = "is_unsaid")]
    pub sending: Box<Sending>,
    /// What is to be done where mail can be submitted.
    #[serde(default)]
    pub submit: Box<Submit>,
}

/// Who sends for a domain, and how it signs, as far as the user has said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sending {
    /// Hosts whose addresses send, or whose SPF record is to be included.
    pub hosts: Vec<String>,
    /// Addresses that send.
    pub addresses: Vec<IpAddr>,
    /// Selectors of DKIM keys.
    pub selectors: Vec<String>,
}

#[expect(clippy::borrowed_box, reason = "serde hands the field over as it is")]
fn is_unsaid(sending: &Box<Sending>) -> bool {
    **sending == Sending::default()
}

/// What came of asking for an MTA-STS policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyOutcome {
    /// The page, as it was sent.
    Page(Bytes),
    /// Another status than 200; a redirect is not followed (RFC 8461 §3.3).
    Status(u16),
    /// It is longer than any policy has reason to be.
    TooLong,
    /// No end within the limit.
    TimedOut,
    /// The host has no address, cannot be reached, or its certificate does not verify: the events before say which.
    NotReached,
    /// What came is no HTTP, or the connection broke.
    Failed(String),
}

/// What is to be done where mail can be submitted, beyond reaching it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Submit {
    /// The user name to sign in with.
    pub user: Option<String>,
    /// What kind of secret was given with it; `None` where it is still to be asked for.
    pub secret: Option<SecretKind>,
    /// The mechanism to use; the strongest that fits where none is named.
    pub mechanism: Option<String>,
    /// The sender of the envelope; empty is the null sender.
    pub mail_from: Option<String>,
    /// The recipient of the envelope.
    pub rcpt_to: Option<String>,
    /// The size of a message to ask about, in octets.
    pub message_size: Option<u64>,
    /// One small message is to be sent, if the user consents.
    pub send_test: bool,
    /// Whether the server relays for strangers is to be tried.
    pub open_relay: bool,
}

/// What is to be found in DNS for a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discover {
    /// Its submission hosts, from an e-mail address (RFC 6186).
    Submission,
    /// Its mail exchangers (RFC 5321 §5.1).
    Exchangers,
}

/// Limits of waits, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Per address, TCP connect.
    pub connect_ms: u64,
    /// Greeting, each reply, TLS handshake.
    pub reply_ms: u64,
    /// The whole run.
    pub total_ms: u64,
}

/// Who answered a question of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    /// A key press.
    User,
    /// A flag on the command line.
    Flag,
    /// Nobody was asked.
    Default,
}

/// Why a route is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteOrigin {
    /// The tree's own order.
    Tree,
    /// `--route`, or a port in the target.
    Asked,
    /// `--all`: for information.
    Information,
    /// The same port in the other TLS mode, after a mismatch on the route named.
    OtherMode(RouteId),
    /// An SRV record (RFC 6186).
    Srv,
    /// The provider table.
    Provider,
    /// An MX record.
    Mx,
}

/// What a probe is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Find the addresses of a host.
    Resolve {
        /// The host.
        host: String,
    },
    /// Ask DNS something about a domain.
    Ask {
        /// The domain.
        domain: String,
    },
    /// Examine a route.
    Route {
        /// Which.
        route: RouteId,
        /// 1 for the first probe of the route, 2 for the first repetition, …
        round: u16,
    },
    /// Look at what a failed or TLS 1.3 handshake hid, on a connection of its own.
    Inspect {
        /// For which route.
        route: RouteId,
        /// Why, in a few words.
        why: InspectReason,
    },
    /// Fetch the MTA-STS policy of a domain from this host.
    Policy {
        /// The host.
        host: String,
    },
    /// Sign in, name an envelope, or both, on a route that works.
    Submit {
        /// Which.
        route: RouteId,
    },
    /// See whether the host is alive at all: connect and nothing more.
    Control {
        /// Host.
        host: String,
        /// Port, such as 443.
        port: u16,
    },
}

/// Why a second connection was made for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InspectReason {
    /// The strict handshake failed: does a relaxed one succeed, and what is the certificate?
    Relaxed,
    /// TLS 1.3 encrypts the chain.
    Chain,
    /// No greeting: does the port speak TLS at once?
    ClientHello,
    /// TLS 1.2 failed for a reason that an older or weaker offer would explain.
    OlderTls,
    /// Nothing came back to the ClientHello: does a small one get an answer?
    SmallHello,
    /// What is the certificate for a client that names no server (no SNI)?
    NoServerName,
    /// Is a command that was sent in cleartext behind STARTTLS answered inside TLS?
    Injection,
    /// HTTP answers: what does it say to a request, and where does it lead?
    Http,
    /// Is MAIL taken in cleartext although STARTTLS is offered?
    Cleartext,
    /// Is mail of a stranger taken for another stranger?
    OpenRelay,
}

/// DNS record types that ehlo asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are DNS's own")]
pub enum RecordType {
    A,
    Aaaa,
    Cname,
    Mx,
    Srv,
    Txt,
    Tlsa,
    Ptr,
}

impl RecordType {
    /// The type's name in DNS.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
            Self::Tlsa => "TLSA",
            Self::Ptr => "PTR",
        }
    }
}

/// Where the answer to a look-up came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookupSource {
    /// A DNS server; its address where one server was asked.
    Dns(Option<SocketAddr>),
    /// A DNS server that says that it has validated the answer by DNSSEC (the AD bit, RFC 6840 §5.8). That is worth as
    /// much as the way to this server.
    Validated(Option<SocketAddr>),
    /// The hosts file, or the rule that stands for it for `localhost` (RFC 6761 §6.3).
    HostsFile,
    /// `--resolve`.
    Given,
    /// The target is an address.
    Literal,
}

/// How a look-up ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookupOutcome {
    /// Records, in the order of the answer, CNAMEs first.
    Answers(Vec<Record>),
    /// No such name. `at` is the name that does not exist: the end of a CNAME chain may be another.
    NxDomain {
        /// The name that does not exist.
        at: String,
    },
    /// The name exists and has no such record.
    NoData,
    /// The resolver failed, with the extended error (RFC 8914) where it sent one.
    ServFail {
        /// Info code and extra text.
        extended: Option<(u16, String)>,
    },
    /// The resolver refuses to answer.
    Refused,
    /// Another response code.
    OtherCode(u16),
    /// No answer within the limit.
    TimedOut,
    /// The resolver cannot be reached, or none is configured: the system's words.
    Unreachable(String),
    /// The answer could not be read.
    Malformed(String),
}

/// One resource record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Owner name.
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    /// Type and data.
    pub data: RecordData,
}

/// The data of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "fields bear DNS's own names")]
pub enum RecordData {
    /// IPv4 or IPv6 address.
    Address(IpAddr),
    /// Canonical name.
    Cname(String),
    /// Mail exchanger.
    Mx { preference: u16, exchange: String },
    /// Service.
    Srv { priority: u16, weight: u16, port: u16, target: String },
    /// Text, its parts joined.
    Txt(String),
    /// DANE association; data in hexadecimal.
    Tlsa { usage: u8, selector: u8, matching: u8, data: String },
    /// Reverse name.
    Ptr(String),
}

/// How a TCP connect ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectOutcome {
    /// Established.
    Connected,
    /// No answer within the limit.
    TimedOut,
    /// A reset: nobody listens, or a firewall that rejects with one.
    Reset,
    /// An ICMP error, from the socket's error queue.
    Icmp(IcmpError),
    /// This machine has no route or no such address family, or the neighbour on the way does not answer (EHOSTUNREACH).
    NoRoute {
        /// errno.
        errno: i32,
    },
    /// This machine refused the connect (EACCES, EPERM).
    LocalRefusal {
        /// errno.
        errno: i32,
    },
    /// Another error.
    Failed {
        /// errno, where there is one.
        errno: Option<i32>,
        /// The system's words.
        text: String,
    },
    /// The proxy could not make the connection.
    Proxy {
        /// The proxy's words.
        text: String,
        /// What it was about.
        #[serde(default)]
        fault: ProxyFault,
    },
    /// Given up because the answer no longer mattered.
    Cancelled,
}

/// What a proxy's failure to connect was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyFault {
    /// The proxy itself cannot be reached.
    Unreachable,
    /// It wants another sign-in, or its rules forbid the connection.
    Denied,
    /// It does not speak its protocol, or broke off.
    Broken,
    /// It could not look the name up.
    Name,
    /// The target refused it.
    Refused,
    /// The target did not answer it.
    TimedOut,
    /// It found no way to the target.
    TargetUnreachable,
    /// It says only that it failed.
    #[default]
    Unknown,
}

/// The kernel's counters of TCP retransmissions in this machine's network (proc(5), `net/snmp` and `net/netstat`), or
/// how they rose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retransmissions {
    /// `Tcp: RetransSegs`: all.
    pub sent: u64,
    /// `TcpExt: TCPSynRetrans`: those of a SYN, as of a connect that is not answered.
    pub syn: u64,
    /// `TcpExt: TCPRetransFail`: those that did not leave this machine.
    pub failed: u64,
}

impl Retransmissions {
    /// From an earlier reading to this one.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(earlier.sent),
            syn: self.syn.saturating_sub(earlier.syn),
            failed: self.failed.saturating_sub(earlier.failed),
        }
    }
}

/// An ICMP or ICMPv6 error as the kernel queued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcmpError {
    /// True for ICMPv6.
    pub v6: bool,
    /// ICMP type: 3 or, in v6, 1 is destination unreachable.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Who sent it.
    pub sender: Option<IpAddr>,
    /// True where the sender is this machine.
    pub from_self: bool,
}

/// Whether a handshake verifies the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Chain, dates and name must verify.
    Strict,
    /// Nothing is verified; no secret goes over such a session.
    Relaxed,
}

/// One end of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// ehlo.
    Client,
    /// The other end.
    Server,
}

/// How a handshake ended, as the library says; the tap's bytes say more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsOutcome {
    /// A TLS session is up.
    Established {
        /// The server's own certificate, DER.
        leaf: Option<Octets>,
    },
    /// The library gave up.
    Failed {
        /// The library's words.
        text: String,
        /// The reason by number, where the library is OpenSSL.
        reason: Option<i32>,
        /// The certificate verification result (X509_V_ERR_*), where that was the reason.
        verify: Option<i32>,
        /// errno, where the connection failed beneath.
        errno: Option<i32>,
    },
    /// No end within the limit.
    TimedOut {
        /// The limit, microseconds.
        limit: Micros,
    },
}

/// One finding of the TLS library's own verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyError {
    /// 0 is the server's certificate.
    pub depth: u32,
    /// X509_V_ERR_*.
    pub code: i32,
    /// The library's words.
    pub text: String,
}

/// Who ended the connection and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseKind {
    /// The server closed in order.
    ByServer,
    /// The server, or something on the way, reset the connection.
    Reset,
    /// Reading or writing failed otherwise.
    Failed {
        /// errno, where there is one.
        errno: Option<i32>,
        /// The system's words.
        text: String,
    },
    /// ehlo closed.
    ByUs,
}

/// What a wait was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Awaited {
    /// The greeting.
    Greeting,
    /// The reply to a command.
    Reply,
    /// The end of the handshake.
    Handshake,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeEnd {
    /// It went as far as it could; the events say how far that was.
    Completed,
    /// It was stopped: the user, a deadline, or another route that settled the matter.
    Cancelled,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnd {
    /// The walk came to its verdict.
    Completed,
    /// The user stopped it.
    Cancelled,
    /// `--max-time` was reached.
    DeadlineReached,
}
