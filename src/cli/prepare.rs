//! From what was typed to what is run: the target understood, the network chosen, the limits set.
//!
//! A target that cannot be a host is no error here: it becomes a session that says so. What is an error is what makes
//! a run impossible; each is one line that says what to do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::args::Options;
use crate::cli::practice;
use crate::cli::secrets::{self, SubmitError};
use crate::engine::{Pace, Setup};
use crate::event::{Discover, JOURNAL_SCHEMA, Limits, Sending, SessionStarted, Submit, Way};
use crate::guide::provider;
use crate::guide::submit::ASK_SEND;
use crate::guide::walk::sender_of;
use crate::journal::{JournalError, Writer};
use crate::lab::{self, LabError};
use crate::net::Network;
use crate::net::identity::ehlo_name;
use crate::net::proxy::{BadProxy, ProxyArgument, ProxyNetwork};
use crate::net::system::{SystemNetwork, SystemOptions};
use crate::net::tls::{Trust, TrustError};
use crate::probe::{Family, LazyTls};
use crate::target::{BadTarget, Goal, Host, Lead, RouteSpec, Target, TlsMode, without_password};
use crate::wire::printable::printable;

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A route is given twice.
    #[error("the route {0} is given twice: give each route once")]
    RouteTwice(RouteSpec),
    /// A port in the target and routes besides.
    #[error("the target names port {0} and --route names others: give one or the other")]
    PortAndRoutes(u16),
    /// The CA file cannot be read.
    #[error("the CA file {path} cannot be read: {source}", path = path.display())]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The CA file holds no certificates.
    #[error("{path}: {source}", path = path.display())]
    CaContent {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: TrustError,
    },
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The name for EHLO cannot be said.
    #[error("--ehlo '{0}' is not a host name or address: write one such as client.example.net")]
    EhloName(String),
    /// A sending host cannot be one.
    #[error("--sending-host: {0}")]
    SendingHost(BadTarget),
    /// A selector cannot be one.
    #[error(
        "--dkim-selector '{0}' is not a selector: write the value of s= in a DKIM-Signature header, such as mail2026"
    )]
    Selector(String),
    /// The proxy cannot be understood.
    #[error(transparent)]
    Proxy(#[from] BadProxy),
    /// The lab cannot be opened.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// Credentials or envelope cannot be used.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

/// Largest CA file that is read, in bytes.
const MAX_CA_FILE: u64 = 8 << 20;

/// Makes a run of what was typed.
///
/// # Errors
/// [`PrepareError`].
pub fn prepare(input: &str, goal: Goal, options: &Options, interactive: bool) -> Result<Setup, PrepareError> {
    let target = Target::parse(input, &|id| provider::by_id(id).is_some());
    let options = &practice::options(&target, options);
    let mut seen = Vec::new();
    for route in &options.route {
        if seen.contains(route) {
            return Err(PrepareError::RouteTwice(*route));
        }
        seen.push(*route);
    }
    let understood = understand(target, options)?;
    let mut routes = options.route.clone();
    if let Some(port) = understood.port {
        if !routes.is_empty() {
            return Err(PrepareError::PortAndRoutes(port));
        }
        routes.push(RouteSpec { port, tls: TlsMode::usual_for(port) });
    }
    let goal = understood.goal.unwrap_or(goal);
    // The target of a relay is the recipients' domain; with a port behind it, it is the server itself.
    let by_name = matches!(understood.host, Some(Host::Name(_))) && understood.port.is_none();
    let discover = match goal {
        Goal::Relay => by_name.then_some(Discover::Exchangers),
        Goal::Submit | Goal::Inbox => understood.discover,
    };
    let mechanism = secrets::mechanism(options)?;
    let credentials = secrets::credentials(options, interactive)?;
    let (mail_from, rcpt_to) = secrets::envelope(options)?;
    if options.send_test && !options.yes && options.consent.is_none() && !interactive {
        return Err(SubmitError::NoConsent.into());
    }
    let submit = Submit {
        user: options.user.as_deref().map(|user| printable(user, 320)),
        secret: credentials.as_ref().map(|_| secrets::kind(mechanism)),
        mechanism: mechanism.map(|mechanism| mechanism.name().to_owned()),
        mail_from,
        rcpt_to,
        message_size: options.message_size,
        send_test: options.send_test,
        open_relay: options.check_open_relay,
    };
    let host = understood.host.as_ref().map(ToString::to_string).unwrap_or_default();
    let started = SessionStarted {
        schema: JOURNAL_SCHEMA.to_owned(),
        ehlo_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: now(),
        input: without_password(input),
        provider: understood.provider.or_else(|| provider::by_host(&host).map(|p| p.id.clone())),
        host,
        goal,
        routes,
        all: options.all,
        repeat: options.repeat,
        vantage: understood.network.vantage(),
        ehlo_name: understood.ehlo_name,
        limits: Limits {
            connect_ms: millis(options.connect_timeout),
            reply_ms: millis(options.reply_timeout),
            total_ms: millis(options.max_time),
        },
        malformed: understood.malformed,
        sign_in: credentials.is_some(),
        discover,
        sending: Box::new(sending(options)?),
        submit: Box::new(submit),
        way: Box::new(way(options)),
        lead: None,
    };
    let journal = options.journal.as_deref().map(Writer::create).transpose()?;
    let mut answers = match options.goal {
        Some(_) => vec![("sender".to_owned(), sender_of(started.goal).to_owned())],
        None => Vec::new(),
    };
    if let Some(yes) = options.consent.or(options.yes.then_some(true)) {
        answers.push((ASK_SEND.to_owned(), if yes { "yes" } else { "no" }.to_owned()));
    }
    Ok(Setup {
        family: match (options.ipv4, options.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Both,
        },
        network: understood.network,
        tls: Arc::new(LazyTls::new(understood.trust)),
        pace: if interactive { Pace::Guided } else { Pace::Run },
        interactive,
        answers,
        credentials,
        journal,
        started,
    })
}

/// What options say of the way to the server.
fn way(options: &Options) -> Way {
    Way {
        resolve: options.resolve.iter().map(ToString::to_string).collect(),
        dns_server: options.dns_server.map(|server| server.0),
        interface: options.interface,
        family: match (options.ipv4, options.ipv6) {
            (true, _) => Some(4),
            (_, true) => Some(6),
            _ => None,
        },
        cacert: options.cacert.as_ref().map(|path| path.display().to_string()),
        named: options.ehlo.is_some(),
    }
}

/// Makes a run begin where an error message leads: what the message has answered is not asked again.
pub fn led(setup: &mut Setup, lead: Box<Lead>) {
    let goal = setup.started.goal;
    let mut answer = |question: &str, answer: &str| {
        if !setup.answers.iter().any(|(asked, _)| asked == question) {
            setup.answers.push((question.to_owned(), answer.to_owned()));
        }
    };
    answer("sender", sender_of(goal));
    match goal {
        Goal::Submit => {}
        Goal::Relay => answer("relay-check", "check"),
        Goal::Inbox => answer("inbox-next", "check"),
    }
    setup.started.all |= lead.all;
    setup.started.lead = Some(lead);
}

/// Who sends for the domain, as far as options say.
fn sending(options: &Options) -> Result<Sending, PrepareError> {
    let mut sending = Sending { addresses: options.sending_ip.clone(), ..Sending::default() };
    for host in &options.sending_host {
        match Host::parse(host).map_err(PrepareError::SendingHost)? {
            Host::Name(name) => sending.hosts.push(name),
            Host::Address(address) => sending.addresses.push(address),
        }
    }
    for selector in &options.dkim_selector {
        // It becomes the first labels of a name.
        match Host::parse(&format!("{selector}._domainkey.example.com")) {
            Ok(Host::Name(_)) => sending.selectors.push(selector.to_ascii_lowercase()),
            _ => return Err(PrepareError::Selector(crate::wire::printable::printable(selector, 60))),
        }
    }
    Ok(sending)
}

struct Understood {
    host: Option<Host>,
    port: Option<u16>,
    provider: Option<String>,
    malformed: Option<String>,
    goal: Option<Goal>,
    discover: Option<Discover>,
    network: Arc<dyn Network>,
    trust: Trust,
    ehlo_name: String,
}

fn understand(target: Result<Target, BadTarget>, options: &Options) -> Result<Understood, PrepareError> {
    let said = options.ehlo.as_deref().map(checked_ehlo_name).transpose()?;
    // What cannot be right is said in the lab as well, which has its own roots and its own network.
    let given = options.cacert.as_deref().map(ca_file).transpose()?;
    let proxy = match &options.proxy {
        Some(ProxyArgument(proxy)) => Some(proxy.clone()?),
        None => None,
    };
    if let Ok(Target::Lab(id)) = &target {
        let opened = lab::open(id)?;
        return Ok(Understood {
            host: opened.host,
            port: opened.port,
            provider: None,
            malformed: Target::parse(&opened.input, &|_| false).err().map(|error| error.to_string()),
            goal: Some(opened.goal),
            discover: opened.input.contains('@').then_some(Discover::Submission),
            network: opened.network,
            trust: opened.trust,
            ehlo_name: said.unwrap_or_else(|| "client.example.net".to_owned()),
        });
    }
    let trust = given.unwrap_or_default();
    let system = SystemNetwork::new(SystemOptions {
        given: options.resolve.clone(),
        dns_server: options.dns_server,
        bind: options.interface,
        ..SystemOptions::default()
    });
    let network: Arc<dyn Network> = match proxy {
        Some(proxy) => Arc::new(ProxyNetwork::new(system, proxy)),
        None => Arc::new(system),
    };
    let mut understood = Understood {
        host: None,
        port: None,
        provider: None,
        malformed: None,
        goal: None,
        discover: None,
        network,
        trust,
        ehlo_name: said.unwrap_or_else(ehlo_name),
    };
    match target {
        Ok(Target::Host { host, port }) => {
            understood.host = Some(host);
            understood.port = port;
        }
        Ok(Target::Provider(id)) => {
            // Where the host differs by region only the user knows it.
            let found = provider::by_id(&id);
            match found.and_then(provider::Provider::host).map(Host::parse) {
                Some(Ok(host)) => understood.host = Some(host),
                _ => {
                    let pattern = found.and_then(|p| p.hosts.first()).map_or("", String::as_str);
                    understood.malformed = Some(format!(
                        "the host of '{id}' differs by region: write it out, {pattern} with your region"
                    ));
                }
            }
            understood.provider = Some(id);
        }
        Ok(Target::Mailbox { domain: Host::Name(domain), .. }) => {
            understood.host = Some(Host::Name(domain));
            understood.discover = Some(Discover::Submission);
        }
        Ok(Target::Mailbox { domain: Host::Address(_), .. }) => {
            understood.malformed =
                Some("an e-mail address needs a domain behind the @, not an IP address".to_owned());
        }
        Ok(Target::Lab(_)) => {}
        Err(error) => understood.malformed = Some(error.to_string()),
    }
    Ok(understood)
}

fn checked_ehlo_name(name: &str) -> Result<String, PrepareError> {
    let refused = || PrepareError::EhloName(crate::wire::printable::printable(name, 60));
    let literal = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    match literal {
        // An address literal: [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321 §4.1.3).
        Some(address) => {
            let bare = address.strip_prefix("IPv6:").unwrap_or(address);
            bare.parse::<std::net::IpAddr>().map(|_| name.to_owned()).map_err(|_| refused())
        }
        None => match Host::parse(name) {
            Ok(Host::Name(name)) => Ok(name),
            _ => Err(refused()),
        },
    }
}

fn ca_file(path: &Path) -> Result<Trust, PrepareError> {
    use std::io::Read as _;
    let refused = |source| PrepareError::CaFile { path: path.to_owned(), source };
    let mut extra = Vec::new();
    let file = std::fs::File::open(path).map_err(refused)?;
    file.take(MAX_CA_FILE).read_to_end(&mut extra).map_err(refused)?;
    Trust::with_pem(extra).map_err(|source| PrepareError::CaContent { path: path.to_owned(), source })
}

fn now() -> String {
    // A second is as exact as anybody reads it.
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::event::{Event, EventKind, Micros, ProbeId};
    use crate::session::Session;

    fn started(line: &[String]) -> SessionStarted {
        let Some(Command::Check(args)) = Cli::try_parse_from(line).unwrap().command else {
            panic!("{line:?}")
        };
        let goal = args.options.goal.map(Goal::from).unwrap_or_default();
        prepare(&args.target, goal, &args.options, false).unwrap().started
    }

    /// The words of a shell, as far as the line has quotes around whole words only.
    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()
    }

    #[tokio::test]
    async fn the_line_that_a_report_ends_with_asks_the_same_again() {
        for line in [
            "ehlo check smtp.example.com -4 --resolve smtp.example.com:192.0.2.10,2001:db8::10 --dns-server [2001:db8::53]:53",
            "ehlo check example.com --goal relay --interface 192.0.2.9 --ehlo client.example.net --max-time 60",
            "ehlo check h.example --proxy socks5h://ann:kf7qz3@192.0.2.1:1080 --resolve h.example:192.0.2.2 --all",
            "ehlo check example.com --goal inbox --sending-host m.example.com --sending-ip 2001:db8::1 --dkim-selector s1",
        ] {
            let mut first = started(&words(line));
            let mut session = Session::default();
            let kind = EventKind::SessionStarted(first.clone());
            session.apply(&Event { at: Micros(0), probe: ProbeId::SESSION, kind });
            let again = crate::report::command::command(&session).unwrap();
            assert!(!again.contains("kf7qz3"), "a password of a proxy is not told: {again}");
            let mut second = started(&words(&again));
            first.started_at.clear();
            second.started_at.clear();
            assert_eq!(first, second, "{again}");
        }
    }
}
