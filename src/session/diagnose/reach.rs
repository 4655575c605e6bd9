//! Reaching the port: the `port-*` and address codes.

use super::{Notes, seconds};
use crate::event::{ConnectOutcome, IcmpError, ProxyFault, RouteOrigin};
use crate::session::case::Unreached;
use crate::session::reach::connect_text;
use crate::session::route::Attempt;
use crate::session::{Outcome, Severity};
use crate::target::Goal;

pub(super) fn rules(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    // RFC 6409 §3.1: submission has a port of its own.
    if case.goal == Goal::Submit && case.route.port == 25 && case.route.origin != RouteOrigin::Information {
        let line = case.probe.attempts.first().and_then(|attempt| attempt.lines.first()).copied();
        notes.add("port-25-not-for-submission", Severity::Warning, [line], Vec::new());
    }
    if let Some(why) = case.unreached() {
        let ended = !case.probe.attempts.iter().any(|attempt| attempt.outcome.is_none());
        if ended && case.route.outcome != Outcome::NotTried {
            unreached(notes, why);
        }
        return;
    }
    families(notes);
}

fn unreached(notes: &mut Notes<'_, '_>, why: Unreached) {
    let case = notes.case;
    let of_kind: Vec<&Attempt> =
        case.probe.attempts.iter().filter(|attempt| Unreached::of(attempt) == Some(why)).collect();
    let lines: Vec<Option<usize>> = of_kind.iter().map(|attempt| attempt.lines.last().copied()).collect();
    let mut facts = Vec::new();
    if let Some(first) = of_kind.first() {
        facts.push(("address", first.endpoint.host()));
        facts.push(("seconds", seconds(first.took.unwrap_or_default())));
        if let Some(ConnectOutcome::Proxy { text, .. }) = &first.outcome {
            facts.push(("reason", text.clone()));
        }
        if let Some(outcome @ (ConnectOutcome::Icmp(_) | ConnectOutcome::NoRoute { .. })) = &first.outcome {
            facts.push(("said", connect_text(outcome, first.took.unwrap_or_default())));
        }
        if let Some(ConnectOutcome::Icmp(IcmpError { sender: Some(sender), .. })) = &first.outcome {
            facts.push(("sender", sender.to_string()));
        }
    }
    if why == Unreached::Filtered && case.goal == Goal::Relay {
        facts.push(("ask", "Ask".to_owned()));
        facts.push((
            "only",
            "between mail servers no other will do. If only this domain is affected, tell its postmaster"
                .to_owned(),
        ));
    }
    if why == Unreached::DroppedHere {
        facts.push(("how", "drops the packets".to_owned()));
    }
    let code = match why {
        Unreached::Refused => "port-refused",
        Unreached::LocalFirewall | Unreached::DroppedHere => "local-firewall",
        Unreached::Prohibited => "port-prohibited",
        Unreached::Filtered => "port-filtered",
        Unreached::Unreachable | Unreached::NoRoute => "port-unreachable",
        Unreached::Proxy(ProxyFault::Unreachable) => "proxy-unreachable",
        Unreached::Proxy(ProxyFault::Denied) => "proxy-denied",
        Unreached::Proxy(ProxyFault::Name) => "proxy-cannot-resolve",
        Unreached::Proxy(_) => "proxy-failed",
    };
    notes.add(code, Severity::Error, lines, facts);
}

/// RFC 8305: one family may be broken alone, one address of several may be dead.
fn families(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    for (v6, broken) in [(true, "ipv6-broken"), (false, "ipv4-broken")] {
        let own: Vec<_> = case.family(v6).filter(|a| a.outcome.is_some()).collect();
        let failed: Vec<_> = own.iter().filter(|a| Unreached::of(a).is_some()).collect();
        let lines: Vec<_> = failed.iter().map(|a| a.lines.last().copied()).collect();
        let addresses = failed.iter().map(|a| a.endpoint.host()).collect::<Vec<_>>().join(", ");
        if failed.is_empty() {
            continue;
        }
        let code = if failed.len() == own.len() { broken } else { "address-partly-dead" };
        notes.add(code, Severity::Warning, lines, vec![("address", addresses)]);
    }
}
