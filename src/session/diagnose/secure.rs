//! TLS and certificates: the `tls-*`, `client-cert-required` and `cert-*` codes.

use super::relay::is_vouched_for;
use super::{Notes, seconds};
use crate::event::{InspectReason, TlsOutcome};
use crate::session::case::TlsFault;
use crate::session::probe::Handshake;
use crate::session::{Outcome, Severity};
use crate::target::Goal;
use crate::wire::certificate::{self, Certificate, shown_name};
use crate::wire::tls::alert_name;

/// What the issuers of antivirus programs and inspection proxies call themselves, in whole words.
const INSPECTORS: [&str; 33] = [
    "adguard",
    "avast",
    "avg",
    "barracuda",
    "bitdefender",
    "burp",
    "charles proxy",
    "check point",
    "cisco umbrella",
    "contentkeeper",
    "do_not_trust",
    "dr.web",
    "eset",
    "fiddler",
    "forcepoint",
    "fortigate",
    "fortinet",
    "iboss",
    "kaspersky",
    "mcafee",
    "mitmproxy",
    "netskope",
    "norton",
    "palo alto",
    "portswigger",
    "smoothwall",
    "sonicwall",
    "sophos",
    "squid",
    "untangle",
    "watchguard",
    "websense",
    "zscaler",
];

/// True where an issuer's name bears one of these words, not merely their letters (`reset`, `avgas`).
fn inspects(issuer: &str) -> bool {
    let issuer = issuer.to_lowercase();
    INSPECTORS.iter().any(|word| {
        issuer.match_indices(word).any(|(at, _)| {
            let before = issuer.get(..at).and_then(|text| text.chars().next_back());
            let after = issuer.get(at + word.len()..).and_then(|text| text.chars().next());
            // Products are written together with other words behind them (`avast!`, `ESETSSL`), never before.
            !before.is_some_and(char::is_alphanumeric)
                && (word.len() > 4 || !after.is_some_and(char::is_alphanumeric))
        })
    })
}

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
        TlsFault::Version | TlsFault::Cipher => {
            let old = case.inspected(InspectReason::OlderTls).filter(|older| older.established());
            let chosen = old.and_then(|older| older.hello.as_ref()).or(handshake.hello.as_ref());
            let mut facts = Vec::new();
            if let Some(hello) = chosen {
                facts.push(("version", super::super::handshake::version(&hello.version)));
                facts.push(("cipher", hello.cipher.clone()));
            }
            let code =
                if fault == TlsFault::Version { "tls-version-too-old" } else { "tls-no-shared-cipher" };
            let alert = handshake.alerts.first().and_then(|alert| alert.line);
            let seen = old.and_then(|older| older.hello_line);
            notes.add(code, Severity::Error, [handshake.hello_line, alert, end, seen], facts);
        }
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
    if matches!(fault, TlsFault::Timeout | TlsFault::Closed) {
        large_hello(notes);
    }
}

/// `tls-large-hello-dropped`: not a byte came back to the usual ClientHello, and a small one got through. Devices that
/// take a ClientHello for one packet, and servers that cannot bear new versions, do that.
fn large_hello(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let (Some(small), Some(live)) = (case.small_hello_works(), case.handshake()) else { return };
    let size = |offered: Option<(usize, Option<usize>)>| offered.map(|(bytes, _)| bytes.to_string());
    let line = |offered: Option<(usize, Option<usize>)>| offered.and_then(|(_, line)| line);
    let facts = vec![
        ("bytes", size(live.offered).unwrap_or_default()),
        ("small", size(small.offered).unwrap_or_default()),
    ];
    let lines = [line(live.offered), live.end_line(), line(small.offered), small.hello_line];
    notes.add("tls-large-hello-dropped", Severity::Error, lines, facts);
}

fn certificates(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let Some(seen) = case.certificates() else { return };
    let works = matches!(case.route.outcome, Outcome::Works | Outcome::AuthFailed);
    let vouched = is_vouched_for(case.dane());
    // What this machine has verified, a second look with another library's roots does not take back.
    let verified = case.handshake().is_some_and(Handshake::verified);
    let of_trust =
        |code: &str| matches!(code, "cert-unknown-ca" | "cert-chain-incomplete" | "cert-self-signed");
    for fault in seen.faults.iter().filter(|fault| !(verified && of_trust(fault.code))) {
        // Of an old kind and all the same accepted is a warning; where the library refused it for that, it is an error.
        let refused = case.tls_fault() == Some(TlsFault::Certificate) && case.goal != Goal::Relay;
        let severity = match fault.code {
            "cert-weak-key" | "cert-weak-signature" if refused => Severity::Error,
            "cert-weak-key" | "cert-weak-signature" | "cert-expires-soon" | "cert-common-name-only" => {
                Severity::Warning
            }
            // The key that DNS vouches for needs neither name nor dates nor issuer (RFC 7672 §3.1.1).
            _ if vouched => continue,
            // Between servers TLS is opportunistic (RFC 7435 §3): what does not verify is still better than nothing.
            _ if works && case.goal == Goal::Relay => Severity::Warning,
            // It was accepted here: by another path than the one that was sent, or by a library that is less strict.
            _ if verified => Severity::Warning,
            _ => Severity::Error,
        };
        let line = seen.certificate_lines.get(fault.depth).copied().flatten();
        let end = case.handshake().and_then(|h| h.end_line());
        notes.add(fault.code, severity, [line, end.filter(|_| !works)], fault.facts.clone());
    }
    if let Some(leaf) = seen.chain.first().filter(|leaf| inspects(&leaf.issuer)) {
        let line = seen.certificate_lines.first().copied().flatten();
        // Where its root was installed here, this machine is content; others are not.
        let severity = if works { Severity::Warning } else { Severity::Error };
        notes.add("tls-intercepted", severity, [line], vec![("issuer", leaf.issuer.clone())]);
    }
    order(notes, seen);
    depends_on_sni(notes, seen);
    let mentioned =
        notes.found.iter().any(|finding| finding.code.starts_with("cert-") && is_fault(finding.code));
    if case.tls_fault() == Some(TlsFault::Certificate) && !mentioned && !vouched {
        let end = case.handshake().and_then(|h| h.end_line());
        let issuer = seen.chain.first().map(|leaf| leaf.issuer.clone()).unwrap_or_default();
        notes.add("cert-unknown-ca", Severity::Error, [end], vec![("issuer", issuer)]);
    }
}

/// False for the codes that tell of a chain's form and never stop a handshake.
fn is_fault(code: &str) -> bool {
    !matches!(code, "cert-chain-unordered" | "cert-chain-surplus")
}

/// `cert-chain-unordered`, `cert-chain-surplus`: TLS 1.2 wants each certificate to be issued by the next (RFC 5246
/// §7.4.2); TLS 1.3 asks clients to bear other orders and surplus ones (RFC 8446 §4.4.2). Another way to the same
/// issuer, or a root, does no harm.
fn order(notes: &mut Notes<'_, '_>, seen: &Handshake) {
    if !seen.complete {
        return;
    }
    let order = certificate::arrange(&seen.chain);
    let line = seen.chain_line;
    if !order.in_order {
        let sent = order.path.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        notes.add("cert-chain-unordered", Severity::Info, [line], vec![("order", sent)]);
    }
    let of_use = |other: &Certificate| {
        let path = order.path.iter().filter_map(|at| seen.chain.get(*at));
        path.into_iter()
            .any(|known| known.issued_by(other) || (known.is_ca && known.links.0 == other.links.0))
    };
    let surplus = order.surplus.iter().filter_map(|at| seen.chain.get(*at)).filter(|other| !of_use(other));
    let names: Vec<&str> = surplus.map(|certificate| certificate.subject.as_str()).take(4).collect();
    if !names.is_empty() {
        notes.add("cert-chain-surplus", Severity::Info, [line], vec![("subject", names.join("; "))]);
    }
}

/// `sni-dependent-certificate`: a client that names no server is shown a certificate with other names (RFC 6066 §3).
fn depends_on_sni(notes: &mut Notes<'_, '_>, seen: &Handshake) {
    let Some(unnamed) = notes.case.inspected(InspectReason::NoServerName) else { return };
    let (Some(with), Some(without)) = (seen.chain.first(), unnamed.chain.first()) else { return };
    let names = |leaf: &Certificate| {
        let mut names =
            if leaf.has_names { leaf.names.clone() } else { leaf.common_name.iter().cloned().collect() };
        names.sort();
        names
    };
    if names(with) == names(without) {
        return;
    }
    let listed = |leaf: &Certificate| {
        names(leaf).iter().take(4).map(|name| shown_name(name)).collect::<Vec<_>>().join(", ")
    };
    let facts = vec![("names", listed(with)), ("other", listed(without))];
    let line = |handshake: &Handshake| handshake.certificate_lines.first().copied().flatten();
    notes.add("sni-dependent-certificate", Severity::Info, [line(seen), line(unnamed)], facts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_that_inspect() {
        for issuer in [
            "O=avast! Web/Mail Shield, CN=avast! Web/Mail Shield Root",
            "CN=ESET SSL Filter CA",
            "CN=Kaspersky Anti-Virus Personal Root Certificate",
            "O=Zscaler Inc., CN=Zscaler Intermediate Root CA (zscaler.net)",
            "CN=AVG Web/Mail Shield Root",
            "CN=DO_NOT_TRUST_FiddlerRoot",
        ] {
            assert!(inspects(issuer), "{issuer}");
        }
        for issuer in [
            "C=US, O=Let's Encrypt, CN=R3",
            "O=DigiCert Inc, CN=DigiCert TLS RSA SHA256 2020 CA1",
            "CN=Reset Services CA",
            "CN=Avgas Supply",
            "CN=Burpee Seeds? no: Tburp",
        ] {
            assert!(!inspects(issuer), "{issuer}");
        }
    }
}
