//! TLSA records for mail servers: which certificates DNS vouches for (RFC 6698 §2.1, RFC 7671, RFC 7672).
//!
//! Between mail servers two usages count: 3, the server's own key, and 2, the authority above it. Usages 0 and 1 lean
//! on the web's authorities and are not used for SMTP (RFC 7672 §3.1.3). Signatures within a chain are not verified
//! here: what the TLS library found is handed in.

use sha2::{Digest, Sha256, Sha512};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::target::Host;
use crate::wire::certificate::{Certificate, arrange, matches as names_match};

/// Most octets of one record that are read.
const MAX_DATA: usize = 1 << 16;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlsa {
    /// 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE.
    pub usage: u8,
    /// 0 the whole certificate, 1 its public key.
    pub selector: u8,
    /// 0 as it is, 1 SHA-256, 2 SHA-512.
    pub matching: u8,
    /// What is compared.
    pub data: Vec<u8>,
}

impl Tlsa {
    /// From the parts of a DNS record, its data in hexadecimal; `None` where that is none.
    pub fn new(usage: u8, selector: u8, matching: u8, data: &str) -> Option<Self> {
        let digits = data.as_bytes();
        if !digits.len().is_multiple_of(2) || digits.len() > 2 * MAX_DATA {
            return None;
        }
        let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(value(high)? << 4 | value(low)?),
            _ => None,
        };
        let data: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
        Some(Self { usage, selector, matching, data: data? })
    }

    /// Why mail servers pass it over, where they do (RFC 7672 §3.1).
    pub fn unusable(&self) -> Option<&'static str> {
        match (self.usage, self.selector, self.matching, self.data.len()) {
            (0 | 1, ..) => Some("usages 0 and 1 are not used between mail servers"),
            (4.., ..) => Some("its usage is unknown"),
            (_, 2.., ..) => Some("its selector is unknown"),
            (_, _, 3.., _) => Some("its matching type is unknown"),
            (_, _, 1, length) if length != 32 => Some("its data is no SHA-256 digest"),
            (_, _, 2, length) if length != 64 => Some("its data is no SHA-512 digest"),
            (_, _, 0, 0) => Some("its data is empty"),
            _ => None,
        }
    }

    /// What it vouches for, in words: `the server's own key by its SHA-256 digest (3 1 1)`.
    pub fn words(&self) -> String {
        let what = match (self.usage, self.selector) {
            (0, _) => "a public authority of the chain",
            (1, _) => "the server's own certificate, under a public authority,",
            (2, 0) => "an authority's certificate",
            (2, _) => "an authority's key",
            (3, 0) => "the server's own certificate",
            (3, _) => "the server's own key",
            _ => "something unknown",
        };
        let how = match self.matching {
            0 => "in full",
            1 => "by its SHA-256 digest",
            2 => "by its SHA-512 digest",
            _ => "in an unknown way",
        };
        format!("{what} {how} ({} {} {})", self.usage, self.selector, self.matching)
    }

    /// True where the record's data is this certificate's.
    fn is_of(&self, certificate: &Certificate) -> bool {
        let selected = match self.selector {
            0 => certificate.der.clone(),
            1 => match X509Certificate::from_der(&certificate.der) {
                Ok((_, parsed)) => parsed.tbs_certificate.subject_pki.raw.to_vec(),
                Err(_) => return false,
            },
            _ => return false,
        };
        match self.matching {
            0 => selected == self.data,
            1 => Sha256::digest(&selected).as_slice() == self.data,
            2 => Sha512::digest(&selected).as_slice() == self.data,
            _ => false,
        }
    }
}

/// What a server showed.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Its certificates, its own first.
    pub chain: &'a [Certificate],
    /// True where that is all that it sent.
    pub complete: bool,
    /// The name that was asked for.
    pub host: &'a str,
    /// Seconds since 1970; where the time is not known, dates are not judged.
    pub now: Option<i64>,
    /// True where the library found a signature in the chain that does not fit.
    pub bad_signature: bool,
}

/// What comes of comparing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No record is there that mail servers use.
    NoneUsable,
    /// This record (by its place) matches this certificate of the chain.
    Match {
        /// Place of the record.
        record: usize,
        /// Place of the certificate; 0 is the server's own.
        depth: usize,
    },
    /// None matches, for this reason.
    Mismatch(&'static str),
    /// It takes more of the chain than was seen.
    Unseen,
}

/// Compares the records of a host with what its server showed.
pub fn compare(records: &[Tlsa], shown: &Shown<'_>) -> Verdict {
    let usable = || records.iter().enumerate().filter(|(_, record)| record.unusable().is_none());
    if usable().next().is_none() {
        return Verdict::NoneUsable;
    }
    let Some(leaf) = shown.chain.first() else { return Verdict::Unseen };
    // The server's own key needs nothing else: neither its name nor its dates nor its issuer count (RFC 7672 §3.1.1).
    if let Some((record, _)) = usable().find(|(_, record)| record.usage == 3 && record.is_of(leaf)) {
        return Verdict::Match { record, depth: 0 };
    }
    let mut why = "no record matches what the server showed";
    let path = arrange(shown.chain).path;
    for (record, tlsa) in usable().filter(|(_, record)| record.usage == 2) {
        let found = path.iter().find(|at| shown.chain.get(**at).is_some_and(|c| tlsa.is_of(c)));
        let Some(depth) = found.copied() else { continue };
        // An authority vouches for a name and within dates (RFC 7672 §3.1.2).
        why = if !Host::parse(shown.host).is_ok_and(|host| names_match(leaf, &host)) {
            "a record matches the authority, but the server's certificate does not bear its name"
        } else if shown.now.is_some_and(|now| now < leaf.not_before || now > leaf.not_after) {
            "a record matches the authority, but the server's certificate is out of date"
        } else if shown.bad_signature {
            "a record matches the authority, but the chain's signatures do not fit"
        } else {
            return Verdict::Match { record, depth };
        };
    }
    let authority = usable().any(|(_, record)| record.usage == 2);
    if authority && !shown.complete { Verdict::Unseen } else { Verdict::Mismatch(why) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::testing::certs;
    use crate::wire::certificate::read;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn spki(der: &[u8]) -> Vec<u8> {
        X509Certificate::from_der(der).unwrap().1.tbs_certificate.subject_pki.raw.to_vec()
    }

    fn against(records: &[Tlsa], ders: &[&[u8]], host: &str) -> Verdict {
        let chain: Vec<Certificate> = ders.iter().map(|der| read(der).unwrap()).collect();
        let now = chain.first().map(|leaf| leaf.not_before + 60);
        compare(records, &Shown { chain: &chain, complete: true, host, now, bad_signature: false })
    }

    fn record(usage: u8, selector: u8, matching: u8, of: &[u8]) -> Tlsa {
        let selected = if selector == 1 { spki(of) } else { of.to_vec() };
        let data = match matching {
            0 => selected,
            1 => Sha256::digest(selected).to_vec(),
            _ => Sha512::digest(selected).to_vec(),
        };
        Tlsa::new(usage, selector, matching, &hex(&data)).unwrap()
    }

    #[test]
    fn each_way_to_match_the_servers_own() {
        for selector in 0..=1 {
            for matching in 0..=2 {
                let tlsa = record(3, selector, matching, certs::GOOD);
                let found = against(std::slice::from_ref(&tlsa), &[certs::GOOD], "anything.example");
                assert_eq!(found, Verdict::Match { record: 0, depth: 0 }, "{}", tlsa.words());
                let other = against(&[tlsa], &[certs::SELF_SIGNED], "anything.example");
                assert!(matches!(other, Verdict::Mismatch(_)));
            }
        }
    }

    #[test]
    fn an_authority_vouches_for_a_name_and_for_dates() {
        let host = "smtp.example.com";
        let tlsa = [record(2, 0, 1, certs::INTERMEDIATE)];
        let chain = [certs::GOOD, certs::INTERMEDIATE];
        assert_eq!(against(&tlsa, &chain, host), Verdict::Match { record: 0, depth: 1 });
        assert!(
            matches!(against(&tlsa, &chain, "other.example"), Verdict::Mismatch(why) if why.contains("name"))
        );
        let read_chain: Vec<_> = chain.iter().map(|der| read(der).unwrap()).collect();
        let mut shown =
            Shown { chain: &read_chain, complete: true, host, now: Some(0), bad_signature: false };
        assert!(matches!(compare(&tlsa, &shown), Verdict::Mismatch(why) if why.contains("date")));
        shown = Shown { now: None, bad_signature: true, ..shown };
        assert!(matches!(compare(&tlsa, &shown), Verdict::Mismatch(why) if why.contains("signatures")));
        shown = Shown { chain: &read_chain[..1], complete: false, bad_signature: false, ..shown };
        assert_eq!(compare(&tlsa, &shown), Verdict::Unseen);
        shown = Shown { complete: true, ..shown };
        assert!(matches!(compare(&tlsa, &shown), Verdict::Mismatch(_)));
    }

    #[test]
    fn what_mail_servers_pass_over() {
        for (usage, selector, matching, data) in [
            (0, 0, 1, "ab"),
            (1, 1, 1, "ab"),
            (4, 0, 0, "ab"),
            (3, 2, 0, "ab"),
            (3, 0, 3, "ab"),
            (3, 1, 1, "ab"),
        ] {
            let tlsa = Tlsa::new(usage, selector, matching, data).unwrap();
            assert!(tlsa.unusable().is_some(), "{}", tlsa.words());
            assert_eq!(against(&[tlsa], &[certs::GOOD], "smtp.example.com"), Verdict::NoneUsable);
        }
        assert!(Tlsa::new(3, 1, 1, "abc").is_none() && Tlsa::new(3, 1, 1, "zz").is_none());
        let tlsa = record(3, 1, 1, certs::GOOD);
        assert_eq!(tlsa.words(), "the server's own key by its SHA-256 digest (3 1 1)");
        // A record that cannot be used does not spoil one that can.
        let both = [Tlsa::new(1, 1, 1, "ab").unwrap(), tlsa];
        assert_eq!(against(&both, &[certs::GOOD], "x.example"), Verdict::Match { record: 1, depth: 0 });
    }

    proptest! {
        #[test]
        fn any_record_can_be_compared(usage: u8, selector: u8, matching: u8, data in "[0-9a-fA-Fx]{0,130}") {
            if let Some(tlsa) = Tlsa::new(usage, selector, matching, &data) {
                let _ = tlsa.words();
                let _ = against(&[tlsa], &[certs::GOOD], "smtp.example.com");
            }
        }
    }
}
