use std::collections::BTreeSet;
use std::net::IpAddr;

use super::*;
use crate::event::{
    Awaited, CloseKind, ConnectOutcome, IcmpError, LookupOutcome, Micros, ProbeId, Record, RecordData,
    RecordType, Side, Verification,
};
use crate::wire::enhanced::EnhancedCode;

fn line(text: &str, encrypted: bool, meaning: Meaning) -> Line {
    Line {
        at: Micros(0),
        probe: ProbeId(1),
        route: None,
        port: Some(587),
        from: From::Server,
        layer: Layer::Smtp,
        encrypted,
        text: text.to_owned(),
        meaning,
    }
}

fn note_in(context: &Context<'_>, line: &Line) -> Note {
    draft(context, line).finish().unwrap_or_else(|| panic!("nothing is said about {line:?}"))
}

fn note(text: &str, meaning: Meaning) -> Note {
    note_in(&Context::default(), &line(text, false, meaning))
}

fn text(meaning: Meaning) -> String {
    note("", meaning).text
}

fn capability(text: &str, encrypted: bool) -> Note {
    let read = crate::wire::capability::Capability::parse(text.as_bytes()).unwrap();
    let meaning = Meaning::Capability { keyword: read.keyword, parameters: read.parameters, encrypted };
    note_in(&Context::default(), &line(&format!("250-{text}"), encrypted, meaning))
}

fn reply(code: u16, enhanced: &str, to: &str) -> Meaning {
    Meaning::Reply { code: Some(code), enhanced: EnhancedCode::parse(enhanced), to: to.to_owned() }
}

#[test]
fn a_note_is_about_this_very_line() {
    assert_eq!(
        capability("SIZE 35882577", true),
        Note {
            text: "Messages may have up to 35882577 octets, which is 35.8 MB. Attachments grow by about a third on \
                   the way, so files may have about 26.2 MB in all."
                .to_owned(),
            reference: Some("RFC 1870 §3".to_owned()),
        }
    );
    let greeting = Meaning::Greeting { code: Some(220), enhanced: None, first: true };
    assert_eq!(
        note("220 mx.example.com ESMTP Postfix", greeting).text,
        "In SMTP the server speaks first. 220 says that it is ready, and mx.example.com is what it calls itself."
    );
    assert!(text(reply(220, "2.0.0", "STARTTLS")).starts_with("220: go ahead."));
    assert!(text(reply(250, "", "HELO")).contains("HELO"));
}

#[test]
fn auth_is_explained_one_by_one() {
    let plain = capability("AUTH PLAIN XOAUTH2 X-NEW", true).text;
    assert_eq!(
        plain,
        "The server lets users sign in by PLAIN (name and password in one line, readable for the server, safe only \
         inside TLS), XOAUTH2 (an access token instead of a password, Google's own form of OAuth), X-NEW (unknown \
         to ehlo)."
    );
    assert!(capability("AUTH PLAIN", false).text.contains("in cleartext"));
    assert!(capability("AUTH=LOGIN", true).text.contains("AUTH="));
    assert!(capability("AUTH", true).text.contains("without a mechanism"));
}

#[test]
fn sizes_in_plain_units() {
    for (limit, megabytes) in
        [("10240000", "10.2 MB"), ("512000", "512 kB"), ("1000000", "1 MB"), ("2500000000", "2.5 GB")]
    {
        let note = capability(&format!("SIZE {limit}"), true).text;
        assert!(note.contains(&format!("which is {megabytes}.")), "{note}");
    }
    assert!(capability("SIZE 0", true).text.contains("no fixed limit"));
    assert!(capability("SIZE", true).text.contains("does not say"));
    assert!(capability("SIZE lots", true).text.contains("does not say"));
    assert!(capability("SIZE 18446744073709551615", true).text.contains("GB"));
}

#[test]
fn what_known_servers_offer_is_known() {
    let postfix = "PIPELINING SIZE VRFY ETRN STARTTLS AUTH ENHANCEDSTATUSCODES 8BITMIME DSN SMTPUTF8 CHUNKING XCLIENT XFORWARD";
    let exim = "SIZE LIMITS 8BITMIME PIPELINING PIPECONNECT X_PIPE_CONNECT CHUNKING STARTTLS PRDR HELP AUTH EXPN DSN ETRN";
    let exchange = "SIZE PIPELINING DSN ENHANCEDSTATUSCODES STARTTLS X-ANONYMOUSTLS AUTH X-EXPS 8BITMIME BINARYMIME CHUNKING \
                    XEXCH50 XRDST XSHADOW XSHADOWREQUEST SMTPUTF8 TURN ATRN XLINK2STATE XPROXY XPROXYFROM XPROXYTO XOORG";
    let others = "BURL DELIVERBY MT-PRIORITY REQUIRETLS NO-SOLICITING FUTURERELEASE SUBMITTER OK";
    for keyword in [postfix, exim, exchange, others].join(" ").split_ascii_whitespace() {
        let note = capability(keyword, false).text;
        assert!(!note.contains("does not know"), "{note}");
    }
    assert!(capability("X-EXPS=LOGIN", false).text.contains("(LOGIN)"));
    assert!(capability("X-FOO", false).text.contains("does not know X-FOO"));
    assert!(capability("FOO", false).text.contains("does not know FOO"));
    assert!(capability("XXXXXXXA", false).text.contains("overwritten"));
    for key_of_ours in ["unknown", "name", "AUTH-bare", "STARTTLS-again"] {
        assert!(capability(key_of_ours, false).text.contains("does not know"), "{key_of_ours}");
    }
}

#[test]
fn the_same_code_means_something_else_after_another_command() {
    let notes: BTreeSet<String> =
        ["", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"].map(|to| text(reply(503, "", to))).into();
    assert_eq!(notes.len(), 7);
    assert!(text(reply(535, "5.7.8", "AUTH")).ends_with("5.7.8: the credentials are not valid."));
    assert!(text(reply(550, "5.7.139", "AUTH")).contains("5.7.139 is not registered"));
    assert!(text(reply(250, "2.6.0", "DATA")).ends_with("2.6.0: success."));
    assert!(text(reply(477, "", "FOO")).starts_with("477: a code that begins with 4"));
}

#[test]
fn ehlo_inside_tls_is_said_to_be_the_second_only_where_it_is() {
    let ehlo = Meaning::Command { verb: "EHLO".to_owned(), argument: "laptop".to_owned() };
    let inside = line("EHLO laptop", true, ehlo);
    let upgraded = Context { tls: Some(TlsMode::Starttls), ..Context::default() };
    let implicit = Context { tls: Some(TlsMode::Implicit), ..Context::default() };
    assert!(note_in(&upgraded, &inside).text.contains("once more"));
    assert!(note_in(&implicit, &inside).text.contains("introduce ourselves as laptop"));
}

#[test]
fn parts_of_a_cipher_suite() {
    let hello = |version: &str, cipher: &str, group: Option<&str>| {
        text(Meaning::ServerHello {
            version: version.to_owned(),
            cipher: cipher.to_owned(),
            group: group.map(str::to_owned),
        })
    };
    assert_eq!(
        hello("TLSv1.3", "TLS_AES_256_GCM_SHA384", Some("x25519")),
        "TLS 1.3 was chosen, the newest version. AES-256-GCM encrypts the data and shows every change to it. The key \
         was agreed on over the curve X25519."
    );
    assert!(hello("TLSv1.3", "TLS_AES_128_CCM_8_SHA256", Some("X25519MLKEM768")).contains("quantum"));
    let old = hello("TLSv1.2", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", None);
    assert!(
        old.contains("ECDHE agrees on a fresh key") && old.contains("CHACHA20-POLY1305 encrypts"),
        "{old}"
    );
    assert!(hello("TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA", None).contains("RSA key"));
    assert!(hello("TLSv1.0", "TLS_DH_anon_WITH_RC4_128_MD5", None).contains("could be it. RC4 is broken"));
    assert!(hello("TLSv1.2", "0x1234", Some("0x4242")).contains("in the group 0x4242"));
}

#[test]
fn a_server_cannot_write_into_a_note() {
    let hostile = "\u{1b}[2J{name}\u{202e}";
    let samples = [
        Meaning::Capability {
            keyword: hostile.to_owned(),
            parameters: vec![hostile.to_owned()],
            encrypted: true,
        },
        Meaning::Capability {
            keyword: "AUTH".to_owned(),
            parameters: vec![hostile.to_owned()],
            encrypted: true,
        },
        Meaning::Capability {
            keyword: "LIMITS".to_owned(),
            parameters: vec![hostile.to_owned()],
            encrypted: true,
        },
        Meaning::Command { verb: hostile.to_owned(), argument: hostile.to_owned() },
        Meaning::EhloName,
        Meaning::ClientHello { versions: vec![hostile.to_owned()], server_name: Some(hostile.to_owned()) },
        Meaning::ServerHello {
            version: hostile.to_owned(),
            cipher: hostile.to_owned(),
            group: Some(hostile.to_owned()),
        },
        Meaning::Lookup {
            name: hostile.to_owned(),
            record: RecordType::Txt,
            outcome: LookupOutcome::Answers(vec![record(RecordData::Txt(hostile.repeat(1000)))]),
        },
        Meaning::Lookup {
            name: hostile.to_owned(),
            record: RecordType::A,
            outcome: LookupOutcome::ServFail { extended: Some((6, hostile.repeat(1000))) },
        },
        Meaning::Connect(ConnectOutcome::Proxy { text: hostile.to_owned() }),
    ];
    for meaning in samples {
        let note = note(&format!("250-{hostile} {hostile}"), meaning.clone()).text;
        assert!(!note.chars().any(crate::wire::printable::is_hidden), "{note:?}");
        assert!(note.to_lowercase().contains("<1b>[2j{name}<u+202e>"), "{note}");
        assert!(note.chars().count() <= 2 * MAX_FACT, "{meaning:?}");
    }
}

#[test]
fn references_and_texts_have_their_form() {
    assert!(GLOSSARY.len() > 30, "the glossary cannot be read");
    for (section, entries) in GLOSSARY.iter() {
        for (key, entry) in entries {
            let at = format!("{section}.{key}");
            let part_of_a_sentence = matches!(section.as_str(), "extended" | "mechanism");
            assert_eq!(entry.text.trim(), entry.text, "{at}");
            assert!(entry.text.len() > 5, "{at}");
            assert_eq!(entry.text.ends_with(['.', ':', '}']), !part_of_a_sentence, "{at}");
            assert!(!entry.text.chars().any(char::is_control), "{at}");
            assert!(!entry.text.contains('—') && !entry.text.contains("  "), "{at}");
            assert!(entry.reference.as_deref().is_none_or(is_a_reference), "{at}: {:?}", entry.reference);
        }
    }
}

/// `RFC 5321 §4.2`, an appendix as in `RFC 5321 §F.1`, or an RFC as a whole.
fn is_a_reference(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("RFC ") else { return false };
    let (number, section) = rest.split_once(" §").unwrap_or((rest, "1"));
    let mut parts = section.split('.');
    let first = parts.next().unwrap_or_default();
    let digits = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(number) && (digits(first) || matches!(first.as_bytes(), [b'A'..=b'Z'])) && parts.all(digits)
}

#[test]
fn what_is_a_reference() {
    for good in ["RFC 792", "RFC 5321 §4.2", "RFC 5321 §4.5.3.2.1", "RFC 8446 §D.4", "RFC 4422 §A"] {
        assert!(is_a_reference(good), "{good}");
    }
    for bad in ["", "RFC", "RFC 5321 4.2", "RFC 5321 §", "RFC 5321 §4.", "rfc 1", "RFC 5321 §4.2; RFC 1 §1"]
    {
        assert!(!is_a_reference(bad), "{bad}");
    }
}

/// Every line that can be: each has its note, nothing is left to fill in, and no entry is there in vain.
#[test]
fn every_line_has_a_note_and_every_entry_a_line() {
    let mut unused: BTreeSet<(String, String)> = GLOSSARY
        .iter()
        .flat_map(|(section, entries)| entries.keys().map(move |key| (section.clone(), key.clone())))
        .filter(|(section, _)| !matches!(section.as_str(), "extended" | "mechanism"))
        .collect();
    for (context, line) in samples() {
        let draft = draft(&context, &line);
        for used in &draft.used {
            unused.remove(used);
        }
        let note = draft.finish().unwrap_or_else(|| panic!("nothing is said about {line:?}"));
        assert!(!note.text.contains(['{', '}']), "{} for {line:?}", note.text);
        assert!(
            ![", ,", "  ", " .", "()", " :"].iter().any(|gap| note.text.contains(gap)),
            "{} for {line:?}",
            note.text
        );
        assert!(!note.text.chars().any(char::is_control));
        let sentences = note.text.matches(". ").count() + 1;
        assert!(sentences <= 6, "{sentences} sentences: {}", note.text);
        assert!(note.reference.iter().flat_map(|all| all.split("; ")).all(is_a_reference), "{note:?}");
    }
    assert!(unused.is_empty(), "never said: {unused:?}");
    // Parts of sentences are found by number or name alone.
    for number in (0..=24).map(|number: u16| number.to_string()) {
        assert!(entry("extended", &number).is_some(), "{number}");
    }
}

/// IANA's registry of enhanced status codes: subject, and how many details are registered under it.
#[test]
fn every_registered_enhanced_code_is_known() {
    for (subject, details) in [(0, 0), (1, 10), (2, 4), (3, 6), (4, 7), (5, 6), (6, 10), (7, 30)] {
        for detail in 0..=details {
            for class in [4, 5] {
                let code = EnhancedCode { class, subject, detail };
                let note =
                    text(Meaning::Reply { code: Some(550), enhanced: Some(code), to: "RCPT".to_owned() });
                assert!(note.contains(&format!(" {code}: ")), "{note}");
            }
        }
    }
}

fn record(data: RecordData) -> Record {
    Record { name: "smtp.example.com".to_owned(), ttl: 300, data }
}

fn certificate(self_issued: bool, names: &[&str], common_name: Option<&str>) -> Certificate {
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

#[test]
fn a_certificate_in_plain_words() {
    let own = certificate(false, &["a.example", "b.example", "c.example", "d.example"], None);
    let context = Context { certificate: Some(&own), ..Context::default() };
    let meaning = Meaning::Certificate { depth: 0, faults: vec!["cert-expired", "cert-name-mismatch"] };
    assert_eq!(
        note_in(&context, &line("", false, meaning)).text,
        "The server's own certificate, for a.example, b.example, c.example and 1 more, issued by CN=Example CA. It \
         is valid from 2023-11-14 to 2027-01-15. It has expired. It does not bear the name that was asked for."
    );
}

/// A line of every kind, in every context that makes a difference.
fn samples() -> Vec<(Context<'static>, Line)> {
    let mut all = Vec::new();
    for (text, meaning) in network().into_iter().chain(smtp()).chain(tls()) {
        for encrypted in [false, true] {
            for port in [25, 465, 587, 2525, 26] {
                let line = Line { port: Some(port), ..line(&text, encrypted, meaning.clone()) };
                all.push((Context { tls: Some(TlsMode::Starttls), ..Context::default() }, line));
            }
        }
    }
    let answer = || Meaning::Lookup {
        name: "smtp.example.com".to_owned(),
        record: RecordType::A,
        outcome: LookupOutcome::Answers(vec![record(RecordData::Address(IpAddr::from([192, 0, 2, 1])))]),
    };
    for source in
        [LookupSource::HostsFile, LookupSource::Given, LookupSource::Literal, LookupSource::Dns(None)]
    {
        let source: &'static LookupSource = Box::leak(Box::new(source));
        all.push((Context { source: Some(source), ..Context::default() }, line("", false, answer())));
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
        let known: &'static Certificate = Box::leak(Box::new(known));
        for depth in [0, 1] {
            let context = Context { certificate: Some(known), ..Context::default() };
            all.push((context, line("", false, Meaning::Certificate { depth, faults: Vec::new() })));
        }
    }
    all
}

fn network() -> Vec<(String, Meaning)> {
    let words = || "no such thing".to_owned();
    let mut all = vec![Meaning::ConnectStarted, Meaning::Chosen, Meaning::LimitReached, Meaning::Remark];
    all.extend([true, false].map(|agrees| Meaning::SystemLookup { agrees }));

    let name = || "smtp.example.com".to_owned();
    let host = || "mx.example.net".to_owned();
    let mx = |exchange: &str| RecordData::Mx { preference: 0, exchange: exchange.to_owned() };
    let srv = |target: &str| RecordData::Srv { priority: 0, weight: 0, port: 587, target: target.to_owned() };
    let address = RecordData::Address(IpAddr::from([192, 0, 2, 1]));
    let tlsa = RecordData::Tlsa { usage: 3, selector: 1, matching: 1, data: "00".to_owned() };
    let answers = [
        (RecordType::A, vec![address.clone()]),
        (RecordType::A, vec![RecordData::Cname(host()), address.clone(), address.clone()]),
        (RecordType::Aaaa, vec![address; 9]),
        (RecordType::Cname, vec![RecordData::Cname(host())]),
        (RecordType::Mx, vec![mx(&host()), mx("mx2.example.net")]),
        (RecordType::Mx, vec![mx(".")]),
        (RecordType::Srv, vec![srv(&host())]),
        (RecordType::Srv, vec![srv(".")]),
        (RecordType::Txt, vec![RecordData::Txt("v=spf1 -all".to_owned())]),
        (RecordType::Tlsa, vec![tlsa]),
        (RecordType::Ptr, vec![RecordData::Ptr(host())]),
        (RecordType::A, vec![RecordData::Cname(host())]),
        (RecordType::A, Vec::new()),
    ];
    for (kind, data) in answers {
        let outcome = LookupOutcome::Answers(data.into_iter().map(record).collect());
        all.push(Meaning::Lookup { name: name(), record: kind, outcome });
    }
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
            outcome,
        }));
    }

    let mut outcomes = vec![
        ConnectOutcome::Connected,
        ConnectOutcome::TimedOut,
        ConnectOutcome::Reset,
        ConnectOutcome::LocalRefusal { errno: 1 },
        ConnectOutcome::Failed { errno: None, text: words() },
        ConnectOutcome::Proxy { text: words() },
        ConnectOutcome::Cancelled,
    ];
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
    all.extend(outcomes.into_iter().map(Meaning::Connect));

    all.extend([CloseKind::Reset, CloseKind::ByUs].map(Meaning::Closed));
    all.push(Meaning::Closed(CloseKind::Failed { errno: None, text: words() }));
    all.extend([Awaited::Greeting, Awaited::Reply, Awaited::Handshake].map(Meaning::WaitExpired));
    all.into_iter().map(|meaning| (String::new(), meaning)).collect()
}

fn smtp() -> Vec<(String, Meaning)> {
    let mut all = Vec::new();
    let command = |text: &str, verb: &str, argument: &str| {
        let meaning = Meaning::Command { verb: verb.to_owned(), argument: argument.to_owned() };
        (text.to_owned(), meaning)
    };
    for verb in ["EHLO", "HELO", "STARTTLS", "QUIT", "AUTH", "MAIL", "RCPT", "RSET", "DATA", "NOOP"] {
        all.push(command(verb, verb, ""));
    }
    all.push(command("EHLO laptop", "EHLO", "laptop"));
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
        command("****", "AUTH", "****"),
        command(".", "DATA", "."),
        command("Hello", "DATA", "Hello"),
    ]);
    all.push(command("X?", "", ""));

    for text in ["220 mx.example.com ESMTP", "220 ESMTP", "220 ****************2***0", "220", ""] {
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
                let text = format!("250-{keyword}=");
                all.push((text, Meaning::Capability { keyword, parameters, encrypted }));
            }
        }
    }

    for to in ["", "EHLO", "HELO", "STARTTLS", "QUIT", "AUTH", "MAIL", "RCPT", "RSET", "DATA", "NOOP"] {
        for code in (0..700).map(Some).chain([None]) {
            all.push((String::new(), Meaning::Reply { code, enhanced: None, to: to.to_owned() }));
        }
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
const FAULTS: [&str; 10] = [
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
    let mut all = vec![Meaning::ChangeCipherSpec, Meaning::TlsFailed];
    for verification in [Verification::Strict, Verification::Relaxed] {
        all.push(Meaning::TlsEstablished { verification });
        all.extend([true, false].map(|inspecting| Meaning::TlsStarted { verification, inspecting }));
    }
    for server_name in [None, Some("smtp.example.com".to_owned())] {
        for versions in [vec!["TLSv1.3".to_owned(), "TLSv1.2".to_owned()], Vec::new()] {
            all.push(Meaning::ClientHello { versions, server_name: server_name.clone() });
        }
    }
    let suites = [
        "TLS_AES_128_GCM_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_CCM_8_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
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
    all.extend([0, 1, 3].map(|certificates| Meaning::CertificateChain { certificates }));
    for code in FAULTS.into_iter().chain(["cert-new"]) {
        all.push(Meaning::Certificate { depth: 0, faults: vec![code] });
    }
    for from in [Side::Client, Side::Server] {
        all.push(Meaning::EncryptedRecords { from });
        for kind in 0..=255 {
            all.push(Meaning::Handshake { name: crate::wire::tls::names::handshake(kind), from });
            all.extend([1, 2].map(|level| Meaning::Alert { level, code: kind, from }));
        }
    }
    all.into_iter().map(|meaning| (String::new(), meaning)).collect()
}
