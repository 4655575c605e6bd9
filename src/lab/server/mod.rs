//! A mail server of the lab as a state machine: bytes in, [`Step`]s out; no sockets, no clock.
//!
//! It does what RFC 5321, RFC 3207 and RFC 4954 want, except where a [`Rule`] says otherwise. Whatever the client
//! sends, it answers or closes: lines, errors and waits are bounded.
//!
//! ```text
//!            begin            STARTTLS, on_tls              MAIL, RCPT, DATA
//!  (Closed) ──────▶ Commands ──────────────────▶ Commands ──────────────────▶ Message ──▶ Commands
//!                      │  ▲                                                       ▲
//!                 AUTH ▼  │ 235 / 535                                             │ message ends with CRLF . CRLF
//!                    Signing in
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::lab::script::{Layer, Point, Rule, Smtp, Then};
use crate::lab::signing::Exchange;
use crate::target::TlsMode;

mod answers;

use answers::{error, plain, with};

/// Longest line that is read; RFC 4954 §4 wants 12288 octets for AUTH.
const MAX_LINE: usize = 12_288;
/// Errors before the server has enough.
const MAX_ERRORS: u32 = 20;
/// Recipients of one message.
const MAX_RECIPIENTS: u32 = 100;
/// Largest message that is read, where the scenario names no limit.
const MAX_MESSAGE: u64 = 10 * 1024 * 1024;
/// Most octets of one line of commands, all of which but the last are thrown away.
const MAX_SKIPPED: usize = 1024 * 1024;
/// Repetitions of an endless line in one step.
const ENDLESS_LINES: usize = 64;

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Wait.
    Pause(Duration),
    /// Write this in one piece.
    Write(Vec<u8>),
    /// Write this byte by byte, with a pause behind each.
    Drip(Vec<u8>, Duration),
    /// Write this again and again.
    Endless(Vec<u8>),
    /// Make the TLS handshake, then call [`Machine::on_tls`].
    StartTls,
    /// The end; never [`Then::GoOn`].
    End(Then),
}

#[derive(Debug)]
enum State {
    Commands,
    SigningIn(Exchange),
    Message { size: u64 },
    Upgrading,
    Ended,
}

/// What a command would do, and say.
#[derive(Debug, Default)]
struct Answer {
    bytes: Vec<u8>,
    effect: Effect,
}

#[derive(Debug, Default)]
enum Effect {
    #[default]
    Nothing,
    Hello,
    StartTls,
    SignIn(Exchange),
    SignedIn,
    NotSignedIn,
    Mail,
    Recipient,
    Message,
    Accepted,
    Reset,
    Quit,
}

/// The server's side of one connection.
#[derive(Debug)]
pub struct Machine {
    server: Arc<Smtp>,
    state: State,
    steps: VecDeque<Step>,
    buffer: Vec<u8>,
    /// Octets of this line that were thrown away: it is too long.
    skipped: usize,
    inside: bool,
    /// The hash of the server's own certificate, inside TLS (RFC 5929 §4.1).
    end_point: Option<Vec<u8>>,
    hello: bool,
    signed_in: bool,
    mail: bool,
    recipients: u32,
    errors: u32,
    seen: HashMap<Point, u32>,
}

impl Machine {
    /// A connection that has just been accepted. Where TLS is implicit, the first step is the handshake.
    pub fn new(server: Arc<Smtp>) -> Self {
        let implicit = server.tls == TlsMode::Implicit;
        let mut machine = Self {
            server,
            state: State::Commands,
            steps: VecDeque::new(),
            buffer: Vec::new(),
            skipped: 0,
            inside: false,
            end_point: None,
            hello: false,
            signed_in: false,
            mail: false,
            recipients: 0,
            errors: 0,
            seen: HashMap::new(),
        };
        if implicit {
            machine.start_tls();
        } else {
            machine.greet();
        }
        machine
    }

    /// The next thing to do; `None` where bytes of the client are needed.
    pub fn next_step(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// How the server deviates in the handshake, if it does.
    pub fn handshake_rule(&mut self) -> Option<Rule> {
        self.rule(Point::Handshake, "")
    }

    /// The hash of the certificate that the handshake has shown, for SCRAM with channel binding.
    pub fn set_end_point(&mut self, end_point: Option<Vec<u8>>) {
        self.end_point = end_point;
    }

    /// The handshake is done.
    pub fn on_tls(&mut self) {
        self.inside = true;
        self.state = State::Commands;
        // RFC 3207 §4.2: all that was known from before is forgotten.
        (self.hello, self.signed_in, self.mail, self.recipients) = (false, false, false, 0);
        self.seen.clear();
        if self.server.tls == TlsMode::Implicit {
            self.greet();
        }
        self.read_lines();
    }

    /// Bytes of the client.
    pub fn on_bytes(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Ended | State::Upgrading) {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        self.read_lines();
    }

    /// The client has said nothing for too long.
    pub fn on_idle(&mut self) {
        if !matches!(self.state, State::Ended | State::Upgrading) {
            let text = format!("421 4.4.2 {} Timeout, closing connection\r\n", self.server.name);
            self.steps.push_back(Step::Write(text.into_bytes()));
            self.end(Then::Close);
        }
    }

    fn greet(&mut self) {
        let banner = format!("220 {} {}\r\n", self.server.name, self.server.banner);
        self.say(Point::Greeting, "", Answer { bytes: banner.into_bytes(), effect: Effect::Nothing });
    }

    fn start_tls(&mut self) {
        self.state = State::Upgrading;
        if !self.server.keeps_plaintext {
            self.buffer.clear();
        }
        self.steps.push_back(Step::StartTls);
    }

    fn end(&mut self, how: Then) {
        self.state = State::Ended;
        self.buffer.clear();
        self.steps.push_back(Step::End(how));
    }

    fn read_lines(&mut self) {
        loop {
            if matches!(self.state, State::Ended | State::Upgrading) {
                return;
            }
            let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') else {
                if self.buffer.len() > MAX_LINE {
                    self.skip();
                }
                return;
            };
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let too_long = std::mem::take(&mut self.skipped) > 0 || line.len() > MAX_LINE;
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            self.on_line(line, too_long);
        }
    }

    /// Throws away what is there of a line that is too long; a line without end ends the connection.
    fn skip(&mut self) {
        let octets = self.buffer.len();
        self.buffer.clear();
        self.skipped = self.skipped.saturating_add(octets);
        match &mut self.state {
            State::Message { size } => {
                *size = size.saturating_add(octets as u64);
                self.end_if_endless();
            }
            _ if self.skipped > MAX_SKIPPED => self.shut("Line too long"),
            _ => {}
        }
    }

    fn end_if_endless(&mut self) {
        if matches!(self.state, State::Message { size } if size > 2 * MAX_MESSAGE) {
            self.shut("Message too big");
        }
    }

    /// Closes, and says why (RFC 5321 §3.8).
    fn shut(&mut self, why: &str) {
        let text = format!("421 4.7.0 {} {why}, closing connection\r\n", self.server.name);
        self.steps.push_back(Step::Write(text.into_bytes()));
        self.end(Then::Close);
    }

    fn on_line(&mut self, line: &[u8], too_long: bool) {
        match &mut self.state {
            State::Message { size } => {
                *size = size.saturating_add(line.len() as u64 + 2);
                if line == b"." && !too_long {
                    let size = *size;
                    self.state = State::Commands;
                    let limit = self.server.size_limit.unwrap_or(MAX_MESSAGE);
                    let bytes = if size > limit {
                        plain("552 5.3.4 Message too big")
                    } else {
                        plain("250 2.0.0 Ok: queued as LAB0001")
                    };
                    self.say(Point::Message, "", Answer { bytes, effect: Effect::Accepted });
                } else {
                    self.end_if_endless();
                }
            }
            State::SigningIn(exchange) => {
                let outcome = exchange.on_line(line, &self.server.auth);
                self.state = State::Commands;
                let answer = self.signing(outcome);
                self.perform(None, answer);
            }
            State::Commands if too_long => {
                self.say(Point::Unknown, "", error("500 5.5.2 Line too long"));
            }
            State::Commands => self.on_command(line),
            State::Upgrading | State::Ended => {}
        }
    }

    fn on_command(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        let (verb, argument) = text.split_once(' ').unwrap_or((text, ""));
        let argument = argument.trim();
        let (point, answer) = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => (Point::Ehlo, self.hello(argument, true)),
            "HELO" => (Point::Helo, self.hello(argument, false)),
            "STARTTLS" => (Point::Starttls, self.starttls(argument)),
            "AUTH" => (Point::Auth, self.auth(argument)),
            "MAIL" => (Point::Mail, self.mail(argument)),
            "RCPT" => (Point::Rcpt, self.rcpt(argument)),
            "DATA" => (Point::Data, self.data()),
            "RSET" => (Point::Rset, with("250 2.0.0 Ok", Effect::Reset)),
            "NOOP" => (Point::Noop, with("250 2.0.0 Ok", Effect::Nothing)),
            "QUIT" => (Point::Quit, with("221 2.0.0 Bye", Effect::Quit)),
            "VRFY" => (Point::Unknown, with("252 2.1.5 Cannot VRFY user", Effect::Nothing)),
            "HELP" | "EXPN" | "BDAT" | "TURN" | "ETRN" => {
                (Point::Unknown, error("502 5.5.1 Command not implemented"))
            }
            _ => (Point::Unknown, error("500 5.5.1 Command unrecognized")),
        };
        self.say(point, argument, answer);
    }

    /// The first rule that fits, counting the occasion.
    fn rule(&mut self, point: Point, argument: &str) -> Option<Rule> {
        let seen = self.seen.entry(point).or_default();
        *seen = seen.saturating_add(1);
        let nth = *seen;
        let layer = if self.inside { Layer::Tls } else { Layer::Plain };
        let fits = |rule: &&Rule| {
            (rule.at == point || (rule.at == Point::Any && point != Point::Handshake))
                && rule.inside.is_none_or(|inside| inside == layer)
                && rule.nth.is_none_or(|wanted| wanted == nth)
                && rule.signed_in.is_none_or(|wanted| wanted == self.signed_in)
                && rule.matches.as_deref().is_none_or(|pattern| matches(pattern, argument))
        };
        self.server.rules.iter().find(fits).cloned()
    }

    fn say(&mut self, point: Point, argument: &str, answer: Answer) {
        let rule = self.rule(point, argument);
        self.perform(rule, answer);
    }

    /// Turns an answer, as the rule bends it, into steps.
    fn perform(&mut self, rule: Option<Rule>, mut answer: Answer) {
        let rule = rule.unwrap_or_default();
        if rule.delay_ms > 0 {
            self.steps.push_back(Step::Pause(Duration::from_millis(rule.delay_ms)));
        }
        let said = rule.reply.as_deref().map(plain).or_else(|| rule.raw.clone().map(|raw| raw.0.0));
        if let Some(said) = said {
            // What the server says decides what it does: a reply of its own that accepts, accepts.
            if !matches!(said.first(), Some(b'2' | b'3')) {
                answer.effect = match answer.effect {
                    Effect::Quit => Effect::Quit,
                    _ => Effect::NotSignedIn,
                };
            }
            if matches!(answer.effect, Effect::SignIn(_)) && said.first() == Some(&b'2') {
                answer.effect = Effect::SignedIn;
            }
            answer.bytes = said;
        }
        if rule.silent {
            answer = Answer::default();
        }
        if let Some(line) = &rule.endless {
            let line = format!("{line}\r\n").repeat(ENDLESS_LINES);
            self.steps.push_back(Step::Endless(line.into_bytes()));
            self.end(Then::Hang);
            return;
        }
        if let Some(more) = &rule.append {
            answer.bytes.extend_from_slice(&more.0.0);
        }
        let negative = matches!(answer.bytes.first(), Some(b'4' | b'5'));
        if !answer.bytes.is_empty() {
            self.steps.push_back(match rule.drip_ms {
                Some(every) => Step::Drip(answer.bytes, Duration::from_millis(every)),
                None => Step::Write(answer.bytes),
            });
        }
        if rule.then != Then::GoOn {
            self.end(rule.then);
            return;
        }
        self.take_effect(answer.effect);
        if negative {
            self.errors += 1;
            if self.errors >= MAX_ERRORS && !matches!(self.state, State::Ended) {
                let text = format!("421 4.7.0 {} Too many errors\r\n", self.server.name);
                self.steps.push_back(Step::Write(text.into_bytes()));
                self.end(Then::Close);
            }
        }
    }

    fn take_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Nothing | Effect::NotSignedIn => {}
            Effect::Hello => (self.hello, self.mail, self.recipients) = (true, false, 0),
            Effect::StartTls => self.start_tls(),
            Effect::SignIn(exchange) => self.state = State::SigningIn(exchange),
            Effect::SignedIn => self.signed_in = true,
            Effect::Mail => self.mail = true,
            Effect::Recipient => self.recipients += 1,
            Effect::Message => self.state = State::Message { size: 0 },
            Effect::Accepted | Effect::Reset => (self.mail, self.recipients) = (false, 0),
            Effect::Quit => self.end(Then::Close),
        }
    }
}

/// Whether a text matches a pattern in which `*` stands for anything; case does not count.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests;
