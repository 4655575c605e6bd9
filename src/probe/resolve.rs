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

/// Looks the host up: A and AAAA at once, and what the operating system says beside them. `found` hears the addresses
/// in the order of RFC 8305 as soon as DNS has answered; the comparison goes on without holding anybody up.
pub async fn resolve(context: Context, recorder: Recorder, host: Host, found: oneshot::Sender<Vec<IpAddr>>) {
    let running = recorder.begin(Purpose::Resolve { host: host.to_string() });
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
            let _ = found.send(vec![address]);
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
    let dns = async {
        let (v6, v4) = tokio::join!(
            question(&context, &recorder, &name, RecordType::Aaaa, context.family != Family::V4),
            question(&context, &recorder, &name, RecordType::A, context.family != Family::V6),
        );
        let _ = found.send(interleave(v6, v4));
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
    running.end();
}

async fn question(
    context: &Context,
    recorder: &Recorder,
    name: &str,
    record: RecordType,
    wanted: bool,
) -> Vec<IpAddr> {
    if !wanted {
        return Vec::new();
    }
    let started = Instant::now();
    let (source, outcome) = context.network.lookup(name, record).await;
    let mut addresses = Vec::new();
    if let LookupOutcome::Answers(records) = &outcome {
        for record in records {
            if let RecordData::Address(address) = record.data
                && context.family.allows(address)
                && !addresses.contains(&address)
            {
                addresses.push(address);
            }
        }
    }
    let took = Micros::from_duration(started.elapsed());
    recorder.record(EventKind::Lookup { name: name.to_owned(), record, source, outcome, took });
    addresses
}

/// IPv6 and IPv4 in turn, IPv6 first (RFC 8305 §4).
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
