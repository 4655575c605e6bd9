//! Finds the addresses of a host.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::event::{
    Endpoint, EventKind, LookupOutcome, LookupSource, Micros, Purpose, Record, RecordData, RecordType,
};
use crate::probe::{Context, Family, Recorder};
use crate::target::Host;

/// How long the operating system's own resolver is waited for, once DNS has answered.
const SYSTEM_LIMIT: Duration = Duration::from_secs(5);

/// Most questions that are asked at once.
const MAX_QUESTIONS: usize = 64;

/// Where to connect to through a proxy that looks names up itself: the name; or the addresses that the user gave for
/// it. `None` where names are looked up here.
pub(super) fn carried(context: &Context, host: &str, port: u16) -> Option<Vec<Endpoint>> {
    if !context.network.resolves_remotely() || host.parse::<IpAddr>().is_ok() {
        return None;
    }
    Some(match context.network.given(host) {
        Some(given) => endpoints(&in_order(given.to_vec(), context.family), port),
        None => vec![Endpoint::Name(host.to_owned(), port)],
    })
}

/// Looks the host up: A and AAAA at once, and what the operating system says beside them. `found` hears when DNS
/// has answered; the comparison goes on without holding anybody up. Through a proxy that resolves names itself nothing
/// is looked up here, other than what the user gave.
pub async fn resolve(context: Context, recorder: Recorder, host: Host, found: oneshot::Sender<()>) {
    let running = recorder.begin(Purpose::Resolve { host: host.to_string() });
    let given = |name: &str| context.network.given(name).is_some();
    if context.network.resolves_remotely() && host.address().is_none() && !given(&host.to_string()) {
        let _ = found.send(());
        running.end();
        return;
    }
    let name = match host {
        Host::Address(address) => {
            let data = RecordData::Address(address);
            recorder.record(EventKind::Lookup {
                name: address.to_string(),
                record: if address.is_ipv4() { RecordType::A } else { RecordType::Aaaa },
                source: LookupSource::Literal,
                outcome: LookupOutcome::Answers(vec![Record { name: address.to_string(), ttl: 0, data }]),
                took: Micros(0),
            });
            let _ = found.send(());
            running.end();
            return;
        }
        Host::Name(name) => name,
    };
    let system = async {
        let started = Instant::now();
        let result = timeout(SYSTEM_LIMIT, context.network.system_lookup(&name)).await;
        (result, Micros::from_duration(started.elapsed()))
    };
    let mut found = Some(found);
    let dns = async {
        let known = tokio::join!(
            question(&context, &recorder, &name, RecordType::Aaaa, context.family != Family::V4),
            question(&context, &recorder, &name, RecordType::A, context.family != Family::V6),
        );
        // Where DNS knows no address the system's own resolver may: then its answer is waited for.
        if known.0 || known.1 {
            tell(&mut found);
        }
    };
    let ((), (result, took)) = tokio::join!(dns, system);
    match result {
        Ok(Some(result)) => recorder.record(EventKind::SystemLookup { host: name, result, took }),
        Ok(None) => {}
        Err(_) => {
            let result = Err(format!("no answer within {} s", SYSTEM_LIMIT.as_secs()));
            recorder.record(EventKind::SystemLookup { host: name, result, took });
        }
    }
    tell(&mut found);
    running.end();
}

fn tell(found: &mut Option<oneshot::Sender<()>>) {
    if let Some(found) = found.take() {
        let _ = found.send(());
    }
}

/// True where the answer holds an address.
async fn question(
    context: &Context,
    recorder: &Recorder,
    name: &str,
    record: RecordType,
    wanted: bool,
) -> bool {
    wanted && matches!(asked(context, recorder, name, record).await, LookupOutcome::Answers(_))
}

/// One question, recorded.
pub(super) async fn asked(
    context: &Context,
    recorder: &Recorder,
    name: &str,
    record: RecordType,
) -> LookupOutcome {
    let started = Instant::now();
    let (source, outcome) = context.network.lookup(name, record).await;
    let took = Micros::from_duration(started.elapsed());
    let name = name.to_owned();
    recorder.record(EventKind::Lookup { name, record, source, outcome: outcome.clone(), took });
    outcome
}

/// Asks several questions about a domain at once.
pub async fn ask(
    context: Context,
    recorder: Recorder,
    domain: String,
    questions: Vec<(String, RecordType)>,
    done: oneshot::Sender<()>,
) {
    let running = recorder.begin(Purpose::Ask { domain });
    let all =
        questions.iter().take(MAX_QUESTIONS).map(|(name, record)| asked(&context, &recorder, name, *record));
    futures_util::future::join_all(all).await;
    let _ = done.send(());
    running.end();
}

/// The addresses in the order in which to try them: of the families in use, IPv6 and IPv4 in turn, IPv6 first
/// (RFC 8305 §4).
pub fn in_order(addresses: Vec<IpAddr>, family: Family) -> Vec<IpAddr> {
    let wanted = addresses.into_iter().filter(|address| family.allows(*address));
    let (v6, v4) = wanted.partition(IpAddr::is_ipv6);
    interleave(v6, v4)
}

fn interleave(v6: Vec<IpAddr>, v4: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut all = Vec::with_capacity(v6.len() + v4.len());
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    loop {
        let pair = (v6.next(), v4.next());
        if pair == (None, None) {
            return all;
        }
        all.extend(pair.0);
        all.extend(pair.1);
    }
}

/// Endpoints of these addresses.
pub fn endpoints(addresses: &[IpAddr], port: u16) -> Vec<Endpoint> {
    addresses.iter().map(|address| Endpoint::Address(SocketAddr::new(*address, port))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_ipv6_begins() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let v6 = vec![ip("2001:db8::1"), ip("2001:db8::2")];
        let v4 = vec![ip("192.0.2.1")];
        assert_eq!(interleave(v6, v4), [ip("2001:db8::1"), ip("192.0.2.1"), ip("2001:db8::2")]);
    }
}
