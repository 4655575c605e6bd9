//! A small internet inside the process: for teaching, for demos and for tests.
//!
//! A scenario ([`scenario`], read from `assets/lab/`) has names ([`zone`]), addresses with latency and ports
//! ([`network`], over [`pipe`]), servers ([`script`], [`server`], [`signing`], [`serve`]) and certificates ([`pki`]). [`stand`] puts its servers on loopback.
//! [`open`] gives all that a run needs: a [`Network`](crate::net::Network) without a socket, which needs no
//! privileges, reaches nobody outside, and runs in tokio's paused time.
//!
//! May import the `Network` trait, `wire`, `event` and `target`; never the session, the guide or a face.
//!
//! ```
//! let lab = ehlo::lab::open("healthy").unwrap();
//! assert_eq!(lab.host.unwrap().to_string(), "smtp.example.com");
//! assert!(ehlo::lab::open("no-such").is_err());
//! ```

use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::lab::network::LabNetwork;
use crate::lab::scenario::Scenario;
use crate::net::tls::Trust;
use crate::target::{Goal, Host, Target, meant};

pub mod network;
pub mod pipe;
pub mod pki;
mod prove;
pub mod scenario;
pub mod script;
pub mod serve;
pub mod server;
pub mod signing;
pub mod stand;
pub mod zone;

/// Name and text of scenario files.
macro_rules! files {
    ($($id:literal)*) => {
        [$(($id, include_str!(concat!("../../assets/lab/", $id, ".toml")))),*]
    };
}

/// Every scenario file, by name.
const FILES: &[(&str, &str)] = &files! {
    "587-filtered"
    "a-person-please"
    "address-and-nothing-more"
    "all-mail-ports-blocked"
    "another-name-inside"
    "antivirus-in-between"
    "app-password"
    "babble"
    "basic-auth-disabled"
    "blocked-and-expired"
    "broken-dnssec"
    "cannot-check-now"
    "captive-portal"
    "careless-lines"
    "certificate-for-clients"
    "chain-in-disorder"
    "closed-at-once"
    "cloud-port-25"
    "come-back-later"
    "comes-and-goes"
    "common-name-only"
    "company-ca"
    "dane-mismatch"
    "dangling-alias"
    "dmarc-with-a-typo"
    "domain-is-not-a-host"
    "encrypt-first"
    "encryption-none"
    "expired-and-misnamed"
    "falls-silent"
    "five-days-left"
    "forgotten-hosts-entry"
    "forgotten-sender"
    "from-the-future"
    "gap-and-deadline"
    "half-an-answer"
    "half-ipv4"
    "half-ipv6"
    "half-masked"
    "hangs-up"
    "healthy"
    "healthy-465-only"
    "healthy-far"
    "healthy-inbox"
    "healthy-srv"
    "heavy-parcel"
    "hosting-redirect"
    "imap-not-smtp"
    "implicit-on-587"
    "inbox-spf"
    "ipv6-and-blocked"
    "ipv6-only-name"
    "key-of-2009"
    "key-withdrawn"
    "large-packets-vanish"
    "locks-on-demand"
    "lost-after-starttls"
    "masked-by-a-firewall"
    "members-only"
    "missing-intermediate"
    "mx-as-host"
    "name-in-the-hello"
    "name-leads-elsewhere"
    "name-not-welcome"
    "nameless-sender"
    "no-mx-at-all"
    "no-place-for-a-password"
    "no-room-left"
    "no-starttls"
    "nobody-of-that-name"
    "not-a-host-name"
    "not-for-you"
    "not-now"
    "not-your-name"
    "nothing-in-common"
    "null-mx"
    "number-for-a-name"
    "offered-then-refused"
    "old-appliance"
    "one-certificate-too-many"
    "one-dead-address"
    "one-dot-too-few"
    "one-hard-coded-port"
    "open-to-everybody"
    "opportunistic-tls"
    "own-firewall"
    "password-before-tls"
    "plaintext-injection"
    "policy-out-of-reach"
    "rehearsal-without-end"
    "relay-25-blocked"
    "relay-denied"
    "relay-healthy"
    "router-says-no"
    "says-nothing"
    "self-signed"
    "server-trips"
    "sign-in-first"
    "silent-resolver"
    "slow-greeting"
    "spam-folder"
    "srv-elsewhere"
    "srv-says-no"
    "starttls-on-465"
    "strict-policy"
    "stripped-and-blocked"
    "stuck-in-1999"
    "text-after-starttls"
    "token-of-last-month"
    "too-large-a-hello"
    "too-many-at-once"
    "turned-away"
    "two-languages"
    "two-spf-records"
    "two-truths"
    "typo-in-the-name"
    "umlaut-before-the-at"
    "unsigned-tlsa"
    "username-in-clear"
    "vanity-name"
    "verification-off"
    "weak-key"
    "weak-signature"
    "words-in-front-of-tls"
    "wrong-mode-465"
    "wrong-mode-and-name"
    "wrong-password"
};

/// All scenarios, in the order in which they are taught.
pub fn scenarios() -> &'static [Scenario] {
    static ALL: OnceLock<Vec<Scenario>> = OnceLock::new();
    ALL.get_or_init(|| {
        // A test proves that every one of them can be read.
        let read = FILES.iter().filter_map(|(id, text)| Scenario::read(id, text).ok());
        let mut all: Vec<Scenario> = read.collect();
        // Within a topic what is easy comes first, and what is healthy before what is broken.
        all.sort_by_key(|scenario| (scenario.topic, scenario.difficulty, scenario.faults));
        all
    })
}

/// The scenario of this id.
pub fn scenario(id: &str) -> Option<&'static Scenario> {
    scenarios().iter().find(|scenario| scenario.id == id)
}

/// A scenario, ready to be run.
pub struct LabSession {
    /// The scenario: its story, its task, the options of its run ([`scenario::Run`]), what is expected.
    pub scenario: &'static Scenario,
    /// The network to run it on. Its servers end with it.
    pub network: Arc<LabNetwork>,
    /// The only roots to trust.
    pub trust: Trust,
    /// What is typed as TARGET.
    pub input: String,
    /// Its host; for a mailbox, the domain; `None` where the lesson is that it cannot be a host.
    pub host: Option<Host>,
    /// The port that the target names.
    pub port: Option<u16>,
    /// What the mail is for.
    pub goal: Goal,
}

/// Why a scenario cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// There is none of that name.
    #[error("the lab has no scenario '{}'; {}ehlo lab list names them all", asked.escape_debug(), perhaps(*meant))]
    Unknown {
        /// What was asked for.
        asked: String,
        /// The one that was most likely meant.
        meant: Option<&'static str>,
    },
    /// The certificates cannot be made.
    #[error(transparent)]
    Pki(#[from] pki::PkiError),
}

fn perhaps(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |meant| format!("did you mean {meant}? "))
}

/// The scenario of this id, or an error that names the nearest.
///
/// # Errors
/// [`LabError::Unknown`].
pub fn find(id: &str) -> Result<&'static Scenario, LabError> {
    scenario(id).ok_or_else(|| LabError::Unknown {
        asked: id.to_owned(),
        meant: meant(id, scenarios().iter().map(|scenario| scenario.id.as_str())),
    })
}

/// Opens a scenario: a new network each time.
///
/// # Errors
/// [`LabError`].
pub fn open(id: &str) -> Result<LabSession, LabError> {
    let scenario = find(id)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let network = LabNetwork::new(scenario.clone(), i64::try_from(now).unwrap_or(i64::MAX));
    let port = match scenario.target() {
        Some(Target::Host { port, .. }) => port,
        _ => None,
    };
    Ok(LabSession {
        trust: network.trust()?,
        network: Arc::new(network),
        input: scenario.target.clone(),
        host: scenario.host(),
        port,
        goal: scenario.goal,
        scenario,
    })
}

#[cfg(test)]
mod tests;
