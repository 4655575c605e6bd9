//! Delivering to a domain: what its DNS and its policy say of its mail servers, and what they demand of a connection.
//!
//! Read from the look-ups and the fetched policy; the walk asks by it what comes next, the rules conclude from it.

use std::net::IpAddr;

use crate::event::{
    LookupOutcome, LookupSource, PolicyOutcome, Purpose, RecordData, RecordType, RouteOrigin,
};
use crate::session::dns::{Answer, Dns};
use crate::session::{Route, Session};
use crate::target::Goal;
use crate::wire::mta_sts::{self, Mode, Policy};
use crate::wire::tlsa::Tlsa;

/// What is known beyond look-ups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beyond {
    /// What came of asking for the MTA-STS policy.
    pub policy: Option<Fetched>,
    /// The addresses of this machine from which connects to mail servers left, each with a line that shows it.
    pub left_from: Vec<(IpAddr, usize)>,
}

/// A policy that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// The host that serves it.
    pub host: String,
    /// The policy, or why there is none.
    pub policy: Result<Policy, String>,
    /// Its line.
    pub line: usize,
}

impl Fetched {
    pub(crate) fn new(host: &str, outcome: &PolicyOutcome, line: usize) -> Self {
        Self { host: host.to_owned(), policy: read(outcome), line }
    }
}

/// The policy of a page, or in a few words why there is none.
pub(crate) fn read(outcome: &PolicyOutcome) -> Result<Policy, String> {
    match outcome {
        PolicyOutcome::Page(bytes) => mta_sts::policy(&bytes.0),
        PolicyOutcome::Status(code @ 300..=399) => {
            Err(format!("the server answers with a redirect ({code}), which is not followed"))
        }
        PolicyOutcome::Status(code) => Err(format!("the server answers with status {code}")),
        PolicyOutcome::TooLong => Err(format!("it is longer than {} KiB", mta_sts::MAX_POLICY / 1024)),
        PolicyOutcome::TimedOut => Err("the server did not send it in time".to_owned()),
        PolicyOutcome::NotReached => Err("its server cannot be reached over verified TLS".to_owned()),
        PolicyOutcome::Failed(words) => Err(format!("the server cannot be understood: {words}")),
    }
}

/// What DNS says of a domain's mail servers (RFC 5321 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchangers {
    /// Nobody has asked.
    Unknown,
    /// The look-up failed: this says nothing about the domain.
    Failed(usize),
    /// The domain does not exist.
    NoDomain(usize),
    /// The null MX: it accepts no mail (RFC 7505).
    Null(usize),
    /// No MX record: the domain's own addresses stand for it.
    Implicit(usize),
    /// Preference and host, in the order in which to try them.
    Hosts {
        /// Preference and name.
        hosts: Vec<(u16, String)>,
        /// The line of the answer.
        line: usize,
        /// True where a resolver has validated the answer.
        validated: bool,
    },
}

/// The mail servers of a domain.
pub fn exchangers(dns: &Dns, domain: &str) -> Exchangers {
    let Some(answer) = dns.of(domain).find(|answer| answer.record == RecordType::Mx) else {
        return Exchangers::Unknown;
    };
    let line = answer.line;
    let records = match &answer.outcome {
        LookupOutcome::Answers(records) => records,
        LookupOutcome::NoData => return Exchangers::Implicit(line),
        LookupOutcome::NxDomain { .. } => return Exchangers::NoDomain(line),
        _ => return Exchangers::Failed(line),
    };
    let mut hosts: Vec<(u16, String)> = records
        .iter()
        .filter_map(|record| match &record.data {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange.clone())),
            _ => None,
        })
        .collect();
    let root = |name: &str| matches!(name, "" | ".");
    if hosts.is_empty() {
        return Exchangers::Implicit(line);
    }
    if hosts.iter().all(|(_, name)| root(name)) {
        return Exchangers::Null(line);
    }
    hosts.retain(|(_, name)| !root(name));
    hosts.sort();
    Exchangers::Hosts { hosts, line, validated: is_validated(answer) }
}

fn is_validated(answer: &Answer) -> bool {
    matches!(answer.source, LookupSource::Validated(_))
}

/// Where the TLSA records of a server stand (RFC 7672 §2.2.3).
pub fn tlsa_name(host: &str, port: u16) -> String {
    format!("_{port}._tcp.{host}")
}

/// The TLSA records of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    /// The records.
    pub records: Vec<Tlsa>,
    /// The line of the answer.
    pub line: usize,
    /// True where a resolver has validated the answer.
    pub validated: bool,
}

/// The TLSA records of a server; `None` where there are none, or nobody has asked.
pub fn association(dns: &Dns, host: &str, port: u16) -> Option<Association> {
    let name = tlsa_name(host, port);
    let answer = dns.of(&name).find(|answer| answer.record == RecordType::Tlsa)?;
    let LookupOutcome::Answers(records) = &answer.outcome else { return None };
    let records: Vec<Tlsa> = records
        .iter()
        .filter_map(|record| match &record.data {
            RecordData::Tlsa { usage, selector, matching, data } => {
                Tlsa::new(*usage, *selector, *matching, data)
            }
            _ => None,
        })
        .collect();
    (!records.is_empty()).then(|| Association { records, line: answer.line, validated: is_validated(answer) })
}

/// Where the record stands that announces a policy (RFC 8461 §3.1).
pub fn announcement_name(domain: &str) -> String {
    format!("_mta-sts.{domain}")
}

/// The host that serves a domain's policy (RFC 8461 §3.3).
pub fn policy_host(domain: &str) -> String {
    format!("mta-sts.{domain}")
}

/// Whether a domain announces a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announced {
    /// Nobody has asked, or there is none.
    No,
    /// There is one; the line of the answer.
    Yes(usize),
    /// The record is broken, and so as good as none.
    Broken(String, usize),
}

/// Whether a domain announces a policy.
pub fn announced(dns: &Dns, domain: &str) -> Announced {
    let name = announcement_name(domain);
    let (texts, line) = texts(dns, &name);
    let records: Vec<&String> = texts.iter().filter(|text| mta_sts::is_record(text)).collect();
    match records.as_slice() {
        [] => Announced::No,
        [text] => match mta_sts::announced(text) {
            Ok(_) => Announced::Yes(line),
            Err(why) => Announced::Broken(why, line),
        },
        _ => Announced::Broken("there is more than one".to_owned(), line),
    }
}

/// The TXT records of a name, and the line of the answer.
pub(crate) fn texts(dns: &Dns, name: &str) -> (Vec<String>, usize) {
    let Some(answer) = dns.of(name).find(|answer| answer.record == RecordType::Txt) else {
        return (Vec::new(), 0);
    };
    let LookupOutcome::Answers(records) = &answer.outcome else { return (Vec::new(), answer.line) };
    let texts = records.iter().filter_map(|record| match &record.data {
        RecordData::Txt(text) => Some(text.clone()),
        _ => None,
    });
    (texts.collect(), answer.line)
}

/// What is demanded of a connection to one mail server before mail may go over it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// TLSA records that count: validated, and at least one of them usable between mail servers (RFC 7672 §2.2).
    pub dane: Option<Association>,
    /// The policy in force, and its line.
    pub policy: Option<(Policy, usize)>,
    /// Seconds since 1970.
    pub now: Option<i64>,
}

impl Demand {
    /// True where a connection without TLS must not be used.
    pub fn needs_tls(&self) -> bool {
        self.dane.is_some() || self.enforced().is_some()
    }

    /// The policy, where senders must not deliver against it.
    pub fn enforced(&self) -> Option<&(Policy, usize)> {
        self.policy.as_ref().filter(|(policy, _)| policy.mode == Mode::Enforce)
    }
}

/// What is demanded on a route; nothing where no mail is delivered.
pub(crate) fn demand(session: &Session, route: &Route) -> Demand {
    if session.goal() != Goal::Relay {
        return Demand::default();
    }
    let dns = &session.dns;
    let domain = session.host();
    let trusted = match exchangers(dns, domain) {
        Exchangers::Hosts { validated, .. } => validated || route.origin != RouteOrigin::Mx,
        // Without an MX record the host was named by the user or is the domain itself.
        _ => true,
    };
    let dane = association(dns, &route.host, route.port)
        .filter(|found| trusted && found.validated && found.records.iter().any(|r| r.unusable().is_none()));
    let policy = match &session.beyond.policy {
        Some(Fetched { policy: Ok(policy), line, .. }) if route.origin == RouteOrigin::Mx => {
            Some((policy.clone(), *line)).filter(|(policy, _)| policy.mode != Mode::None)
        }
        _ => None,
    };
    Demand { dane, policy, now: session.wall_clock() }
}

/// True where an address is seen by others as it is: not behind a router that translates, not of this machine only
/// (RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let shared = matches!(v4.octets(), [100, 64..=127, ..]);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}

/// What DNS says of the name of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reverse {
    /// Nobody has asked, or the look-up failed.
    Unknown,
    /// It has no name.
    Missing(usize),
    /// It has these names, which still have to be looked up.
    Named(Vec<String>),
    /// A name of it leads back to it.
    Confirmed(String),
    /// None of its names leads back to it: the names, and the lines of the answers.
    Unconfirmed(Vec<String>, Vec<usize>),
}

/// Most names of one address that are looked at.
const MAX_NAMES: usize = 4;

/// The name of an address, and whether it leads back (RFC 1912 §2.1).
pub fn reverse(dns: &Dns, address: IpAddr) -> Reverse {
    let asked = address.to_string();
    let Some(answer) = dns.of(&asked).find(|answer| answer.record == RecordType::Ptr) else {
        return Reverse::Unknown;
    };
    let records = match &answer.outcome {
        LookupOutcome::Answers(records) => records,
        LookupOutcome::NoData | LookupOutcome::NxDomain { .. } => return Reverse::Missing(answer.line),
        _ => return Reverse::Unknown,
    };
    let names: Vec<String> = records
        .iter()
        .filter_map(|record| match &record.data {
            RecordData::Ptr(name) => Some(name.clone()),
            _ => None,
        })
        .take(MAX_NAMES)
        .collect();
    if names.is_empty() {
        return Reverse::Missing(answer.line);
    }
    if let Some(name) = names.iter().find(|name| dns.addresses(name).contains(&address)) {
        return Reverse::Confirmed(name.clone());
    }
    let record = forward_record(address);
    let mut lines = vec![answer.line];
    for name in &names {
        match dns.of(name).find(|answer| answer.record == record) {
            None => return Reverse::Named(names.clone()),
            Some(answer) => match answer.outcome {
                LookupOutcome::Answers(_) | LookupOutcome::NoData | LookupOutcome::NxDomain { .. } => {
                    lines.push(answer.line);
                }
                _ => return Reverse::Unknown,
            },
        }
    }
    Reverse::Unconfirmed(names, lines)
}

/// The record by which a name leads to an address of this family.
pub fn forward_record(address: IpAddr) -> RecordType {
    if address.is_ipv4() { RecordType::A } else { RecordType::Aaaa }
}

/// Notes from where a connect left.
pub(crate) fn left(
    session: &mut Session,
    purpose: Option<&Purpose>,
    local: Option<IpAddr>,
    line: Option<usize>,
) {
    let (Some(Purpose::Route { .. }), Some(address), Some(line)) = (purpose, local, line) else { return };
    let known = &mut session.beyond.left_from;
    if known.len() < 8 && !known.iter().any(|(other, _)| *other == address) {
        known.push((address, line));
    }
}
