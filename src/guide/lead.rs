//! A walk that begins with an error message: which settings and which step the message leads to, what need not wait on
//! the way there, and whether the probe showed what the message was taken for.
//!
//! Pure, and of the message itself nothing is here: a [`Lead`] has ids only, so a journal holds no word of it.

use crate::guide::known::Known;
use crate::guide::path::mode_word;
use crate::guide::symptom::{Cause, Explanation, book};
use crate::guide::walk::Next;
use crate::guide::words::{lower, page, words};
use crate::guide::{submit, tree};
use crate::session::route::State;
use crate::session::{Finding, Outcome, Route, Session, Severity};
use crate::target::{Goal, Host, Lead, RouteSpec};

/// What an explanation leads to. Where the application's port is 25, all ports are tried, for 25 is none for it.
pub fn of(found: &Explanation) -> Lead {
    let route = found.route().filter(|_| found.goal == Goal::Submit);
    Lead {
        causes: found.causes.iter().map(|cause| cause.code.clone()).collect(),
        decided: found.decided,
        start_at: found.start_at.clone(),
        route: route.filter(|route| route.port != 25),
        all: route.is_some_and(|route| route.port == 25),
    }
}

/// What beginning the walk does, said before it is done. An address is not looked up.
pub fn preview(lead: &Lead, goal: Goal, host: &str) -> String {
    let address = Host::parse(host).is_ok_and(|host| host.address().is_some());
    let first = lead.route.unwrap_or(RouteSpec::SUBMISSION[0]);
    match (goal, stage(&lead.start_at)) {
        (Goal::Relay | Goal::Inbox, _) | (Goal::Submit, Stage::Host) => {
            "The walk begins with the plan of its first step, and waits.".to_owned()
        }
        (Goal::Submit, Stage::Route) if address => {
            format!("The plan for port {} {} is shown, and waits.", first.port, first.tls.phrase())
        }
        (Goal::Submit, Stage::Route) => format!(
            "The host is looked up; then the plan for port {} {} is shown, and waits.",
            first.port,
            first.tls.phrase()
        ),
        (Goal::Submit, Stage::Submit) => {
            let then = if lead.start_at == submit::SIGN_IN {
                "then it is asked whether to sign in. No mail and no password is sent before."
            } else {
                "sender and recipient are named by the command above only. No mail is sent."
            };
            let port = format!("{} {}", first.port, first.tls.phrase());
            if address {
                format!("Port {port} is probed; {then}")
            } else {
                format!("The host is looked up and port {port} probed; {then}")
            }
        }
    }
}

/// The cause that fits the message best.
pub fn supposed(session: &Session) -> Option<&'static Cause> {
    session.started()?.lead.as_ref()?.causes.first().and_then(|code| book().cause(code))
}

/// True where a step is only done to come to the one that the message leads to: it does not wait for the user. What
/// was stopped on the way waits, and so does everything behind a route that has ended.
pub fn is_on_the_way(session: &Session, next: &Next) -> bool {
    is_before(&Known::from(session), next)
}

pub(crate) fn is_before(known: &Known<'_>, next: &Next) -> bool {
    let Some(lead) = known.started.and_then(|started| started.lead.as_ref()) else { return false };
    let stage = stage(&lead.start_at);
    let fresh = known.ended.is_none() && known.routes.iter().all(|route| route.state == State::Waiting);
    fresh
        && match next {
            Next::Resolve { .. } => stage > Stage::Host && known.entered("host").is_none(),
            Next::Probe { route, .. } => {
                let route = known.routes.iter().find(|known| known.id == *route);
                stage > Stage::Route && route.is_some_and(|route| leads_somewhere(known, route))
            }
            _ => false,
        }
}

/// A host that was looked up with success, or that need not be: not one whose look-up was stopped.
fn leads_somewhere(known: &Known<'_>, route: &Route) -> bool {
    known.is_remote()
        || Host::parse(&route.host).is_ok_and(|host| host.address().is_some())
        || !known.dns.reachable(&route.host).is_empty()
        || (route.host == known.host() && !(known.dns.a.is_empty() && known.dns.aaaa.is_empty()))
}

/// Where in the walk a step of the tree comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Host,
    Route,
    Submit,
}

fn stage(step: &str) -> Stage {
    match step {
        submit::SIGN_IN | submit::ENVELOPE => Stage::Submit,
        _ if part(step).is_some() => Stage::Route,
        _ => Stage::Host,
    }
}

/// How deep in a route's probe a step of the tree lies.
fn part(step: &str) -> Option<Part> {
    Some(match step {
        "connect" => Part::Connect,
        "greeting" | "ehlo" => Part::Greeting,
        "starttls" => Part::Starttls,
        "tls" => Part::Tls,
        "certificate" => Part::Certificate,
        _ if step.starts_with("route-") => Part::Tls,
        _ => return None,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Connect,
    Greeting,
    Starttls,
    Tls,
    Certificate,
}

/// How far a route's probe came; `None` where it was not tried.
fn came_to(outcome: Outcome) -> Option<Part> {
    Some(match outcome {
        Outcome::NotTried => return None,
        Outcome::Filtered | Outcome::Refused | Outcome::Unreachable => Part::Connect,
        Outcome::Closed
        | Outcome::Silent
        | Outcome::NotSmtp
        | Outcome::Rejected
        | Outcome::ModeMismatch
        | Outcome::Interrupted => Part::Greeting,
        Outcome::NoStarttls | Outcome::StarttlsRefused => Part::Starttls,
        Outcome::TlsFailed => Part::Tls,
        Outcome::CertInvalid | Outcome::AuthFailed | Outcome::Works => Part::Certificate,
    })
}

/// What became of what the message was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The probe showed it.
    Confirmed,
    /// The probe showed another of the causes that fit.
    Other,
    /// The probe came to the step that would show it, and it was not there.
    NotFound,
    /// The probe did not come there, or this cause is none that a probe shows.
    Open,
}

impl Held {
    /// The report's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Other => "other",
            Self::NotFound => "not-found",
            Self::Open => "open",
        }
    }
}

/// The judgement, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What became of it.
    pub held: Held,
    /// What the message was taken for, as a title without its full stop; `None` where no cause fitted.
    pub supposed: Option<&'static str>,
    /// What the probe says to it, sentence by sentence.
    pub says: Vec<String>,
}

/// Says whether the probe showed what the message was taken for; `None` where no message led to the walk, or the walk
/// has not ended.
pub fn judge(session: &Session) -> Option<Judgement> {
    judge_of(&Known::from(session))
}

pub(crate) fn judge_of(known: &Known<'_>) -> Option<Judgement> {
    let lead = known.started?.lead.as_ref()?;
    known.ended?;
    let mut causes = lead.causes.iter().filter_map(|code| book().cause(code));
    let Some(first) = causes.next() else {
        let mut says = vec!["The message did not say what was wrong.".to_owned()];
        says.extend(what_was_found(known));
        return Some(Judgement { held: Held::Open, supposed: None, says });
    };
    let judged = |held, says| Some(Judgement { held, supposed: Some(first.title.as_str()), says });
    if let Some(finding) = shown(known, lead, first) {
        return judged(Held::Confirmed, vec![format!("Confirmed. {}", told(finding))]);
    }
    if let Some(route) = speaks_as_supposed(known, lead, first) {
        let says = format!(
            "Confirmed. Port {} speaks {}: that is the setting for it.",
            route.port,
            mode_word(route.tls)
        );
        return judged(Held::Confirmed, vec![says]);
    }
    if let Some((cause, finding)) =
        causes.find_map(|cause| shown(known, lead, cause).map(|finding| (cause, finding)))
    {
        let says =
            format!("Not that, but another cause that fits: {}. {}", lower(&cause.title), told(finding));
        return judged(Held::Other, vec![says]);
    }
    let (held, said) = if codes(first).next().is_none() && first.mode.is_none() {
        (Held::Open, format!("A probe cannot show this by itself. What decides: {}", lower(&first.decides)))
    } else if tested(known, lead, &lead.start_at) {
        (
            Held::NotFound,
            "Not confirmed: the probe came to the step that would show it, and it was not there.".to_owned(),
        )
    } else {
        let step = tree::title(&lead.start_at);
        (Held::Open, format!("Not put to the test: the probe did not come as far as \"{step}\"."))
    };
    let mut says = vec![said];
    says.extend(what_was_found(known));
    if held == Held::NotFound {
        says.extend(still_open(known, lead));
        says.push(
            "If the application runs on another machine, in a container or behind a VPN, run ehlo there."
                .to_owned(),
        );
    }
    judged(held, says)
}

/// The finding codes that show a cause: its own where both lists have it, and those that the book names.
fn codes(cause: &Cause) -> impl Iterator<Item = &str> {
    let own = page(&cause.code).map(|_| cause.code.as_str());
    own.into_iter().chain(cause.found.iter().map(String::as_str))
}

/// The finding that shows a cause; best on the route that the application takes.
fn shown<'a>(known: &Known<'a>, lead: &Lead, cause: &Cause) -> Option<&'a Finding> {
    let shows = |finding: &&Finding| codes(cause).any(|code| code == finding.code);
    let on_the_route = |finding: &&Finding| {
        let route = known.routes.iter().find(|route| Some(route.id) == finding.route);
        route.is_some_and(|route| concerns(lead, route))
    };
    let findings = || known.findings.iter().filter(shows);
    findings().find(on_the_route).or_else(|| {
        // That another port is silent does not show that the application's own is, if that one was reached.
        let reached =
            known.routes.iter().any(|route| concerns(lead, route) && came_to(route.outcome).is_some());
        let only_there = lead.route.is_some() && reached;
        findings().find(|finding| finding.route.is_none() || !only_there)
    })
}

/// Whether this is the port that the application uses; every port is, where the message names none.
fn concerns(lead: &Lead, route: &Route) -> bool {
    let port = lead.route.map(|spec| spec.port).or(lead.all.then_some(25));
    port.is_none_or(|port| route.port == port)
}

/// Where the mode is what is wrong: the route in the right mode, once TLS was made on it.
fn speaks_as_supposed<'a>(known: &Known<'a>, lead: &Lead, cause: &Cause) -> Option<&'a Route> {
    let tls = cause.mode?;
    known
        .routes
        .iter()
        .find(|route| route.tls == tls && concerns(lead, route) && came_to(route.outcome) >= Some(Part::Tls))
}

/// The best of the other causes that a probe could show, and that this one did not come to.
fn still_open(known: &Known<'_>, lead: &Lead) -> Option<String> {
    let others = lead.causes.iter().skip(1).filter_map(|code| book().cause(code));
    let open = |cause: &&Cause| {
        cause.start != "route" && codes(cause).next().is_some() && !tested(known, lead, &cause.start)
    };
    let cause = others.filter(|cause| cause.goal == known.goal()).find(open)?;
    let step = tree::title(&cause.start);
    let title = lower(&cause.title);
    Some(format!("Still open: {title}; the probe did not come as far as \"{step}\"."))
}

/// Whether the probe came to the step that would show a cause.
fn tested(known: &Known<'_>, lead: &Lead, step: &str) -> bool {
    let submission = |has: &dyn Fn(&crate::session::route::Submission) -> bool| {
        known.routes.iter().filter_map(|route| route.submission.as_ref()).any(has)
    };
    match step {
        submit::SIGN_IN => submission(&|done| done.auth.is_some()),
        submit::ENVELOPE => submission(&|done| !done.replies.is_empty()),
        "host" => !known.dns.answers.is_empty() && !known.skipped("host"),
        step => match part(step) {
            Some(part) => {
                known.routes.iter().any(|route| concerns(lead, route) && came_to(route.outcome) >= Some(part))
            }
            None => known.ended == Some(crate::event::RunEnd::Completed),
        },
    }
}

/// A finding in a sentence.
fn told(finding: &Finding) -> String {
    let summary = words(finding).summary;
    match finding.port.filter(|port| !summary.contains(&port.to_string())) {
        Some(port) => format!("On port {port}: {}", lower(&summary)),
        None => summary,
    }
}

/// Most findings that are named.
const MOST: usize = 3;

/// What the probe found instead, each in a sentence: errors, else what works.
fn what_was_found(known: &Known<'_>) -> Vec<String> {
    let errors = known.findings.iter();
    let errors = errors.filter(|found| found.severity == Severity::Error && found.follows.is_none());
    let mut seen: Vec<String> = Vec::new();
    for finding in errors {
        let told = told(finding);
        if !seen.contains(&told) {
            seen.push(told);
        }
    }
    seen.truncate(MOST);
    if let Some(route) = known.routes.iter().find(|route| known.is_steady(route)) {
        seen.insert(0, format!("Port {} {} works from here.", route.port, route.tls.phrase()));
    }
    if seen.is_empty() {
        seen.push("Nothing was found to be wrong.".to_owned());
    }
    seen
}

#[cfg(test)]
mod tests;
