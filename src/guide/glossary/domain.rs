//! Notes on what a domain publishes: SPF, DKIM, DMARC, MTA-STS and TLSA records, each told by what it says.

use super::{Draft, list, phrase};
use crate::event::{Micros, Record, RecordData};
use crate::session::span;
use crate::wire::mta_sts::Policy;
use crate::wire::printable::printable;
use crate::wire::spf::{self, Directive, Mechanism, Qualifier};
use crate::wire::tlsa::Tlsa;
use crate::wire::{dkim, dmarc, mta_sts};

/// Most terms of a record that a note names.
const MAX_TERMS: usize = 6;

/// Longest record that a note quotes, in characters.
const MAX_SHOWN: usize = 200;

/// Says what a TXT record means where it is one that mail lives by; false where it is not.
pub(super) fn txt(draft: &mut Draft, name: &str, records: &[Record]) -> bool {
    let mut told = false;
    for record in records {
        let RecordData::Txt(text) = &record.data else { continue };
        told |= one(draft, name, text);
    }
    told
}

fn one(draft: &mut Draft, name: &str, text: &str) -> bool {
    let name_fact = ("name", name);
    if spf::is_record(text) {
        match spf::parse(text) {
            Ok(record) => {
                let rest = match (record.all(), &record.redirect) {
                    (Some(qualifier), _) => phrase("published", &[all_key(qualifier)]).to_owned(),
                    (None, Some(_)) => phrase("published", &["all-redirect"]).to_owned(),
                    (None, None) => phrase("published", &["all-none"]).to_owned(),
                };
                let mut terms: Vec<String> =
                    record.directives.iter().filter(|d| d.mechanism != Mechanism::All).map(term).collect();
                terms.extend(
                    record.redirect.iter().map(|target| format!("whatever the record of {target} says")),
                );
                let key = if terms.is_empty() { "spf-nobody" } else { "spf" };
                let facts = [name_fact, ("terms", &list(&terms, MAX_TERMS)), ("rest", &rest)];
                draft.add("record", &[key], &facts);
            }
            Err(why) => draft.add("record", &["spf-broken"], &[name_fact, ("why", &why)]),
        }
        return true;
    }
    if dmarc::is_record(text) {
        match dmarc::parse(text) {
            Ok(record) => {
                let policy = phrase("published", &[&format!("policy-{}", record.policy.word())]);
                let reports = match record.reports.as_slice() {
                    [] => phrase("published", &["reports-none"]).to_owned(),
                    places => format!("reports go to {}", list(places, 2)),
                };
                draft.add("record", &["dmarc"], &[name_fact, ("policy", policy), ("reports", &reports)]);
            }
            Err(why) => draft.add("record", &["dmarc-broken"], &[name_fact, ("why", &why)]),
        }
        return true;
    }
    if mta_sts::is_record(text) {
        match mta_sts::announced(text) {
            Ok(id) => draft.add("record", &["mta-sts"], &[name_fact, ("id", &id)]),
            Err(why) => draft.add("record", &["mta-sts-broken"], &[name_fact, ("why", &why)]),
        }
        return true;
    }
    // Only where a key is looked for: other texts may have the form of one.
    if let Some((selector, domain)) = name.split_once("._domainkey.") {
        let shown = printable(text, MAX_SHOWN);
        let facts = |more| {
            [("selector", selector), ("domain", domain), ("name", name), ("record", shown.as_str()), more]
        };
        match dkim::parse(text) {
            Ok(key) => draft.add("record", &["dkim"], &facts(("key", &key.words()))),
            Err(why) => draft.add("record", &["dkim-broken"], &facts(("why", &why.to_string()))),
        }
        return true;
    }
    false
}

fn all_key(qualifier: Qualifier) -> &'static str {
    match qualifier {
        Qualifier::Pass => "all-pass",
        Qualifier::Fail => "all-fail",
        Qualifier::SoftFail => "all-softfail",
        Qualifier::Neutral => "all-neutral",
    }
}

/// A term of an SPF record as part of a sentence: whom it names.
fn term(directive: &Directive) -> String {
    let of = |name: &Option<String>| match name {
        Some(name) => name.clone(),
        None => "the domain itself".to_owned(),
    };
    let whom = match &directive.mechanism {
        Mechanism::All => "everybody".to_owned(),
        Mechanism::Include(name) => format!("whoever the record of {name} allows"),
        Mechanism::A(name, _) => format!("the addresses of {}", of(name)),
        Mechanism::Mx(name, _) => format!("the mail servers of {}", of(name)),
        Mechanism::Ptr(_) => "addresses by their reverse names".to_owned(),
        Mechanism::Ip(..) => directive.text.trim_start_matches(['+', '-', '~', '?']).to_owned(),
        Mechanism::Exists(name) => format!("whoever {name} exists for"),
    };
    match directive.qualifier {
        Qualifier::Pass => whom,
        other => format!("{whom} ({})", other.words()),
    }
}

/// What TLSA records vouch for.
pub(super) fn tlsa(draft: &mut Draft, name: &str, records: &[Record]) {
    let words: Vec<String> = records
        .iter()
        .filter_map(|record| match &record.data {
            RecordData::Tlsa { usage, selector, matching, data } => {
                let tlsa = Tlsa::new(*usage, *selector, *matching, data)?;
                let words = format!("{} {data}", tlsa.words());
                Some(match tlsa.unusable() {
                    Some(why) => format!("{words}, passed over by mail servers: {why}"),
                    None => words,
                })
            }
            _ => None,
        })
        .collect();
    let facts = [("name", name), ("answers", &list(&words, MAX_TERMS))];
    draft.add("lookup", &["answers-TLSA"], &facts);
}

/// What an MTA-STS policy demands.
pub(super) fn policy(draft: &mut Draft, host: &str, policy: &Result<Policy, String>, took: Micros) {
    let took = span(took);
    match policy {
        Ok(policy) => {
            let seconds = policy.max_age.to_string();
            let facts = [
                ("host", host),
                ("mx", &list(&policy.mx, MAX_TERMS)),
                ("seconds", &seconds),
                ("took", &took),
            ];
            draft.add("policy", &[policy.mode.word()], &facts);
        }
        Err(why) => draft.add("policy", &["unavailable"], &[("host", host), ("why", why), ("took", &took)]),
    }
}
