//! The greeting, EHLO and STARTTLS (RFC 5321 §3.1, §4.2; RFC 3207 §4).

use super::{Notes, seconds};
use crate::event::{Awaited, Micros};
use crate::session::case::TlsFault;
use crate::session::probe::Said;
use crate::session::{Outcome, Severity};
use crate::target::TlsMode;
use crate::wire::reply::Quirk;

/// A greeting that takes this long is worth a word.
const SLOW: Micros = Micros(5_000_000);

pub(super) fn rules(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    if !case.probe.connected() {
        return;
    }
    let closed = case.probe.closed.as_ref().and_then(|closed| closed.line);
    let expired = case.probe.expired.as_ref();
    match case.route.outcome {
        Outcome::Closed => notes.error("closed-before-greeting", [closed]),
        Outcome::Silent => {
            let facts = vec![("seconds", expired.map(|e| seconds(e.limit)).unwrap_or_default())];
            notes.add("greeting-timeout", Severity::Error, [expired.and_then(|e| e.line)], facts);
        }
        Outcome::NotSmtp => not_smtp(notes),
        Outcome::Rejected => rejected(notes),
        Outcome::ModeMismatch => mismatch(notes),
        Outcome::NoStarttls => no_starttls(notes),
        Outcome::StarttlsRefused => {
            let answer = case.probe.exchange("STARTTLS", false).and_then(|e| e.answer.as_ref());
            refused(notes, "starttls-refused", answer);
        }
        Outcome::Interrupted => match expired {
            Some(e) if e.awaited == Awaited::Reply => {
                notes.add("reply-timeout", Severity::Error, [e.line], vec![("seconds", seconds(e.limit))]);
            }
            _ if malformed(notes) => {}
            _ => notes.error("connection-lost", [closed]),
        },
        _ => {}
    }
    slow_greeting(notes);
    helo(notes);
    auth(notes);
}

fn refused(notes: &mut Notes<'_, '_>, code: &'static str, said: Option<&Said>) {
    let Some(said) = said else { return };
    let lines: Vec<_> = said.lines.iter().copied().map(Some).collect();
    notes.add(code, Severity::Error, lines, vec![("reply", said.reply.summary())]);
}

/// Something else answers: HTTP stands for a captive portal or a proxy.
fn not_smtp(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let greeting = case.probe.greeting.as_ref().and_then(|said| said.lines.first()).copied();
    let (what, line) = match case.looks_like() {
        Some((what, line)) => (what.to_owned(), line.or(greeting)),
        None => ("something unknown".to_owned(), greeting),
    };
    let code = if what == "HTTP" { "captive-portal" } else { "not-smtp" };
    notes.add(code, Severity::Error, [line], vec![("what", what)]);
}

/// RFC 5321 §3.1, §3.8, §4.2.1.
fn rejected(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let greeting = case.probe.greeting.as_ref().filter(|said| !said.reply.is_positive());
    if let Some(said) = greeting {
        let words = said.reply.summary().to_ascii_lowercase();
        let many =
            words.contains("too many") || words.contains("connection limit") || words.contains("concurrent");
        let code = match said.reply.code() {
            Some(400..=499) if many => "too-many-connections",
            Some(400..=499) => "greeting-temporary",
            _ => "greeting-rejected",
        };
        refused(notes, code, Some(said));
        return;
    }
    let inside = case.probe.tls_is_up();
    let last = case.probe.exchange("HELO", inside).or_else(|| case.probe.exchange("EHLO", inside));
    refused(notes, "helo-rejected", last.and_then(|exchange| exchange.answer.as_ref()));
}

fn mismatch(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    if case.route.tls == TlsMode::Implicit {
        let line = case.handshake().and_then(|h| h.not_tls.as_ref()).and_then(|(_, line)| *line);
        let end = case.handshake().and_then(|h| h.end_line());
        notes.error("starttls-expected", [line.or(end)]);
        return;
    }
    let looked = case.inspections.iter().rev().find_map(|p| p.handshake.as_ref());
    let proof = looked.and_then(|h| h.hello_line.or(h.end_line()));
    let silence = case.probe.expired.as_ref().and_then(|e| e.line);
    let greeting = case.probe.greeting.as_ref().and_then(|said| said.lines.first()).copied();
    notes.error("implicit-tls-expected", [silence, greeting, proof]);
}

/// RFC 3207 §6: an offer can be removed on the way; devices that do so leave traces.
fn no_starttls(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    if let Some(lines) = case.masked() {
        let lines: Vec<_> = lines.into_iter().map(Some).collect();
        notes.error("starttls-stripped", lines);
        return;
    }
    let exchange = case.probe.exchange("EHLO", false).or_else(|| case.probe.exchange("HELO", false));
    let lines: Vec<_> =
        exchange.and_then(|e| e.answer.as_ref()).map(|said| said.lines.clone()).unwrap_or_default();
    notes.error("starttls-not-offered", lines.into_iter().map(Some));
}

fn malformed(notes: &mut Notes<'_, '_>) -> bool {
    let case = notes.case;
    let bad = |said: &&Said| {
        let quirks = &said.reply.quirks;
        quirks.contains(&Quirk::OverLimit) || quirks.contains(&Quirk::NoCode)
    };
    let answers = case.probe.exchanges.iter().filter_map(|exchange| exchange.answer.as_ref());
    let Some(said) = case.probe.greeting.iter().chain(answers).find(bad) else {
        let limit = case.probe.limit.as_ref().map(|(_, line)| *line);
        notes.error("reply-malformed", [limit]);
        return limit.is_some();
    };
    notes.error("reply-malformed", [said.lines.first().copied()]);
    true
}

fn slow_greeting(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let (Some((_, since)), Some(said)) = (&case.probe.chosen, &case.probe.greeting) else { return };
    let waited = said.at.since(*since);
    if waited >= SLOW && case.route.tls != TlsMode::Implicit {
        let facts = vec![("seconds", seconds(waited))];
        notes.add("greeting-delayed", Severity::Warning, [said.lines.first().copied()], facts);
    }
}

fn helo(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    for inside in [false, true] {
        let refused = case.probe.exchange("EHLO", inside).filter(|exchange| exchange.refused());
        let accepted = case.probe.exchange("HELO", inside).is_some_and(|exchange| exchange.accepted());
        if let (Some(exchange), true) = (refused, accepted) {
            let lines = exchange.answer.as_ref().map(|said| said.lines.clone()).unwrap_or_default();
            notes.add("ehlo-rejected", Severity::Warning, lines.into_iter().map(Some), Vec::new());
        }
    }
}

/// RFC 4954 §4: a password must not be asked for in cleartext; an AUTH line without mechanisms asks for none.
fn auth(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let Some(before) = case.probe.before_tls.as_ref().filter(|_| case.route.tls == TlsMode::Starttls) else {
        return;
    };
    let mechanisms = before.auth();
    let plaintext = mechanisms.iter().any(|m| m == "PLAIN" || m == "LOGIN");
    if plaintext && !matches!(case.tls_fault(), Some(TlsFault::NotTls)) {
        let at =
            before.entries.iter().position(|entry| entry.keyword.starts_with("AUTH")).map_or(0, |i| i + 1);
        let said = case.probe.exchange("EHLO", false).and_then(|exchange| exchange.answer.as_ref());
        let line = said.and_then(|said| said.lines.get(at)).copied();
        notes.add("auth-before-tls", Severity::Warning, [line], vec![("mechanisms", mechanisms.join(", "))]);
    }
}
