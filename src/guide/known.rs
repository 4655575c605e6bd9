//! What the guide reads of a session, in one place: the walk, the path and the recommendation are computed from it.
//!
//! It exists so that the guide's rules can be shown in tests as tables of routes, without a recorded run behind each.

use std::net::IpAddr;

use crate::event::{
    ConnectOutcome, Discover, IcmpError, Micros, RouteId, RouteOrigin, RunEnd, SessionStarted,
};
use crate::guide::hosting::{self, Hosting};
use crate::guide::plan;
use crate::session::dns::Dns;
use crate::session::relay::Fetched;
use crate::session::route::State;
use crate::session::{Finding, Line, Outcome, Route, Session, Step};
use crate::target::{Goal, Host};

/// A borrowed look at a session.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What was asked.
    pub started: Option<&'a SessionStarted>,
    /// Why the run has ended, once it has.
    pub ended: Option<RunEnd>,
    /// The time of the latest event.
    pub now: Micros,
    /// Answers to the tree's questions.
    pub answers: &'a [(String, String)],
    /// Steps entered.
    pub steps: &'a [Step],
    /// Look-ups.
    pub dns: &'a Dns,
    /// Routes, in the order in which they were added.
    pub routes: &'a [Route],
    /// Findings.
    pub findings: &'a [Finding],
    /// Transcript lines.
    pub lines: &'a [Line],
    /// The company whose machine this is, where it is known.
    pub hosting: Option<&'static Hosting>,
    /// The addresses that connects to mail servers left from, each with its line.
    pub left_from: &'a [(IpAddr, usize)],
    /// The MTA-STS policy that was asked for.
    pub policy: Option<&'a Fetched>,
}

impl<'a> From<&'a Session> for Known<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            started: session.started(),
            ended: session.ended(),
            now: session.now(),
            answers: session.answers(),
            steps: session.steps(),
            dns: session.dns(),
            routes: session.routes(),
            findings: session.findings(),
            lines: session.transcript().lines(),
            hosting: hosting::of(session),
            left_from: &session.beyond().left_from,
            policy: session.beyond().policy.as_ref(),
        }
    }
}

/// The branch of the tree that is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// An app or a mail client submits.
    Submit,
    /// A mail server delivers.
    Relay,
    /// Mail lands in the spam folder.
    Inbox,
    /// There is an error message.
    Message,
}

impl<'a> Known<'a> {
    /// The latest answer to a question.
    pub fn answer(&self, question: &str) -> Option<&'a str> {
        self.answers.iter().rev().find(|(asked, _)| asked == question).map(|(_, answer)| answer.as_str())
    }

    /// The goal that the command line gave.
    pub fn goal(&self) -> Goal {
        self.started.map_or(Goal::Submit, |started| started.goal)
    }

    /// The branch, once it is known.
    pub fn branch(&self) -> Option<Branch> {
        Some(match self.answer("sender")? {
            "server" => Branch::Relay,
            "spam" => Branch::Inbox,
            "error" => Branch::Message,
            _ => Branch::Submit,
        })
    }

    /// True where the routes carry mail from server to server: TLS is opportunistic there.
    pub fn relays(&self) -> bool {
        self.branch().map_or(self.goal() == Goal::Relay, |branch| branch == Branch::Relay)
    }

    /// What is to be found in DNS for the target before there are routes; `None` where the target is the host itself.
    pub fn discovers(&self) -> Option<Discover> {
        let started = self.started?;
        let domain = started.routes.is_empty()
            && Host::parse(&started.host).is_ok_and(|host| host.address().is_none());
        match self.branch() {
            // The target of a relay is the recipients' domain, whether the command line said so or the user did.
            Some(Branch::Relay) if started.discover.is_some() || domain => Some(Discover::Exchangers),
            Some(Branch::Relay) => None,
            _ => started.discover.filter(|discover| *discover == Discover::Submission),
        }
    }

    /// The host that was asked about; empty where none was understood.
    pub fn host(&self) -> &'a str {
        self.started.map_or("", |started| started.host.as_str())
    }

    /// True where names are resolved at the far end of a proxy, so that nothing is looked up here.
    pub fn is_remote(&self) -> bool {
        self.carrier().is_some()
    }

    /// The proxy that carries the probes.
    pub fn carrier(&self) -> Option<&'a str> {
        self.started.map(|started| started.vantage.as_str()).filter(|vantage| vantage.contains("://"))
    }

    /// How often each route is probed.
    pub fn repeat(&self) -> usize {
        self.started.map_or(1, |started| usize::from(started.repeat.max(1)))
    }

    /// The latest entry into a step.
    pub fn entered(&self, step: &str) -> Option<&'a Step> {
        self.steps.iter().rev().find(|entered| entered.id == step)
    }

    /// True where the user passed over the step, and has not gone back to it.
    pub fn skipped(&self, step: &str) -> bool {
        self.entered(step).is_some_and(|entered| entered.skipped)
    }

    /// The routes in the order of the walk: as they were added, but the other TLS mode of a port right behind it.
    pub fn ordered(&self) -> Vec<&'a Route> {
        let mut order = Vec::with_capacity(self.routes.len());
        for route in self.routes.iter().filter(|route| self.parent(route).is_none()) {
            self.push_with_children(route, &mut order);
        }
        order
    }

    fn push_with_children(&self, route: &'a Route, order: &mut Vec<&'a Route>) {
        order.push(route);
        for child in self.routes.iter().filter(|child| self.parent(child) == Some(route.id)) {
            self.push_with_children(child, order);
        }
    }

    /// The route whose other mode this is. A parent is always older: a record that says otherwise makes no circle.
    fn parent(&self, route: &Route) -> Option<RouteId> {
        match route.origin {
            RouteOrigin::OtherMode(parent)
                if parent < route.id && self.routes.iter().any(|r| r.id == parent) =>
            {
                Some(parent)
            }
            _ => None,
        }
    }

    /// True where nothing more is to be learned of the route by itself: it was probed as often as asked, was stopped,
    /// or passed over.
    pub fn is_done(&self, route: &Route, repeat: usize) -> bool {
        let stopped = route.outcome == Outcome::NotTried;
        self.skipped(&plan::step_id(route))
            || (route.state == State::Ended && (stopped || route.rounds.len() >= repeat))
    }

    /// True where the route works, and did so in every round asked for. What comes and goes does not settle anything.
    pub fn is_steady(&self, route: &Route) -> bool {
        let rounds = route.rounds.iter().rev().take(self.repeat());
        route.outcome == Outcome::Works && rounds.clone().all(|round| round.outcome == Outcome::Works)
    }

    /// The routes that were tried; a route for information is none of the user's.
    pub fn tried(&self) -> impl Iterator<Item = &'a Route> {
        self.routes.iter().filter(|route| route.outcome != Outcome::NotTried)
    }
}

/// True where the route never let a connection through: nothing answered, or a router or firewall said that it is
/// prohibited.
pub fn is_blocked(route: &Route) -> bool {
    match route.outcome {
        Outcome::Filtered => true,
        Outcome::Unreachable => route.attempts.iter().any(
            |attempt| matches!(attempt.outcome, Some(ConnectOutcome::Icmp(error)) if is_prohibited(&error)),
        ),
        _ => false,
    }
}

/// ICMP's administratively-prohibited kinds: type 3 codes 9, 10 and 13 (RFC 1812 §5.2.7.1), ICMPv6 type 1 codes 1, 5
/// and 6 (RFC 4443 §3.1). One from this machine itself is its own firewall's doing.
fn is_prohibited(error: &IcmpError) -> bool {
    let kind = if error.v6 {
        error.kind == 1 && matches!(error.code, 1 | 5 | 6)
    } else {
        error.kind == 3 && matches!(error.code, 9 | 10 | 13)
    };
    kind && !error.from_self
}
