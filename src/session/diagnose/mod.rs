//! What is wrong: one rule per finding code, computed from the record.
//!
//! Rules read the probes' books, never the whole transcript, so that they stay quick however long it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{
    ConnectOutcome, LookupOutcome, Micros, ProxyFault, Purpose, RouteId, RouteOrigin, Submit,
};
use crate::session::case::{Case, Unreached};
use crate::session::route::Attempt;
use crate::session::{Finding, Outcome, Route, Session, Severity, Transcript, apply, outcome};
use crate::target::{Goal, TlsMode};
use crate::wire::printable::{is_hidden, printable};

/// Longest fact, in bytes and in characters.
const MAX_FACT: usize = 1_500;

mod dialogue;
mod follows;
mod found;
mod inbox;
mod names;
mod other_end;
mod reach;
mod refusal;
mod relay;
mod secure;
mod submit;

/// The command with which TLS of this mode is looked at by hand.
fn s_client(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Starttls => "openssl s_client -starttls smtp",
        TlsMode::Implicit | TlsMode::None => "openssl s_client",
    }
}

/// What the rules of one route write to.
pub(crate) struct Notes<'a, 'b> {
    case: &'b Case<'a>,
    /// What was to be done where mail can be submitted.
    wanted: Option<&'a Submit>,
    transcript: &'a Transcript,
    found: Vec<Finding>,
}

impl Notes<'_, '_> {
    /// The text of a transcript line.
    fn text(&self, line: usize) -> &str {
        self.transcript.lines().get(line).map(|line| line.text.as_str()).unwrap_or_default()
    }

    /// Notes a finding. Where no line shows it nothing is said: no finding without evidence.
    fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        lines: impl IntoIterator<Item = Option<usize>>,
        facts: Vec<(&'static str, String)>,
    ) {
        let mut evidence: Vec<usize> = lines.into_iter().flatten().collect();
        evidence.dedup();
        if evidence.is_empty() {
            return;
        }
        let route = self.case.route;
        let mut all = BTreeMap::from([
            ("host", route.host.clone()),
            ("port", route.port.to_string()),
            ("mode", route.tls.phrase().to_owned()),
            ("s_client", s_client(route.tls).to_owned()),
        ]);
        all.extend(facts);
        self.found.push(finding_on(route, code, severity, evidence, all));
    }

    fn error(&mut self, code: &'static str, lines: impl IntoIterator<Item = Option<usize>>) {
        self.add(code, Severity::Error, lines, Vec::new());
    }
}

/// A finding that belongs to no route.
fn finding(
    code: &'static str,
    severity: Severity,
    evidence: Vec<usize>,
    facts: BTreeMap<&'static str, String>,
) -> Finding {
    Finding { code, severity, route: None, port: None, follows: None, evidence, facts }
}

/// The same for one that belongs to a route.
fn finding_on(
    route: &Route,
    code: &'static str,
    severity: Severity,
    evidence: Vec<usize>,
    facts: BTreeMap<&'static str, String>,
) -> Finding {
    Finding { route: Some(route.id), port: Some(route.port), ..finding(code, severity, evidence, facts) }
}

/// Everything that is found in a session so far: errors first, then by route and code; what follows from another behind
/// that one.
pub(crate) fn findings(session: &Session) -> Vec<Finding> {
    let mut found = names::findings(session);
    found.extend(relay::findings(session));
    found.extend(inbox::findings(session));
    found.extend(found::findings(session));
    for route in session.routes() {
        let mut own = of_route(session, route.id);
        if let Some(book) = session.books.get(&route.id) {
            for earlier in &book.earlier {
                if !own.iter().any(|finding| finding.code == earlier.code) {
                    own.push(earlier.clone());
                }
            }
        }
        found.extend(own);
        found.extend(flaky(session, route));
    }
    found.extend(blocked(session));
    found.extend(other_end::one_issuer(session, &found));
    found.extend(other_end::resigned(session, &found));
    // What is said of this machine and its network is true of the proxy's, where one carries the connections.
    if let Some(carrier) = session.carrier() {
        for finding in &mut found {
            finding.facts.insert("machine", format!("the machine behind {carrier}"));
            finding.facts.insert("network", format!("the network behind {carrier}"));
        }
    }
    // Names and words that strangers chose come into facts from many sides: here none gets past.
    for value in found.iter_mut().flat_map(|finding| finding.facts.values_mut()) {
        if value.len() > MAX_FACT || value.chars().any(is_hidden) {
            *value = printable(value, MAX_FACT);
        }
    }
    // Who asks about the spam folder must read this first, whatever else is wrong.
    let later = |finding: &Finding| finding.code != "port-is-not-the-cause";
    found.sort_by_key(|finding| (later(finding), finding.severity, finding.route, finding.code));
    follows::arrange(&mut found);
    found
}

/// What is found on one route.
pub(crate) fn of_route(session: &Session, route: RouteId) -> Vec<Finding> {
    let Some(route) = session.route(route) else { return Vec::new() };
    let Some(case) = apply::case(session, route) else { return Vec::new() };
    if route.outcome == Outcome::NotTried {
        return Vec::new();
    }
    let wanted = session.started().map(|started| &*started.submit);
    let notes = |case| Notes { case, wanted, transcript: session.transcript(), found: Vec::new() };
    // Where the connection that was to submit came less far than the one before it, what stopped it is told.
    let stopped = !matches!(route.outcome, Outcome::Works | Outcome::AuthFailed)
        && outcome::reached(&case) == Some(Outcome::Works);
    let later = case.submitting().filter(|later| stopped && later.probe.ended.is_some());
    let reached = later.as_ref().unwrap_or(&case);
    let mut found = notes(reached);
    reach::rules(&mut found);
    dialogue::rules(&mut found);
    secure::rules(&mut found);
    other_end::rules(&mut found);
    relay::rules(&mut found, session);
    if is_spare(session, route) && case.unreached().is_some() {
        // It was only tried because the route before it was slow to connect, and many servers do without it.
        for finding in &mut found.found {
            finding.severity = Severity::Info;
        }
    }
    let mut done = notes(&case);
    submit::rules(&mut done);
    found.found.into_iter().chain(done.found).collect()
}

/// A route of the tree's own list that comes after one that works: nobody needs it.
fn is_spare(session: &Session, route: &Route) -> bool {
    let mut before = session.routes().iter().take_while(|other| other.id != route.id);
    let reached = |other: &Route| matches!(other.outcome, Outcome::Works | Outcome::AuthFailed);
    route.origin == RouteOrigin::Tree && before.any(reached)
}

fn seconds(time: Micros) -> String {
    (time.0 / 1_000_000).to_string()
}

/// `port-flaky`: probed several times, works and fails.
fn flaky(session: &Session, route: &Route) -> Option<Finding> {
    // Whether credentials are accepted says nothing about the link.
    let reached = |outcome| matches!(outcome, Outcome::Works | Outcome::AuthFailed);
    let works = route.rounds.iter().filter(|round| reached(round.outcome)).count();
    if works == 0 || works == route.rounds.len() {
        return None;
    }
    let evidence: Vec<usize> = session.route_lines(route.id).take(1).collect();
    let facts = [
        ("host", route.host.clone()),
        ("port", route.port.to_string()),
        ("works", works.to_string()),
        ("rounds", route.rounds.len().to_string()),
    ];
    (!evidence.is_empty())
        .then(|| finding_on(route, "port-flaky", Severity::Warning, evidence, facts.into_iter().collect()))
}

/// `all-ports-blocked` and `egress-blocked`: no mail route gets through; does anything of this host answer?
fn blocked(session: &Session) -> Vec<Finding> {
    if session.goal() == Goal::Inbox {
        return Vec::new();
    }
    let tried: Vec<&Route> = session.routes().iter().filter(|route| !route.rounds.is_empty()).collect();
    let unfinished = session.routes().len() > tried.len();
    let all =
        |wanted: fn(&Route) -> bool| !tried.is_empty() && !unfinished && tried.iter().all(|r| wanted(r));
    if !all(|r| matches!(r.outcome, Outcome::Filtered | Outcome::Unreachable)) {
        return Vec::new();
    }
    // A proxy that makes no connection says nothing of the ports behind it.
    let by_proxy = |attempt: &Attempt| matches!(Unreached::of(attempt), Some(Unreached::Proxy(_)));
    if tried.iter().flat_map(|route| &route.attempts).all(by_proxy) {
        return Vec::new();
    }
    let evidence: Vec<usize> =
        tried.iter().flat_map(|r| r.attempts.iter()).flat_map(|a| a.lines.last()).copied().collect();
    if evidence.is_empty() {
        return Vec::new();
    }
    let host = session.started().map(|started| started.host.clone()).unwrap_or_default();
    let mut ports: Vec<String> = tried.iter().map(|route| route.port.to_string()).collect();
    let mut said = BTreeSet::new();
    ports.retain(|port| said.insert(port.clone()));
    let ports = ports.join(", ");
    let error = |code, evidence, facts| finding(code, Severity::Error, evidence, facts);
    let mut facts = BTreeMap::from([("host", host), ("ports", ports)]);
    if session.goal() == Goal::Relay {
        let advice = "Ask the company that hosts this machine to open port 25 outbound, or relay all mail through a \
                      smarthost: a server that you sign in to on port 587";
        facts.insert("advice", advice.to_owned());
    }
    let mut found = vec![error("all-ports-blocked", evidence.clone(), facts.clone())];
    // What this machine's own firewall keeps back is not blocked on the way out of the network.
    let prohibited = |r: &Route| {
        let found = |code| session.findings_before(r.id, code);
        (r.outcome == Outcome::Filtered && !found("local-firewall")) || found("port-prohibited")
    };
    if tried.iter().all(|r| prohibited(r))
        && let Some((port, line)) = control_answer(session)
    {
        facts.insert("control", port.to_string());
        found.push(error("egress-blocked", evidence.into_iter().chain([line]).collect(), facts));
    }
    found
}

/// A control connection that was answered, by a reset too.
fn control_answer(session: &Session) -> Option<(u16, usize)> {
    session.probes.values().find_map(|probe| {
        let Some(Purpose::Control { port, .. }) = &probe.purpose else { return None };
        let answered = |outcome: &ConnectOutcome| {
            use ConnectOutcome::{Connected, Proxy, Reset};
            matches!(outcome, Connected | Reset | Proxy { fault: ProxyFault::Refused, .. })
        };
        let attempt = probe.attempts.iter().find(|a| a.outcome.as_ref().is_some_and(answered))?;
        Some((*port, *attempt.lines.last()?))
    })
}

/// True where a look-up gave records.
fn answered(outcome: &LookupOutcome) -> bool {
    matches!(outcome, LookupOutcome::Answers(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::testing::Tape;
    use crate::target::TlsMode;

    /// The severity of `port-refused` on 2525, after 587.
    fn refused(healthy: bool, origin: RouteOrigin) -> Severity {
        let mut tape = Tape::new();
        if healthy {
            tape.healthy(587, TlsMode::Starttls);
        } else {
            tape.blocked(587, TlsMode::Starttls, ConnectOutcome::TimedOut, 5_000);
        }
        let spare = tape.route_as(2525, TlsMode::Starttls, origin);
        let probe = tape.probe(spare);
        tape.connect(probe, crate::session::testing::V4, ConnectOutcome::Reset, 2).end(probe);
        let session = tape.session();
        session.findings().iter().find(|finding| finding.code == "port-refused").unwrap().severity
    }

    #[test]
    fn a_port_that_nobody_needs_may_refuse() {
        assert_eq!(refused(true, RouteOrigin::Tree), Severity::Info);
        assert_eq!(
            refused(true, RouteOrigin::Asked),
            Severity::Error,
            "the user wants to know about this one"
        );
        assert_eq!(refused(false, RouteOrigin::Tree), Severity::Error);
    }
}
