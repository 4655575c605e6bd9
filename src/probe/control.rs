//! Sees whether a host is alive at all: connects to a port that firewalls leave open, and nothing more.

use std::net::IpAddr;

use tokio::task::JoinSet;

use crate::event::{ConnectOutcome, ProxyFault, Purpose};
use crate::probe::connect::{MAX_ADDRESSES, recorded};
use crate::probe::resolve::{carried, endpoints};
use crate::probe::{Context, Recorder};

/// Connects to one port of all addresses at once. True where something answered: a reset is an answer too.
pub async fn control(
    context: Context,
    recorder: Recorder,
    host: String,
    addresses: Vec<IpAddr>,
    port: u16,
) -> bool {
    let targets = carried(&context, &host, port).unwrap_or_else(|| endpoints(&addresses, port));
    let running = recorder.begin(Purpose::Control { host, port });
    let mut connects = JoinSet::new();
    for endpoint in targets.into_iter().take(MAX_ADDRESSES) {
        let (context, recorder) = (context.clone(), recorder.clone());
        connects.spawn(async move { recorded(&context, &recorder, &endpoint).await.0 });
    }
    let mut alive = false;
    while let Some(outcome) = connects.join_next().await {
        use ConnectOutcome::{Connected, Proxy, Reset};
        alive |= matches!(outcome, Ok(Connected | Reset | Proxy { fault: ProxyFault::Refused, .. }));
    }
    running.end();
    alive
}
