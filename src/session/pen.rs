//! Writes transcript lines: everything passes through [`printable`](crate::wire::printable) here, once.

use crate::event::{Endpoint, Micros, ProbeId, RouteId};
use crate::session::Meaning;
use crate::session::transcript::{From, Layer, Line, Transcript};
use crate::wire::printable::{printable, printable_bytes};

/// A transcript, and what all lines of one event have in common.
pub(crate) struct Pen<'a> {
    pub transcript: &'a mut Transcript,
    pub at: Micros,
    pub probe: ProbeId,
    pub route: Option<RouteId>,
    pub port: Option<u16>,
}

impl Pen<'_> {
    /// Adds a line of text; its index, or `None` where the transcript is full.
    pub fn write(&mut self, from: From, layer: Layer, text: &str, meaning: Meaning) -> Option<usize> {
        self.push(from, layer, false, printable(text, Line::MAX), meaning)
    }

    /// Adds a line of SMTP, as it went over the wire without its line ending.
    pub fn smtp(&mut self, from: From, encrypted: bool, raw: &[u8], meaning: Meaning) -> Option<usize> {
        self.push(from, Layer::Smtp, encrypted, printable_bytes(raw, Line::MAX), meaning)
    }

    fn push(
        &mut self,
        from: From,
        layer: Layer,
        encrypted: bool,
        text: String,
        meaning: Meaning,
    ) -> Option<usize> {
        let Self { at, probe, route, port, .. } = *self;
        self.transcript.push(Line { at, probe, route, port, from, layer, encrypted, text, meaning })
    }
}

/// A span of time for the eye: `0.4 ms`, `31 ms`, `1.2 s`, `30 s`.
pub(crate) fn span(took: Micros) -> String {
    let Micros(micros) = took;
    match micros {
        0..1_000 => format!("0.{} ms", micros / 100),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ if micros % 1_000_000 < 50_000 || micros >= 100_000_000 => format!("{} s", micros / 1_000_000),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// An endpoint as text.
pub(crate) fn endpoint(endpoint: &Endpoint) -> String {
    printable(&endpoint.to_string(), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (micros, text) in [
            (0, "0.0 ms"),
            (420, "0.4 ms"),
            (31_900, "31 ms"),
            (1_250_000, "1.2 s"),
            (5_000_000, "5 s"),
            (5_003_000, "5 s"),
            (30_000_100, "30 s"),
            (130_700_000, "130 s"),
        ] {
            assert_eq!(span(Micros(micros)), text);
        }
    }
}
