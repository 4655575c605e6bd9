//! The walk: from what is known, what comes next. Pure: a session in, a plan out.

use crate::event::{RouteId, RouteOrigin};
use crate::session::Session;
use crate::target::TlsMode;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A question of the tree must be answered; `default` is taken where nobody is asked.
    Ask {
        /// Question id.
        question: String,
        /// Answer id.
        default: String,
    },
    /// A route goes on the list.
    AddRoute {
        /// Host to connect to.
        host: String,
        /// Port.
        port: u16,
        /// TLS mode.
        tls: TlsMode,
        /// Why.
        origin: RouteOrigin,
    },
    /// Find the addresses of the host.
    Resolve(Plan),
    /// Probe a route. `followers` are the routes that would be probed if this one fails, in order: racing may begin them.
    Probe {
        /// The plan.
        plan: Plan,
        /// Which route.
        route: RouteId,
        /// The next ones.
        followers: Vec<RouteId>,
    },
    /// Is it the way out, or the server? Connect to these ports of the host and nothing more, until one answers.
    Control {
        /// The plan.
        plan: Plan,
        /// Ports, in order.
        ports: Vec<u16>,
    },
    /// The verdict can be given.
    Conclude(Plan),
}

/// What a step will do, before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Step id: `host`, `route-587-starttls`, `way-out`, `verdict`.
    pub step: String,
    /// In one line: to whom, what is sent, and what stays undone.
    pub text: String,
}

/// What the walk was told beforehand.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Try every route.
    pub all: bool,
    /// How often each route is probed.
    pub repeat: u16,
}

/// Says what comes next. Called again after each step's events were applied.
pub fn next(_session: &Session, _settings: &Settings) -> Next {
    todo!()
}

/// How a step of the path stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Ahead; perhaps never reached.
    Ahead,
    /// Now.
    Current,
    /// Ended well.
    Good,
    /// Ended badly.
    Bad,
    /// Passed over, or no longer needed.
    Skipped,
}

/// One step of the path, for the walk pane and the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// Step id.
    pub id: String,
    /// Title with port and mode filled in.
    pub title: String,
    /// How it stands.
    pub state: StepState,
    /// How it ended, in a few words; empty where it has not.
    pub result: String,
    /// The route it is about.
    pub route: Option<RouteId>,
}

/// The path taken and what lies ahead, in order.
pub fn path(_session: &Session) -> Vec<PathStep> {
    todo!()
}

/// The plan of a route's step.
pub fn route_plan(_route: &crate::session::Route) -> Plan {
    todo!()
}

/// What running a step once more means; `None` where the step is unknown or cannot be run.
pub fn again(_session: &Session, _step: &str) -> Option<Next> {
    todo!()
}
