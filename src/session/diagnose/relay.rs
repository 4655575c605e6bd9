//! Delivering to a domain: its mail servers (RFC 5321 §5.1), DANE (RFC 7672), MTA-STS (RFC 8461) and the name of the
//! address that we leave from (RFC 1912 §2.1).

use std::collections::BTreeMap;

use super::{Notes, finding, finding_on};
use crate::event::{ConnectOutcome, LookupOutcome, ProxyFault, RecordType, RouteOrigin};
use crate::session::case::{TlsFault, Unreached};
use crate::session::relay::{self, Announced, Exchangers, Fetched, Reverse, is_public};
use crate::session::{Finding, Route, Session, Severity};
use crate::target::{Goal, Host};
use crate::wire::mta_sts::Mode;
use crate::wire::tlsa::Verdict;

/// What is found of the domain and of this machine.
pub(super) fn findings(session: &Session) -> Vec<Finding> {
    if session.goal() != Goal::Relay {
        return Vec::new();
    }
    let mut found = exchangers(session);
    found.extend(targets(session));
    found.extend(nowhere(session));
    found.extend(policy(session));
    found.extend(reverse(session));
    found
}

fn exchangers(session: &Session) -> Vec<Finding> {
    let (dns, domain) = (session.dns(), session.host());
    let facts = BTreeMap::from([("host", domain.to_owned()), ("domain", domain.to_owned())]);
    let error = |code, line| vec![finding(code, Severity::Error, vec![line], facts.clone())];
    match relay::exchangers(dns, domain) {
        Exchangers::Null(line) => error("mx-null", line),
        Exchangers::NoDomain(line) => error("dns-nxdomain", line),
        Exchangers::Implicit(line) => vec![finding("mx-missing", Severity::Warning, vec![line], facts)],
        Exchangers::Failed(line) => {
            let outcome = dns.of(domain).find(|answer| answer.record == RecordType::Mx).map(|a| &a.outcome);
            match outcome {
                Some(LookupOutcome::TimedOut | LookupOutcome::Unreachable(_)) => error("dns-timeout", line),
                Some(LookupOutcome::Refused) => error("dns-refused", line),
                _ => error("dns-servfail", line),
            }
        }
        Exchangers::Unknown | Exchangers::Hosts { .. } => Vec::new(),
    }
}

/// `mx-target-invalid`: an MX record must lead to a name that has addresses itself (RFC 5321 §5.1); an address is no
/// name, and an alias is beyond what senders must follow (RFC 2181 §10.3).
fn targets(session: &Session) -> Vec<Finding> {
    let (dns, domain) = (session.dns(), session.host());
    let Exchangers::Hosts { hosts, line, .. } = relay::exchangers(dns, domain) else { return Vec::new() };
    let is_name = |target: &str| matches!(Host::parse(target), Ok(Host::Name(_)));
    let usable = hosts.iter().any(|(_, target)| is_name(target));
    let invalid = |target: &String| {
        let (why, severity, lines) = match Host::parse(target) {
            Ok(Host::Name(name)) => {
                let alias = dns.aliases(&name).into_iter().next()?;
                let asked =
                    dns.of(&name).find(|answer| matches!(answer.record, RecordType::A | RecordType::Aaaa));
                let lines = [line].into_iter().chain(asked.map(|answer| answer.line)).collect();
                (format!("it is an alias for {alias}"), Severity::Warning, lines)
            }
            other => {
                let why = match other {
                    Ok(Host::Address(_)) => "it is an address, and must be a name",
                    _ => "it cannot be the name of a host",
                };
                let severity = if usable { Severity::Warning } else { Severity::Error };
                (why.to_owned(), severity, vec![line])
            }
        };
        let facts = BTreeMap::from([
            ("host", domain.to_owned()),
            ("domain", domain.to_owned()),
            ("target", target.clone()),
            ("why", why),
        ]);
        Some(finding("mx-target-invalid", severity, lines, facts))
    };
    hosts.iter().filter_map(|(_, target)| invalid(target)).collect()
}

/// Mail servers whose name leads to no address.
fn nowhere(session: &Session) -> Vec<Finding> {
    let dns = session.dns();
    let by_mx = session.routes().iter().filter(|route| route.origin == RouteOrigin::Mx);
    by_mx
        .filter(|route| Host::parse(&route.host).is_ok_and(|host| host.address().is_none()))
        .filter_map(|route| {
            let asked = dns.of(&route.host).filter(|a| matches!(a.record, RecordType::A | RecordType::Aaaa));
            let lines: Vec<usize> = asked.map(|answer| answer.line).collect();
            if lines.is_empty() || !dns.reachable(&route.host).is_empty() {
                return None;
            }
            let mut facts = of_server(session, route);
            facts.insert("why", "its name leads to no address".to_owned());
            Some(finding_on(route, "mx-unreachable", Severity::Error, lines, facts))
        })
        .collect()
}

fn of_server(session: &Session, route: &Route) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("host", route.host.clone()),
        ("port", route.port.to_string()),
        ("domain", session.host().to_owned()),
    ])
}

/// `mta-sts-unavailable`: a policy is announced and senders do not get it.
fn policy(session: &Session) -> Option<Finding> {
    let domain = session.host();
    let (why, lines) = match (relay::announced(session.dns(), domain), &session.beyond().policy) {
        (Announced::Broken(why, line), _) => (format!("the record cannot be used: {why}"), vec![line]),
        (Announced::Yes(announced), Some(Fetched { policy: Err(why), line, .. })) => {
            (why.clone(), vec![announced, *line])
        }
        _ => return None,
    };
    let facts =
        BTreeMap::from([("host", relay::policy_host(domain)), ("domain", domain.to_owned()), ("why", why)]);
    Some(finding("mta-sts-unavailable", Severity::Warning, lines, facts))
}

/// The name of the address that we leave from, where it can be known.
fn reverse(session: &Session) -> Vec<Finding> {
    if session.carrier().is_some() {
        return behind_proxy(session).into_iter().collect();
    }
    let mut found = Vec::new();
    for (address, line) in &session.beyond().left_from {
        let facts = BTreeMap::from([("address", address.to_string())]);
        if !is_public(*address) {
            found.push(finding("ptr-unknown", Severity::Info, vec![*line], facts));
            continue;
        }
        found.extend(of_reverse(relay::reverse(session.dns(), *address), &facts, Some(*line)));
    }
    // One address that is translated says as much as several.
    let mut told = false;
    found.retain(|finding| finding.code != "ptr-unknown" || !std::mem::replace(&mut told, true));
    found
}

/// `ptr-unknown` through a proxy: the mail server sees the address of the machine behind it, and ehlo does not.
fn behind_proxy(session: &Session) -> Option<Finding> {
    let connected = session.routes().iter().flat_map(|route| &route.attempts).find_map(|attempt| {
        attempt.lines.last().filter(|_| attempt.outcome == Some(ConnectOutcome::Connected)).copied()
    })?;
    let carrier = session.carrier()?;
    let facts = BTreeMap::from([
        (
            "who",
            format!("The connections leave from the far end of {carrier}, and its address is not seen here"),
        ),
        (
            "why",
            "A mail server sees the address of the machine from which the proxy connects, not of this one"
                .to_owned(),
        ),
    ]);
    let lines = session.carrier_line().into_iter().chain([connected]).collect();
    Some(finding("ptr-unknown", Severity::Info, lines, facts))
}

/// `ptr-missing` and `ptr-mismatch` of one address.
pub(super) fn of_reverse(
    reverse: Reverse,
    facts: &BTreeMap<&'static str, String>,
    line: Option<usize>,
) -> Option<Finding> {
    let mut facts = facts.clone();
    match reverse {
        Reverse::Missing(asked) => {
            let lines = line.into_iter().chain([asked]).collect();
            Some(finding("ptr-missing", Severity::Warning, lines, facts))
        }
        Reverse::Unconfirmed(names, lines) => {
            facts.insert("name", names.join(", "));
            let lines = line.into_iter().chain(lines).collect();
            Some(finding("ptr-mismatch", Severity::Warning, lines, facts))
        }
        Reverse::Unknown | Reverse::Named(_) | Reverse::Confirmed(_) => None,
    }
}

/// What is found on one route.
pub(super) fn rules(notes: &mut Notes<'_, '_>, session: &Session) {
    let case = notes.case;
    if case.goal != Goal::Relay {
        return;
    }
    let domain = ("domain", session.host().to_owned());
    let why = case.unreached().filter(|_| case.route.origin == RouteOrigin::Mx).and_then(no_way);
    if let Some(why) = why {
        let lines: Vec<_> = case.probe.attempts.iter().map(|attempt| attempt.lines.last().copied()).collect();
        notes.add("mx-unreachable", Severity::Error, lines, vec![domain.clone(), ("why", why.to_owned())]);
    }
    if !case.probe.connected() {
        return;
    }
    dane(notes, session, &domain);
    mta_sts(notes, &domain);
}

/// Why a mail server cannot be reached; `None` where the proxy itself is at fault and the server was never asked.
fn no_way(why: Unreached) -> Option<&'static str> {
    match why {
        Unreached::Proxy(ProxyFault::Name) => Some("the proxy cannot look its name up"),
        Unreached::Proxy(_) => None,
        _ => Some("none of its addresses lets a connection through"),
    }
}

/// Lines that show which certificate came: its own, or the end of the handshake.
fn shown(notes: &Notes<'_, '_>) -> [Option<usize>; 2] {
    let seen = notes.case.certificates();
    let own = seen.and_then(|handshake| handshake.certificate_lines.first().copied().flatten());
    [own, notes.case.handshake().and_then(|handshake| handshake.end_line())]
}

fn dane(notes: &mut Notes<'_, '_>, session: &Session, domain: &(&'static str, String)) {
    let case = notes.case;
    let [own, end] = shown(notes);
    let Some(dane) = &case.demand.dane else {
        // Records that nobody vouches for are as good as none.
        let found = relay::association(session.dns(), &case.route.host, case.route.port);
        if let Some(found) = found {
            let words =
                found.records.iter().map(crate::wire::tlsa::Tlsa::words).collect::<Vec<_>>().join("; ");
            let why = if !found.validated {
                "the resolver has not validated them by DNSSEC"
            } else if found.records.iter().all(|record| record.unusable().is_some()) {
                "none of them is of a kind that mail servers use"
            } else {
                "the MX records that lead there are not validated by DNSSEC"
            };
            let facts = vec![domain.clone(), ("records", words), ("why", why.to_owned())];
            notes.add("dane-not-in-force", Severity::Info, [Some(found.line)], facts);
        }
        return;
    };
    let words: Vec<String> =
        dane.records.iter().filter(|r| r.unusable().is_none()).map(crate::wire::tlsa::Tlsa::words).collect();
    let facts = |why: &str| vec![domain.clone(), ("records", words.join("; ")), ("why", why.to_owned())];
    let started = case.probe.exchange("STARTTLS", false).is_some_and(|exchange| exchange.accepted());
    match case.dane() {
        Some(Verdict::Match { record, depth }) => {
            let matched = dane.records.get(record).map(crate::wire::tlsa::Tlsa::words).unwrap_or_default();
            let whose = if depth == 0 { "the server's own certificate" } else { "an authority of its chain" };
            let mut facts = facts("");
            facts.extend([("matched", matched), ("whose", whose.to_owned())]);
            notes.add("dane-match", Severity::Info, [Some(dane.line), own, end], facts);
        }
        Some(Verdict::Mismatch(why)) => {
            notes.add("dane-mismatch", Severity::Error, [Some(dane.line), own, end], facts(why));
        }
        Some(Verdict::NoneUsable | Verdict::Unseen) | None
            if !started && case.probe.hello_accepted(false) =>
        {
            let why = "the server does not offer STARTTLS, or refuses it";
            notes.add("dane-mismatch", Severity::Error, offer(notes, Some(dane.line)), facts(why));
        }
        _ => {}
    }
}

/// The lines of EHLO and STARTTLS, behind the line of what demands them.
fn offer(notes: &Notes<'_, '_>, demand: Option<usize>) -> Vec<Option<usize>> {
    let probe = notes.case.probe;
    let lines = ["EHLO", "STARTTLS"].iter().filter_map(|verb| probe.exchange(verb, false));
    demand.into_iter().chain(lines.flat_map(|exchange| exchange.lines())).map(Some).collect()
}

fn mta_sts(notes: &mut Notes<'_, '_>, domain: &(&'static str, String)) {
    let case = notes.case;
    let Some((policy, line)) = &case.demand.policy else { return };
    let matched = matches!(case.dane(), Some(Verdict::Match { .. }));
    // Who honours DANE delivers all the same; who only knows MTA-STS does not.
    let enforced = policy.mode == Mode::Enforce && !matched;
    let severity = if enforced { Severity::Error } else { Severity::Warning };
    let verified = case.handshake().is_some_and(|handshake| handshake.verified());
    let [own, end] = shown(notes);
    let (why, lines) = if !policy.allows(&case.route.host) {
        let why = format!("the policy names {}, and not this server", policy.mx.join(", "));
        (why, vec![Some(*line)])
    } else if verified {
        return;
    } else if case.tls_fault() == Some(TlsFault::Certificate) {
        ("its certificate does not verify".to_owned(), vec![Some(*line), own, end])
    } else if case.handshake().is_some() {
        ("TLS cannot be made with it".to_owned(), vec![Some(*line), end])
    } else if case.probe.hello_accepted(false) && case.probe.ended.is_some() {
        ("it does not offer STARTTLS, or refuses it".to_owned(), offer(notes, Some(*line)))
    } else {
        return;
    };
    let facts = vec![domain.clone(), ("mode", policy.mode.word().to_owned()), ("why", why)];
    notes.add("mta-sts-mismatch", severity, lines, facts);
}

/// True where DANE has settled who the server is, so that the web's authorities have no say (RFC 7672 §3.1.1).
pub(super) fn is_vouched_for(found: Option<Verdict>) -> bool {
    matches!(found, Some(Verdict::Match { depth: 0, .. }))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::event::{ConnectOutcome, EventKind, Micros};
    use crate::session::testing::{Tape, V4};
    use crate::target::TlsMode;

    /// The codes about the reverse name, where a connect left from this address, carried this way.
    fn reverse_from(local: &str, vantage: &str) -> Vec<&'static str> {
        let mut tape = Tape::with(|started| {
            started.goal = Goal::Relay;
            vantage.clone_into(&mut started.vantage);
        });
        let route = tape.route_as(25, TlsMode::Starttls, RouteOrigin::Mx);
        let probe = tape.probe(route);
        tape.connecting(probe, V4);
        let address = tape.endpoint(probe, V4);
        let local: SocketAddr = local.parse().unwrap();
        let outcome = ConnectOutcome::Connected;
        tape.event(
            probe,
            EventKind::ConnectEnded {
                address,
                outcome,
                took: Micros(1_000),
                local: Some(local),
                retransmitted: Vec::new(),
            },
        );
        let found = tape.session().findings().iter().map(|finding| finding.code).collect::<Vec<_>>();
        found.into_iter().filter(|code| code.starts_with("ptr-")).collect()
    }

    #[test]
    fn says_ptr_unknown_behind_a_router_that_translates() {
        for address in ["10.1.2.3:40000", "192.168.1.2:40000", "100.64.0.9:40000", "[fd00::1]:40000"] {
            assert_eq!(reverse_from(address, "local"), ["ptr-unknown"], "{address}");
        }
    }

    #[test]
    fn no_ptr_unknown_of_an_address_that_others_see() {
        assert!(reverse_from("198.51.100.77:40000", "local").is_empty(), "it has not been looked up yet");
    }
}
