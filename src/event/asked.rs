//! What was asked of a session, and why each probe was made. Only values: nothing here looks, waits or decides.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::RouteId;
use crate::target::{Goal, Lead, RouteSpec, SecretKind};

/// The version of the journal's form, in its first line.
pub const JOURNAL_SCHEMA: &str = "ehlo-journal/1";

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
    /// By what way, where the user has chosen another than the machine's own.
    #[serde(default, skip_serializing_if = "is_unsaid")]
    pub way: Box<Way>,
    /// Where the walk begins with an error message: what it was taken for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<Box<Lead>>,
}

/// What the user has chosen of the way to the server. None of it changes what a record means; it is kept so that the
/// same walk can be made again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Way {
    /// Hosts with the addresses that were given for them, as `--resolve` has them.
    pub resolve: Vec<String>,
    /// The DNS server to ask.
    pub dns_server: Option<SocketAddr>,
    /// The local address to connect from.
    pub interface: Option<IpAddr>,
    /// The only address family to use: 4 or 6.
    pub family: Option<u8>,
    /// The file with the roots that are trusted besides.
    pub cacert: Option<String>,
    /// True where the name said in EHLO was given.
    pub named: bool,
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
fn is_unsaid<T: Default + PartialEq>(said: &Box<T>) -> bool {
    **said == T::default()
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
