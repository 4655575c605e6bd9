//! A certificate authority of the tests' own.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name};

/// A certificate with its key.
pub struct Identity {
    certificate: X509,
    key: PKey<Private>,
    /// What a server sends behind its own certificate.
    above: Vec<X509>,
}

impl Identity {
    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// The key as PEM.
    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    /// Key and certificate in one file, as Postfix wants them, and what is sent behind it.
    pub fn chain_file(&self) -> Vec<u8> {
        let above = self.above.iter().map(|certificate| certificate.to_pem().unwrap());
        [self.key_pem(), self.certificate_pem()].into_iter().chain(above).collect::<Vec<_>>().concat()
    }

    /// The same, with its authority's certificate sent along.
    pub fn with(mut self, authority: &Self) -> Self {
        self.above.push(authority.certificate.clone());
        self
    }
}

/// The authority itself.
pub fn authority() -> Identity {
    let key = key();
    let mut builder = builder(&key, "ehlo test authority", 1, (0, 365));
    builder.set_issuer_name(&name("ehlo test authority")).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()).unwrap();
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(identifier).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key, above: Vec::new() }
}

/// A server's certificate for `host`, valid from and until so many days from now.
pub fn server(by: &Identity, host: &str, days: (i64, i64)) -> Identity {
    let key = key();
    let mut builder = builder(&key, host, 2, days);
    builder.set_issuer_name(by.certificate.subject_name()).unwrap();
    let context = builder.x509v3_context(Some(&by.certificate), None);
    let extensions = [
        SubjectAlternativeName::new().dns(host).build(&context).unwrap(),
        AuthorityKeyIdentifier::new().keyid(true).build(&context).unwrap(),
        BasicConstraints::new().critical().build().unwrap(),
        KeyUsage::new().critical().digital_signature().build().unwrap(),
        ExtendedKeyUsage::new().server_auth().build().unwrap(),
    ];
    for extension in extensions {
        builder.append_extension(extension).unwrap();
    }
    builder.sign(&by.key, MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key, above: Vec::new() }
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(common: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, common).unwrap();
    name.build()
}

fn builder(key: &PKey<Private>, subject: &str, serial: u32, (from, until): (i64, i64)) -> X509Builder {
    const DAY: i64 = 24 * 60 * 60;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let time = |days: i64| Asn1Time::from_unix(now + days * DAY - 60).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name(subject)).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&time(from)).unwrap();
    builder.set_not_after(&time(until)).unwrap();
    builder
}
