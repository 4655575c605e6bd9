//! Lines of every kind, for the proof that each has its note.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::*;
use super::line;
use crate::event::{
    Awaited, CloseKind, ConnectOutcome, IcmpError, InspectReason, LookupOutcome, LookupSource, Micros,
    ProxyFault, Record, RecordData, RecordType, Side, Verification,
};
use crate::wire::certificate::Certificate;
use crate::wire::enhanced::EnhancedCode;
use crate::wire::mta_sts::{Mode, Policy};

/// A line of every kind, in every context that makes a difference.
pub(super) fn samples() -> Vec<(Context, Line)> {
    let mut all = Vec::new();
    for (text, meaning) in network().into_iter().chain(smtp()).chain(tls()) {
        for encrypted in [false, true] {
            for port in [25, 465, 587, 2525, 26] {
                let line = Line { port: Some(port), ..line(&text, encrypted, meaning.clone()) };
                all.push((Context { tls: Some(TlsMode::Starttls), ..Context::default() }, line));
            }
        }
    }
    for source in [
        LookupSource::HostsFile,
        LookupSource::Given,
        LookupSource::Literal,
        LookupSource::Dns(None),
        LookupSource::Validated(None),
    ] {
        let address = RecordData::Address(IpAddr::from([192, 0, 2, 1]));
        let outcome = LookupOutcome::Answers(vec![record(address)]);
        let name = "smtp.example.com".to_owned();
        let answer = Meaning::Lookup { name, record: RecordType::A, source, outcome };
        all.push((Context::default(), line("", false, answer)));
    }
    for reached in [Reached::Nothing, Reached::Greeting, Reached::Quit] {
        let closed = line("", false, Meaning::Closed(CloseKind::ByServer));
        all.push((Context { reached, ..Context::default() }, closed));
    }
    for known in [
        certificate(false, &["smtp.example.com"], None),
        certificate(false, &[], Some("smtp.example.com")),
        certificate(true, &[], None),
    ] {
        let known = Arc::new(known);
        for depth in [0, 1] {
            for now in [None, Some(0), Some(1_750_000_000), Some(1_900_000_000)] {
                let context = Context { now, ..Context::default() };
                let meaning = Meaning::Certificate { depth, faults: Vec::new(), certificate: known.clone() };
                all.push((context, line("", false, meaning)));
            }
        }
    }
    all
}

/// Records that mail lives by, good and broken.
const PUBLISHED: &[(&str, &str)] = &[
    (
        "example.com",
        "v=spf1 include:_spf.example.net ip4:192.0.2.0/24 a mx:example.org exists:e.example ptr +all",
    ),
    ("example.com", "v=spf1 -all"),
    ("example.com", "v=spf1 ?a ~all"),
    ("example.com", "v=spf1 ip6:2001:db8::1 ?all"),
    ("example.com", "v=spf1 a"),
    ("example.com", "v=spf1 redirect=_spf.example.net"),
    ("example.com", "v=spf1 nonsense -all"),
    ("_dmarc.example.com", "v=DMARC1; p=none; rua=mailto:a@example.com"),
    ("_dmarc.example.com", "v=DMARC1; p=quarantine"),
    ("_dmarc.example.com", "v=DMARC1; p=reject"),
    ("_dmarc.example.com", "v=DMARC1; p=never"),
    ("s1._domainkey.example.com", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
    ("s1._domainkey.example.com", "v=DKIM1; p="),
    ("_mta-sts.example.com", "v=STSv1; id=20261125"),
    ("_mta-sts.example.com", "v=STSv1; id=no-no"),
];

fn network() -> Vec<(String, Meaning)> {
    let words = || "no such thing".to_owned();
    let address = || "192.0.2.1:587".to_owned();
    let mut all = vec![
        Meaning::ConnectStarted { address: address() },
        Meaning::DroppedHere { address: address(), took: Micros(5_000_000) },
        Meaning::Chosen { address: address() },
        Meaning::LimitReached { what: words() },
        Meaning::Remark,
    ];
    for agrees in [true, false] {
        for result in [Ok(vec![IpAddr::from([192, 0, 2, 1])]), Ok(Vec::new()), Err(words())] {
            all.push(Meaning::SystemLookup { host: "smtp.example.com".to_owned(), result, agrees });
        }
    }

    let name = || "smtp.example.com".to_owned();
    let host = || "mx.example.net".to_owned();
    let mx = |exchange: &str| RecordData::Mx { preference: 0, exchange: exchange.to_owned() };
    let srv = |target: &str| RecordData::Srv { priority: 0, weight: 0, port: 587, target: target.to_owned() };
    let data = RecordData::Address(IpAddr::from([192, 0, 2, 1]));
    let tlsa = RecordData::Tlsa { usage: 3, selector: 1, matching: 1, data: "00".to_owned() };
    let answers = [
        (RecordType::A, vec![data.clone()]),
        (RecordType::A, vec![RecordData::Cname(host()), data.clone(), data.clone()]),
        (RecordType::Aaaa, vec![data; 9]),
        (RecordType::Cname, vec![RecordData::Cname(host())]),
        (RecordType::Mx, vec![mx(&host()), mx("mx2.example.net")]),
        (RecordType::Mx, vec![mx(".")]),
        (RecordType::Srv, vec![srv(&host())]),
        (RecordType::Srv, vec![srv(".")]),
        (RecordType::Txt, vec![RecordData::Txt("google-site-verification=x".to_owned())]),
        (RecordType::Tlsa, vec![tlsa]),
        (RecordType::Ptr, vec![RecordData::Ptr(host())]),
        (RecordType::A, vec![RecordData::Cname(host())]),
        (RecordType::A, Vec::new()),
    ];
    for (kind, data) in answers {
        let outcome = LookupOutcome::Answers(data.into_iter().map(record).collect());
        all.push(Meaning::Lookup { name: name(), record: kind, source: LookupSource::Dns(None), outcome });
    }
    for (name, text) in PUBLISHED {
        let outcome = LookupOutcome::Answers(vec![record(RecordData::Txt((*text).to_owned()))]);
        all.push(Meaning::Lookup {
            name: (*name).to_owned(),
            record: RecordType::Txt,
            source: LookupSource::Dns(None),
            outcome,
        });
    }
    for mode in [Mode::Enforce, Mode::Testing, Mode::None] {
        let policy = Ok(Policy { mode, mx: vec![host()], max_age: 604_800 });
        all.push(Meaning::Policy { host: name(), policy, took: Micros(76_000) });
    }
    all.push(Meaning::Policy { host: name(), policy: Err(words()), took: Micros(76_000) });
    let types = [
        RecordType::A,
        RecordType::Aaaa,
        RecordType::Cname,
        RecordType::Mx,
        RecordType::Srv,
        RecordType::Txt,
        RecordType::Tlsa,
        RecordType::Ptr,
    ];
    for kind in types {
        let mut outcomes = vec![
            LookupOutcome::NxDomain { at: "SMTP.example.com.".to_owned() },
            LookupOutcome::NxDomain { at: host() },
            LookupOutcome::NoData,
            LookupOutcome::ServFail { extended: None },
            LookupOutcome::Refused,
            LookupOutcome::OtherCode(4),
            LookupOutcome::TimedOut,
            LookupOutcome::Unreachable(words()),
            LookupOutcome::Malformed(words()),
        ];
        outcomes.extend((0..30).map(|code| LookupOutcome::ServFail { extended: Some((code, words())) }));
        outcomes.push(LookupOutcome::ServFail { extended: Some((6, String::new())) });
        all.extend(outcomes.into_iter().map(|outcome| Meaning::Lookup {
            name: name(),
            record: kind,
            source: LookupSource::Dns(None),
            outcome,
        }));
    }

    let mut outcomes = vec![
        ConnectOutcome::Connected,
        ConnectOutcome::TimedOut,
        ConnectOutcome::Reset,
        ConnectOutcome::LocalRefusal { errno: 1 },
        ConnectOutcome::Failed { errno: None, text: words() },
        ConnectOutcome::Cancelled,
    ];
    let faults = [
        ProxyFault::Unreachable,
        ProxyFault::Denied,
        ProxyFault::Broken,
        ProxyFault::Name,
        ProxyFault::Refused,
        ProxyFault::TimedOut,
        ProxyFault::TargetUnreachable,
        ProxyFault::Unknown,
    ];
    outcomes.extend(faults.map(|fault| ConnectOutcome::Proxy { text: words(), fault }));
    outcomes.extend([97, 99, 101, 113, 51].map(|errno| ConnectOutcome::NoRoute { errno }));
    for v6 in [false, true] {
        for kind in [1, 2, 3, 4, 5, 11, 12] {
            for code in 0..18 {
                let sender = (code % 2 == 0).then(|| IpAddr::from([192, 0, 2, 254]));
                let error = IcmpError { v6, kind, code, sender, from_self: code % 3 == 0 };
                outcomes.push(ConnectOutcome::Icmp(error));
            }
        }
    }
    all.extend(outcomes.into_iter().map(|outcome| Meaning::Connect {
        outcome,
        address: address(),
        took: Micros(31_000),
    }));

    all.extend([CloseKind::Reset, CloseKind::ByUs].map(Meaning::Closed));
    all.push(Meaning::Closed(CloseKind::Failed { errno: None, text: words() }));
    all.extend(
        [Awaited::Greeting, Awaited::Reply, Awaited::Handshake]
            .map(|awaited| Meaning::WaitExpired { awaited, limit: Micros(30_000_000) }),
    );
    all.into_iter().map(|meaning| (String::new(), meaning)).collect()
}

fn smtp() -> Vec<(String, Meaning)> {
    let mut all = Vec::new();
    let command = |text: &str, verb: &str, argument: &str| {
        let meaning = Meaning::Command { verb: verb.to_owned(), argument: argument.to_owned() };
        (text.to_owned(), meaning)
    };
    for verb in
        ["EHLO", "HELO", "STARTTLS", "QUIT", "AUTH", "MAIL", "RCPT", "RSET", "DATA", "NOOP", "GET", "X"]
    {
        all.push(command(verb, verb, ""));
    }
    for (verb, argument) in [
        ("EHLO", "laptop"),
        ("HELO", "laptop"),
        ("MAIL", "FROM:<a@example.com>"),
        ("RCPT", "TO:<b@example.com>"),
    ] {
        all.push(command(&format!("{verb} {argument}"), verb, argument));
    }
    for mechanism in GLOSSARY.get("mechanism").unwrap().keys().map(String::as_str).chain(["X-NEW"]) {
        all.push(command(&format!("AUTH {mechanism}"), "AUTH", mechanism));
        let meaning = Meaning::Capability {
            keyword: "AUTH".to_owned(),
            parameters: vec![mechanism.to_owned()],
            encrypted: true,
        };
        all.push((format!("250-AUTH {mechanism}"), meaning));
    }
    all.extend([
        command("[hidden]", "AUTH", "[hidden]"),
        command("YW5uQGV4YW1wbGUuY29t", "AUTH", "YW5uQGV4YW1wbGUuY29t"),
        command("*", "AUTH", "*"),
        command("", "AUTH", ""),
        command(".", "DATA", "."),
        command("Hello", "DATA", "Hello"),
    ]);
    all.push(command("X?", "", ""));

    let mut greetings: Vec<String> =
        ["220 mx.example.com ESMTP", "220 ESMTP", "220 ****************2***0", "220", ""]
            .map(str::to_owned)
            .into();
    for software in GLOSSARY.get("software").unwrap().keys() {
        greetings.push(format!("220 mx.example.com ESMTP {software} Wed, 25 Nov 2026 10:00:00 +0000"));
    }
    greetings.push("250 mx.example.com Hello client [192.0.2.7], pleased to meet you".to_owned());
    for text in &greetings {
        for first in [true, false] {
            let meaning = Meaning::Greeting { code: Some(220), enhanced: None, first };
            all.push((text.to_owned(), meaning));
        }
        all.push((text.to_owned(), Meaning::Greeting { code: None, enhanced: None, first: true }));
        all.push((text.to_owned(), Meaning::EhloName));
    }
    for code in [421, 450, 521, 554, 550, 354, 0, 999] {
        all.push((String::new(), Meaning::Greeting { code: Some(code), enhanced: None, first: true }));
    }

    for keyword in
        GLOSSARY.get("capability").unwrap().keys().map(String::as_str).chain(["XXXXXXXA", "X-FOO", "FOO"])
    {
        for parameters in [Vec::new(), vec!["0".to_owned()], vec!["35882577".to_owned(), "x".to_owned()]] {
            for encrypted in [true, false] {
                let (keyword, parameters) = (keyword.to_owned(), parameters.clone());
                let text = format!("250{}{keyword}=", if encrypted { ' ' } else { '-' });
                all.push((text, Meaning::Capability { keyword, parameters, encrypted }));
            }
        }
    }

    let limits = ["RCPTMAX=100", "MAILMAX=9", "RCPTDOMAINMAX=1", "NEW=1"].map(str::to_owned).into();
    let limits = Meaning::Capability { keyword: "LIMITS".to_owned(), parameters: limits, encrypted: true };
    all.push((String::new(), limits));

    for to in ["", "EHLO", "HELO", "STARTTLS", "QUIT", "AUTH", "MAIL", "RCPT", "RSET", "DATA", "NOOP"] {
        let reply = Meaning::Reply { code: Some(250), enhanced: None, to: to.to_owned() };
        all.push(("250 all is well".to_owned(), reply));
        for code in (0..700).map(Some).chain([None]) {
            all.push((String::new(), Meaning::Reply { code, enhanced: None, to: to.to_owned() }));
        }
    }
    for text in ["334 VXNlcm5hbWU6", "334 [hidden]", "334 please", "334 ", "334"] {
        let asks = Meaning::Reply { code: Some(334), enhanced: None, to: "AUTH".to_owned() };
        all.push((text.to_owned(), asks));
    }
    for class in [2, 4, 5] {
        for subject in 0..10 {
            for detail in 0..40 {
                let enhanced = Some(EnhancedCode { class, subject, detail });
                let code = Some(u16::from(class) * 100 + 50);
                all.push((String::new(), Meaning::Reply { code, enhanced, to: "RCPT".to_owned() }));
                all.push((String::new(), Meaning::Greeting { code, enhanced, first: true }));
            }
        }
    }

    for looks_like in
        [None, Some("HTTP"), Some("SSH"), Some("IMAP"), Some("POP3"), Some("FTP"), Some("TLS"), Some("?")]
    {
        all.push((String::new(), Meaning::NotReply { looks_like }));
        all.push((String::new(), Meaning::NotTls { looks_like }));
    }
    all.push((String::new(), Meaning::NotTls { looks_like: Some("SMTP") }));
    all.push((String::new(), Meaning::AfterStarttls));
    all
}

/// The faults of certificates, by the codes of their findings.
const FAULTS: [&str; 11] = [
    "cert-common-name-only",
    "cert-expired",
    "cert-not-yet-valid",
    "cert-name-mismatch",
    "cert-self-signed",
    "cert-unknown-ca",
    "cert-chain-incomplete",
    "cert-wrong-usage",
    "cert-weak-key",
    "cert-weak-signature",
    "cert-expires-soon",
];

fn tls() -> Vec<(String, Meaning)> {
    let mut all = vec![
        Meaning::TlsFailed { words: Some("no".to_owned()), limit: None },
        Meaning::TlsFailed { words: None, limit: Some(Micros(30_000_000)) },
    ];
    for verification in [Verification::Strict, Verification::Relaxed] {
        all.push(Meaning::TlsEstablished { verification });
        let looks = [
            InspectReason::Chain,
            InspectReason::OlderTls,
            InspectReason::SmallHello,
            InspectReason::NoServerName,
        ];
        all.extend(looks.map(Some).into_iter().chain([None]).map(|why| Meaning::TlsStarted {
            verification,
            server_name: "smtp.example.com".to_owned(),
            library: "OpenSSL 3.0.17".to_owned(),
            why,
        }));
    }
    for server_name in [None, Some("smtp.example.com".to_owned())] {
        for versions in [vec!["TLSv1.3".to_owned(), "TLSv1.2".to_owned()], Vec::new()] {
            let (server_name, groups) = (server_name.clone(), vec!["x25519".to_owned()]);
            all.push(Meaning::ClientHello { versions, server_name, ciphers: 31, groups });
        }
    }
    let suites = [
        "TLS_AES_128_GCM_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_CCM_8_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_DHE_DSS_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_RSA_WITH_NULL_SHA",
        "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
        "TLS_ECDH_RSA_WITH_RC4_128_SHA",
        "TLS_DH_anon_WITH_AES_128_GCM_SHA256",
        "TLS_PSK_WITH_AES_128_CCM",
        "TLS_GOSTR341112_256_WITH_28147_CNT_IMIT",
        "0x1302",
    ];
    for version in ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3", "0x0305"] {
        for suite in suites {
            let (version, cipher) = (version.to_owned(), suite.to_owned());
            all.push(Meaning::ServerHello { version, cipher, group: None });
        }
    }
    let groups = [
        "x25519",
        "x448",
        "secp256r1",
        "secp384r1",
        "secp521r1",
        "X25519MLKEM768",
        "SecP256r1MLKEM768",
        "SecP384r1MLKEM1024",
        "X25519Kyber768Draft00",
        "ffdhe2048",
        "brainpoolP256r1tls13",
        "0x4242",
    ];
    for group in groups {
        let (version, cipher) = ("TLSv1.3".to_owned(), "TLS_AES_128_GCM_SHA256".to_owned());
        all.push(Meaning::ServerHello { version, cipher, group: Some(group.to_owned()) });
        all.push(Meaning::HelloRetryRequest { group: Some(group.to_owned()) });
    }
    all.push(Meaning::HelloRetryRequest { group: None });
    all.extend([0, 1, 3].map(|certificates| Meaning::CertificateChain { certificates, bytes: 1_400 }));
    for (certificates, ends_in_root) in [(1, true), (1, false), (3, true), (3, false)] {
        all.extend([(true, 0), (false, 1)].map(|(in_order, surplus)| Meaning::ChainOrder {
            certificates,
            in_order,
            surplus,
            ends_in_root,
        }));
    }
    for code in FAULTS.into_iter().chain(["cert-new"]) {
        let certificate = Arc::new(certificate(false, &[], None));
        all.push(Meaning::Certificate { depth: 0, faults: vec![code], certificate });
    }
    for from in [Side::Client, Side::Server] {
        all.push(Meaning::ChangeCipherSpec { from });
        all.push(Meaning::EncryptedRecords { records: 4, bytes: 1_234, from });
        for kind in 0..=255 {
            all.push(Meaning::Handshake { name: crate::wire::tls::names::handshake(kind), from });
            all.extend([1, 2, 3].map(|level| Meaning::Alert { level, code: kind, from }));
        }
    }
    all.into_iter().map(|meaning| (String::new(), meaning)).collect()
}

pub(super) fn record(data: RecordData) -> Record {
    Record { name: "smtp.example.com".to_owned(), ttl: 300, data }
}

pub(super) fn certificate(self_issued: bool, names: &[&str], common_name: Option<&str>) -> Certificate {
    Certificate {
        subject: "CN=smtp.example.com".to_owned(),
        issuer: "CN=Example CA".to_owned(),
        not_before: 1_700_000_000,
        not_after: 1_800_000_000,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        has_names: !names.is_empty(),
        common_name: common_name.map(str::to_owned),
        key: "EC P-256".to_owned(),
        key_bits: Some(256),
        signature: "ecdsa-with-SHA256".to_owned(),
        issuer_location: None,
        self_issued,
        is_ca: self_issued,
        for_servers: true,
        key_id: None,
        issuer_key_id: None,
        links: (Vec::new(), Vec::new()),
        der: Vec::new(),
    }
}
