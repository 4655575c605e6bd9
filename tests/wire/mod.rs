//! The truth of the wire: servers of the lab with one fault each, real SMTP bytes and real TLS in paused time, through
//! the engine. Each fault is named by its code, and a healthy neighbour is not.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ehlo::engine::{self, Pace, Setup};
use ehlo::event::{Discover, Limits, ProxyFault, Sending, SessionStarted};
use ehlo::lab::network::LabNetwork;
use ehlo::lab::scenario::Scenario;
use ehlo::net::Network;
use ehlo::probe::{Family, LazyTls};
use ehlo::session::{Finding, Outcome, Session, Severity};
use ehlo::target::{Goal, RouteSpec};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;

mod carried;
mod certificates;
mod delivery;
mod domain;
mod greeting;
mod handshake;
mod sending;
mod starttls;

/// One server behind one port, and how it is asked.
#[derive(Clone)]
pub struct Site {
    host: &'static str,
    name: &'static str,
    route: &'static str,
    smtp: String,
    secure: String,
    rules: String,
    certificate: String,
    rest: String,
    /// In place of the mail server.
    instead: Option<String>,
    all: bool,
    goal: Goal,
}

impl Site {
    /// A healthy mail server: `587/starttls`, `465/implicit`.
    pub fn on(route: &'static str) -> Self {
        Self {
            host: "smtp.example.com",
            name: "smtp.example.com",
            route,
            smtp: String::new(),
            secure: String::new(),
            rules: String::new(),
            certificate: "names = ['smtp.example.com']".to_owned(),
            rest: String::new(),
            instead: None,
            all: false,
            goal: Goal::Submit,
        }
    }

    /// What it does otherwise: fields of a rule.
    pub fn rule(mut self, rule: &str) -> Self {
        self.rules.push_str(&format!("[[smtp.rule]]\n{rule}\n"));
        self
    }

    /// Fields of its TLS.
    pub fn tls(mut self, secure: &str) -> Self {
        self.secure.push_str(&format!(", {secure}"));
        self
    }

    /// Fields of the server itself.
    pub fn smtp(mut self, fields: &str) -> Self {
        self.smtp.push_str(&format!("{fields}\n"));
        self
    }

    /// What it calls itself.
    pub fn called(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// The host that is asked for.
    pub fn asked_as(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    /// The fields of its certificate.
    pub fn certificate(mut self, fields: &str) -> Self {
        self.certificate = fields.to_owned();
        self
    }

    /// More of the world.
    pub fn and(mut self, rest: &str) -> Self {
        self.rest.push_str(rest);
        self
    }

    /// Another server in its place: a table `[[raw]]` or `[[http]]` without id.
    pub fn instead(mut self, server: &str) -> Self {
        self.instead = Some(server.to_owned());
        self
    }

    /// `--all`.
    pub fn all(mut self) -> Self {
        self.all = true;
        self
    }

    /// `--goal relay`.
    pub fn relay(mut self) -> Self {
        self.goal = Goal::Relay;
        self
    }

    fn scenario(&self) -> Scenario {
        let (port, mode) = self.route.split_once('/').unwrap();
        let address = if self.host.parse::<std::net::IpAddr>().is_ok() { self.host } else { "192.0.2.10" };
        let server = match &self.instead {
            Some(server) => server.replacen("]]", "]]\nid = 'server'", 1),
            None => {
                let capabilities = match mode {
                    "starttls" => "capabilities = ['PIPELINING', 'STARTTLS']",
                    _ => "",
                };
                let capabilities = if self.smtp.contains("capabilities =") { "" } else { capabilities };
                let inside = if mode == "none" || self.smtp.contains("capabilities_tls") {
                    ""
                } else {
                    "capabilities_tls = ['PIPELINING', 'AUTH PLAIN']"
                };
                let secure = match mode {
                    "none" => String::new(),
                    _ => format!("secure = {{ certificate = 'own'{} }}", self.secure),
                };
                format!(
                    "[[smtp]]\nid = 'server'\nname = '{}'\ntls = '{mode}'\n{capabilities}\n{inside}\n{secure}\n{}\n{}",
                    self.name, self.smtp, self.rules
                )
            }
        };
        let certificate = match (&self.instead, mode) {
            (None, "starttls" | "implicit") => format!("[[certificate]]\nid = 'own'\n{}", self.certificate),
            _ => String::new(),
        };
        let name = if address == self.host {
            String::new()
        } else {
            format!("[[dns.name]]\nname = '{}'\na = ['{address}']", self.host)
        };
        let text = format!(
            "id = 'site'\ntitle = 'A site'\ntopic = 'ports'\ndifficulty = 1\nlesson = 'A lesson.'\n\
             story = 'A story.'\ntask = 'A task.'\ntarget = '{}'\nclosing = 'The end.'\n\
             expected = {{ recommendation = 'none' }}\n{name}\n[[address]]\nip = '{address}'\nlatency_ms = 10\n\
             ports = {{ {port} = {{ open = 'server' }} }}\n{server}\n{certificate}\n{}",
            self.host, self.rest
        );
        Scenario::read("site", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// Runs the engine over it.
    pub async fn run(&self) -> Session {
        run_over(self, self.scenario()).await
    }
    /// Runs it; it must end like this, with these findings and no others.
    pub async fn finds(&self, outcome: Outcome, codes: &[&str]) -> Session {
        let session = self.run().await;
        // With `--all` port 25 is looked at too, for information; nothing listens there.
        let own = session.findings().iter().filter(|finding| !self.all || finding.port != Some(25));
        let mut found: Vec<&str> = own.map(|finding| finding.code).collect();
        found.sort_unstable();
        let mut wanted = codes.to_vec();
        wanted.sort_unstable();
        let route = session.routes().first().map(|route| route.outcome);
        assert!(
            route == Some(outcome) && found == wanted,
            "{route:?} with {found:?}, not {outcome:?} with {wanted:?}\n{}",
            super::told(&session)
        );
        session
    }
}

/// What is asked for.
#[derive(Clone)]
pub struct Asked {
    host: String,
    goal: Goal,
    routes: Vec<RouteSpec>,
    all: bool,
    discover: Option<Discover>,
    sending: Sending,
    /// A proxy carries the connections, and makes none where there is a fault.
    carried: Option<Option<ProxyFault>>,
}

/// Runs the engine over a scenario, asked as the site is asked.
pub async fn run_over(site: &Site, scenario: Scenario) -> Session {
    let routes = vec![site.route.parse::<RouteSpec>().unwrap()];
    let asked =
        Asked { host: site.host.to_owned(), goal: site.goal, routes, all: site.all, ..Asked::default() };
    run_asked(asked, scenario).await
}

/// Runs the engine over a scenario.
pub async fn run_asked(asked: Asked, scenario: Scenario) -> Session {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    let network = LabNetwork::new(scenario, now);
    let trust = network.trust().unwrap();
    let network: Arc<dyn Network> = match asked.carried {
        Some(fault) => Arc::new(carried::Carried { lab: network, fault }),
        None => Arc::new(network),
    };
    let started = SessionStarted {
        started_at: OffsetDateTime::from_unix_timestamp(now).unwrap().format(&Rfc3339).unwrap(),
        goal: asked.goal,
        routes: asked.routes,
        all: asked.all,
        vantage: network.vantage(),
        limits: Limits { connect_ms: 5_000, reply_ms: 30_000, total_ms: 300_000 },
        discover: asked.discover,
        sending: Box::new(asked.sending),
        ..ehlo::session::testing::started(&asked.host)
    };
    let setup = Setup {
        started,
        family: Family::Both,
        network,
        tls: Arc::new(LazyTls::new(trust)),
        pace: Pace::Run,
        interactive: false,
        answers: Vec::new(),
        credentials: None,
        journal: None,
    };
    let (_orders, orders) = mpsc::channel(1);
    let (events, mut heard) = mpsc::unbounded_channel();
    let listen = async { while heard.recv().await.is_some() {} };
    let (session, ()) = tokio::join!(engine::run(setup, orders, events), listen);
    let lines = session.transcript().lines();
    for finding in session.findings() {
        assert!(!finding.evidence.is_empty(), "{}", finding.code);
        assert!(finding.evidence.iter().all(|line| *line < lines.len()), "{}", finding.code);
    }
    session
}

/// The finding of this code.
pub fn finding<'a>(session: &'a Session, code: &str) -> &'a Finding {
    session.findings().iter().find(|finding| finding.code == code).unwrap_or_else(|| {
        panic!("{code} is not found\n{}", super::told(session));
    })
}

/// A finding in words: its summary, explanation and fix.
pub fn words(session: &Session, code: &str) -> String {
    let words = ehlo::guide::words::words(finding(session, code));
    format!("{}\n{}\n{}", words.summary, words.explanation, words.fix)
}

/// The lines that a finding cites.
pub fn cited(session: &Session, code: &str) -> Vec<String> {
    let lines = session.transcript().lines();
    finding(session, code).evidence.iter().map(|line| lines[*line].text.clone()).collect()
}

/// True where a line has this in its text.
pub fn says(session: &Session, text: &str) -> bool {
    session.transcript().lines().iter().any(|line| line.text.contains(text))
}

pub const WORKS: Outcome = Outcome::Works;

#[tokio::test(start_paused = true)]
async fn healthy_servers_have_no_findings() {
    for route in ["587/starttls", "465/implicit", "2525/starttls", "587/none"] {
        for max in ["1.2", "1.3"] {
            let mut site = Site::on(route);
            if route != "587/none" {
                site = site.tls(&format!("max = '{max}'"));
            }
            site.finds(WORKS, &[]).await;
            site.all().finds(WORKS, &[]).await;
        }
    }
    // An RSA certificate, a wildcard, and the root sent along: all in order.
    let site = Site::on("587/starttls");
    site.clone().certificate("names = ['*.example.com']\nkey = 'rsa-2048'").finds(WORKS, &[]).await;
    site.clone()
        .certificate("names = ['smtp.example.com']\nsend = 'with-root'")
        .tls("max = '1.2'")
        .finds(WORKS, &[])
        .await;
    // A client certificate is asked for, and none is needed.
    for max in ["1.2", "1.3"] {
        let asks = format!("max = '{max}', client_certificate = 'optional'");
        site.clone().tls(&asks).finds(WORKS, &[]).await;
    }
    // A vanity name whose certificate matches, served by a provider that calls itself otherwise.
    site.clone().called("mx1.provider.example").finds(WORKS, &[]).await;
    // An address whose certificate has that address.
    site.asked_as("192.0.2.10").certificate("names = ['192.0.2.10']").finds(WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_warning_leaves_a_route_that_works() {
    let session = Site::on("587/starttls")
        .certificate("names = ['smtp.example.com']\nnot_after_days = 5")
        .finds(WORKS, &["cert-expires-soon"])
        .await;
    assert_eq!(finding(&session, "cert-expires-soon").severity, Severity::Warning);
}

/// The healthy scenarios of the lab, and the journals of six real servers in which nothing is wrong.
#[tokio::test(start_paused = true)]
async fn healthy_runs_have_no_findings() {
    let told = |name: &str, session: &Session, good: &[String]| {
        // That a port which only the race or `--all` has tried does not answer is good to know, and no fault.
        let served = |port| matches!(port, None | Some(587 | 465));
        let spare = |finding: &Finding| {
            let info = finding.severity == Severity::Info || !served(finding.port);
            info && finding.code.starts_with("port-")
        };
        let found = session.findings().iter().filter(|finding| !spare(finding)).map(|finding| finding.code);
        let found: Vec<&str> = found.filter(|code| !good.iter().any(|known| known == code)).collect();
        assert!(found.is_empty(), "{name}: {found:?}\n{}", super::told(session));
    };
    let healthy = super::scenarios().iter().filter(|scenario| scenario.faults == 0);
    let mut count = 0;
    for scenario in healthy {
        // Of what is healthy, that DANE matches and that the port is not the cause may be said.
        let good = &scenario.expected.findings;
        assert!(good.iter().all(|code| matches!(code.as_str(), "dane-match" | "port-is-not-the-cause")));
        told(&scenario.id, &super::run(scenario).await, good);
        count += 1;
    }
    assert!(count >= 6);
    let servers = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/servers");
    let mut count = 0;
    for file in std::fs::read_dir(servers).unwrap() {
        let path = file.unwrap().path();
        let events = ehlo::journal::read(&path).unwrap().events;
        let mut session = Session::default();
        events.iter().for_each(|event| session.apply(event));
        told(&path.display().to_string(), &session, &[]);
        count += 1;
    }
    // Each server at 587, at 465 and looked at closely; and Postfix with a sign-in and an envelope.
    assert!(count >= 19);
}
