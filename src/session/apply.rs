//! The fold itself: which event changes what.

use std::sync::OnceLock;

use crate::event::{
    ConnectOutcome, Event, EventKind, InspectReason, ProbeEnd, ProbeId, Purpose, RecordType, RouteId,
    RouteOrigin,
};
use crate::session::case::Case;
use crate::session::pen::Pen;
use crate::session::probe::{Exchange, Handshake, Probe};
use crate::session::route::{
    ChainSource, Outcome, Phase, Round, Route, State, Submission, Timing, TlsSession, Told,
};
use crate::session::transcript::{From, Layer, Transcript};
use crate::session::{Finding, Meaning, Session, Step, diagnose, handshake, outcome, reach, relay, talk};
use crate::target::{Goal, Host, TlsMode};
use crate::wire::printable::printable;

/// Most probes that are kept.
const MAX_PROBES: usize = 4_096;

/// Most inspecting connections of one round of a route that are kept: there is one for each reason, and few reasons.
const MAX_INSPECTIONS: usize = 32;

/// Most rounds of a route that are kept.
pub(super) const MAX_ROUNDS: usize = 1_000;

/// Most times that what DANE and MTA-STS demand may change: each time every route is judged anew.
pub(super) const MAX_DEMANDS: usize = 1_000;

/// Most questions of the tree whose answers are kept.
const MAX_ANSWERS: usize = 100;

/// Most steps and warnings that are kept.
const MAX_NOTES: usize = 1_000;

/// Takes one event.
pub(super) fn apply(session: &mut Session, event: &Event) {
    session.now = session.now.max(event.at);
    match &event.kind {
        EventKind::SessionStarted(started) => {
            session.started = Some(started.clone());
            session.dns.set_target(&started.host);
            if let Some(unicode) = Host::parse(&started.host).ok().and_then(|host| host.unicode()) {
                let text = format!("target: {unicode} is {} in DNS", started.host);
                pen(session, event).write(From::Probe, Layer::Dns, &text, Meaning::Remark);
            }
            say_goal(session, event);
            if let Some(reason) = &started.malformed {
                let mut pen = pen(session, event);
                let line = pen.write(From::Probe, Layer::Dns, &format!("target: {reason}"), Meaning::Remark);
                session.started_line = line;
            } else {
                say_carrier(session, event);
            }
        }
        EventKind::Machine { facts } => {
            let kept = facts.iter().take(MAX_NOTES);
            session.machine =
                kept.map(|(name, value)| (printable(name, 100), printable(value, 100))).collect();
        }
        EventKind::Answered { question, answer, .. } => {
            session.answers.retain(|(asked, _)| asked != question);
            if session.answers.len() < MAX_ANSWERS {
                session.answers.push((question.clone(), answer.clone()));
            }
            say_goal(session, event);
        }
        EventKind::StepEntered { step, plan } => enter(session, event, step, plan, false),
        EventKind::StepSkipped { step } => {
            match session.steps.iter_mut().rev().find(|entered| entered.id == *step) {
                Some(entered) => entered.skipped = true,
                None => enter(session, event, step, "", true),
            }
        }
        EventKind::RouteAdded { route, host, port, tls, origin } => {
            add_route(session, *route, host, *port, *tls, *origin);
        }
        EventKind::ProbeStarted { purpose } => probe_started(session, event, purpose),
        EventKind::Lookup { name, record, source, outcome, took } => {
            let mut known = std::mem::take(&mut session.dns);
            let mut pen = pen(session, event);
            reach::lookup(&mut known, &mut pen, name, *record, source, outcome, *took);
            session.dns = known;
            if *record == RecordType::Tlsa {
                demands_changed(session);
            }
        }
        EventKind::PolicyFetched { host, outcome, took } => {
            let mut pen = pen(session, event);
            let line = reach::policy_fetched(&mut pen, host, outcome, *took);
            session.beyond.policy = line.map(|line| relay::Fetched::new(host, outcome, line));
            demands_changed(session);
        }
        EventKind::SystemLookup { host, result, .. } => {
            let mut known = std::mem::take(&mut session.dns);
            let mut pen = pen(session, event);
            reach::system_lookup(&mut known, &mut pen, host, result);
            session.dns = known;
        }
        EventKind::SignInGiven { user, kind } => {
            if let Some(started) = &mut session.started {
                started.sign_in = true;
                started.submit.user = Some(printable(user, 320));
                started.submit.secret = Some(*kind);
            }
        }
        EventKind::Warning { text } => {
            if session.warnings.len() < MAX_NOTES {
                session.warnings.push(printable(text, 1_000));
            }
        }
        EventKind::RunEnded { reason } => {
            session.ended = Some(*reason);
            run_ended(session);
        }
        _ => of_probe(session, event),
    }
    if tells(&event.kind) {
        session.findings = OnceLock::new();
    }
}

/// Where a proxy carries the connections, one line says what is seen from there and what is asked from here.
fn say_carrier(session: &mut Session, event: &Event) {
    let Some(carrier) = session.carrier() else { return };
    let text = format!(
        "proxy: connections leave from {carrier}, and host names are looked up there; what DNS publishes for a domain \
         (SRV, MX, TXT, TLSA) is asked from this machine"
    );
    session.carrier_line = pen(session, event).write(From::Probe, Layer::Dns, &text, Meaning::Remark);
}

/// Where mail lands in the spam folder, the first line says what that has to do with ports.
fn say_goal(session: &mut Session, event: &Event) {
    if session.goal() == Goal::Inbox && session.goal_line.is_none() && !session.host().is_empty() {
        let text = format!(
            "goal: mail of {} is accepted and lands in the spam folder; receivers do not see the port of submission",
            session.host()
        );
        session.goal_line = pen(session, event).write(From::Probe, Layer::Dns, &text, Meaning::Remark);
    }
}

/// True for events after which there may be more, or less, to find.
fn tells(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::SessionStarted(_)
            | EventKind::RouteAdded { .. }
            | EventKind::Answered { .. }
            | EventKind::Lookup { .. }
            | EventKind::PolicyFetched { .. }
            | EventKind::SystemLookup { .. }
            | EventKind::ConnectEnded { .. }
            | EventKind::TlsEnded { .. }
            | EventKind::ChainInspected { .. }
            | EventKind::ProbeEnded { .. }
            | EventKind::RunEnded { .. }
    )
}

fn pen<'a>(session: &'a mut Session, event: &Event) -> Pen<'a> {
    let probe = session.probes.get(&event.probe);
    let route = probe.and_then(Probe::route);
    let port = match probe.and_then(|probe| probe.purpose.as_ref()) {
        Some(Purpose::Control { port, .. }) => Some(*port),
        _ => route.and_then(|id| session.route(id)).map(|route| route.port),
    };
    Pen { transcript: &mut session.transcript, at: event.at, probe: event.probe, route, port }
}

fn enter(session: &mut Session, event: &Event, step: &str, plan: &str, skipped: bool) {
    if session.steps.len() < MAX_NOTES {
        let (id, plan) = (step.to_owned(), plan.to_owned());
        session.steps.push(Step { id, plan, entered: event.at, skipped });
    }
}

fn add_route(session: &mut Session, id: RouteId, host: &str, port: u16, tls: TlsMode, origin: RouteOrigin) {
    if session.route(id).is_some() || session.routes.len() >= Session::MAX_ROUTES {
        return;
    }
    if session.routes.is_empty() {
        session.dns.set_target(host);
    }
    session.routes.push(Route::new(id, host.to_owned(), port, tls, origin));
}

fn probe_started(session: &mut Session, event: &Event, purpose: &Purpose) {
    session.ended = None;
    if session.probes.len() >= MAX_PROBES || session.probes.contains_key(&event.probe) {
        return;
    }
    if let Purpose::Inspect { route, .. } = purpose
        && session.books.get(route).is_some_and(|book| book.probes.len() > MAX_INSPECTIONS)
    {
        return;
    }
    session.probes.insert(event.probe, Probe::new(event.probe, Some(purpose.clone()), event.at));
    match purpose {
        Purpose::Resolve { host } => session.dns.asked_again(host),
        Purpose::Route { route, .. } => {
            next_round(session, *route, event.probe);
            project(session, *route);
        }
        Purpose::Inspect { route, .. } => {
            session.books.entry(*route).or_default().probes.push(event.probe);
            project(session, *route);
        }
        Purpose::Submit { route } => {
            let book = session.books.entry(*route).or_default();
            let before = book.submission.replace(event.probe);
            if let Some(before) = before {
                session.probes.remove(&before);
            }
            project(session, *route);
        }
        Purpose::Ask { .. } | Purpose::Policy { .. } | Purpose::Control { .. } => {}
    }
}

/// A route is probed once more: what the rounds before have shown is kept as findings, their records only once.
fn next_round(session: &mut Session, route: RouteId, probe: ProbeId) {
    let repeated = session.started.as_ref().is_some_and(|started| started.repeat > 1);
    let found = if repeated { diagnose::of_route(session, route) } else { Vec::new() };
    let book = session.books.entry(route).or_default();
    for finding in found {
        let known = |other: &Finding| other.code == finding.code;
        if !book.earlier.iter().any(known) {
            book.earlier.push(finding);
        }
    }
    if !repeated {
        book.earlier.clear();
    }
    let previous = std::mem::replace(&mut book.probes, vec![probe]);
    let forgotten = std::mem::replace(&mut book.previous, previous);
    for id in forgotten {
        session.probes.remove(&id);
    }
}

/// Everything that happens within a probe.
fn of_probe(session: &mut Session, event: &Event) {
    let now = session.wall_clock();
    // Taken out and put back, so that the transcript can be written meanwhile.
    let known = session.probes.remove(&event.probe);
    let mut probe = known.unwrap_or_else(|| Probe::new(event.probe, None, event.at));
    let route = probe.route();
    let port = match &probe.purpose {
        Some(Purpose::Control { port, .. }) => Some(*port),
        _ => route.and_then(|id| session.route(id)).map(|route| route.port),
    };
    let mut pen = Pen { transcript: &mut session.transcript, at: event.at, probe: event.probe, route, port };
    let changed = happened(&mut probe, &mut pen, &event.kind, now);
    if let EventKind::ConnectEnded { address, local, .. } = &event.kind {
        let line = probe.attempt(address).and_then(|attempt| attempt.lines.last().copied());
        relay::left(session, probe.purpose.as_ref(), local.map(|local| local.ip()), line);
    }
    if session.probes.len() < MAX_PROBES {
        session.probes.insert(event.probe, probe);
    }
    if let Some(route) = route
        && changed
    {
        project(session, route);
        if let EventKind::ProbeEnded { how } = event.kind {
            round_ended(session, route, event.probe, how);
        }
        settle_outcome(session, route);
    }
}

/// True where the route may stand differently afterwards.
fn happened(probe: &mut Probe, pen: &mut Pen<'_>, kind: &EventKind, now: Option<i64>) -> bool {
    match kind {
        EventKind::ConnectStarted { address } => reach::connect_started(probe, pen, address),
        EventKind::ConnectEnded { address, outcome, took, retransmitted, .. } => {
            let dropped = *outcome == ConnectOutcome::TimedOut && reach::dropped_here(retransmitted);
            reach::connect_ended(probe, pen, address, outcome, *took, dropped);
        }
        EventKind::ConnectionChosen { address } => reach::chosen(probe, pen, address),
        EventKind::Sent { bytes, encrypted, .. } => talk::sent(probe, pen, &bytes.0, *encrypted),
        EventKind::Received { bytes, encrypted } => return talk::received(probe, pen, &bytes.0, *encrypted),
        EventKind::TlsStarted { server_name, verification, library } => {
            handshake::started(probe, pen, server_name, *verification, library);
        }
        EventKind::TlsBytes { from, bytes } => {
            handshake::bytes(probe, pen, *from, &bytes.0);
            return false;
        }
        EventKind::TlsEnded { outcome } => handshake::ended(probe, pen, outcome, now),
        EventKind::ChainInspected { chain, errors } => handshake::inspected(probe, pen, chain, errors, now),
        EventKind::Closed { how } => reach::closed(probe, pen, how),
        EventKind::WaitExpired { awaited, limit } => reach::expired(probe, pen, *awaited, *limit),
        EventKind::LimitReached { what } => reach::limit(probe, pen, what),
        EventKind::ProbeEnded { how } => {
            talk::flush(probe, pen);
            probe.ended = Some(*how);
        }
        EventKind::SessionStarted(_)
        | EventKind::Machine { .. }
        | EventKind::Answered { .. }
        | EventKind::StepEntered { .. }
        | EventKind::StepSkipped { .. }
        | EventKind::RouteAdded { .. }
        | EventKind::ProbeStarted { .. }
        | EventKind::Lookup { .. }
        | EventKind::PolicyFetched { .. }
        | EventKind::SystemLookup { .. }
        | EventKind::Warning { .. }
        | EventKind::SignInGiven { .. }
        | EventKind::RunEnded { .. } => return false,
    }
    true
}

/// The record of a route as the rules and the outcome read it; `None` before its first probe.
pub(super) fn case<'a>(session: &'a Session, route: &'a Route) -> Option<Case<'a>> {
    let mut probes = session.books.get(&route.id)?.probes.iter().filter_map(|id| session.probes.get(id));
    let probe = probes.next()?;
    let goal = session.goal();
    let demand = relay::demand(session, route);
    let started = session.started.as_ref();
    let submission = session.books.get(&route.id)?.submission.and_then(|id| session.probes.get(&id));
    let sibling_not_smtp = session
        .routes
        .iter()
        .any(|other| other.origin == RouteOrigin::OtherMode(route.id) && other.outcome == Outcome::NotSmtp);
    let aliases = session.dns.aliases(&route.host);
    Some(Case {
        goal,
        route,
        probe,
        inspections: probes.collect(),
        sibling_not_smtp,
        aliases,
        demand,
        submission,
        sign_in: started.filter(|started| started.sign_in).map(|started| &*started.submit),
        provider: started.and_then(|started| started.provider.as_deref()),
    })
}

/// Brings what a route shows up to its record.
fn project(session: &mut Session, id: RouteId) {
    let Some(position) = session.routes.iter().position(|route| route.id == id) else { return };
    // The rounds before this one are not looked at, and may be many.
    let rounds = session.routes.get_mut(position).map(|route| std::mem::take(&mut route.rounds));
    let next = projected(session, position);
    if let (Some(route), Some(rounds)) = (session.routes.get_mut(position), rounds) {
        if let Some(next) = next {
            *route = next;
        }
        route.rounds = rounds;
    }
}

fn projected(session: &Session, position: usize) -> Option<Route> {
    let route = session.routes.get(position)?;
    let case = case(session, route)?;
    let mut next = route.clone();
    let probe = case.probe;
    next.probe = Some(probe.id);
    next.state = state(&case);
    next.chosen = probe.chosen.as_ref().map(|(endpoint, _)| endpoint.clone());
    next.attempts.clone_from(&probe.attempts);
    next.timing = timing(probe);
    next.greeting =
        probe.greeting.as_ref().filter(|said| said.reply.code().is_some()).map(|said| said.reply.clone());
    next.before_tls.clone_from(&probe.before_tls);
    next.after_tls.clone_from(&probe.after_tls);
    let relaxed = case.inspected(InspectReason::Relaxed);
    let hello = case.handshake().and_then(|h| h.hello.as_ref()).or_else(|| relaxed?.hello.as_ref());
    next.session = hello.map(|hello| TlsSession {
        version: hello.version.clone(),
        cipher: hello.cipher.clone(),
        group: hello.group.clone(),
    });
    next.verified = case.handshake().is_some_and(Handshake::verified);
    next.submission = case.submission.map(|probe| submission(&case, probe, &session.transcript));
    match case.certificates() {
        Some(seen) => {
            next.certificates.clone_from(&seen.chain);
            next.chain = match (seen.complete, seen.errors.is_some()) {
                (false, _) => ChainSource::LeafOnly,
                (true, true) => ChainSource::Inspection,
                (true, false) => ChainSource::Tap,
            };
        }
        None => {
            next.certificates.clear();
            next.chain = ChainSource::LeafOnly;
        }
    }
    Some(next)
}

/// What the connection that signed in or named an envelope was told.
fn submission(case: &Case<'_>, probe: &Probe, transcript: &Transcript) -> Submission {
    let text = |exchange: &Exchange| {
        let line = exchange.line.and_then(|line| transcript.lines().get(line));
        line.map(|line| line.text.clone()).unwrap_or_default()
    };
    let mut done = Submission { over: probe.ended.is_some(), ..Submission::default() };
    let mut message = false;
    for exchange in &probe.exchanges {
        let Some(said) = &exchange.answer else { continue };
        let accepted = matches!(said.reply.code(), Some(200..=399));
        let mut told = Told { command: text(exchange), accepted, reply: said.reply.summary() };
        match exchange.verb.as_str() {
            "AUTH" => {
                if done.mechanism.is_none() {
                    done.mechanism =
                        told.command.split_ascii_whitespace().nth(1).map(str::to_ascii_uppercase);
                    done.user = case.sign_in.and_then(|wanted| wanted.user.clone());
                }
                told.command = "AUTH".to_owned();
                done.auth = (said.reply.code() != Some(334)).then_some(told);
            }
            "DATA" if message => {
                told.command = "message".to_owned();
                done.replies.push(told);
            }
            "MAIL" | "RCPT" | "DATA" | "RSET" => {
                message = exchange.verb == "DATA";
                done.replies.push(told);
            }
            _ => {}
        }
    }
    done
}

fn state(case: &Case<'_>) -> State {
    let inspecting = case.inspections.iter().any(|probe| probe.ended.is_none());
    let submitting = case.submission.filter(|probe| probe.ended.is_none()).map(Probe::phase);
    match case.probe.ended {
        Some(_) if !inspecting && submitting.is_none() => State::Ended,
        Some(_) => State::Running(submitting.unwrap_or(Phase::Inspect)),
        None if inspecting => State::Running(Phase::Inspect),
        None => State::Running(case.probe.phase()),
    }
}

fn timing(probe: &Probe) -> Timing {
    let connected = probe.chosen.as_ref().map(|(_, at)| *at);
    let tls = probe.handshake.as_ref();
    let tls_up = tls.and_then(|h| h.ended.as_ref().filter(|_| h.established())).map(|ended| ended.at);
    // The first EHLO: in cleartext, or with implicit TLS the only one.
    let implicit = probe.greeting.as_ref().is_some_and(|said| said.encrypted);
    let exchange = |verbs: &[&str]| {
        let mut first = None;
        let mut last = None;
        let asked = probe.exchanges.iter().filter(|e| e.encrypted == implicit);
        for exchange in asked.filter(|e| verbs.contains(&e.verb.as_str())) {
            first = first.or(Some(exchange.sent));
            last = exchange.answer.as_ref().map(|said| said.at);
        }
        Some(last?.since(first?))
    };
    Timing {
        connect: probe.chosen_attempt().and_then(|attempt| attempt.took),
        greeting: probe.greeting.as_ref().and_then(|said| {
            let from = if said.encrypted { tls_up } else { connected };
            Some(said.at.since(from?))
        }),
        ehlo: exchange(&["EHLO", "HELO"]),
        starttls: exchange(&["STARTTLS"]),
        tls: tls.and_then(|h| Some(h.ended.as_ref()?.at.since(h.started))),
        total: (probe.last > probe.started).then(|| probe.last.since(probe.started)),
    }
}

/// A probe of a route ended: one round more, unless it was stopped before it had come to anything.
fn round_ended(session: &mut Session, id: RouteId, probe: ProbeId, how: ProbeEnd) {
    let Some(route) = session.route(id) else { return };
    let Some(case) = case(session, route) else { return };
    if case.probe.id != probe || route.rounds.iter().rev().any(|round| round.probe == probe) {
        return;
    }
    let decided = outcome::outcome(&case);
    let ended = match (decided, how) {
        (Some(outcome), _) => outcome,
        (None, ProbeEnd::Completed) => outcome::unfinished(&case),
        (None, ProbeEnd::Cancelled) => Outcome::NotTried,
    };
    let undone = decided.is_none() && how == ProbeEnd::Cancelled;
    if let Some(route) = session.routes.iter_mut().find(|route| route.id == id) {
        if route.rounds.len() < MAX_ROUNDS {
            route.rounds.push(Round { probe, outcome: ended });
        }
        if !undone || route.rounds.len() == 1 {
            route.outcome = ended;
        }
    }
    // A stopped repetition leaves what the one before it has shown.
    if undone
        && let Some(book) = session.books.get_mut(&id)
        && !book.previous.is_empty()
    {
        let previous = std::mem::take(&mut book.previous);
        let stopped = std::mem::replace(&mut book.probes, previous);
        book.previous = stopped;
        project(session, id);
    }
}

/// What DANE and MTA-STS demand has changed: routes that have ended may stand differently.
fn demands_changed(session: &mut Session) {
    if session.demands >= MAX_DEMANDS {
        return;
    }
    session.demands += 1;
    let ended = session.routes.iter().filter(|route| route.state == State::Ended);
    let ended: Vec<RouteId> = ended.map(|route| route.id).collect();
    for id in ended {
        settle_outcome(session, id);
    }
}

/// What was decided may be seen differently once an inspecting connection, or the route in the other mode, has told.
fn settle_outcome(session: &mut Session, id: RouteId) {
    let mut ids = vec![id];
    if let Some(RouteOrigin::OtherMode(first)) = session.route(id).map(|route| route.origin) {
        ids.push(first);
    }
    for id in ids {
        let Some(route) = session.route(id) else { continue };
        let Some(case) = case(session, route) else { continue };
        let (probe, ended) = (case.probe.id, case.probe.ended);
        let Some(outcome) = ended.and_then(|_| outcome::outcome(&case)) else { continue };
        if let Some(route) = session.routes.iter_mut().find(|route| route.id == id) {
            route.outcome = outcome;
            if let Some(round) = route.rounds.iter_mut().rev().find(|round| round.probe == probe) {
                round.outcome = outcome;
            }
        }
    }
}

/// What was still under way when the run ended was not tried to the end.
fn run_ended(session: &mut Session) {
    let running: Vec<(RouteId, ProbeId)> = session
        .routes
        .iter()
        .filter(|route| matches!(route.state, State::Running(_)))
        .filter_map(|route| Some((route.id, route.probe?)))
        .collect();
    for (id, probe) in running {
        let members = session.books.get(&id).map(|book| book.probes.clone()).unwrap_or_default();
        for member in members {
            if let Some(probe) = session.probes.get_mut(&member) {
                probe.ended.get_or_insert(ProbeEnd::Cancelled);
            }
        }
        project(session, id);
        round_ended(session, id, probe, ProbeEnd::Cancelled);
        settle_outcome(session, id);
    }
}
