//! What one probe recorded, put in order: connects, greeting, commands with their replies, the handshake, the end.
//!
//! This is what [`outcome`](super::outcome) and the rules of [`diagnose`](super::diagnose) read, so that neither looks
//! through the transcript. Everything here is bounded, whatever a server sends and whatever a journal holds.

use crate::event::{
    Awaited, CloseKind, ConnectOutcome, Endpoint, Micros, ProbeEnd, ProbeId, Purpose, RouteId, Side,
    TlsOutcome, Verification, VerifyError,
};
use crate::session::route::{Attempt, Phase};
use crate::session::talk::Assembly;
use crate::wire::capability::Capabilities;
use crate::wire::certificate::{Certificate, Fault};
use crate::wire::reply::{Quirk, Reply};
use crate::wire::tls::{Decoder, ServerHello};

/// Most commands of one probe that are kept with their replies.
pub const MAX_EXCHANGES: usize = 64;

/// Most connects of one probe that are kept.
pub const MAX_ATTEMPTS: usize = 64;

/// Most lines that one piece of evidence cites.
pub const MAX_CITED: usize = 16;

/// One probe.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Its number.
    pub id: ProbeId,
    /// What it is for; `None` where its beginning was not recorded.
    pub purpose: Option<Purpose>,
    /// When it began.
    pub started: Micros,
    /// The last moment at which something came of it.
    pub last: Micros,
    /// How it ended, once it has.
    pub ended: Option<ProbeEnd>,
    /// Its connects, in the order in which they began.
    pub attempts: Vec<Attempt>,
    /// The connection with which the dialogue goes on, and since when.
    pub chosen: Option<(Endpoint, Micros)>,
    /// The first thing the server said: the greeting, or what stands in its place.
    pub greeting: Option<Said>,
    /// Commands and their replies, in order.
    pub exchanges: Vec<Exchange>,
    /// The first reply that answers nothing, such as a 421 before the server closes.
    pub unasked: Option<Said>,
    /// Lines that came between the reply to STARTTLS and TLS.
    pub after_starttls: Vec<usize>,
    /// Where a web server that stands in the place of SMTP leads, and the line that says so.
    pub location: Option<(String, usize)>,
    /// The handshake.
    pub handshake: Option<Handshake>,
    /// The wait that came to its limit.
    pub expired: Option<Expired>,
    /// The end of the connection, the other side's before our own.
    pub closed: Option<Closed>,
    /// The limit against endless servers that was reached, and its line.
    pub limit: Option<(String, usize)>,
    /// What the server offers before TLS.
    pub before_tls: Option<Capabilities>,
    /// What it offers inside TLS.
    pub after_tls: Option<Capabilities>,
    pub(crate) assembly: Assembly,
}

/// A reply and its lines.
#[derive(Clone, Debug)]
pub struct Said {
    /// The reply.
    pub reply: Reply,
    /// When its last line came.
    pub at: Micros,
    /// Inside TLS.
    pub encrypted: bool,
    /// Its transcript lines, at most [`MAX_CITED`].
    pub lines: Vec<usize>,
}

/// A command and its reply.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Upper case.
    pub verb: String,
    /// Inside TLS.
    pub encrypted: bool,
    /// When it was sent.
    pub sent: Micros,
    /// Its transcript line.
    pub line: Option<usize>,
    /// The reply, once it came.
    pub answer: Option<Said>,
}

/// A handshake.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The name sent and verified.
    pub server_name: String,
    /// Whether the certificate was verified.
    pub verification: Verification,
    /// When it began.
    pub started: Micros,
    /// The line of its beginning.
    pub line: Option<usize>,
    /// Length of our ClientHello in bytes, and its line.
    pub offered: Option<(usize, Option<usize>)>,
    /// What the server chose.
    pub hello: Option<ServerHello>,
    /// The line of the ServerHello.
    pub hello_line: Option<usize>,
    /// The line in which the server asks for a client certificate.
    pub asks_certificate: Option<usize>,
    /// Alerts in the clear, at most eight.
    pub alerts: Vec<SeenAlert>,
    /// What came instead of TLS (at most 512 bytes), and its line.
    pub not_tls: Option<(Vec<u8>, Option<usize>)>,
    /// True once the server has sent anything.
    pub heard: bool,
    /// The line that says that the server closed during the handshake.
    pub cut: Option<usize>,
    /// How it ended, once it has.
    pub ended: Option<Ended>,
    /// The certificates seen, the server's own first.
    pub chain: Vec<Certificate>,
    /// True where `chain` is all that the server sent.
    pub complete: bool,
    /// What verification found, by depth, where an inspecting connection listed it.
    pub errors: Option<Vec<VerifyError>>,
    /// Everything that is wrong with the certificates.
    pub faults: Vec<Fault>,
    /// The lines of the certificates, by depth.
    pub certificate_lines: Vec<Option<usize>>,
    /// The line that puts the chain in order, where all of it is known.
    pub chain_line: Option<usize>,
    pub(crate) decoders: [Decoder; 2],
}

/// The end of a handshake.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How.
    pub outcome: TlsOutcome,
    /// When.
    pub at: Micros,
    /// Its line.
    pub line: Option<usize>,
}

/// An alert that was seen in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenAlert {
    /// 1 warning, 2 fatal.
    pub level: u8,
    /// Its number.
    pub code: u8,
    /// Who sent it.
    pub from: Side,
    /// Its line.
    pub line: Option<usize>,
}

/// A wait that came to its limit.
#[derive(Clone, Copy, Debug)]
pub struct Expired {
    /// What was waited for.
    pub awaited: Awaited,
    /// How long.
    pub limit: Micros,
    /// Its line.
    pub line: Option<usize>,
}

/// The end of a connection.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Who ended it and how.
    pub how: CloseKind,
    /// When.
    pub at: Micros,
    /// Its line.
    pub line: Option<usize>,
}

impl Probe {
    /// A probe that has just begun.
    pub(crate) fn new(id: ProbeId, purpose: Option<Purpose>, started: Micros) -> Self {
        Self {
            id,
            purpose,
            started,
            last: started,
            ended: None,
            attempts: Vec::new(),
            chosen: None,
            greeting: None,
            exchanges: Vec::new(),
            unasked: None,
            after_starttls: Vec::new(),
            location: None,
            handshake: None,
            expired: None,
            closed: None,
            limit: None,
            before_tls: None,
            after_tls: None,
            assembly: Assembly::default(),
        }
    }

    /// The route that it examines or inspects.
    pub fn route(&self) -> Option<RouteId> {
        match self.purpose {
            Some(
                Purpose::Route { route, .. } | Purpose::Inspect { route, .. } | Purpose::Submit { route },
            ) => Some(route),
            _ => None,
        }
    }

    /// The last exchange with this verb, inside TLS or before it.
    pub fn exchange(&self, verb: &str, encrypted: bool) -> Option<&Exchange> {
        self.exchanges.iter().rev().find(|e| e.verb == verb && e.encrypted == encrypted)
    }

    /// True where EHLO, or HELO in its place, was accepted.
    pub fn hello_accepted(&self, encrypted: bool) -> bool {
        ["EHLO", "HELO"].iter().any(|verb| self.exchange(verb, encrypted).is_some_and(Exchange::accepted))
    }

    /// True once TLS is up.
    pub fn tls_is_up(&self) -> bool {
        self.handshake.as_ref().is_some_and(Handshake::established)
    }

    /// True where the connection has ended, other than by us.
    pub fn lost(&self) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.how != CloseKind::ByUs)
    }

    /// The command whose reply is awaited.
    pub fn awaiting(&self) -> Option<&Exchange> {
        self.exchanges.iter().find(|exchange| exchange.answer.is_none())
    }

    /// The attempt at an address that has not ended yet.
    pub(crate) fn attempt(&mut self, endpoint: &Endpoint) -> Option<&mut Attempt> {
        self.attempts.iter_mut().rev().find(|a| a.endpoint == *endpoint)
    }

    /// How the connect to the chosen address went.
    pub fn chosen_attempt(&self) -> Option<&Attempt> {
        let (endpoint, _) = self.chosen.as_ref()?;
        self.attempts.iter().find(|attempt| attempt.endpoint == *endpoint)
    }

    /// True where a connect was established.
    pub fn connected(&self) -> bool {
        self.chosen.is_some() || self.attempts.iter().any(|a| a.outcome == Some(ConnectOutcome::Connected))
    }

    /// Where it is.
    pub fn phase(&self) -> Phase {
        if matches!(self.purpose, Some(Purpose::Inspect { .. })) {
            return Phase::Inspect;
        }
        if self.chosen.is_none() {
            return Phase::Connect;
        }
        if let Some(handshake) = &self.handshake
            && handshake.ended.is_none()
        {
            return Phase::Tls;
        }
        match self.awaiting().or(self.exchanges.last()) {
            None => Phase::Greeting,
            Some(exchange) => match exchange.verb.as_str() {
                "EHLO" | "HELO" if exchange.encrypted => Phase::EhloAfterTls,
                "EHLO" | "HELO" => Phase::Ehlo,
                "STARTTLS" => Phase::Starttls,
                "AUTH" => Phase::Auth,
                "QUIT" => Phase::Quit,
                _ => Phase::Envelope,
            },
        }
    }
}

impl Said {
    /// 2yz, whole.
    pub fn positive(&self) -> bool {
        self.reply.is_positive() && !self.reply.has(Quirk::Cut) && !self.reply.has(Quirk::OverLimit)
    }

    /// 4yz or 5yz. A refusal is one even if its last line is incomplete.
    pub fn negative(&self) -> bool {
        matches!(self.reply.code(), Some(400..=599)) && !self.reply.has(Quirk::OverLimit)
    }
}

impl Exchange {
    /// 2yz, whole.
    pub fn accepted(&self) -> bool {
        self.answer.as_ref().is_some_and(Said::positive)
    }

    /// 4yz or 5yz.
    pub fn refused(&self) -> bool {
        self.answer.as_ref().is_some_and(Said::negative)
    }

    /// Its lines: the command's and the reply's.
    pub fn lines(&self) -> Vec<usize> {
        let reply = self.answer.iter().flat_map(|said| said.lines.iter().copied());
        self.line.into_iter().chain(reply).collect()
    }
}

impl Handshake {
    /// True once TLS is up.
    pub fn established(&self) -> bool {
        matches!(&self.ended, Some(Ended { outcome: TlsOutcome::Established { .. }, .. }))
    }

    /// True where the certificate was verified.
    pub fn verified(&self) -> bool {
        self.verification == Verification::Strict && self.established()
    }

    /// True where the server has spoken TLS, whatever came of it.
    pub fn is_tls(&self) -> bool {
        self.established()
            || self.hello.is_some()
            || !self.chain.is_empty()
            || self.alerts.iter().any(|alert| alert.from == Side::Server)
    }

    /// The library's verdict on the certificate where that ended the handshake: X509_V_ERR_*.
    pub fn verify_error(&self) -> Option<i32> {
        match &self.ended {
            Some(Ended { outcome: TlsOutcome::Failed { verify, .. }, .. }) => {
                verify.filter(|code| *code != 0)
            }
            _ => None,
        }
    }

    /// The line that shows how it ended.
    pub fn end_line(&self) -> Option<usize> {
        self.ended.as_ref().and_then(|ended| ended.line)
    }
}
