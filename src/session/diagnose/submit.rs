//! Signing in and the envelope: the `auth-*` codes of RFC 4954, and what MAIL, RCPT and DATA are told (RFC 5321 §3.3).

use super::Notes;
use super::refusal::Refusal;
use crate::event::{InspectReason, RouteOrigin};
use crate::session::probe::{Exchange, Probe, Said};
use crate::session::{Outcome, Severity};
use crate::target::{Goal, SecretKind, TlsMode};
use crate::wire::sasl::{Mechanism, NoMechanism, decoded};

pub(super) fn rules(notes: &mut Notes<'_, '_>) {
    let outcome = notes.case.route.outcome;
    if !matches!(outcome, Outcome::Works | Outcome::AuthFailed | Outcome::Interrupted) {
        return;
    }
    offered(notes);
    if let Some(probe) = notes.case.submission {
        signed_in(notes, probe);
        envelope(notes, probe);
    }
    cleartext(notes);
    open_relay(notes);
}

/// The lines of EHLO's answer inside TLS, the one about AUTH alone where there is one.
fn list(notes: &Notes<'_, '_>) -> Vec<Option<usize>> {
    let inside = notes.case.route.tls != TlsMode::None;
    let probe = notes.case.probe;
    let said = probe
        .exchange("EHLO", inside)
        .or_else(|| probe.exchange("HELO", inside))
        .and_then(|e| e.answer.as_ref());
    let Some(said) = said else { return Vec::new() };
    let offered = if inside { &probe.after_tls } else { &probe.before_tls };
    let about = offered.as_ref().and_then(|o| o.entries.iter().position(|entry| entry.keyword == "AUTH"));
    match about.and_then(|at| said.lines.get(at + 1)) {
        Some(line) => vec![Some(*line)],
        None => said.lines.iter().copied().map(Some).collect(),
    }
}

/// What can be told from the list alone: no secret was sent for it.
fn offered(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    if case.route.origin == RouteOrigin::Information {
        return;
    }
    let lines = list(notes);
    if case.route.tls == TlsMode::None {
        if case.sign_in.is_some() && case.goal == Goal::Submit {
            notes.add("auth-plaintext-refused", Severity::Info, lines, vec![("by", "ehlo".to_owned())]);
        }
        return;
    }
    let mechanisms = case.probe.after_tls.as_ref().map(|offered| offered.auth()).unwrap_or_default();
    let given = case.sign_in.is_some();
    if mechanisms.is_empty() {
        // Port 25 is for servers among themselves: they do not sign in.
        if case.goal == Goal::Submit && (given || case.route.port != 25) {
            let severity = if given { Severity::Error } else { Severity::Warning };
            notes.add("auth-not-offered", severity, lines, Vec::new());
        }
        return;
    }
    if let Some(Err(NoMechanism::NoneFits)) = case.can_sign_in() {
        let wanted = case.sign_in.and_then(|wanted| wanted.mechanism.clone());
        let kind = case.sign_in.and_then(|wanted| wanted.secret).unwrap_or_default();
        let kind = if kind == SecretKind::Token { "a token" } else { "a password" };
        let mut facts = vec![("mechanisms", mechanisms.join(", ")), ("kind", kind.to_owned())];
        facts.extend(wanted.map(|name| ("mechanism", name)));
        notes.add("auth-mechanism-unsupported", Severity::Error, lines, facts);
    }
}

/// What came of AUTH.
fn signed_in(notes: &mut Notes<'_, '_>, probe: &Probe) {
    let steps: Vec<&Exchange> = probe.exchanges.iter().filter(|exchange| exchange.verb == "AUTH").collect();
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return };
    let name = named(notes, first);
    let mechanism = Mechanism::parse(&name);
    let lines = |exchange: &Exchange| exchange.lines().into_iter().map(Some).collect::<Vec<_>>();
    let challenges: Vec<&Said> = steps
        .iter()
        .filter_map(|step| step.answer.as_ref())
        .filter(|said| said.reply.code() == Some(334))
        .collect();
    let odd = challenges.iter().find(|said| {
        let text = said.reply.lines.last().map(|line| line.text_bytes().to_vec()).unwrap_or_default();
        !text.starts_with(crate::wire::sasl::HIDDEN.as_bytes()) && decoded(&text).is_none()
    });
    let cancelled = last.line.is_some_and(|line| notes.text(line) == "*");
    let facts = |said: &Said| {
        let mut facts = vec![("reply", said.reply.summary()), ("mechanism", name.clone())];
        facts.extend(notes.case.sign_in.and_then(|wanted| wanted.user.clone()).map(|user| ("user", user)));
        facts.extend(notes.case.provider.map(|id| ("provider", id.to_owned())));
        facts
    };
    if let Some(said) = odd.filter(|_| !cancelled) {
        let evidence = said.lines.iter().copied().map(Some).collect::<Vec<_>>();
        let facts = facts(said);
        notes.add("auth-challenge-malformed", Severity::Warning, evidence, facts);
    }
    let Some(said) = &last.answer else { return };
    let facts = facts(said);
    if cancelled {
        let before = steps.iter().rev().nth(1).map(|step| lines(step)).unwrap_or_default();
        let evidence = before.into_iter().chain(lines(last)).collect::<Vec<_>>();
        notes.add("auth-challenge-malformed", Severity::Error, evidence, facts);
    } else if said.negative() {
        let kind = mechanism.map(Mechanism::kind).unwrap_or_default();
        let code = Refusal::of(&said.reply).of_auth(kind, notes.case.provider);
        let evidence = first.line.into_iter().map(Some).chain(lines(last)).collect::<Vec<_>>();
        notes.add(code, Severity::Error, evidence, facts);
    } else if said.positive() && name.starts_with("SCRAM") && challenges.len() < 2 {
        notes.add("auth-server-unproven", Severity::Warning, lines(last), facts);
    }
}

/// The mechanism that an AUTH command names.
fn named(notes: &Notes<'_, '_>, exchange: &Exchange) -> String {
    let text = exchange.line.map(|line| notes.text(line)).unwrap_or_default();
    text.split_ascii_whitespace().nth(1).unwrap_or_default().to_ascii_uppercase()
}

/// What sender, recipient and message were told.
fn envelope(notes: &mut Notes<'_, '_>, probe: &Probe) {
    letters(notes, probe);
    for exchange in &probe.exchanges {
        let other = match exchange.verb.as_str() {
            "MAIL" => "sender-rejected",
            "RCPT" => "recipient-rejected",
            "DATA" => "message-rejected",
            _ => continue,
        };
        let Some(said) = exchange.answer.as_ref().filter(|said| said.negative()) else { continue };
        let code = Refusal::of(&said.reply).of_envelope(other);
        let severity = match code {
            "greylisted" => Severity::Info,
            "envelope-temporary" => Severity::Warning,
            _ => Severity::Error,
        };
        let mut facts = vec![("reply", said.reply.summary())];
        let wanted = notes.wanted;
        let shown = |address: &Option<String>| {
            address.clone().map(|a| if a.is_empty() { "<>".to_owned() } else { a })
        };
        facts.extend(wanted.and_then(|wanted| shown(&wanted.mail_from)).map(|from| ("sender", from)));
        facts.extend(wanted.and_then(|wanted| shown(&wanted.rcpt_to)).map(|to| ("recipient", to)));
        facts.extend(wanted.and_then(|wanted| wanted.message_size).map(|size| ("size", size.to_string())));
        facts.extend(wanted.and_then(|wanted| wanted.user.clone()).map(|user| ("user", user)));
        facts.extend(
            notes
                .case
                .probe
                .after_tls
                .as_ref()
                .and_then(|o| o.size())
                .map(|limit| ("limit", limit.to_string())),
        );
        facts.extend(notes.case.provider.map(|id| ("provider", id.to_owned())));
        let lines: Vec<_> = exchange.lines().into_iter().map(Some).collect();
        notes.add(code, severity, lines, facts);
    }
}

/// `smtputf8-not-offered`: an address has letters outside ASCII, and the server does not say that it takes them. Then the
/// address must not be named at all (RFC 6531 §3.2).
fn letters(notes: &mut Notes<'_, '_>, probe: &Probe) {
    let Some(wanted) = notes.wanted else { return };
    let addresses = wanted.mail_from.iter().chain(&wanted.rcpt_to);
    let beyond: Vec<&str> = addresses.map(String::as_str).filter(|address| !address.is_ascii()).collect();
    let inside = notes.case.route.tls != TlsMode::None;
    let offered = if inside { &probe.after_tls } else { &probe.before_tls };
    // Where signing in has failed, the envelope was not come to.
    let signed_in = probe.exchanges.iter().rev().find(|exchange| exchange.verb == "AUTH");
    let stopped = signed_in.is_some_and(|exchange| !exchange.accepted());
    let offers = offered.as_ref().is_none_or(|offered| offered.has("SMTPUTF8"));
    if beyond.is_empty() || offers || stopped || probe.ended.is_none() {
        return;
    }
    let said = probe.exchange("EHLO", inside).and_then(|exchange| exchange.answer.as_ref());
    let lines: Vec<_> = said.map(|said| said.lines.iter().copied().map(Some).collect()).unwrap_or_default();
    notes.add("smtputf8-not-offered", Severity::Error, lines, vec![("addresses", beyond.join(", "))]);
}

/// MAIL in cleartext where STARTTLS is offered: a client that forgets the upgrade is not stopped.
fn cleartext(notes: &mut Notes<'_, '_>) {
    let Some(probe) = notes.case.inspection(InspectReason::Cleartext) else { return };
    let offers = probe.before_tls.as_ref().is_some_and(|offered| offered.has("STARTTLS"));
    if let Some(mail) = probe.exchange("MAIL", false).filter(|mail| offers && mail.accepted()) {
        let lines: Vec<_> = mail.lines().into_iter().map(Some).collect();
        notes.add("starttls-not-enforced", Severity::Warning, lines, Vec::new());
    }
}

/// A stranger's mail for another stranger was taken.
fn open_relay(notes: &mut Notes<'_, '_>) {
    let Some(probe) = notes.case.inspection(InspectReason::OpenRelay) else { return };
    let pair = [true, false].into_iter().find_map(|inside| {
        let (mail, rcpt) = (probe.exchange("MAIL", inside)?, probe.exchange("RCPT", inside)?);
        (mail.accepted() && rcpt.accepted()).then_some((mail, rcpt))
    });
    if let Some((mail, rcpt)) = pair {
        let lines: Vec<_> = mail.lines().into_iter().chain(rcpt.lines()).map(Some).collect();
        notes.error("open-relay", lines);
    }
}
