//! Follows a TLS handshake: a line for every message in the clear, the certificates, and all that is wrong with them.

use std::sync::Arc;

use crate::event::{InspectReason, Purpose, Side, TlsOutcome, Verification, VerifyError};
use crate::session::Meaning;
use crate::session::pen::{Pen, span};
use crate::session::probe::{Ended, Handshake, Probe, SeenAlert};
use crate::session::talk;
use crate::session::transcript::{From, Layer};
use crate::target::Host;
use crate::wire::bytes::Octets;
use crate::wire::certificate::{self, Arrangement, Certificate};
use crate::wire::printable::{printable, printable_bytes};
use crate::wire::reply::looks_like;
use crate::wire::tls::{ClientHello, Decoder, Seen, ServerHello, alert_name};

/// Most messages of one handshake that get a line each.
const MAX_LINES: usize = 200;

/// Most certificates of a chain that are read; OpenSSL itself gives up at about a hundred.
const MAX_CHAIN: usize = 16;

/// Most alerts that are kept.
const MAX_ALERTS: usize = 8;

/// A handshake begins.
pub(crate) fn started(
    probe: &mut Probe,
    pen: &mut Pen<'_>,
    server_name: &str,
    verification: Verification,
    library: &str,
) {
    talk::upgrade(probe, pen);
    let why = match probe.purpose {
        Some(Purpose::Inspect { why, .. }) => Some(why),
        _ => None,
    };
    let how = match (verification, why) {
        (Verification::Strict, _) => format!("verifies {server_name}"),
        (_, Some(InspectReason::OlderTls)) => {
            "verifies nothing, offers old versions and weak ciphers too".to_owned()
        }
        (_, Some(InspectReason::SmallHello)) => {
            "verifies nothing, a small ClientHello with TLS 1.2 alone".to_owned()
        }
        (_, Some(InspectReason::NoServerName)) => "verifies nothing, names no server (no SNI)".to_owned(),
        _ => "verifies nothing, only looks".to_owned(),
    };
    let text = format!("TLS handshake · {how} · {library}");
    let meaning = Meaning::TlsStarted {
        verification,
        server_name: server_name.to_owned(),
        library: library.to_owned(),
        why,
    };
    let line = pen.write(From::Probe, Layer::Tls, &text, meaning);
    probe.handshake = Some(Handshake {
        server_name: printable(server_name, 300),
        verification,
        started: pen.at,
        line,
        offered: None,
        hello: None,
        hello_line: None,
        asks_certificate: None,
        alerts: Vec::new(),
        not_tls: None,
        heard: false,
        cut: None,
        ended: None,
        chain: Vec::new(),
        complete: false,
        errors: None,
        faults: Vec::new(),
        certificate_lines: Vec::new(),
        chain_line: None,
        decoders: [Decoder::new(), Decoder::new()],
    });
}

/// Bytes of the handshake.
pub(crate) fn bytes(probe: &mut Probe, pen: &mut Pen<'_>, from: Side, bytes: &[u8]) {
    probe.last = probe.last.max(pen.at);
    let Some(handshake) = &mut probe.handshake else { return };
    if handshake.ended.is_some() {
        return;
    }
    handshake.heard |= from == Side::Server && !bytes.is_empty();
    if from == Side::Server
        && let Some((foreign, line)) = &mut handshake.not_tls
    {
        // The decoder stops at the first foreign byte; what it is may show only in the next ones.
        let room = Decoder::MAX_FOREIGN.saturating_sub(foreign.len());
        foreign.extend(bytes.iter().take(room));
        if let Some(line) = line {
            pen.transcript.explain(*line, Meaning::NotTls { looks_like: self::foreign(foreign) });
        }
    }
    let [client, server] = &mut handshake.decoders;
    let decoder = if from == Side::Client { client } else { server };
    for seen in decoder.push(bytes).into_iter().take(MAX_LINES) {
        note(handshake, pen, from, seen);
    }
}

fn note(handshake: &mut Handshake, pen: &mut Pen<'_>, from: Side, seen: Seen) {
    let speaker = if from == Side::Client { From::Client } else { From::Server };
    let mut write = |text: &str, meaning| pen.write(speaker, Layer::Tls, text, meaning);
    match seen {
        Seen::ClientHello(hello) => {
            let ClientHello { versions, server_name, ciphers, groups, length } = hello.clone();
            let meaning = Meaning::ClientHello { versions, server_name, ciphers, groups };
            let line = write(&client_hello(&hello), meaning);
            if from == Side::Client {
                // Record and handshake header come on top (RFC 8446 §5.1, §4).
                handshake.offered.get_or_insert((length.saturating_add(9), line));
            }
        }
        Seen::ServerHello(hello) => {
            let ServerHello { version, cipher, group } = hello.clone();
            let line = write(&server_hello(&hello), Meaning::ServerHello { version, cipher, group });
            handshake.hello_line = line;
            handshake.hello = Some(hello);
        }
        Seen::HelloRetryRequest(group) => {
            let asked = group.as_ref().map(|group| format!("   asks for {group}")).unwrap_or_default();
            write(&format!("HelloRetryRequest{asked}"), Meaning::HelloRetryRequest { group });
        }
        Seen::Chain(chain) => {
            let (count, size) = (chain.len(), chain.iter().map(Vec::len).sum::<usize>());
            let text = format!("Certificate   {}, {size} bytes", counted(count, "certificate"));
            if from == Side::Client {
                write(&text, Meaning::Handshake { name: "Certificate", from });
            } else {
                write(&text, Meaning::CertificateChain { certificates: count, bytes: size });
                handshake.chain =
                    chain.iter().take(MAX_CHAIN).filter_map(|der| certificate::read(der).ok()).collect();
                handshake.complete = handshake.chain.len() == count;
            }
        }
        Seen::Handshake(kind, name) => {
            let line = write(name, Meaning::Handshake { name, from });
            // RFC 5246 §7.4.4: the server wants a certificate of ours.
            if kind == 13 && from == Side::Server {
                handshake.asks_certificate = handshake.asks_certificate.or(line);
            }
        }
        Seen::ChangeCipherSpec => {
            write("ChangeCipherSpec", Meaning::ChangeCipherSpec { from });
        }
        Seen::Alert { level, code } => {
            let line = write(&alert(level, code), Meaning::Alert { level, code, from });
            if handshake.alerts.len() < MAX_ALERTS {
                handshake.alerts.push(SeenAlert { level, code, from, line });
            }
        }
        Seen::Encrypted { records, bytes } => {
            let text = format!("{} · {bytes} bytes", counted(records, "encrypted record"));
            write(&text, Meaning::EncryptedRecords { records, bytes, from });
        }
        Seen::NotTls(bytes) => {
            let text = format!("not TLS: {}", printable_bytes(&bytes, 400));
            let line = write(&text, Meaning::NotTls { looks_like: foreign(&bytes) });
            if from == Side::Server {
                handshake.not_tls = Some((bytes, line));
            }
        }
        Seen::Malformed(what) => {
            write(&format!("broken TLS: {what}"), Meaning::NotTls { looks_like: None });
        }
    }
}

/// What bytes in the place of TLS look like: another protocol, or a greeting in cleartext (`SMTP`).
pub(crate) fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let greeting = matches!(bytes, [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-' | b'\r' | b'\n', ..]);
    looks_like(bytes).or(greeting.then_some("SMTP"))
}

/// The handshake ended. `now` is seconds since 1970, where the session knows them.
pub(crate) fn ended(probe: &mut Probe, pen: &mut Pen<'_>, outcome: &TlsOutcome, now: Option<i64>) {
    probe.last = probe.last.max(pen.at);
    let Some(handshake) = &mut probe.handshake else { return };
    let (text, meaning) = match outcome {
        TlsOutcome::Established { leaf } => {
            if let Some(leaf) = leaf
                && handshake.chain.first().is_none_or(|first| first.der != leaf.0)
            {
                handshake.chain = certificate::read(&leaf.0).into_iter().collect();
                handshake.complete = false;
            }
            let text = match handshake.verification {
                Verification::Strict => "TLS is up, the certificate is verified",
                Verification::Relaxed => "TLS is up, the certificate is not verified",
            };
            (text.to_owned(), Meaning::TlsEstablished { verification: handshake.verification })
        }
        TlsOutcome::Failed { text, .. } => {
            let meaning = Meaning::TlsFailed { words: Some(text.clone()), limit: None };
            (format!("TLS handshake failed: {text}"), meaning)
        }
        TlsOutcome::TimedOut { limit } => {
            let meaning = Meaning::TlsFailed { words: None, limit: Some(*limit) };
            (format!("no end of the TLS handshake within {}", span(*limit)), meaning)
        }
    };
    let line = pen.write(From::Probe, Layer::Tls, &text, meaning);
    handshake.ended = Some(Ended { outcome: outcome.clone(), at: pen.at, line });
    certificates(handshake, pen, now);
}

/// An inspecting connection has seen the chain.
pub(crate) fn inspected(
    probe: &mut Probe,
    pen: &mut Pen<'_>,
    chain: &[Octets],
    errors: &[VerifyError],
    now: Option<i64>,
) {
    let Some(handshake) = &mut probe.handshake else { return };
    let kept = |der: &Octets| handshake.chain.iter().find(|known| known.der == der.0).cloned();
    let read: Vec<Certificate> = chain
        .iter()
        .take(MAX_CHAIN)
        .filter_map(|der| kept(der).or_else(|| certificate::read(&der.0).ok()))
        .collect();
    if read.first().map(|c| &c.der) != handshake.chain.first().map(|c| &c.der) {
        handshake.certificate_lines.clear();
        handshake.chain_line = None;
    }
    handshake.complete = read.len() == chain.len();
    handshake.chain = read;
    handshake.errors = Some(errors.iter().take(4 * MAX_CHAIN).cloned().collect());
    certificates(handshake, pen, now);
}

/// Judges the certificates, and gives each a line, or its line the faults that are known now.
fn certificates(handshake: &mut Handshake, pen: &mut Pen<'_>, now: Option<i64>) {
    let Some(leaf) = handshake.chain.first() else { return };
    let name = &handshake.server_name;
    let host = Host::parse(name).unwrap_or_else(|_| Host::Name(name.clone()));
    let clock = now;
    // Without a clock nothing is said about dates: at its own beginning a certificate is neither old nor early.
    let now = now.unwrap_or(leaf.not_before);
    let errors = handshake.errors.iter().flatten().map(|error| (error.depth, error.code)).collect();
    handshake.faults =
        certificate::faults(&handshake.chain, &host, now, handshake.complete, trusted(handshake), &errors);
    for (depth, certificate) in handshake.chain.iter().enumerate() {
        let faults = handshake.faults.iter().filter(|f| f.depth == depth).map(|f| f.code).collect();
        let meaning = Meaning::Certificate { depth, faults, certificate: Arc::new(certificate.clone()) };
        match handshake.certificate_lines.get(depth) {
            Some(Some(line)) => pen.transcript.explain(*line, meaning),
            Some(None) => {}
            None => {
                let text = describe(depth, certificate, clock);
                handshake.certificate_lines.push(pen.write(From::Server, Layer::Tls, &text, meaning));
            }
        }
    }
    if handshake.complete && handshake.chain_line.is_none() {
        let order = certificate::arrange(&handshake.chain);
        let meaning = Meaning::ChainOrder {
            certificates: handshake.chain.len(),
            in_order: order.in_order,
            surplus: order.surplus.len(),
            ends_in_root: order.ends_in_root,
        };
        let has = |code| handshake.faults.iter().any(|fault| fault.code == code);
        let above = match () {
            () if has("cert-chain-incomplete") => "missing: the certificate of its issuer",
            () if has("cert-unknown-ca") => "not sent and not known here: its issuer",
            () => "above it, for every client to know by itself:",
        };
        let text = in_order(&handshake.chain, &order, above);
        handshake.chain_line = pen.write(From::Probe, Layer::Tls, &text, meaning);
    }
}

/// A chain from the server's own certificate upwards, with what is missing or surplus; `above` introduces the issuer of
/// the last.
fn in_order(chain: &[Certificate], order: &Arrangement, above: &str) -> String {
    let short = |certificate: &Certificate| {
        certificate.common_name.clone().unwrap_or_else(|| certificate.subject.clone())
    };
    let listed = |indexes: &[usize]| {
        let names = indexes.iter().filter_map(|at| Some(format!("{at} ({})", short(chain.get(*at)?))));
        names.collect::<Vec<_>>().join(" ← ")
    };
    let mut text = format!("chain: {}", listed(&order.path));
    let last = order.path.last().and_then(|at| chain.get(*at));
    match last {
        Some(last) if order.ends_in_root && order.path.len() == 1 => {
            text.push_str(&format!("; it is its own issuer: {}", last.issuer));
        }
        Some(_) if order.ends_in_root => text.push_str("; the root was sent too, which is not needed"),
        Some(last) => text.push_str(&format!("; {above} {}", last.issuer)),
        None => {}
    }
    if !order.in_order {
        let sent: Vec<String> = (0..chain.len()).map(|at| at.to_string()).collect();
        text.push_str(&format!("; sent in the order {}", sent.join(", ")));
    }
    if !order.surplus.is_empty() {
        text.push_str(&format!("; surplus: {}", listed(&order.surplus).replace(" ← ", ", ")));
    }
    text
}

/// Whether the chain led to a trusted root, as far as OpenSSL's numbers tell. It builds the chain first and looks at
/// names, dates and strength afterwards, so that an error of the second kind speaks for the chain.
fn trusted(handshake: &Handshake) -> Option<bool> {
    let about_trust = |code: i32| matches!(code, 2 | 18..=21 | 27 | 28);
    if handshake.verified() {
        return Some(true);
    }
    if let Some(errors) = &handshake.errors {
        return Some(!errors.iter().any(|error| about_trust(error.code)));
    }
    match handshake.verify_error()? {
        code if about_trust(code) => Some(false),
        9 | 10 | 26 | 62 | 64 | 66 | 67 | 68 => Some(true),
        _ => None,
    }
}

fn client_hello(hello: &ClientHello) -> String {
    let versions: Vec<&str> = hello.versions.iter().map(|v| v.trim_start_matches("TLSv")).collect();
    let mut text = "ClientHello".to_owned();
    if !versions.is_empty() {
        text.push_str("   TLS ");
        text.push_str(&versions.join(", "));
    }
    if let Some(name) = &hello.server_name {
        text.push_str(" · server name ");
        text.push_str(name);
    }
    text
}

fn server_hello(hello: &ServerHello) -> String {
    let group = hello.group.as_ref().map(|group| format!(" · {group}")).unwrap_or_default();
    format!("ServerHello   {} · {}{group}", version(&hello.version), hello.cipher)
}

/// `TLS 1.3` for `TLSv1.3`.
pub(crate) fn version(name: &str) -> String {
    name.replacen("TLSv", "TLS ", 1)
}

fn alert(level: u8, code: u8) -> String {
    let name = alert_name(code).unwrap_or("unknown");
    let level = match level {
        1 => ", warning".to_owned(),
        2 => ", fatal".to_owned(),
        other => format!(", level {other}"),
    };
    format!("alert {name} ({code}){level}")
}

/// `now` is seconds since 1970, where the session knows them.
fn describe(depth: usize, certificate: &Certificate, now: Option<i64>) -> String {
    let day = |moment: i64| {
        let date = certificate::date(moment);
        date.split('T').next().unwrap_or_default().to_owned()
    };
    let days = |span: i64| counted(span / 86_400, "day");
    let (from, until) = (certificate.not_before, certificate.not_after);
    let left = match now {
        Some(now) if until < now => format!(", ended {} ago", days(now.saturating_sub(until))),
        Some(now) if from > now => format!(", begins in {}", days(from.saturating_sub(now))),
        Some(now) => format!(", {} left", days(until.saturating_sub(now))),
        None => String::new(),
    };
    let (subject, issuer) = (&certificate.subject, &certificate.issuer);
    format!("certificate {depth}: {subject}, issued by {issuer}, valid until {}{left}", day(until))
}

fn counted(count: impl TryInto<u64>, what: &str) -> String {
    let count: u64 = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_place_of_tls() {
        for greeting in ["220 mx ESMTP", "220-mx", "554 no", "421\r\n", "450-later"] {
            assert_eq!(foreign(greeting.as_bytes()), Some("SMTP"), "{greeting}");
        }
        assert_eq!(foreign(b"HTTP/1.1 400 Bad Request"), Some("HTTP"));
        assert_eq!(foreign(b"220 (vsFTPd 3.0.5)"), Some("FTP"));
        for other in ["220", "2200 mx", "120 mx", "hello", ""] {
            assert_eq!(foreign(other.as_bytes()), None, "{other}");
        }
    }
}
