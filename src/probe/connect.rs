//! Connects to every address of a route: each gets an outcome of its own, the first that answers is chosen.
//!
//! The order and the stagger are those of RFC 8305 §5; other than a client, a troubleshooter does not hide behind
//! them: the addresses that lost the race are connected to all the same.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::event::{ConnectOutcome, Endpoint, EventKind, Micros, Retransmissions};
use crate::net::{Connection, Stream, asks_again_after};
use crate::probe::{Context, Recorder};

/// How long an address is given before the next one is begun too (RFC 8305 §8).
const STAGGER: Duration = Duration::from_millis(250);

/// Most addresses of a route that are tried.
pub const MAX_ADDRESSES: usize = 16;

/// The connection that won, and where it leads.
pub struct Chosen {
    /// Where to.
    pub endpoint: Endpoint,
    /// The bytes.
    pub stream: Box<dyn Stream>,
}

/// The connects of one route.
pub struct Connects {
    won: mpsc::Receiver<Chosen>,
    others: JoinSet<()>,
}

impl Connects {
    /// Begins them.
    pub fn start(context: &Context, recorder: &Recorder, endpoints: Vec<Endpoint>) -> Self {
        let (send, won) = mpsc::channel(1);
        let mut others = JoinSet::new();
        others.spawn(run(context.clone(), recorder.clone(), endpoints, send));
        Self { won, others }
    }

    /// The connection to go on with; `None` once every address has failed.
    pub async fn first(&mut self) -> Option<Chosen> {
        self.won.recv().await
    }

    /// Waits until every address has its outcome.
    pub async fn rest(mut self) {
        self.won.close();
        while self.others.join_next().await.is_some() {}
    }
}

async fn run(context: Context, recorder: Recorder, endpoints: Vec<Endpoint>, won: mpsc::Sender<Chosen>) {
    let mut waiting = endpoints.into_iter().take(MAX_ADDRESSES);
    let mut running = JoinSet::new();
    let mut next_at = Instant::now();
    let mut chosen = false;
    let mut exhausted = false;
    loop {
        tokio::select! {
            biased;
            Some(done) = running.join_next(), if !running.is_empty() => {
                match done {
                    Ok(Some(winner)) if !chosen => {
                        let winner: Chosen = winner;
                        chosen = true;
                        recorder.record(EventKind::ConnectionChosen { address: winner.endpoint.clone() });
                        let _ = won.send(winner).await;
                    }
                    // A later one closes at once: its outcome is all that was wanted.
                    Ok(_) => {}
                    Err(_) => {}
                }
                // One has answered or failed: nothing is gained by holding the next one back.
                next_at = Instant::now();
            }
            () = sleep_until(next_at), if !exhausted => {
                match waiting.next() {
                    Some(endpoint) => {
                        running.spawn(connect(context.clone(), recorder.clone(), endpoint));
                        next_at = if chosen { Instant::now() } else { Instant::now() + STAGGER };
                    }
                    None => exhausted = true,
                }
            }
            else => return,
        }
    }
}

async fn connect(context: Context, recorder: Recorder, endpoint: Endpoint) -> Option<Chosen> {
    let (outcome, stream) = recorded(&context, &recorder, &endpoint).await;
    stream.filter(|_| outcome == ConnectOutcome::Connected).map(|stream| Chosen { endpoint, stream })
}

/// One connect with its two events.
pub async fn recorded(
    context: &Context,
    recorder: &Recorder,
    endpoint: &Endpoint,
) -> (ConnectOutcome, Option<Box<dyn Stream>>) {
    recorder.record(EventKind::ConnectStarted { address: endpoint.clone() });
    let started = Instant::now();
    let (result, retransmitted) = watched(context, endpoint).await;
    let took = Micros::from_duration(started.elapsed());
    let (outcome, local, stream) = match result {
        Ok(connection) => (ConnectOutcome::Connected, connection.local, Some(connection.stream)),
        Err(outcome) => (outcome, None, None),
    };
    recorder.record(EventKind::ConnectEnded {
        address: endpoint.clone(),
        outcome: outcome.clone(),
        took,
        local,
        retransmitted,
    });
    (outcome, stream)
}

/// Connects; where nobody answers, says how the kernel's counters rose before and after the second try.
async fn watched(
    context: &Context,
    endpoint: &Endpoint,
) -> (Result<Connection, ConnectOutcome>, Vec<Retransmissions>) {
    let limit = context.connect_limit();
    let network = &context.network;
    let connect = network.connect(endpoint, limit);
    let (Some(before), Some(half)) = (network.counters(), asks_again_after(limit)) else {
        return (connect.await, Vec::new());
    };
    let mut connect = connect;
    if let Ok(end) = timeout(half, &mut connect).await {
        return (end, Vec::new());
    }
    let between = network.counters();
    let end = connect.await;
    let mut rises = Vec::new();
    if let (Err(ConnectOutcome::TimedOut), Some(between), Some(after)) = (&end, between, network.counters()) {
        rises.extend([between.since(before), after.since(between)]);
    }
    (end, rises)
}
