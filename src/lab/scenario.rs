//! A scenario of the lab: who called, what their network is like, and what there is to learn. Data only.
//!
//! Each file of `assets/lab/` is one [`Scenario`]: the story, the names and addresses, what each port does, the
//! servers behind them with their faults, their certificates, and what ehlo must find. [`Scenario::read`] refuses
//! a file in which anything does not fit; what it accepts can be built. May not know the session or a face.
//!
//! ```
//! use ehlo::lab::scenario::Scenario;
//!
//! let mistakes = Scenario::read("nowhere", "id = 'nowhere'").unwrap_err().to_string();
//! assert!(mistakes.contains("missing field `title`"));
//! ```

mod address;
mod certificate;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, de};

pub use address::{Address, Door, Icmp, Reach};
pub use certificate::{AuthoritySpec, CertificateSpec, Chain, Digest, KeyKind, Usage};

use crate::lab::script::{Http, Raw, Smtp};
use crate::lab::{prove, zone::Zone};
use crate::target::{Goal, Host, RouteSpec, Target};

/// One scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The word behind `lab:`; also the file's name.
    pub id: String,
    /// A few words for a list.
    pub title: String,
    /// What it is about.
    pub topic: Topic,
    /// 1 for a first day, 2 for a working week, 3 for a hard one.
    pub difficulty: u8,
    /// How many things are wrong, each of which would be a case of its own: 0 where nothing is.
    #[serde(default = "one")]
    pub faults: u8,
    /// The classic mistake that it shows, where it is one.
    pub mistake: Option<Mistake>,
    /// One sentence: what is learned. `ehlo lab list` prints it.
    pub lesson: String,
    /// What the caller reported.
    pub story: String,
    /// What their application printed, where it printed anything.
    pub printed: Option<String>,
    /// What the learner should find out.
    pub task: String,
    /// What to type as TARGET.
    pub target: String,
    /// What the mail is for.
    #[serde(default)]
    pub goal: Goal,
    /// Options of the run that the lesson needs.
    #[serde(default)]
    pub run: Run,
    /// What ehlo must find.
    pub expected: Expected,
    /// What to take home, for the end.
    pub closing: String,
    /// Names.
    #[serde(default)]
    pub dns: Zone,
    /// Addresses.
    #[serde(default, rename = "address")]
    pub addresses: Vec<Address>,
    /// Mail servers.
    #[serde(default)]
    pub smtp: Vec<Smtp>,
    /// Web servers: captive portals, policy hosts, control connections.
    #[serde(default)]
    pub http: Vec<Http>,
    /// Servers that say bytes.
    #[serde(default)]
    pub raw: Vec<Raw>,
    /// Certificates.
    #[serde(default, rename = "certificate")]
    pub certificates: Vec<CertificateSpec>,
    /// Issuers beside the three that are built in.
    #[serde(default, rename = "authority")]
    pub authorities: Vec<AuthoritySpec>,
}

fn one() -> u8 {
    1
}

/// The classic mistakes: each is a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mistake {
    /// Port 25 from a cloud host.
    #[serde(rename = "port-25")]
    Port25,
    /// STARTTLS on 465.
    #[serde(rename = "starttls-on-465")]
    StarttlsOn465,
    /// Implicit TLS on 587.
    #[serde(rename = "implicit-on-587")]
    ImplicitOn587,
    /// Verification turned off to make it work.
    VerificationOff,
    /// AUTH before STARTTLS.
    AuthBeforeStarttls,
    /// The password in place of an app password.
    AppPassword,
    /// An MX name as submission host.
    MxAsHost,
    /// One hard-coded port.
    OneHardCodedPort,
    /// IPv6 that half works.
    HalfIpv6,
    /// A certificate for another name behind a vanity host name.
    VanityName,
    /// A missing intermediate.
    MissingIntermediate,
    /// The port blamed for the spam folder.
    SpamFolder,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Port25,
        Self::StarttlsOn465,
        Self::ImplicitOn587,
        Self::VerificationOff,
        Self::AuthBeforeStarttls,
        Self::AppPassword,
        Self::MxAsHost,
        Self::OneHardCodedPort,
        Self::HalfIpv6,
        Self::VanityName,
        Self::MissingIntermediate,
        Self::SpamFolder,
    ];
}

/// What a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Which port and which TLS mode.
    Ports,
    /// Names.
    Dns,
    /// Reaching the port.
    Network,
    /// The first words.
    Greeting,
    /// The upgrade.
    Starttls,
    /// The handshake.
    Tls,
    /// Certificates.
    Certificate,
    /// AUTH.
    SignIn,
    /// MAIL and RCPT.
    Envelope,
    /// Server to server.
    Relay,
    /// The spam folder.
    Inbox,
}

impl Topic {
    /// All of them, in the order in which they are taught.
    pub const ALL: [Self; 11] = [
        Self::Ports,
        Self::Dns,
        Self::Network,
        Self::Greeting,
        Self::Starttls,
        Self::Tls,
        Self::Certificate,
        Self::SignIn,
        Self::Envelope,
        Self::Relay,
        Self::Inbox,
    ];

    /// In words, for a list.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ports => "Ports and TLS modes",
            Self::Dns => "Names",
            Self::Network => "Reaching the port",
            Self::Greeting => "The greeting",
            Self::Starttls => "STARTTLS",
            Self::Tls => "The TLS handshake",
            Self::Certificate => "Certificates",
            Self::SignIn => "Signing in",
            Self::Envelope => "Sender and recipients",
            Self::Relay => "Server to server",
            Self::Inbox => "The spam folder",
        }
    }
}

/// Options of the run that a scenario asks for; they are those of the command line.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// `--route`.
    pub routes: Vec<Text<RouteSpec>>,
    /// `--all`.
    pub all: bool,
    /// `--repeat`.
    pub repeat: Option<u16>,
    /// `--sending-ip`.
    pub sending_ip: Vec<IpAddr>,
    /// `--dkim-selector`.
    pub dkim_selector: Vec<String>,
    /// `--user`.
    pub user: Option<String>,
    /// The password that the caller uses. It opens nothing outside the lab.
    pub password: Option<String>,
    /// `--auth`.
    pub auth: Option<String>,
    /// `--mail-from`.
    pub mail_from: Option<String>,
    /// `--rcpt-to`.
    pub rcpt_to: Option<String>,
    /// `--message-size`.
    pub message_size: Option<u64>,
    /// `--check-open-relay`.
    pub check_open_relay: bool,
}

/// The names of route outcomes in the report.
pub const OUTCOMES: [&str; 16] = [
    "works",
    "filtered",
    "refused",
    "unreachable",
    "closed",
    "silent",
    "not-smtp",
    "rejected",
    "mode-mismatch",
    "no-starttls",
    "starttls-refused",
    "interrupted",
    "tls-failed",
    "cert-invalid",
    "auth-failed",
    "not-tried",
];

/// What ehlo must find.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The recommendation.
    pub recommendation: Recommended,
    /// Codes of findings that must be there.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Codes of findings that must not be there.
    #[serde(default)]
    pub absent: Vec<String>,
    /// How routes must end, by `PORT/MODE`; the names are the report's.
    #[serde(default)]
    pub outcomes: BTreeMap<String, String>,
}

/// The recommendation to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recommended {
    /// No port works from here.
    None,
    /// This route, now.
    Ready(Text<RouteSpec>),
    /// This route, after a fix.
    AfterFix(Text<RouteSpec>),
}

/// A value that stands in the file as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<T>(pub T);

impl<'de, T> Deserialize<'de> for Text<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// Why a scenario is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// The file is not TOML, or a field is missing, unknown or of the wrong kind.
    #[error("scenario {id} cannot be read: {why}")]
    Unreadable {
        /// The file's name without its ending.
        id: String,
        /// Where and why.
        why: String,
    },
    /// It can be read, and does not fit together.
    #[error("scenario {id} has mistakes: {}", mistakes.join("; "))]
    Mistakes {
        /// The file's name without its ending.
        id: String,
        /// Every mistake, one sentence each.
        mistakes: Vec<String>,
    },
}

impl Scenario {
    /// Reads and proves a scenario; `id` is the file's name without its ending.
    ///
    /// # Errors
    /// [`ScenarioError`] names every mistake.
    pub fn read(id: &str, text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)
            .map_err(|error| ScenarioError::Unreadable { id: id.to_owned(), why: error.to_string() })?;
        let mistakes = prove::mistakes(id, &scenario);
        if mistakes.is_empty() {
            Ok(scenario)
        } else {
            Err(ScenarioError::Mistakes { id: id.to_owned(), mistakes })
        }
    }

    /// The target, understood; `None` where the lesson is that it cannot be a host.
    pub fn target(&self) -> Option<Target> {
        Target::parse(&self.target, &|_| false).ok().filter(|target| !matches!(target, Target::Lab(_)))
    }

    /// The host of the target; for a mailbox, its domain.
    pub fn host(&self) -> Option<Host> {
        match self.target()? {
            Target::Host { host, .. } => Some(host),
            Target::Mailbox { domain, .. } => Some(domain),
            Target::Provider(_) | Target::Lab(_) => None,
        }
    }

    /// The address with its ways, where the scenario has it.
    pub fn address(&self, ip: IpAddr) -> Option<&Address> {
        self.addresses.iter().find(|address| address.ip == ip)
    }
}

#[cfg(test)]
mod tests;
