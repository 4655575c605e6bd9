//! Fetches the MTA-STS policy of a domain (RFC 8461 §3.3): the host's addresses, TLS that must verify, one page.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::event::{
    CloseKind, Endpoint, EventKind, LookupOutcome, Micros, PolicyOutcome, Purpose, RecordData, RecordType,
    TlsOutcome, Verification,
};
use crate::net::https;
use crate::probe::connect::Connects;
use crate::probe::resolve::{asked, carried, endpoints, in_order};
use crate::probe::route::tap;
use crate::probe::{Context, Family, Recorder};
use crate::wire::bytes::Octets;
use crate::wire::mta_sts::MAX_POLICY;

/// Where every policy lies.
const PATH: &str = "/.well-known/mta-sts.txt";

/// Port of HTTPS.
const PORT: u16 = 443;

/// Fetches the policy from `host`, which is `mta-sts.` and the domain.
pub async fn policy(context: Context, recorder: Recorder, host: String, done: oneshot::Sender<()>) {
    let running = recorder.begin(Purpose::Policy { host: host.clone() });
    let started = Instant::now();
    let outcome = fetch(&context, &recorder, &host).await;
    let took = Micros::from_duration(started.elapsed());
    recorder.record(EventKind::PolicyFetched { host, outcome, took });
    let _ = done.send(());
    running.end();
}

async fn fetch(context: &Context, recorder: &Recorder, host: &str) -> PolicyOutcome {
    let targets = targets(context, recorder, host).await;
    let mut connects = Connects::start(context, recorder, targets);
    let Some(chosen) = connects.first().await else { return PolicyOutcome::NotReached };
    // Other than for a mail port, nobody needs to know how the other addresses fare.
    drop(connects);
    let client = match context.tls.get().await {
        Ok(client) => client,
        Err(error) => {
            recorder.record(EventKind::Warning { text: error.to_string() });
            return PolicyOutcome::NotReached;
        }
    };
    let verification = Verification::Strict;
    recorder.record(EventKind::TlsStarted {
        server_name: host.to_owned(),
        verification,
        library: client.library(),
    });
    let (sink, _) = tap(recorder);
    match client.handshake(chosen.stream, host, verification, sink, context.reply_limit()).await {
        Ok((stream, leaf)) => {
            let leaf = leaf.map(Octets::from);
            recorder.record(EventKind::TlsEnded { outcome: TlsOutcome::Established { leaf } });
            let outcome = https::get(stream, host, PATH, context.reply_limit(), MAX_POLICY).await;
            recorder.record(EventKind::Closed { how: CloseKind::ByUs });
            outcome
        }
        Err(outcome) => {
            recorder.record(EventKind::TlsEnded { outcome });
            PolicyOutcome::NotReached
        }
    }
}

async fn targets(context: &Context, recorder: &Recorder, host: &str) -> Vec<Endpoint> {
    if let Some(targets) = carried(context, host, PORT) {
        return targets;
    }
    let question = async |record, wanted| match wanted {
        true => asked(context, recorder, host, record).await,
        false => LookupOutcome::NoData,
    };
    let (v6, v4) = tokio::join!(
        question(RecordType::Aaaa, context.family != Family::V4),
        question(RecordType::A, context.family != Family::V6)
    );
    let mut addresses = Vec::new();
    for outcome in [v6, v4] {
        let LookupOutcome::Answers(records) = outcome else { continue };
        addresses.extend(records.into_iter().filter_map(|record| match record.data {
            RecordData::Address(address) => Some(address),
            _ => None,
        }));
    }
    endpoints(&in_order(addresses, context.family), PORT)
}
