//! Goes where mail can be submitted, on a connection of its own, and does there what was asked for: signs in, names
//! sender and recipient, sends one message. Once per session, so that no account is locked by trying.
//!
//! A secret is in the script of one connection only, whose handshake verifies; the checks beside it are bare.

use crate::event::{Endpoint, EventKind, InspectReason, Purpose, Verification};
use crate::probe::connect::recorded;
use crate::probe::route::{self, Heard, Job};
use crate::probe::talk::{Halt, Talk};
use crate::probe::{Context, Recorder, inspect};
use crate::target::TlsMode;
use crate::wire::dialogue::{Envelope, Errand, Finish, Script};

/// Sender and recipient of the check for an open relay: neither belongs to anybody (RFC 2606 §3).
pub const FOREIGN: (&str, &str) = ("open-relay-check@example.org", "open-relay-check@example.net");

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Task {
    /// The route, and the address that worked.
    pub job: Job,
    /// The address that worked.
    pub endpoint: Endpoint,
    /// What to do there.
    pub errand: Errand,
    /// Whether the certificate must verify; where it need not, nothing secret is in `errand`.
    pub verification: Verification,
    /// Names this sender in cleartext too, on another connection: does the server insist on STARTTLS?
    pub cleartext: Option<String>,
    /// Tries, on another connection, whether the server takes foreign mail for a foreign recipient.
    pub open_relay: bool,
}

impl Task {
    /// True where there is something to do besides the checks.
    fn has_errand(&self) -> bool {
        self.errand.sign_in.is_some() || self.errand.envelope.is_some()
    }
}

/// Does it.
pub async fn submit(context: Context, recorder: Recorder, task: Task) {
    if task.has_errand() {
        let running = recorder.begin(Purpose::Submit { route: task.job.route });
        talk(&context, &recorder, &task, task.errand.clone(), task.job.tls, task.verification).await;
        running.end();
    }
    if let Some(from) = &task.cleartext {
        let envelope = Envelope { from: from.clone(), ..Envelope::default() };
        look(&context, &task, InspectReason::Cleartext, envelope, TlsMode::None).await;
    }
    if task.open_relay {
        let (from, to) = FOREIGN;
        let envelope = Envelope { from: from.to_owned(), to: Some(to.to_owned()), ..Envelope::default() };
        look(&context, &task, InspectReason::OpenRelay, envelope, task.job.tls).await;
    }
}

/// A check on a connection of its own. It holds no secret.
async fn look(context: &Context, task: &Task, why: InspectReason, envelope: Envelope, tls: TlsMode) {
    let (recorder, running) = inspect::begin(context, task.job.route, why);
    let errand = Errand { sign_in: None, envelope: Some(envelope) };
    talk(context, &recorder, task, errand, tls, task.verification).await;
    running.end();
}

async fn talk(
    context: &Context,
    recorder: &Recorder,
    task: &Task,
    errand: Errand,
    tls: TlsMode,
    verification: Verification,
) {
    let (_, Some(stream)) = recorded(context, recorder, &task.endpoint).await else { return };
    recorder.record(EventKind::ConnectionChosen { address: task.endpoint.clone() });
    let script = Script { errand, ..Script::new(tls, &context.ehlo_name) };
    let mut talk = Talk::new(stream, script, recorder.clone(), context.reply_limit());
    let job = Job { tls, ..task.job.clone() };
    let (mut heard, mut ended) = (Heard::default(), None);
    let halt = loop {
        match talk.advance().await {
            Halt::StartTls => {}
            halt => break halt,
        }
        let Some(stream) = talk.take() else { break Halt::Ended };
        match verification {
            Verification::Strict => match route::handshake(context, recorder, &job, stream, &mut heard).await
            {
                Ok((stream, verified)) => talk.verified(stream, verified),
                Err(failed) => {
                    ended = Some(failed);
                    break Halt::Ended;
                }
            },
            // Between servers TLS is opportunistic (RFC 7435 §3); nothing secret goes this way.
            Verification::Relaxed => match inspect::secure(context, recorder, &job, stream).await {
                Some(stream) => talk.encrypted(stream),
                None => break Halt::Ended,
            },
        }
    };
    if halt == Halt::Finished(Finish::SignInImpossible) {
        let text = "the sign-in was not tried: on the second connection the server offers no mechanism that fits, or \
                    the user name or password holds characters that cannot be sent";
        recorder.record(EventKind::Warning { text: text.to_owned() });
    }
    talk.close().await;
    if let Some(failed) = ended {
        route::look_again(context, &job, &task.endpoint, &failed, &heard).await;
    }
}
