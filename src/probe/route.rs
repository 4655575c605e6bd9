//! Examines one route: connects, talks, makes TLS, talks again, and looks twice where the first look cannot tell.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::event::{
    Awaited, CloseKind, Endpoint, EventKind, InspectReason, Purpose, RouteId, Side, TlsOutcome, Verification,
};
use crate::net::Stream;
use crate::net::tap::Sink;
use crate::probe::connect::{Chosen, Connects};
use crate::probe::resolve::endpoints;
use crate::probe::talk::{Halt, Talk};
use crate::probe::{Context, Recorder, inspect};
use crate::target::{Host, TlsMode};
use crate::wire::bytes::Octets;
use crate::wire::dialogue::Script;

/// How long a port may be silent before a ClientHello on another connection asks whether it waits for one. Longer
/// than the usual pause that is kept before a greeting to catch clients that speak too early (6 s).
const SILENCE: Duration = Duration::from_millis(6_500);

/// What is to be examined.
#[derive(Clone, Debug)]
pub struct Job {
    /// Number of the route.
    pub route: RouteId,
    /// 1 for the first probe of the route.
    pub round: u16,
    /// Whom to connect to, and the name that the certificate must bear.
    pub host: Host,
    /// Its addresses, in the order in which to try them.
    pub addresses: Vec<IpAddr>,
    /// Port.
    pub port: u16,
    /// How TLS starts.
    pub tls: TlsMode,
}

/// Examines the route.
pub async fn route(context: Context, recorder: Recorder, job: Job) {
    let running = recorder.begin(Purpose::Route { route: job.route, round: job.round });
    let targets = if context.network.resolves_remotely() && job.host.address().is_none() {
        vec![Endpoint::Name(job.host.to_string(), job.port)]
    } else {
        endpoints(&job.addresses, job.port)
    };
    let mut connects = Connects::start(&context, &recorder, targets);
    // The connectors take some 40 ms to build: beside the connect and the greeting they cost nothing.
    let build = async {
        if job.tls != TlsMode::None {
            let _ = context.tls.get().await;
        }
    };
    let examine = async {
        if let Some(chosen) = connects.first().await {
            dialogue(&context, &recorder, &job, chosen).await;
        }
    };
    tokio::join!(examine, build);
    connects.rest().await;
    running.end();
}

async fn dialogue(context: &Context, recorder: &Recorder, job: &Job, chosen: Chosen) {
    let Chosen { endpoint, stream } = chosen;
    let script = Script { tls: job.tls, ehlo_name: context.ehlo_name.clone() };
    let mut talk = Talk::new(stream, script, recorder.clone(), context.reply_limit());
    if job.tls != TlsMode::Implicit && greeting(context, job, &endpoint, &mut talk).await == Greeting::None {
        talk.close().await;
        return;
    }
    let mut verified = true;
    while talk.advance().await == Halt::StartTls {
        let Some(stream) = talk.take() else { break };
        match handshake(context, recorder, job, stream).await {
            Handshake::Up(stream) => talk.encrypted(stream),
            Handshake::Failed { look_again } => {
                verified = !look_again;
                break;
            }
        }
    }
    talk.close().await;
    if !verified {
        inspect::certificate(context, job, &endpoint, InspectReason::Relaxed).await;
    }
}

#[derive(PartialEq, Eq)]
enum Greeting {
    /// Bytes came, or the connection ended: the dialogue goes on from there.
    Begun,
    /// The port waits for TLS, or for nothing at all.
    None,
}

/// Waits for the first bytes; a silent port is asked on another connection whether it waits for a ClientHello.
async fn greeting(context: &Context, job: &Job, endpoint: &Endpoint, talk: &mut Talk) -> Greeting {
    let started = Instant::now();
    let deadline = started + context.reply_limit();
    let silence = SILENCE.min(context.reply_limit() * 2 / 3);
    {
        let mut hear = pin!(timeout_at(deadline, talk.hear()));
        let ask = async {
            sleep(silence).await;
            inspect::client_hello(context, job, endpoint).await
        };
        let speaks_tls = tokio::select! {
            biased;
            heard = &mut hear => match heard {
                Ok(_) => return Greeting::Begun,
                Err(_) => false,
            },
            speaks_tls = ask => speaks_tls,
        };
        // Where TLS answered, waiting on for a greeting is no use.
        if !speaks_tls && hear.await.is_ok() {
            return Greeting::Begun;
        }
    }
    talk.expired(Awaited::Greeting, started);
    Greeting::None
}

enum Handshake {
    Up(Box<dyn Stream>),
    Failed {
        /// A second look could tell more.
        look_again: bool,
    },
}

async fn handshake(context: &Context, recorder: &Recorder, job: &Job, stream: Box<dyn Stream>) -> Handshake {
    let client = match context.tls.get().await {
        Ok(client) => client,
        Err(error) => {
            recorder.record(EventKind::Warning { text: error.to_string() });
            return Handshake::Failed { look_again: false };
        }
    };
    let server_name = job.host.to_string();
    recorder.record(EventKind::TlsStarted {
        server_name: server_name.clone(),
        verification: Verification::Strict,
        library: client.library(),
    });
    let (sink, heard) = tap(recorder);
    let result =
        client.handshake(stream, &server_name, Verification::Strict, sink, context.reply_limit()).await;
    match result {
        Ok((stream, leaf)) => {
            let leaf = leaf.map(Octets::from);
            recorder.record(EventKind::TlsEnded { outcome: TlsOutcome::Established { leaf } });
            Handshake::Up(stream)
        }
        Err(outcome) => {
            let timed_out = matches!(outcome, TlsOutcome::TimedOut { .. });
            recorder.record(EventKind::TlsEnded { outcome });
            Handshake::Failed { look_again: heard.is_tls() && !timed_out }
        }
    }
}

/// What the tap heard from the server, as far as the probe itself must know.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// True where the server's first bytes are those of a TLS record (RFC 8446 §5.1).
    pub fn is_tls(&self) -> bool {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(first.as_slice(), [20..=24, 3, ..])
    }
}

/// A sink that records what the tap hears.
pub fn tap(recorder: &Recorder) -> (Sink, Heard) {
    let heard = Heard::default();
    let (recorder, first) = (recorder.clone(), heard.0.clone());
    let sink = move |from: Side, bytes: &[u8]| {
        if bytes.is_empty() {
            if from == Side::Server {
                recorder.record(EventKind::Closed { how: CloseKind::ByServer });
            }
            return;
        }
        if from == Side::Server {
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = 2_usize.saturating_sub(first.len());
            first.extend(bytes.iter().take(missing));
        }
        recorder.record(EventKind::TlsBytes { from, bytes: Octets::from(bytes) });
    };
    (Box::new(sink), heard)
}
