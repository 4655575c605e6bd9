//! `ehlo lab list`, `ehlo lab show NAME`, `ehlo lab serve NAME`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use crate::cli::args::{LabShowArgs, PortPair, ServeArgs};
use crate::cli::check::{put, stopped};
use crate::cli::clients::{self, Call};
use crate::guide::words;
use crate::lab::scenario::{Reach, Recommended, Scenario};
use crate::lab::serve::Service;
use crate::lab::stand::{Place, Stall, Stand, StandError};
use crate::lab::{self, LabError};
use crate::session::Severity;
use crate::target::{Goal, Host, TlsMode};

/// Columns of the texts.
const COLUMNS: usize = 80;

/// `ehlo lab list`
pub fn list() -> u8 {
    for scenario in lab::scenarios() {
        put(&format!("{:<22}  {}: {}\n", scenario.id, scenario.title, scenario.lesson));
    }
    0
}

/// `ehlo lab show NAME`: all of a scenario, its solution too.
///
/// # Errors
/// [`LabError::Unknown`].
pub fn show(args: &LabShowArgs) -> Result<u8, LabError> {
    let scenario = lab::find(&args.name)?;
    put(&sheet(scenario));
    Ok(0)
}

/// A scenario for who teaches it.
pub fn sheet(scenario: &Scenario) -> String {
    let mut out = String::new();
    let level = match scenario.difficulty {
        1 => "easy",
        2 => "medium",
        _ => "hard",
    };
    let _ = writeln!(out, "{}: {}\n{}, {level}", scenario.id, scenario.title, scenario.topic.title());
    section(&mut out, "Story", &scenario.story);
    if let Some(printed) = &scenario.printed {
        let _ = writeln!(out, "\nTheir software printed");
        for line in printed.trim_end().lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    section(&mut out, "Task", &scenario.task);
    let _ = writeln!(out, "\nRun it\n  ehlo lab:{}\n  ehlo check lab:{0}", scenario.id);
    let options = options(scenario);
    if !options.is_empty() {
        let _ = writeln!(out, "  (run as: ehlo check {} {})", scenario.target, options.join(" "));
    }
    network(&mut out, scenario);
    solution(&mut out, scenario);
    section(&mut out, "Lesson", &scenario.lesson);
    section(&mut out, "To close with", &scenario.closing);
    out
}

fn section(out: &mut String, title: &str, text: &str) {
    let _ = writeln!(out, "\n{title}");
    for paragraph in text.trim().lines() {
        for line in textwrap::wrap(paragraph, COLUMNS - 2) {
            let _ = writeln!(out, "  {line}");
        }
    }
}

/// The options that the run has, as they would be typed.
fn options(scenario: &Scenario) -> Vec<String> {
    let run = &scenario.run;
    let mut options = Vec::new();
    match scenario.goal {
        Goal::Submit => {}
        Goal::Relay => options.push("--goal relay".to_owned()),
        Goal::Inbox => options.push("--goal inbox".to_owned()),
    }
    options.extend(run.routes.iter().map(|route| format!("--route {}", route.0)));
    if run.all {
        options.push("--all".to_owned());
    }
    options.extend(run.sending_ip.iter().map(|address| format!("--sending-ip {address}")));
    options.extend(run.dkim_selector.iter().map(|selector| format!("--dkim-selector {selector}")));
    let mut add = |name: &str, value: Option<String>| {
        options.extend(value.map(|value| format!("--{name} {value}")));
    };
    add("repeat", run.repeat.map(|times| times.to_string()));
    add("user", run.user.clone());
    add("auth", run.auth.clone());
    add("mail-from", run.mail_from.clone());
    add("rcpt-to", run.rcpt_to.clone());
    add("message-size", run.message_size.map(|octets| octets.to_string()));
    if run.check_open_relay {
        options.push("--check-open-relay".to_owned());
    }
    options
}

fn network(out: &mut String, scenario: &Scenario) {
    let _ = writeln!(out, "\nThe network");
    for address in &scenario.addresses {
        let _ = writeln!(out, "  {}, {} ms one way", address.ip, address.latency_ms);
        let doors = address.ports.iter().map(|(port, door)| (port.to_string(), door));
        for (port, door) in doors.chain([("others".to_owned(), &address.unlisted)]) {
            let turns: Vec<String> = door.0.iter().map(reach).collect();
            let _ = writeln!(out, "    {port:>6}  {}", turns.join(", then "));
        }
    }
}

fn reach(reach: &Reach) -> String {
    match reach {
        Reach::Open(id) => format!("server {id}"),
        Reach::Filtered => "silence".to_owned(),
        Reach::Refused => "a reset".to_owned(),
        Reach::Icmp(icmp) => format!("ICMP type {} code {} from {}", icmp.kind, icmp.code, icmp.from),
        Reach::NoRoute => "no route from here".to_owned(),
        Reach::LocalRefusal => "forbidden by this machine itself".to_owned(),
    }
}

fn solution(out: &mut String, scenario: &Scenario) {
    let _ = writeln!(out, "\nSolution");
    let verdict = match scenario.expected.recommendation {
        Recommended::Ready(route) => format!("Port {} {} is ready.", route.0.port, route.0.tls.phrase()),
        Recommended::AfterFix(route) => {
            format!("Port {} {}, after a fix.", route.0.port, route.0.tls.phrase())
        }
        Recommended::None if scenario.goal == Goal::Inbox => "No port is the matter.".to_owned(),
        Recommended::None => "No port works from here.".to_owned(),
    };
    let _ = writeln!(out, "  {verdict}");
    for (route, outcome) in &scenario.expected.outcomes {
        let _ = writeln!(out, "  {route:<14}  {outcome}");
    }
    for code in &scenario.expected.findings {
        let severity = words::pages().iter().find(|page| page.code == *code).map(|page| page.severity);
        let _ = writeln!(out, "  {:<14}  {code}", severity.map_or("", severity_word));
    }
    if scenario.expected.findings.is_empty() {
        let _ = writeln!(out, "  Nothing is wrong.");
    }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "information",
    }
}

/// Why a scenario is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is none of that name, or its certificates cannot be made.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The address is not loopback, and nobody said that this is meant.
    #[error(
        "{0} is not a loopback address: whoever reaches it could talk to these servers, which are broken on purpose; \
         say --expose-to-network if you mean that"
    )]
    NotLoopback(IpAddr),
    /// The ports cannot be taken.
    #[error(transparent)]
    Stand(#[from] StandError),
    /// The CA file cannot be written.
    #[error("the CA file cannot be written: {0}")]
    CaFile(#[source] std::io::Error),
}

/// `ehlo lab serve NAME`: until a signal ends it.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(args: &ServeArgs) -> Result<u8, ServeError> {
    let bind = args.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    if !bind.is_loopback() && !args.expose_to_network {
        return Err(ServeError::NotLoopback(bind));
    }
    let opened = lab::open(&args.name)?;
    let ports: Vec<(u16, u16)> = args.ports.iter().map(|PortPair(of, here)| (*of, *here)).collect();
    let ca = ca_file(&opened.trust.extra).map_err(ServeError::CaFile)?;
    let stand = Stand::open(opened.network, bind, &ports)?;
    put(&served(opened.scenario, &stand.places, &ca.path().to_string_lossy()));
    tokio::select! {
        () = stand.serve() => {}
        () = stopped() => {}
    }
    // Connections end with the stand, and the file with its guard.
    ca.close().map_err(ServeError::CaFile)?;
    put("The lab is closed.\n");
    Ok(0)
}

fn ca_file(pem: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("ehlo-lab-").suffix(".pem").tempfile()?;
    file.write_all(pem)?;
    file.flush()?;
    Ok(file)
}

/// What is said once the servers stand.
fn served(scenario: &Scenario, places: &[Place], ca: &str) -> String {
    let mut out = format!("{}: {}\n\n", scenario.id, scenario.title);
    for place in places {
        let what = match &place.stall {
            Stall::Open { service, in_turn, here } => {
                let turns = if *in_turn { "; not at every connect" } else { "" };
                format!("{here}  {}{turns}", kind(service))
            }
            Stall::Silent { here } => format!("{here}  silent: a connect waits in vain"),
            Stall::Refused => "refused: nothing listens".to_owned(),
            Stall::Missing => "not here: takes a network with errors of its own".to_owned(),
        };
        let _ = writeln!(out, "  port {:>5} of {:<15}  {what}", place.port, place.ip.to_string());
    }
    let _ = writeln!(out, "\nCA to trust: {ca}");
    let mut told = Vec::new();
    for server in &scenario.smtp {
        for answer in &server.auth.answers {
            if let (Some(user), Some(secret), true) =
                (&answer.user, &answer.secret, answer.reply.starts_with('2'))
            {
                let line = format!("Signs in:    {user} with the password {secret}");
                if !told.contains(&line) {
                    let _ = writeln!(out, "{line}");
                    told.push(line);
                }
            }
        }
    }
    calls(&mut out, scenario, places, ca);
    out.push_str("\nCtrl-C closes the lab.\n");
    out
}

fn kind(service: &Service) -> String {
    match service {
        Service::Smtp(server) => {
            let mode = match server.tls {
                TlsMode::Starttls => "SMTP with STARTTLS",
                TlsMode::Implicit => "SMTP with implicit TLS",
                TlsMode::None => "SMTP without TLS",
            };
            format!("{mode}, {}", server.name)
        }
        Service::Http(server) if server.secure.is_some() => "HTTPS".to_owned(),
        Service::Http(_) => "HTTP".to_owned(),
        Service::Raw(_) => "something else that talks".to_owned(),
    }
}

/// The calls to try, for the first server of each mode.
fn calls(out: &mut String, scenario: &Scenario, places: &[Place], ca: &str) {
    let mut shown = Vec::new();
    for place in places {
        let Stall::Open { service: Service::Smtp(server), here, .. } = &place.stall else { continue };
        if shown.contains(&server.tls) {
            continue;
        }
        shown.push(server.tls);
        let signs = server.auth.answers.iter().find(|answer| answer.reply.starts_with('2'));
        let credentials = signs.and_then(|answer| answer.user.as_deref().zip(answer.secret.as_deref()));
        let target = scenario.host().filter(|host| matches!(host, Host::Name(_)));
        let host = target.filter(|_| scenario.goal == Goal::Submit && !scenario.target.contains('@'));
        let host = host.map_or_else(|| server.name.clone(), |host| host.to_string());
        let call = Call { host: &host, at: *here, tls: server.tls, ca, credentials };
        let _ = writeln!(out, "\nTo look at port {} ({})", place.port, server.tls.phrase());
        for client in clients::all() {
            if let Some(text) = client.look(&call) {
                let _ = writeln!(out, "  {text}");
            }
        }
        if credentials.is_some() {
            let _ = writeln!(out, "To send a message, which the lab throws away");
            for text in clients::all().iter().filter_map(|client| client.send(&call)) {
                let _ = writeln!(out, "  {text}");
            }
        }
    }
}
