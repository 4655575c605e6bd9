//! Certificates: what they say ([`read`]), and everything that is wrong with a chain ([`faults`]).
//!
//! TLS libraries stop at the first fault; here all of them are listed, so that one visit mends them. Nothing is
//! verified cryptographically: whether a chain leads to a trusted root is the library's word, handed in.

mod fault;
mod name;
mod reader;

pub use fault::{Fault, Verified, faults};
pub use name::{matches, shown_name};
pub use reader::read;

/// One certificate, read. All texts are printable and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Distinguished name.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// Seconds since 1970, UTC.
    pub not_before: i64,
    /// Seconds since 1970, UTC.
    pub not_after: i64,
    /// DNS names and IP addresses of the subjectAltName.
    pub names: Vec<String>,
    /// True where there is a subjectAltName with a DNS name or an address; without one a name cannot match
    /// (RFC 9525 §6.3).
    pub has_names: bool,
    /// Common name of the subject.
    pub common_name: Option<String>,
    /// `RSA 2048`, `EC P-256`, `Ed25519`, …
    pub key: String,
    /// Bits of an RSA or EC key.
    pub key_bits: Option<usize>,
    /// `sha256WithRSAEncryption`, …
    pub signature: String,
    /// Where its issuer's certificate can be had (AIA caIssuers, RFC 5280 §4.2.2.1).
    pub issuer_location: Option<String>,
    /// Subject equals issuer.
    pub self_issued: bool,
    /// basicConstraints CA:TRUE.
    pub is_ca: bool,
    /// False where the extended key usage leaves servers out (RFC 5280 §4.2.1.12).
    pub for_servers: bool,
    /// Subject key identifier.
    pub key_id: Option<Vec<u8>>,
    /// Authority key identifier.
    pub issuer_key_id: Option<Vec<u8>>,
    /// Subject and issuer, DER, for linking.
    pub links: (Vec<u8>, Vec<u8>),
    /// DER.
    pub der: Vec<u8>,
}

impl Certificate {
    /// True where `other` may have issued this one: names fit, and key identifiers where both are there
    /// (RFC 5280 §4.2.1.1).
    pub fn issued_by(&self, other: &Self) -> bool {
        let keys = match (&self.issuer_key_id, &other.key_id) {
            (Some(wanted), Some(there)) => wanted == there,
            _ => true,
        };
        self.links.1 == other.links.0 && keys
    }
}

/// How the certificates of a chain lie to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// Indexes from the server's own certificate upwards, each issued by the next.
    pub path: Vec<usize>,
    /// Indexes of certificates that are not on the path.
    pub surplus: Vec<usize>,
    /// True where the path's certificates were sent in its order (RFC 5246 §7.4.2; TLS 1.3 tolerates others).
    pub in_order: bool,
    /// True where the path ends in a self-issued certificate: the root was sent too, which is not needed.
    pub ends_in_root: bool,
}

/// Arranges a chain as sent.
pub fn arrange(chain: &[Certificate]) -> Arrangement {
    let mut path = Vec::new();
    let mut current = chain.first().map(|first| (0, first));
    while let Some((index, certificate)) = current {
        path.push(index);
        current = None;
        if !certificate.self_issued {
            let issuers = chain.iter().enumerate();
            current = issuers
                .filter(|(other, _)| !path.contains(other))
                .find(|(_, other)| certificate.issued_by(other));
        }
    }
    Arrangement {
        surplus: (0..chain.len()).filter(|index| !path.contains(index)).collect(),
        in_order: path.is_sorted(),
        ends_in_root: path.last().and_then(|last| chain.get(*last)).is_some_and(|last| last.self_issued),
        path,
    }
}

/// RFC 3339 in UTC; the number of seconds where it is outside what that can say.
pub fn date(seconds: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|date| date.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s since 1970"))
}

#[cfg(test)]
pub(crate) mod tests;
