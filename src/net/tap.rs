//! The tap: an `AsyncRead + AsyncWrite` that lies under TLS and reports every byte, reading ahead.

use crate::event::Side;
use crate::net::Stream;

/// Hears what went over the line: who sent it, and the bytes. An empty slice from the server is the end of its stream.
pub type Sink = Box<dyn FnMut(Side, &[u8]) + Send>;

/// The tap.
pub struct Tap {
    _inner: Box<dyn Stream>,
    _sink: Sink,
}

impl Tap {
    /// Lies over `inner` and reports to `sink`.
    pub fn new(inner: Box<dyn Stream>, sink: Sink) -> Self {
        Self { _inner: inner, _sink: sink }
    }
}
