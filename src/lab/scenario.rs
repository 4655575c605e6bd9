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

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, de};

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
}

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

/// One address and the way there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// One way, in milliseconds.
    pub latency_ms: u64,
    /// The ports that do something.
    #[serde(default, deserialize_with = "ports")]
    pub ports: BTreeMap<u16, Door>,
    /// What every other port does.
    #[serde(default = "refused")]
    pub unlisted: Door,
    /// Larger packets than this many bytes vanish on the way, and with them all that follows in their direction:
    /// a path whose ICMP "fragmentation needed" is filtered (RFC 2923 §2.1).
    pub largest_packet: Option<usize>,
}

fn refused() -> Door {
    Door(vec![Reach::Refused])
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u16, Door>, D::Error> {
    let by_name = BTreeMap::<String, Door>::deserialize(deserializer)?;
    let mut ports = BTreeMap::new();
    for (name, door) in by_name {
        let port = name.parse::<u16>().ok().filter(|port| *port != 0);
        let port = port.ok_or_else(|| de::Error::custom(format!("'{name}' is not a port")))?;
        ports.insert(port, door);
    }
    Ok(ports)
}

/// What a port does: the same each time, or in turn from connect to connect (flaky links, load balancers). Never
/// empty once proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door(pub Vec<Reach>);

/// What becomes of a connect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Established, with the server of this id.
    Open(String),
    /// Silence: something drops the packets.
    Filtered,
    /// A reset.
    Refused,
    /// An ICMP error.
    Icmp(Icmp),
    /// The caller's machine has no route there.
    NoRoute,
    /// The caller's machine refuses the connect.
    LocalRefusal,
}

/// An ICMP error; ICMPv6 where the address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Icmp {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// Who sends it.
    pub from: IpAddr,
    /// True where that is the caller's own machine.
    #[serde(default)]
    pub from_self: bool,
}

impl<'de> Deserialize<'de> for Door {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Door;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "what a port does: \"filtered\", { open = \"server\" }, or a list of these in turn",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Door, E> {
                Reach::deserialize(de::value::StrDeserializer::new(text)).map(|reach| Door(vec![reach]))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Door, A::Error> {
                Reach::deserialize(de::value::MapAccessDeserializer::new(map)).map(|reach| Door(vec![reach]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Door, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(Door)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A certificate to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateSpec {
    /// Its id in the scenario.
    pub id: String,
    /// DNS names and IP addresses of the subjectAltName.
    #[serde(default)]
    pub names: Vec<String>,
    /// Common name of the subject; the first of `names` where none is given.
    pub common_name: Option<String>,
    /// Begins to be valid, in days from now.
    #[serde(default = "a_month_ago")]
    pub not_before_days: i64,
    /// Ends to be valid, in days from now.
    #[serde(default = "in_two_months")]
    pub not_after_days: i64,
    /// Its key.
    #[serde(default)]
    pub key: KeyKind,
    /// The digest under its signature.
    #[serde(default)]
    pub signature: Digest,
    /// `lab-ca`, `lab-intermediate`, `unknown-ca`, `self`, or an authority of the scenario.
    #[serde(default = "lab_intermediate")]
    pub issuer: String,
    /// What the server sends along.
    #[serde(default)]
    pub send: Chain,
    /// The extended key usage.
    #[serde(default)]
    pub usage: Usage,
    /// Whether it names the location of its issuer's certificate (AIA). Public authorities do, private ones
    /// seldom: where nothing is said, the lab's own two do.
    pub issuer_location: Option<bool>,
}

fn a_month_ago() -> i64 {
    -30
}

fn in_two_months() -> i64 {
    60
}

fn lab_intermediate() -> String {
    "lab-intermediate".to_owned()
}

/// An issuer of certificates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoritySpec {
    /// Its id in the scenario.
    pub id: String,
    /// Its common name.
    pub name: String,
    /// Its organisation, where it has one.
    pub organisation: Option<String>,
    /// Who certifies it: `lab-ca`, `unknown-ca`, `self`, or another authority of the scenario.
    pub issuer: String,
    /// Begins to be valid, in days from now.
    #[serde(default = "a_year_ago")]
    pub not_before_days: i64,
    /// Ends to be valid, in days from now.
    #[serde(default = "in_five_years")]
    pub not_after_days: i64,
}

fn a_year_ago() -> i64 {
    -365
}

fn in_five_years() -> i64 {
    5 * 365
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the algorithms' own")]
pub enum KeyKind {
    #[default]
    #[serde(rename = "ec-p256")]
    EcP256,
    #[serde(rename = "ec-p384")]
    EcP384,
    Ed25519,
    #[serde(rename = "rsa-1024")]
    Rsa1024,
    #[serde(rename = "rsa-2048")]
    Rsa2048,
}

/// The digest under a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the algorithms' own")]
pub enum Digest {
    #[default]
    Sha256,
    Sha1,
}

/// What the server sends besides its own certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    /// All intermediates, as it should be.
    #[default]
    Full,
    /// Nothing: the mistake behind an incomplete chain.
    LeafOnly,
    /// The intermediates and the root too.
    WithRoot,
    /// The root first, then the intermediates downwards: all there, and in the wrong order.
    Reversed,
    /// All intermediates, and behind them a certificate that has nothing to do with the rest.
    WithStray,
}

/// What a certificate may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// serverAuth.
    #[default]
    Server,
    /// clientAuth only.
    Client,
    /// No extended key usage at all.
    Unsaid,
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
