//! Lists every fault of a chain, not only the first.

use super::{Certificate, arrange, date, matches, name};
use crate::target::Host;

/// A fault of a chain; the codes are the findings'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `cert-expired`, …
    pub code: &'static str,
    /// Index in the chain as sent.
    pub depth: usize,
    /// What the texts may name: `days`, `date`, `names`, `issuer`, …
    pub facts: Vec<(&'static str, String)>,
}

/// What the library's verification said, where it was asked: X509_V_ERR_* by depth. Empty: nothing known.
pub type Verified = Vec<(u32, i32)>;

/// X509_V_ERR_* numbers that mean: no trusted root was reached.
const NO_TRUST: [i32; 6] = [2, 18, 19, 20, 21, 27];
/// X509_V_ERR_INVALID_PURPOSE.
const PURPOSE: i32 = 26;

const DAY: i64 = 86_400;
/// Days before the end at which a warning is given.
const SOON: i64 = 14;
/// Most names that a text lists.
const MAX_LISTED: usize = 8;

/// Lists every fault of a chain, not only the first. `now` is seconds since 1970.
/// `chain_complete` says whether `chain` is all that the server sent (otherwise nothing is said about what is missing).
/// `trusted`: `Some(true)` where the chain verified to a trusted root, `Some(false)` where it did not, `None` unknown.
pub fn faults(
    chain: &[Certificate],
    host: &Host,
    now: i64,
    chain_complete: bool,
    trusted: Option<bool>,
    library: &Verified,
) -> Vec<Fault> {
    let Some(leaf) = chain.first() else { return Vec::new() };
    let mut found = Vec::new();
    let path = arrange(chain).path;
    for &depth in &path {
        let Some(certificate) = chain.get(depth) else { continue };
        // A root that was sent along is not needed: what is wrong with it harms nobody where another path is trusted.
        if depth > 0 && certificate.self_issued && trusted == Some(true) {
            continue;
        }
        dates(certificate, depth, now, &mut found);
        strength(certificate, depth, &mut found);
    }
    naming(leaf, host, &mut found);
    let purpose = library.iter().any(|(depth, code)| *depth == 0 && *code == PURPOSE);
    if !leaf.for_servers || purpose {
        push(&mut found, "cert-wrong-usage", 0, vec![("subject", leaf.subject.clone())]);
    }
    let distrusted = match trusted {
        Some(trusted) => !trusted,
        None => library.iter().any(|(_, code)| NO_TRUST.contains(code)),
    };
    if distrusted {
        trust(chain, &path, chain_complete, &mut found);
    }
    found
}

fn push(found: &mut Vec<Fault>, code: &'static str, depth: usize, facts: Vec<(&'static str, String)>) {
    found.push(Fault { code, depth, facts });
}

/// RFC 5280 §4.1.2.5.
fn dates(certificate: &Certificate, depth: usize, now: i64, found: &mut Vec<Fault>) {
    let facts = |days: i64, moment: i64| {
        vec![("days", days.to_string()), ("date", date(moment)), ("subject", certificate.subject.clone())]
    };
    let left = certificate.not_after.saturating_sub(now);
    if left < 0 {
        push(found, "cert-expired", depth, facts(left.saturating_neg() / DAY, certificate.not_after));
    } else if certificate.not_before > now {
        let days = certificate.not_before.saturating_sub(now) / DAY;
        push(found, "cert-not-yet-valid", depth, facts(days, certificate.not_before));
    } else if left <= SOON * DAY {
        push(found, "cert-expires-soon", depth, facts(left / DAY, certificate.not_after));
    }
}

/// RFC 9325 §4.5: RSA keys of at least 2048 bits; SHA-1 and MD5 no longer hold (a root's own signature does not count).
fn strength(certificate: &Certificate, depth: usize, found: &mut Vec<Fault>) {
    let weak_key = certificate
        .key_bits
        .is_some_and(|bits| if certificate.key.starts_with("RSA") { bits < 2048 } else { bits < 224 });
    let subject = certificate.subject.clone();
    if weak_key {
        push(
            found,
            "cert-weak-key",
            depth,
            vec![("key", certificate.key.clone()), ("subject", subject.clone())],
        );
    }
    let signature = certificate.signature.to_ascii_lowercase();
    if !certificate.self_issued && ["sha1", "md5", "md2"].iter().any(|old| signature.contains(old)) {
        let facts = vec![("signature", certificate.signature.clone()), ("subject", subject)];
        push(found, "cert-weak-signature", depth, facts);
    }
}

/// RFC 9525 §6.
fn naming(leaf: &Certificate, host: &Host, found: &mut Vec<Fault>) {
    if matches(leaf, host) {
        return;
    }
    let common_name = leaf.common_name.clone().unwrap_or_default();
    if !leaf.has_names && name::fits(&common_name, host) {
        push(found, "cert-common-name-only", 0, vec![("host", host.to_string()), ("name", common_name)]);
        return;
    }
    let mut names = if leaf.has_names { leaf.names.clone() } else { vec![common_name] };
    let more = names.len().saturating_sub(MAX_LISTED);
    names.truncate(MAX_LISTED);
    let mut listed = names.iter().map(|name| name::shown_name(name)).collect::<Vec<_>>().join(", ");
    if more > 0 {
        listed = format!("{listed} and {more} more");
    }
    let mut facts = vec![("host", host.to_string()), ("names", listed)];
    facts.extend(why_not(leaf, host));
    push(found, "cert-name-mismatch", 0, facts);
}

/// What stands near the name and does not fit it all the same (RFC 9525 §6).
fn why_not(leaf: &Certificate, host: &Host) -> Option<(&'static str, String)> {
    let Host::Name(name) = host else { return Some(("address", host.to_string())) };
    let wildcard = leaf.names.iter().find(|presented| {
        let parent = presented.strip_prefix("*.").unwrap_or_default().to_ascii_lowercase();
        !parent.is_empty() && (*name == parent || name.ends_with(&format!(".{parent}")))
    });
    let common = leaf.common_name.as_ref().filter(|common| leaf.has_names && name::fits(common, host));
    wildcard
        .map(|wildcard| ("wildcard", wildcard.clone()))
        .or_else(|| common.map(|common| ("common_name", common.clone())))
}

/// Why no trusted root was reached. A missing intermediate and a private authority look the same to the library; the
/// leaf's own word on where its issuer's certificate can be had tells them apart.
fn trust(chain: &[Certificate], path: &[usize], chain_complete: bool, found: &mut Vec<Fault>) {
    let depth = path.last().copied().unwrap_or_default();
    let (Some(leaf), Some(last)) = (chain.first(), chain.get(depth)) else { return };
    if leaf.self_issued {
        push(found, "cert-self-signed", 0, vec![("subject", leaf.subject.clone())]);
        return;
    }
    let mut facts = vec![("issuer", last.issuer.clone()), ("subject", last.subject.clone())];
    let issuer_missing = path.len() == 1;
    match &leaf.issuer_location {
        Some(location) if chain_complete && issuer_missing => {
            facts.push(("location", location.clone()));
            push(found, "cert-chain-incomplete", depth, facts);
        }
        _ => push(found, "cert-unknown-ca", depth, facts),
    }
}
