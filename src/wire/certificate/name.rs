//! Does a certificate bear this name? RFC 9525 §6: DNS names and addresses of the subjectAltName, never the common name.

use rustls_pki_types::{CertificateDer, ServerName};

use super::Certificate;
use crate::target::Host;
use crate::wire::printable::quoted;

/// A name of a certificate within a sentence of ours: one that is no name of a host, and could be anything, in quotation
/// marks.
pub fn shown_name(name: &str) -> String {
    let ordinary = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '*' | ':');
    if name.chars().all(ordinary) { name.to_owned() } else { quoted(name) }
}

/// True where the certificate is for this host.
pub fn matches(certificate: &Certificate, host: &Host) -> bool {
    by_library(certificate, host)
        // The library refuses certificates that a mail server may well have (version 1, unknown critical extensions).
        .unwrap_or_else(|| certificate.names.iter().any(|name| fits(name, host)))
}

/// rustls-webpki's word; `None` where it cannot read the certificate or the name.
fn by_library(certificate: &Certificate, host: &Host) -> Option<bool> {
    let der = CertificateDer::from(certificate.der.as_slice());
    let end_entity = webpki::EndEntityCert::try_from(&der).ok()?;
    let name = match host {
        Host::Name(name) => ServerName::try_from(name.as_str()).ok()?,
        Host::Address(address) => ServerName::from(*address),
    };
    match end_entity.verify_is_valid_for_subject_name(&name) {
        Ok(()) => Some(true),
        Err(webpki::Error::CertNotValidForName(_)) => Some(false),
        Err(_) => None,
    }
}

/// One name of a certificate against a host; `*` stands for the whole leftmost label only (RFC 9525 §6.3).
pub(super) fn fits(presented: &str, host: &Host) -> bool {
    match host {
        Host::Address(address) => presented.parse() == Ok(*address),
        Host::Name(name) => {
            let presented = presented.strip_suffix('.').unwrap_or(presented);
            if presented.eq_ignore_ascii_case(name) {
                return true;
            }
            match (presented.strip_prefix("*."), name.split_once('.')) {
                (Some(parent), Some((_, rest))) => parent.contains('.') && parent.eq_ignore_ascii_case(rest),
                _ => false,
            }
        }
    }
}
