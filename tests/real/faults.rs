//! A real Postfix with one fault at a time, over the kernel's own TCP: each is called by its name on both kinds of port,
//! and nothing else is said.

use crate::authority::{authority, server};
use crate::internet::{Internet, SERVER_V4};
use crate::postfix::{PASSWORD, Postfix, USER};
use crate::sign_in::file;
use crate::submission::{NAME, Report};
use crate::tools::require_root_or_skip;

const BOTH: [&str; 2] = ["587/starttls", "465/implicit"];

/// A Postfix whose certificate names this host and is valid from and until so many days from now, with more lines of
/// `main.cf`; what is found on each kind of port is this and nothing else.
fn finds(internet: &Internet, host: &str, days: (i64, i64), main_cf: &str, outcome: &str, codes: &[&str]) {
    let authority = authority();
    let postfix = Postfix::start_with(&internet.server, &authority, &server(&authority, host, days), main_cf);
    for route in BOTH {
        let report = Report::of(internet, &postfix.authority_file(), SERVER_V4, &["--route", route]);
        assert_eq!(report.json["routes"][0]["outcome"], outcome, "{route} {:#}", report.json);
        assert_eq!(report.codes(), codes, "{route}");
        for finding in report.json["findings"].as_array().unwrap() {
            assert_ne!(finding["evidence"], serde_json::json!([]), "{route}: {}", finding["code"]);
        }
    }
}

#[test]
fn each_fault_of_a_certificate_is_named_on_both_kinds_of_port() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    finds(&internet, NAME, (-90, -3), "", "cert-invalid", &["cert-expired"]);
    finds(&internet, NAME, (2, 90), "", "cert-invalid", &["cert-not-yet-valid"]);
    finds(&internet, NAME, (-80, 9), "", "works", &["cert-expires-soon"]);
    // Its authority is not the one that is trusted.
    let strangers = authority();
    let postfix = Postfix::start(&internet.server);
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), strangers.certificate_pem()).unwrap();
    for route in BOTH {
        let report = Report::of(&internet, trusted.path(), SERVER_V4, &["--route", route]);
        assert_eq!(report.codes(), ["cert-unknown-ca"], "{route} {:#}", report.json);
    }
    drop(postfix);
    // Another host of the same domain.
    finds(&internet, "mail.example.test", (0, 90), "", "cert-invalid", &["cert-name-mismatch"]);
    // Another company's host: in the greeting and in the certificate. On 465 the greeting comes inside TLS.
    let other = "relay7.hosting.test";
    let called = format!("myhostname = {other}\n");
    let codes = ["cert-name-mismatch", "other-server-answers"];
    finds(&internet, other, (0, 90), &called, "cert-invalid", &codes);
    // It only calls itself so; the certificate is the one of the host that was asked for.
    finds(&internet, NAME, (0, 90), &called, "works", &[]);
    // Banner and certificate are of two strangers.
    finds(&internet, "mx.elsewhere.test", (0, 90), &called, "cert-invalid", &["cert-name-mismatch"]);
}

#[test]
fn the_wrong_mode_a_slow_greeting_and_a_refusal() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    {
        let postfix = Postfix::start(&internet.server);
        let run = |route| Report::of(&internet, &postfix.authority_file(), SERVER_V4, &["--route", route]);
        for (route, code) in
            [("587/implicit", "starttls-expected"), ("465/starttls", "implicit-tls-expected")]
        {
            let report = run(route);
            assert_eq!(report.json["routes"][0]["outcome"], "mode-mismatch", "{route} {:#}", report.json);
            assert_eq!(report.codes(), [code], "{route}");
        }
    }
    let delay = "smtpd_delay_reject = no\nsmtpd_client_restrictions =";
    let slow = format!("{delay} sleep 6, permit\n");
    finds(&internet, NAME, (0, 90), &slow, "works", &["greeting-delayed"]);
    let refused = format!("{delay} reject\n");
    finds(&internet, NAME, (0, 90), &refused, "rejected", &["greeting-rejected"]);
    let later = format!("{delay} defer\n");
    finds(&internet, NAME, (0, 90), &later, "rejected", &["greeting-temporary"]);
    let asks = "smtpd_tls_ask_ccert = yes\n";
    finds(&internet, NAME, (0, 90), asks, "works", &[]);
}

#[test]
fn each_fault_of_tls_is_named_on_both_kinds_of_port() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    // Postfix makes the handshake without a certificate, and says 421 to all that follows.
    let demands = "smtpd_tls_req_ccert = yes\n";
    finds(&internet, NAME, (0, 90), demands, "rejected", &["client-cert-required"]);
    let old = "smtpd_tls_mandatory_protocols = <=TLSv1.1\nsmtpd_tls_protocols = <=TLSv1.1\n\
               smtpd_tls_mandatory_ciphers = high\ntls_high_cipherlist = ALL:@SECLEVEL=0\n";
    finds(&internet, NAME, (0, 90), old, "tls-failed", &["tls-version-too-old"]);
    let rare = "smtpd_tls_mandatory_protocols = TLSv1.2\nsmtpd_tls_protocols = TLSv1.2\n\
                smtpd_tls_mandatory_ciphers = high\ntls_high_cipherlist = AECDH-AES128-SHA:@SECLEVEL=0\n";
    finds(&internet, NAME, (0, 90), rare, "tls-failed", &["tls-no-shared-cipher"]);
    // Port 2525 need not do TLS at all.
    let authority = authority();
    let identity = server(&authority, NAME, (0, 90));
    let none = "smtpd_tls_security_level = none\n";
    let postfix = Postfix::start_with(&internet.server, &authority, &identity, none);
    let more = ["--route", "2525/starttls"];
    let report = Report::of(&internet, &postfix.authority_file(), SERVER_V4, &more);
    assert_eq!(report.json["routes"][0]["outcome"], "no-starttls", "{:#}", report.json);
    assert_eq!(report.codes(), ["starttls-not-offered"]);
}

#[test]
fn each_refusal_of_an_envelope_is_called_by_its_name() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let authority = authority();
    let rules = "local_recipient_maps = inline:{ anna@example.test=x, gray@example.test=x }\n\
                 smtpd_sender_login_maps = inline:{ anna@example.test=anna@example.test, boss@example.test=boss }\n\
                 smtpd_sender_restrictions = reject_sender_login_mismatch\n\
                 smtpd_recipient_restrictions = check_recipient_access \
                 inline:{ { gray@example.test = 450 4.2.0 Greylisted } }\n";
    let identity = server(&authority, NAME, (0, 90));
    let postfix = Postfix::start_with(&internet.server, &authority, &identity, rules);
    let password = file(PASSWORD);
    let signed_in = ["--user", USER, "--password-file", password.path().to_str().unwrap()];
    let run = |more: &[&str]| Report::of(&internet, &postfix.authority_file(), SERVER_V4, more);
    let named =
        |from: &str, to: &str| run(&[&signed_in[..], &["--mail-from", from, "--rcpt-to", to]].concat());

    assert!(named(USER, USER).codes().is_empty());
    let of_another = named("boss@example.test", USER);
    assert_eq!(of_another.codes(), ["sender-rejected"], "{:#}", of_another.json);
    let unknown = named(USER, "nobody@example.test");
    assert_eq!(unknown.codes(), ["recipient-rejected"], "{:#}", unknown.json);
    let gray = named(USER, "gray@example.test");
    assert_eq!(gray.codes(), ["greylisted"], "{:#}", gray.json);
    let nobody = run(&["--mail-from", USER, "--rcpt-to", USER]);
    assert_eq!(nobody.codes(), ["auth-required"], "{:#}", nobody.json);
    let cleartext = run(&["--route", "587/none", "--mail-from", USER]);
    assert_eq!(cleartext.codes(), ["starttls-required"], "{:#}", cleartext.json);
}
