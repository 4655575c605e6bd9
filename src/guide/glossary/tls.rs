//! Notes on TLS and certificates.

use crate::event::{InspectReason, Micros, Side, Verification};
use crate::session::span;
use crate::wire::certificate::{Certificate, date};

use super::{Draft, list};

/// Most names of a certificate that a note names.
const MAX_NAMES: usize = 3;

/// Most groups of a ClientHello that a note names.
const MAX_GROUPS: usize = 8;

const DAY: i64 = 24 * 60 * 60;

pub(super) fn started(
    draft: &mut Draft,
    verification: Verification,
    server_name: &str,
    library: &str,
    why: Option<InspectReason>,
) {
    let key = match (verification, why) {
        (Verification::Strict, _) => "started",
        (_, None) => "started-relaxed",
        (_, Some(InspectReason::OlderTls)) => "inspecting-older",
        (_, Some(InspectReason::SmallHello)) => "inspecting-small",
        (_, Some(InspectReason::NoServerName)) => "inspecting-unnamed",
        (_, Some(_)) => "inspecting",
    };
    draft.add("tls", &[key], &[("server_name", server_name), ("library", library)]);
}

pub(super) fn failed(draft: &mut Draft, words: Option<&str>, limit: Option<Micros>) {
    match limit {
        Some(limit) => draft.add("tls", &["failed-late"], &[("limit", &span(limit))]),
        None => draft.add("tls", &["failed"], &[("words", words.unwrap_or_default())]),
    }
}

pub(super) fn established(draft: &mut Draft, verification: Verification) {
    let key = match verification {
        Verification::Strict => "established",
        Verification::Relaxed => "established-relaxed",
    };
    draft.add("tls", &[key], &[]);
}

pub(super) fn client_hello(
    draft: &mut Draft,
    versions: &[String],
    server_name: Option<&str>,
    ciphers: usize,
    groups: &[String],
) {
    let versions: Vec<String> = versions.iter().map(|version| version_name(version)).collect();
    let versions = if versions.is_empty() { "TLS".to_owned() } else { list(&versions, 4) };
    let ciphers = counted(ciphers, "cipher suite");
    let mut facts = vec![("versions", versions.as_str()), ("ciphers", &ciphers)];
    match server_name {
        Some(name) => {
            facts.push(("server_name", name));
            draft.add("tls", &["client-hello"], &facts);
        }
        None => draft.add("tls", &["client-hello-unnamed"], &facts),
    }
    if !groups.is_empty() {
        draft.add("tls", &["client-hello-groups"], &[("groups", &list(groups, MAX_GROUPS))]);
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

pub(super) fn server_hello(draft: &mut Draft, version: &str, cipher: &str, group: Option<&str>) {
    draft.add("version", &[version, "other"], &[("version", &version_name(version))]);
    draft.add("suite", &["suite"], &[("suite", cipher)]);
    let suite = Suite::read(cipher);
    // In TLS 1.3 the suite says nothing about the key exchange: it is always a fresh one.
    let newest = version == "TLSv1.3";
    if !newest && !suite.key_exchange.is_empty() {
        let key = suite.key_exchange_key();
        draft.add("key-exchange", &[key, "other"], &[("key_exchange", &suite.key_exchange)]);
        draft.add("authentication", &[suite.authentication()], &[]);
    }
    draft.add("cipher", &[suite.cipher_key(), "other"], &[("cipher", &suite.cipher.replace('_', "-"))]);
    if !suite.hash.is_empty() {
        let key = match suite.cipher_key() {
            _ if newest => "keys-13",
            "GCM" | "CCM" | "CHACHA" => "keys-12",
            _ => "records",
        };
        draft.add("hash", &[key], &[("hash", &suite.hash)]);
    }
    if let Some(group) = group {
        let lower = group.to_ascii_lowercase();
        let family = ["ffdhe", "brainpool"].into_iter().find(|family| lower.starts_with(family));
        draft.add("group", &[family.unwrap_or(&lower), "other"], &[("group", group)]);
    }
}

/// `TLS 1.3` for `TLSv1.3`.
fn version_name(version: &str) -> String {
    version.replacen("TLSv", "TLS ", 1).replacen("SSLv", "SSL ", 1)
}

/// The parts of a cipher suite's IANA name.
struct Suite {
    /// `ECDHE_RSA`; empty in TLS 1.3.
    key_exchange: String,
    /// `AES_128_GCM`.
    cipher: String,
    /// `SHA256`; empty where the name does not tell.
    hash: String,
}

impl Suite {
    fn read(name: &str) -> Self {
        let name = name.strip_prefix("TLS_").unwrap_or(name);
        let (key_exchange, rest) = name.split_once("_WITH_").unwrap_or(("", name));
        let (cipher, hash) = match rest.rsplit_once('_') {
            Some((cipher, hash)) if hash.starts_with("SHA") || hash == "MD5" || hash == "SM3" => {
                (cipher, hash)
            }
            _ => (rest, ""),
        };
        Self { key_exchange: key_exchange.to_owned(), cipher: cipher.to_owned(), hash: hash.to_owned() }
    }

    /// Whose key proves who the server is; no entry where none does, or where the key exchange does it itself.
    fn authentication(&self) -> &str {
        self.key_exchange.split_once('_').map_or("", |(_, rest)| rest.trim_end_matches("_EXPORT"))
    }

    fn key_exchange_key(&self) -> &'static str {
        let name = self.key_exchange.as_str();
        if name.contains("anon") {
            "anonymous"
        } else if name.contains("ECDHE") {
            "ECDHE"
        } else if name.contains("DHE") {
            "DHE"
        } else if name.contains("PSK") {
            "PSK"
        } else if name.starts_with("DH") || name.starts_with("ECDH") {
            "static"
        } else if name.starts_with("RSA") {
            "RSA"
        } else {
            "other"
        }
    }

    fn cipher_key(&self) -> &'static str {
        let (name, has) = (self.cipher.as_str(), |part: &str| self.cipher.contains(part));
        if name == "NULL" {
            "NULL"
        } else if self.key_exchange.contains("EXPORT")
            || has("DES40")
            || has("RC2")
            || name.starts_with("DES_")
        {
            "weak"
        } else if has("RC4") {
            "RC4"
        } else if has("3DES") {
            "3DES"
        } else if has("CHACHA20") {
            "CHACHA"
        } else if has("GCM") {
            "GCM"
        } else if has("CCM") {
            "CCM"
        } else if has("CBC") {
            "CBC"
        } else {
            "other"
        }
    }
}

pub(super) fn hello_retry(draft: &mut Draft, group: Option<&str>) {
    match group {
        Some(group) => draft.add("tls", &["hello-retry"], &[("group", group)]),
        None => draft.add("tls", &["hello-retry-unnamed"], &[]),
    }
}

pub(super) fn chain(draft: &mut Draft, certificates: usize, bytes: usize) {
    let key = match certificates {
        0 => "chain-none",
        1 => "chain-one",
        _ => "chain",
    };
    let facts = [("certificates", &certificates.to_string()), ("bytes", &bytes.to_string())];
    draft.add("tls", &[key], &facts.map(|(name, value)| (name, value.as_str())));
}

pub(super) fn chain_order(
    draft: &mut Draft,
    certificates: usize,
    in_order: bool,
    surplus: usize,
    ends_in_root: bool,
) {
    let key = match (certificates, ends_in_root) {
        (1, true) => "order-own",
        (1, false) => "order-one",
        (_, true) => "order-root",
        (_, false) => "order",
    };
    draft.add("tls", &[key], &[]);
    if !in_order {
        draft.add("tls", &["order-wrong"], &[]);
    }
    if surplus > 0 {
        draft.add("tls", &["order-surplus"], &[("surplus", &surplus.to_string())]);
    }
}

pub(super) fn certificate(
    draft: &mut Draft,
    depth: usize,
    faults: &[&'static str],
    certificate: &Certificate,
    now: Option<i64>,
) {
    let number = depth.to_string();
    let names = match (certificate.names.as_slice(), &certificate.common_name) {
        ([], Some(name)) => name.clone(),
        ([], None) => certificate.subject.clone(),
        (names, _) => list(names, MAX_NAMES),
    };
    let key = match depth {
        0 => "own",
        _ if certificate.self_issued => "root",
        _ => "intermediate",
    };
    let facts = [
        ("depth", number.as_str()),
        ("names", &names),
        ("key", &certificate.key),
        ("signature", &certificate.signature),
        ("subject", &certificate.subject),
        ("issuer", &certificate.issuer),
        ("not_before", &day(certificate.not_before)),
        ("not_after", &day(certificate.not_after)),
    ];
    draft.add("certificate", &[key], &facts);
    if let Some(now) = now {
        validity(draft, certificate, now);
    }
    for fault in faults {
        draft.add("fault", &[fault, "other"], &[("fault", fault)]);
    }
}

/// How long it is still valid, since when it is not, or when it will be.
fn validity(draft: &mut Draft, certificate: &Certificate, now: i64) {
    let (key, span) = if now < certificate.not_before {
        ("early", certificate.not_before.saturating_sub(now))
    } else if now > certificate.not_after {
        ("ended", now.saturating_sub(certificate.not_after))
    } else {
        ("left", certificate.not_after.saturating_sub(now))
    };
    let days = usize::try_from(span / DAY).unwrap_or_default();
    draft.add("certificate", &[key], &[("days", &counted(days, "day"))]);
}

/// `2026-01-31`.
fn day(seconds: i64) -> String {
    date(seconds).split('T').next().unwrap_or_default().to_owned()
}

pub(super) fn handshake(draft: &mut Draft, name: &str, from: Side) {
    let facts = [("From", speaker(from)), ("name", name)];
    draft.add("handshake", &[&name.to_ascii_lowercase(), "other"], &facts);
}

pub(super) fn change_cipher_spec(draft: &mut Draft, from: Side) {
    let from = if from == Side::Client { "our side" } else { "the server" };
    draft.add("tls", &["change-cipher-spec"], &[("from", from)]);
}

pub(super) fn encrypted(draft: &mut Draft, records: u32, bytes: u64, from: Side) {
    let records = counted(usize::try_from(records).unwrap_or(usize::MAX), "encrypted record");
    let facts = [("records", records.as_str()), ("bytes", &bytes.to_string())];
    draft.add("tls", &[&format!("encrypted-{}", side(from))], &facts);
}

pub(super) fn alert(draft: &mut Draft, level: u8, code: u8, from: Side) {
    let digits = code.to_string();
    let sided = format!("{digits}-{}", side(from));
    let facts = [("From", speaker(from)), ("code", digits.as_str())];
    draft.add("alert", &[&sided, &digits, "unknown"], &facts);
    // close_notify and user_canceled are warnings by their nature (RFC 8446 §6.1).
    if level == 1 && !matches!(code, 0 | 90) {
        draft.add("alert", &["warning"], &[]);
    } else if !matches!(level, 1 | 2) {
        draft.add("alert", &["level"], &[("level", &level.to_string())]);
    }
}

pub(super) fn not_tls(draft: &mut Draft, looks_like: Option<&str>, line: &str) {
    let key = looks_like.unwrap_or("unknown");
    if !draft.try_add("not-tls", &[key], &[]) && !draft.try_add("not-reply", &[key], &[]) {
        draft.add("not-tls", &["unknown"], &[]);
    }
    draft.add("tls", &["not-tls-line"], &[("line", line)]);
}

fn side(from: Side) -> &'static str {
    match from {
        Side::Client => "client",
        Side::Server => "server",
    }
}

fn speaker(from: Side) -> &'static str {
    match from {
        Side::Client => "Our side",
        Side::Server => "The server",
    }
}
