//! Certificates: what they say, and everything that is wrong with them.

use crate::target::Host;

/// One certificate, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Distinguished name, made printable.
    pub subject: String,
    /// Distinguished name, made printable.
    pub issuer: String,
    /// Seconds since 1970, UTC.
    pub not_before: i64,
    /// Seconds since 1970, UTC.
    pub not_after: i64,
    /// DNS names and IP addresses of the subjectAltName, made printable.
    pub names: Vec<String>,
    /// Common name of the subject, made printable.
    pub common_name: Option<String>,
    /// `RSA 2048`, `EC P-256`, `Ed25519`, …
    pub key: String,
    /// `sha256WithRSAEncryption`, …
    pub signature: String,
    /// Where its issuer's certificate can be had (AIA caIssuers).
    pub issuer_location: Option<String>,
    /// Subject equals issuer.
    pub self_issued: bool,
    /// basicConstraints CA:TRUE.
    pub is_ca: bool,
    /// DER.
    pub der: Vec<u8>,
}

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

/// Reads one certificate.
///
/// # Errors
/// In a few words why the DER cannot be read.
pub fn read(_der: &[u8]) -> Result<Certificate, String> {
    todo!()
}

/// Lists every fault of a chain, not only the first. `now` is seconds since 1970.
/// `chain_complete` says whether `chain` is all that the server sent (otherwise nothing is said about what is missing).
/// `trusted`: `Some(true)` where the chain verified to a trusted root, `Some(false)` where it did not, `None` unknown.
pub fn faults(
    _chain: &[Certificate],
    _host: &Host,
    _now: i64,
    _chain_complete: bool,
    _trusted: Option<bool>,
    _library: &Verified,
) -> Vec<Fault> {
    todo!()
}

/// RFC 3339 in UTC.
pub fn date(_seconds: i64) -> String {
    todo!()
}
