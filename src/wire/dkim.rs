//! DKIM key records: the public key with which receivers check a domain's signatures (RFC 6376 §3.6.1, RFC 8301,
//! RFC 8463).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::{PublicKey, RSAPublicKey};
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::wire::printable::printable;
use crate::wire::tags::Tags;

/// Selectors that mail programs and providers use when nothing else is said, to try where none was named.
pub const COMMON_SELECTORS: [&str; 16] = [
    "default",
    "dkim",
    "mail",
    "smtp",
    "google",
    "selector1",
    "selector2",
    "k1",
    "k2",
    "k3",
    "s1",
    "s2",
    "s1024",
    "s2048",
    "key1",
    "mx",
];

/// Fewest bits of an RSA key that receivers accept (RFC 8301 §3.2).
const FEWEST_BITS: usize = 1024;

/// Bits that an RSA key should have (RFC 8301 §3.2).
const GOOD_BITS: usize = 2048;

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// `rsa` or `ed25519`.
    pub kind: &'static str,
    /// Bits of an RSA key.
    pub bits: Option<usize>,
    /// `t=y`: the domain only tries DKIM out; receivers must not treat a bad signature worse than none.
    pub testing: bool,
}

/// How weak a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// As it should be.
    Good,
    /// Accepted, and shorter than it should be.
    Short,
    /// Not accepted by receivers.
    Refused,
}

impl Key {
    /// How strong it is (RFC 8301 §3.2).
    pub fn strength(&self) -> Strength {
        match self.bits {
            Some(bits) if bits < FEWEST_BITS => Strength::Refused,
            Some(bits) if bits < GOOD_BITS => Strength::Short,
            _ => Strength::Good,
        }
    }

    /// `RSA, 2048 bits`, `Ed25519`.
    pub fn words(&self) -> String {
        match self.bits {
            Some(bits) => format!("RSA, {bits} bits"),
            None if self.kind == "rsa" => "RSA".to_owned(),
            None => "Ed25519".to_owned(),
        }
    }
}

/// Why a record is no key to check mail with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It is no key record at all.
    #[error("it is no DKIM key record")]
    NotAKey,
    /// `p=` is empty: the key was withdrawn.
    #[error("the key was revoked: p= is empty")]
    Revoked,
    /// Something in it cannot be used.
    #[error("{0}")]
    Unusable(String),
}

/// Reads a record.
///
/// # Errors
/// [`BadKey`].
pub fn parse(text: &str) -> Result<Key, BadKey> {
    let tags = Tags::read(text);
    let unusable = |why: String| BadKey::Unusable(why);
    // The version may be left out; where it is there it stands first.
    match tags.list.iter().position(|(name, _)| name == "v") {
        Some(0) if tags.get("v") == Some("DKIM1") => {}
        None if tags.get("p").is_some() => {}
        _ => return Err(BadKey::NotAKey),
    }
    if let Some(tag) = tags.twice() {
        return Err(unusable(format!("the tag {} stands twice", printable(tag, 20))));
    }
    let Some(data) = tags.get("p") else {
        return Err(unusable("the tag p with the key is missing".to_owned()));
    };
    let data: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if data.is_empty() {
        return Err(BadKey::Revoked);
    }
    let listed = |tag: &str, wanted: &str| {
        tags.get(tag).is_none_or(|value| {
            value.split(':').map(str::trim).any(|item| item == "*" || item.eq_ignore_ascii_case(wanted))
        })
    };
    if !listed("s", "email") {
        return Err(unusable("the key is not for mail: s= leaves email out".to_owned()));
    }
    if tags.get("h").is_some() && !listed("h", "sha256") {
        return Err(unusable("h= leaves sha256 out, the only digest still in use (RFC 8301)".to_owned()));
    }
    let bytes = STANDARD.decode(&data).map_err(|_| unusable("the key is not base64".to_owned()))?;
    let flags = tags.get("t").unwrap_or_default();
    let testing = flags.split(':').any(|flag| flag.trim().eq_ignore_ascii_case("y"));
    match tags.get("k").unwrap_or("rsa") {
        "rsa" => {
            let bits = rsa_bits(&bytes).ok_or_else(|| unusable("the RSA key cannot be read".to_owned()))?;
            Ok(Key { kind: "rsa", bits: Some(bits), testing })
        }
        "ed25519" if bytes.len() == 32 => Ok(Key { kind: "ed25519", bits: None, testing }),
        "ed25519" => Err(unusable("the Ed25519 key has not 32 octets (RFC 8463 §4)".to_owned())),
        other => Err(unusable(format!("the kind of key is unknown: k={}", printable(other, 20)))),
    }
}

/// Bits of an RSA key: a SubjectPublicKeyInfo, or the bare key that some publish.
fn rsa_bits(der: &[u8]) -> Option<usize> {
    let bits = |key: &RSAPublicKey<'_>| {
        let modulus = key.modulus;
        let at = modulus.iter().position(|byte| *byte != 0)?;
        let first = modulus.get(at)?;
        Some((modulus.len() - at) * 8 - usize::try_from(first.leading_zeros()).ok()?)
    };
    if let Ok((_, info)) = SubjectPublicKeyInfo::from_der(der) {
        return match info.parsed() {
            Ok(PublicKey::RSA(key)) => bits(&key),
            _ => None,
        };
    }
    RSAPublicKey::from_der(der).ok().and_then(|(_, key)| bits(&key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The key of RFC 6376 appendix C, 1024 bits.
    const RFC: &str = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt\
                       IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi\
                       tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";

    #[test]
    fn the_keys_of_the_rfcs() {
        let key = parse(RFC).unwrap();
        assert_eq!((key.words().as_str(), key.strength()), ("RSA, 1024 bits", Strength::Short));
        // RFC 8463 appendix A.2.
        let key = parse("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").unwrap();
        assert_eq!((key.words().as_str(), key.strength()), ("Ed25519", Strength::Good));
    }

    #[test]
    fn revoked_tested_and_unusable() {
        assert_eq!(parse("v=DKIM1; p="), Err(BadKey::Revoked));
        assert_eq!(parse("p="), Err(BadKey::Revoked));
        assert!(parse(&RFC.replace("p=", "t=s:y; p=")).unwrap().testing);
        assert_eq!(parse("v=spf1 -all"), Err(BadKey::NotAKey));
        assert_eq!(parse("k=rsa; v=DKIM1; p=AA=="), Err(BadKey::NotAKey));
        for text in [
            "v=DKIM1; k=rsa",
            "v=DKIM1; p=AAAA",
            "v=DKIM1; p=!!!!",
            "v=DKIM1; k=ed25519; p=AAAA",
            "v=DKIM1; k=dsa; p=AAAA",
            "v=DKIM1; s=tlsrpt; p=AAAA",
            "v=DKIM1; h=sha1; p=AAAA",
            "v=DKIM1; p=AAAA; p=BBBB",
        ] {
            assert!(matches!(parse(text), Err(BadKey::Unusable(_))), "{text}: {:?}", parse(text));
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_read(text in ".{0,200}", der in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
            let _ = parse(&format!("v=DKIM1; p={}", STANDARD.encode(der)));
        }
    }
}
