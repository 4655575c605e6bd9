//! Names and connections: look-ups, connects, waits and the ends of connections, each with its line.

use std::net::IpAddr;

use crate::event::{
    Awaited, CloseKind, ConnectOutcome, Endpoint, IcmpError, LookupOutcome, LookupSource, Micros,
    PolicyOutcome, Record, RecordData, RecordType, Retransmissions,
};
use crate::session::Meaning;
use crate::session::dns::{Answer, Dns, SystemAnswer};
use crate::session::pen::{Pen, endpoint, span};
use crate::session::probe::{Closed, Expired, MAX_ATTEMPTS, Probe};
use crate::session::route::Attempt;
use crate::session::transcript::{From, Layer};
use crate::session::{relay, talk};

/// Most records of one answer that are shown in its line.
const MAX_SHOWN: usize = 8;

/// A DNS question was answered.
pub(crate) fn lookup(
    dns: &mut Dns,
    pen: &mut Pen<'_>,
    name: &str,
    record: RecordType,
    source: &LookupSource,
    outcome: &LookupOutcome,
    took: Micros,
) {
    let from = match source {
        LookupSource::Dns(_) => "",
        LookupSource::Validated(_) => " (validated)",
        LookupSource::HostsFile => " (hosts file)",
        LookupSource::Given => " (given)",
        LookupSource::Literal => " (no look-up needed)",
    };
    let text = format!("{} {name} → {}{from}", record.name(), answer(outcome));
    let meaning =
        Meaning::Lookup { name: name.to_owned(), record, source: source.clone(), outcome: outcome.clone() };
    let line = pen.write(From::Probe, Layer::Dns, &text, meaning);
    if let Some(line) = line {
        let (name, source, outcome) = (name.to_owned(), source.clone(), outcome.clone());
        dns.add(Answer { name, record, source, outcome, took, line }, pen.at);
    }
}

/// The MTA-STS policy was asked for; its line.
pub(crate) fn policy_fetched(
    pen: &mut Pen<'_>,
    host: &str,
    outcome: &PolicyOutcome,
    took: Micros,
) -> Option<usize> {
    let policy = relay::read(outcome);
    let said = match &policy {
        Ok(policy) => {
            let mx = shown(policy.mx.iter().cloned());
            let mx = if mx.is_empty() { String::new() } else { format!(", mx {mx}") };
            format!("mode {}{mx}, {} s", policy.mode.word(), policy.max_age)
        }
        Err(why) => format!("no policy: {why}"),
    };
    let text = format!("HTTPS {host} → {said} (in {})", span(took));
    pen.write(From::Probe, Layer::Dns, &text, Meaning::Policy { host: host.to_owned(), policy, took })
}

/// The operating system's resolver was asked for comparison.
pub(crate) fn system_lookup(
    dns: &mut Dns,
    pen: &mut Pen<'_>,
    host: &str,
    result: &Result<Vec<IpAddr>, String>,
) {
    let known = dns.addresses(host);
    let agrees = match result {
        Ok(addresses) => {
            addresses.iter().any(|address| known.contains(address))
                || (addresses.is_empty() && known.is_empty())
        }
        Err(_) => known.is_empty(),
    };
    let text = match result {
        Ok(addresses) if addresses.is_empty() => "no address".to_owned(),
        Ok(addresses) => shown(addresses.iter().map(ToString::to_string)),
        Err(error) => error.clone(),
    };
    let text = format!("system resolver: {host} → {text}");
    let meaning = Meaning::SystemLookup { host: host.to_owned(), result: result.clone(), agrees };
    let line = pen.write(From::Probe, Layer::Dns, &text, meaning);
    if let Some(line) = line {
        dns.add_system(SystemAnswer { host: host.to_owned(), result: result.clone(), line });
    }
}

fn answer(outcome: &LookupOutcome) -> String {
    match outcome {
        LookupOutcome::Answers(records) => answers(records),
        LookupOutcome::NxDomain { at } => format!("NXDOMAIN, {at} does not exist"),
        LookupOutcome::NoData => "no such record".to_owned(),
        LookupOutcome::ServFail { extended: None } => "SERVFAIL, the resolver failed".to_owned(),
        LookupOutcome::ServFail { extended: Some((code, text)) } => {
            let text = if text.is_empty() { String::new() } else { format!(": {text}") };
            format!("SERVFAIL, the resolver failed (extended error {code}{text})")
        }
        LookupOutcome::Refused => "REFUSED, the resolver does not answer us".to_owned(),
        LookupOutcome::OtherCode(code) => format!("the resolver answers with code {code}"),
        LookupOutcome::TimedOut => "no answer".to_owned(),
        LookupOutcome::Unreachable(text) => format!("the resolver cannot be reached: {text}"),
        LookupOutcome::Malformed(text) => format!("an answer that cannot be read: {text}"),
    }
}

fn answers(records: &[Record]) -> String {
    if records.is_empty() {
        return "nothing".to_owned();
    }
    let aliases = records.iter().filter_map(|record| match &record.data {
        RecordData::Cname(name) => Some(format!("CNAME {name} → ")),
        _ => None,
    });
    let aliases: String = aliases.take(MAX_SHOWN).collect();
    let data = records.iter().filter(|r| !matches!(r.data, RecordData::Cname(_)));
    let data = shown(data.map(|record| match &record.data {
        RecordData::Address(address) => address.to_string(),
        RecordData::Mx { preference, exchange } => format!("{preference} {exchange}"),
        RecordData::Srv { priority, weight, port, target } => format!("{priority} {weight} {port} {target}"),
        RecordData::Txt(text) => format!("\"{text}\""),
        RecordData::Tlsa { usage, selector, matching, data } => {
            format!("{usage} {selector} {matching} {data}")
        }
        RecordData::Cname(name) | RecordData::Ptr(name) => name.clone(),
    }));
    if data.is_empty() { aliases.trim_end_matches(" → ").to_owned() } else { aliases + &data }
}

fn shown(texts: impl Iterator<Item = String>) -> String {
    let mut texts: Vec<String> = texts.collect();
    let more = texts.len().saturating_sub(MAX_SHOWN);
    texts.truncate(MAX_SHOWN);
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    texts.join(", ")
}

/// A connect began.
pub(crate) fn connect_started(probe: &mut Probe, pen: &mut Pen<'_>, address: &Endpoint) {
    let shown = endpoint(address);
    let text = format!("connect {shown}");
    let line = pen.write(From::Probe, Layer::Tcp, &text, Meaning::ConnectStarted { address: shown });
    if probe.attempts.len() < MAX_ATTEMPTS {
        probe.attempts.push(Attempt {
            endpoint: address.clone(),
            outcome: None,
            started: pen.at,
            took: None,
            dropped_here: false,
            lines: line.into_iter().collect(),
        });
    }
}

/// A connect ended.
pub(crate) fn connect_ended(
    probe: &mut Probe,
    pen: &mut Pen<'_>,
    address: &Endpoint,
    outcome: &ConnectOutcome,
    took: Micros,
    dropped_here: bool,
) {
    let shown = endpoint(address);
    let mut text = connect_text(outcome, took);
    if dropped_here {
        text.push_str(": this machine drops the packets itself (TCPRetransFail)");
    }
    if probe.attempts.len() > 1 {
        text = format!("{text} · {shown}");
    }
    let meaning = if dropped_here {
        Meaning::DroppedHere { address: shown, took }
    } else {
        Meaning::Connect { outcome: outcome.clone(), address: shown, took }
    };
    let line = pen.write(From::Probe, Layer::Tcp, &text, meaning);
    // While the dialogue is under way on another connection, this says nothing about how far that has come.
    if probe.chosen.is_none() {
        probe.last = probe.last.max(pen.at);
    }
    if probe.attempt(address).is_none() && probe.attempts.len() < MAX_ATTEMPTS {
        let started = Micros(pen.at.0.saturating_sub(took.0));
        let endpoint = address.clone();
        let (outcome, took, lines) = (None, None, Vec::new());
        probe.attempts.push(Attempt { endpoint, outcome, started, took, dropped_here: false, lines });
    }
    if let Some(attempt) = probe.attempt(address) {
        attempt.outcome = Some(outcome.clone());
        attempt.took = Some(took);
        attempt.dropped_here = dropped_here;
        if attempt.lines.len() < 2 {
            attempt.lines.extend(line);
        }
    }
}

/// True where a connect was silent because this machine dropped its packets: in both halves of the wait a SYN was sent
/// anew, and no retransmission of a SYN left the machine. Other programs count too, so that all must have failed, and
/// must have done so again when the connect was tried once more.
pub(crate) fn dropped_here(retransmitted: &[Retransmissions]) -> bool {
    let all_failed = |rise: &Retransmissions| rise.syn > 0 && rise.failed >= rise.syn;
    retransmitted.len() >= 2 && retransmitted.iter().all(all_failed)
}

/// How a connect ended, in a few words.
pub(crate) fn connect_text(outcome: &ConnectOutcome, took: Micros) -> String {
    match outcome {
        ConnectOutcome::Connected => format!("connected in {}", span(took)),
        ConnectOutcome::TimedOut => format!("no answer within {}", span(took)),
        ConnectOutcome::Reset => format!("reset after {}", span(took)),
        ConnectOutcome::Icmp(error) => {
            let sender = error.sender.map(|sender| format!(" from {sender}")).unwrap_or_default();
            let own = if error.from_self { " (this machine)" } else { "" };
            format!("ICMP {}{sender}{own}", icmp_name(*error))
        }
        ConnectOutcome::NoRoute { errno } => format!("this machine has no route there (errno {errno})"),
        ConnectOutcome::LocalRefusal { errno } => format!("this machine refuses the connect (errno {errno})"),
        ConnectOutcome::Failed { errno: Some(errno), text } => format!("{text} (errno {errno})"),
        ConnectOutcome::Failed { errno: None, text } => text.clone(),
        ConnectOutcome::Proxy { text, .. } => format!("the proxy made no connection: {text}"),
        ConnectOutcome::Cancelled => "given up, the answer no longer matters".to_owned(),
    }
}

/// What an ICMP error says (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1, RFC 4443 §3.1).
pub(crate) fn icmp_name(error: IcmpError) -> String {
    let IcmpError { v6, kind, code, .. } = error;
    let name = match (v6, kind, code) {
        (false, 3, 0) => "network unreachable",
        (false, 3, 1) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) => "fragmentation needed",
        (false, 3, 6) => "network unknown",
        (false, 3, 7) => "host unknown",
        (false, 3, 9) => "network administratively prohibited",
        (false, 3, 10) => "host administratively prohibited",
        (false, 3, 13) | (true, 1, 1) => "administratively prohibited",
        (false, 11, _) | (true, 3, _) => "time exceeded",
        (true, 1, 0) => "no route to destination",
        (true, 1, 3) => "address unreachable",
        (true, 1, 5) => "source address failed the ingress policy",
        (true, 1, 6) => "route rejected",
        _ => return format!("{} type {kind} code {code}", if v6 { "v6" } else { "v4" }),
    };
    name.to_owned()
}

/// The connection with which the dialogue goes on.
pub(crate) fn chosen(probe: &mut Probe, pen: &mut Pen<'_>, address: &Endpoint) {
    if probe.attempts.len() > 1 {
        let address = endpoint(address);
        let text = format!("goes on with {address}");
        pen.write(From::Probe, Layer::Tcp, &text, Meaning::Chosen { address });
    }
    probe.last = probe.last.max(pen.at);
    probe.chosen.get_or_insert_with(|| (address.clone(), pen.at));
}

/// The connection ended.
pub(crate) fn closed(probe: &mut Probe, pen: &mut Pen<'_>, how: &CloseKind) {
    talk::flush(probe, pen);
    let text = match how {
        CloseKind::ByServer => "closed by the server".to_owned(),
        CloseKind::Reset => "reset by the server, or by something on the way".to_owned(),
        CloseKind::Failed { errno: Some(errno), text } => {
            format!("connection failed: {text} (errno {errno})")
        }
        CloseKind::Failed { errno: None, text } => format!("connection failed: {text}"),
        CloseKind::ByUs => "closed by ehlo".to_owned(),
    };
    let line = pen.write(From::Probe, Layer::Tcp, &text, Meaning::Closed(how.clone()));
    if let Some(handshake) = &mut probe.handshake
        && handshake.ended.is_none()
        && *how != CloseKind::ByUs
    {
        handshake.cut = handshake.cut.or(line);
    }
    if *how != CloseKind::ByUs {
        probe.last = probe.last.max(pen.at);
    }
    // The other side's end is what tells; that we close afterwards is only manners.
    if probe.closed.is_none() {
        probe.closed = Some(Closed { how: how.clone(), at: pen.at, line });
    }
}

/// A wait came to its limit.
pub(crate) fn expired(probe: &mut Probe, pen: &mut Pen<'_>, awaited: Awaited, limit: Micros) {
    talk::flush(probe, pen);
    let what = match awaited {
        Awaited::Greeting => "greeting",
        Awaited::Reply => "reply",
        Awaited::Handshake => "end of the TLS handshake",
    };
    let layer = if awaited == Awaited::Handshake { Layer::Tls } else { Layer::Smtp };
    let text = format!("no {what} within {}", span(limit));
    let line = pen.write(From::Probe, layer, &text, Meaning::WaitExpired { awaited, limit });
    probe.last = probe.last.max(pen.at);
    probe.expired.get_or_insert(Expired { awaited, limit, line });
}

/// The probe stopped reading.
pub(crate) fn limit(probe: &mut Probe, pen: &mut Pen<'_>, what: &str) {
    talk::flush(probe, pen);
    let meaning = Meaning::LimitReached { what: what.to_owned() };
    let line = pen.write(From::Probe, Layer::Smtp, &format!("gave up: {what}"), meaning);
    if let Some(line) = line {
        probe.limit.get_or_insert_with(|| (crate::wire::printable::printable(what, 200), line));
    }
}
