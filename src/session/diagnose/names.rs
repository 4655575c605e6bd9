//! The name: `target-malformed`, the `dns-*` codes (RFC 1035 §4.1.1, RFC 8914), and names that lead astray.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{answered, finding};
use crate::event::{LookupOutcome, LookupSource, RecordType, RouteOrigin};
use crate::session::dns::{Answer, Dns, same};
use crate::session::{Finding, Outcome, Route, Session, Severity};
use crate::target::Goal;
use crate::wire::reply::Reply;

/// Servers that receive mail for their customers' domains (MX), and under which domains they stand. None of them takes
/// submissions; each has a host of another name for that.
const EXCHANGERS: [&str; 20] = [
    "aspmx.l.google.com",
    "gmail-smtp-in.l.google.com",
    "gmr-smtp-in.l.google.com",
    "smtp.google.com",
    "aspmx2.googlemail.com",
    "aspmx3.googlemail.com",
    "aspmx4.googlemail.com",
    "aspmx5.googlemail.com",
    "mail.protection.outlook.com",
    "olc.protection.outlook.com",
    "mx.microsoft",
    "am0.yahoodns.net",
    "mx01.mail.icloud.com",
    "mx02.mail.icloud.com",
    "in1-smtp.messagingengine.com",
    "in2-smtp.messagingengine.com",
    "mail.protonmail.ch",
    "mailsec.protonmail.ch",
    "mxa.mailgun.org",
    "mxb.mailgun.org",
];

pub(super) fn findings(session: &Session) -> Vec<Finding> {
    let Some(started) = session.started() else { return Vec::new() };
    if let Some(why) = &started.malformed {
        let facts = BTreeMap::from([("input", started.input.clone()), ("why", why.clone())]);
        return vec![finding("target-malformed", Severity::Error, vec![0], facts)];
    }
    let host = session.routes().first().map_or(&started.host, |route| &route.host);
    let mut found: Vec<Finding> = no_address(session.dns(), host).into_iter().collect();
    found.extend(dangling(session.dns(), host));
    let mut hosts: Vec<&str> = session.routes().iter().map(|route| route.host.as_str()).collect();
    hosts.push(host);
    hosts.sort_unstable();
    hosts.dedup();
    found.extend(hosts.into_iter().filter_map(|host| half_answered(session.dns(), host)));
    found.extend(disagreement(session.dns(), host));
    found.extend(hosts_file(session.dns(), host));
    found.extend(exchanger(session, host));
    found
}

/// The look-ups of the host's addresses.
fn asked<'a>(dns: &'a Dns, host: &str) -> Vec<&'a Answer> {
    dns.of(host).filter(|answer| matches!(answer.record, RecordType::A | RecordType::Aaaa)).collect()
}

/// Why a host has no address at all.
fn no_address(dns: &Dns, host: &str) -> Option<Finding> {
    if !dns.reachable(host).is_empty() {
        return None;
    }
    let asked = asked(dns, host);
    let lines: Vec<usize> = asked.iter().map(|answer| answer.line).collect();
    let mut facts = BTreeMap::from([("host", host.to_owned())]);
    let has = |wanted: fn(&LookupOutcome) -> bool| asked.iter().find(|answer| wanted(&answer.outcome));
    let code = if let Some(answer) = has(|o| matches!(o, LookupOutcome::NxDomain { .. })) {
        if let LookupOutcome::NxDomain { at } = &answer.outcome {
            facts.insert("name", at.clone());
            if !same(at, host) {
                let what = format!("{host} is an alias (CNAME), and the name that it leads to is gone");
                facts.insert("alias", what);
                let advice =
                    format!("Have the CNAME record of {host} mended, or use the provider's own host name");
                facts.insert("advice", advice);
            }
        }
        "dns-nxdomain"
    } else if let Some(answer) = has(|o| {
        matches!(
            o,
            LookupOutcome::ServFail { .. } | LookupOutcome::OtherCode(_) | LookupOutcome::Malformed(_)
        )
    }) {
        if let LookupOutcome::ServFail { extended: Some((code, text)) } = &answer.outcome {
            facts.insert("extended", format!("{code} {text}").trim_end().to_owned());
        }
        "dns-servfail"
    } else if has(|o| matches!(o, LookupOutcome::Refused)).is_some() {
        "dns-refused"
    } else if let Some(answer) =
        has(|o| matches!(o, LookupOutcome::Unreachable(_))).or(has(|o| matches!(o, LookupOutcome::TimedOut)))
    {
        if let LookupOutcome::Unreachable(why) = &answer.outcome {
            facts.insert("reason", why.clone());
        }
        "dns-timeout"
    } else if has(|o| matches!(o, LookupOutcome::NoData) || answered(o)).is_some() {
        "dns-no-address"
    } else {
        return None;
    };
    Some(finding(code, Severity::Error, lines, facts))
}

/// Why a question about a domain has no answer, where that is not simply that there is no such record.
pub(super) fn unanswered(answer: &Answer, domain: &str) -> Option<Finding> {
    let mut facts = BTreeMap::from([("host", domain.to_owned())]);
    let code = match &answer.outcome {
        LookupOutcome::Answers(_) | LookupOutcome::NoData => return None,
        LookupOutcome::NxDomain { at } => {
            facts.insert("name", at.clone());
            "dns-nxdomain"
        }
        LookupOutcome::ServFail { extended } => {
            if let Some((code, text)) = extended {
                facts.insert("extended", format!("{code} {text}").trim_end().to_owned());
            }
            "dns-servfail"
        }
        LookupOutcome::OtherCode(_) | LookupOutcome::Malformed(_) => "dns-servfail",
        LookupOutcome::Refused => "dns-refused",
        LookupOutcome::TimedOut => "dns-timeout",
        LookupOutcome::Unreachable(why) => {
            facts.insert("reason", why.clone());
            "dns-timeout"
        }
    };
    Some(finding(code, Severity::Error, vec![answer.line], facts))
}

/// `dns-cname-dangling`: the name is there, and is an alias for one that is not (RFC 1034 §3.6.2).
fn dangling(dns: &Dns, host: &str) -> Option<Finding> {
    if !dns.reachable(host).is_empty() {
        return None;
    }
    let missing = |answer: &&&Answer| match &answer.outcome {
        LookupOutcome::NxDomain { at } => !same(at, host),
        _ => false,
    };
    let asked = asked(dns, host);
    let answer = asked.iter().find(missing)?;
    let LookupOutcome::NxDomain { at } = &answer.outcome else { return None };
    let facts = BTreeMap::from([("host", host.to_owned()), ("name", at.clone())]);
    Some(finding("dns-cname-dangling", Severity::Warning, vec![answer.line], facts))
}

/// `dns-partly-broken`: one address family is answered and the question for the other fails, where the right answer is
/// that there is no such record. Programs wait for it, or give up although an address is known (RFC 4074 §4).
fn half_answered(dns: &Dns, host: &str) -> Option<Finding> {
    let asked = asked(dns, host);
    let good = asked.iter().find(|answer| answered(&answer.outcome))?;
    let failed = |answer: &&&Answer| match &answer.outcome {
        LookupOutcome::Answers(_) | LookupOutcome::NoData | LookupOutcome::Unreachable(_) => false,
        // At the end of an alias another name may be meant.
        LookupOutcome::NxDomain { at } => same(at, host),
        _ => true,
    };
    let bad = asked.iter().find(failed)?;
    let what = match &bad.outcome {
        LookupOutcome::NxDomain { .. } => "the answer says that the name does not exist".to_owned(),
        LookupOutcome::TimedOut => "no answer comes".to_owned(),
        LookupOutcome::Refused => "the resolver refuses to answer".to_owned(),
        LookupOutcome::ServFail { extended: Some((code, text)) } => {
            format!("the resolver fails ({})", format!("{code} {text}").trim_end())
        }
        LookupOutcome::ServFail { extended: None } => "the resolver fails (SERVFAIL)".to_owned(),
        LookupOutcome::OtherCode(code) => format!("the answer is an error, code {code}"),
        _ => "the answer cannot be read".to_owned(),
    };
    let facts = BTreeMap::from([
        ("host", host.to_owned()),
        ("record", bad.record.name().to_owned()),
        ("other", good.record.name().to_owned()),
        ("what", what),
    ]);
    Some(finding("dns-partly-broken", Severity::Warning, vec![bad.line, good.line], facts))
}

/// `dns-resolvers-disagree`: DNS and the system's own resolver, which mail programs use, lead to different places. That
/// two public answers differ is common where a name has many addresses, and means nothing.
fn disagreement(dns: &Dns, host: &str) -> Option<Finding> {
    let system = dns.system_of(host)?;
    let asked = asked(dns, host);
    if asked.is_empty() {
        return None;
    }
    let family = |v6: bool| {
        let record = if v6 { RecordType::Aaaa } else { RecordType::A };
        asked.iter().any(|answer| answer.record == record)
    };
    let known = dns.addresses(host);
    let list = |addresses: &[IpAddr]| {
        addresses.iter().take(4).map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let difference = match &system.result {
        Err(words) if !known.is_empty() => {
            format!("DNS gives {}, the system's own resolver fails: {words}", list(&known))
        }
        Err(_) => return None,
        Ok(all) => {
            let own: Vec<IpAddr> = all.iter().copied().filter(|address| family(address.is_ipv6())).collect();
            let shared = own.iter().any(|address| known.contains(address));
            match (known.is_empty(), own.is_empty()) {
                (true, true) => return None,
                (true, false) => {
                    format!("DNS knows no address, the system's own resolver gives {}", list(&own))
                }
                (false, true) => {
                    format!("DNS gives {}, the system's own resolver knows no address", list(&known))
                }
                (false, false) if shared || is_private(&own) == is_private(&known) => return None,
                (false, false) => {
                    format!("DNS gives {}, the system's own resolver gives {}", list(&known), list(&own))
                }
            }
        }
    };
    let lines = asked.iter().map(|answer| answer.line).chain([system.line]).collect();
    let facts = BTreeMap::from([("host", host.to_owned()), ("difference", difference)]);
    Some(finding("dns-resolvers-disagree", Severity::Warning, lines, facts))
}

/// True where one of the addresses is of use only on this machine or in its own network (RFC 1918, 6598, 4193, 4291).
fn is_private(addresses: &[IpAddr]) -> bool {
    addresses.iter().any(|address| match address {
        IpAddr::V4(v4) => {
            let shared = matches!(v4.octets(), [100, 64..=127, ..]);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared
        }
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    })
}

/// `hosts-file-answers`: the address comes from a file of this machine, so DNS and other machines may say otherwise.
/// That `localhost` does is as it should be (RFC 6761 §6.3).
fn hosts_file(dns: &Dns, host: &str) -> Option<Finding> {
    let bare = host.trim_end_matches('.').to_ascii_lowercase();
    if bare == "localhost" || bare.ends_with(".localhost") {
        return None;
    }
    let from_file = |answer: &&&Answer| {
        answer.source == LookupSource::HostsFile && matches!(answer.outcome, LookupOutcome::Answers(_))
    };
    let asked = asked(dns, host);
    let lines: Vec<usize> = asked.iter().filter(from_file).map(|answer| answer.line).collect();
    let addresses = dns.addresses(host).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let facts = BTreeMap::from([("host", host.to_owned()), ("address", addresses)]);
    (!lines.is_empty()).then(|| finding("hosts-file-answers", Severity::Info, lines, facts))
}

/// `mx-name-for-submission`: a host that receives mail for domains, given where mail is to be submitted.
fn exchanger(session: &Session, host: &str) -> Option<Finding> {
    let started = session.started()?;
    let by_mx = session.routes().first().is_some_and(|route| route.origin == RouteOrigin::Mx);
    if started.goal != Goal::Submit || by_mx {
        return None;
    }
    let lines = if is_exchanger(host) {
        let lookup = asked(session.dns(), host).first().map(|answer| answer.line);
        let attempts = || session.routes().iter().flat_map(|route| &route.attempts);
        vec![lookup.or_else(|| attempts().find_map(|attempt| attempt.lines.first()).copied())?]
    } else {
        behaves_like_one(session, host)?
    };
    let facts = BTreeMap::from([("host", host.to_owned())]);
    Some(finding("mx-name-for-submission", Severity::Warning, lines, facts))
}

/// A host that is called like an exchanger, takes mail on port 25 and refuses each port for submission. One of the three
/// alone says little: many a small server does all of it under one name. The lines that show the refusals, and port 25.
fn behaves_like_one(session: &Session, host: &str) -> Option<Vec<usize>> {
    let (first, _) = host.split_once('.')?;
    let number = first.to_ascii_lowercase().strip_prefix("mx").map(str::to_owned)?;
    let named = number.trim_start_matches('-').chars().all(|c| c.is_ascii_digit());
    let (exchange, submission): (Vec<&Route>, Vec<&Route>) =
        session.routes().iter().filter(|route| route.host == host).partition(|route| route.port == 25);
    let refused = |route: &&Route| route.outcome == Outcome::Refused;
    let takes_mail = |route: &&&Route| route.greeting.as_ref().is_some_and(Reply::is_positive);
    let exchange = exchange.iter().find(takes_mail)?;
    if !named || submission.is_empty() || !submission.iter().all(refused) {
        return None;
    }
    let shown = submission.iter().chain([exchange]).filter_map(|route| route.attempts.first()?.lines.last());
    Some(shown.copied().collect())
}

fn is_exchanger(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    EXCHANGERS.iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }) || says_inbound(&host)
}

/// Names that say themselves that mail comes in there, as `inbound-smtp.REGION.amazonaws.com` does.
fn says_inbound(host: &str) -> bool {
    let Some((first, rest)) = host.split_once('.') else { return false };
    let inbound = first.contains("-smtp-inbound-") && rest == "mimecast.com";
    let amazon = first == "inbound-smtp" && rest.ends_with(".amazonaws.com");
    inbound || amazon
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_exchangers_are_known_and_submission_hosts_are_none() {
        for mx in [
            "example-com.mail.protection.outlook.com",
            "ASPMX.L.GOOGLE.COM.",
            "alt1.aspmx.l.google.com",
            "mx-eu.mail.am0.yahoodns.net",
            "eu-smtp-inbound-1.mimecast.com",
            "inbound-smtp.eu-west-1.amazonaws.com",
        ] {
            assert!(is_exchanger(mx), "{mx}");
        }
        for host in [
            "smtp.gmail.com",
            "smtp-relay.gmail.com",
            "smtp.office365.com",
            "smtp.mail.yahoo.com",
            "email-smtp.eu-west-1.amazonaws.com",
            "smtp.protonmail.ch",
            "eu-smtp-outbound-1.mimecast.com",
            "notaspmx.l.google.com",
            "localhost",
        ] {
            assert!(!is_exchanger(host), "{host}");
        }
    }

    #[test]
    fn private_addresses() {
        let of = |text: &str| is_private(&[text.parse().unwrap()]);
        for own in
            ["10.1.2.3", "127.0.0.1", "169.254.1.1", "100.64.0.1", "0.0.0.0", "::1", "fd00::1", "fe80::1"]
        {
            assert!(of(own), "{own}");
        }
        for public in ["192.0.2.1", "100.63.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(!of(public), "{public}");
        }
    }
}
