//! The name: `target-malformed` and the `dns-*` codes (RFC 1035 §4.1.1, RFC 8914).

use std::collections::BTreeMap;

use super::answered;
use crate::event::{LookupOutcome, RecordType};
use crate::session::{Finding, Session, Severity};

pub(super) fn findings(session: &Session) -> Vec<Finding> {
    let Some(started) = session.started() else { return Vec::new() };
    let finding = |code, evidence: Vec<usize>, facts: BTreeMap<&'static str, String>| Finding {
        code,
        severity: Severity::Error,
        route: None,
        port: None,
        evidence,
        facts,
    };
    if let Some(why) = &started.malformed {
        let facts = BTreeMap::from([("input", started.input.clone()), ("why", why.clone())]);
        return vec![finding("target-malformed", vec![0], facts)];
    }
    let host = session.routes().first().map_or(&started.host, |route| &route.host);
    if !session.dns().addresses(host).is_empty() {
        return Vec::new();
    }
    let asked: Vec<_> = session
        .dns()
        .of(host)
        .filter(|answer| matches!(answer.record, RecordType::A | RecordType::Aaaa))
        .collect();
    let lines: Vec<usize> = asked.iter().map(|answer| answer.line).collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let mut facts = BTreeMap::from([("host", host.clone())]);
    let has = |wanted: fn(&LookupOutcome) -> bool| asked.iter().find(|answer| wanted(&answer.outcome));
    let code = if let Some(answer) = has(|o| matches!(o, LookupOutcome::NxDomain { .. })) {
        if let LookupOutcome::NxDomain { at } = &answer.outcome {
            facts.insert("name", at.clone());
        }
        "dns-nxdomain"
    } else if let Some(answer) = has(|o| {
        matches!(
            o,
            LookupOutcome::ServFail { .. } | LookupOutcome::OtherCode(_) | LookupOutcome::Malformed(_)
        )
    }) {
        if let LookupOutcome::ServFail { extended: Some((code, text)) } = &answer.outcome {
            facts.insert("extended", format!("{code} {text}"));
        }
        "dns-servfail"
    } else if has(|o| matches!(o, LookupOutcome::Refused)).is_some() {
        "dns-refused"
    } else if has(|o| matches!(o, LookupOutcome::TimedOut | LookupOutcome::Unreachable(_))).is_some() {
        "dns-timeout"
    } else if has(|o| matches!(o, LookupOutcome::NoData) || answered(o)).is_some() {
        "dns-no-address"
    } else {
        return Vec::new();
    };
    vec![finding(code, lines, facts)]
}
