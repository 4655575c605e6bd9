//! Sending for a domain: what its SPF, DKIM and DMARC records say, as far as they have been looked up.

use std::net::IpAddr;

use crate::event::{LookupOutcome, RecordData, RecordType, SessionStarted};
use crate::session::dns::Dns;
use crate::session::relay::texts;
use crate::wire::dkim::{self, BadKey, COMMON_SELECTORS, Key};
use crate::wire::dmarc;
use crate::wire::spf::check::{Answer, Checked, Kind, Lookups, Sender, check};

impl Lookups for Dns {
    fn answer(&self, name: &str, kind: Kind) -> Answer {
        let record = record(kind);
        let Some(answer) = self.of(name).find(|answer| answer.record == record) else {
            return Answer::Unknown;
        };
        let records = match &answer.outcome {
            LookupOutcome::Answers(records) => records,
            LookupOutcome::NoData | LookupOutcome::NxDomain { .. } => return Answer::Void,
            _ => return Answer::Failed,
        };
        let data = || records.iter().map(|record| &record.data);
        let found = match kind {
            Kind::Txt => Answer::Txt(
                data()
                    .filter_map(|data| match data {
                        RecordData::Txt(text) => Some(text.clone()),
                        _ => None,
                    })
                    .collect(),
            ),
            Kind::A | Kind::Aaaa => Answer::Addresses(
                data()
                    .filter_map(|data| match data {
                        RecordData::Address(address) => Some(*address),
                        _ => None,
                    })
                    .collect(),
            ),
            Kind::Mx | Kind::Ptr => Answer::Names(
                data()
                    .filter_map(|data| match data {
                        RecordData::Mx { exchange: name, .. } | RecordData::Ptr(name) => Some(name.clone()),
                        _ => None,
                    })
                    .collect(),
            ),
        };
        match &found {
            Answer::Txt(list) | Answer::Names(list) if list.is_empty() => Answer::Void,
            Answer::Addresses(list) if list.is_empty() => Answer::Void,
            _ => found,
        }
    }
}

/// The record type of an SPF question.
pub fn record(kind: Kind) -> RecordType {
    match kind {
        Kind::Txt => RecordType::Txt,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::Aaaa,
        Kind::Mx => RecordType::Mx,
        Kind::Ptr => RecordType::Ptr,
    }
}

/// The evaluation for nobody in particular: how many look-ups the record costs.
pub fn spf(dns: &Dns, domain: &str) -> Checked {
    check(Sender { domain, local: None }, None, dns)
}

/// Who is asked about, and what the record says of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The host or address, as it was given.
    pub who: String,
    /// The addresses that were evaluated, each with what came of it.
    pub addresses: Vec<(IpAddr, Checked)>,
    /// True where it is named in the record itself, as an include is.
    pub named: bool,
}

/// The evaluation for every sender that the user named.
pub fn asked(dns: &Dns, started: &SessionStarted) -> Vec<Asked> {
    let domain = started.host.as_str();
    // The part before the @ is known where the user has named a sender of this domain.
    let named = started.submit.mail_from.as_deref().and_then(|from| from.rsplit_once('@'));
    let local = named.filter(|(_, of)| of.eq_ignore_ascii_case(domain)).map(|(local, _)| local);
    let sender = Sender { domain, local };
    let evaluate = |address: &IpAddr| (*address, check(sender, Some(*address), dns));
    let by_address = started.sending.addresses.iter().map(|address| Asked {
        who: address.to_string(),
        addresses: vec![evaluate(address)],
        named: false,
    });
    let by_name = started.sending.hosts.iter().map(|host| {
        let named = spf(dns, domain).domains.iter().any(|known| known.eq_ignore_ascii_case(host));
        Asked { who: host.clone(), addresses: dns.addresses(host).iter().map(evaluate).collect(), named }
    });
    by_address.chain(by_name).collect()
}

/// The selectors to look at: those that were named; where none was, those that are in common use.
pub fn selectors(started: &SessionStarted) -> Vec<String> {
    if started.sending.selectors.is_empty() {
        COMMON_SELECTORS.iter().map(ToString::to_string).collect()
    } else {
        started.sending.selectors.clone()
    }
}

/// Where the key of a selector stands (RFC 6376 §3.6.2.1).
pub fn key_name(selector: &str, domain: &str) -> String {
    format!("{selector}._domainkey.{domain}")
}

/// A key record that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Its selector.
    pub selector: String,
    /// The key, or why it is none.
    pub key: Result<Key, BadKey>,
    /// The line of the answer.
    pub line: usize,
}

/// The keys of the selectors that were looked at.
pub fn keys(dns: &Dns, started: &SessionStarted) -> Vec<Published> {
    let published = |selector: String| {
        let (texts, line) = texts(dns, &key_name(&selector, &started.host));
        let found: Vec<_> = texts.iter().map(|text| dkim::parse(text)).collect();
        // A name may answer with other texts too, as of a wildcard: they are not keys.
        let key = found.into_iter().find(|key| *key != Err(BadKey::NotAKey))?;
        Some(Published { selector, key, line })
    };
    selectors(started).into_iter().filter_map(published).collect()
}

/// What DNS says of a domain's DMARC policy.
#[derive(Clone, Debug, PartialEq)]
pub enum Dmarc {
    /// Nobody has asked, or the look-up failed.
    Unknown,
    /// Neither the domain nor one above it has a record; the lines of the answers.
    Missing(Vec<usize>),
    /// The record that holds: where it stands, what it says, the line of the answer.
    Found {
        /// The name at which it stands.
        name: String,
        /// The record, or why receivers ignore it.
        record: Result<dmarc::Record, String>,
        /// The line of the answer.
        line: usize,
    },
}

/// The DMARC record of a domain, found by the tree walk of RFC 9989 §4.10.
pub fn dmarc(dns: &Dns, domain: &str) -> Dmarc {
    let mut lines = Vec::new();
    for name in dmarc::tree_walk(domain) {
        let Some(answer) = dns.of(&name).find(|answer| answer.record == RecordType::Txt) else {
            return Dmarc::Unknown;
        };
        let failed = !matches!(
            answer.outcome,
            LookupOutcome::Answers(_) | LookupOutcome::NoData | LookupOutcome::NxDomain { .. }
        );
        if failed {
            return Dmarc::Unknown;
        }
        let (texts, line) = texts(dns, &name);
        lines.push(line);
        let records: Vec<&String> = texts.iter().filter(|text| dmarc::is_record(text)).collect();
        let record = match records.as_slice() {
            // A record that only looks like one is worth a word at the domain itself.
            [] => match texts.iter().find(|text| looks_meant(text)) {
                Some(text) => dmarc::parse(text),
                None => continue,
            },
            [text] => dmarc::parse(text),
            _ => Err("there is more than one, and so receivers take none".to_owned()),
        };
        return Dmarc::Found { name, record, line };
    }
    Dmarc::Missing(lines)
}

/// True where a text was meant to be a DMARC record.
fn looks_meant(text: &str) -> bool {
    text.trim_start().to_ascii_lowercase().starts_with("v=dmarc")
}
