//! The one recommendation: port, TLS mode, and why.
//!
//! A route that works and bears no error is *ready*, the first in the tree's order. Where none works, the first that
//! reached SMTP or TLS and whose errors can all be mended by a named fix is recommended *after the fix*. Port 25 is
//! for relaying and never recommended for submission. Each reason cites what was seen.

use crate::event::{RouteId, RouteOrigin};
use crate::guide::known::Known;
use crate::guide::provider::rank;
use crate::guide::words::{lower, words};
use crate::session::{Finding, Outcome, Route, Session, Severity};
use crate::target::{RouteSpec, TlsMode};

/// Whether it can be used at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Now.
    Ready,
    /// After the blockers are mended.
    AfterFix,
}

/// The recommendation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// Ready or after a fix.
    pub status: Status,
    /// The route.
    pub route: RouteId,
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS mode.
    pub tls: TlsMode,
    /// AUTH mechanisms offered there.
    pub auth: Vec<String>,
    /// Finding codes that must be mended first.
    pub blockers: Vec<&'static str>,
    /// `Use port 587 with STARTTLS`.
    pub summary: String,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// Other routes seen to work.
    pub alternatives: Vec<(u16, TlsMode)>,
}

/// What to say where there is none.
pub const NO_ROUTE: &str = "No port works from here";

/// Errors that a named fix mends, besides every `cert-` and `auth-` code.
const REPAIRABLE: [&str; 15] = [
    "client-cert-required",
    "tls-version-too-old",
    "tls-no-shared-cipher",
    "starttls-not-offered",
    "starttls-stripped",
    "starttls-refused",
    "sender-rejected",
    "recipient-rejected",
    "relay-denied",
    "greylisted",
    "message-too-large",
    "open-relay",
    "starttls-required",
    "message-rejected",
    "smtputf8-not-offered",
];

/// Errors for which senders do not deliver, although the connection works.
const FORBIDS: [&str; 2] = ["dane-mismatch", "mta-sts-mismatch"];

/// Recommends, from what is known so far; `None` where no route is to be had.
pub fn recommend(session: &Session) -> Option<Recommendation> {
    recommend_of(&Known::from(session))
}

/// The same, from what is known.
pub(crate) fn recommend_of(known: &Known<'_>) -> Option<Recommendation> {
    let order = in_tree_order(known);
    let (route, blockers) = ready(known, &order).or_else(|| after_fix(known, &order))?;
    let status = if blockers.is_empty() { Status::Ready } else { Status::AfterFix };
    // Where the server insists on STARTTLS, the route in cleartext is not what remains after the fix.
    let insists = route.tls == TlsMode::None && blockers.contains(&"starttls-required");
    let tls = if insists { TlsMode::Starttls } else { route.tls };
    let alternatives: Vec<(u16, TlsMode)> = order
        .iter()
        .filter(|other| other.id != route.id && other.outcome == Outcome::Works)
        .map(|other| (other.port, other.tls))
        .collect();
    Some(Recommendation {
        status,
        route: route.id,
        host: route.host.clone(),
        port: route.port,
        tls,
        auth: mechanisms(route),
        reasons: reasons(known, &order, route, &blockers),
        blockers,
        summary: format!("Use port {} {}", route.port, tls.phrase()),
        alternatives,
    })
}

/// The routes that may be recommended, best first. SRV and MX priorities stand; all others go by the tree.
pub(crate) fn in_tree_order<'a>(known: &Known<'a>) -> Vec<&'a Route> {
    let mut order: Vec<&Route> =
        known.ordered().into_iter().filter(|route| route.port != 25 || known.relays()).collect();
    if !order.iter().any(|route| matches!(route.origin, RouteOrigin::Srv | RouteOrigin::Mx)) {
        order.sort_by_key(|route| rank(RouteSpec { port: route.port, tls: route.tls }));
    }
    order
}

/// The errors seen on a route, each code once.
fn errors(known: &Known<'_>, route: &Route) -> Vec<&'static str> {
    let mut codes = Vec::new();
    for finding in known.findings {
        if finding.severity == Severity::Error
            && finding.route == Some(route.id)
            && !codes.contains(&finding.code)
        {
            codes.push(finding.code);
        }
    }
    codes
}

fn is_repairable(code: &str) -> bool {
    code.starts_with("cert-") || code.starts_with("auth-") || REPAIRABLE.contains(&code)
}

/// A route that works: steady before one that comes and goes, without an error before one with. What blocks it (a
/// refused envelope) makes it a recommendation after a fix.
fn ready<'a>(known: &Known<'_>, order: &[&'a Route]) -> Option<(&'a Route, Vec<&'static str>)> {
    let blockers = |route: &Route| {
        errors(known, route).into_iter().filter(|code| is_repairable(code)).collect::<Vec<_>>()
    };
    // The credentials and the envelope were tried on one route only: what it was refused, the others would be too.
    let refused =
        known.routes.iter().any(|route| route.submission.is_some() && !errors(known, route).is_empty());
    order
        .iter()
        .filter(|route| route.outcome == Outcome::Works && (!refused || route.submission.is_some()))
        // Where DANE or MTA-STS demand another server, a connection that works is of no use.
        .filter(|route| !errors(known, route).iter().any(|code| FORBIDS.contains(code)))
        .min_by_key(|route| {
            (!blockers(route).is_empty(), !known.is_steady(route), !errors(known, route).is_empty())
        })
        .map(|route| (*route, blockers(route)))
}

fn after_fix<'a>(known: &Known<'_>, order: &[&'a Route]) -> Option<(&'a Route, Vec<&'static str>)> {
    order.iter().filter(|route| reached(route)).find_map(|route| {
        let errors = errors(known, route);
        let mendable = !errors.is_empty() && errors.iter().all(|code| is_repairable(code));
        mendable.then_some((*route, errors))
    })
}

/// True where the route came as far as SMTP or TLS.
fn reached(route: &Route) -> bool {
    let outcome = matches!(
        route.outcome,
        Outcome::NoStarttls
            | Outcome::StarttlsRefused
            | Outcome::TlsFailed
            | Outcome::CertInvalid
            | Outcome::AuthFailed
    );
    outcome || route.greeting.is_some() || route.session.is_some()
}

/// AUTH mechanisms as offered where the password would be sent.
pub(crate) fn mechanisms(route: &Route) -> Vec<String> {
    let offered = match route.tls {
        TlsMode::None => route.before_tls.as_ref(),
        TlsMode::Starttls | TlsMode::Implicit => route.after_tls.as_ref(),
    };
    offered.map(crate::wire::capability::Capabilities::auth).unwrap_or_default()
}

/// What stops a route, in the words of its findings, each with its code.
fn named(known: &Known<'_>, route: &Route, blockers: &[&'static str]) -> String {
    let words_of = |code: &&'static str| {
        let of_code = |finding: &&Finding| finding.code == *code;
        let here = known.findings.iter().filter(of_code).find(|finding| finding.route == Some(route.id));
        match here.or_else(|| known.findings.iter().find(of_code)) {
            Some(finding) => format!("{} ({code})", lower(words(finding).summary.trim_end_matches('.'))),
            None => (*code).to_owned(),
        }
    };
    blockers.iter().map(words_of).collect::<Vec<_>>().join("; ")
}

fn reasons(known: &Known<'_>, order: &[&Route], route: &Route, blockers: &[&'static str]) -> Vec<String> {
    let mut reasons = Vec::new();
    if blockers.is_empty() {
        reasons.push(reached_submission(known, route));
    } else if route.outcome == Outcome::Works {
        reasons.push(reached_submission(known, route));
        reasons.push(format!("What still stops mail: {}.", named(known, route, blockers)));
    } else {
        reasons.push(format!(
            "No port is ready. Port {} {} came furthest in the order of preference, and what stops it can be mended: {}.",
            route.port,
            route.tls.phrase(),
            named(known, route, blockers)
        ));
    }
    if route.outcome == Outcome::Works && !known.is_steady(route) {
        let works = route.rounds.iter().filter(|round| round.outcome == Outcome::Works).count();
        reasons.push(format!("It comes and goes: it worked in {works} of {} rounds.", route.rounds.len()));
    }
    reasons.extend(why_this(known, order, route));
    for earlier in order.iter().take_while(|earlier| earlier.id != route.id) {
        reasons.extend(why_not(known, earlier));
    }
    reasons.extend(route.submission.as_ref().and_then(|done| done.signed_in()));
    reasons.extend(route.submission.iter().flat_map(|done| done.envelope()));
    let silent = |earlier: &&&Route| {
        let blocks = known.hosting.is_some_and(|hosting| hosting.blocks.contains(&earlier.port));
        earlier.outcome == Outcome::Filtered && blocks
    };
    if let Some(hosting) = known.hosting
        && let Some(earlier) = order.iter().take_while(|earlier| earlier.id != route.id).find(silent)
    {
        reasons.push(hosting.explains(&[earlier.port]));
    }
    let auth = mechanisms(route);
    if !auth.is_empty() {
        let when = if route.tls == TlsMode::None { "in cleartext" } else { "inside TLS" };
        reasons.push(format!("Port {} offers AUTH {} {when}.", route.port, auth.join(", ")));
    }
    reasons
}

fn reached_submission(known: &Known<'_>, route: &Route) -> String {
    let took = match route.timing.total {
        Some(total) if total.0 < 1_000 => " in less than 1 ms".to_owned(),
        // Cut, as everywhere on the screen and in the transcript.
        Some(total) => format!(" in {} ms", total.0 / 1_000),
        None => String::new(),
    };
    let place = if known.relays() { "mail can be handed over" } else { "mail can be submitted" };
    let mut text = format!("Port {} reached the point where {place}{took}", route.port);
    if let Some(session) = &route.session {
        text.push_str(&format!(", over {}", session.version));
        if route.verified {
            text.push_str(&format!(" with a certificate that verifies for {}", route.host));
        }
    } else if route.tls == TlsMode::None {
        text.push_str(", without any encryption: no password may travel this way");
    }
    text.push('.');
    text
}

/// What speaks for this port in general.
fn why_this(known: &Known<'_>, order: &[&Route], route: &Route) -> Option<String> {
    let also_587_implicit =
        order.iter().any(|r| r.port == 587 && r.tls == TlsMode::Implicit && r.outcome == Outcome::Works);
    let text = match (route.port, route.tls) {
        _ if known.relays() => "Between mail servers only port 25 is spoken (RFC 5321 §4.5.4.2).",
        (465, TlsMode::Implicit) if also_587_implicit => {
            "Port 587 speaks implicit TLS here too, which clients do not expect of it; port 465 is made for that \
             (RFC 8314 §3.3)."
        }
        (587, TlsMode::Starttls) => {
            "Port 587 is the port for submission that most software expects (RFC 6409 §3.1)."
        }
        (465, TlsMode::Implicit) => {
            "Port 465 is encrypted from the first byte, so no upgrade can be left out or stripped (RFC 8314 §3.3)."
        }
        (2525, TlsMode::Starttls) => {
            "Port 2525 is a convention of providers and stands in no RFC: keep 587 or 465 in mind for other networks."
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Why an earlier port in the order is not the one.
pub(crate) fn why_not(known: &Known<'_>, route: &Route) -> Option<String> {
    let name = if known.relays() {
        format!("{} on port {}", route.host, route.port)
    } else {
        format!("Port {} {}", route.port, route.tls.phrase())
    };
    let limits = known.started.map(|started| started.limits);
    let seconds = |ms: u64| format!("{} s", ms.div_ceil(1000));
    let codes = errors(known, route).join(", ");
    let why = match route.outcome {
        // It works, but something else speaks for the other: said above.
        Outcome::Works if codes.is_empty() => return None,
        Outcome::NotTried => return None,
        Outcome::Works => format!("works, but has a fault: {codes}"),
        Outcome::Filtered => match limits {
            Some(limits) => {
                format!("gave no answer within {}: something drops the packets", seconds(limits.connect_ms))
            }
            None => "gave no answer: something drops the packets".to_owned(),
        },
        Outcome::Refused => "refused the connection".to_owned(),
        Outcome::Unreachable => "cannot be reached: no route, or a firewall says no".to_owned(),
        Outcome::Closed => "closes before it greets".to_owned(),
        Outcome::Silent => "accepts the connection and says nothing".to_owned(),
        Outcome::NotSmtp => "is answered by something that is not SMTP".to_owned(),
        Outcome::Rejected => "turns this client away".to_owned(),
        Outcome::ModeMismatch => "speaks the other TLS mode".to_owned(),
        Outcome::NoStarttls => "offers no STARTTLS".to_owned(),
        Outcome::StarttlsRefused => "offers STARTTLS and then refuses it".to_owned(),
        Outcome::Interrupted => "stopped in the middle of the dialogue".to_owned(),
        Outcome::TlsFailed => "does not get through the TLS handshake".to_owned(),
        Outcome::CertInvalid => format!("has a certificate that does not verify: {codes}"),
        Outcome::AuthFailed => format!("did not accept the credentials: {codes}"),
    };
    Some(format!("{name} {why}."))
}

#[cfg(test)]
mod tests;
