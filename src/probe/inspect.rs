//! A second look, on a connection of its own: at the certificate that a handshake refused or hid, or for TLS on a
//! port that stays silent. Nothing secret ever goes over such a connection.

use crate::event::{Endpoint, EventKind, InspectReason, Purpose, RouteId, Verification};
use crate::net::Stream;
use crate::probe::connect::recorded;
use crate::probe::route::{Job, tap};
use crate::probe::talk::{Halt, Talk};
use crate::probe::{Context, Recorder, Running};
use crate::target::TlsMode;
use crate::wire::bytes::Octets;
use crate::wire::dialogue::Script;

/// Goes to the handshake again, this time without insisting on the certificate, and records the chain and all that
/// verification has to say of it.
pub async fn certificate(context: &Context, job: &Job, endpoint: &Endpoint, why: InspectReason) {
    let (recorder, running) = begin(context, job.route, why);
    if let (_, Some(stream)) = recorded(context, &recorder, endpoint).await {
        let script = Script { tls: job.tls, ehlo_name: context.ehlo_name.clone() };
        let mut talk = Talk::new(stream, script, recorder.clone(), context.reply_limit());
        if talk.advance().await == Halt::StartTls
            && let Some(stream) = talk.take()
        {
            look(context, &recorder, job, stream).await;
        }
        talk.close().await;
    }
    running.end();
}

/// Says a ClientHello to a port that stays silent. True where TLS answers.
pub async fn client_hello(context: &Context, job: &Job, endpoint: &Endpoint) -> bool {
    let (recorder, running) = begin(context, job.route, InspectReason::ClientHello);
    let mut answered = false;
    if let (_, Some(stream)) = recorded(context, &recorder, endpoint).await {
        let job = Job { tls: TlsMode::Implicit, ..job.clone() };
        answered = look(context, &recorder, &job, stream).await;
    }
    running.end();
    answered
}

fn begin(context: &Context, route: RouteId, why: InspectReason) -> (Recorder, Running) {
    let recorder = context.recorder();
    let running = recorder.begin(Purpose::Inspect { route, why });
    (recorder, running)
}

async fn look(context: &Context, recorder: &Recorder, job: &Job, stream: Box<dyn Stream>) -> bool {
    let client = match context.tls.get().await {
        Ok(client) => client,
        Err(error) => {
            recorder.record(EventKind::Warning { text: error.to_string() });
            return false;
        }
    };
    recorder.record(EventKind::TlsStarted {
        server_name: job.host.to_string(),
        verification: Verification::Relaxed,
        library: client.library(),
    });
    let (sink, heard) = tap(recorder);
    let looked = client.inspect(stream, &job.host.to_string(), sink, context.reply_limit()).await;
    match looked {
        Ok(inspection) => {
            recorder.record(EventKind::TlsEnded { outcome: inspection.outcome });
            let chain = inspection.chain.into_iter().map(Octets::from).collect();
            recorder.record(EventKind::ChainInspected { chain, errors: inspection.errors });
            true
        }
        Err(outcome) => {
            recorder.record(EventKind::TlsEnded { outcome });
            heard.is_tls()
        }
    }
}
