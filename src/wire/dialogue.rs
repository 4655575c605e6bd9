//! The submission dialogue as a state machine: it says *send this*, *wait for a reply*, *upgrade now*, *done*.
//!
//! The module [`wire`](crate::wire) shows the states and a complete exchange. A driver does what
//! [`Dialogue::next_action`] says and reports what came of it; it needs to know nothing about SMTP. What a reply
//! *means* for a route is not judged here: the driver records the bytes, and the session reads them.

use crate::target::{Credentials, SecretKind, TlsMode};
use crate::wire::capability::Capabilities;
use crate::wire::command::Command;
use crate::wire::reply::{Quirk, Reply};
use crate::wire::sasl::{Exchange, Mechanism, Reckoned, Reckoning, SaslError, Verified};

/// What the dialogue is to do.
#[derive(Clone, Debug)]
pub struct Script {
    /// How TLS starts.
    pub tls: TlsMode,
    /// The name said in EHLO.
    pub ehlo_name: String,
    /// What is done where mail can be submitted.
    pub errand: Errand,
}

impl Script {
    /// To the point where mail can be submitted, and no further.
    pub fn new(tls: TlsMode, ehlo_name: &str) -> Self {
        Self { tls, ehlo_name: ehlo_name.to_owned(), errand: Errand::default() }
    }
}

/// What is done where mail can be submitted.
#[derive(Clone, Debug, Default)]
pub struct Errand {
    /// Sign in first; where that fails nothing follows.
    pub sign_in: Option<SignIn>,
    /// Name sender and recipient.
    pub envelope: Option<Envelope>,
}

/// How to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// As whom.
    pub credentials: Credentials,
    /// What kind of secret that is.
    pub kind: SecretKind,
    /// With this mechanism; the strongest that fits where none is named.
    pub mechanism: Option<Mechanism>,
}

/// Sender and recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The sender; empty is the null sender.
    pub from: String,
    /// The recipient; without one only the sender is named.
    pub to: Option<String>,
    /// The size to declare, where the server offers SIZE.
    pub size: Option<u64>,
    /// The message to send; without one the transaction is taken back.
    pub message: Option<String>,
}

impl Envelope {
    /// True where an address has letters outside ASCII, which only a server with SMTPUTF8 takes (RFC 6531 §3.2).
    pub fn needs_utf8(&self) -> bool {
        !self.from.is_ascii() || self.to.as_ref().is_some_and(|to| !to.is_ascii())
    }
}

/// What the driver must do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write this in one piece, then ask again.
    Send(Command),
    /// Wait for the greeting, then call [`Dialogue::on_reply`].
    AwaitGreeting,
    /// Wait for one reply, then call [`Dialogue::on_reply`].
    AwaitReply,
    /// Take the [`Dialogue::reckoning`], run it on a thread of its own, and give it back with
    /// [`Dialogue::on_reckoned`]: a server decides how long it takes.
    Reckon,
    /// Make the TLS handshake, then call [`Dialogue::on_tls`]. Bytes read and not consumed before this must be
    /// dropped: they came in cleartext (RFC 3207 §6 is about what can be done with them).
    StartTls,
    /// Close the connection; what was reached stands in the events.
    Done(Finish),
}

/// How far a dialogue came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// All of the script was gone through.
    Complete,
    /// The greeting was negative or no reply.
    GreetingRefused,
    /// EHLO and HELO were refused.
    HelloRefused,
    /// STARTTLS is not offered.
    StarttlsNotOffered,
    /// STARTTLS was refused.
    StarttlsRefused,
    /// The server did not let us in, or the exchange was given up.
    SignInRefused,
    /// There is no way to sign in here: nothing vouches for the other end, no mechanism fits, or name and secret
    /// cannot be sent with it. Nothing was said.
    SignInImpossible,
    /// Sender, recipient or message were refused.
    EnvelopeRefused,
    /// An address has letters that the server does not take. Nothing was said.
    EnvelopeImpossible,
    /// A reply that cannot be understood.
    Malformed,
    /// TLS did not come up, or the connection ended: said by the driver.
    Ended,
}

/// A command of the script. Its reply decides what comes next, in [`Dialogue::answered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Ehlo,
    Helo,
    Starttls,
    Auth,
    /// The answer to a challenge.
    AuthAnswer,
    /// `*`, the end of an exchange that makes no sense.
    AuthCancel,
    Mail,
    Rcpt,
    Data,
    Message,
    Rset,
}

/// Where the dialogue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    Sending(Step),
    Awaiting(Step),
    /// An answer to a challenge is being worked out.
    Reckoning,
    Handshake,
    /// QUIT is due, then the end. Its reply is not waited for: it would tell nothing and could take for ever.
    Quitting(Finish),
    Finished(Finish),
}

/// The state machine.
#[derive(Debug)]
pub struct Dialogue {
    script: Script,
    state: State,
    encrypted: bool,
    greeted: bool,
    capabilities: Option<Capabilities>,
    /// Proof that the certificate of this connection was verified: without it no secret is sent.
    verified: Option<Verified>,
    exchange: Option<Exchange>,
    /// The answer that is to be worked out; the exchange is in it.
    reckoning: Option<Reckoning>,
    /// The answer to a challenge, ready to be sent.
    answer: Option<Command>,
    /// Sender, recipient or message were refused.
    refused: bool,
}

impl Dialogue {
    /// Begins with a connection that has just been made.
    pub fn new(script: Script) -> Self {
        let state = match script.tls {
            TlsMode::Implicit => State::Handshake,
            TlsMode::Starttls | TlsMode::None => State::Greeting,
        };
        Self {
            script,
            state,
            encrypted: false,
            greeted: false,
            capabilities: None,
            verified: None,
            exchange: None,
            reckoning: None,
            answer: None,
            refused: false,
        }
    }

    /// What to do now. A command is handed out once, and is taken as written; everything else is said again until
    /// the answer comes.
    pub fn next_action(&mut self) -> Action {
        match self.state {
            State::Greeting => Action::AwaitGreeting,
            State::Sending(step) => {
                self.state = State::Awaiting(step);
                Action::Send(self.command(step))
            }
            State::Awaiting(_) => Action::AwaitReply,
            State::Reckoning => Action::Reckon,
            State::Handshake => Action::StartTls,
            State::Quitting(finish) => {
                self.state = State::Finished(finish);
                Action::Send(Command::quit())
            }
            State::Finished(finish) => Action::Done(finish),
        }
    }

    /// The reply that was awaited. One that nobody waits for changes nothing.
    pub fn on_reply(&mut self, reply: &Reply) {
        self.state = match self.state {
            State::Greeting => self.greeting(reply),
            State::Awaiting(step) => self.answered(step, reply),
            other => other,
        };
    }

    /// The answer that is to be worked out; it is handed out once.
    pub fn reckoning(&mut self) -> Option<Reckoning> {
        self.reckoning.take()
    }

    /// It was worked out; `None` where that took too long: the exchange is given up.
    pub fn on_reckoned(&mut self, reckoned: Option<Reckoned>) {
        if self.state != State::Reckoning {
            return;
        }
        let answer = reckoned.map(|Reckoned { exchange, answer }| {
            self.exchange = Some(exchange);
            answer
        });
        self.state = self.answering(answer);
    }

    /// TLS is up, and nothing vouches for the other end.
    pub fn on_tls(&mut self) {
        self.on_handshake(None);
    }

    /// TLS is up, and the certificate was verified.
    pub fn on_verified_tls(&mut self, verified: Verified) {
        self.on_handshake(Some(verified));
    }

    fn on_handshake(&mut self, verified: Option<Verified>) {
        if self.state != State::Handshake {
            return;
        }
        self.verified = verified;
        self.encrypted = true;
        // What was learned in cleartext must be forgotten (RFC 3207 §4.2).
        self.capabilities = None;
        self.state = if self.greeted { State::Sending(Step::Ehlo) } else { State::Greeting };
    }

    /// The connection ended or a wait expired: only `Done` follows, with what was already decided or
    /// [`Finish::Ended`].
    pub fn on_ended(&mut self) {
        self.state = State::Finished(match self.state {
            State::Quitting(finish) | State::Finished(finish) => finish,
            _ => Finish::Ended,
        });
    }

    /// What the server offers now; `None` before EHLO, after HELO, and between the handshake and the next EHLO.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.capabilities.as_ref()
    }

    /// True inside TLS.
    pub fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// True where the reply that is awaited could be used to guess the secret: no more than its code may be recorded
    /// of it where it is a challenge.
    pub fn hides_challenge(&self) -> bool {
        matches!(self.state, State::Awaiting(Step::Auth | Step::AuthAnswer))
            && self.exchange.as_ref().is_some_and(Exchange::hides_challenge)
    }

    fn command(&mut self, step: Step) -> Command {
        let envelope = self.script.errand.envelope.as_ref();
        match step {
            Step::Ehlo => Command::ehlo(&self.script.ehlo_name),
            Step::Helo => Command::helo(&self.script.ehlo_name),
            Step::Starttls => Command::starttls(),
            Step::Auth => self.exchange.as_mut().map_or_else(Command::quit, Exchange::command),
            Step::AuthAnswer => self.answer.take().unwrap_or_else(Command::cancel),
            Step::AuthCancel => Command::cancel(),
            Step::Mail => {
                let from = envelope.map(|envelope| envelope.from.as_str()).unwrap_or_default();
                let sized = self.capabilities.as_ref().is_some_and(|offered| offered.has("SIZE"));
                let utf8 = envelope.is_some_and(Envelope::needs_utf8);
                Command::mail(from, envelope.and_then(|envelope| envelope.size).filter(|_| sized), utf8)
            }
            Step::Rcpt => Command::rcpt(envelope.and_then(|e| e.to.as_deref()).unwrap_or_default()),
            Step::Data => Command::data(),
            Step::Message => {
                Command::message(envelope.and_then(|e| e.message.as_deref()).unwrap_or_default())
            }
            Step::Rset => Command::rset(),
        }
    }

    fn greeting(&mut self, reply: &Reply) -> State {
        match Answer::of(reply) {
            Answer::Positive => {
                self.greeted = true;
                State::Sending(Step::Ehlo)
            }
            // A server that says 554 waits for QUIT (RFC 5321 §3.1).
            Answer::Negative { .. } => leave(reply, Finish::GreetingRefused),
            Answer::NoReply => State::Finished(Finish::GreetingRefused),
            Answer::Broken => State::Finished(Finish::Malformed),
            Answer::Ended => State::Finished(Finish::Ended),
        }
    }

    fn answered(&mut self, step: Step, reply: &Reply) -> State {
        match (step, Answer::of(reply), reply.code()) {
            (Step::Auth | Step::AuthAnswer, Answer::Broken, Some(334)) if !reply.has(Quirk::OverLimit) => {
                return self.challenged(reply);
            }
            (Step::Data, Answer::Broken, Some(354)) if !reply.has(Quirk::OverLimit) => {
                return State::Sending(Step::Message);
            }
            (Step::Data, Answer::Positive, _) => return State::Finished(Finish::Malformed),
            _ => {}
        }
        match Answer::of(reply) {
            Answer::Positive => match step {
                Step::Ehlo => {
                    self.capabilities = Some(Capabilities::from_reply(reply));
                    self.after_hello()
                }
                Step::Helo => self.after_hello(),
                Step::Starttls => State::Handshake,
                Step::Auth | Step::AuthAnswer => self.envelope(),
                Step::AuthCancel => State::Quitting(Finish::SignInRefused),
                Step::Mail if self.wants(|envelope| envelope.to.is_some()) => State::Sending(Step::Rcpt),
                Step::Rcpt if self.wants(|envelope| envelope.message.is_some()) => State::Sending(Step::Data),
                Step::Mail | Step::Rcpt => State::Sending(Step::Rset),
                Step::Data | Step::Message | Step::Rset => self.over(),
            },
            Answer::Negative { permanent, .. } => match step {
                Step::Ehlo if permanent && !closing(reply) => State::Sending(Step::Helo),
                Step::Ehlo | Step::Helo => leave(reply, Finish::HelloRefused),
                Step::Starttls => leave(reply, Finish::StarttlsRefused),
                Step::Auth | Step::AuthAnswer | Step::AuthCancel => leave(reply, Finish::SignInRefused),
                Step::Mail | Step::Message => leave(reply, Finish::EnvelopeRefused),
                Step::Rcpt | Step::Data if !closing(reply) => {
                    self.refused = true;
                    State::Sending(Step::Rset)
                }
                Step::Rcpt | Step::Data => State::Finished(Finish::EnvelopeRefused),
                Step::Rset if closing(reply) => State::Finished(Finish::Complete),
                Step::Rset => self.over(),
            },
            Answer::NoReply | Answer::Broken => State::Finished(Finish::Malformed),
            Answer::Ended => State::Finished(Finish::Ended),
        }
    }

    fn after_hello(&mut self) -> State {
        if self.encrypted || self.script.tls == TlsMode::None {
            return self.ready();
        }
        if self.capabilities.as_ref().is_some_and(|offered| offered.has("STARTTLS")) {
            State::Sending(Step::Starttls)
        } else {
            State::Quitting(Finish::StarttlsNotOffered)
        }
    }

    /// The point where mail can be submitted. A secret goes over the line only with the proof of a verified
    /// certificate in hand, which is used up by it.
    fn ready(&mut self) -> State {
        let Some(SignIn { credentials, kind, mechanism }) = self.script.errand.sign_in.take() else {
            return self.envelope();
        };
        let offered = self.capabilities.as_ref().map(Capabilities::auth).unwrap_or_default();
        let begun = self.verified.take().zip(Mechanism::choose(&offered, kind, mechanism).ok());
        match begun.map(|(verified, mechanism)| Exchange::new(mechanism, credentials, verified)) {
            Some(Ok(exchange)) => {
                self.exchange = Some(exchange);
                State::Sending(Step::Auth)
            }
            _ => State::Quitting(Finish::SignInImpossible),
        }
    }

    /// 334: the server wants the next part.
    fn challenged(&mut self, reply: &Reply) -> State {
        let challenge = reply.lines.last().map(|line| line.text_bytes().to_vec()).unwrap_or_default();
        if let Some(exchange) = self.exchange.take_if(|exchange| exchange.reckons()) {
            self.reckoning = Some(Reckoning::new(exchange, challenge));
            return State::Reckoning;
        }
        let answer = self.exchange.as_mut().map(|exchange| exchange.answer(&challenge));
        self.answering(answer)
    }

    fn answering(&mut self, answer: Option<Result<Command, SaslError>>) -> State {
        match answer {
            Some(Ok(answer)) => {
                self.answer = Some(answer);
                State::Sending(Step::AuthAnswer)
            }
            _ => State::Sending(Step::AuthCancel),
        }
    }

    fn envelope(&self) -> State {
        let utf8 = self.capabilities.as_ref().is_some_and(|offered| offered.has("SMTPUTF8"));
        match &self.script.errand.envelope {
            Some(envelope) if envelope.needs_utf8() && !utf8 => State::Quitting(Finish::EnvelopeImpossible),
            Some(_) => State::Sending(Step::Mail),
            None => State::Quitting(Finish::Complete),
        }
    }

    fn wants(&self, what: impl Fn(&Envelope) -> bool) -> bool {
        self.script.errand.envelope.as_ref().is_some_and(what)
    }

    fn over(&self) -> State {
        State::Quitting(if self.refused { Finish::EnvelopeRefused } else { Finish::Complete })
    }
}

/// What a reply is to a state machine.
enum Answer {
    Positive,
    Negative {
        /// 5yz.
        permanent: bool,
    },
    /// Not an SMTP reply at all.
    NoReply,
    /// A reply that makes no sense here, or has no end.
    Broken,
    /// The stream ended inside it.
    Ended,
}

impl Answer {
    fn of(reply: &Reply) -> Self {
        match reply.code() {
            _ if reply.has(Quirk::OverLimit) => Self::Broken,
            // A refusal is a refusal even if its last line is incomplete; anything else cut is no answer.
            Some(code @ 400..=599) => Self::Negative { permanent: code >= 500 },
            _ if reply.has(Quirk::Cut) => Self::Ended,
            None => Self::NoReply,
            Some(200..=299) => Self::Positive,
            Some(_) => Self::Broken,
        }
    }
}

/// With QUIT, where the server still listens.
fn leave(reply: &Reply, finish: Finish) -> State {
    if closing(reply) { State::Finished(finish) } else { State::Quitting(finish) }
}

/// True where the connection is gone or going: 421 announces it (RFC 5321 §3.8), a cut reply shows it.
fn closing(reply: &Reply) -> bool {
    reply.code() == Some(421) || reply.has(Quirk::Cut)
}

#[cfg(test)]
mod tests;
