//! What must hold for any bytes at all. The fuzz targets call these functions; `tests/fuzz_smoke.rs` calls them with
//! some thousand inputs in every ordinary test run.
//!
//! The first byte of the input, where a function needs one, says how the rest is split.

use std::net::IpAddr;

use ehlo::event::Event;
use ehlo::guide::symptom::{self, Settings};
use ehlo::target::{Host, Secret, TlsMode};
use ehlo::wire::capability::Capabilities;
use ehlo::wire::certificate;
use ehlo::wire::dialogue::{Action, Dialogue, Script};
use ehlo::wire::printable::{is_hidden, printable, printable_bytes};
use ehlo::wire::reply::{MAX_LINES, MAX_REPLY, Reply, ReplyReader, looks_like};
use ehlo::wire::sasl::{HIDDEN, Scrubber};
use ehlo::wire::spf::check::{Answer, Kind, Lookups};
use ehlo::wire::tls::{Decoder, Seen};
use ehlo::wire::tlsa::{self, Shown, Tlsa};
use ehlo::wire::{dkim, dmarc, mta_sts, spf};

/// Replies: any split gives the same ones, their lines are the stream again, and all of it is bounded.
pub fn reply(data: &[u8]) {
    let (size, stream) = split(data);
    let replies = replies(stream, size);
    assert_eq!(replies, self::replies(stream, stream.len().max(1)));
    let mut together = Vec::new();
    for reply in &replies {
        assert!(!reply.lines.is_empty() && reply.lines.len() <= MAX_LINES);
        let _ = (reply.code(), reply.enhanced(), reply.is_positive());
        assert!(!reply.summary().contains(is_hidden));
        for line in &reply.lines {
            let _ = (line.text(), looks_like(&line.raw.0));
            together.extend_from_slice(&line.raw.0);
        }
    }
    assert_eq!(together, stream);
}

fn replies(stream: &[u8], size: usize) -> Vec<Reply> {
    let mut reader = ReplyReader::new();
    let mut replies = Vec::new();
    for piece in stream.chunks(size) {
        reader.push(piece);
        replies.extend(std::iter::from_fn(|| reader.next_reply()));
        assert!(reader.pending().len() <= MAX_REPLY);
    }
    replies.extend(std::iter::from_fn(|| reader.finish()));
    replies
}

/// Capabilities: whatever a server lists can be read and shown.
pub fn capability(data: &[u8]) {
    for reply in replies(data, data.len().max(1)) {
        let offered = Capabilities::from_reply(&reply);
        assert!(!offered.greeting.contains(is_hidden));
        for entry in &offered.entries {
            assert!(!entry.keyword.contains(is_hidden) && !entry.text.contains(is_hidden));
            assert!(entry.parameters.iter().all(|parameter| !parameter.contains(is_hidden)));
            assert!(offered.has(&entry.keyword));
        }
        let mechanisms = offered.auth();
        assert!(mechanisms.iter().enumerate().all(|(i, name)| !mechanisms[..i].contains(name)));
        let _ = offered.size();
    }
}

/// The dialogue: it ends, whatever the server says.
pub fn dialogue(data: &[u8]) {
    let (mode, stream) = split(data);
    let tls = [TlsMode::Starttls, TlsMode::Implicit, TlsMode::None][mode % 3];
    let mut dialogue = Dialogue::new(Script::new(tls, "laptop.example.net"));
    let mut reader = ReplyReader::new();
    reader.push(stream);
    for _ in 0..32 {
        match dialogue.next_action() {
            Action::Send(command) => assert!(command.bytes.0.ends_with(b"\r\n")),
            Action::AwaitGreeting | Action::AwaitReply => match reader.finish() {
                Some(reply) => dialogue.on_reply(&reply),
                None => dialogue.on_ended(),
            },
            Action::Reckon => panic!("nobody signs in"),
            Action::StartTls => dialogue.on_tls(),
            Action::Done(_) => return,
        }
    }
    panic!("the dialogue does not end");
}

/// Visible text: nothing that a terminal obeys, and never longer than asked.
pub fn printable_text(data: &[u8]) {
    let (max, bytes) = split(data);
    let text = String::from_utf8_lossy(bytes);
    for shown in [printable_bytes(bytes, max), printable(&text, max)] {
        assert!(shown.chars().count() <= max && !shown.contains(is_hidden));
        assert_eq!(printable(&shown, max), shown);
    }
}

/// TLS records: any split shows the same messages, apart from how runs of encrypted records are summed up.
pub fn tls(data: &[u8]) {
    let (size, stream) = split(data);
    assert_eq!(seen(stream, size), seen(stream, stream.len().max(1)));
}

fn seen(stream: &[u8], size: usize) -> Vec<Seen> {
    let mut decoder = Decoder::new();
    let all = stream.chunks(size).flat_map(|piece| decoder.push(piece));
    all.filter(|seen| !matches!(seen, Seen::Encrypted { .. } | Seen::NotTls(_))).collect()
}

/// Certificates: what can be read can be judged and shown.
pub fn certificate(data: &[u8]) {
    let Ok(read) = certificate::read(data) else { return };
    let texts = [&read.subject, &read.issuer, &read.key, &read.signature];
    assert!(
        texts.into_iter().chain(&read.names).chain(&read.common_name).all(|text| !text.contains(is_hidden))
    );
    let _ = (certificate::date(read.not_before), certificate::date(read.not_after));
    let host = Host::Name("smtp.example.com".to_owned());
    for complete in [true, false] {
        for trusted in [None, Some(true), Some(false)] {
            let chain = [read.clone(), read.clone()];
            certificate::faults(&chain, &host, 1_800_000_000, complete, trusted, &Vec::new());
        }
    }
}

/// Journal lines: what can be read is written back as the same event.
pub fn journal(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Event>(data) else { return };
    let line = serde_json::to_string(&event).expect("an event can be written");
    assert!(!line.contains('\n'));
    assert_eq!(serde_json::from_str::<Event>(&line).expect("what was written can be read"), event);
}

/// Records in which a domain says who sends for it, with which key, and how mail for it is to be secured: nothing
/// panics, what is read is read again the same way, and an evaluation comes to an end although everything leads back.
pub fn domain(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let record = format!("v=spf1 {text}");
    assert_eq!(spf::parse(&record), spf::parse(&record));
    let circle = Circle(vec![record]);
    for ip in [None, Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([0; 16]))] {
        let found = spf::check::check(spf::check::Sender { domain: "example.com", local: None }, ip, &circle);
        assert!(found.counted.len() <= 40 && found.wanted.is_empty());
    }
    let _ = (dmarc::parse(&format!("v=DMARC1;{text}")), dmarc::parse(&text));
    assert!(dmarc::tree_walk(&text).len() <= 8);
    let _ = (dkim::parse(&format!("v=DKIM1;{text}")), dkim::parse(&text));
    let _ = (mta_sts::announced(&format!("v=STSv1;{text}")), mta_sts::policy(data));
    if let Ok(policy) =
        mta_sts::policy(format!("version: STSv1\nmode: testing\nmax_age: 1\n{text}").as_bytes())
    {
        assert!(policy.mx.iter().all(|name| !name.contains(is_hidden)));
        let _ = policy.allows(&text);
    }
    if let [usage, selector, matching, ..] = *data
        && let Some(tlsa) = Tlsa::new(usage, selector, matching, &text)
    {
        let shown = Shown { chain: &[], complete: true, host: &text, now: None, bad_signature: false };
        let _ = (tlsa.words(), tlsa::compare(&[tlsa], &shown));
    }
}

/// What a server says with a secret in it: nothing of the secret is left, the lines and their codes stay.
pub fn secret(data: &[u8]) {
    let (size, rest) = split(data);
    let (secret, reply) = rest.split_at(size.min(rest.len()));
    let Ok(secret) = std::str::from_utf8(secret) else { return };
    // Nobody can type a line end into a password, and a file's is taken away.
    if secret.len() < 4 || secret.contains(['\r', '\n']) || secret.contains(HIDDEN) || HIDDEN.contains(secret)
    {
        return;
    }
    let mut scrubber = Scrubber::new(&Secret::new(secret.to_owned()));
    scrubber.learn_said(reply);
    let said = [b"535-5.7.8 ", reply, secret.as_bytes(), b"\r\n535 no\r\n"].concat();
    let left = scrubber.lines(&said);
    assert!(left.starts_with(b"535-") && left.ends_with(b"\n"));
    let breaks = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
    assert!(breaks(&left) >= breaks(&said) - breaks(secret.as_bytes()));
    let last = left.strip_suffix(b"\r\n535 no\r\n").unwrap_or(&left);
    assert!(last.ends_with(HIDDEN.as_bytes()), "{}", printable_bytes(&left, 500));
}

/// An error message that was pasted: it is read to its end, and what is told of it can be shown.
pub fn message(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let found = symptom::explain(&text, &Settings::default());
    let shown = ehlo::report::explain::json(&found, None);
    assert!(!shown.replace('\n', "").contains(is_hidden));
}

/// A DNS in which every name has the same record, the same address and itself as its exchanger.
struct Circle(Vec<String>);

impl Lookups for Circle {
    fn answer(&self, name: &str, kind: Kind) -> Answer {
        match kind {
            Kind::Txt => Answer::Txt(self.0.clone()),
            Kind::A => Answer::Addresses(vec![IpAddr::from([198, 51, 100, 1])]),
            Kind::Aaaa => Answer::Void,
            Kind::Mx | Kind::Ptr => Answer::Names(vec![name.to_owned()]),
        }
    }
}

/// The first byte, at least 1, and the rest.
fn split(data: &[u8]) -> (usize, &[u8]) {
    match data {
        [] => (1, data),
        [first, rest @ ..] => (usize::from(*first).max(1), rest),
    }
}
