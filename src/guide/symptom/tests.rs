//! The book proven, and what the explainer must not do.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::guide::{tree, words};

fn found(text: &str) -> Explanation {
    explain(text, &Settings::default())
}

fn first(text: &str) -> String {
    found(text).causes.first().map(|cause| cause.code.clone()).unwrap_or_default()
}

#[test]
fn the_ids_of_all_providers_are_a_page() {
    let list = page("providers").unwrap();
    let listed: Vec<&str> = list.parts.iter().filter_map(|part| part.text.split(": ").next()).collect();
    let ids: Vec<&str> = crate::guide::provider::all().iter().map(|provider| provider.id.as_str()).collect();
    assert_eq!(listed, ids);
    assert!(page("provider").is_none());
}

#[test]
fn the_book_holds_together() {
    let book = Book::read(SYMPTOMS, WORDS).unwrap();
    let causes: BTreeSet<&str> = book.cause.iter().map(|cause| cause.code.as_str()).collect();
    let symptoms: BTreeSet<&str> = book.symptom.iter().map(|symptom| symptom.id.as_str()).collect();
    let places: BTreeSet<&str> = book.place.iter().map(|place| place.id.as_str()).collect();
    assert_eq!((causes.len(), symptoms.len()), (book.cause.len(), book.symptom.len()), "an id stands twice");
    assert!(causes.len() >= 66 && symptoms.len() >= 100);
    let kinds = [
        "empty",
        "malformed",
        "described",
        "loopback",
        "private",
        "label",
        "address",
        "listed",
        "provider",
        "known",
        "ipv4only",
        "ipv6only",
    ];
    let is_kind = |kind: &str| kinds.contains(&kind) || places.contains(kind);
    let mut used = BTreeSet::new();
    for symptom in &book.symptom {
        let id = &symptom.id;
        assert_eq!(symptom.means.is_empty(), symptom.depth == Depth::Hint, "{id}");
        assert!(!symptom.signs.is_empty(), "{id}");
        for hidden in &symptom.hides {
            assert!(symptoms.contains(hidden.as_str()) && hidden != id, "{id} hides {hidden}");
        }
        for meaning in &symptom.means {
            used.insert(meaning.cause.as_str());
            assert!(causes.contains(meaning.cause.as_str()), "{id}: {}", meaning.cause);
            for condition in &meaning.conditions {
                for value in &condition.values {
                    let known = match condition.subject {
                        book::Subject::Port => value == "known" || value.parse::<u16>().is_ok(),
                        book::Subject::Host => is_kind(value),
                        book::Subject::Tls => ["starttls", "implicit", "none"].contains(&value.as_str()),
                        book::Subject::With => symptoms.contains(value.as_str()),
                    };
                    assert!(known, "{id}: {value}");
                }
            }
        }
        for sign in &symptom.signs {
            assert!(!sign.from.is_empty(), "{id}");
            assert!(!sign.say.is_empty() || !sign.code.is_empty(), "{id}: {} says nothing", sign.from);
            assert!(
                sign.say.iter().chain(&sign.and).chain(&sign.not).all(phrase::Phrase::is_sound),
                "{id}: {}",
                sign.from
            );
            assert!(sign.host.iter().all(|kind| is_kind(kind)), "{id}: {}", sign.from);
        }
    }
    let unused: Vec<_> = causes.difference(&used).collect();
    assert!(unused.is_empty(), "no symptom means {unused:?}");
}

#[test]
fn every_cause_says_what_it_is_and_where_to_start() {
    for cause in book().causes() {
        assert!(!cause.title.ends_with('.') && cause.title.len() < 100, "{}", cause.code);
        for text in [&cause.why, &cause.fix, &cause.decides] {
            assert!(text.ends_with('.') && !text.chars().any(char::is_control), "{}", cause.code);
        }
        assert_eq!(cause.start == "route", cause.mode.is_some(), "{}", cause.code);
        assert!(cause.start == "route" || tree::tree().step(&cause.start).is_some(), "{}", cause.code);
    }
}

/// The wording of one dialect for one cause, in settings that decide where the words do not.
#[test]
fn what_is_certain_is_said_so() {
    for (text, cause) in [
        (
            "msmtp: TLS handshake failed: An unexpected TLS packet was received.",
            "tls-mode-implicit-on-starttls-port",
        ),
        ("tls: first record does not look like a TLS handshake", "tls-mode-implicit-on-starttls-port"),
        (
            "javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
            "tls-mode-implicit-on-starttls-port",
        ),
        ("530 5.7.0 Must issue a STARTTLS command first", "auth-before-starttls-required"),
        (
            "550 5.7.30 Basic authentication is not supported for Client Submission.",
            "auth-disabled-by-provider",
        ),
        ("534-5.7.9 Application-specific password required", "auth-app-password-needed"),
        ("gomail: could not send email 1: unencrypted connection", "auth-refused-by-client-no-tls"),
        ("CLIENT wrappermode (port smtps/465) is unimplemented", "tls-mode-starttls-on-implicit-port"),
        ("503 5.5.4 <x>: Helo command rejected: need fully-qualified hostname", "helo-rejected"),
        ("certificate has expired", "cert-expired"),
        ("x509: certificate is valid for a.example.com, not b.example.com", "cert-hostname-mismatch"),
        ("554 5.7.1 <a@example.com>: Relay access denied", "relay-denied"),
        ("451 4.7.1 Greylisting in action, please come back later", "greylisted"),
        ("SSL routines::dh key too small", "tls-weak-crypto-rejected"),
        ("warning: SASL authentication failure: No worthy mechs found", "client-install-incomplete"),
    ] {
        let found = found(text);
        assert_eq!(found.causes[0].code, cause, "{text}");
        assert!(found.decided || cause == "client-install-incomplete", "{text}");
    }
}

#[test]
fn what_is_open_stays_open() {
    for text in [
        "Connection refused",
        "Connection timed out",
        "535 5.7.8 Error: authentication failed",
        "EOF",
        "SMTP connect() failed.",
        "certificate verify failed",
        "PKIX path building failed",
        "Could not convert socket to TLS",
        "Net::ReadTimeout",
        "SMTP AUTH extension not supported by server.",
        "550 5.7.1 not allowed",
        "421",
        "unable to verify the first certificate",
    ] {
        let found = found(text);
        assert!(!found.decided && !found.causes.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn settings_decide_where_words_do_not() {
    let with = |text: &str, host: &str, port: u16, tls: &str| {
        let given = Settings { host: Some(host.to_owned()), port: Some(port), tls: mode_of_words(tls) };
        explain(text, &given).causes[0].code.clone()
    };
    assert_eq!(with("Connection refused", "localhost", 25, ""), "connection-refused");
    assert_eq!(with("Connection refused", "smtp.gmail.com", 587, "STARTTLS"), "port-blocked-refused");
    assert_eq!(with("Connection refused", "", 587, ""), "host-setting-malformed");
    assert_eq!(with("Connection timed out", "smtp.office365.com", 465, "SSL"), "port-not-served-by-provider");
    assert_eq!(with("Connection timed out", "smtp.example.com", 587, ""), "port-blocked-timeout");
    assert_eq!(with("Connection timed out", "smtp.example.com", 443, ""), "wrong-port-number");
    assert_eq!(with("EOF", "smtp.example.com", 465, "STARTTLS"), "tls-mode-starttls-on-implicit-port");
    assert_eq!(with("EOF", "smtp.example.com", 465, "none"), "plaintext-to-tls-port");
    assert_eq!(
        with("does not advertise the STARTTLS extension", "smtp.example.com", 465, "SSL"),
        "tls-both-modes-configured"
    );
    assert_eq!(with("ENOTFOUND smtp.gmail.com", "smtp.gmail.com", 465, ""), "dns-temp-fail");
    assert_eq!(
        with("hostname \"smtp.gmail.com\" does not match the server certificate", "smtp.gmail.com", 587, ""),
        "transparent-redirect"
    );
}

/// What else the text shows decides: who greets, what was listed before TLS, what a firewall wrote over a command.
#[test]
fn circumstances_decide() {
    let at = |text: &str, host: &str| {
        let given = Settings { host: Some(host.to_owned()), port: None, tls: None };
        explain(text, &given).causes[0].code.clone()
    };
    let refused = "220-web1.example.net ESMTP Exim 4.96 ready\n535 Incorrect authentication data";
    assert_eq!(at(refused, "smtp.gmail.com"), "transparent-redirect");
    assert_eq!(at(refused, "mail.example.net"), "auth-bad-credentials");
    let listed = "250-STARTTLS\n250 8BITMIME\nAUTH LOGIN\n504 5.7.4 Unrecognized authentication type";
    assert_eq!(at(listed, "mail.example.net"), "auth-before-starttls-required");
    assert_eq!(
        at("504 5.7.4 Unrecognized authentication type", "mail.example.net"),
        "auth-mechanism-unsupported"
    );
    assert_eq!(first("500 5.5.1 'XXXXXXXX': command not understood"), "starttls-stripped-middlebox");
    assert_eq!(first("502 5.5.2 unknown command: STARTTLS not supported"), "starttls-not-offered");
    let shaken = "Could not convert socket to TLS; Unrecognized SSL message, plaintext connection?";
    assert_eq!(first(shaken), "tls-handshake-broken");
    assert_eq!(
        first("Unrecognized SSL message, plaintext connection?"),
        "tls-mode-implicit-on-starttls-port"
    );
    assert_eq!(first("USE_TLS and USE_SSL are mutually exclusive"), "tls-both-modes-configured");
}

/// A host that is described in words leaves its form to the text; a port, a password or a manual's example is none.
#[test]
fn hosts_are_judged_by_how_they_are_written() {
    let at = |text: &str, host: &str| {
        let given = Settings { host: Some(host.to_owned()), port: None, tls: None };
        explain(text, &given).causes[0].code.clone()
    };
    let lookup = "dial tcp: lookup relay on 192.0.2.53:53: server misbehaving";
    assert_eq!(at(lookup, "relay (another container)"), "dns-nxdomain");
    assert_eq!(at("lookup mail.example.net: server misbehaving", "mail.example.net"), "dns-temp-fail");
    assert_eq!(first("getaddrinfo ENOTFOUND 2525"), "host-setting-malformed");
    assert_eq!(first("getaddrinfo ENOTFOUND your-mail-server"), "host-setting-malformed");
    assert_eq!(first("getaddrinfo ENOTFOUND mail.example.net"), "dns-nxdomain");
    assert_eq!(at("Connection refused", "(none)"), "host-setting-malformed");
}

/// That an IPv4 address does not answer says nothing of IPv6.
#[test]
fn the_family_of_the_address_counts() {
    let ipv6 = |text: &str| found(text).causes.iter().any(|cause| cause.code == "no-route-ipv6");
    assert!(!ipv6("connect ETIMEDOUT 192.0.2.25:587"));
    assert!(ipv6("connect ETIMEDOUT 2001:db8::25:587"));
    assert!(ipv6("connect ETIMEDOUT"));
}

#[test]
fn the_system_speaks_other_languages() {
    for (text, cause) in [
        (
            "Es konnte keine Verbindung hergestellt werden, da der Zielcomputer die Verbindung verweigerte",
            "connection-refused",
        ),
        ("Connexion terminée par expiration du délai d'attente", "port-blocked-timeout"),
        ("Nombre o servicio desconocido", "dns-nxdomain"),
        ("Временный сбой в разрешении имен", "dns-temp-fail"),
        ("根据验证过程，远程证书无效。", "cert-unknown-ca"),
    ] {
        assert_eq!(first(text), cause, "{text}");
    }
}

#[test]
fn wrappers_are_looked_through() {
    assert_eq!(
        first(
            "Invalid Addresses (SMTPAddressFailedException: 454 4.7.1 <a@example.com>: Relay access denied"
        ),
        "relay-denied"
    );
    assert_eq!(
        first("Mailer Error: SMTP connect() failed. SMTP code: 111 Connection refused"),
        "port-blocked-refused"
    );
    assert_eq!(first("Invalid login: 421 Too many connections from your host"), "too-many-connections");
    assert_eq!(
        first(
            "AuthenticationFailedException: 220 Ready to start TLS; nested exception is: certificate has expired"
        ),
        "cert-expired"
    );
}

/// Words that send each other away in a circle must not leave nothing.
#[test]
fn what_hides_each_other_is_both_kept() {
    let list = "An error occurred while attempting to establish an SSL or TLS connection.\nThis usually means that the SSL \
                certificate presented by the server is not trusted by the system";
    assert_eq!(found(list).symptoms, ["mailkit-list"]);
    let whole = "MailKit.Security.SslHandshakeException: An error occurred while attempting to establish an SSL or TLS \
                 connection.\n\nThe server's SSL certificate could not be validated for the following reasons:\n\u{2022} The \
                 server certificate has the following errors:\n  \u{2022} The certificate has expired\n\nThe SSL \
                 certificate presented by the server is not trusted by the system for one or more of the following \
                 reasons:\n1. The server is using a self-signed certificate which cannot be verified.\n2. The local system \
                 is missing a Root or Intermediate certificate needed to verify the server's certificate.";
    let found_in_whole = found(whole);
    assert_eq!((found_in_whole.doubt, first(whole).as_str()), (None, "cert-expired"));
    let both = format!("{list}\nCERT_E_UNTRUSTEDROOT");
    assert_eq!(found(&both).symptoms, ["issuer-untrusted", "mailkit-list"]);
    let limit = "552 5.7.0 message rejected: content blocked; 421 4.7.28 rate limited, too many messages";
    assert!(found(limit).symptoms.len() > 1, "{:?}", found(limit).symptoms);
}

/// Prose about errors, and errors of other services, are never certain.
#[test]
fn what_merely_resembles_is_not_certain() {
    for text in [
        "If you see the error 530 Must issue a STARTTLS command first, enable STARTTLS in your client.",
        "Changelog: the client now returns 535 5.7.8 when authentication fails.",
        "## 2.4.0\n- Fixed a crash when the server answers \"wrong version number\"",
        "Hi all, thanks for the talk about SMTP. We discussed why a certificate has expired and what relay access denied \
         means for our users, and that it is best to use port 587. Best regards",
        "This section describes greylisting: servers return a 450 reply and the client must try again.",
        "How to fix \"certificate has expired\" in Node.js",
        "ERROR 2003 (HY000): Can't connect to MySQL server on 'db.example.com:3306' (111 \"Connection refused\")",
        "curl: (60) SSL certificate problem: certificate has expired https://www.example.com/",
        "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.",
        "ldap_bind: Can't contact LDAP server (-1) certificate has expired",
        "imaplib.IMAP4.error: [AUTHENTICATIONFAILED] Authentication failed. imap.example.com:993",
        "http: TLS handshake error from 10.0.0.1:5555: tls: first record does not look like a TLS handshake",
        "psql: error: connection to server at \"10.0.0.2\", port 5432 failed: Connection refused",
        "npm ERR! code CERT_HAS_EXPIRED npm ERR! request to https://registry.example.com failed",
        "fatal: unable to access 'https://git.example.com/': SSL certificate problem: unable to get local issuer",
        "upstream SSL certificate does not match \"www.example.com\" while connecting to upstream, nginx",
    ] {
        let found = found(text);
        assert!(!found.decided, "{text}: {found:?}");
        assert!(found.causes.iter().all(|cause| cause.confidence != Confidence::Certain), "{text}");
    }
}

#[test]
fn where_nothing_is_known_the_walk_starts_at_the_top() {
    for text in ["", "   \n", "the weather is fine", "\u{0}\u{1b}[2J", "🦀🦀🦀"] {
        let found = found(text);
        assert!(!found.decided && found.causes.is_empty(), "{text}");
        assert_eq!(found.start_at, "host");
    }
}

#[test]
fn the_step_to_start_at_exists() {
    let ids = |text: &str| found(text).start_at;
    assert_eq!(ids("smtp.example.com:465 Greeting never received"), "route-465-implicit");
    assert_eq!(ids("wrong version number"), "route-587-starttls");
    for text in
        ["wrong version number :25", "Greeting never received", "Connection refused", "535", "dns NXDOMAIN"]
    {
        let id = ids(text);
        assert!(tree::tree().step(&id).is_some(), "{id}");
    }
}

#[test]
fn every_word_of_the_trade_has_a_page() {
    for code in [
        "220", "235", "250", "334", "354", "421", "432", "450", "451", "452", "454", "500", "501", "502",
        "503", "504", "521", "530", "534", "535", "538", "550", "551", "552", "553", "554", "555", "556",
    ] {
        assert_eq!(page(code).unwrap().kind, Kind::ReplyCode, "{code}");
    }
    for code in ["4.7.0", "5.1.1", "5.7.1", "5.7.8", "5.7.9", "5.7.30", "4.3.2", "5.7.139"] {
        assert_eq!(page(code).unwrap().kind, Kind::EnhancedCode, "{code}");
    }
    for word in [
        "STARTTLS",
        "auth",
        "PIPELINING",
        "8BITMIME",
        "SIZE",
        "XOAUTH2",
        "EHLO",
        "RCPT",
        "LIMITS",
        "REQUIRETLS",
    ] {
        assert_eq!(page(word).unwrap().kind, Kind::Keyword, "{word}");
    }
    for finding in words::pages() {
        assert_eq!(page(&finding.code).unwrap().kind, Kind::Finding, "{}", finding.code);
    }
    for cause in book().causes() {
        let page = page(&cause.code).unwrap();
        assert_eq!(page.cause.map(|cause| &cause.code), Some(&cause.code));
        let found = page.explanation();
        assert!(found.decided && found.causes[0].code == cause.code);
    }
    for text in
        ["", "999", "111", "1.2.3", "5.7", "hello", "535 Error", "a b", "cert-", "EHLO smtp.example.com"]
    {
        assert_eq!(page(text), None, "{text}");
    }
    // What the tree teaches has a page under the name that people ask for.
    for (text, says, rfc) in [
        ("587", "Port 587 is the port of submission", "RFC 6409"),
        ("port 465", "first fallback", "RFC 8314"),
        ("25", "server to server", "RFC 5321"),
        ("spf", "SPF", "RFC 7208"),
        ("mta-sts", "MTA-STS", "RFC 8461"),
    ] {
        let page = page(text).unwrap();
        assert_eq!((page.kind, page.parts.len()), (Kind::Keyword, 2), "{text}");
        let all: String = page.parts.iter().map(|part| format!("{} ", part.text)).collect();
        assert!(all.contains(says), "{text}: {all}");
        assert!(page.parts[1].reference.as_ref().is_some_and(|it| it.starts_with(rfc)), "{text}");
        assert!(!page.explanation().decided);
    }
    assert_eq!(page("26"), None);
    assert_eq!(page("535 5.7.8").unwrap().subject, "535 5.7.8");
    assert!(!page("535").unwrap().explanation().decided);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_explained(text in any::<String>()) {
        let found = found(&text);
        prop_assert!(found.causes.len() <= MOST);
        prop_assert!(found.settings.host.is_none_or(|host| !host.chars().any(char::is_control)));
    }

    /// Pieces of errors in any order, with hostile bytes between them.
    #[test]
    fn any_mixture_is_explained(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "535 5.7.8", "Connection refused", "smtp://", "[", "::1]:25", "\\n", "\\", "550-", "host: ", ":587",
                "\u{1b}[", "peer certificate cn=", "did not match", "lookup ", " on ", "é", "'", "secure: true", "EOF",
                "\u{202e}", "5.7.", ".", "..", "=", "@",
            ]),
            0..40,
        )
    ) {
        let text = pieces.concat();
        let found = found(&text);
        let certain = found.causes.iter().filter(|cause| cause.confidence == Confidence::Certain).count();
        prop_assert_eq!(certain, usize::from(found.decided));
        let page = page(&text);
        prop_assert!(page.is_none() || text.len() <= 64);
    }
}

/// What is read is bounded, so a huge text costs no more than a large one.
#[test]
fn a_huge_text_is_explained() {
    for piece in ["peer certificate ", "a.", "smtp://a@b:", "[::"] {
        found(&piece.repeat(70_000 / piece.len()));
    }
}
