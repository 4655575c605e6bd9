//! A second look, on a connection of its own: at the certificate that a handshake refused or hid, for TLS on a port
//! that stays silent, for a ClientHello that is small or names nobody, for the Location of what answers in HTTP, and
//! for a server that obeys what was sent before TLS. Nothing secret ever goes over such a connection.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::event::{
    CloseKind, Endpoint, EventKind, InspectReason, Purpose, RouteId, TlsOutcome, Verification,
};
use crate::net::Stream;
use crate::net::tls::{Offer, TlsClient};
use crate::probe::connect::recorded;
use crate::probe::route::{Heard, Job, tap};
use crate::probe::talk::{Halt, Talk};
use crate::probe::{Context, Recorder, Running};
use crate::target::TlsMode;
use crate::wire::bytes::{Bytes, Octets};
use crate::wire::dialogue::Script;

/// Most bytes of the answer to a request of HTTP that are read.
const MAX_ANSWER: usize = 8 * 1024;

/// How long a server may take to greet where only its name is wanted.
const GREETING: Duration = Duration::from_secs(5);

/// How long a web server may take for an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Goes to the handshake again, this time without insisting on the certificate, and records the chain and all that
/// verification has to say of it. A server with implicit TLS that was refused is heard out: its greeting names the
/// host that answers.
pub async fn certificate(context: &Context, job: &Job, endpoint: &Endpoint, why: InspectReason) {
    let (recorder, running) = begin(context, job.route, why);
    if let (_, Some(stream)) = recorded(context, &recorder, endpoint).await {
        let script = Script::new(job.tls, &context.ehlo_name);
        let mut talk = Talk::new(stream, script, recorder.clone(), context.reply_limit());
        if talk.advance().await == Halt::StartTls
            && let Some(stream) = talk.take()
            && let (_, Some(stream)) = look(context, &recorder, job, why, stream).await
        {
            // With STARTTLS it has greeted before.
            if why == InspectReason::Relaxed && job.tls == TlsMode::Implicit {
                talk.greeted_inside(stream, GREETING).await;
            } else {
                farewell(stream).await;
            }
        }
        talk.close().await;
    }
    running.end();
}

/// Says a ClientHello to a port that stays silent; what answered.
pub async fn client_hello(context: &Context, job: &Job, endpoint: &Endpoint) -> Heard {
    let why = InspectReason::ClientHello;
    let (recorder, running) = begin(context, job.route, why);
    let mut answered = Heard::default();
    if let (_, Some(stream)) = recorded(context, &recorder, endpoint).await {
        let job = Job { tls: TlsMode::Implicit, ..job.clone() };
        let (heard, stream) = look(context, &recorder, &job, why, stream).await;
        answered = heard;
        if let Some(stream) = stream {
            farewell(stream).await;
        }
    }
    running.end();
    answered
}

/// Sends NOOP in cleartext behind STARTTLS, in one write, and looks whether it is answered inside TLS: a server that
/// keeps what came before the handshake would obey an attacker's words as if they were the client's (CVE-2011-0411).
/// NOOP does nothing, and QUIT behind it makes the order of the replies tell.
pub async fn injection(context: &Context, job: &Job, endpoint: &Endpoint) {
    let (recorder, running) = begin(context, job.route, InspectReason::Injection);
    if let (_, Some(stream)) = recorded(context, &recorder, endpoint).await {
        let script = Script::new(job.tls, &context.ehlo_name);
        let mut talk = Talk::new(stream, script, recorder.clone(), context.reply_limit());
        talk.put_behind_starttls(b"NOOP\r\n");
        if talk.advance().await == Halt::StartTls
            && let Some(stream) = talk.take()
            && let Some(stream) = secure(context, &recorder, job, stream).await
        {
            talk.quit_inside(stream).await;
        }
        talk.close().await;
    }
    running.end();
}

/// Asks what answers in HTTP for its front page. That is all a web server needs to say where it leads.
pub async fn http(context: &Context, job: &Job, endpoint: &Endpoint, inside_tls: bool) {
    let (recorder, running) = begin(context, job.route, InspectReason::Http);
    if let (_, Some(stream)) = recorded(context, &recorder, endpoint).await {
        let stream = if inside_tls { secure(context, &recorder, job, stream).await } else { Some(stream) };
        if let Some(stream) = stream {
            let mut kept = Vec::new();
            let limit = ANSWER.min(context.reply_limit());
            let _ = timeout(limit, ask(&recorder, job, inside_tls, stream, &mut kept)).await;
            if !kept.is_empty() {
                let bytes = Bytes(recorder.told().text(&kept));
                recorder.record(EventKind::Received { bytes, encrypted: inside_tls });
            }
            recorder.record(EventKind::Closed { how: CloseKind::ByUs });
        }
    }
    running.end();
}

/// Once a secret was told to any server, what is read is kept for the caller: its pieces may hold one together.
async fn ask(
    recorder: &Recorder,
    job: &Job,
    encrypted: bool,
    mut stream: Box<dyn Stream>,
    kept: &mut Vec<u8>,
) -> std::io::Result<()> {
    let request = format!("GET / HTTP/1.0\r\nHost: {}\r\n\r\n", job.host);
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    recorder.record(EventKind::Sent { bytes: Bytes::from(request.as_bytes()), encrypted, redacted: false });
    let mut answer = Vec::new();
    let mut buffer = [0; 2048];
    // The head tells; what stands behind it is for browsers.
    while answer.len() < MAX_ANSWER && !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        answer.extend_from_slice(bytes);
        if recorder.told().is_empty() {
            recorder.record(EventKind::Received { bytes: Bytes::from(bytes), encrypted });
        } else {
            kept.extend_from_slice(bytes);
        }
    }
    Ok(())
}

pub(super) fn begin(context: &Context, route: RouteId, why: InspectReason) -> (Recorder, Running) {
    let recorder = context.recorder();
    let running = recorder.begin(Purpose::Inspect { route, why });
    (recorder, running)
}

/// What is offered on a connection of this kind.
fn offer(why: InspectReason) -> Offer {
    match why {
        InspectReason::OlderTls => Offer::Oldest,
        InspectReason::SmallHello => Offer::Small,
        InspectReason::NoServerName => Offer::Unnamed,
        InspectReason::Relaxed
        | InspectReason::Chain
        | InspectReason::ClientHello
        | InspectReason::Injection
        | InspectReason::Cleartext
        | InspectReason::OpenRelay
        | InspectReason::Http => Offer::Usual,
    }
}

/// The connectors, with the beginning of a handshake recorded.
async fn begin_tls<'a>(context: &'a Context, recorder: &Recorder, job: &Job) -> Option<&'a TlsClient> {
    let client = match context.tls.get().await {
        Ok(client) => client,
        Err(error) => {
            recorder.record(EventKind::Warning { text: error.to_string() });
            return None;
        }
    };
    recorder.record(EventKind::TlsStarted {
        server_name: job.host.to_string(),
        verification: Verification::Relaxed,
        library: client.library(),
    });
    Some(client)
}

/// Ends TLS in order. A courtesy; whether it arrives changes nothing.
async fn farewell(mut stream: Box<dyn Stream>) {
    let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
}

/// A handshake that verifies nothing and notes all: what the server said first, and the stream where TLS is up.
async fn look(
    context: &Context,
    recorder: &Recorder,
    job: &Job,
    why: InspectReason,
    stream: Box<dyn Stream>,
) -> (Heard, Option<Box<dyn Stream>>) {
    let Some(client) = begin_tls(context, recorder, job).await else { return (Heard::default(), None) };
    let (sink, heard) = tap(recorder);
    let name = job.host.to_string();
    match client.inspect_and_keep(offer(why), stream, &name, sink, context.reply_limit()).await {
        Ok((inspection, stream)) => {
            recorder.record(EventKind::TlsEnded { outcome: inspection.outcome });
            let chain = inspection.chain.into_iter().map(Octets::from).collect();
            recorder.record(EventKind::ChainInspected { chain, errors: inspection.errors });
            (heard, stream)
        }
        Err(outcome) => {
            recorder.record(EventKind::TlsEnded { outcome });
            (heard, None)
        }
    }
}

/// A handshake that verifies nothing, for a connection that goes on inside TLS without a secret.
pub(super) async fn secure(
    context: &Context,
    recorder: &Recorder,
    job: &Job,
    stream: Box<dyn Stream>,
) -> Option<Box<dyn Stream>> {
    let client = begin_tls(context, recorder, job).await?;
    let (sink, _) = tap(recorder);
    let (name, relaxed, limit) = (job.host.to_string(), Verification::Relaxed, context.reply_limit());
    match client.handshake(stream, &name, relaxed, sink, limit).await {
        Ok((stream, leaf)) => {
            let leaf = leaf.map(Octets::from);
            recorder.record(EventKind::TlsEnded { outcome: TlsOutcome::Established { leaf } });
            Some(stream)
        }
        Err(outcome) => {
            recorder.record(EventKind::TlsEnded { outcome });
            None
        }
    }
}
