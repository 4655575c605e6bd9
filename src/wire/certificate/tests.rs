//! Certificates made with OpenSSL, each with all the faults that it must show, and none that it must not.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name};
use proptest::prelude::*;

use super::*;
use crate::target::Host;

/// 2026-06-01T00:00:00Z
const NOW: i64 = 1_780_272_000;
const DAY: i64 = 86_400;

struct Issuer {
    certificate: X509,
    key: PKey<Private>,
}

/// What differs from a healthy certificate for mail.example.com.
#[derive(Clone)]
struct Plan {
    common_name: &'static str,
    names: Vec<&'static str>,
    addresses: Vec<&'static str>,
    from: i64,
    until: i64,
    key: Key,
    digest: fn() -> MessageDigest,
    ca: bool,
    location: bool,
    client_only: bool,
    version_one: bool,
}

#[derive(Clone, Copy)]
enum Key {
    P256,
    P521,
    Rsa(u32),
    Ed25519,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            common_name: "mail.example.com",
            names: vec!["mail.example.com"],
            addresses: vec![],
            from: -30,
            until: 60,
            key: Key::P256,
            digest: MessageDigest::sha256,
            ca: false,
            location: false,
            client_only: false,
            version_one: false,
        }
    }
}

fn key(kind: Key) -> PKey<Private> {
    let ec =
        |nid| PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(nid).unwrap()).unwrap()).unwrap();
    match kind {
        Key::P256 => ec(Nid::X9_62_PRIME256V1),
        Key::P521 => ec(Nid::SECP521R1),
        Key::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(),
        Key::Ed25519 => PKey::generate_ed25519().unwrap(),
    }
}

fn make(plan: &Plan, issuer: Option<&Issuer>) -> Issuer {
    let own = key(plan.key);
    let mut name = X509Name::builder().unwrap();
    if !plan.common_name.is_empty() {
        name.append_entry_by_text("CN", plan.common_name).unwrap();
    }
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(if plan.version_one { 0 } else { 2 }).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&BigNum::from_u32(7).unwrap()).unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(issuer.map_or(&name, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(&own).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(NOW + plan.from * DAY).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(NOW + plan.until * DAY).unwrap()).unwrap();
    if !plan.version_one {
        extend(&mut builder, plan, issuer);
    }
    let signer = issuer.map_or(&own, |issuer| &issuer.key);
    let digest = if matches!(signer.id(), openssl::pkey::Id::ED25519) {
        MessageDigest::null()
    } else {
        (plan.digest)()
    };
    builder.sign(signer, digest).unwrap();
    Issuer { certificate: builder.build(), key: own }
}

fn extend(builder: &mut X509Builder, plan: &Plan, issuer: Option<&Issuer>) {
    let mut extensions: Vec<X509Extension> = Vec::new();
    let context = builder.x509v3_context(issuer.map(|issuer| &*issuer.certificate), None);
    extensions.push(SubjectKeyIdentifier::new().build(&context).unwrap());
    if issuer.is_some() {
        extensions.push(AuthorityKeyIdentifier::new().keyid(true).build(&context).unwrap());
    }
    if plan.ca {
        extensions.push(BasicConstraints::new().critical().ca().build().unwrap());
    }
    if !plan.names.is_empty() || !plan.addresses.is_empty() {
        let mut names = SubjectAlternativeName::new();
        plan.names.iter().for_each(|name| {
            names.dns(name);
        });
        plan.addresses.iter().for_each(|address| {
            names.ip(address);
        });
        extensions.push(names.build(&context).unwrap());
    }
    if plan.client_only {
        extensions.push(ExtendedKeyUsage::new().client_auth().build().unwrap());
    }
    if plan.location {
        #[expect(deprecated, reason = "the crate has no other way to write this extension by name")]
        let access = X509Extension::new(
            None,
            Some(&context),
            "authorityInfoAccess",
            "caIssuers;URI:http://ca.example.net/intermediate.der",
        );
        extensions.push(access.unwrap());
    }
    for extension in extensions {
        builder.append_extension(extension).unwrap();
    }
}

fn root() -> Issuer {
    make(&Plan { common_name: "Test Root", names: vec![], ca: true, until: 3650, ..Plan::default() }, None)
}

fn intermediate(root: &Issuer) -> Issuer {
    make(
        &Plan { common_name: "Test Issuer", names: vec![], ca: true, until: 900, ..Plan::default() },
        Some(root),
    )
}

fn reads(chain: &[&Issuer]) -> Vec<Certificate> {
    chain.iter().map(|issuer| read(&issuer.certificate.to_der().unwrap()).unwrap()).collect()
}

fn codes(chain: &[&Issuer], trusted: Option<bool>) -> Vec<&'static str> {
    codes_for(chain, "mail.example.com", trusted)
}

fn codes_for(chain: &[&Issuer], host: &str, trusted: Option<bool>) -> Vec<&'static str> {
    let host = Host::parse(host).unwrap();
    faults(&reads(chain), &host, NOW, true, trusted, &Vec::new())
        .into_iter()
        .map(|fault| fault.code)
        .collect()
}

#[test]
fn what_a_certificate_says() {
    let root = root();
    let plan = Plan {
        names: vec!["mail.example.com", "*.example.net"],
        addresses: vec!["192.0.2.1", "2001:db8::1"],
        location: true,
        ..Plan::default()
    };
    let certificate = reads(&[&make(&plan, Some(&root))]).remove(0);
    assert_eq!(certificate.subject, "CN=mail.example.com");
    assert_eq!(certificate.issuer, "CN=Test Root");
    assert_eq!(certificate.names, ["mail.example.com", "*.example.net", "192.0.2.1", "2001:db8::1"]);
    assert_eq!(certificate.key, "EC P-256");
    assert_eq!(certificate.signature, "ecdsa-with-SHA256");
    assert_eq!(certificate.issuer_location.as_deref(), Some("http://ca.example.net/intermediate.der"));
    assert!(!certificate.self_issued && !certificate.is_ca && certificate.for_servers);
    assert_eq!(date(certificate.not_after), "2026-07-31T00:00:00Z");
}

#[test]
fn keys_are_named() {
    for (kind, name) in [(Key::Rsa(2048), "RSA 2048"), (Key::P521, "EC P-521"), (Key::Ed25519, "Ed25519")] {
        let made = make(&Plan { key: kind, ..Plan::default() }, None);
        assert_eq!(reads(&[&made])[0].key, name);
    }
}

#[test]
fn a_healthy_chain_has_no_fault() {
    let root = root();
    let middle = intermediate(&root);
    for kind in [Key::P256, Key::P521, Key::Rsa(2048), Key::Ed25519] {
        let leaf = make(&Plan { key: kind, ..Plan::default() }, Some(&middle));
        assert_eq!(codes(&[&leaf, &middle], Some(true)), [""; 0]);
        assert_eq!(codes(&[&leaf, &middle, &root], Some(true)), [""; 0]);
        assert_eq!(codes(&[&leaf, &middle], None), [""; 0]);
    }
}

#[test]
fn one_fault_each() {
    let root = root();
    let middle = intermediate(&root);
    let table: &[(Plan, &[&str])] = &[
        (Plan { until: -3, ..Plan::default() }, &["cert-expired"]),
        (Plan { from: 2, ..Plan::default() }, &["cert-not-yet-valid"]),
        (Plan { until: 14, ..Plan::default() }, &["cert-expires-soon"]),
        (Plan { until: 15, ..Plan::default() }, &[]),
        (Plan { names: vec!["other.example.com"], ..Plan::default() }, &["cert-name-mismatch"]),
        (Plan { names: vec!["*.example.com"], ..Plan::default() }, &[]),
        (Plan { names: vec!["*.mail.example.com"], ..Plan::default() }, &["cert-name-mismatch"]),
        (Plan { names: vec!["*.com"], ..Plan::default() }, &["cert-name-mismatch"]),
        (Plan { names: vec!["m*l.example.com"], ..Plan::default() }, &["cert-name-mismatch"]),
        (Plan { names: vec!["MAIL.EXAMPLE.COM"], ..Plan::default() }, &[]),
        (Plan { names: vec![], ..Plan::default() }, &["cert-common-name-only"]),
        (Plan { names: vec![], common_name: "x.example.com", ..Plan::default() }, &["cert-name-mismatch"]),
        (Plan { client_only: true, ..Plan::default() }, &["cert-wrong-usage"]),
        (Plan { key: Key::Rsa(1024), ..Plan::default() }, &["cert-weak-key"]),
        (Plan { digest: MessageDigest::sha1, ..Plan::default() }, &["cert-weak-signature"]),
        (Plan { version_one: true, ..Plan::default() }, &["cert-common-name-only"]),
    ];
    for (row, (plan, expected)) in table.iter().enumerate() {
        let leaf = make(plan, Some(&middle));
        assert_eq!(codes(&[&leaf, &middle], Some(true)), *expected, "row {row}");
    }
}

#[test]
fn all_faults_at_once() {
    let plan = Plan {
        until: -400,
        from: -500,
        names: vec!["other.example.com"],
        key: Key::Rsa(1024),
        client_only: true,
        ..Plan::default()
    };
    let leaf = make(&plan, None);
    let found = faults(
        &reads(&[&leaf]),
        &Host::parse("mail.example.com").unwrap(),
        NOW,
        true,
        Some(false),
        &Vec::new(),
    );
    let codes: Vec<_> = found.iter().map(|fault| fault.code).collect();
    assert_eq!(
        codes,
        ["cert-expired", "cert-weak-key", "cert-name-mismatch", "cert-wrong-usage", "cert-self-signed"]
    );
    assert!(found[0].facts.contains(&("days", "400".into())));
    assert!(found[2].facts.contains(&("names", "other.example.com".into())));
}

#[test]
fn why_no_root_was_reached() {
    let root = root();
    let middle = intermediate(&root);
    let with_location = make(&Plan { location: true, ..Plan::default() }, Some(&middle));
    let without = make(&Plan::default(), Some(&middle));
    assert_eq!(codes(&[&with_location], Some(false)), ["cert-chain-incomplete"]);
    assert_eq!(codes(&[&without], Some(false)), ["cert-unknown-ca"]);
    assert_eq!(codes(&[&with_location, &middle], Some(false)), ["cert-unknown-ca"]);
    assert_eq!(codes(&[&with_location, &middle, &root], Some(false)), ["cert-unknown-ca"]);
    let stranger = intermediate(&root);
    assert_eq!(
        codes(&[&with_location, &stranger], Some(false)),
        ["cert-chain-incomplete"],
        "the wrong intermediate"
    );
    assert_eq!(codes(&[&make(&Plan::default(), None)], Some(false)), ["cert-self-signed"]);
    assert_eq!(codes(&[&make(&Plan::default(), None)], Some(true)), [""; 0], "trusted on purpose");
    // Without the whole chain nothing is said of what is missing.
    let host = Host::parse("mail.example.com").unwrap();
    let found = faults(&reads(&[&with_location]), &host, NOW, false, Some(false), &Vec::new());
    assert_eq!(found[0].code, "cert-unknown-ca");
    let found = faults(&reads(&[&with_location]), &host, NOW, true, None, &vec![(0, 20), (0, 21)]);
    assert_eq!(found[0].code, "cert-chain-incomplete");
}

#[test]
fn an_intermediate_has_faults_of_its_own() {
    let root = root();
    let expired = make(
        &Plan { common_name: "Old Issuer", names: vec![], ca: true, until: -1, ..Plan::default() },
        Some(&root),
    );
    let leaf = make(&Plan::default(), Some(&expired));
    let found = faults(
        &reads(&[&leaf, &expired]),
        &Host::parse("mail.example.com").unwrap(),
        NOW,
        true,
        Some(false),
        &vec![],
    );
    assert_eq!((found[0].code, found[0].depth), ("cert-expired", 1));
    let old_root =
        make(&Plan { common_name: "Old Root", names: vec![], ca: true, until: -1, ..Plan::default() }, None);
    let leaf = make(&Plan::default(), Some(&old_root));
    assert_eq!(codes(&[&leaf, &old_root], Some(true)), [""; 0], "a root that was sent along harms nobody");
}

/// RFC 9525 §6: a name is compared as a whole, without case; a dot at the end of the host is not part of it, one in the
/// certificate is a mistake that current libraries do not forgive.
#[test]
fn dots_at_the_end_wildcards_and_addresses() {
    let fits = |names: &[&'static str], addresses: &[&'static str], host: &str| {
        let plan = Plan { names: names.to_vec(), addresses: addresses.to_vec(), ..Plan::default() };
        let made = make(&plan, None);
        matches(&reads(&[&made])[0], &Host::parse(host).unwrap())
    };
    assert!(fits(&["mail.example.com"], &[], "mail.example.com."));
    assert!(fits(&["MAIL.Example.com"], &[], "mail.EXAMPLE.com"));
    assert!(!fits(&["mail.example.com."], &[], "mail.example.com"));
    assert!(fits(&["*.example.com"], &[], "mail.example.com"));
    for host in ["example.com", "a.mail.example.com"] {
        assert!(!fits(&["*.example.com"], &[], host), "{host}");
    }
    assert!(!fits(&["*.com"], &[], "mail.example.com"));
    assert!(fits(&[], &["2001:db8::1"], "2001:0db8:0::1"));
    assert!(fits(&[], &["2001:db8::1"], "[2001:db8::1]"));
    assert!(!fits(&["mail.example.com"], &["192.0.2.1"], "192.0.2.2"));
}

#[test]
fn a_mismatch_names_what_stands_near_it() {
    let why = |names: &[&'static str], common_name: &'static str, host: &str| {
        let made = make(&Plan { names: names.to_vec(), common_name, ..Plan::default() }, None);
        let found = faults(&reads(&[&made]), &Host::parse(host).unwrap(), NOW, true, Some(true), &Vec::new());
        let mismatch = found.into_iter().find(|fault| fault.code == "cert-name-mismatch").unwrap();
        mismatch.facts.into_iter().filter(|(name, _)| !matches!(*name, "host" | "names")).collect::<Vec<_>>()
    };
    let one = |name, value: &str| vec![(name, value.to_owned())];
    assert_eq!(why(&["*.example.com"], "x", "a.b.example.com"), one("wildcard", "*.example.com"));
    assert_eq!(why(&["*.Example.com"], "x", "example.com"), one("wildcard", "*.Example.com"));
    assert_eq!(
        why(&["a.example.com"], "b.example.com", "b.example.com"),
        one("common_name", "b.example.com")
    );
    assert_eq!(why(&["a.example.com"], "x", "192.0.2.1"), one("address", "192.0.2.1"));
    assert_eq!(why(&["a.example.com"], "x", "b.example.com"), vec![]);
}

#[test]
fn addresses_are_names_too() {
    let by_address = make(&Plan { names: vec![], addresses: vec!["192.0.2.1"], ..Plan::default() }, None);
    assert_eq!(codes_for(&[&by_address], "192.0.2.1", Some(true)), [""; 0]);
    assert_eq!(codes_for(&[&by_address], "192.0.2.2", Some(true)), ["cert-name-mismatch"]);
    let by_name = make(&Plan { names: vec!["192.0.2.1"], ..Plan::default() }, None);
    assert_eq!(
        codes_for(&[&by_name], "192.0.2.1", Some(true)),
        ["cert-name-mismatch"],
        "a DNS name is no address"
    );
}

#[test]
fn the_order_and_what_is_surplus() {
    let root = root();
    let middle = intermediate(&root);
    let leaf = make(&Plan::default(), Some(&middle));
    let stranger = make(&Plan { common_name: "Stranger", ..Plan::default() }, None);
    assert_eq!(
        arrange(&reads(&[&leaf, &root, &stranger, &middle])),
        Arrangement { path: vec![0, 3, 1], surplus: vec![2], in_order: false, ends_in_root: true }
    );
    assert_eq!(
        arrange(&reads(&[&leaf, &middle])),
        Arrangement { path: vec![0, 1], surplus: vec![], in_order: true, ends_in_root: false }
    );
    assert_eq!(arrange(&[]), Arrangement { in_order: true, ..Arrangement::default() });
}

#[test]
fn what_a_stranger_writes_into_a_name_stays_harmless() {
    let made = make(
        &Plan { common_name: "a\u{1b}[2Jb", names: vec!["x\u{7}.example.com"], ..Plan::default() },
        None,
    );
    let certificate = reads(&[&made]).remove(0);
    for text in [&certificate.subject, &certificate.issuer, &certificate.names[0]] {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_der_is_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    #[test]
    fn nor_is_a_broken_certificate(flips in proptest::collection::vec((0..700_usize, any::<u8>()), 1..8)) {
        use std::sync::OnceLock;
        static DER: OnceLock<Vec<u8>> = OnceLock::new();
        let mut der = DER
            .get_or_init(|| make(&Plan { location: true, ..Plan::default() }, Some(&root())).certificate.to_der().unwrap())
            .clone();
        for (at, byte) in flips {
            if let Some(place) = der.get_mut(at) {
                *place = byte;
            }
        }
        if let Ok(certificate) = read(&der) {
            faults(&[certificate], &Host::parse("mail.example.com").unwrap(), NOW, true, Some(false), &Vec::new());
        }
    }
}
