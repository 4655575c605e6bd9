//! Reads one certificate with x509-parser.

use std::net::{Ipv4Addr, Ipv6Addr};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

use super::Certificate;
use crate::wire::printable::printable;

/// Longest text of one name, in characters.
const MAX_TEXT: usize = 300;

/// Most names of a subjectAltName that are kept.
const MAX_NAMES: usize = 250;

/// Longest certificate that is read, in bytes.
const MAX_DER: usize = 1 << 17;

/// Reads one certificate.
///
/// # Errors
/// In a few words why the DER cannot be read.
pub fn read(der: &[u8]) -> Result<Certificate, String> {
    if der.len() > MAX_DER {
        return Err(format!("a certificate of {} bytes", der.len()));
    }
    let (_, x509) =
        X509Certificate::from_der(der).map_err(|error| printable(&error.to_string(), MAX_TEXT))?;
    let mut names = Vec::new();
    let mut for_servers = true;
    let mut key_usage_allows = true;
    let mut issuer_location = None;
    let mut key_id = None;
    let mut issuer_key_id = None;
    let mut is_ca = false;
    for extension in x509.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(list) => {
                names.extend(list.general_names.iter().filter_map(name).take(MAX_NAMES));
            }
            ParsedExtension::ExtendedKeyUsage(usage) => for_servers = usage.any || usage.server_auth,
            ParsedExtension::KeyUsage(usage) => {
                key_usage_allows =
                    usage.digital_signature() || usage.key_encipherment() || usage.key_agreement();
            }
            ParsedExtension::BasicConstraints(constraints) => is_ca = constraints.ca,
            ParsedExtension::AuthorityInfoAccess(access) => {
                issuer_location = access.accessdescs.iter().find_map(|description| {
                    // id-ad-caIssuers
                    let issuers = description.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2";
                    match &description.access_location {
                        GeneralName::URI(uri) if issuers => Some(printable(uri, MAX_TEXT)),
                        _ => None,
                    }
                });
            }
            ParsedExtension::SubjectKeyIdentifier(id) => key_id = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                issuer_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            _ => {}
        }
    }
    let (key, key_bits) = key(&x509);
    let common_name = x509
        .subject()
        .iter_common_name()
        .next()
        .and_then(|cn| cn.as_str().ok())
        .map(|cn| printable(cn, MAX_TEXT));
    Ok(Certificate {
        subject: distinguished(x509.subject()),
        issuer: distinguished(x509.issuer()),
        not_before: x509.validity().not_before.timestamp(),
        not_after: x509.validity().not_after.timestamp(),
        has_names: !names.is_empty(),
        names,
        common_name,
        key,
        key_bits,
        signature: signature(&x509.signature_algorithm.algorithm.to_id_string()),
        issuer_location,
        self_issued: x509.subject().as_raw() == x509.issuer().as_raw(),
        is_ca,
        for_servers: for_servers && (key_usage_allows || is_ca),
        key_id,
        issuer_key_id,
        links: (x509.subject().as_raw().to_vec(), x509.issuer().as_raw().to_vec()),
        der: der.to_vec(),
    })
}

fn distinguished(name: &X509Name<'_>) -> String {
    let text = printable(&name.to_string(), MAX_TEXT);
    if text.is_empty() { "(empty name)".to_owned() } else { text }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(printable(name, MAX_TEXT)),
        GeneralName::IPAddress(bytes) => {
            if let Ok(v4) = <[u8; 4]>::try_from(*bytes) {
                Some(Ipv4Addr::from(v4).to_string())
            } else {
                <[u8; 16]>::try_from(*bytes).ok().map(|v6| Ipv6Addr::from(v6).to_string())
            }
        }
        _ => None,
    }
}

fn key(x509: &X509Certificate<'_>) -> (String, Option<usize>) {
    let info = x509.public_key();
    let algorithm = info.algorithm.algorithm.to_id_string();
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => (format!("RSA {}", key.key_size()), Some(key.key_size())),
        Ok(PublicKey::EC(point)) => {
            let curve = info
                .algorithm
                .parameters
                .as_ref()
                .and_then(|p| p.as_oid().ok())
                .map(|oid| oid.to_id_string());
            match curve.as_deref() {
                Some("1.2.840.10045.3.1.7") => ("EC P-256".to_owned(), Some(256)),
                Some("1.3.132.0.34") => ("EC P-384".to_owned(), Some(384)),
                Some("1.3.132.0.35") => ("EC P-521".to_owned(), Some(521)),
                Some("1.3.132.0.10") => ("EC secp256k1".to_owned(), Some(256)),
                Some("1.2.840.10045.3.1.1") => ("EC P-192".to_owned(), Some(192)),
                Some("1.3.132.0.33") => ("EC P-224".to_owned(), Some(224)),
                _ => (format!("EC {} bits", point.key_size()), Some(point.key_size())),
            }
        }
        Ok(PublicKey::DSA(_)) => ("DSA".to_owned(), None),
        _ => {
            let name = match algorithm.as_str() {
                "1.3.101.112" => "Ed25519".to_owned(),
                "1.3.101.113" => "Ed448".to_owned(),
                "2.16.840.1.101.3.4.3.17" => "ML-DSA-44".to_owned(),
                "2.16.840.1.101.3.4.3.18" => "ML-DSA-65".to_owned(),
                "2.16.840.1.101.3.4.3.19" => "ML-DSA-87".to_owned(),
                other => format!("key of algorithm {other}"),
            };
            (name, None)
        }
    }
}

/// The signature algorithm's name in its RFC (3279, 4055, 5758, 8410, 9881); unknown ones as their number.
fn signature(oid: &str) -> String {
    let name = match oid {
        "1.2.840.113549.1.1.2" => "md2WithRSAEncryption",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.113549.1.1.14" => "sha224WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.1" => "ecdsa-with-SHA224",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.2.840.10040.4.3" => "dsa-with-SHA1",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        other => other,
    };
    name.to_owned()
}
