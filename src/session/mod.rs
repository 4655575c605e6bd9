//! What is known so far: a fold over events.
//!
//! [`Session::apply`] takes each [`Event`] in order; everything that a face shows or the guide decides is read from
//! here. No clock, no sockets: the same events always give the same session, so a replay is the run.
//!
//! The parts: [`transcript`] (the lines a person reads, each with what kind of line it is), [`route`] (how far each
//! route came and how it ended), [`dns`] (what the look-ups gave), [`diagnose`] (one rule per finding code).

use crate::event::{Event, Micros, ProbeId, RouteId, RunEnd, SessionStarted};

pub mod diagnose;
pub mod dns;
pub mod finding;
pub mod meaning;
pub mod route;
pub mod transcript;

pub use finding::{Finding, Severity};
pub use meaning::Meaning;
pub use route::{Outcome, Route};
pub use transcript::{Line, Transcript};

/// Everything known about a run.
#[derive(Clone, Debug, Default)]
pub struct Session {
    started: Option<SessionStarted>,
    ended: Option<RunEnd>,
    now: Micros,
    dns: dns::Dns,
    routes: Vec<Route>,
    transcript: Transcript,
    findings: Vec<Finding>,
    answers: Vec<(String, String)>,
    steps: Vec<Step>,
    warnings: Vec<String>,
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
    /// Takes the next event. Events out of place are tolerated: nothing panics, nothing is lost.
    pub fn apply(&mut self, _event: &Event) {
        todo!()
    }

    /// What was asked, under which limits.
    pub fn started(&self) -> Option<&SessionStarted> {
        self.started.as_ref()
    }

    /// Why the run ended, once it did.
    pub fn ended(&self) -> Option<RunEnd> {
        self.ended
    }

    /// The time of the latest event.
    pub fn now(&self) -> Micros {
        self.now
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
        self.routes.get(usize::from(id.0))
    }

    /// The route that a probe belongs to.
    pub fn route_of(&self, probe: ProbeId) -> Option<&Route> {
        self.routes.iter().find(|route| route.probe == Some(probe))
    }

    /// The lines.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// What was found: errors first, then by route and code.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Answers to the tree's questions: question, answer.
    pub fn answers(&self) -> &[(String, String)] {
        &self.answers
    }

    /// Steps entered, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Warnings about the run itself.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
