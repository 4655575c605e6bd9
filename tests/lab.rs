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
use ehlo::guide::words::pages;
use ehlo::lab::scenario::{Mistake, OUTCOMES, Recommended, Scenario, Topic};
use ehlo::lab::scenarios;
use ehlo::session::{Session, Severity};
use ehlo::target::{Goal, RouteSpec};
use tokio::sync::mpsc;

mod wire;

/// Classic mistakes that cannot be shown yet.
const NOT_YET: [Mistake; 0] = [];

/// Finding codes that a scenario shows.
const SHOWN: &[&str] = &[
    "address-partly-dead",
    "all-ports-blocked",
    "auth-app-password-needed",
    "auth-bad-credentials",
    "auth-before-tls",
    "auth-challenge-malformed",
    "auth-disabled",
    "auth-mechanism-unsupported",
    "auth-not-offered",
    "auth-plaintext-refused",
    "auth-required",
    "auth-temporary",
    "auth-token-refused",
    "auth-web-login-needed",
    "capabilities-change-after-tls",
    "captive-portal",
    "cert-chain-incomplete",
    "cert-chain-surplus",
    "cert-chain-unordered",
    "cert-common-name-only",
    "cert-expired",
    "cert-expires-soon",
    "cert-name-mismatch",
    "cert-not-yet-valid",
    "cert-self-signed",
    "cert-unknown-ca",
    "cert-weak-key",
    "cert-weak-signature",
    "cert-wrong-usage",
    "client-cert-required",
    "closed-before-greeting",
    "connection-lost",
    "dane-match",
    "dane-mismatch",
    "dane-not-in-force",
    "dkim-key-invalid",
    "dkim-missing",
    "dkim-testing",
    "dkim-weak-key",
    "dmarc-invalid",
    "dmarc-missing",
    "dmarc-monitors-only",
    "dns-cname-dangling",
    "dns-partly-broken",
    "dns-no-address",
    "dns-nxdomain",
    "dns-refused",
    "dns-resolvers-disagree",
    "dns-servfail",
    "dns-timeout",
    "egress-blocked",
    "ehlo-rejected",
    "envelope-temporary",
    "greeting-delayed",
    "greeting-rejected",
    "greeting-temporary",
    "greeting-timeout",
    "greylisted",
    "helo-rejected",
    "hosts-file-answers",
    "implicit-tls-expected",
    "ipv4-broken",
    "ipv6-broken",
    "local-firewall",
    "message-too-large",
    "smtputf8-not-offered",
    "middlebox-masking",
    "mta-sts-mismatch",
    "mta-sts-unavailable",
    "mx-missing",
    "mx-target-invalid",
    "mx-name-for-submission",
    "mx-null",
    "mx-unreachable",
    "not-smtp",
    "open-relay",
    "other-server-answers",
    "plaintext-before-tls",
    "port-25-not-for-submission",
    "port-filtered",
    "port-flaky",
    "port-is-not-the-cause",
    "port-prohibited",
    "port-refused",
    "port-unreachable",
    "ptr-mismatch",
    "ptr-missing",
    "recipient-rejected",
    "relay-denied",
    "reply-malformed",
    "reply-quirks",
    "reply-timeout",
    "sender-rejected",
    "smtputf8-not-offered",
    "sni-dependent-certificate",
    "spf-allows-everybody",
    "spf-invalid",
    "spf-missing",
    "spf-multiple",
    "spf-not-authorised",
    "spf-too-many-lookups",
    "srv-not-offered",
    "srv-other-domain",
    "starttls-expected",
    "starttls-injection",
    "starttls-not-enforced",
    "starttls-not-offered",
    "starttls-refused",
    "starttls-required",
    "starttls-stripped",
    "submission-host-unknown",
    "target-malformed",
    "tls-alert",
    "tls-closed",
    "tls-intercepted",
    "tls-large-hello-dropped",
    "tls-no-shared-cipher",
    "tls-not-tls",
    "tls-timeout",
    "tls-version-too-old",
    "too-many-connections",
];

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

/// What is wrong with the end of a run, in words; empty where it is as promised.
fn mistakes(scenario: &Scenario, session: &Session) -> Vec<String> {
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
    let codes = codes(session);
    let missing = scenario.expected.findings.iter().filter(|code| !codes.contains(code.as_str()));
    mistakes.extend(missing.map(|code| format!("{code} is missing")));
    let surplus = scenario.expected.absent.iter().filter(|code| codes.contains(code.as_str()));
    mistakes.extend(surplus.map(|code| format!("{code} must not be there")));
    // What is healthy may still be told about, and no more than that.
    let serious = session.findings().iter().filter(|finding| finding.severity != Severity::Info);
    if scenario.faults == 0 {
        mistakes.extend(serious.map(|finding| format!("{} in a healthy scenario", finding.code)));
    }
    mistakes
}

fn codes(session: &Session) -> BTreeSet<&'static str> {
    session.findings().iter().map(|finding| finding.code).collect()
}

/// Runs part of the scenarios, each twice: verdict, outcomes and findings must be as promised, both times.
async fn part(which: usize, of: usize) {
    let mut wrong = String::new();
    for scenario in scenarios().iter().skip(which).step_by(of) {
        let session = run(scenario).await;
        let mistakes = mistakes(scenario, &session);
        if !mistakes.is_empty() {
            let _ = writeln!(wrong, "{}: {}\n{}", scenario.id, mistakes.join("; "), told(&session));
        }
        let again = run(scenario).await;
        assert_eq!(recommended(&session), recommended(&again), "{}", scenario.id);
        assert_eq!(codes(&session), codes(&again), "{}", scenario.id);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(start_paused = true)]
async fn each_scenario_gives_the_verdict_that_it_promises() {
    part(0, 2).await;
}

#[tokio::test(start_paused = true)]
async fn each_scenario_gives_the_verdict_that_it_promises_the_other_half() {
    part(1, 2).await;
}

#[test]
fn the_lab_covers_what_there_is_to_learn() {
    let all = scenarios();
    assert!(all.len() >= 32, "{}", all.len());
    for mistake in Mistake::ALL {
        let shown = all.iter().any(|scenario| scenario.mistake == Some(mistake));
        assert!(shown || NOT_YET.contains(&mistake), "no scenario shows {mistake:?}");
    }
    let healthy: Vec<&Scenario> = all.iter().filter(|scenario| scenario.faults == 0).collect();
    assert!(healthy.len() >= 3);
    for scenario in healthy {
        let ready = matches!(scenario.expected.recommendation, Recommended::Ready(_));
        assert!(ready || scenario.goal == Goal::Inbox, "{}", scenario.id);
    }
    let combined: Vec<&Scenario> = all.iter().filter(|scenario| scenario.faults >= 2).collect();
    assert!(combined.len() >= 5);
    for scenario in combined {
        assert!(scenario.expected.findings.len() >= usize::from(scenario.faults), "{}", scenario.id);
    }
    let outcomes: BTreeSet<&str> =
        all.iter().flat_map(|scenario| scenario.expected.outcomes.values()).map(String::as_str).collect();
    for outcome in OUTCOMES {
        assert!(outcomes.contains(outcome), "no scenario has a route that is {outcome}");
    }
    for topic in Topic::ALL {
        assert!(
            all.iter().any(|scenario| scenario.topic == topic) || topic > Topic::Certificate,
            "{topic:?}"
        );
    }
    for difficulty in 1..=3 {
        assert!(all.iter().filter(|scenario| scenario.difficulty == difficulty).count() >= 5);
    }
}

#[test]
fn the_lab_shows_these_findings_and_most_of_all_there_are() {
    let shown: BTreeSet<&str> =
        scenarios().iter().flat_map(|scenario| &scenario.expected.findings).map(String::as_str).collect();
    let listed: BTreeSet<&str> = SHOWN.iter().copied().collect();
    let difference: Vec<_> = shown.symmetric_difference(&listed).collect();
    assert!(difference.is_empty(), "SHOWN is to list what scenarios expect: {difference:?}");
    let pages: BTreeSet<&str> = pages().iter().map(|page| page.code.as_str()).collect();
    let strange: Vec<_> = shown.difference(&pages).collect();
    assert!(strange.is_empty(), "findings without a page: {strange:?}");
    assert!(shown.len() * 10 >= pages.len() * 9, "{} of {}", shown.len(), pages.len());
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
