//! TLS and certificates: the `tls-*`, `client-cert-required` and `cert-*` codes.

use super::{Notes, seconds};
use crate::event::TlsOutcome;
use crate::session::case::TlsFault;
use crate::session::{Outcome, Severity};
use crate::target::Goal;
use crate::wire::tls::alert_name;

/// Words in issuers of antivirus programs and inspection proxies.
const INSPECTORS: [&str; 14] = [
    "avast",
    "avg ",
    "kaspersky",
    "bitdefender",
    "eset",
    "norton",
    "mcafee",
    "sophos",
    "fortinet",
    "fortigate",
    "zscaler",
    "netskope",
    "palo alto",
    "check point",
];

pub(super) fn rules(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let mismatch = matches!(case.route.outcome, Outcome::ModeMismatch | Outcome::NotSmtp);
    if let Some(fault) = case.tls_fault().filter(|_| !mismatch) {
        failed(notes, fault);
    }
    if !mismatch {
        certificates(notes);
    }
}

fn failed(notes: &mut Notes<'_, '_>, fault: TlsFault) {
    let case = notes.case;
    let Some(handshake) = case.handshake() else { return };
    let end = handshake.end_line();
    let alert = |line: Option<usize>| [line, end];
    match fault {
        TlsFault::Certificate => {}
        TlsFault::NotTls => {
            notes.error("tls-not-tls", [handshake.not_tls.as_ref().and_then(|(_, line)| *line), end])
        }
        TlsFault::Timeout => {
            let facts = match handshake.ended.as_ref().map(|ended| &ended.outcome) {
                Some(TlsOutcome::TimedOut { limit }) => vec![("seconds", seconds(*limit))],
                _ => Vec::new(),
            };
            notes.add("tls-timeout", Severity::Error, [end], facts);
        }
        TlsFault::Version => notes.error("tls-version-too-old", [handshake.hello_line, end]),
        TlsFault::Cipher => notes.error("tls-no-shared-cipher", [handshake.hello_line, end]),
        TlsFault::ClientCertificate => {
            let closed = case.probe.closed.as_ref().and_then(|closed| closed.line);
            notes.error("client-cert-required", [handshake.asks_certificate, closed, end]);
        }
        TlsFault::Alert(seen) => {
            let name = alert_name(seen.code).map_or_else(|| seen.code.to_string(), str::to_owned);
            notes.add("tls-alert", Severity::Error, alert(seen.line), vec![("alert", name)]);
        }
        TlsFault::Closed => notes.error("tls-closed", [handshake.cut, end]),
        TlsFault::Other => notes.error("tls-closed", [end]),
    }
}

fn certificates(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let Some(seen) = case.certificates() else { return };
    let works = case.route.outcome == Outcome::Works;
    for fault in &seen.faults {
        let severity = match fault.code {
            "cert-weak-key" | "cert-weak-signature" | "cert-expires-soon" | "cert-common-name-only" => {
                Severity::Warning
            }
            // Between servers TLS is opportunistic (RFC 7435 §3): what does not verify is still better than nothing.
            _ if works && case.goal == Goal::Relay => Severity::Warning,
            _ => Severity::Error,
        };
        let line = seen.certificate_lines.get(fault.depth).copied().flatten();
        let end = case.handshake().and_then(|h| h.end_line());
        notes.add(fault.code, severity, [line, end.filter(|_| !works)], fault.facts.clone());
    }
    if let Some(leaf) = seen.chain.first().filter(|_| !works) {
        let issuer = leaf.issuer.to_ascii_lowercase();
        if INSPECTORS.iter().any(|word| issuer.contains(word)) {
            let line = seen.certificate_lines.first().copied().flatten();
            notes.add("tls-intercepted", Severity::Error, [line], vec![("issuer", leaf.issuer.clone())]);
        }
    }
    let mentioned = notes.found.iter().any(|finding| finding.code.starts_with("cert-"));
    if case.tls_fault() == Some(TlsFault::Certificate) && !mentioned {
        let end = case.handshake().and_then(|h| h.end_line());
        let issuer = seen.chain.first().map(|leaf| leaf.issuer.clone()).unwrap_or_default();
        notes.add("cert-unknown-ca", Severity::Error, [end], vec![("issuer", issuer)]);
    }
}
