//! What the user asks about: a target, a goal, routes, and the secrets that may go with them.
//!
//! This room imports nothing of ours. Everything here is a value that was checked when it was made: a [`Host`]
//! can be looked up, a [`RouteSpec`] names a real port, a [`Secret`] cannot be printed.
//!
//! ```
//! use ehlo::target::{RouteSpec, Target, TlsMode};
//!
//! let target = Target::parse("smtp.example.com:465", &|_| false).unwrap();
//! assert_eq!(target.route(), Some(RouteSpec { port: 465, tls: TlsMode::Implicit }));
//! assert!(Target::parse("smtp example.com", &|_| false).is_err());
//! ```

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

mod lead;
mod lint;

pub use lead::Lead;
pub use lint::{BadTarget, Fault, without_password};

/// How TLS starts on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// Begins in cleartext and upgrades before any secret is sent (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314 §3.3).
    Implicit,
    /// No TLS at all; never recommended.
    None,
}

impl TlsMode {
    /// The word used on the command line and in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starttls => "starttls",
            Self::Implicit => "implicit",
            Self::None => "none",
        }
    }

    /// The mode as it stands in a sentence: `with STARTTLS`.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Starttls => "with STARTTLS",
            Self::Implicit => "with implicit TLS",
            Self::None => "without TLS",
        }
    }

    /// What a port means when nothing else is said: 465 is implicit TLS (RFC 8314 §7.3), all others STARTTLS.
    pub fn usual_for(port: u16) -> Self {
        if port == 465 { Self::Implicit } else { Self::Starttls }
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the mail is for; it decides which branch of the tree is walked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// An application or a mail client submits mail (RFC 6409).
    #[default]
    Submit,
    /// A mail server delivers to other mail servers (RFC 5321).
    Relay,
    /// Mail is accepted but lands in the spam folder.
    Inbox,
}

impl Goal {
    /// The word used on the command line and in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Relay => "relay",
            Self::Inbox => "inbox",
        }
    }
}

/// A port and the TLS mode to try on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteSpec {
    /// TCP port, never 0.
    pub port: u16,
    /// How TLS starts.
    pub tls: TlsMode,
}

impl RouteSpec {
    /// The routes of the submission branch, in the tree's order.
    pub const SUBMISSION: [Self; 3] = [
        Self { port: 587, tls: TlsMode::Starttls },
        Self { port: 465, tls: TlsMode::Implicit },
        Self { port: 2525, tls: TlsMode::Starttls },
    ];
}

impl fmt::Display for RouteSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port, self.tls)
    }
}

impl FromStr for RouteSpec {
    type Err = BadRoute;

    fn from_str(text: &str) -> Result<Self, BadRoute> {
        let (port, tls) = match text.split_once('/') {
            Some((port, mode)) => {
                let tls = match mode.to_ascii_lowercase().as_str() {
                    "starttls" => TlsMode::Starttls,
                    "implicit" => TlsMode::Implicit,
                    "none" => TlsMode::None,
                    _ => return Err(BadRoute::Mode(mode.to_owned())),
                };
                (port, Some(tls))
            }
            None => (text, None),
        };
        let port = parse_port(port).ok_or_else(|| BadRoute::Port(port.to_owned()))?;
        Ok(Self { port, tls: tls.unwrap_or_else(|| TlsMode::usual_for(port)) })
    }
}

/// Why a `PORT/MODE` could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRoute {
    /// The port is not a number from 1 to 65535.
    #[error("'{0}' is not a port: write a number from 1 to 65535, as in 587/starttls")]
    Port(String),
    /// The mode is none of the three.
    #[error("'{0}' is not a TLS mode: write starttls, implicit or none, as in 465/implicit")]
    Mode(String),
}

/// A name that can be looked up, or an address that needs no look-up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A host name: lower case, ASCII (IDNA applied), no trailing dot.
    Name(String),
    /// An IP address.
    Address(IpAddr),
}

impl Host {
    /// Reads a host name or an address, with or without brackets around an IPv6 address.
    ///
    /// # Errors
    /// [`BadTarget`] says what is wrong with the text and, where that is plain, what was meant.
    pub fn parse(text: &str) -> Result<Self, BadTarget> {
        Self::parse_plain(text).map_err(|fault| BadTarget::new(fault, text))
    }

    fn parse_plain(text: &str) -> Result<Self, Fault> {
        lint::lint(text)?;
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address));
        }
        let name = bare.strip_suffix('.').unwrap_or(bare);
        let ascii = idna::domain_to_ascii(name).map_err(|_| lint::fault_of_name(bare))?;
        let well_formed = !ascii.is_empty()
            && ascii.len() <= 253
            && ascii.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            });
        // A last label of digits only is a mistyped address, never a name (RFC 1123 §2.1).
        let like_an_address = ascii.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
        if !well_formed || like_an_address {
            return Err(lint::fault_of_name(bare));
        }
        Ok(Self::Name(ascii.to_ascii_lowercase()))
    }

    /// The name in its own letters, where DNS spells it in ASCII (RFC 5890 §2.3.2.1): `bücher.example` for
    /// `xn--bcher-kva.example`.
    pub fn unicode(&self) -> Option<String> {
        let Self::Name(name) = self else { return None };
        if !name.split('.').any(|label| label.starts_with("xn--")) {
            return None;
        }
        let (unicode, good) = idna::domain_to_unicode(name);
        (good.is_ok() && unicode != *name).then_some(unicode)
    }

    /// The address, where no look-up is needed.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Name(_) => None,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// What was typed as TARGET, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A host, perhaps with the port to try.
    Host {
        /// The name or address.
        host: Host,
        /// The port that was written behind it.
        port: Option<u16>,
    },
    /// `user@domain`: the submission host is to be discovered (RFC 6186).
    Mailbox {
        /// The part before the `@`.
        local: String,
        /// The domain behind it.
        domain: Host,
    },
    /// A provider of the table, by its id.
    Provider(String),
    /// A scenario of the lab.
    Lab(String),
}

impl Target {
    /// Reads what the user typed. `is_provider` says whether a bare word is a provider's id.
    ///
    /// # Errors
    /// [`BadTarget`], whose text tells the user what to type instead.
    pub fn parse(input: &str, is_provider: &dyn Fn(&str) -> bool) -> Result<Self, BadTarget> {
        if let Some(scenario) = input.strip_prefix("lab:") {
            return Ok(Self::Lab(scenario.to_owned()));
        }
        if is_provider(&input.to_ascii_lowercase()) {
            return Ok(Self::Provider(input.to_ascii_lowercase()));
        }
        Self::parse_plain(input).map_err(|fault| BadTarget::new(fault, input))
    }

    fn parse_plain(input: &str) -> Result<Self, Fault> {
        lint::lint(input)?;
        if let Some((local, domain)) = input.rsplit_once('@') {
            if local.is_empty() || local.len() > 64 || local.contains([':', '@']) {
                return Err(Fault::Mailbox);
            }
            if domain.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':')) {
                return Err(Fault::MailboxPort);
            }
            return Ok(Self::Mailbox { local: local.to_owned(), domain: Host::parse_plain(domain)? });
        }
        // Several colons are an IPv6 address; a port behind one stands behind its bracket.
        let colons = input.matches(':').count();
        if colons > 1 && !input.contains("]:") {
            return Ok(Self::Host { host: Host::parse_plain(input)?, port: None });
        }
        let (host, port) = match input.rsplit_once(':') {
            Some((_, "")) => return Err(Fault::NoPort),
            Some((host, port)) => (host, Some(parse_port(port).ok_or_else(|| Fault::Port(port.to_owned()))?)),
            None => (input, None),
        };
        Ok(Self::Host { host: Host::parse_plain(host)?, port })
    }

    /// The one route that the target itself names, if it names a port.
    pub fn route(&self) -> Option<RouteSpec> {
        match self {
            Self::Host { port: Some(port), .. } => {
                Some(RouteSpec { port: *port, tls: TlsMode::usual_for(*port) })
            }
            _ => None,
        }
    }
}

fn parse_port(text: &str) -> Option<u16> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|port| *port != 0)
}

/// A password or token: held in memory that is wiped, never printed, never serialised.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the secret over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself; only what builds a SASL message may ask for it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Secret {}

/// What kind of secret it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretKind {
    /// A password, of an account or an app.
    #[default]
    Password,
    /// An access token of OAuth 2.0.
    Token,
}

/// Whom to sign in as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user name; it may be shown.
    pub user: String,
    /// The password or token.
    pub secret: Secret,
}

/// The word of these that was most likely meant; `None` where none is like it.
pub fn meant<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = known.into_iter().map(|word| (strsim::jaro_winkler(typed, word), word));
    // As alike as clap asks for.
    let alike = likeness.filter(|(likeness, _)| *likeness > 0.8);
    alike.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Target, BadTarget> {
        Target::parse(text, &|id| id == "sendgrid")
    }

    #[test]
    fn the_nearest_word_is_meant_and_a_far_one_is_not() {
        assert_eq!(meant("587-filterd", ["healthy", "587-filtered"]), Some("587-filtered"));
        assert_eq!(meant("nope", ["healthy", "587-filtered"]), None);
    }

    #[test]
    fn hosts_ports_and_addresses() {
        assert_eq!(
            parse("SMTP.Example.com.").unwrap(),
            Target::Host { host: Host::Name("smtp.example.com".into()), port: None }
        );
        assert_eq!(parse("[2001:db8::1]:465").unwrap().route().unwrap().tls, TlsMode::Implicit);
        assert!(matches!(parse("2001:db8::1").unwrap(), Target::Host { host: Host::Address(_), port: None }));
        assert_eq!(parse("192.0.2.1:2525").unwrap().route().unwrap().port, 2525);
        assert_eq!(parse("SendGrid").unwrap(), Target::Provider("sendgrid".into()));
        assert_eq!(parse("lab:healthy").unwrap(), Target::Lab("healthy".into()));
        assert!(matches!(parse("ann@example.com").unwrap(), Target::Mailbox { .. }));
        let mailbox = parse("j\u{fc}rgen@b\u{fc}cher.example").unwrap();
        let domain = Host::Name("xn--bcher-kva.example".into());
        assert_eq!(mailbox, Target::Mailbox { local: "j\u{fc}rgen".into(), domain });
        assert_eq!(
            parse("mail.bücher.example").unwrap(),
            Target::Host { host: Host::Name("mail.xn--bcher-kva.example".into()), port: None }
        );
    }

    #[test]
    fn a_name_in_its_own_letters_is_shown_in_both_forms() {
        let host = Host::parse("SMTP.Bücher.example.").unwrap();
        assert_eq!(host.to_string(), "smtp.xn--bcher-kva.example");
        assert_eq!(host.unicode().as_deref(), Some("smtp.bücher.example"));
        assert_eq!(
            Host::parse("xn--bcher-kva.example").unwrap().unicode().as_deref(),
            Some("bücher.example")
        );
        assert_eq!(Host::parse("smtp.example.com").unwrap().unicode(), None);
        assert_eq!(Host::parse("192.0.2.1").unwrap().unicode(), None);
    }

    #[test]
    fn routes() {
        assert_eq!("465".parse(), Ok(RouteSpec { port: 465, tls: TlsMode::Implicit }));
        assert_eq!("25/none".parse(), Ok(RouteSpec { port: 25, tls: TlsMode::None }));
        assert!("587/tls".parse::<RouteSpec>().is_err());
        assert!("0/starttls".parse::<RouteSpec>().is_err());
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", Secret::new("hunter2".into())).contains("hunter2"));
    }
}
