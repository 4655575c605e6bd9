//! The walk: from what is known, what comes next. Pure: a session in, a plan out.
//!
//! The order of the submission branch: who sends, the routes on the list, the host's addresses, then each route until
//! one works, the other TLS mode of a port that speaks it, the way out where everything is blocked, the verdict.
//! Nothing is remembered between calls: what was done is read from the session, so a replay walks the same way.

use crate::event::{Discover, RecordType, RouteId, RouteOrigin};
use crate::guide::discover::{self, Planned, Wanted};
use crate::guide::known::{Branch, Known, is_blocked};
use crate::guide::{delivery, plan, provider, submit};
use crate::session::relay;
use crate::session::route::State;
use crate::session::{Outcome, Route, Session};
use crate::target::{Goal, Host, RouteSpec, TlsMode};

pub use crate::guide::path::{PathStep, StepState, path};
pub use crate::guide::plan::Plan;
pub use crate::guide::submit::Errand;

/// Ports of the control connection, in order: what firewalls leave open.
pub const CONTROL_PORTS: [u16; 2] = [443, 80];

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A question of the tree must be answered; `default` is taken where nobody is asked.
    Question {
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
    /// Find the addresses of a host.
    Resolve {
        /// The plan.
        plan: Plan,
        /// The host.
        host: String,
    },
    /// Ask DNS about a domain.
    Ask {
        /// The plan.
        plan: Plan,
        /// The domain.
        domain: String,
        /// Names and record types.
        questions: Vec<(String, RecordType)>,
    },
    /// Fetch the MTA-STS policy of a domain.
    Policy {
        /// The plan.
        plan: Plan,
        /// The host that serves it.
        host: String,
    },
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
        /// The host.
        host: String,
        /// Ports, in order.
        ports: Vec<u16>,
    },
    /// Sign in, name an envelope, or both, on a route that works; on a connection of its own.
    Submit {
        /// The plan.
        plan: Plan,
        /// Which route.
        route: RouteId,
        /// What to do there.
        errand: Errand,
    },
    /// The verdict can be given.
    Conclude(Plan),
}

impl Next {
    /// The plan of a step that sends something, to be shown before it begins.
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Resolve { plan, .. }
            | Self::Ask { plan, .. }
            | Self::Policy { plan, .. }
            | Self::Probe { plan, .. }
            | Self::Control { plan, .. }
            | Self::Submit { plan, .. } => Some(plan),
            Self::Question { .. } | Self::AddRoute { .. } | Self::Conclude(_) => None,
        }
    }
}

/// What the walk was told beforehand.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Try every route.
    pub all: bool,
    /// How often each route is probed.
    pub repeat: u16,
    /// True where somebody can be asked whether to sign in.
    pub asks: bool,
}

/// Says what comes next. Called again after each step's events were applied.
pub fn next(session: &Session, settings: &Settings) -> Next {
    next_of(&Known::from(session), settings)
}

/// The same, from what is known.
pub(crate) fn next_of(known: &Known<'_>, settings: &Settings) -> Next {
    let Some(started) = known.started else { return Next::Conclude(plan::verdict()) };
    if started.malformed.is_some() || started.host.is_empty() {
        return Next::Conclude(plan::verdict());
    }
    if let Some(question) = question(known) {
        return question;
    }
    if known.branch() == Some(Branch::Inbox)
        && known.answer("inbox-next") == Some("check")
        && let Some(next) = delivery::inbox(known)
    {
        return next;
    }
    if !probes_routes(known) {
        return Next::Conclude(plan::verdict());
    }
    let planned = match discover::planned(known, settings.all) {
        Planned::Routes(routes) => routes,
        Planned::First(next) => return *next,
        Planned::Nothing => return Next::Conclude(plan::verdict()),
    };
    if let Some(wanted) = planned.into_iter().find(|wanted| !is_listed(known, &wanted.host, wanted.spec)) {
        let Wanted { host, spec, origin } = wanted;
        return Next::AddRoute { host, port: spec.port, tls: spec.tls, origin };
    }
    if let Some(next) = resolve_next(known) {
        return next;
    }
    if known.routes.iter().all(|route| is_nowhere(known, route)) {
        return Next::Conclude(plan::verdict());
    }
    if known.relays()
        && let Some(next) = delivery::dane(known)
    {
        return next;
    }
    if let Some(next) = next_route(known, settings) {
        return next;
    }
    if let Some(next) = submit::next(known, settings) {
        return next;
    }
    if known.relays()
        && let Some(next) = delivery::after_routes(known)
    {
        return next;
    }
    let open = known.entered("way-out").is_none() && all_blocked(known);
    if open {
        return control(known);
    }
    Next::Conclude(plan::verdict())
}

/// The control connection goes to the host of the first route: where DNS named it, the domain itself may be elsewhere.
fn control(known: &Known<'_>) -> Next {
    let host = known.routes.first().map_or(known.host(), |route| route.host.as_str()).to_owned();
    let plan = plan::through(plan::way_out(&host, &CONTROL_PORTS), known.carrier());
    Next::Control { plan, host, ports: CONTROL_PORTS.to_vec() }
}

/// True where every route is tried although one works: with `--all`, and where each is a mail server of a domain, for
/// mail that comes later may take any of them.
pub fn tries_all(session: &Session, settings: &Settings) -> bool {
    settings.all || Known::from(session).discovers() == Some(Discover::Exchangers)
}

/// True where the whole chain of a route's server must be seen, which TLS 1.3 hides: DNS vouches for an authority.
pub fn wants_chain(session: &Session, route: &Route) -> bool {
    relay::association(session.dns(), &route.host, route.port).is_some_and(|found| {
        session.goal() == Goal::Relay && found.records.iter().any(|tlsa| tlsa.usage == 2)
    })
}

fn ask(question: &str, default: &str) -> Next {
    Next::Question { question: question.to_owned(), default: default.to_owned() }
}

/// The question at the head of the tree, then the one at the head of its branch.
fn question(known: &Known<'_>) -> Option<Next> {
    let Some(branch) = known.branch() else {
        return Some(ask("sender", sender_of(known.goal())));
    };
    let (question, default) = match branch {
        Branch::Submit => return None,
        Branch::Relay => ("relay-check", "check"),
        Branch::Inbox => ("inbox-next", "check"),
        Branch::Message => ("error-next", "walk"),
    };
    known.answer(question).is_none().then(|| ask(question, default))
}

/// The answer to `sender` that a goal stands for.
pub fn sender_of(goal: Goal) -> &'static str {
    match goal {
        Goal::Submit => "app",
        Goal::Relay => "server",
        Goal::Inbox => "spam",
    }
}

/// Whether the branch that was chosen comes to probing routes at all.
pub(crate) fn probes_routes(known: &Known<'_>) -> bool {
    match known.branch() {
        None | Some(Branch::Submit) => true,
        Some(Branch::Relay) => known.answer("relay-check") != Some("stop"),
        Some(Branch::Inbox) => known.answer("inbox-next") == Some("walk"),
        Some(Branch::Message) => known.answer("error-next") != Some("explain"),
    }
}

/// The routes that the walk begins with, in order.
pub(crate) fn planned(known: &Known<'_>, all: bool) -> Vec<(RouteSpec, RouteOrigin)> {
    let Some(started) = known.started else { return Vec::new() };
    let with = |origin: RouteOrigin| move |spec: RouteSpec| (spec, origin);
    let relay_port = RouteSpec { port: 25, tls: TlsMode::Starttls };
    let mut routes: Vec<(RouteSpec, RouteOrigin)> = if !started.routes.is_empty() {
        started.routes.iter().copied().map(with(RouteOrigin::Asked)).collect()
    } else if known.relays() {
        vec![(relay_port, RouteOrigin::Tree)]
    } else if let Some(provider) = known_provider(known) {
        of_provider(provider)
    } else {
        RouteSpec::SUBMISSION.into_iter().map(with(RouteOrigin::Tree)).collect()
    };
    if all && !known.relays() {
        routes.push((relay_port, RouteOrigin::Information));
    }
    // What the application does, or should do, is what the user wants to know first.
    if let Some(route) = started.lead.as_ref().and_then(|lead| lead.route).filter(|_| !known.relays()) {
        routes.insert(0, (route, RouteOrigin::Asked));
    }
    let mut seen = Vec::with_capacity(routes.len());
    routes.retain(|(spec, _)| {
        let new = !seen.contains(spec);
        seen.push(*spec);
        new
    });
    routes
}

/// What the table says, and what the tree would try besides where the table does not claim to know all.
pub(crate) fn of_provider(provider: &provider::Provider) -> Vec<(RouteSpec, RouteOrigin)> {
    let mut routes: Vec<_> =
        provider.in_order().into_iter().map(|spec| (spec, RouteOrigin::Provider)).collect();
    if !provider.complete {
        let others = RouteSpec::SUBMISSION.into_iter().filter(|spec| !provider.offers(*spec));
        routes.extend(others.map(|spec| (spec, RouteOrigin::Tree)));
        routes.sort_by_key(|(spec, _)| provider::rank(*spec));
    }
    routes
}

/// The provider of the host, where the table knows it.
fn known_provider(known: &Known<'_>) -> Option<&'static provider::Provider> {
    let id = known.started?.provider.as_deref();
    id.and_then(provider::by_id).or_else(|| provider::by_host(known.host()))
}

fn is_listed(known: &Known<'_>, host: &str, spec: RouteSpec) -> bool {
    known.routes.iter().any(|route| route.host == host && route.port == spec.port && route.tls == spec.tls)
}

/// The first host of a route that has not been looked up.
fn resolve_next(known: &Known<'_>) -> Option<Next> {
    let remote = known.is_remote();
    let route = known.routes.iter().find(|route| {
        let entered = known.entered("host").is_some();
        let asked = known.dns.of(&route.host).next().is_some() || known.skipped("host");
        if remote || route.host == known.host() { !entered } else { !asked }
    })?;
    let is_address = Host::parse(&route.host).is_ok_and(|host| host.address().is_some());
    Some(Next::Resolve {
        plan: plan::host(&route.host, is_address, known.carrier()),
        host: route.host.clone(),
    })
}

/// True where the route's host has no address, so that there is nothing to connect to.
fn is_nowhere(known: &Known<'_>, route: &Route) -> bool {
    if Host::parse(&route.host).is_ok_and(|host| host.address().is_some()) {
        return false;
    }
    if route.host == known.host() {
        return has_no_address(known);
    }
    !known.is_remote() && known.dns.reachable(&route.host).is_empty()
}

/// True where every look-up is answered and no address came of it. Where names are resolved at the far end of a proxy
/// nothing was looked up here, and nothing is concluded.
pub(crate) fn has_no_address(known: &Known<'_>) -> bool {
    let dns = known.dns;
    let skipped = known.skipped("host");
    let system_knows = matches!(&dns.system, Some((Ok(addresses), _)) if !addresses.is_empty());
    let asked = !dns.answers.is_empty() || skipped;
    asked && dns.a.is_empty() && dns.aaaa.is_empty() && !system_knows && !known.is_remote()
}

/// The next route to be added, asked about or probed; `None` where the matter is settled or nothing is left.
fn next_route(known: &Known<'_>, settings: &Settings) -> Option<Next> {
    let repeat = usize::from(settings.repeat.max(1));
    let order = known.ordered();
    // Credentials that were refused here are refused on the next port too, and every try counts against the account.
    let mut settled = submit::was_tried(known) && !settings.all;
    let all = settings.all || known.discovers() == Some(Discover::Exchangers);
    for (index, route) in order.iter().enumerate() {
        if !known.is_done(route, repeat) {
            if is_nowhere(known, route) {
                continue;
            }
            if settled && !still_wanted(known, route) {
                continue;
            }
            if asks_2525(route) {
                match known.answer("offers-2525") {
                    None => return Some(ask("offers-2525", "yes")),
                    Some("no") => continue,
                    Some(_) => {}
                }
            }
            let followers = order
                .iter()
                .skip(index + 1)
                .filter(|later| later.state == State::Waiting && !known.is_done(later, repeat))
                .filter(|later| !(asks_2525(later) && known.answer("offers-2525") == Some("no")))
                .map(|later| later.id)
                .collect();
            let plan = route_plan_of(known, route);
            return Some(Next::Probe { plan, route: route.id, followers });
        }
        if route.outcome == Outcome::ModeMismatch {
            let other = other_mode(route.tls);
            if !is_listed(known, &route.host, RouteSpec { port: route.port, tls: other }) {
                let origin = RouteOrigin::OtherMode(route.id);
                return Some(Next::AddRoute {
                    host: route.host.clone(),
                    port: route.port,
                    tls: other,
                    origin,
                });
            }
        }
        settled |= known.is_steady(route) && !all;
    }
    None
}

fn other_mode(tls: TlsMode) -> TlsMode {
    match tls {
        TlsMode::Implicit => TlsMode::Starttls,
        TlsMode::Starttls | TlsMode::None => TlsMode::Implicit,
    }
}

/// After a route that works, 465 with implicit TLS is still looked at where all that works is implicit TLS on a port
/// that is not made for it: where both speak it, 465 is the better advice.
fn still_wanted(known: &Known<'_>, route: &Route) -> bool {
    let odd = |r: &&Route| known.is_steady(r) && r.tls == TlsMode::Implicit && r.port == 587;
    let works: Vec<_> = known.routes.iter().filter(|r| known.is_steady(r)).collect();
    route.port == 465 && route.tls == TlsMode::Implicit && !works.is_empty() && works.iter().all(odd)
}

/// 2525 is in no RFC: whether it is there is the provider's affair. Where the table knows it, or the port was asked
/// for, nobody needs to be asked; nor where a race has tried it already.
fn asks_2525(route: &Route) -> bool {
    route.port == 2525
        && route.origin == RouteOrigin::Tree
        && route.state == State::Waiting
        && route.rounds.is_empty()
}

/// True where every route that was tried is blocked: the way out must be told from the server.
fn all_blocked(known: &Known<'_>) -> bool {
    known.tried().next().is_some() && known.tried().all(is_blocked)
}

/// The plan of a route's step.
pub fn route_plan(session: &Session, route: &Route) -> Plan {
    route_plan_of(&Known::from(session), route)
}

fn route_plan_of(known: &Known<'_>, route: &Route) -> Plan {
    let mut plan = plan::through(plan::route(route), known.carrier());
    // With `--all` a route that works is looked at more closely, and one of these looks is a little rude.
    if known.started.is_some_and(|started| started.all) && route.tls == TlsMode::Starttls {
        plan.text
            .push_str("; one connection sends NOOP behind STARTTLS, to see whether the server forgets it");
    }
    plan
}

/// What running a step once more means; `None` where the step is unknown or cannot be run.
pub fn again(session: &Session, step: &str) -> Option<Next> {
    let known = Known::from(session);
    let started = known.started?;
    if started.malformed.is_some() || known.host().is_empty() {
        return None;
    }
    match step {
        "host" => {
            let is_address = Host::parse(known.host()).is_ok_and(|host| host.address().is_some());
            let plan = plan::host(known.host(), is_address, known.carrier());
            Some(Next::Resolve { plan, host: known.host().to_owned() })
        }
        "way-out" => Some(control(&known)),
        submit::SIGN_IN | submit::ENVELOPE => submit::again(&known, step),
        _ if delivery::again(&known, step).is_some() => delivery::again(&known, step),
        _ => {
            let route = known.routes.iter().find(|route| plan::step_id(route) == step)?;
            let plan = route_plan_of(&known, route);
            Some(Next::Probe { plan, route: route.id, followers: Vec::new() })
        }
    }
}

#[cfg(test)]
mod tests;
