//! Signing in and the envelope against a real Postfix and a real Dovecot; and that the password is nowhere but on the
//! encrypted line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::internet::{Host, Internet, SERVER_V4};
use crate::postfix::{PASSWORD, Postfix, USER};
use crate::submission::{NAME, keep};
use crate::tools::require_root_or_skip;

/// A password in a file that only its owner can read.
pub fn file(password: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    writeln!(file, "{password}").unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    file
}

/// `ehlo check` on the client, with what it printed.
fn check(internet: &Internet, authority: &Path, more: &[&str]) -> Output {
    let resolve = format!("{NAME}:{SERVER_V4}");
    let line = [
        env!("CARGO_BIN_EXE_ehlo"),
        "check",
        NAME,
        "--cacert",
        authority.to_str().unwrap(),
        "--resolve",
        &resolve,
        "--ehlo",
        "client.example.test",
    ];
    internet.client.run(&[&line, more].concat())
}

struct Report {
    status: Option<i32>,
    json: Value,
}

impl Report {
    fn of(internet: &Internet, authority: &Path, more: &[&str]) -> Self {
        let output = check(internet, authority, &[more, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        Self { status: output.status.code(), json }
    }

    fn codes(&self) -> Vec<&str> {
        let findings = self.json["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
    }

    fn outcome(&self) -> &Value {
        &self.json["routes"][0]["outcome"]
    }

    fn submission(&self) -> &Value {
        &self.json["routes"][0]["submission"]
    }
}

/// How often a password was tried, by the server's own log.
fn failures(postfix: &Postfix<'_>) -> usize {
    postfix.log().matches("SASL PLAIN authentication failed").count()
}

#[test]
fn postfix_takes_the_right_password_and_refuses_a_wrong_one_once() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let postfix = Postfix::start(&internet.server);
    let authority = postfix.authority_file();
    let (right, wrong) = (file(PASSWORD), file("battery horse"));
    let with = |file: &NamedTempFile, more: &[&str]| {
        let path = file.path().to_str().unwrap().to_owned();
        Report::of(&internet, &authority, &[&["--user", USER, "--password-file", &path], more].concat())
    };
    let good = with(&right, &[]);
    assert_eq!((good.status, good.outcome()), (Some(0), &Value::from("works")), "{:#}", good.json);
    assert_eq!(good.submission()["mechanism"], "PLAIN");
    assert_eq!(good.submission()["auth"]["accepted"], true);
    assert!(good.codes().is_empty(), "{:?}", good.codes());
    assert_eq!(failures(&postfix), 0);

    // Every route is looked at three times; the password is tried once.
    let bad = with(&wrong, &["--all", "--repeat", "3"]);
    assert_eq!((bad.status, bad.outcome()), (Some(1), &Value::from("auth-failed")), "{:#}", bad.json);
    assert!(bad.codes().contains(&"auth-bad-credentials"), "{:?}", bad.codes());
    assert_eq!(bad.json["recommendation"]["status"], "after-fix");
    assert_eq!(bad.json["recommendation"]["blockers"], serde_json::json!(["auth-bad-credentials"]));
    assert_eq!(failures(&postfix), 1, "{}", postfix.log());
}

#[test]
fn postfix_is_not_told_a_password_where_its_certificate_does_not_verify() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let postfix = Postfix::start(&internet.server);
    let password = file(PASSWORD);
    let path = password.path().to_str().unwrap();
    // The authority is unknown to the client.
    let resolve = format!("{NAME}:{SERVER_V4}");
    let line = [env!("CARGO_BIN_EXE_ehlo"), "check", NAME, "--json", "--resolve", &resolve];
    let credentials = ["--user", USER, "--password-file", path];
    let output = internet.client.run(&[&line[..], &credentials].concat());
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["routes"][0]["outcome"], "cert-invalid", "{json:#}");
    let cleartext = [&line[..], &credentials, &["--route", "2525/none"]].concat();
    let output = internet.client.run(&cleartext);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["routes"][0]["outcome"], "auth-failed", "{json:#}");
    assert_eq!(json["findings"][0]["code"], "auth-plaintext-refused");
    assert!(!postfix.log().contains("sasl_username") && failures(&postfix) == 0, "{}", postfix.log());
}

#[test]
fn the_envelope_at_postfix() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let postfix = Postfix::start(&internet.server);
    let authority = postfix.authority_file();
    let password = file(PASSWORD);
    let path = password.path().to_str().unwrap().to_owned();
    let run = |more: &[&str]| Report::of(&internet, &authority, more);
    let foreign = ["--mail-from", USER, "--rcpt-to", "bob@example.net"];
    let signed_in = ["--user", USER, "--password-file", &path];

    let denied = run(&foreign);
    assert_eq!((denied.status, denied.outcome()), (Some(1), &Value::from("works")), "{:#}", denied.json);
    assert_eq!(denied.codes(), ["relay-denied"]);
    assert_eq!(denied.json["recommendation"]["status"], "after-fix");

    let journals = tempfile::tempdir().unwrap();
    let journal = journals.path().join("postfix-submits");
    let recorded = ["--journal", journal.to_str().unwrap()];
    let accepted = run(&[&foreign[..], &signed_in, &recorded].concat());
    keep(&journal, "postfix-submits");
    assert_eq!((accepted.status, accepted.codes()), (Some(0), vec![]), "{:#}", accepted.json);
    let told = accepted.submission()["envelope"].as_array().unwrap();
    let commands: Vec<&str> = told.iter().map(|told| told["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["MAIL FROM:<anna@example.test>", "RCPT TO:<bob@example.net>", "RSET"]);
    assert!(!postfix.log().contains("message-id="), "nothing was sent: {}", postfix.log());

    // 2525 takes mail without TLS, 587 does not.
    let own = ["--mail-from", USER, "--rcpt-to", "anna@example.test", "--route", "2525/starttls"];
    assert_eq!(run(&own).codes(), ["starttls-not-enforced"]);

    let large = run(&["--mail-from", USER, "--message-size", "99000000"]);
    assert!(large.codes().contains(&"message-too-large"), "{:?}", large.codes());

    // Postfix offers SMTPUTF8, and wants it declared.
    let beyond = ["--mail-from", USER, "--rcpt-to", "j\u{fc}rgen@b\u{fc}cher.example"];
    let taken = run(&[&beyond[..], &signed_in].concat());
    assert_eq!((taken.status, taken.codes()), (Some(0), vec![]), "{:#}", taken.json);
    let told = taken.submission()["envelope"].as_array().unwrap();
    let commands: Vec<&str> = told.iter().map(|told| told["command"].as_str().unwrap()).collect();
    let rcpt = "RCPT TO:<j\u{fc}rgen@xn--bcher-kva.example>";
    assert_eq!(commands, ["MAIL FROM:<anna@example.test> SMTPUTF8", rcpt, "RSET"]);

    let relay = run(&["--check-open-relay"]);
    assert!(relay.codes().is_empty(), "{:?}", relay.codes());
    let refused =
        "RCPT from unknown[10.77.1.2]: 554 5.7.1 <open-relay-check@example.net>: Relay access denied";
    assert!(postfix.log().contains(refused), "{}", postfix.log());

    let sent = run(&[&foreign[..], &signed_in, &["--send-test", "--yes"]].concat());
    assert_eq!((sent.status, sent.codes()), (Some(0), vec![]), "{:#}", sent.json);
    let told = sent.submission()["envelope"].as_array().unwrap();
    let last = told.last().unwrap();
    assert!(last["command"] == "message" && last["accepted"] == true, "{last}");
    let log = postfix.log_with("queue active");
    assert_eq!(log.matches("message-id=").count(), 1, "{log}");
    assert_eq!(log.matches("queue active").count(), 1, "{log}");

    let unasked = check(&internet, &authority, &[&foreign[..], &["--send-test"]].concat());
    assert_eq!(unasked.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&unasked.stderr).contains("--yes"));
}

#[test]
fn a_postfix_without_smtputf8_is_not_told_such_an_address() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let authority = crate::authority::authority();
    let identity = crate::authority::server(&authority, crate::submission::NAME, (0, 90));
    let postfix = Postfix::start_with(&internet.server, &authority, &identity, "smtputf8_enable = no\n");
    let address = "j\u{fc}rgen@example.test";
    let run = |more: &[&str]| Report::of(&internet, &postfix.authority_file(), more);
    let report = run(&["--mail-from", "bob@example.net", "--rcpt-to", address]);
    assert_eq!((report.status, report.codes()), (Some(1), vec!["smtputf8-not-offered"]), "{:#}", report.json);
    assert_eq!(report.json["recommendation"]["blockers"], serde_json::json!(["smtputf8-not-offered"]));
    // The sender alone is named in cleartext, to see whether STARTTLS is insisted on.
    let lines = report.json["transcript"].as_array().unwrap();
    let sent = lines.iter().filter(|line| line["from"] == "client").filter_map(|line| line["text"].as_str());
    assert!(!sent.clone().any(|text| text.contains("RCPT") || text.contains("rgen")), "{:#}", report.json);
    assert!(!postfix.log().contains("rgen"), "{}", postfix.log());
}

#[test]
fn an_open_postfix_is_told_so() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let authority = crate::authority::authority();
    let identity = crate::authority::server(&authority, NAME, (0, 90));
    // The classic mistake: everybody's network is taken for one's own.
    let open = "mynetworks = 0.0.0.0/0\n";
    let postfix = Postfix::start_with(&internet.server, &authority, &identity, open);
    let report = Report::of(&internet, &postfix.authority_file(), &["--check-open-relay"]);
    assert_eq!((report.status, report.codes()), (Some(1), vec!["open-relay"]), "{:#}", report.json);
    assert!(!postfix.log().contains("message-id="), "nothing was sent: {}", postfix.log());
}

#[test]
fn the_password_is_nowhere_but_on_the_line() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let postfix = Postfix::start(&internet.server);
    let authority = postfix.authority_file();
    let directory = tempfile::tempdir().unwrap();
    for password in [PASSWORD, "no such horse here"] {
        let secret = file(password);
        let path = secret.path().to_str().unwrap();
        let mut shown = String::new();
        for (number, form) in ["--json", "--events", "--markdown", "--transcript"].into_iter().enumerate() {
            let journal = directory.path().join(format!("{number}-{}.jsonl", password.len()));
            let journal = journal.to_str().unwrap();
            let more = [
                ["--user", USER, "--password-file", path, form],
                ["--mail-from", USER, "--rcpt-to", "bob@example.net", "--journal"],
            ];
            let output = check(&internet, &authority, &[more.concat().as_slice(), &[journal]].concat());
            shown.push_str(&String::from_utf8_lossy(&output.stdout));
            shown.push_str(&String::from_utf8_lossy(&output.stderr));
            shown.push_str(&std::fs::read_to_string(journal).unwrap());
        }
        assert!(shown.contains("AUTH PLAIN [hidden]"), "the sign-in is shown");
        for form in forms(password) {
            assert!(form.len() > 8 && !shown.contains(&form), "{form} is shown");
        }
        assert!(!postfix.log().contains(password));
    }
}

/// The password as it is, percent-encoded, in hexadecimal, in base64 by itself and inside the message of PLAIN.
fn forms(password: &str) -> Vec<String> {
    let percent: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let hex: String = password.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms =
        vec![password.to_owned(), password.replace(' ', "%20"), password.replace(' ', "+"), percent, hex];
    for before in ["", "x", "xx", &format!("\0{USER}\0")] {
        let text = STANDARD.encode(format!("{before}{password}"));
        let text = text.trim_end_matches('=');
        // What a neighbour has no part in.
        forms.push(text[before.len().div_ceil(3) * 4..text.len() - 2].to_owned());
    }
    forms
}

/// Who takes the mail from Dovecot: it connects there once somebody has signed in.
fn relay(host: &Host) {
    let listener = host.enter(|| TcpListener::bind(("127.0.0.1", 25)).unwrap());
    // The thread and its listener end with the process.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || -> std::io::Result<()> {
                stream.write_all(b"220 relay.example.test ESMTP\r\n")?;
                for line in BufReader::new(stream.try_clone()?).lines() {
                    let quits = line?.to_ascii_uppercase().starts_with("QUIT");
                    stream.write_all(if quits { b"221 bye\r\n" } else { b"250 ok\r\n" })?;
                }
                Ok(())
            });
        }
    });
}

#[test]
fn every_mechanism_of_dovecot() {
    if !crate::tools::require_or_skip(&[crate::dovecot::SUBMISSION.into()]) {
        return;
    }
    let internet = Internet::new();
    let mechanisms = "plain login cram-md5 scram-sha-1 scram-sha-256";
    relay(&internet.server);
    let dovecot = crate::dovecot::start_with(&internet.server, mechanisms);
    let authority = dovecot.authority_file();
    let log = || std::fs::read_to_string(authority.with_file_name("log")).unwrap_or_default();
    let (right, wrong) = (file("secret"), file("not the secret"));
    let with = |file: &NamedTempFile, more: &[&str]| {
        let path = file.path().to_str().unwrap().to_owned();
        Report::of(&internet, &authority, &[&["--user", USER, "--password-file", &path], more].concat())
    };
    assert_eq!(with(&right, &[]).submission()["mechanism"], "SCRAM-SHA-256", "the strongest by itself");
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"] {
        let good = with(&right, &["--auth", mechanism]);
        assert_eq!(
            (good.status, good.outcome()),
            (Some(0), &Value::from("works")),
            "{mechanism}: {}{}",
            good.submission(),
            log()
        );
        assert_eq!(good.submission()["mechanism"], mechanism);
        assert!(good.codes().is_empty(), "{mechanism}: {:?}", good.codes());
        let bad = with(&wrong, &["--auth", mechanism]);
        assert_eq!((bad.status, bad.outcome()), (Some(1), &Value::from("auth-failed")), "{:#}", bad.json);
        assert_eq!(bad.codes(), ["auth-bad-credentials"], "{mechanism}");
    }
    let token = with(&right, &["--auth", "XOAUTH2"]);
    assert!(token.codes().contains(&"auth-mechanism-unsupported"), "{:?}", token.codes());
}
