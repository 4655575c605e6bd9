//! Follows the SMTP dialogue of one probe: bytes as they were read become lines at once, and replies as soon as they
//! are complete.

use crate::event::Micros;
use crate::session::Meaning;
use crate::session::pen::Pen;
use crate::session::probe::{Exchange, MAX_EXCHANGES, Probe, Said};
use crate::session::transcript::From;
use crate::wire::capability::{Capabilities, Capability};
use crate::wire::enhanced::EnhancedCode;
use crate::wire::printable::printable_bytes;
use crate::wire::reply::{MAX_LINE, Reply, ReplyReader, looks_like};

/// Most lines of one reply that are remembered as its lines.
const MAX_REPLY_LINES: usize = 64;

/// Most lines of one write that are shown one by one.
const MAX_SENT_LINES: usize = 64;

/// Longest verb that is taken as one.
const MAX_VERB: usize = 16;

/// What has come and is not yet a reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assembly {
    reader: ReplyReader,
    /// The line that has not ended yet, at most [`MAX_LINE`] bytes of it.
    partial: Vec<u8>,
    /// Transcript lines of the reply under way, and how many lines it has.
    lines: Vec<usize>,
    count: usize,
    /// STARTTLS was accepted and TLS has not begun: what comes now belongs to nothing.
    upgrading: bool,
}

/// Takes bytes that were read. True where a reply became complete.
pub(crate) fn received(probe: &mut Probe, pen: &mut Pen<'_>, bytes: &[u8], encrypted: bool) -> bool {
    probe.last = probe.last.max(pen.at);
    let mut settled = false;
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let room = MAX_LINE.saturating_sub(probe.assembly.partial.len());
        probe.assembly.partial.extend(piece.iter().take(room));
        if piece.ends_with(b"\n") {
            line(probe, pen, encrypted);
        }
        if probe.assembly.upgrading {
            continue;
        }
        probe.assembly.reader.push(piece);
        while let Some(reply) = probe.assembly.reader.next_reply() {
            line(probe, pen, encrypted);
            settle(probe, reply, pen.at, encrypted);
            settled = true;
        }
    }
    settled
}

/// The end of what can come: what is left becomes a line, and a reply that was cut short.
pub(crate) fn flush(probe: &mut Probe, pen: &mut Pen<'_>) {
    let encrypted = probe.tls_is_up();
    line(probe, pen, encrypted);
    if probe.assembly.upgrading {
        return;
    }
    while let Some(reply) = probe.assembly.reader.finish() {
        settle(probe, reply, pen.at, encrypted);
    }
}

/// TLS begins: nothing that came before it is carried over.
pub(crate) fn upgrade(probe: &mut Probe, pen: &mut Pen<'_>) {
    flush(probe, pen);
    probe.assembly = Assembly::default();
}

/// Takes bytes that were written.
pub(crate) fn sent(probe: &mut Probe, pen: &mut Pen<'_>, bytes: &[u8], encrypted: bool) {
    probe.last = probe.last.max(pen.at);
    let carries_on = carries_on(probe);
    let mut first = None;
    for raw in bytes.split_inclusive(|byte| *byte == b'\n').take(MAX_SENT_LINES) {
        let content = without_ending(raw);
        // The end of a request of HTTP says nothing by itself.
        if content.is_empty() && carries_on.is_none() {
            continue;
        }
        let verb = carries_on.clone().unwrap_or_else(|| verb(content));
        let argument = match carries_on {
            Some(_) => printable_bytes(content, 200),
            None => printable_bytes(content.get(verb.len()..).unwrap_or_default().trim_ascii(), 200),
        };
        let index =
            pen.smtp(From::Client, encrypted, content, Meaning::Command { verb: verb.clone(), argument });
        if carries_on.is_none() {
            begin(probe, verb, index, pen.at, encrypted);
        }
        first = first.or(index);
    }
    if let Some(verb) = carries_on {
        begin(probe, verb, first, pen.at, encrypted);
    }
}

fn begin(probe: &mut Probe, verb: String, line: Option<usize>, sent: Micros, encrypted: bool) {
    if probe.exchanges.len() < MAX_EXCHANGES {
        probe.exchanges.push(Exchange { verb, encrypted, sent, line, answer: None });
    }
}

/// The command that is being carried on where the server has asked for more (3yz): AUTH and DATA.
fn carries_on(probe: &Probe) -> Option<String> {
    let last = probe.exchanges.last()?;
    let code = last.answer.as_ref()?.reply.code()?;
    let asked = (300..400).contains(&code) && matches!(last.verb.as_str(), "AUTH" | "DATA");
    asked.then(|| last.verb.clone())
}

fn verb(content: &[u8]) -> String {
    let word = content.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    if word.len() > MAX_VERB || !word.iter().all(u8::is_ascii_alphanumeric) {
        return String::new();
    }
    String::from_utf8_lossy(word).to_ascii_uppercase()
}

fn without_ending(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    raw.strip_suffix(b"\r").unwrap_or(raw)
}

/// Writes down the line that has come so far, if any has.
fn line(probe: &mut Probe, pen: &mut Pen<'_>, encrypted: bool) {
    if probe.assembly.partial.is_empty() {
        return;
    }
    let raw = std::mem::take(&mut probe.assembly.partial);
    // Only what ends like a line loses its ending; stray bytes are shown as they are.
    let content = if looks_like(&raw) == Some("TLS") { raw.as_slice() } else { without_ending(&raw) };
    let meaning = meaning(probe, content, encrypted);
    let after = meaning == Meaning::AfterStarttls;
    let index = pen.smtp(From::Server, encrypted, content, meaning);
    if after {
        if probe.after_starttls.len() < MAX_REPLY_LINES {
            probe.after_starttls.extend(index);
        }
        return;
    }
    if let Some(index) = index
        && probe.location.is_none()
        && web_server(probe)
        && let Some(location) = location(content)
    {
        probe.location = Some((location, index));
    }
    probe.assembly.count += 1;
    if probe.assembly.lines.len() < MAX_REPLY_LINES {
        probe.assembly.lines.extend(index);
    }
}

/// True where the first words were HTTP's.
fn web_server(probe: &Probe) -> bool {
    let first = probe.greeting.as_ref().and_then(|said| said.reply.lines.first());
    first.is_some_and(|line| looks_like(&line.raw.0) == Some("HTTP"))
}

/// Where a line of HTTP leads (RFC 9110 §10.2.2).
pub(crate) fn location(line: &[u8]) -> Option<String> {
    let (name, value) = line.split_at_checked(9)?;
    let value = value.trim_ascii();
    (name.eq_ignore_ascii_case(b"location:") && !value.is_empty()).then(|| printable_bytes(value, 300))
}

fn meaning(probe: &Probe, content: &[u8], encrypted: bool) -> Meaning {
    if probe.assembly.upgrading {
        return Meaning::AfterStarttls;
    }
    let first = probe.assembly.count == 0;
    let Some((code, text)) = code(content) else {
        return Meaning::NotReply { looks_like: looks_like(content) };
    };
    let enhanced = EnhancedCode::parse(&String::from_utf8_lossy(text));
    let to = match (&probe.greeting, probe.awaiting()) {
        (None, _) => return Meaning::Greeting { code: Some(code), enhanced, first },
        (Some(_), Some(exchange)) => exchange.verb.clone(),
        (Some(_), None) => String::new(),
    };
    if to == "EHLO" && (200..300).contains(&code) {
        if first {
            return Meaning::EhloName;
        }
        if let Some(Capability { keyword, parameters, .. }) = Capability::parse(text) {
            return Meaning::Capability { keyword, parameters, encrypted };
        }
    }
    Meaning::Reply { code: Some(code), enhanced, to }
}

/// The reply code of a line, and the text behind it.
fn code(content: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = content.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || rest.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Some((code, rest.get(1..).unwrap_or_default()))
}

/// Gives a complete reply its place: the greeting, the answer to the oldest command without one, or neither.
fn settle(probe: &mut Probe, reply: Reply, at: Micros, encrypted: bool) {
    probe.assembly.count = 0;
    let said = Said { reply, at, encrypted, lines: std::mem::take(&mut probe.assembly.lines) };
    if probe.greeting.is_none() {
        probe.greeting = Some(said);
        return;
    }
    let Some(exchange) = probe.exchanges.iter_mut().find(|exchange| exchange.answer.is_none()) else {
        probe.unasked.get_or_insert(said);
        return;
    };
    if said.positive() {
        match exchange.verb.as_str() {
            "EHLO" if encrypted => probe.after_tls = Some(Capabilities::from_reply(&said.reply)),
            "EHLO" => probe.before_tls = Some(Capabilities::from_reply(&said.reply)),
            "STARTTLS" if !encrypted => probe.assembly.upgrading = true,
            _ => {}
        }
    }
    exchange.answer = Some(said);
}
