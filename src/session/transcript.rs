//! The lines that a person reads: what was said, by whom, when, and under which protection.
//!
//! Lines are only ever added: an index that was given out always means the same line. A face reads a window of
//! [`Transcript::lines`], or the lines of one route or probe; nothing here copies.

use std::ops::Range;

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
    dropped: u64,
}

impl Transcript {
    /// Most lines that are kept; what follows is counted, not stored.
    pub const MAX_LINES: usize = 200_000;

    /// Lines at the end that a talkative server cannot fill: what the probes themselves observe finds room there.
    const RESERVED: usize = 4_000;

    /// All lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// One line.
    pub fn get(&self, index: usize) -> Option<&Line> {
        self.lines.get(index)
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True before the first line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many lines came after there was no room left for them.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The lines of one route, inspecting connections included, with their indexes.
    pub fn of_route(&self, route: RouteId) -> impl DoubleEndedIterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(move |(_, line)| line.route == Some(route))
    }

    /// The lines of one probe, with their indexes.
    pub fn of_probe(&self, probe: ProbeId) -> impl DoubleEndedIterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(move |(_, line)| line.probe == probe)
    }

    /// The indexes of the lines that contain `needle`, in whatever case; all lines match an empty one.
    pub fn search(&self, needle: &str) -> Vec<usize> {
        self.search_in(needle, 0..self.lines.len())
    }

    /// The same within a range of lines, so that a search can be carried on over the lines that were added since.
    pub fn search_in(&self, needle: &str, range: Range<usize>) -> Vec<usize> {
        let begin = range.start.min(self.lines.len());
        let end = range.end.clamp(begin, self.lines.len());
        let window = self.lines.get(begin..end).unwrap_or_default();
        let matches: Box<dyn Fn(&str) -> bool> = if needle.is_ascii() {
            Box::new(|text| contains_ascii(text.as_bytes(), needle.as_bytes()))
        } else {
            let needle = needle.to_lowercase();
            Box::new(move |text| text.to_lowercase().contains(&needle))
        };
        let hits = window.iter().enumerate().filter(|(_, line)| matches(&line.text));
        hits.map(|(offset, _)| begin + offset).collect()
    }

    /// Adds a line; its index, or `None` where there is no room left.
    pub(crate) fn push(&mut self, line: Line) -> Option<usize> {
        let said = line.from == From::Server && line.layer == Layer::Smtp;
        let room = if said { Self::MAX_LINES - Self::RESERVED } else { Self::MAX_LINES };
        if self.lines.len() >= room {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        self.lines.push(line);
        Some(self.lines.len() - 1)
    }

    /// Says more exactly what a line is, once that is known.
    pub(crate) fn explain(&mut self, index: usize, meaning: Meaning) {
        if let Some(line) = self.lines.get_mut(index) {
            line.meaning = meaning;
        }
    }
}

/// Case-insensitive search in one pass: only where the first letter fits is the rest compared.
fn contains_ascii(text: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return true };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let mut tail = text;
    while let Some(at) = tail.iter().position(|byte| *byte == lower || *byte == upper) {
        tail = tail.get(at + 1..).unwrap_or_default();
        if tail.get(..rest.len()).is_some_and(|start| start.eq_ignore_ascii_case(rest)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            at: Micros(0),
            probe: ProbeId(1),
            route: None,
            port: None,
            from: From::Server,
            layer: Layer::Smtp,
            encrypted: false,
            text: text.to_owned(),
            meaning: Meaning::Remark,
        }
    }

    #[test]
    fn search_ignores_case() {
        let mut transcript = Transcript::default();
        for text in ["220 mx ESMTP", "EHLO laptop", "250-STARTTLS", "250 Größe", "sstarttls"] {
            transcript.push(line(text));
        }
        assert_eq!(transcript.search("starttls"), [2, 4]);
        assert_eq!(transcript.search("ESMTP"), [0]);
        assert!(transcript.search("GRÖSSE").is_empty(), "ß is not SS");
        assert_eq!(transcript.search("GRÖß"), [3]);
        assert_eq!(transcript.search(""), [0, 1, 2, 3, 4]);
        assert!(transcript.search("nowhere").is_empty());
        assert_eq!(transcript.search_in("e", 1..3), [1]);
        assert_eq!(transcript.search_in("s", 4..100), [4]);
        #[expect(clippy::reversed_empty_ranges, reason = "a caller's mistake must not panic")]
        let backwards = transcript.search_in("s", 9..2);
        assert!(backwards.is_empty());
    }

    #[test]
    fn a_talkative_server_leaves_room_for_what_the_probe_sees() {
        let mut transcript = Transcript::default();
        for _ in 0..Transcript::MAX_LINES {
            transcript.push(line("250-X"));
        }
        assert_eq!(transcript.len(), Transcript::MAX_LINES - Transcript::RESERVED);
        assert_eq!(transcript.dropped(), 4_000);
        let seen = Line { from: From::Probe, ..line("closed by the server") };
        assert_eq!(transcript.push(seen), Some(Transcript::MAX_LINES - Transcript::RESERVED));
    }
}
