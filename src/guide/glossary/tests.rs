use std::collections::BTreeSet;

use super::*;
use crate::event::{
    ConnectOutcome, LookupOutcome, LookupSource, Micros, ProbeId, ProxyFault, RecordData, RecordType,
};
use crate::wire::enhanced::EnhancedCode;

mod samples;

use samples::{certificate, record, samples};

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

fn note_in(context: &Context, line: &Line) -> Note {
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
            text: "SIZE: messages may have up to 35882577 octets, which is 35.8 MB. Attachments grow by about a third on \
                   the way, so files may have about 26.2 MB in all."
                .to_owned(),
            reference: Some("RFC 1870 §3".to_owned()),
        }
    );
    let greeting = Meaning::Greeting { code: Some(220), enhanced: None, first: true };
    assert_eq!(
        note("220 mx.example.com ESMTP Postfix", greeting).text,
        "In SMTP the server speaks first. 220 says that it is ready, and mx.example.com is what it calls itself. \
         Behind it stands free text for people: \"ESMTP Postfix\". ESMTP is a custom, not a command: it says that \
         the server knows EHLO and its extensions. The software is Postfix."
    );
    assert!(text(reply(220, "2.0.0", "STARTTLS")).starts_with("220: go ahead."));
    assert!(text(reply(250, "", "HELO")).contains("HELO"));
}

#[test]
fn auth_is_explained_one_by_one() {
    let plain = capability("AUTH PLAIN XOAUTH2 X-NEW", true).text;
    assert_eq!(
        plain,
        "AUTH: the server lets users sign in by PLAIN (name and password in one line, readable for the server, safe only \
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
    assert!(note_in(&implicit, &inside).text.contains("we introduce ourselves as laptop"));
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
        "TLS 1.3 was chosen, the newest version. The cipher suite is TLS_AES_256_GCM_SHA384. AES-256-GCM encrypts the \
         data and shows every change to it. SHA384 is the hash from which all keys are derived. The key was agreed on \
         over the curve X25519."
    );
    assert!(hello("TLSv1.3", "TLS_AES_128_CCM_8_SHA256", Some("X25519MLKEM768")).contains("quantum"));
    let old = hello("TLSv1.2", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", None);
    assert!(
        [
            "ECDHE agrees on a fresh key",
            "RSA key of its certificate",
            "CHACHA20-POLY1305 encrypts",
            "SHA256 is"
        ]
        .iter()
        .all(|part| old.contains(part)),
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
        Meaning::ClientHello {
            versions: vec![hostile.to_owned()],
            server_name: Some(hostile.to_owned()),
            ciphers: 1,
            groups: vec![hostile.to_owned()],
        },
        Meaning::ServerHello {
            version: hostile.to_owned(),
            cipher: hostile.to_owned(),
            group: Some(hostile.to_owned()),
        },
        Meaning::Lookup {
            name: hostile.to_owned(),
            record: RecordType::Txt,
            source: LookupSource::Dns(None),
            outcome: LookupOutcome::Answers(vec![record(RecordData::Txt(hostile.repeat(1000)))]),
        },
        Meaning::Lookup {
            name: hostile.to_owned(),
            record: RecordType::A,
            source: LookupSource::Dns(None),
            outcome: LookupOutcome::ServFail { extended: Some((6, hostile.repeat(1000))) },
        },
        Meaning::Connect {
            outcome: ConnectOutcome::Proxy { text: hostile.to_owned(), fault: ProxyFault::Unknown },
            address: hostile.to_owned(),
            took: Micros(1),
        },
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
            let part_of_a_sentence =
                matches!(section.as_str(), "extended" | "mechanism" | "limit" | "published");
            assert_eq!(entry.text.trim(), entry.text, "{at}");
            assert!(entry.text.len() > 5, "{at}");
            assert_eq!(entry.text.ends_with(['.', ':', '}']), !part_of_a_sentence, "{at}");
            assert!(!entry.text.chars().any(char::is_control), "{at}");
            assert!(!entry.text.contains('—') && !entry.text.contains("  "), "{at}");
            let mut sources = entry.reference.iter().flat_map(|all| all.split("; ")).peekable();
            // The extended errors are parts of a note that cites their RFC.
            assert!(sources.peek().is_some() || section == "extended", "{at} has no source");
            assert!(sources.all(is_a_reference), "{at}: {:?}", entry.reference);
        }
    }
}

/// Sources other than RFCs.
const DOCUMENTS: [&str; 29] = [
    "Cisco ASA, ESMTP inspection",
    "Dovecot, login_greeting",
    "Exim specification, pipelining_connect_advertise_hosts",
    "Exim specification, prdr_enable",
    "Exim specification, smtp_banner",
    "FIPS 203",
    "Google, XOAUTH2 Protocol",
    "Haraka, smtpgreeting",
    "IANA Mail Parameters",
    "Linux, snmp_counter",
    "IANA SASL Mechanisms",
    "IANA SMTP Enhanced Status Codes",
    "IANA TLS Parameters",
    "MS-SMTPNTLM",
    "Postfix VERP_README",
    "Postfix XCLIENT_README",
    "Postfix XFORWARD_README",
    "SSL_CTX_set_verify(3)",
    "Sendmail, SmtpGreetingMessage",
    "aiosmtpd, __ident__",
    "connect(2)",
    "draft-murchison-sasl-login",
    "hosts(5)",
    "icmp(7)",
    "ip(7)",
    "postconf(5), smtp_always_send_ehlo",
    "postconf(5), smtpd_banner",
    "recv(2)",
    "resolv.conf(5)",
];

/// `RFC 5321 §4.2`, an appendix as in `RFC 5321 §F.1`, an RFC as a whole, or a document of the list.
fn is_a_reference(text: &str) -> bool {
    if DOCUMENTS.contains(&text) {
        return true;
    }
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
        .filter(|(section, _)| !matches!(section.as_str(), "extended" | "mechanism" | "limit" | "published"))
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
        let sources = note.reference.as_deref().unwrap_or_else(|| panic!("no source: {note:?}"));
        assert!(sources.split("; ").all(is_a_reference), "{note:?}");
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

#[test]
fn a_certificate_in_plain_words() {
    let own = certificate(false, &["a.example", "b.example", "c.example", "d.example"], None);
    let mut context = Context { now: Some(1_790_000_000), ..Context::default() };
    let faults = vec!["cert-weak-key", "cert-name-mismatch"];
    let meaning = Meaning::Certificate { depth: 0, faults, certificate: std::sync::Arc::new(own) };
    let line = line("", false, meaning);
    assert_eq!(
        note_in(&context, &line).text,
        "Certificate 0 is the server's own: CN=smtp.example.com, for a.example, b.example, c.example and 1 more, \
         issued by CN=Example CA, with the key EC P-256, signed by ecdsa-with-SHA256. It is valid from 2023-11-14 to \
         2027-01-15. 115 days are left. Its key is too short for today. It does not bear the name that was asked for."
    );
    for (now, words) in [
        (1_800_000_000 + 86_401, "That ended 1 day ago."),
        (1_700_000_000 - 2 * 86_400, "That begins in 2 days."),
    ] {
        context.now = Some(now);
        assert!(note_in(&context, &line).text.contains(words), "{words}");
    }
}
