//! The branches that ask about a domain: what must be looked up before, and after, its mail servers are tried (the
//! goal `relay`), and what is looked up where mail lands in the spam folder (the goal `inbox`).
//!
//! As everywhere in the guide nothing is remembered: what was asked is read from the steps entered and the answers.

use std::net::IpAddr;

use crate::event::{RecordType, RouteOrigin};
use crate::guide::known::Known;
use crate::guide::plan;
use crate::guide::walk::Next;
use crate::session::relay::{self, Announced, Exchangers, Reverse, is_public};
use crate::session::sender;
use crate::target::Host;
use crate::wire::dmarc::tree_walk;

/// Most look-ups of one step.
const MAX_QUESTIONS: usize = 48;

/// Most times that a step which follows a trail is entered: an SPF record may lead on that often.
const MAX_ROUNDS: usize = 14;

/// Most addresses whose reverse names are looked up.
const MAX_ADDRESSES: usize = 4;

type Questions = Vec<(String, RecordType)>;

/// What a step would ask; `None` where there is nothing to ask.
fn ask(known: &Known<'_>, step: &str, about: &str, questions: Questions) -> Option<Next> {
    let questions: Questions = questions.into_iter().take(MAX_QUESTIONS).collect();
    if questions.is_empty() {
        return None;
    }
    let plan = plan::ask(step, known.host(), about, &questions, known.carrier());
    Some(Next::Ask { plan, domain: known.host().to_owned(), questions })
}

/// What comes before the mail servers are known: the MX records, and the policy that the domain announces.
pub(crate) fn before_routes(known: &Known<'_>) -> Option<Next> {
    if known.entered("mx").is_none() {
        return mx(known);
    }
    // A domain that takes no mail, or whose DNS fails, has no policy worth a look.
    if !matches!(
        relay::exchangers(known.dns, known.host()),
        Exchangers::Hosts { .. } | Exchangers::Implicit(_) | Exchangers::Unknown
    ) {
        return None;
    }
    if known.entered("mta-sts").is_none() {
        return announcement(known);
    }
    let announced = matches!(relay::announced(known.dns, known.host()), Announced::Yes(_));
    if announced && !known.skipped("mta-sts") && known.entered("mta-sts-policy").is_none() {
        return Some(policy(known));
    }
    None
}

fn mx(known: &Known<'_>) -> Option<Next> {
    ask(known, "mx", "which servers take its mail", vec![(known.host().to_owned(), RecordType::Mx)])
}

fn announcement(known: &Known<'_>) -> Option<Next> {
    let name = relay::announcement_name(known.host());
    ask(known, "mta-sts", "whether it demands verified TLS", vec![(name, RecordType::Txt)])
}

fn policy(known: &Known<'_>) -> Next {
    let host = relay::policy_host(known.host());
    Next::Policy { plan: plan::policy(&host, known.carrier()), host }
}

/// The servers whose certificates DNS may vouch for: those with an address, once they are on the list.
pub(crate) fn dane(known: &Known<'_>) -> Option<Next> {
    if known.entered("dane").is_some() {
        return None;
    }
    tlsa(known)
}

fn tlsa(known: &Known<'_>) -> Option<Next> {
    let servers = known.routes.iter().filter(|route| is_server(known, &route.host, route.origin));
    let questions = servers.map(|route| (relay::tlsa_name(&route.host, route.port), RecordType::Tlsa));
    let mut names: Questions = Vec::new();
    for question in questions {
        if !names.contains(&question) {
            names.push(question);
        }
    }
    ask(known, "dane", "which certificates it vouches for", names)
}

fn is_server(known: &Known<'_>, host: &str, origin: RouteOrigin) -> bool {
    let named = Host::parse(host).is_ok_and(|host| host.address().is_none());
    let reached = known.is_remote() || !known.dns.reachable(host).is_empty();
    named && reached && !matches!(origin, RouteOrigin::OtherMode(_))
}

/// The reverse name of the address that connects left from, and whether it leads back.
pub(crate) fn after_routes(known: &Known<'_>) -> Option<Next> {
    if known.is_remote() || known.skipped("reverse") {
        return None;
    }
    let addresses = known.left_from.iter().map(|(address, _)| *address);
    reverse(known, addresses.filter(|address| is_public(*address)).collect())
}

fn reverse(known: &Known<'_>, addresses: Vec<IpAddr>) -> Option<Next> {
    if rounds(known, "reverse") >= MAX_ROUNDS {
        return None;
    }
    let asked = |name: &str, record: RecordType| known.dns.of(name).any(|answer| answer.record == record);
    let mut questions = Vec::new();
    for address in addresses.into_iter().take(MAX_ADDRESSES) {
        match relay::reverse(known.dns, address) {
            Reverse::Unknown if !asked(&address.to_string(), RecordType::Ptr) => {
                questions.push((address.to_string(), RecordType::Ptr));
            }
            Reverse::Named(names) => {
                let record = relay::forward_record(address);
                questions.extend(names.into_iter().map(|name| (name, record)).filter(|(n, r)| !asked(n, *r)));
            }
            _ => {}
        }
    }
    ask(known, "reverse", "the name of the sending address", questions)
}

/// How often a step was entered.
fn rounds(known: &Known<'_>, step: &str) -> usize {
    known.steps.iter().filter(|entered| entered.id == step).count()
}

/// What is looked up next where mail lands in the spam folder; `None` where all is known.
pub(crate) fn inbox(known: &Known<'_>) -> Option<Next> {
    let started = known.started?;
    if !known.skipped("spf") && rounds(known, "spf") < MAX_ROUNDS {
        let questions = spf(known);
        // A look-up of the record itself that was stopped is not begun again by itself.
        let own = (started.host.clone(), RecordType::Txt);
        let stopped = known.entered("spf").is_some() && questions.contains(&own);
        if !questions.is_empty() && !stopped {
            return ask(known, "spf", "who may send for it", questions);
        }
    }
    if known.entered("dkim").is_none() {
        return keys(known);
    }
    if known.entered("dmarc").is_none() {
        return dmarc(known);
    }
    if known.skipped("reverse") {
        return None;
    }
    let mut addresses = started.sending.addresses.clone();
    for host in &started.sending.hosts {
        addresses.extend(known.dns.addresses(host));
    }
    reverse(known, addresses.into_iter().filter(|address| is_public(*address)).collect())
}

/// What must be known before the SPF record can be evaluated: one level of it at a time.
fn spf(known: &Known<'_>) -> Questions {
    let Some(started) = known.started else { return Vec::new() };
    let asked = |name: &str, record: RecordType| known.dns.of(name).any(|answer| answer.record == record);
    let mut questions: Questions = Vec::new();
    let mut want = |name: String, record: RecordType| {
        let question = (name, record);
        if !asked(&question.0, record) && !questions.contains(&question) {
            questions.push(question);
        }
    };
    for host in &started.sending.hosts {
        want(host.clone(), RecordType::A);
        want(host.clone(), RecordType::Aaaa);
    }
    let mut wanted = sender::spf(known.dns, &started.host).wanted;
    for asked in sender::asked(known.dns, started) {
        wanted.extend(asked.addresses.into_iter().flat_map(|(_, checked)| checked.wanted));
    }
    for (name, kind) in wanted {
        want(name, sender::record(kind));
    }
    questions
}

fn keys(known: &Known<'_>) -> Option<Next> {
    let started = known.started?;
    let names = sender::selectors(started).into_iter();
    let questions = names.map(|selector| (sender::key_name(&selector, &started.host), RecordType::Txt));
    ask(known, "dkim", "the keys that sign its mail", questions.collect())
}

fn dmarc(known: &Known<'_>) -> Option<Next> {
    let names = tree_walk(known.host()).into_iter().map(|name| (name, RecordType::Txt));
    ask(known, "dmarc", "what receivers shall do with mail that fails", names.collect())
}

/// What running one of these steps once more means.
pub(crate) fn again(known: &Known<'_>, step: &str) -> Option<Next> {
    match step {
        "mx" => mx(known),
        "mta-sts" => announcement(known),
        "mta-sts-policy" => Some(policy(known)),
        "dane" => tlsa(known),
        "spf" => {
            let question = vec![(known.host().to_owned(), RecordType::Txt)];
            ask(known, "spf", "who may send for it", question)
        }
        "dkim" => keys(known),
        "dmarc" => dmarc(known),
        _ => None,
    }
}
