//! The lines that a person reads: what was said, by whom, when, and under which protection.

use crate::event::{Micros, ProbeId, RouteId};
use crate::session::Meaning;

/// Who a line is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum From {
    /// ehlo, on the wire.
    Client,
    /// The other end.
    Server,
    /// The probe itself: something observed, not said.
    Probe,
}

/// On which layer a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Name look-ups.
    Dns,
    /// Connections.
    Tcp,
    /// TLS.
    Tls,
    /// SMTP.
    Smtp,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When.
    pub at: Micros,
    /// Which probe.
    pub probe: ProbeId,
    /// Which route, where it belongs to one.
    pub route: Option<RouteId>,
    /// Which port, where it belongs to one.
    pub port: Option<u16>,
    /// Who.
    pub from: From,
    /// Where.
    pub layer: Layer,
    /// Inside TLS.
    pub encrypted: bool,
    /// What, made printable: no control characters, one line, at most [`Line::MAX`] characters.
    pub text: String,
    /// What kind of line it is.
    pub meaning: Meaning,
}

impl Line {
    /// Longest text of a line, in characters; what is longer is cut with a mark that says so.
    pub const MAX: usize = 2_000;
}

/// All lines, in order. An index never changes its line.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    lines: Vec<Line>,
}

impl Transcript {
    /// Most lines that are kept; what follows is counted, not stored.
    pub const MAX_LINES: usize = 200_000;

    /// All lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}
