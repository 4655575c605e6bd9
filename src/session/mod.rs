//! What is known so far: a fold over events.
//!
//! [`Session::apply`] takes each [`Event`] in order; everything that a face shows or the guide decides is read from
//! here. No clock, no sockets: the same events always give the same session, so a replay is the run.
//!
//! The parts: [`transcript`] (the lines a person reads, each with what kind of line it is), [`probe`] (what each probe
//! recorded), [`route`] (how far each route came and how it ended), [`dns`] (what the look-ups gave), [`diagnose`]
//! (one rule per finding code).
//!
//! ```
//! use ehlo::session::{Outcome, Session, testing};
//!
//! let mut session = Session::default();
//! for event in testing::healthy_587() {
//!     session.apply(&event);
//! }
//! assert_eq!(session.routes()[0].outcome, Outcome::Works);
//! assert!(session.findings().is_empty());
//! assert_eq!(session.transcript().search("starttls").len(), 2);
//! ```

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::event::{Event, Micros, ProbeId, Purpose, RouteId, RunEnd, SessionStarted};
use crate::target::Goal;

mod apply;
mod case;
pub mod diagnose;
pub mod dns;
pub mod finding;
mod handshake;
pub mod meaning;
mod outcome;
mod pen;
pub mod probe;
mod reach;
pub mod relay;
pub mod route;
pub mod sender;
mod talk;
#[doc(hidden)]
pub mod testing;
pub mod transcript;

#[cfg(test)]
mod tests;

pub use finding::{Finding, Severity};
pub use meaning::Meaning;
pub(crate) use pen::span;
pub use probe::Probe;
pub use route::{Outcome, Route};
pub use transcript::{Line, Transcript};

/// Everything known about a run.
#[derive(Clone, Debug, Default)]
pub struct Session {
    started: Option<SessionStarted>,
    started_line: Option<usize>,
    goal_line: Option<usize>,
    carrier_line: Option<usize>,
    ended: Option<RunEnd>,
    now: Micros,
    dns: dns::Dns,
    beyond: relay::Beyond,
    /// How often what DANE and MTA-STS demand has changed.
    demands: usize,
    routes: Vec<Route>,
    transcript: Transcript,
    /// Worked out when they are asked for: a journal of a million events is not judged a million times.
    findings: OnceLock<Vec<Finding>>,
    answers: Vec<(String, String)>,
    steps: Vec<Step>,
    warnings: Vec<String>,
    machine: BTreeMap<String, String>,
    probes: BTreeMap<ProbeId, Probe>,
    books: BTreeMap<RouteId, Book>,
}

/// Which probes a route's record is made of.
#[derive(Clone, Debug, Default)]
struct Book {
    /// The latest probe and the inspecting connections that belong to it.
    probes: Vec<ProbeId>,
    /// The connection that signed in or named an envelope, the latest.
    submission: Option<ProbeId>,
    /// The one before it, in case the latest is stopped before it has come to anything.
    previous: Vec<ProbeId>,
    /// What was found in earlier rounds, each code once.
    earlier: Vec<Finding>,
}

/// A step of the walk that was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its id in the tree.
    pub id: String,
    /// Its plan.
    pub plan: String,
    /// When it was entered.
    pub entered: Micros,
    /// True where the user passed over it.
    pub skipped: bool,
}

impl Session {
    /// Most routes of a session.
    pub const MAX_ROUTES: usize = 256;

    /// Takes the next event. Events out of place are tolerated: nothing panics, nothing is lost.
    pub fn apply(&mut self, event: &Event) {
        apply::apply(self, event);
    }

    /// What was asked, under which limits.
    pub fn started(&self) -> Option<&SessionStarted> {
        self.started.as_ref()
    }

    /// Why the run ended, once it did. A step that is run again after that opens the run anew.
    pub fn ended(&self) -> Option<RunEnd> {
        self.ended
    }

    /// The time of the latest event, since the session started.
    pub fn now(&self) -> Micros {
        self.now
    }

    /// The wall clock at the latest event, in seconds since 1970; `None` where the start does not tell.
    pub fn wall_clock(&self) -> Option<i64> {
        self.wall_clock_at(self.now)
    }

    /// The wall clock at a moment of the session.
    pub fn wall_clock_at(&self, at: Micros) -> Option<i64> {
        use time::format_description::well_known::Rfc3339;
        let started = time::OffsetDateTime::parse(&self.started.as_ref()?.started_at, &Rfc3339).ok()?;
        let elapsed = i64::try_from(at.0 / 1_000_000).ok()?;
        started.unix_timestamp().checked_add(elapsed)
    }

    /// The host that is examined; empty where none was understood.
    pub fn host(&self) -> &str {
        self.started.as_ref().map(|started| started.host.as_str()).unwrap_or_default()
    }

    /// How the probes are carried, where they leave from another machine than this one: the URL of the proxy.
    pub fn carrier(&self) -> Option<&str> {
        self.started
            .as_ref()
            .map(|started| started.vantage.as_str())
            .filter(|vantage| vantage.contains("://"))
    }

    /// The line that says so.
    pub(crate) fn carrier_line(&self) -> Option<usize> {
        self.carrier_line
    }

    /// What the mail is for: what was asked on the command line, or what the user has answered since.
    pub fn goal(&self) -> Goal {
        let answer = self.answers.iter().rev().find(|(question, _)| question == "sender");
        match answer.map(|(_, answer)| answer.as_str()) {
            Some("server") => Goal::Relay,
            Some("spam") => Goal::Inbox,
            Some("app") => Goal::Submit,
            _ => self.started.as_ref().map(|started| started.goal).unwrap_or_default(),
        }
    }

    /// The line that says that mail lands in the spam folder, and that no port is looked at for it.
    pub(crate) fn goal_line(&self) -> Option<usize> {
        self.goal_line
    }

    /// What is known beyond look-ups: a fetched policy, the addresses that connects left from.
    pub fn beyond(&self) -> &relay::Beyond {
        &self.beyond
    }

    /// The look-ups.
    pub fn dns(&self) -> &dns::Dns {
        &self.dns
    }

    /// The routes, in the order in which they were added.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// One route.
    pub fn route(&self, id: RouteId) -> Option<&Route> {
        // Routes are numbered in the order in which they were added; only a broken journal numbers them otherwise.
        match self.routes.get(usize::from(id.0)) {
            Some(route) if route.id == id => Some(route),
            _ => self.routes.iter().find(|route| route.id == id),
        }
    }

    /// The route that a probe examines or inspects.
    pub fn route_of(&self, probe: ProbeId) -> Option<&Route> {
        self.route(self.probes.get(&probe)?.route()?)
    }

    /// What a probe recorded. Of a route that was probed often, only the last two probes are kept.
    pub fn probe(&self, id: ProbeId) -> Option<&Probe> {
        self.probes.get(&id)
    }

    /// All probes that are kept, in the order of their numbers.
    pub fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.probes.values()
    }

    /// The control connections: is the host alive at all?
    pub fn controls(&self) -> impl Iterator<Item = &Probe> {
        self.probes.values().filter(|probe| matches!(probe.purpose, Some(Purpose::Control { .. })))
    }

    /// The lines.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// What was found: errors first, then by route and code; what follows from another directly behind that one.
    pub fn findings(&self) -> &[Finding] {
        self.findings.get_or_init(|| diagnose::findings(self))
    }

    /// Answers to the tree's questions: question, answer; the latest answer to each.
    pub fn answers(&self) -> &[(String, String)] {
        &self.answers
    }

    /// Steps entered, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What the machine says of itself from which the probes left; empty where that is not known.
    pub fn machine(&self) -> &BTreeMap<String, String> {
        &self.machine
    }

    /// Warnings about the run itself.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl Session {
    /// Lines of a route, by index.
    pub(crate) fn route_lines(&self, route: RouteId) -> impl Iterator<Item = usize> + '_ {
        let lines = self.transcript.lines().iter().enumerate();
        lines.filter(move |(_, line)| line.route == Some(route)).map(|(index, _)| index)
    }

    /// True where the route's own rules find this code.
    pub(crate) fn findings_before(&self, route: RouteId, code: &str) -> bool {
        diagnose::of_route(self, route).iter().any(|finding| finding.code == code)
    }
}
