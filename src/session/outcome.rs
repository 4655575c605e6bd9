//! How a route ended: computed from its record, never said by a probe.

use crate::event::{Awaited, ProbeEnd};
use crate::session::case::{Case, Forbidden, TlsFault, Unreached};
use crate::session::probe::{Exchange, Probe};
use crate::session::route::Outcome;
use crate::target::{Goal, TlsMode};
use crate::wire::reply::Quirk;

/// How far one part of the dialogue has come.
enum Stage {
    /// It has not ended.
    Pending,
    /// The next part can begin.
    Passed,
    /// The route ends here.
    Ended(Outcome),
}

/// The outcome of the latest probe and of what was done there; `None` while it is undecided.
pub(crate) fn outcome(case: &Case<'_>) -> Option<Outcome> {
    let reached = reached(case)?;
    if reached != Outcome::Works {
        return Some(reached);
    }
    match case.submitting() {
        None => Some(match case.can_sign_in() {
            // Nothing needs to be tried where no way in is offered, or none that is safe.
            Some(Err(_)) => Outcome::AuthFailed,
            Some(Ok(_)) | None => Outcome::Works,
        }),
        // While it is under way, and where it was stopped, what was seen before stands.
        Some(submitting) => match submitting.probe.ended? {
            ProbeEnd::Cancelled => Some(Outcome::Works),
            ProbeEnd::Completed => Some(submitted(&submitting)),
        },
    }
}

/// What the connection that signed in or named an envelope has come to.
fn submitted(case: &Case<'_>) -> Outcome {
    match reached(case).unwrap_or_else(|| unfinished(case)) {
        Outcome::Works => {}
        other => return other,
    }
    let probe = case.probe;
    if let Some(auth) = case.can_sign_in() {
        let last = probe.exchanges.iter().rev().find(|exchange| exchange.verb == "AUTH");
        match last {
            Some(exchange) if exchange.accepted() => {}
            Some(exchange) if !exchange.refused() && (probe.lost() || probe.expired.is_some()) => {
                return Outcome::Interrupted;
            }
            Some(_) => return Outcome::AuthFailed,
            None if auth.is_err() || probe.ended.is_some() => return Outcome::AuthFailed,
            None => {}
        }
    }
    // A refused envelope leaves the route as it is; one without an answer does not.
    let unanswered = probe.awaiting().is_some_and(|exchange| exchange.verb != "QUIT");
    if unanswered && (probe.lost() || probe.expired.is_some() || probe.limit.is_some()) {
        return Outcome::Interrupted;
    }
    Outcome::Works
}

/// How far the latest probe came.
pub(crate) fn reached(case: &Case<'_>) -> Option<Outcome> {
    if !case.probe.connected() {
        return unreached(case);
    }
    for stage in [tls_first, greeting, hello, starttls, tls_later, hello_inside_tls] {
        match stage(case) {
            Stage::Pending => return None,
            Stage::Passed => {}
            Stage::Ended(outcome) => return Some(outcome),
        }
    }
    Some(Outcome::Works)
}

/// What is said of a probe that went as far as it could and was still undecided.
pub(crate) fn unfinished(case: &Case<'_>) -> Outcome {
    let accepted = case.probe.exchange("STARTTLS", false).is_some_and(Exchange::accepted);
    match case.probe {
        probe if !probe.connected() => Outcome::NotTried,
        _ if accepted || case.route.tls == TlsMode::Implicit => Outcome::TlsFailed,
        _ => Outcome::Interrupted,
    }
}

fn unreached(case: &Case<'_>) -> Option<Outcome> {
    // An address that is still being tried may answer.
    if case.probe.attempts.iter().any(|attempt| attempt.outcome.is_none()) {
        return None;
    }
    Some(match case.unreached()? {
        Unreached::Refused => Outcome::Refused,
        Unreached::Filtered | Unreached::DroppedHere => Outcome::Filtered,
        Unreached::LocalFirewall
        | Unreached::Prohibited
        | Unreached::Unreachable
        | Unreached::Proxy(_)
        | Unreached::NoRoute => Outcome::Unreachable,
    })
}

fn tls_first(case: &Case<'_>) -> Stage {
    if case.route.tls == TlsMode::Implicit { tls(case) } else { Stage::Passed }
}

fn tls_later(case: &Case<'_>) -> Stage {
    if case.route.tls == TlsMode::Starttls { tls(case) } else { Stage::Passed }
}

fn tls(case: &Case<'_>) -> Stage {
    let Some(fault) = case.tls_fault() else {
        // A certificate that verifies and is not the one that DNS vouches for (RFC 7672 §2.2).
        if case.probe.tls_is_up() && matches!(case.forbidden(), Some(Forbidden::Dane(_))) {
            return Stage::Ended(Outcome::CertInvalid);
        }
        return if case.probe.tls_is_up() { Stage::Passed } else { Stage::Pending };
    };
    Stage::Ended(match fault {
        // Between servers TLS is opportunistic: mail goes through although nobody vouches for the other end
        // (RFC 7435 §3), unless DANE or MTA-STS forbid it.
        TlsFault::Certificate if case.goal == Goal::Relay && case.forbidden().is_none() => Outcome::Works,
        TlsFault::Certificate => Outcome::CertInvalid,
        TlsFault::NotTls if case.greets_in_cleartext() => Outcome::ModeMismatch,
        TlsFault::NotTls if case.route.tls == TlsMode::Implicit => Outcome::NotSmtp,
        _ => Outcome::TlsFailed,
    })
}

fn greeting(case: &Case<'_>) -> Stage {
    let probe = case.probe;
    let Some(said) = &probe.greeting else { return no_greeting(case) };
    Stage::Ended(match case.looks_like() {
        Some(("TLS", _)) => mode_mismatch(case),
        Some(_) => Outcome::NotSmtp,
        None if said.positive() => return Stage::Passed,
        None if said.negative() => Outcome::Rejected,
        // A greeting without an end: broken off, or waited for in vain.
        None if said.reply.code().is_some() && said.reply.has(Quirk::Cut) => {
            if probe.expired.is_some() {
                Outcome::Silent
            } else {
                Outcome::Closed
            }
        }
        None if said.reply.is_positive() => Outcome::Interrupted,
        None => Outcome::NotSmtp,
    })
}

fn no_greeting(case: &Case<'_>) -> Stage {
    let probe = case.probe;
    let silent = probe.expired.is_some_and(|expired| expired.awaited == Awaited::Greeting);
    let plain = case.route.tls != TlsMode::Implicit;
    Stage::Ended(match () {
        () if !silent && !probe.lost() && probe.limit.is_none() => return Stage::Pending,
        () if plain && case.speaks_tls() => mode_mismatch(case),
        () if case.looks_like().is_some() => Outcome::NotSmtp,
        () if silent => Outcome::Silent,
        () if probe.lost() => Outcome::Closed,
        () => Outcome::NotSmtp,
    })
}

/// The port speaks TLS where cleartext was expected. Where a second route has looked inside and found something that
/// is not SMTP, it is not the other mode that was met.
fn mode_mismatch(case: &Case<'_>) -> Outcome {
    if case.sibling_not_smtp { Outcome::NotSmtp } else { Outcome::ModeMismatch }
}

fn hello(case: &Case<'_>) -> Stage {
    if case.route.tls == TlsMode::Implicit { Stage::Passed } else { said_hello(case, false) }
}

fn hello_inside_tls(case: &Case<'_>) -> Stage {
    if case.route.tls == TlsMode::None { Stage::Passed } else { said_hello(case, true) }
}

fn said_hello(case: &Case<'_>, encrypted: bool) -> Stage {
    let probe = case.probe;
    if probe.hello_accepted(encrypted) {
        return Stage::Passed;
    }
    let last = probe.exchange("HELO", encrypted).or_else(|| probe.exchange("EHLO", encrypted));
    let refused = last.is_some_and(Exchange::refused);
    // After a lasting refusal of EHLO the probe says HELO; only then is the matter settled.
    let goes_on =
        last.is_some_and(|e| e.verb == "EHLO" && e.answer.as_ref().and_then(|a| a.reply.code()) >= Some(500));
    if refused && !(goes_on && probe.ended.is_none() && !probe.lost()) {
        let greeted_as_smtp = probe.greeting.as_ref().and_then(|said| said.reply.code()) == Some(220);
        return Stage::Ended(if greeted_as_smtp { Outcome::Rejected } else { Outcome::NotSmtp });
    }
    interrupted(probe, last)
}

fn starttls(case: &Case<'_>) -> Stage {
    if case.route.tls != TlsMode::Starttls {
        return Stage::Passed;
    }
    let opportunistic = case.goal == Goal::Relay && !case.demand.needs_tls();
    if !case.probe.before_tls.as_ref().is_some_and(|offered| offered.has("STARTTLS")) {
        return Stage::Ended(if opportunistic { Outcome::Works } else { Outcome::NoStarttls });
    }
    let exchange = case.probe.exchange("STARTTLS", false);
    match exchange {
        Some(exchange) if exchange.accepted() => Stage::Passed,
        Some(exchange) if exchange.refused() => Stage::Ended(match () {
            () if opportunistic => Outcome::Works,
            () if case.command_masked() => Outcome::NoStarttls,
            () => Outcome::StarttlsRefused,
        }),
        other => interrupted(case.probe, other),
    }
}

/// A command without a usable answer: still awaited, or the end of the route.
fn interrupted(probe: &Probe, exchange: Option<&Exchange>) -> Stage {
    let broken = exchange.and_then(|exchange| exchange.answer.as_ref()).is_some_and(|said| !said.negative());
    if broken || probe.lost() || probe.expired.is_some() || probe.limit.is_some() {
        Stage::Ended(Outcome::Interrupted)
    } else {
        Stage::Pending
    }
}
