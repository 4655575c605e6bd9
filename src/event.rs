//! The one corridor: what happened, in order.
//!
//! Probes only *record*; what a record means is computed from it by the session. The terminal interface, `check`,
//! the journal, replay, the lab and the tests all hear these same events in the same order. An event is owned data
//! without secrets: what must not be seen was replaced before the event came to be.
//!
//! A journal is these values as JSON lines, the first one [`EventKind::SessionStarted`].

mod asked;
mod connect;
mod line;
mod lookup;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::target::{SecretKind, TlsMode};
use crate::wire::bytes::{Bytes, Octets};
pub use asked::{
    AnsweredBy, Discover, InspectReason, JOURNAL_SCHEMA, Limits, Purpose, RouteOrigin, Sending,
    SessionStarted, Submit, Way,
};
pub use connect::{ConnectOutcome, Endpoint, IcmpError, ProxyFault, Retransmissions};
pub use line::{Awaited, CloseKind, Side, TlsOutcome, Verification, VerifyError};
pub use lookup::{LookupOutcome, LookupSource, PolicyOutcome, Record, RecordData, RecordType};

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
