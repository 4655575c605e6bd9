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
use crate::net::tls;
use crate::probe::connect::{Chosen, Connects};
use crate::probe::resolve::{carried, endpoints};
use crate::probe::talk::{Halt, Talk};
use crate::probe::{Context, Recorder, inspect};
use crate::target::{Host, TlsMode};
use crate::wire::bytes::Octets;
use crate::wire::dialogue::{Finish, Script};
use crate::wire::reply::looks_like;
use crate::wire::sasl::Verified;

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
    /// True where connections for information are welcome (`--all`): the whole chain, the certificate without SNI,
    /// the server's care with what came in cleartext behind STARTTLS.
    pub closely: bool,
    /// True where the whole chain is to be seen, which TLS 1.3 hides.
    pub whole_chain: bool,
}

/// Examines the route.
pub async fn route(context: Context, recorder: Recorder, job: Job) {
    let running = recorder.begin(Purpose::Route { route: job.route, round: job.round });
    let targets = carried(&context, &job.host.to_string(), job.port)
        .unwrap_or_else(|| endpoints(&job.addresses, job.port));
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
    let script = Script::new(job.tls, &context.ehlo_name);
    let mut talk = Talk::new(stream, script, recorder.clone(), context.reply_limit());
    let mut heard = Heard::default();
    if job.tls != TlsMode::Implicit {
        match greeting(context, job, &endpoint, &mut talk).await {
            Greeting::Begun => {}
            Greeting::None(instead) => {
                talk.close().await;
                if instead.is_http() {
                    inspect::http(context, job, &endpoint, false).await;
                }
                return;
            }
        }
    }
    let mut ended = None;
    let halt = loop {
        let halt = talk.advance().await;
        if halt != Halt::StartTls {
            break halt;
        }
        let Some(stream) = talk.take() else { break halt };
        match handshake(context, recorder, job, stream, &mut heard).await {
            Ok((stream, verified)) => talk.verified(stream, verified),
            Err(failed) => {
                ended = Some(failed);
                break halt;
            }
        }
    };
    let (up, silent) = (talk.is_encrypted(), talk.is_silent());
    let http = heard.is_http() || talk.first().is_http();
    talk.close().await;
    match ended {
        Some(failed) => look_again(context, job, &endpoint, &failed, &heard).await,
        None if up && halt == Halt::Finished(Finish::Complete) && job.closely => {
            look_closely(context, job, &endpoint).await;
        }
        None if up && job.whole_chain => {
            inspect::certificate(context, job, &endpoint, InspectReason::Chain).await;
        }
        None => {}
    }
    // A web server inside TLS waits for a request as it does in cleartext.
    if http || (up && silent) {
        inspect::http(context, job, &endpoint, up).await;
    }
}

/// What a second connection can tell of a handshake that failed.
pub(super) async fn look_again(
    context: &Context,
    job: &Job,
    endpoint: &Endpoint,
    failed: &TlsOutcome,
    heard: &Heard,
) {
    let TlsOutcome::Failed { reason, verify, .. } = failed else {
        if heard.is_empty() {
            inspect::certificate(context, job, endpoint, InspectReason::SmallHello).await;
        }
        return;
    };
    if heard.is_empty() {
        return inspect::certificate(context, job, endpoint, InspectReason::SmallHello).await;
    }
    if !heard.is_tls() {
        return;
    }
    let refused = verify.is_none() && reason.is_some_and(tls::is_about_the_offer);
    let why = if refused { InspectReason::OlderTls } else { InspectReason::Relaxed };
    inspect::certificate(context, job, endpoint, why).await;
    if verify.is_some() && job.host.address().is_none() {
        inspect::certificate(context, job, endpoint, InspectReason::NoServerName).await;
    }
}

/// Looks for what a route that works does not show by itself.
async fn look_closely(context: &Context, job: &Job, endpoint: &Endpoint) {
    inspect::certificate(context, job, endpoint, InspectReason::Chain).await;
    if job.host.address().is_none() {
        inspect::certificate(context, job, endpoint, InspectReason::NoServerName).await;
    }
    if job.tls == TlsMode::Starttls {
        inspect::injection(context, job, endpoint).await;
    }
}

enum Greeting {
    /// Bytes came, or the connection ended: the dialogue goes on from there.
    Begun,
    /// The port waits for TLS, or for nothing at all; what answered to a ClientHello.
    None(Heard),
}

/// Waits for the first bytes; a silent port is asked on another connection whether it waits for a ClientHello.
async fn greeting(context: &Context, job: &Job, endpoint: &Endpoint, talk: &mut Talk) -> Greeting {
    let started = Instant::now();
    let deadline = started + context.reply_limit();
    let silence = SILENCE.min(context.reply_limit() * 2 / 3);
    let instead;
    {
        let mut hear = pin!(timeout_at(deadline, talk.hear()));
        let ask = async {
            sleep(silence).await;
            inspect::client_hello(context, job, endpoint).await
        };
        instead = tokio::select! {
            biased;
            heard = &mut hear => match heard {
                Ok(_) => return Greeting::Begun,
                Err(_) => Heard::default(),
            },
            heard = ask => heard,
        };
        // Where TLS answered, waiting on for a greeting is no use.
        if !instead.is_tls() && hear.await.is_ok() {
            return Greeting::Begun;
        }
    }
    talk.expired(Awaited::Greeting, started);
    Greeting::None(instead)
}

/// The handshake of a live probe: the stream with the proof of the certificate, or how it failed. `first` is what the
/// server said first.
pub(super) async fn handshake(
    context: &Context,
    recorder: &Recorder,
    job: &Job,
    stream: Box<dyn Stream>,
    first: &mut Heard,
) -> Result<(Box<dyn Stream>, Verified), TlsOutcome> {
    let client = match context.tls.get().await {
        Ok(client) => client,
        Err(error) => {
            let text = error.to_string();
            recorder.record(EventKind::Warning { text: text.clone() });
            return Err(TlsOutcome::Failed { text, reason: None, verify: None, errno: None });
        }
    };
    let server_name = job.host.to_string();
    recorder.record(EventKind::TlsStarted {
        server_name: server_name.clone(),
        verification: Verification::Strict,
        library: client.library(),
    });
    let (sink, heard) = tap(recorder);
    let result = client.verified_handshake(stream, &server_name, sink, context.reply_limit()).await;
    *first = heard;
    match result {
        Ok((stream, leaf, verified)) => {
            let leaf = leaf.map(Octets::from);
            recorder.record(EventKind::TlsEnded { outcome: TlsOutcome::Established { leaf } });
            Ok((stream, verified))
        }
        Err(outcome) => {
            recorder.record(EventKind::TlsEnded { outcome: outcome.clone() });
            Err(outcome)
        }
    }
}

/// Most bytes that [`Heard`] keeps: enough to tell one protocol from another.
const FIRST: usize = 16;

/// The first bytes that a server said, as far as the probe itself must know them.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// Keeps bytes that came, up to the bound.
    pub fn add(&self, bytes: &[u8]) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = FIRST.saturating_sub(first.len());
        first.extend(bytes.iter().take(missing));
    }

    /// True where nothing came.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// True where a web server answers.
    pub fn is_http(&self) -> bool {
        looks_like(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) == Some("HTTP")
    }

    /// True where the server's first bytes are those of a TLS record (RFC 8446 §5.1).
    pub fn is_tls(&self) -> bool {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(first.as_slice(), [20..=24, 3, ..])
    }
}

/// A sink that records what the tap hears.
pub fn tap(recorder: &Recorder) -> (Sink, Heard) {
    let heard = Heard::default();
    let (recorder, first) = (recorder.clone(), heard.clone());
    let sink = move |from: Side, bytes: &[u8]| {
        if bytes.is_empty() {
            if from == Side::Server {
                recorder.record(EventKind::Closed { how: CloseKind::ByServer });
            }
            return;
        }
        if from == Side::Server {
            first.add(bytes);
        }
        recorder.record(EventKind::TlsBytes { from, bytes: Octets::from(bytes) });
    };
    (Box::new(sink), heard)
}
