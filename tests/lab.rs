//! Each scenario of the lab, run as `ehlo check lab:ID` runs it, gives the verdict that it promises. In paused time,
//! over the lab's own network: real SMTP bytes, real TLS, no socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::Parser as _;
use ehlo::cli::args::{Cli, Command};
use ehlo::cli::prepare::prepare;
use ehlo::engine;
use ehlo::guide::recommendation::{Status, recommend};
use ehlo::lab::scenario::{Recommended, Scenario};
use ehlo::lab::scenarios;
use ehlo::session::Session;
use ehlo::target::{Goal, RouteSpec};
use tokio::sync::mpsc;

mod wire;

async fn run(scenario: &Scenario) -> Session {
    let line = ["ehlo".to_owned(), "check".to_owned(), format!("lab:{}", scenario.id)];
    let Some(Command::Check(args)) = Cli::try_parse_from(&line).unwrap().command else { panic!("{line:?}") };
    let setup = prepare(&args.target, Goal::Submit, &args.options, false).unwrap();
    let (_orders, orders) = mpsc::channel(1);
    let (events, mut heard) = mpsc::unbounded_channel();
    let listen = async { while heard.recv().await.is_some() {} };
    tokio::join!(engine::run(setup, orders, events), listen).0
}

/// What a failing test shows: the transcript and what was concluded from it.
fn told(session: &Session) -> String {
    let mut out = String::new();
    for (at, line) in session.transcript().lines().iter().enumerate() {
        let port = line.port.map(|port| port.to_string()).unwrap_or_default();
        let _ = writeln!(out, "{at:4} {:9.1} {port:>5} {:?} {}", line.at.as_ms(), line.from, line.text);
    }
    for route in session.routes() {
        let _ = writeln!(out, "route {}/{}: {:?}", route.port, route.tls, route.outcome);
    }
    for finding in session.findings() {
        let _ = writeln!(out, "finding {} {:?} {:?}", finding.code, finding.port, finding.evidence);
    }
    let _ = writeln!(out, "{:?}", recommend(session));
    out
}

/// The name of a route's outcome in the report.
fn outcome(session: &Session, spec: RouteSpec) -> Option<String> {
    let route = session.routes().iter().find(|route| (route.port, route.tls) == (spec.port, spec.tls))?;
    serde_json::to_value(route.outcome).unwrap().as_str().map(str::to_owned)
}

fn recommended(session: &Session) -> Option<(Status, RouteSpec)> {
    recommend(session).map(|found| (found.status, RouteSpec { port: found.port, tls: found.tls }))
}

/// Runs every scenario; `judge` says what is wrong with what came of it.
async fn each(judge: impl Fn(&Scenario, &Session) -> Vec<String>) {
    let mut wrong = String::new();
    for scenario in scenarios() {
        let session = run(scenario).await;
        let mistakes = judge(scenario, &session);
        if !mistakes.is_empty() {
            let _ = writeln!(wrong, "{}: {}\n{}", scenario.id, mistakes.join("; "), told(&session));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(start_paused = true)]
async fn each_scenario_gives_the_verdict_that_it_promises() {
    each(|scenario, session| {
        let mut mistakes = Vec::new();
        let wanted = match scenario.expected.recommendation {
            Recommended::None => None,
            Recommended::Ready(route) => Some((Status::Ready, route.0)),
            Recommended::AfterFix(route) => Some((Status::AfterFix, route.0)),
        };
        let found = recommended(session);
        if found != wanted {
            mistakes.push(format!("recommends {found:?}, not {wanted:?}"));
        }
        for (route, wanted) in &scenario.expected.outcomes {
            let found = outcome(session, route.parse().unwrap());
            if found.as_ref() != Some(wanted) {
                mistakes.push(format!("{route} is {found:?}, not {wanted}"));
            }
        }
        mistakes
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_scenario_shows_the_findings_that_it_promises() {
    each(|scenario, session| {
        let codes: BTreeSet<&str> = session.findings().iter().map(|finding| finding.code).collect();
        let missing = scenario.expected.findings.iter().filter(|code| !codes.contains(code.as_str()));
        let missing = missing.map(|code| format!("{code} is missing"));
        let surplus = scenario.expected.absent.iter().filter(|code| codes.contains(code.as_str()));
        let surplus = surplus.map(|code| format!("{code} must not be there"));
        missing.chain(surplus).collect()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_same_scenario_twice_gives_the_same_verdict() {
    for scenario in scenarios() {
        let (first, second) = (run(scenario).await, run(scenario).await);
        assert_eq!(recommended(&first), recommended(&second), "{}", scenario.id);
        let codes = |session: &Session| session.findings().iter().map(|f| f.code).collect::<Vec<_>>();
        assert_eq!(codes(&first), codes(&second), "{}", scenario.id);
    }
}

/// Time here is the lab's, so these are counts of round trips, not measurements.
#[tokio::test(start_paused = true)]
async fn a_route_spends_the_round_trips_it_must_and_no_more() {
    // SYN, greeting, EHLO, STARTTLS, TLS, EHLO; with implicit TLS: SYN, TLS, greeting, EHLO.
    for (id, port, round_trips) in [("healthy", 587, 6.0), ("587-filtered", 465, 4.0)] {
        let scenario = scenarios().iter().find(|scenario| scenario.id == id).unwrap();
        let session = run(scenario).await;
        let route = session.routes().iter().find(|route| route.port == port).unwrap();
        let address = route.chosen.as_ref().and_then(|chosen| scenario.address(chosen.ip()?)).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "a latency in milliseconds is a small number")]
        let round_trip = (2 * address.latency_ms) as f64;
        assert_eq!(route.timing.total.unwrap().as_ms(), round_trips * round_trip, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_port_holds_nobody_up() {
    let scenario = scenarios().iter().find(|scenario| scenario.id == "587-filtered").unwrap();
    let session = run(scenario).await;
    let when = |text: &str| {
        let line = session.transcript().lines().iter().find(|line| line.text.contains(text));
        line.unwrap_or_else(|| panic!("{text}: {}", told(&session))).at.as_ms()
    };
    assert!(when("250 AUTH PLAIN LOGIN") < 1000.0, "465 has answered");
    assert!(when("no answer within 5 s") >= 5000.0, "while 587 was still silent");
}
