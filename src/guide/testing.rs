//! Tables of routes for the guide's tests: what a session would know, without the run behind it.

use std::collections::BTreeMap;

use crate::event::{Micros, ProbeId, RouteId, RouteOrigin, RunEnd, SessionStarted};
use crate::guide::hosting::Hosting;
use crate::guide::known::Known;
use crate::guide::plan;
use crate::guide::walk::{Next, Settings, next_of};
use crate::session::dns::{Answer, Dns};
use crate::session::route::{Round, State};
pub use crate::session::testing::started;
use crate::session::{Finding, Line, Outcome, Route, Severity, Step};
use crate::target::{RouteSpec, TlsMode};

/// What a session would know; fields are set by the test.
#[derive(Clone, Debug)]
pub struct Case {
    pub started: SessionStarted,
    pub ended: Option<RunEnd>,
    pub answers: Vec<(String, String)>,
    pub steps: Vec<Step>,
    pub dns: Dns,
    pub routes: Vec<Route>,
    pub findings: Vec<Finding>,
    pub lines: Vec<Line>,
    pub hosting: Option<&'static Hosting>,
    pub left_from: Vec<(std::net::IpAddr, usize)>,
}

impl Case {
    pub fn new(host: &str) -> Self {
        Self {
            started: started(host),
            ended: None,
            answers: Vec::new(),
            steps: Vec::new(),
            dns: Dns::default(),
            routes: Vec::new(),
            findings: Vec::new(),
            lines: Vec::new(),
            hosting: None,
            left_from: Vec::new(),
        }
    }

    pub fn known(&self) -> Known<'_> {
        Known {
            started: Some(&self.started),
            ended: self.ended,
            now: Micros(0),
            answers: &self.answers,
            steps: &self.steps,
            dns: &self.dns,
            routes: &self.routes,
            findings: &self.findings,
            lines: &self.lines,
            hosting: self.hosting,
            left_from: &self.left_from,
            policy: None,
        }
    }

    pub fn settings(&self) -> Settings {
        Settings { all: self.started.all, repeat: self.started.repeat, asks: false }
    }

    pub fn next(&self) -> Next {
        next_of(&self.known(), &self.settings())
    }

    pub fn answer(&mut self, question: &str, answer: &str) {
        self.answers.push((question.into(), answer.into()));
    }

    pub fn enter(&mut self, step: &str) {
        self.steps.push(Step { id: step.into(), plan: String::new(), entered: Micros(0), skipped: false });
    }

    pub fn resolved(&mut self, address: Option<&str>) {
        self.enter("host");
        let outcome = match address {
            Some(address) => crate::event::LookupOutcome::Answers(vec![crate::event::Record {
                name: self.started.host.clone(),
                ttl: 60,
                data: crate::event::RecordData::Address(address.parse().unwrap()),
            }]),
            None => crate::event::LookupOutcome::NxDomain { at: self.started.host.clone() },
        };
        let answer = Answer {
            name: self.started.host.clone(),
            record: crate::event::RecordType::A,
            source: crate::event::LookupSource::Dns(None),
            outcome,
            took: Micros(10),
            line: 0,
        };
        self.dns.add(answer, Micros(10));
        self.dns.a.extend(address.and_then(|text| text.parse::<std::net::IpAddr>().ok()));
    }

    pub fn add(&mut self, port: u16, tls: TlsMode, origin: RouteOrigin) -> RouteId {
        let id = RouteId(u16::try_from(self.routes.len()).unwrap());
        self.routes.push(route(id, &self.started.host, port, tls, origin));
        id
    }

    /// One more round of the route, with this end.
    pub fn end(&mut self, id: RouteId, outcome: Outcome) {
        let step = plan::step_id(&self.routes[usize::from(id.0)]);
        self.enter(&step);
        let route = &mut self.routes[usize::from(id.0)];
        route.state = State::Ended;
        route.outcome = outcome;
        let probe = ProbeId(10 * u32::from(id.0) + 1 + u32::try_from(route.rounds.len()).unwrap());
        if outcome != Outcome::NotTried {
            route.rounds.push(Round { probe, outcome });
        }
    }

    pub fn find(&mut self, id: RouteId, code: &'static str, severity: Severity) {
        let port = self.routes[usize::from(id.0)].port;
        self.findings.push(Finding {
            code,
            severity,
            route: Some(id),
            port: Some(port),
            follows: None,
            evidence: vec![0],
            facts: BTreeMap::new(),
        });
    }

    /// Walks to the end as the engine would without a user, each route ending as `ends` says; gives the steps in
    /// order, questions with their answers.
    pub fn walk(&mut self, ends: &dyn Fn(RouteSpec) -> Outcome) -> Vec<String> {
        let mut log = Vec::new();
        for _ in 0..100 {
            match self.next() {
                Next::Question { question, default } => {
                    log.push(format!("{question}={default}"));
                    self.answer(&question, &default);
                }
                Next::AddRoute { port, tls, origin, .. } => {
                    self.add(port, tls, origin);
                }
                Next::Resolve { plan, .. } => {
                    log.push(plan.step);
                    self.resolved(Some("192.0.2.10"));
                }
                Next::Ask { plan, .. } => {
                    log.push(plan.step.clone());
                    self.enter(&plan.step);
                }
                Next::Probe { plan, route, .. } => {
                    log.push(plan.step);
                    let found = &self.routes[usize::from(route.0)];
                    let end = ends(RouteSpec { port: found.port, tls: found.tls });
                    self.end(route, end);
                }
                Next::Policy { plan, .. } | Next::Control { plan, .. } => {
                    log.push(plan.step.clone());
                    self.enter(&plan.step);
                }
                Next::Submit { plan, .. } => {
                    log.push(plan.step.clone());
                    self.enter(&plan.step);
                }
                Next::Conclude(plan) => {
                    log.push(plan.step.clone());
                    self.enter(&plan.step);
                    self.ended = Some(RunEnd::Completed);
                    return log;
                }
            }
        }
        panic!("the walk does not end: {log:?}");
    }
}

pub fn route(id: RouteId, host: &str, port: u16, tls: TlsMode, origin: RouteOrigin) -> Route {
    Route::new(id, host.into(), port, tls, origin)
}
