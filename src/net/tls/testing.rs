//! Certificates for the handshakes of the tests, dated as each test asks.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Name};

/// A certificate with its key.
pub(super) struct Forged {
    pub cert: X509,
    pub key: PKey<Private>,
}

impl Forged {
    pub fn der(&self) -> Vec<u8> {
        self.cert.to_der().unwrap()
    }

    pub fn pem(&self) -> Vec<u8> {
        self.cert.to_pem().unwrap()
    }
}

/// What a certificate is to say.
pub(super) struct Forge {
    cn: String,
    dns: Vec<String>,
    addresses: Vec<String>,
    client_only: bool,
    valid: (i64, i64),
    ca: bool,
    rsa: Option<u32>,
    digest: MessageDigest,
}

impl Forge {
    /// A CA, valid from 2001 to 2100.
    pub fn root(cn: &str) -> Self {
        Self {
            cn: cn.to_owned(),
            dns: Vec::new(),
            addresses: Vec::new(),
            client_only: false,
            valid: (1_000_000_000, 4_102_444_800),
            ca: true,
            rsa: None,
            digest: MessageDigest::sha256(),
        }
    }

    /// A server's certificate for one name.
    pub fn leaf(name: &str) -> Self {
        Self { ca: false, dns: vec![name.to_owned()], ..Self::root(name) }
    }

    pub fn address(mut self, address: &str) -> Self {
        self.addresses.push(address.to_owned());
        self
    }

    pub fn client_only(mut self) -> Self {
        self.client_only = true;
        self
    }

    /// Seconds since 1970.
    pub fn valid(mut self, from: i64, to: i64) -> Self {
        self.valid = (from, to);
        self
    }

    /// An RSA key of so many bits; otherwise P-256.
    pub fn rsa(mut self, bits: u32) -> Self {
        self.rsa = Some(bits);
        self
    }

    pub fn sha1(mut self) -> Self {
        self.digest = MessageDigest::sha1();
        self
    }

    /// Signed by the issuer, or by itself.
    pub fn issue(self, issuer: Option<&Forged>) -> Forged {
        let key = match self.rsa {
            Some(bits) => PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(),
            None => {
                let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
                PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
            }
        };
        let mut name = X509Name::builder().unwrap();
        name.append_entry_by_nid(Nid::COMMONNAME, &self.cn).unwrap();
        let name = name.build();
        let mut serial = BigNum::new().unwrap();
        serial.rand(120, MsbOption::ONE, false).unwrap();

        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(issuer.map_or(&name, |issuer| issuer.cert.subject_name())).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(self.valid.0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(self.valid.1).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        let context = builder.x509v3_context(issuer.map(|issuer| &*issuer.cert), None);
        let mut extensions = vec![SubjectKeyIdentifier::new().build(&context).unwrap()];
        if issuer.is_some() {
            extensions.push(AuthorityKeyIdentifier::new().keyid(true).build(&context).unwrap());
        }
        if !self.dns.is_empty() {
            let mut names = SubjectAlternativeName::new();
            self.dns.iter().for_each(|name| {
                names.dns(name);
            });
            self.addresses.iter().for_each(|address| {
                names.ip(address);
            });
            extensions.push(names.build(&context).unwrap());
        }
        if self.ca {
            extensions.push(BasicConstraints::new().critical().ca().build().unwrap());
        }
        if self.client_only {
            extensions.push(ExtendedKeyUsage::new().client_auth().build().unwrap());
        }
        for extension in extensions {
            builder.append_extension(extension).unwrap();
        }
        builder.sign(issuer.map_or(&key, |issuer| &issuer.key), self.digest).unwrap();
        Forged { cert: builder.build(), key }
    }
}
