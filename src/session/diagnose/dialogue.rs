//! The greeting, EHLO and STARTTLS (RFC 5321 §3.1, §4.2; RFC 3207 §4).

use std::net::IpAddr;

use super::{Notes, seconds};
use crate::event::{Awaited, ConnectOutcome, Micros, RouteOrigin};
use crate::session::case::{Case, TlsFault};
use crate::session::handshake::version;
use crate::session::probe::Said;
use crate::session::{Outcome, Severity};
use crate::target::{Goal, TlsMode};
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
            let mut facts = vec![("seconds", expired.map(|e| seconds(e.limit)).unwrap_or_default())];
            if let Some(hello) = case.handshake().and_then(|h| h.hello.as_ref()) {
                facts.push(("version", version(&hello.version)));
            }
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
        // Between servers TLS is opportunistic (RFC 7435 §3): without STARTTLS mail goes through, in cleartext.
        Outcome::Works if case.goal == Goal::Relay && case.route.tls == TlsMode::Starttls => {
            without_starttls(notes);
        }
        Outcome::Interrupted => match expired {
            Some(e) if e.awaited == Awaited::Reply => {
                notes.add("reply-timeout", Severity::Error, [e.line], vec![("seconds", seconds(e.limit))]);
            }
            _ if malformed(notes) => {}
            _ => lost(notes, closed),
        },
        _ => {}
    }
    slow_greeting(notes);
    helo(notes);
    auth(notes);
}

/// RFC 5321 §3.8: a server that must go says 421 first.
fn lost(notes: &mut Notes<'_, '_>, closed: Option<usize>) {
    let Some(said) = &notes.case.probe.unasked else { return notes.error("connection-lost", [closed]) };
    let code = if limits_connections(said) { "too-many-connections" } else { "connection-lost" };
    let lines: Vec<_> = said.lines.iter().copied().map(Some).chain([closed]).collect();
    notes.add(code, Severity::Error, lines, vec![("reply", said.reply.summary())]);
}

fn refused(notes: &mut Notes<'_, '_>, code: &'static str, said: Option<&Said>) {
    let Some(said) = said else { return };
    let lines: Vec<_> = said.lines.iter().copied().map(Some).collect();
    notes.add(code, Severity::Error, lines, vec![("reply", said.reply.summary())]);
}

/// Something else answers: HTTP stands for a captive portal or a proxy.
fn not_smtp(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let greeting = case.probe.greeting.as_ref();
    let first = greeting.and_then(|said| said.lines.first()).copied();
    if let Some(code) = greeting.and_then(|said| said.reply.code())
        && !(200..600).contains(&code)
        && case.looks_like().is_none()
    {
        // It has the form of a reply, and no greeting has this code (RFC 5321 §4.3.2).
        let facts = vec![("reply", greeting.map(|said| said.reply.summary()).unwrap_or_default())];
        return notes.add("reply-malformed", Severity::Error, [first], facts);
    }
    let Some((what, line)) = case.looks_like() else {
        return notes.add("not-smtp", Severity::Error, [first], Vec::new());
    };
    let line = line.or(first);
    if what != "HTTP" {
        return notes.add("not-smtp", Severity::Error, [line], vec![("what", what.to_owned())]);
    }
    let (mut lines, mut facts) = (vec![line], Vec::new());
    let location = case.location();
    if let Some(own) = own_web_server(case, location.as_ref().map(|(location, _)| location.as_str())) {
        facts.extend(own);
    }
    if let Some((location, line)) = location {
        lines.push(line);
        facts.push(("location", location));
    }
    notes.add("captive-portal", Severity::Error, lines, facts);
}

/// Ports on which web servers and web proxies listen.
const WEB: [u16; 8] = [80, 443, 3128, 8000, 8008, 8080, 8443, 8888];

/// What is said where no network stands in the way: the user named a web server's port himself, or the web server leads
/// to pages of the host's own name.
fn own_web_server(case: &Case<'_>, location: Option<&str>) -> Option<[(&'static str, String); 4]> {
    let (host, port) = (&case.route.host, case.route.port);
    let ports = match case.goal {
        Goal::Submit | Goal::Inbox => "587 with STARTTLS, or 465 with implicit TLS",
        Goal::Relay => "25",
    };
    let (cause, means, change) = if case.route.origin == RouteOrigin::Asked && WEB.contains(&port) {
        (
            format!("{port} is a port of web servers"),
            format!("A web server answers on port {port}, as it should. Mail is not taken there"),
            format!("Use port {ports}"),
        )
    } else if location.is_some_and(|location| leads_to(location, host)) {
        (
            format!("the web server of {host} itself answers"),
            format!(
                "It leads to pages of {host}, which no network that waits for a sign-in does: a web server listens on \
                 this port of the host"
            ),
            format!(
                "Check host and port: mail goes to port {ports}. If both are as they should be, tell who runs {host} \
                 that a web server listens there"
            ),
        )
    } else {
        return None;
    };
    Some([("cause", cause), ("means", means), ("change", change), ("owner", "you".to_owned())])
}

/// True where an address of the web is one of this host (RFC 3986 §3.2).
fn leads_to(location: &str, host: &str) -> bool {
    let Some((_, rest)) = location.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = authority.rsplit('@').next().unwrap_or_default();
    let name = name
        .strip_prefix('[')
        .and_then(|v6| v6.split(']').next())
        .unwrap_or_else(|| name.rsplit_once(':').map_or(name, |(name, _)| name));
    let bare = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    bare(name) == bare(host)
}

/// True where a refusal speaks of the number of connections, not of who connects.
fn limits_connections(said: &Said) -> bool {
    let words = said.reply.summary().to_ascii_lowercase();
    let limit = [
        "too many",
        "concurrent",
        "simultaneous",
        "maximum number",
        "connection limit",
        "session limit",
        "connection rate",
        "limit reached",
        "exceeded",
    ];
    let of_what = ["connection", "session", "concurrent", "simultaneous"];
    said.negative() && limit.iter().any(|w| words.contains(w)) && of_what.iter().any(|w| words.contains(w))
}

/// True where a refusal inside TLS asks for the client's certificate: Postfix makes the handshake without one, and
/// answers every command with 421 afterwards.
fn wants_certificate(said: &Said) -> bool {
    let words = said.reply.summary().to_ascii_lowercase();
    said.encrypted && said.negative() && words.contains("client certificate")
}

/// RFC 5321 §3.1, §3.8, §4.2.1.
fn rejected(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let greeting = case.probe.greeting.as_ref().filter(|said| !said.reply.is_positive());
    if let Some(said) = greeting {
        let code = match said.reply.code() {
            _ if limits_connections(said) => "too-many-connections",
            _ if wants_certificate(said) => "client-cert-required",
            Some(400..=499) => "greeting-temporary",
            _ => "greeting-rejected",
        };
        refused(notes, code, Some(said));
        return;
    }
    let inside = case.probe.tls_is_up();
    let last = case.probe.exchange("HELO", inside).or_else(|| case.probe.exchange("EHLO", inside));
    let said = last.and_then(|exchange| exchange.answer.as_ref());
    let code = match said {
        Some(said) if limits_connections(said) => "too-many-connections",
        Some(said) if wants_certificate(said) => "client-cert-required",
        _ => "helo-rejected",
    };
    refused(notes, code, said);
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

/// True where the connection did not leave this machine.
fn on_this_machine(case: &Case<'_>) -> bool {
    let mut connected =
        case.probe.attempts.iter().filter(|attempt| attempt.outcome == Some(ConnectOutcome::Connected));
    connected
        .any(|attempt| attempt.endpoint.host().parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
}

/// RFC 3207 §6: an offer can be removed on the way; devices that do so leave traces.
fn no_starttls(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let opportunistic = case.goal == Goal::Relay && !case.demand.needs_tls();
    let severity = if opportunistic { Severity::Warning } else { Severity::Error };
    let masked = case.masked();
    let answer = case.probe.exchange("STARTTLS", false);
    if let Some(exchange) = answer.filter(|_| masked.is_none()) {
        let said = exchange.answer.as_ref();
        let trace = said.map(|said| said.reply.summary()).unwrap_or_default();
        let lines = exchange.lines().into_iter().map(Some);
        return notes.add("starttls-stripped", severity, lines, vec![("trace", trace)]);
    }
    if let Some((lines, trace)) = masked {
        let lines: Vec<_> = lines.into_iter().map(Some).collect();
        return notes.add("starttls-stripped", severity, lines, vec![("trace", trace)]);
    }
    let exchange = case.probe.exchange("EHLO", false).or_else(|| case.probe.exchange("HELO", false));
    let lines: Vec<_> =
        exchange.and_then(|e| e.answer.as_ref()).map(|said| said.lines.clone()).unwrap_or_default();
    // Between servers mail goes on all the same, readable on the way.
    let facts = match case.goal {
        Goal::Relay => vec![
            (
                "between",
                "Mail is handed over here in cleartext, readable for everybody on the way".to_owned(),
            ),
            (
                "advice",
                "Whoever runs the server should turn STARTTLS on; a sender can only refuse".to_owned(),
            ),
        ],
        Goal::Submit | Goal::Inbox if on_this_machine(case) => vec![(
            "advice",
            format!(
                "A server for tests on this machine (Mailpit, MailHog) has none: choose no TLS and no sign-in for it, \
                 as --route {}/none does here; on a real server, turn STARTTLS on",
                case.route.port
            ),
        )],
        Goal::Submit | Goal::Inbox => Vec::new(),
    };
    notes.add("starttls-not-offered", severity, lines.into_iter().map(Some), facts);
}

fn without_starttls(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    if case.handshake().is_some() || !case.probe.hello_accepted(false) {
        return;
    }
    match case.probe.exchange("STARTTLS", false) {
        Some(exchange) if exchange.refused() && !case.command_masked() => {
            let lines = exchange.lines().into_iter().map(Some);
            let said = exchange.answer.as_ref().map(|said| said.reply.summary()).unwrap_or_default();
            notes.add("starttls-refused", Severity::Warning, lines, vec![("reply", said)]);
        }
        _ => no_starttls(notes),
    }
}

fn malformed(notes: &mut Notes<'_, '_>) -> bool {
    let case = notes.case;
    let answers = case.probe.exchanges.iter().filter_map(|exchange| exchange.answer.as_ref());
    let said = case.probe.greeting.iter().chain(answers).find(|said| unusable(said));
    let limit = case.probe.limit.as_ref().map(|(_, line)| *line);
    let first = said.and_then(|said| said.lines.first()).copied();
    let facts = said.map(|said| vec![("reply", shown(said))]).unwrap_or_default();
    notes.add("reply-malformed", Severity::Error, [first, limit], facts);
    first.or(limit).is_some()
}

/// No reply at all, one without an end, or one with a code that no command is answered with (RFC 5321 §4.2).
fn unusable(said: &Said) -> bool {
    let reply = &said.reply;
    let odd = reply.code().is_none_or(|code| !(200..600).contains(&code));
    reply.has(Quirk::OverLimit) || (odd && !reply.has(Quirk::Cut))
}

/// The beginning of a reply; an endless one is not to be quoted whole.
fn shown(said: &Said) -> String {
    said.reply.summary().chars().take(120).collect()
}

/// RFC 5321 §4.5.3.2.1. With implicit TLS the time counts from the end of the handshake.
fn slow_greeting(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let (Some(waited), Some(said)) = (case.route.timing.greeting, &case.probe.greeting) else { return };
    let whole = !said.reply.has(Quirk::Cut) && case.route.outcome != Outcome::NotSmtp;
    if waited >= SLOW && whole {
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
