//! Notes on look-ups, connects, waits and the ends of connections.

use crate::event::{
    Awaited, CloseKind, ConnectOutcome, IcmpError, LookupOutcome, LookupSource, Record, RecordData,
    RecordType,
};

use super::{Draft, Reached, domain, list, phrase};

/// Most records of an answer that a note names.
const MAX_SHOWN: usize = 4;

pub(super) fn lookup(
    draft: &mut Draft,
    name: &str,
    record: RecordType,
    outcome: &LookupOutcome,
    source: Option<&LookupSource>,
) {
    if matches!(source, Some(LookupSource::Literal)) {
        return draft.add("lookup", &["literal"], &[]);
    }
    let of_type = |kind: &str| format!("{kind}-{}", type_name(record));
    let name = ("name", name);
    match outcome {
        LookupOutcome::Answers(records) => answers(draft, name.1, record, records),
        LookupOutcome::NxDomain { at } => {
            let same = at.trim_end_matches('.').eq_ignore_ascii_case(name.1.trim_end_matches('.'));
            draft.add("lookup", &[if same { "nxdomain" } else { "nxdomain-alias" }], &[name, ("at", at)]);
        }
        LookupOutcome::NoData => draft.add("lookup", &[&of_type("nodata")], &[name]),
        LookupOutcome::ServFail { extended: None } => draft.add("lookup", &["servfail"], &[]),
        LookupOutcome::ServFail { extended: Some((code, words)) } => {
            let code = code.to_string();
            let reason = phrase("extended", &[&code, "unknown"]);
            draft.add("lookup", &["servfail-extended"], &[("code", &code), ("reason", reason)]);
            if !words.trim().is_empty() {
                draft.add("lookup", &["servfail-text"], &[("words", words)]);
            }
        }
        LookupOutcome::Refused => draft.add("lookup", &["refused"], &[]),
        LookupOutcome::OtherCode(code) => {
            draft.add("lookup", &["other-code"], &[("code", &code.to_string())]);
        }
        LookupOutcome::TimedOut => draft.add("lookup", &["timed-out"], &[name]),
        LookupOutcome::Unreachable(words) => draft.add("lookup", &["unreachable"], &[("words", words)]),
        LookupOutcome::Malformed(words) => draft.add("lookup", &["malformed"], &[("words", words)]),
    }
    match source {
        Some(LookupSource::HostsFile) => draft.add("lookup", &["hosts-file"], &[]),
        Some(LookupSource::Given) => draft.add("lookup", &["given"], &[]),
        Some(LookupSource::Validated(_)) => draft.add("lookup", &["validated"], &[]),
        Some(LookupSource::Dns(_) | LookupSource::Literal) | None => {}
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
            RecordData::Srv { target, port, .. } => data.push(format!("{target} port {port}")),
            RecordData::Txt(text) => data.push(format!("\"{text}\"")),
            RecordData::Tlsa { usage, selector, matching, .. } => {
                data.push(format!("{usage} {selector} {matching}"));
            }
            RecordData::Ptr(target) => data.push(target.clone()),
        }
    }
    let absent = |mut exchanges: std::slice::Iter<'_, Record>| match exchanges.next().map(|r| &r.data) {
        Some(RecordData::Mx { exchange: target, .. } | RecordData::Srv { target, .. }) => {
            records.len() == 1 && matches!(target.as_str(), "." | "")
        }
        _ => false,
    };
    if absent(records.iter()) {
        let key = if record == RecordType::Srv { "srv-absent" } else { "null-mx" };
        return draft.add("lookup", &[key], &[("name", name)]);
    }
    if record == RecordType::Cname {
        std::mem::swap(&mut aliases, &mut data);
    }
    if data.is_empty() {
        draft.add("lookup", &["answers-none"], &[]);
    } else if record == RecordType::Tlsa {
        domain::tlsa(draft, name, records);
    } else {
        let count = match data.len() {
            1 => "one address".to_owned(),
            count => format!("{count} addresses"),
        };
        let key = format!("answers-{}", type_name(record));
        let facts = [("name", name), ("count", &count), ("answers", &list(&data, MAX_SHOWN))];
        draft.add("lookup", &[&key], &facts);
    }
    if !aliases.is_empty() {
        draft.add("lookup", &["alias"], &[("chain", &list(&aliases, MAX_SHOWN))]);
    }
}

fn type_name(record: RecordType) -> &'static str {
    match record {
        RecordType::A => "A",
        RecordType::Aaaa => "AAAA",
        RecordType::Cname => "CNAME",
        RecordType::Mx => "MX",
        RecordType::Srv => "SRV",
        RecordType::Txt => "TXT",
        RecordType::Tlsa => "TLSA",
        RecordType::Ptr => "PTR",
    }
}

pub(super) fn started(draft: &mut Draft, port: Option<u16>) {
    let port = port.map_or_else(|| "unknown".to_owned(), |port| port.to_string());
    draft.add("started", &[&port, "other"], &[("port", &port)]);
}

pub(super) fn connect(draft: &mut Draft, outcome: &ConnectOutcome) {
    match outcome {
        ConnectOutcome::Connected => draft.add("connect", &["connected"], &[]),
        ConnectOutcome::TimedOut => draft.add("connect", &["timed-out"], &[]),
        ConnectOutcome::Reset => draft.add("connect", &["reset"], &[]),
        ConnectOutcome::Icmp(error) => icmp(draft, *error),
        ConnectOutcome::NoRoute { errno } => {
            let errno = errno.to_string();
            draft.add("connect", &[&format!("no-route-{errno}"), "no-route"], &[("errno", &errno)]);
        }
        ConnectOutcome::LocalRefusal { errno } => {
            draft.add("connect", &["local-refusal"], &[("errno", &errno.to_string())]);
        }
        ConnectOutcome::Failed { text, .. } => draft.add("connect", &["failed"], &[("words", text)]),
        ConnectOutcome::Proxy { text } => draft.add("connect", &["proxy"], &[("words", text)]),
        ConnectOutcome::Cancelled => draft.add("connect", &["cancelled"], &[]),
    }
}

fn icmp(draft: &mut Draft, error: IcmpError) {
    let section = if error.v6 { "icmp6" } else { "icmp4" };
    let (kind, code) = (error.kind.to_string(), error.code.to_string());
    let facts = [("type", kind.as_str()), ("code", code.as_str())];
    draft.add(section, &[&format!("{kind}-{code}"), &kind, "other"], &facts);
    match error.sender {
        _ if error.from_self => draft.add("connect", &["from-self"], &[]),
        Some(sender) => draft.add("connect", &["from-other"], &[("sender", &sender.to_string())]),
        None => {}
    }
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
        CloseKind::Failed { text, .. } => draft.add("closed", &["failed"], &[("words", text)]),
        CloseKind::ByUs => draft.add("closed", &["by-us"], &[]),
    }
}

pub(super) fn expired(draft: &mut Draft, awaited: Awaited) {
    let key = match awaited {
        Awaited::Greeting => "greeting",
        Awaited::Reply => "reply",
        Awaited::Handshake => "handshake",
    };
    draft.add("expired", &[key], &[]);
}
