//! The certificates of the lab: a root, an intermediate, a root that nobody trusts, and what scenarios ask for,
//! with every fault a certificate can have. Made when first needed, dated relative to `now`, never written to disk.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameBuilder};

use crate::lab::scenario::{AuthoritySpec, CertificateSpec, Chain, Digest, KeyKind, Scenario, Usage};

/// The ids of the authorities that every scenario has.
pub const BUILT_IN: [&str; 3] = ["lab-ca", "lab-intermediate", "unknown-ca"];

/// Issuers above issuers before the search is given up.
const MAX_DEPTH: usize = 8;

const DAY: i64 = 86_400;

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The library failed.
    #[error("the lab's certificates cannot be made: {0}")]
    Library(#[from] ErrorStack),
    /// The scenario names a certificate or an issuer that is not there.
    #[error("the lab has no certificate or issuer '{0}'")]
    Missing(String),
}

/// A certificate with its key and what the server sends along.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The server's own.
    pub certificate: X509,
    /// Its private key.
    pub key: PKey<Private>,
    /// Sent behind it, in this order.
    pub chain: Vec<X509>,
}

/// An issuer, with its own issuers up to the root.
#[derive(Clone, Debug)]
struct Authority {
    certificate: X509,
    key: PKey<Private>,
    /// Above it, the root last; empty for a root.
    above: Vec<X509>,
}

/// Makes and keeps the certificates of one scenario.
#[derive(Debug)]
pub struct Pki {
    certificates: Vec<CertificateSpec>,
    authorities: Vec<AuthoritySpec>,
    now: i64,
    made_authorities: Mutex<HashMap<String, Authority>>,
    made: Mutex<HashMap<String, Arc<Identity>>>,
}

impl Pki {
    /// For a scenario; makes nothing yet. `now` is seconds since 1970, UTC.
    pub fn new(scenario: &Scenario, now: i64) -> Self {
        let built_in = |id: &str, name: &str, issuer: &str| AuthoritySpec {
            id: id.to_owned(),
            name: name.to_owned(),
            organisation: Some("ehlo lab".to_owned()),
            issuer: issuer.to_owned(),
            not_before_days: -365,
            not_after_days: 5 * 365,
        };
        let mut authorities = vec![
            built_in("lab-ca", "Lab Root CA", "self"),
            built_in("lab-intermediate", "Lab Intermediate CA", "lab-ca"),
            AuthoritySpec {
                organisation: Some("Example Private Network".to_owned()),
                ..built_in("unknown-ca", "Private Root CA", "self")
            },
        ];
        authorities.extend(scenario.authorities.iter().cloned());
        Self {
            certificates: scenario.certificates.clone(),
            authorities,
            now,
            made_authorities: Mutex::default(),
            made: Mutex::default(),
        }
    }

    /// The root that the lab's client trusts, PEM.
    ///
    /// # Errors
    /// [`PkiError::Library`].
    pub fn root_pem(&self) -> Result<Vec<u8>, PkiError> {
        Ok(self.authority("lab-ca", 0)?.certificate.to_pem()?)
    }

    /// A certificate of the scenario.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn identity(&self, id: &str) -> Result<Arc<Identity>, PkiError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = made.get(id) {
            return Ok(identity.clone());
        }
        let spec = self.certificates.iter().find(|spec| spec.id == id);
        let identity = Arc::new(self.issue(spec.ok_or_else(|| PkiError::Missing(id.to_owned()))?)?);
        made.insert(id.to_owned(), identity.clone());
        Ok(identity)
    }

    /// The data of a TLSA record for a certificate (RFC 6698 §2.1), in hexadecimal: of the certificate itself, or for
    /// usages 0 and 2 of its issuer.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn tlsa(&self, id: &str, (usage, selector, matching): (u8, u8, u8)) -> Result<String, PkiError> {
        let identity = self.identity(id)?;
        let issuer = identity.chain.first().filter(|_| matches!(usage, 0 | 2));
        let certificate = issuer.unwrap_or(&identity.certificate);
        let data = match selector {
            0 => certificate.to_der()?,
            _ => certificate.public_key()?.public_key_to_der()?,
        };
        let data = match matching {
            0 => data,
            1 => openssl::hash::hash(MessageDigest::sha256(), &data)?.to_vec(),
            _ => openssl::hash::hash(MessageDigest::sha512(), &data)?.to_vec(),
        };
        Ok(data.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn authority(&self, id: &str, depth: usize) -> Result<Authority, PkiError> {
        let made = self.made_authorities.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(authority) = made {
            return Ok(authority);
        }
        let spec = self.authorities.iter().find(|spec| spec.id == id).filter(|_| depth < MAX_DEPTH);
        let spec = spec.ok_or_else(|| PkiError::Missing(id.to_owned()))?;
        let key = key(KeyKind::EcP256)?;
        let subject = name(&spec.name, spec.organisation.as_deref())?;
        let issuer =
            if spec.issuer == "self" { None } else { Some(self.authority(&spec.issuer, depth + 1)?) };

        let mut builder = self.begin(&subject, &key, spec.not_before_days, spec.not_after_days)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        let certificate = finish(builder, issuer.as_ref(), &subject, &key, MessageDigest::sha256())?;

        let above = issuer.map_or_else(Vec::new, |issuer| {
            let mut above = vec![issuer.certificate];
            above.extend(issuer.above);
            above
        });
        let authority = Authority { certificate, key, above };
        let mut made = self.made_authorities.lock().unwrap_or_else(PoisonError::into_inner);
        // Two may have made it at once: the first stays, so that all agree.
        Ok(made.entry(id.to_owned()).or_insert(authority).clone())
    }

    fn issue(&self, spec: &CertificateSpec) -> Result<Identity, PkiError> {
        let key = key(spec.key)?;
        let common_name = spec.common_name.as_deref().or(spec.names.first().map(String::as_str));
        let subject = name(common_name.unwrap_or("localhost"), None)?;
        let issuer = if spec.issuer == "self" { None } else { Some(self.authority(&spec.issuer, 0)?) };

        let mut builder = self.begin(&subject, &key, spec.not_before_days, spec.not_after_days)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder
            .append_extension(KeyUsage::new().critical().digital_signature().key_encipherment().build()?)?;
        match spec.usage {
            Usage::Server => builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?,
            Usage::Client => builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?,
            Usage::Unsaid => {}
        }
        if !spec.names.is_empty() {
            let mut names = SubjectAlternativeName::new();
            for name in &spec.names {
                if name.parse::<IpAddr>().is_ok() {
                    names.ip(name)
                } else {
                    names.dns(name)
                };
            }
            let names = names.build(&builder.x509v3_context(None, None))?;
            builder.append_extension(names)?;
        }
        let public = matches!(spec.issuer.as_str(), "lab-ca" | "lab-intermediate");
        if issuer.is_some() && spec.issuer_location.unwrap_or(public) {
            builder
                .append_extension(issuer_location(&format!("http://ca.example.com/{}.crt", spec.issuer))?)?;
        }
        let digest = match (spec.key, spec.signature) {
            // Ed25519 as an issuer's key is not offered; a self-signed one brings its own digest.
            (KeyKind::Ed25519, _) if issuer.is_none() => MessageDigest::null(),
            (_, Digest::Sha256) => MessageDigest::sha256(),
            (_, Digest::Sha1) => MessageDigest::sha1(),
        };
        let certificate = finish(builder, issuer.as_ref(), &subject, &key, digest)?;

        let mut chain = Vec::new();
        if let Some(issuer) = issuer.filter(|_| spec.send != Chain::LeafOnly) {
            chain.push(issuer.certificate);
            chain.extend(issuer.above);
            match spec.send {
                // The root is the client's business.
                Chain::Full | Chain::WithStray => {
                    chain.pop();
                }
                Chain::Reversed => chain.reverse(),
                Chain::LeafOnly | Chain::WithRoot => {}
            }
            if spec.send == Chain::WithStray {
                let stray = if spec.issuer == "unknown-ca" { "lab-ca" } else { "unknown-ca" };
                chain.push(self.authority(stray, 0)?.certificate);
            }
        }
        Ok(Identity { certificate, key, chain })
    }

    fn begin(
        &self,
        subject: &X509Name,
        key: &PKey<Private>,
        not_before_days: i64,
        not_after_days: i64,
    ) -> Result<X509Builder, ErrorStack> {
        let mut serial = BigNum::new()?;
        serial.rand(120, MsbOption::MAYBE_ZERO, false)?;
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        builder.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
        builder.set_subject_name(subject)?;
        builder.set_pubkey(key)?;
        let at = |days: i64| Asn1Time::from_unix(self.now.saturating_add(days.saturating_mul(DAY)));
        builder.set_not_before(at(not_before_days)?.as_ref())?;
        builder.set_not_after(at(not_after_days)?.as_ref())?;
        Ok(builder)
    }
}

fn finish(
    mut builder: X509Builder,
    issuer: Option<&Authority>,
    subject: &X509Name,
    key: &PKey<Private>,
    digest: MessageDigest,
) -> Result<X509, ErrorStack> {
    builder.set_issuer_name(issuer.map_or(subject, |issuer| issuer.certificate.subject_name()))?;
    let above = issuer.map(|issuer| issuer.certificate.as_ref());
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(above, None))?;
    builder.append_extension(identifier)?;
    if issuer.is_some() {
        let identifier =
            AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(above, None))?;
        builder.append_extension(identifier)?;
    }
    builder.sign(issuer.map_or(key, |issuer| &issuer.key), digest)?;
    Ok(builder.build())
}

fn key(kind: KeyKind) -> Result<PKey<Private>, ErrorStack> {
    let curve = |nid| PKey::from_ec_key(EcKey::generate(EcGroup::from_curve_name(nid)?.as_ref())?);
    match kind {
        KeyKind::EcP256 => curve(Nid::X9_62_PRIME256V1),
        KeyKind::EcP384 => curve(Nid::SECP384R1),
        KeyKind::Ed25519 => PKey::generate_ed25519(),
        KeyKind::Rsa1024 => PKey::from_rsa(Rsa::generate(1024)?),
        KeyKind::Rsa2048 => PKey::from_rsa(Rsa::generate(2048)?),
    }
}

fn name(common_name: &str, organisation: Option<&str>) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    if let Some(organisation) = organisation {
        builder.append_entry_by_nid(Nid::ORGANIZATIONNAME, organisation)?;
    }
    builder.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(builder.build())
}

/// authorityInfoAccess with caIssuers (RFC 5280 §4.2.2.1); the library has no builder for it.
fn issuer_location(uri: &str) -> Result<X509Extension, ErrorStack> {
    const CA_ISSUERS: [u8; 10] = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
    let tagged = |tag: u8, body: &[u8]| {
        let mut out = vec![tag];
        match u8::try_from(body.len()) {
            Ok(short @ 0..=127) => out.push(short),
            // The addresses made here are far below 256 bytes.
            Ok(long) => out.extend([0x81, long]),
            Err(_) => out.push(0),
        }
        out.extend_from_slice(body);
        out
    };
    let description = [CA_ISSUERS.to_vec(), tagged(0x86, uri.as_bytes())].concat();
    let value = tagged(0x30, &tagged(0x30, &description));
    let oid = Asn1Object::from_str("1.3.6.1.5.5.7.1.1")?;
    X509Extension::new_from_der(&oid, false, Asn1OctetString::new_from_bytes(&value)?.as_ref())
}
