//! The path taken, and what lies ahead: for the walk pane and the report.

use crate::event::{ConnectOutcome, Discover, ProxyFault, RouteId};
use crate::guide::headline::{self, Tone};
use crate::guide::known::{Branch, Known};
use crate::guide::{domain, plan, submit, tree, walk};
use crate::session::route::State;
use crate::session::{Line, Meaning, Outcome, Route, Session, Severity};
use crate::target::TlsMode;

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
pub fn path(session: &Session) -> Vec<PathStep> {
    path_of(&Known::from(session))
}

/// The same, from what is known.
pub(crate) fn path_of(known: &Known<'_>) -> Vec<PathStep> {
    let mut path = vec![question(known, "sender")];
    let branch = match known.branch() {
        Some(Branch::Relay) => Some("relay-check"),
        Some(Branch::Inbox) => Some("inbox-next"),
        Some(Branch::Message) => Some("error-next"),
        Some(Branch::Submit) | None => None,
    };
    path.extend(branch.map(|id| question(known, id)));
    if known.branch() == Some(Branch::Inbox) && known.answer("inbox-next").is_none_or(|next| next == "check")
    {
        path.extend(["spf", "dkim", "dmarc"].map(|id| about_domain(known, id)));
        path.extend(known.entered("reverse").map(|_| about_domain(known, "reverse")));
    }
    if walk::probes_routes(known) {
        match known.discovers() {
            Some(Discover::Submission) => path.push(discover(known)),
            Some(Discover::Exchangers) => {
                path.extend(["mx", "mta-sts"].map(|id| about_domain(known, id)));
                path.extend(known.entered("mta-sts-policy").map(|_| about_domain(known, "mta-sts-policy")));
            }
            None => {}
        }
        path.push(host(known));
        if known.relays() {
            path.push(about_domain(known, "dane"));
        }
        routes(known, &mut path);
        submit(known, &mut path);
        path.extend(known.entered("reverse").map(|_| about_domain(known, "reverse")));
        if known.entered("way-out").is_some() {
            path.push(way_out(known));
        }
    }
    path.push(verdict(known));
    path
}

fn step(known: &Known<'_>, id: &str, state: StepState, result: String) -> PathStep {
    // A run that was stopped has no current step, and nothing lies ahead of it any more.
    let state = match state {
        StepState::Ahead | StepState::Current if known.ended.is_some() => StepState::Skipped,
        other => other,
    };
    PathStep { id: id.to_owned(), title: tree::title(id), state, result, route: None }
}

fn is_latest(known: &Known<'_>, id: &str) -> bool {
    known.steps.last().is_some_and(|step| step.id == id)
}

fn question(known: &Known<'_>, id: &str) -> PathStep {
    match known.answer(id) {
        Some(answer) => step(known, id, StepState::Good, answer.to_owned()),
        None => step(known, id, StepState::Current, String::new()),
    }
}

fn discover(known: &Known<'_>) -> PathStep {
    let (state, result) = if known.entered("discover").is_none() {
        (StepState::Ahead, String::new())
    } else if is_latest(known, "discover") && known.ended.is_none() {
        (StepState::Current, String::new())
    } else {
        match known.routes.first() {
            Some(route) => (StepState::Good, route.host.clone()),
            None => (StepState::Bad, "no host found".to_owned()),
        }
    };
    step(known, "discover", state, result)
}

/// A step that looks up what a domain says: how it ended is what its look-ups came to.
fn about_domain(known: &Known<'_>, id: &str) -> PathStep {
    if known.entered(id).is_none() {
        return step(known, id, StepState::Ahead, String::new());
    }
    if known.skipped(id) {
        return step(known, id, StepState::Skipped, "skipped".to_owned());
    }
    if is_latest(known, id) && known.ended.is_none() {
        return step(known, id, StepState::Current, String::new());
    }
    let (good, result) = domain::result(known, id);
    step(known, id, if good { StepState::Good } else { StepState::Bad }, result)
}

fn host(known: &Known<'_>) -> PathStep {
    let (state, result) = host_state(known);
    step(known, "host", state, result)
}

fn host_state(known: &Known<'_>) -> (StepState, String) {
    if let Some(why) = known.started.and_then(|started| started.malformed.as_ref()) {
        return (StepState::Bad, why.clone());
    }
    if known.skipped("host") {
        return (StepState::Skipped, "skipped".to_owned());
    }
    let Some(_) = known.entered("host") else { return (StepState::Ahead, String::new()) };
    let addresses = known.dns.a.len() + known.dns.aaaa.len();
    match addresses {
        0 if known.dns.answers.is_empty() && is_latest(known, "host") => (StepState::Current, String::new()),
        0 if known.dns.answers.is_empty() => (StepState::Good, "resolved elsewhere".to_owned()),
        0 if is_latest(known, "host") && known.ended.is_none() => (StepState::Current, String::new()),
        0 => (StepState::Bad, "no address".to_owned()),
        1 => (StepState::Good, "1 address".to_owned()),
        n => (StepState::Good, format!("{n} addresses")),
    }
}

fn routes(known: &Known<'_>, path: &mut Vec<PathStep>) {
    let repeat = known.repeat();
    let all = known.started.is_some_and(|started| started.all);
    let settled = known.routes.iter().any(|route| known.is_steady(route));
    for route in known.ordered() {
        if route.port == 2525 && known.answer("offers-2525").is_some() {
            path.push(question(known, "offers-2525"));
        }
        let id = plan::step_id(route);
        let (state, result) = route_state(known, route, repeat, settled && !all);
        path.push(PathStep { route: Some(route.id), ..step(known, &id, state, result) });
    }
    if known.routes.is_empty() {
        for (spec, _) in walk::planned(known, all) {
            let id = plan::step_id_of(spec.port, spec.tls);
            path.push(step(known, &id, StepState::Ahead, String::new()));
        }
    }
}

/// Signing in and the envelope, where they were asked for.
fn submit(known: &Known<'_>, path: &mut Vec<PathStep>) {
    let Some(started) = known.started else { return };
    for id in [submit::ASK_SIGN_IN, submit::ASK_SEND] {
        if known.answer(id).is_some() {
            path.push(question(known, id));
        }
    }
    let wanted = &started.submit;
    let at = known.routes.iter().find(|route| route.submission.is_some());
    let done = at.and_then(|route| route.submission.as_ref());
    let state = |entered: Option<&str>, told: Option<(bool, String)>| match (entered, told) {
        (None, _) => (StepState::Ahead, String::new()),
        (Some(id), _) if known.skipped(id) => (StepState::Skipped, "skipped".to_owned()),
        (Some(id), _) if is_latest(known, id) && !done.is_some_and(|done| done.over) => {
            (StepState::Current, String::new())
        }
        (Some(_), Some((true, words))) => (StepState::Good, words),
        (Some(_), Some((false, words))) => (StepState::Bad, words),
        (Some(_), None) => (StepState::Bad, "not tried".to_owned()),
    };
    let signs_in = known.entered(submit::SIGN_IN).map(|step| step.id.as_str());
    if started.sign_in || signs_in.is_some() {
        let told = done.and_then(|done| done.auth.as_ref());
        let told =
            told.map(|told| (told.accepted, if told.accepted { "accepted" } else { "refused" }.to_owned()));
        let (state, result) = state(signs_in, told);
        path.push(PathStep {
            route: at.map(|route| route.id),
            ..step(known, submit::SIGN_IN, state, result)
        });
    }
    if wanted.mail_from.is_some() || wanted.open_relay {
        let entered = signs_in.or_else(|| known.entered(submit::ENVELOPE).map(|step| step.id.as_str()));
        let told = |verb: &str| {
            done.and_then(|done| done.replies.iter().find(|told| told.command.starts_with(verb)))
        };
        let refused =
            [("MAIL", "sender refused"), ("RCPT", "recipient refused"), ("message", "message refused")];
        let refused = refused.into_iter().find(|(verb, _)| told(verb).is_some_and(|told| !told.accepted));
        let result = match (refused, told("MAIL"), told("message")) {
            (Some((_, words)), _, _) => Some((false, words.to_owned())),
            (None, _, Some(_)) => Some((true, "message sent".to_owned())),
            (None, Some(_), None) => Some((true, "accepted".to_owned())),
            (None, None, None) if wanted.mail_from.is_none() => Some((true, "checked".to_owned())),
            (None, None, None) => None,
        };
        let (state, result) = state(entered, result);
        path.push(PathStep {
            route: at.map(|route| route.id),
            ..step(known, submit::ENVELOPE, state, result)
        });
    }
}

fn route_state(known: &Known<'_>, route: &Route, repeat: usize, settled: bool) -> (StepState, String) {
    let id = plan::step_id(route);
    if known.skipped(&id) {
        return (StepState::Skipped, "skipped".to_owned());
    }
    match route.state {
        State::Running(_) => (StepState::Current, String::new()),
        State::Ended if route.outcome == Outcome::NotTried => (StepState::Skipped, outcome(route.outcome)),
        State::Ended if route.rounds.len() < repeat && is_latest(known, &id) && known.ended.is_none() => {
            (StepState::Current, format!("{} of {repeat}", route.rounds.len()))
        }
        State::Ended => ended(known, route),
        State::Waiting if is_latest(known, &id) => (StepState::Current, String::new()),
        State::Waiting if settled || known.ended.is_some() => {
            (StepState::Skipped, outcome(Outcome::NotTried))
        }
        State::Waiting => (StepState::Ahead, String::new()),
    }
}

fn ended(known: &Known<'_>, route: &Route) -> (StepState, String) {
    let works = route.rounds.iter().filter(|round| round.outcome == Outcome::Works).count();
    if route.outcome == Outcome::Works && !known.is_steady(route) {
        return (StepState::Bad, format!("works {works} of {} times", route.rounds.len()));
    }
    let state = if route.outcome == Outcome::Works { StepState::Good } else { StepState::Bad };
    (state, outcome(route.outcome))
}

/// The report's word for an outcome.
pub fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Works => "works",
        Outcome::Filtered => "filtered",
        Outcome::Refused => "refused",
        Outcome::Unreachable => "unreachable",
        Outcome::Closed => "closed",
        Outcome::Silent => "silent",
        Outcome::NotSmtp => "not-smtp",
        Outcome::Rejected => "rejected",
        Outcome::ModeMismatch => "mode-mismatch",
        Outcome::NoStarttls => "no-starttls",
        Outcome::StarttlsRefused => "starttls-refused",
        Outcome::Interrupted => "interrupted",
        Outcome::TlsFailed => "tls-failed",
        Outcome::CertInvalid => "cert-invalid",
        Outcome::AuthFailed => "auth-failed",
        Outcome::NotTried => "not-tried",
    }
    .to_owned()
}

fn way_out(known: &Known<'_>) -> PathStep {
    if known.skipped("way-out") {
        return step(known, "way-out", StepState::Skipped, "skipped".to_owned());
    }
    let answered = |line: &&Line| {
        line.route.is_none()
            && line.port.is_some_and(|port| walk::CONTROL_PORTS.contains(&port))
            && matches!(
                line.meaning,
                Meaning::Connect {
                    outcome: ConnectOutcome::Connected
                        | ConnectOutcome::Reset
                        | ConnectOutcome::Proxy { fault: ProxyFault::Refused, .. },
                    ..
                }
            )
    };
    let entered = known.entered("way-out").map(|step| step.entered).unwrap_or_default();
    let found = known.lines.iter().filter(|line| line.at >= entered).find(answered);
    match found {
        Some(line) => {
            let port = line.port.unwrap_or_default();
            step(known, "way-out", StepState::Good, format!("port {port} answers"))
        }
        None if is_latest(known, "way-out") && known.ended.is_none() => {
            step(known, "way-out", StepState::Current, String::new())
        }
        None => step(known, "way-out", StepState::Bad, "silent too".to_owned()),
    }
}

fn verdict(known: &Known<'_>) -> PathStep {
    if known.entered("verdict").is_none() {
        return step(known, "verdict", StepState::Ahead, String::new());
    }
    let found = headline::headline_of(known);
    let errors = known.findings.iter().any(|finding| finding.severity == Severity::Error);
    let state = match found.tone {
        Tone::Good | Tone::Fix => StepState::Good,
        Tone::Neutral if !errors => StepState::Good,
        Tone::Neutral | Tone::Bad => StepState::Bad,
    };
    step(known, "verdict", state, found.text)
}

/// The mode in a title: `STARTTLS`, `implicit TLS`.
pub(crate) fn mode_word(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Starttls => "STARTTLS",
        TlsMode::Implicit => "implicit TLS",
        TlsMode::None => "no TLS",
    }
}
