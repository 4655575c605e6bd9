//! Hosts that DNS names for an e-mail address: SRV records that lead to another domain, or to nothing (RFC 6186).

use std::collections::BTreeMap;

use super::finding;
use super::names::unanswered;
use crate::event::{Discover, LookupOutcome, LookupSource, RecordData, RecordType, RouteOrigin};
use crate::session::{Finding, Session, Severity};

/// The services that are asked for.
const SERVICES: [&str; 2] = ["_submission._tcp", "_submissions._tcp"];

pub(super) fn findings(session: &Session) -> Vec<Finding> {
    let Some(started) = session.started() else { return Vec::new() };
    if started.discover != Some(Discover::Submission) {
        return Vec::new();
    }
    let domain = started.host.as_str();
    let mut found: Vec<Finding> = Vec::new();
    for service in SERVICES {
        let name = format!("{service}.{domain}");
        let answer = session.dns().of(&name).find(|answer| answer.record == RecordType::Srv);
        let Some(answer) = answer else { continue };
        let LookupOutcome::Answers(records) = &answer.outcome else { continue };
        let targets: Vec<&str> = records
            .iter()
            .filter_map(|record| match &record.data {
                RecordData::Srv { target, .. } => Some(target.as_str()),
                _ => None,
            })
            .collect();
        let mut add = |code, severity, fact: (&'static str, String)| {
            let facts = BTreeMap::from([("domain", domain.to_owned()), fact]);
            found.push(finding(code, severity, vec![answer.line], facts));
        };
        if !targets.is_empty() && targets.iter().all(|target| matches!(*target, "" | ".")) {
            add("srv-not-offered", Severity::Info, ("service", service.to_owned()));
        }
        // What DNSSEC protects nobody on the way has put there (RFC 6186 §6).
        let validated = matches!(answer.source, LookupSource::Validated(_));
        // Only a host that is on the list may be sent a password.
        let by_srv = session.routes().iter().filter(|route| route.origin == RouteOrigin::Srv);
        let hosts: Vec<&str> = by_srv.map(|route| route.host.as_str()).collect();
        for target in targets {
            let bare = target.trim_end_matches('.').to_ascii_lowercase();
            if hosts.contains(&bare.as_str()) && !lies_in(&bare, domain) && !validated {
                add("srv-other-domain", Severity::Warning, ("host", bare));
            }
        }
    }
    found.extend(nowhere(session, domain));
    let mut seen = Vec::new();
    found.retain(|finding| {
        let key = (finding.code, finding.facts.clone());
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
    found
}

/// `submission-host-unknown`: all that leads from an address to its server was tried, and nothing came of it; or the
/// domain itself does not exist.
fn nowhere(session: &Session, domain: &str) -> Option<Finding> {
    let dns = session.dns();
    let by_name = |name: &str, record| dns.of(name).find(|answer| answer.record == record);
    let exchangers = by_name(domain, RecordType::Mx)?;
    let guesses = ["smtp", "mail"].map(|guess| format!("{guess}.{domain}"));
    let tried = guesses.iter().all(|host| dns.of(host).next().is_some() && dns.reachable(host).is_empty());
    if !session.routes().is_empty() || !tried {
        return None;
    }
    if let Some(failed) = unanswered(exchangers, domain) {
        return Some(failed);
    }
    let services =
        SERVICES.iter().filter_map(|service| by_name(&format!("{service}.{domain}"), RecordType::Srv));
    let names = guesses.iter().flat_map(|host| dns.of(host));
    let lines = [exchangers].into_iter().chain(services).chain(names).map(|answer| answer.line).collect();
    let facts = BTreeMap::from([("domain", domain.to_owned()), ("host", domain.to_owned())]);
    Some(finding("submission-host-unknown", Severity::Error, lines, facts))
}

/// True where the host is the domain or lies below it.
fn lies_in(host: &str, domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    host.strip_suffix(&domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}
