//! Notes on look-ups, connects, waits and the ends of connections.

use std::net::IpAddr;

use crate::event::{
    Awaited, CloseKind, ConnectOutcome, IcmpError, LookupOutcome, LookupSource, Micros, ProxyFault, Record,
    RecordData, RecordType,
};
use crate::session::span;

use super::{Draft, Reached, domain, list, phrase};

/// Most records of an answer that a note names: as many as its line.
const MAX_SHOWN: usize = 8;

pub(super) fn lookup(
    draft: &mut Draft,
    name: &str,
    record: RecordType,
    source: &LookupSource,
    outcome: &LookupOutcome,
) {
    let asked = [("name", name), ("type", record.name())];
    if *source == LookupSource::Literal {
        return draft.add("lookup", &["literal"], &asked);
    }
    let words = |words| [asked.as_slice(), &[("words", words)]].concat();
    match outcome {
        LookupOutcome::Answers(records) => answers(draft, name, record, records),
        LookupOutcome::NxDomain { at } => {
            let same = at.trim_end_matches('.').eq_ignore_ascii_case(name.trim_end_matches('.'));
            let key = if same { "nxdomain" } else { "nxdomain-alias" };
            draft.add("lookup", &[key], &[asked.as_slice(), &[("at", at)]].concat());
        }
        LookupOutcome::NoData => draft.add("lookup", &[&format!("nodata-{}", record.name())], &asked),
        LookupOutcome::ServFail { extended: None } => draft.add("lookup", &["servfail"], &asked),
        LookupOutcome::ServFail { extended: Some((code, said)) } => {
            let code = code.to_string();
            let reason = phrase("extended", &[&code, "unknown"]);
            let facts = [asked.as_slice(), &[("code", &code), ("reason", reason)]].concat();
            draft.add("lookup", &["servfail-extended"], &facts);
            if !said.trim().is_empty() {
                draft.add("lookup", &["servfail-text"], &words(said));
            }
        }
        LookupOutcome::Refused => draft.add("lookup", &["refused"], &asked),
        LookupOutcome::OtherCode(code) => {
            let code = code.to_string();
            draft.add("lookup", &["other-code"], &[asked.as_slice(), &[("code", &code)]].concat());
        }
        LookupOutcome::TimedOut => draft.add("lookup", &["timed-out"], &asked),
        LookupOutcome::Unreachable(said) => draft.add("lookup", &["unreachable"], &words(said)),
        LookupOutcome::Malformed(said) => draft.add("lookup", &["malformed"], &words(said)),
    }
    match source {
        LookupSource::HostsFile => draft.add("lookup", &["hosts-file"], &[]),
        LookupSource::Given => draft.add("lookup", &["given"], &[]),
        LookupSource::Validated(_) => draft.add("lookup", &["validated"], &[]),
        LookupSource::Dns(_) | LookupSource::Literal => {}
    }
}

fn answers(draft: &mut Draft, name: &str, record: RecordType, records: &[Record]) {
    if record == RecordType::Txt && domain::txt(draft, name, records) {
        return;
    }
    let mut aliases = Vec::new();
    let mut data = Vec::new();
    for record in records {
        match &record.data {
            RecordData::Address(address) => data.push(address.to_string()),
            RecordData::Cname(target) => aliases.push(target.clone()),
            RecordData::Mx { preference, exchange } => data.push(format!("{exchange} ({preference})")),
            RecordData::Srv { priority, weight, port, target } => {
                data.push(format!("{target} port {port} (priority {priority}, weight {weight})"));
            }
            RecordData::Txt(text) => data.push(format!("\"{text}\"")),
            RecordData::Tlsa { usage, selector, matching, data: print } => {
                data.push(format!("{usage} {selector} {matching} {print}"));
            }
            RecordData::Ptr(target) => data.push(target.clone()),
        }
    }
    let absent = match records {
        [Record { data: RecordData::Mx { preference, exchange }, .. }] if is_root(exchange) => {
            Some(("null-mx", format!(", with preference {preference}")))
        }
        [Record { data: RecordData::Srv { priority, weight, port, target }, .. }] if is_root(target) => {
            Some(("srv-absent", format!(" (priority {priority}, weight {weight}, port {port})")))
        }
        _ => None,
    };
    if let Some((key, priority)) = absent {
        return draft.add("lookup", &[key], &[("name", name), ("priority", &priority)]);
    }
    if record == RecordType::Cname {
        std::mem::swap(&mut aliases, &mut data);
    }
    if data.is_empty() {
        draft.add("lookup", &["answers-none"], &[("name", name), ("type", record.name())]);
    } else if record == RecordType::Tlsa {
        domain::tlsa(draft, name, records);
    } else {
        let count = match data.len() {
            1 => "one address".to_owned(),
            count => format!("{count} addresses"),
        };
        let key = format!("answers-{}", record.name());
        let facts = [("name", name), ("count", &count), ("answers", &list(&data, MAX_SHOWN))];
        draft.add("lookup", &[&key], &facts);
    }
    if !aliases.is_empty() {
        draft.add("lookup", &["alias"], &[("name", name), ("chain", &list(&aliases, MAX_SHOWN))]);
    }
}

fn is_root(name: &str) -> bool {
    matches!(name, "." | "")
}

pub(super) fn system(draft: &mut Draft, host: &str, result: &Result<Vec<IpAddr>, String>, agrees: bool) {
    let answers = match result {
        Ok(addresses) if addresses.is_empty() => "no address".to_owned(),
        Ok(addresses) => list(&addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), MAX_SHOWN),
        Err(words) => format!("\"{words}\""),
    };
    let key = if agrees { "agrees" } else { "differs" };
    draft.add("system", &[key], &[("host", host), ("answers", &answers)]);
}

pub(super) fn started(draft: &mut Draft, port: Option<u16>, address: &str) {
    let port = port.map_or_else(|| "unknown".to_owned(), |port| port.to_string());
    draft.add("started", &[&port, "other"], &[("port", &port), ("address", address)]);
}

pub(super) fn connect(draft: &mut Draft, outcome: &ConnectOutcome, address: &str, took: Micros) {
    let took = span(took);
    let mut facts = vec![("address", address), ("took", &took)];
    match outcome {
        ConnectOutcome::Connected => draft.add("connect", &["connected"], &facts),
        ConnectOutcome::TimedOut => draft.add("connect", &["timed-out"], &facts),
        ConnectOutcome::Reset => draft.add("connect", &["reset"], &facts),
        ConnectOutcome::Icmp(error) => {
            icmp(draft, *error);
            draft.add("connect", &["to"], &facts);
        }
        ConnectOutcome::NoRoute { errno } => {
            let errno = errno.to_string();
            facts.push(("errno", &errno));
            draft.add("connect", &[&format!("no-route-{errno}"), "no-route"], &facts);
        }
        ConnectOutcome::LocalRefusal { errno } => {
            let errno = errno.to_string();
            facts.push(("errno", &errno));
            draft.add("connect", &["local-refusal"], &facts);
        }
        ConnectOutcome::Failed { errno, text } => {
            let words = with_errno(text, *errno);
            facts.push(("words", &words));
            draft.add("connect", &["failed"], &facts);
        }
        ConnectOutcome::Proxy { text, fault } => {
            facts.push(("words", text));
            let key = match fault {
                ProxyFault::Unreachable => "proxy-unreachable",
                ProxyFault::Denied => "proxy-denied",
                ProxyFault::Broken | ProxyFault::Unknown => "proxy",
                ProxyFault::Name => "proxy-name",
                ProxyFault::Refused => "proxy-refused",
                ProxyFault::TimedOut => "proxy-timed-out",
                ProxyFault::TargetUnreachable => "proxy-target-unreachable",
            };
            draft.add("connect", &[key], &facts);
        }
        ConnectOutcome::Cancelled => draft.add("connect", &["cancelled"], &facts),
    }
}

pub(super) fn dropped_here(draft: &mut Draft, address: &str, took: Micros) {
    draft.add("connect", &["dropped-here"], &[("address", address), ("took", &span(took))]);
}

fn with_errno(words: &str, errno: Option<i32>) -> String {
    errno.map_or_else(|| words.to_owned(), |errno| format!("{words} (error {errno})"))
}

fn icmp(draft: &mut Draft, error: IcmpError) {
    let section = if error.v6 { "icmp6" } else { "icmp4" };
    let (kind, code) = (error.kind.to_string(), error.code.to_string());
    let facts = [("type", kind.as_str()), ("code", code.as_str())];
    draft.add(section, &[&format!("{kind}-{code}"), &kind, "other"], &facts);
    let Some(sender) = error.sender.map(|sender| sender.to_string()) else { return };
    let key = if error.from_self { "from-self" } else { "from-other" };
    draft.add("connect", &[key], &[("sender", &sender)]);
}

pub(super) fn closed(draft: &mut Draft, how: &CloseKind, reached: Reached) {
    match how {
        CloseKind::ByServer => {
            let key = match reached {
                Reached::Nothing => "by-server-before-greeting",
                Reached::Greeting => "by-server",
                Reached::Quit => "by-server-after-quit",
            };
            draft.add("closed", &[key], &[]);
        }
        CloseKind::Reset => draft.add("closed", &["reset"], &[]),
        CloseKind::Failed { errno, text } => {
            draft.add("closed", &["failed"], &[("words", &with_errno(text, *errno))]);
        }
        CloseKind::ByUs => draft.add("closed", &["by-us"], &[]),
    }
}

pub(super) fn expired(draft: &mut Draft, awaited: Awaited, limit: Micros) {
    let key = match awaited {
        Awaited::Greeting => "greeting",
        Awaited::Reply => "reply",
        Awaited::Handshake => "handshake",
    };
    draft.add("expired", &[key], &[("limit", &span(limit))]);
}
