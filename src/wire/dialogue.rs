//! The submission dialogue as a state machine: it says *send this*, *wait for a reply*, *upgrade now*, *done*.

use crate::target::TlsMode;
use crate::wire::command::Command;
use crate::wire::reply::Reply;

/// What the dialogue is to do.
#[derive(Clone, Debug)]
pub struct Script {
    /// How TLS starts.
    pub tls: TlsMode,
    /// The name said in EHLO.
    pub ehlo_name: String,
}

/// What the driver must do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write this, then ask again.
    Send(Command),
    /// Wait for the greeting, then call [`Dialogue::on_reply`].
    AwaitGreeting,
    /// Wait for one reply, then call [`Dialogue::on_reply`].
    AwaitReply,
    /// Make the TLS handshake, then call [`Dialogue::on_tls`]. Bytes read and not consumed before this must be dropped.
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
    /// A reply that cannot be understood.
    Malformed,
    /// TLS did not come up, or the connection ended: said by the driver.
    Ended,
}

/// The state machine.
#[derive(Debug)]
pub struct Dialogue {
    _script: Script,
}

impl Dialogue {
    /// Begins with a connection that has just been made.
    pub fn new(script: Script) -> Self {
        Self { _script: script }
    }

    /// What to do now. Asking twice without an answer in between gives the same.
    pub fn next_action(&mut self) -> Action {
        todo!()
    }

    /// The reply that was awaited.
    pub fn on_reply(&mut self, _reply: &Reply) {
        todo!()
    }

    /// TLS is up.
    pub fn on_tls(&mut self) {
        todo!()
    }

    /// The connection ended or a wait expired: only `Done` follows.
    pub fn on_ended(&mut self) {
        todo!()
    }
}
