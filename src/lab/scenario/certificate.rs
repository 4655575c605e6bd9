//! The certificates of a scenario, and who signs them. Data only.

use serde::Deserialize;

/// A certificate to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateSpec {
    /// Its id in the scenario.
    pub id: String,
    /// DNS names and IP addresses of the subjectAltName.
    #[serde(default)]
    pub names: Vec<String>,
    /// Common name of the subject; the first of `names` where none is given.
    pub common_name: Option<String>,
    /// Begins to be valid, in days from now.
    #[serde(default = "a_month_ago")]
    pub not_before_days: i64,
    /// Ends to be valid, in days from now.
    #[serde(default = "in_two_months")]
    pub not_after_days: i64,
    /// Its key.
    #[serde(default)]
    pub key: KeyKind,
    /// The digest under its signature.
    #[serde(default)]
    pub signature: Digest,
    /// `lab-ca`, `lab-intermediate`, `unknown-ca`, `self`, or an authority of the scenario.
    #[serde(default = "lab_intermediate")]
    pub issuer: String,
    /// What the server sends along.
    #[serde(default)]
    pub send: Chain,
    /// The extended key usage.
    #[serde(default)]
    pub usage: Usage,
    /// Whether it names the location of its issuer's certificate (AIA). Public authorities do, private ones
    /// seldom: where nothing is said, the lab's own two do.
    pub issuer_location: Option<bool>,
}

fn a_month_ago() -> i64 {
    -30
}

fn in_two_months() -> i64 {
    60
}

fn lab_intermediate() -> String {
    "lab-intermediate".to_owned()
}

/// An issuer of certificates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoritySpec {
    /// Its id in the scenario.
    pub id: String,
    /// Its common name.
    pub name: String,
    /// Its organisation, where it has one.
    pub organisation: Option<String>,
    /// Who certifies it: `lab-ca`, `unknown-ca`, `self`, or another authority of the scenario.
    pub issuer: String,
    /// Begins to be valid, in days from now.
    #[serde(default = "a_year_ago")]
    pub not_before_days: i64,
    /// Ends to be valid, in days from now.
    #[serde(default = "in_five_years")]
    pub not_after_days: i64,
}

fn a_year_ago() -> i64 {
    -365
}

fn in_five_years() -> i64 {
    5 * 365
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the algorithms' own")]
pub enum KeyKind {
    #[default]
    #[serde(rename = "ec-p256")]
    EcP256,
    #[serde(rename = "ec-p384")]
    EcP384,
    Ed25519,
    #[serde(rename = "rsa-1024")]
    Rsa1024,
    #[serde(rename = "rsa-2048")]
    Rsa2048,
}

/// The digest under a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the algorithms' own")]
pub enum Digest {
    #[default]
    Sha256,
    Sha1,
}

/// What the server sends besides its own certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    /// All intermediates, as it should be.
    #[default]
    Full,
    /// Nothing: the mistake behind an incomplete chain.
    LeafOnly,
    /// The intermediates and the root too.
    WithRoot,
    /// The root first, then the intermediates downwards: all there, and in the wrong order.
    Reversed,
    /// All intermediates, and behind them a certificate that has nothing to do with the rest.
    WithStray,
}

/// What a certificate may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// serverAuth.
    #[default]
    Server,
    /// clientAuth only.
    Client,
    /// No extended key usage at all.
    Unsaid,
}
