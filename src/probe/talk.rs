//! The thin driver of [`wire::dialogue`](crate::wire::dialogue): reads, writes, waits, and records both.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use crate::event::{Awaited, CloseKind, EventKind, Micros};
use crate::net::Stream;
use crate::probe::Recorder;
use crate::probe::route::Heard;
use crate::target::Secret;
use crate::wire::bytes::Bytes;
use crate::wire::command::Command;
use crate::wire::dialogue::{Action, Dialogue, Finish, Script};
use crate::wire::reply::{Reply, ReplyReader};
use crate::wire::sasl::{HIDDEN, Verified};

/// Most bytes that one connection is read for: far above any server's EHLO, far below what hurts.
const MAX_RECEIVED: usize = 256 * 1024;

/// How long a courteous end of the connection may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// How long the answer to a QUIT is waited for, where it is.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Where a talk came to a halt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The handshake is due: [`Talk::take`] the stream and give it back with [`Talk::encrypted`].
    StartTls,
    /// The dialogue is over.
    Finished(Finish),
    /// The connection ended or failed, a wait expired, or a limit was reached; the events say which.
    Ended,
}

/// One connection's dialogue.
pub struct Talk {
    stream: Option<Box<dyn Stream>>,
    dialogue: Dialogue,
    reader: ReplyReader,
    recorder: Recorder,
    encrypted: bool,
    received: usize,
    limit: Duration,
    /// The first bytes that came, in cleartext or inside TLS.
    first: Heard,
    /// Written behind STARTTLS, in the same piece.
    behind: Vec<u8>,
    /// The secret that this dialogue may tell the server.
    secret: Option<Secret>,
    /// What was read once a secret was told, until it makes a whole reply: no secret passes in two halves.
    kept: Vec<u8>,
}

impl Talk {
    /// Begins over a connection that has just been made. `limit` bounds each wait.
    pub fn new(stream: Box<dyn Stream>, script: Script, recorder: Recorder, limit: Duration) -> Self {
        let secret = script.errand.sign_in.as_ref().map(|sign_in| sign_in.credentials.secret.clone());
        Self {
            secret,
            kept: Vec::new(),
            stream: Some(stream),
            dialogue: Dialogue::new(script),
            reader: ReplyReader::new(),
            recorder,
            encrypted: false,
            received: 0,
            limit,
            first: Heard::default(),
            behind: Vec::new(),
        }
    }

    /// Goes on until something is due that the dialogue cannot do itself.
    pub async fn advance(&mut self) -> Halt {
        loop {
            let awaited = match self.dialogue.next_action() {
                Action::Send(mut command) => {
                    if command.verb == "STARTTLS" {
                        command.bytes.0.append(&mut self.behind);
                    }
                    let shown = command.shown.as_ref().unwrap_or(&command.bytes).clone();
                    let redacted = command.shown.is_some();
                    self.tell(&command);
                    if let Err(error) = self.write(&command.bytes.0).await {
                        return self.broken(&error);
                    }
                    let encrypted = self.encrypted;
                    self.recorder.record(EventKind::Sent { bytes: shown, encrypted, redacted });
                    continue;
                }
                Action::AwaitGreeting => Awaited::Greeting,
                Action::AwaitReply => Awaited::Reply,
                Action::Reckon => {
                    self.reckon().await;
                    continue;
                }
                Action::StartTls => return Halt::StartTls,
                Action::Done(finish) => return Halt::Finished(finish),
            };
            let started = Instant::now();
            match self.reply(started + self.limit).await {
                Ok(Some(reply)) => self.dialogue.on_reply(&reply),
                Ok(None) => return self.expired(awaited, started),
                Err(halt) => return halt,
            }
        }
    }

    /// Works out an answer beside the async threads, within the limit of a wait. What runs longer is left to itself: it
    /// is bounded too, and its secrets are wiped at its end.
    async fn reckon(&mut self) {
        let reckoned = match self.dialogue.reckoning() {
            Some(reckoning) => timeout(self.limit, spawn_blocking(move || reckoning.run())).await,
            None => return self.dialogue.on_reckoned(None),
        };
        self.dialogue.on_reckoned(reckoned.ok().and_then(Result::ok));
    }

    /// Reads once, for a caller that has something else to do while the server is silent.
    /// True where bytes came; they are kept for [`Talk::advance`].
    pub async fn hear(&mut self) -> Result<(), Halt> {
        self.read().await
    }

    /// Says that the wait for the greeting, begun at `started`, is over.
    pub fn expired(&mut self, awaited: Awaited, started: Instant) -> Halt {
        let limit = Micros::from_duration(started.elapsed());
        self.recorder.record(EventKind::WaitExpired { awaited, limit });
        self.dialogue.on_ended();
        Halt::Ended
    }

    /// Hands the stream over for a handshake. What was read behind the reply to STARTTLS is dropped here: it came
    /// before TLS and nothing vouches for it (RFC 3207 §4.2, CVE-2011-0411); the events have kept it.
    pub fn take(&mut self) -> Option<Box<dyn Stream>> {
        self.reader = ReplyReader::new();
        self.stream.take()
    }

    /// Goes on inside TLS where nothing vouches for the other end.
    pub fn encrypted(&mut self, stream: Box<dyn Stream>) {
        self.stream = Some(stream);
        self.encrypted = true;
        self.dialogue.on_tls();
    }

    /// Has these bytes written behind STARTTLS in one piece, as an attacker on the way would put them there.
    pub fn put_behind_starttls(&mut self, bytes: &[u8]) {
        self.behind = bytes.to_vec();
    }

    /// Says QUIT inside TLS and hears all that comes until the server closes.
    pub async fn quit_inside(&mut self, stream: Box<dyn Stream>) {
        self.encrypted(stream);
        if !self.quit().await {
            return;
        }
        let limit = self.limit.min(LAST_WORDS);
        let _ = timeout(limit, async { while self.read().await.is_ok() {} }).await;
    }

    /// Hears the greeting inside TLS where nothing vouches for the other end, and takes its leave: that it names itself
    /// is all that is wanted of it.
    pub async fn greeted_inside(&mut self, stream: Box<dyn Stream>, limit: Duration) {
        self.encrypted(stream);
        if let Ok(Some(reply)) = self.reply(Instant::now() + self.limit.min(limit)).await
            && reply.code().is_some()
        {
            self.quit().await;
        }
    }

    async fn quit(&mut self) -> bool {
        let quit = Command::quit().bytes.clone();
        if self.write(&quit.0).await.is_err() {
            return false;
        }
        self.recorder.record(EventKind::Sent { bytes: quit, encrypted: true, redacted: false });
        true
    }

    /// True inside TLS.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// True where not a byte came.
    pub fn is_silent(&self) -> bool {
        self.received == 0
    }

    /// The first bytes that came.
    pub fn first(&self) -> &Heard {
        &self.first
    }

    /// Goes on inside TLS with a server whose certificate was verified.
    pub fn verified(&mut self, stream: Box<dyn Stream>, verified: Verified) {
        self.stream = Some(stream);
        self.encrypted = true;
        self.dialogue.on_verified_tls(verified);
    }

    /// Closes in order, without waiting for the other end longer than courtesy asks.
    pub async fn close(mut self) {
        self.let_go();
        if let Some(mut stream) = self.stream.take() {
            let _ = timeout(GOODBYE, stream.shutdown()).await;
            self.recorder.record(EventKind::Closed { how: CloseKind::ByUs });
        }
    }

    async fn reply(&mut self, deadline: Instant) -> Result<Option<Reply>, Halt> {
        loop {
            if let Some(reply) = self.reader.next_reply() {
                self.let_lines_go();
                return Ok(Some(reply));
            }
            match timeout_at(deadline, self.read()).await {
                Ok(Ok(())) => {}
                Ok(Err(halt)) => {
                    // A reply that the end of the connection cut short may still be one.
                    return self.reader.finish().map(Some).ok_or(halt);
                }
                Err(_) => {
                    self.let_go();
                    return Ok(None);
                }
            }
        }
    }

    /// Remembers what goes out now: from here on the server knows it, and may say it on this connection and on others.
    fn tell(&mut self, command: &Command) {
        if command.verb != "AUTH" {
            return;
        }
        let mut told = self.recorder.told();
        if let Some(secret) = self.secret.take() {
            told.learn(&secret);
        }
        let hides = |shown: &Bytes| shown.0.windows(HIDDEN.len()).any(|part| part == HIDDEN.as_bytes());
        if command.shown.as_ref().is_some_and(hides) {
            told.learn_said(&command.bytes.0);
        }
    }

    /// Records what was read. Once a secret was told to any server, whole replies only, and without it.
    fn record_received(&mut self, bytes: &[u8]) {
        if self.recorder.told().is_empty() {
            let encrypted = self.encrypted;
            return self.recorder.record(EventKind::Received { bytes: Bytes::from(bytes), encrypted });
        }
        self.kept.extend_from_slice(bytes);
    }

    /// Records the whole lines of what was kept back.
    fn let_lines_go(&mut self) {
        let whole = self.kept.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.kept.drain(..whole).collect();
        self.record_scrubbed(&lines);
    }

    /// Records all that was kept back: no more will come.
    fn let_go(&mut self) {
        let rest = std::mem::take(&mut self.kept);
        self.record_scrubbed(&rest);
    }

    fn record_scrubbed(&self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let hides = self.dialogue.hides_challenge();
        let mut shown = Vec::with_capacity(lines.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if hides && line.starts_with(b"334") {
                shown.extend_from_slice(format!("334 {HIDDEN}\r\n").as_bytes());
            } else {
                shown.extend_from_slice(line);
            }
        }
        let bytes = Bytes(self.recorder.told().lines(&shown));
        self.recorder.record(EventKind::Received { bytes, encrypted: self.encrypted });
    }

    async fn read(&mut self) -> Result<(), Halt> {
        let Some(stream) = &mut self.stream else { return Err(Halt::Ended) };
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) => {
                self.let_go();
                self.recorder.record(EventKind::Closed { how: CloseKind::ByServer });
                self.end();
                Err(Halt::Ended)
            }
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                self.record_received(bytes);
                self.received += count;
                self.first.add(bytes);
                if self.received > MAX_RECEIVED {
                    let what = format!("more than {} KiB on one connection", MAX_RECEIVED / 1024);
                    self.let_go();
                    self.recorder.record(EventKind::LimitReached { what });
                    self.end();
                    return Err(Halt::Ended);
                }
                self.reader.push(bytes);
                Ok(())
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        let write = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        match timeout(self.limit, write).await {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn broken(&mut self, error: &io::Error) -> Halt {
        self.let_go();
        self.recorder.record(EventKind::Closed { how: close_kind(error) });
        self.end();
        Halt::Ended
    }

    fn end(&mut self) {
        self.stream = None;
        self.dialogue.on_ended();
    }
}

/// Who ended a connection, from the error of reading or writing it.
pub fn close_kind(error: &io::Error) -> CloseKind {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => CloseKind::ByServer,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            CloseKind::Reset
        }
        _ => CloseKind::Failed { errno: error.raw_os_error(), text: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
