//! How far a route came, and how it ended.

use serde::{Deserialize, Serialize};

use crate::event::{ConnectOutcome, Endpoint, Micros, ProbeId, RouteId, RouteOrigin};
use crate::target::TlsMode;
use crate::wire::capability::Capabilities;
use crate::wire::certificate::Certificate;
use crate::wire::reply::Reply;

/// How a route ended; the names are the report's (`ehlo-report/1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Reached the point where mail can be submitted, TLS verified.
    Works,
    /// No answer to the TCP connect within the limit.
    Filtered,
    /// The connect was answered with a reset.
    Refused,
    /// ICMP, no route, or the local firewall refused the connect.
    Unreachable,
    /// The server closed before a greeting.
    Closed,
    /// Connected, no greeting within the limit, and no TLS either.
    Silent,
    /// Something that is not SMTP answers.
    NotSmtp,
    /// A 4xx/5xx greeting, or EHLO and HELO refused.
    Rejected,
    /// The port speaks SMTP in the other TLS mode.
    ModeMismatch,
    /// STARTTLS is not offered.
    NoStarttls,
    /// STARTTLS was offered and then refused.
    StarttlsRefused,
    /// Greeted, then stopped answering, closed or broke the protocol.
    Interrupted,
    /// The handshake failed for a reason other than the certificate.
    TlsFailed,
    /// The handshake works, the certificate does not verify.
    CertInvalid,
    /// Credentials were given and not accepted.
    AuthFailed,
    /// An earlier route worked, or the run ended first.
    NotTried,
}

/// Where a probe of a route is, for showing progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// TCP connects are under way.
    Connect,
    /// Waiting for the greeting.
    Greeting,
    /// EHLO before TLS.
    Ehlo,
    /// STARTTLS was sent.
    Starttls,
    /// The handshake.
    Tls,
    /// EHLO inside TLS.
    EhloAfterTls,
    /// AUTH.
    Auth,
    /// MAIL, RCPT, RSET.
    Envelope,
    /// QUIT.
    Quit,
    /// A second connection looks at the certificate, or for TLS on a silent port.
    Inspect,
}

/// Whether a route is being probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not begun.
    Waiting,
    /// Under way.
    Running(Phase),
    /// Over; [`Route::outcome`] says how.
    Ended,
}

/// One address of a route.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Where to.
    pub endpoint: Endpoint,
    /// How it ended; `None` while it runs.
    pub outcome: Option<ConnectOutcome>,
    /// When it began.
    pub started: Micros,
    /// How long it took.
    pub took: Option<Micros>,
    /// True where nobody answered because this machine itself dropped the packets, as the kernel's counters say.
    pub dropped_here: bool,
    /// Transcript lines of its beginning and end.
    pub lines: Vec<usize>,
}

/// How long each phase took; `None` where it was not reached.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// TCP connect of the chosen address.
    pub connect: Option<Micros>,
    /// From connected to the end of the greeting.
    pub greeting: Option<Micros>,
    /// EHLO, before TLS.
    pub ehlo: Option<Micros>,
    /// STARTTLS and its reply.
    pub starttls: Option<Micros>,
    /// The handshake.
    pub tls: Option<Micros>,
    /// From the beginning of the probe to its last useful byte.
    pub total: Option<Micros>,
}

/// What the TLS session is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSession {
    /// `TLSv1.3`.
    pub version: String,
    /// The cipher suite's IANA name.
    pub cipher: String,
    /// The key exchange group's IANA name.
    pub group: Option<String>,
}

/// Where the chain of [`Route::certificates`] was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChainSource {
    /// Only the server's own certificate is known, from the library.
    #[default]
    LeafOnly,
    /// The tap saw the whole chain (TLS 1.2 and older).
    Tap,
    /// An inspecting connection saw it.
    Inspection,
}

/// One probe of a route that has ended (with `--repeat`, or run again).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Which probe.
    pub probe: ProbeId,
    /// How it ended.
    pub outcome: Outcome,
}

/// Everything known about one route.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its number.
    pub id: RouteId,
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS mode.
    pub tls: TlsMode,
    /// Why it is on the list.
    pub origin: RouteOrigin,
    /// Whether it is being probed.
    pub state: State,
    /// How the latest probe ended; `NotTried` before.
    pub outcome: Outcome,
    /// All ended probes of this route, in order.
    pub rounds: Vec<Round>,
    /// The latest probe.
    pub probe: Option<ProbeId>,
    /// The address with which the dialogue went on.
    pub chosen: Option<Endpoint>,
    /// Every address tried in the latest probe.
    pub attempts: Vec<Attempt>,
    /// Phases of the latest probe.
    pub timing: Timing,
    /// The greeting.
    pub greeting: Option<Reply>,
    /// Capabilities before TLS.
    pub before_tls: Option<Capabilities>,
    /// Capabilities inside TLS.
    pub after_tls: Option<Capabilities>,
    /// The TLS session of the live probe.
    pub session: Option<TlsSession>,
    /// Certificates, the server's own first, in the order in which they were sent.
    pub certificates: Vec<Certificate>,
    /// How much of the chain that is.
    pub chain: ChainSource,
    /// True where the live handshake verified the certificate.
    pub verified: bool,
    /// What was done on a connection of its own where mail can be submitted.
    pub submission: Option<Submission>,
}

/// Signing in, and the envelope, as the server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submission {
    /// The user name, where AUTH was tried.
    pub user: Option<String>,
    /// The mechanism, where AUTH was tried.
    pub mechanism: Option<String>,
    /// The reply that ended AUTH.
    pub auth: Option<Told>,
    /// MAIL, RCPT, DATA, the message and RSET, each with its reply.
    pub replies: Vec<Told>,
    /// True once the connection that did it has ended.
    pub over: bool,
}

/// A command and what it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The command, such as `RCPT TO:<a@example.com>`; `message` for the message itself.
    pub command: String,
    /// 2yz or 3yz.
    pub accepted: bool,
    /// The reply in one line.
    pub reply: String,
}

impl Submission {
    /// That the sign-in was accepted, in a sentence; `None` where it was not.
    pub fn signed_in(&self) -> Option<String> {
        let (user, mechanism) = (self.user.as_deref()?, self.mechanism.as_deref()?);
        self.auth.as_ref().filter(|told| told.accepted)?;
        Some(format!("It accepted the sign-in as {user} by {mechanism}."))
    }

    /// What became of the envelope, in sentences.
    pub fn envelope(&self) -> Vec<String> {
        let told = |verb: &str| self.replies.iter().find(|told| told.command.starts_with(verb));
        let path = |command: &str| command.split_once(':').map_or(command, |(_, path)| path).to_owned();
        let said = |what: &str, told: &Told| {
            let verb = if told.accepted { "accepted" } else { "refused" };
            format!("It {verb} {what}: {}.", told.reply.trim_end_matches('.'))
        };
        let sender = told("MAIL").map(|told| said(&format!("the sender {}", path(&told.command)), told));
        let recipient =
            told("RCPT").map(|told| said(&format!("the recipient {}", path(&told.command)), told));
        let message = told("message").map(|told| said("the test message", told));
        sender.into_iter().chain(recipient).chain(message).collect()
    }
}

impl Route {
    /// A route that nobody has tried yet.
    pub(crate) fn new(id: RouteId, host: String, port: u16, tls: TlsMode, origin: RouteOrigin) -> Self {
        Self {
            id,
            host,
            port,
            tls,
            origin,
            state: State::Waiting,
            outcome: Outcome::NotTried,
            rounds: Vec::new(),
            probe: None,
            chosen: None,
            attempts: Vec::new(),
            timing: Timing::default(),
            greeting: None,
            before_tls: None,
            after_tls: None,
            session: None,
            certificates: Vec::new(),
            chain: ChainSource::default(),
            verified: false,
            submission: None,
        }
    }

    /// Where the probe is that examines it now; `None` where none does.
    pub fn phase(&self) -> Option<Phase> {
        match self.state {
            State::Running(phase) => Some(phase),
            State::Waiting | State::Ended => None,
        }
    }
}
