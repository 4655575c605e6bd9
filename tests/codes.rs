//! Every finding code has a test that gives it and one right beside it, where it must not be said; so has every outcome
//! of a route. `tests/CODES.md` is the table of them, and this keeps it complete and true.
//!
//! After a change: `EHLO_CODES=write cargo test --test codes`, and look at the difference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use ehlo::guide::words::pages;
use ehlo::lab::scenario::{OUTCOMES, Scenario};
use ehlo::lab::scenarios;
use ehlo::session::{Outcome, Severity};

#[path = "codes/source.rs"]
mod source;

use source::{Test, root, tests};

/// The codes that ehlo has promised, with their usual severity. A code never changes its meaning and never goes away.
const PROMISED: [(&str, &str); 3] = [
    (
        "error",
        "dns-nxdomain dns-no-address dns-servfail dns-timeout dns-refused port-filtered port-refused \
         port-unreachable port-prohibited local-firewall all-ports-blocked egress-blocked closed-before-greeting \
         greeting-timeout greeting-rejected greeting-temporary too-many-connections not-smtp captive-portal \
         helo-rejected reply-malformed reply-timeout connection-lost tls-intercepted target-malformed \
         starttls-not-offered starttls-stripped starttls-refused starttls-injection implicit-tls-expected \
         starttls-expected tls-version-too-old tls-no-shared-cipher tls-closed tls-alert tls-timeout tls-not-tls \
         client-cert-required cert-expired cert-not-yet-valid cert-name-mismatch cert-self-signed cert-unknown-ca \
         cert-chain-incomplete cert-wrong-usage auth-bad-credentials auth-app-password-needed auth-disabled \
         auth-mechanism-unsupported auth-required auth-temporary sender-rejected recipient-rejected relay-denied \
         message-too-large open-relay mx-null mx-unreachable dane-mismatch mta-sts-mismatch spf-multiple \
         spf-too-many-lookups spf-not-authorised dmarc-invalid",
    ),
    (
        "warning",
        "ipv6-broken ipv4-broken address-partly-dead port-25-not-for-submission port-flaky greeting-delayed \
         ehlo-rejected other-server-answers starttls-not-enforced cert-weak-key cert-weak-signature \
         cert-expires-soon auth-not-offered auth-before-tls mx-missing ptr-missing ptr-mismatch spf-missing \
         dkim-missing dmarc-missing",
    ),
    ("info", "auth-plaintext-refused greylisted port-is-not-the-cause"),
];

/// The outcomes of a route: in the report, and in the source.
fn outcomes() -> impl Iterator<Item = (&'static str, String)> {
    OUTCOMES.into_iter().map(|name| {
        let outcome: Outcome = serde_json::from_value(name.into()).unwrap();
        (name, format!("{outcome:?}"))
    })
}

/// Codes that no case of the lab shows, and why the lab is not the place for them.
const NOT_IN_THE_LAB: &[(&str, &str)] = &[
    ("proxy-unreachable", "a proxy stands outside the lab's network"),
    ("proxy-denied", "a proxy stands outside the lab's network"),
    ("proxy-cannot-resolve", "a proxy stands outside the lab's network"),
    ("proxy-failed", "a proxy stands outside the lab's network"),
    ("ptr-unknown", "who probes the lab has an address that everybody sees"),
    (
        "auth-server-unproven",
        "the lab's servers know the password or refuse; one that pretends would teach nobody much",
    ),
    ("message-rejected", "a walk in the lab sends no message"),
];

/// What proves one code or outcome.
#[derive(Default)]
struct Proof {
    given: Vec<String>,
    absent: Vec<String>,
    lab: Vec<String>,
    lab_absent: usize,
    real: Vec<String>,
}

fn link(test: &Test) -> String {
    let file = test.file.trim_start_matches("src/").trim_end_matches(".rs");
    format!("`{}` ({file})", test.name)
}

fn is_real(test: &Test) -> bool {
    test.file.starts_with("tests/real")
}

fn of_code(code: &str, tests: &[Test]) -> Proof {
    let told = |test: &&Test| test.strings.contains(code);
    let given = tests.iter().filter(told).filter(|test| test.names("says", code));
    let absent = tests.iter().filter(|test| test.is_named("no", code));
    let shows = |scenario: &&Scenario| scenario.expected.findings.iter().any(|found| found == code);
    let denies = |scenario: &&Scenario| scenario.expected.absent.iter().any(|found| found == code);
    Proof {
        given: given.map(link).collect(),
        absent: absent.map(link).collect(),
        lab: scenarios().iter().filter(shows).map(|scenario| scenario.id.clone()).collect(),
        lab_absent: scenarios().iter().filter(denies).count(),
        real: tests.iter().filter(|test| is_real(test)).filter(told).map(link).collect(),
    }
}

fn of_outcome(name: &str, variant: &str, tests: &[Test]) -> Proof {
    let given = tests.iter().filter(|test| test.names("outcome", name) && test.outcomes.contains(variant));
    let absent = tests.iter().filter(|test| test.is_named("no", &format!("outcome-{name}")));
    let shows = |scenario: &&Scenario| scenario.expected.outcomes.values().any(|found| found == name);
    let told = |test: &&Test| test.strings.contains(name);
    Proof {
        given: given.map(link).collect(),
        absent: absent.map(link).collect(),
        lab: scenarios().iter().filter(shows).map(|scenario| scenario.id.clone()).collect(),
        lab_absent: 0,
        real: tests.iter().filter(|test| is_real(test)).filter(told).map(link).collect(),
    }
}

fn codes() -> Vec<(&'static str, Severity)> {
    pages().iter().map(|page| (page.code.as_str(), page.severity)).collect()
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn cell(list: &[String]) -> String {
    if list.is_empty() { "–".to_owned() } else { list.join(", ") }
}

fn row(out: &mut String, name: &str, severity: &str, proof: &Proof) {
    let reason = NOT_IN_THE_LAB.iter().find(|(code, _)| *code == name).map(|(_, reason)| *reason);
    let lab = match reason {
        Some(reason) => format!("not there: {reason}"),
        None => cell(&proof.lab),
    };
    let also = match proof.lab_absent {
        0 => String::new(),
        count => format!(", and {count} of the lab"),
    };
    let _ = writeln!(
        out,
        "| `{name}`{severity} | {} | {}{also} | {lab} | {} |",
        cell(&proof.given),
        cell(&proof.absent),
        cell(&proof.real)
    );
}

fn table(tests: &[Test]) -> String {
    let codes = codes();
    let proofs: Vec<(&str, Severity, Proof)> =
        codes.iter().map(|(code, severity)| (*code, *severity, of_code(code, tests))).collect();
    let count = |wanted: fn(&Proof) -> bool| proofs.iter().filter(|(_, _, proof)| wanted(proof)).count();
    let mut out = String::from(
        "# Every code, and its proofs\n\n\
         Written by `EHLO_CODES=write cargo test --test codes`, kept complete and true by `cargo test --test codes`. \
         Each code of a finding is given by a test, and by another one, right beside it, it must not be. Beyond that, \
         all rules together must find nothing in what is healthy: `healthy_servers_have_no_findings` and \
         `healthy_runs_have_no_findings` (tests/wire/mod.rs) run them over healthy servers, over all healthy cases of \
         the lab and over the recorded runs against six real servers; `each_scenario_gives_the_verdict_that_it_promises` \
         (tests/lab.rs) holds each case of the lab to what it shows and what it must not; the tests under tests/real \
         do the same with the servers themselves.\n\n",
    );
    let _ = writeln!(
        out,
        "{} codes: {} given by a scripted test, {} with a neighbour where they must not be, {} shown by a case of the \
         lab, {} by a real server or network.\n\n\
         | code | given by | not given by | case of the lab | real servers and networks |\n|---|---|---|---|---|",
        codes.len(),
        count(|proof| !proof.given.is_empty()),
        count(|proof| !proof.absent.is_empty()),
        count(|proof| !proof.lab.is_empty()),
        count(|proof| !proof.real.is_empty()),
    );
    for (code, severity, proof) in &proofs {
        row(&mut out, code, &format!(" {}", word(*severity)), proof);
    }
    let _ = writeln!(
        out,
        "\n## Outcomes of a route\n\n\
         | outcome | given by | not given by | case of the lab | real servers and networks |\n|---|---|---|---|---|"
    );
    for (name, variant) in outcomes() {
        row(&mut out, name, "", &of_outcome(name, &variant, tests));
    }
    out
}

#[test]
fn every_code_has_a_test_that_gives_it_and_one_where_it_must_not_be() {
    let tests = tests();
    let mut missing = Vec::new();
    for (code, _) in codes() {
        let proof = of_code(code, &tests);
        let name = code.replace('-', "_");
        if proof.given.is_empty() {
            missing.push(format!("no test says_{name}… that asserts \"{code}\""));
        }
        if proof.absent.is_empty() {
            missing.push(format!("no test …no_{name}…"));
        }
        let excused = NOT_IN_THE_LAB.iter().any(|(known, _)| *known == code);
        if proof.lab.is_empty() != excused {
            missing.push(format!("{code}: {} cases of the lab, and excused: {excused}", proof.lab.len()));
        }
    }
    for (name, variant) in outcomes() {
        let proof = of_outcome(name, &variant, &tests);
        let snake = name.replace('-', "_");
        if proof.given.is_empty() {
            missing.push(format!("no test outcome_{snake}… with Outcome::{variant}"));
        }
        if proof.absent.is_empty() {
            missing.push(format!("no test no_outcome_{snake}…"));
        }
        if proof.lab.is_empty() {
            missing.push(format!("no case of the lab has a route that is {name}"));
        }
    }
    assert!(missing.is_empty(), "{}:\n{}", missing.len(), missing.join("\n"));
}

/// A name that begins so and asserts nothing of the kind would be a promise that nobody keeps.
#[test]
fn every_test_that_says_a_code_asserts_it() {
    let known: BTreeSet<&str> = codes().into_iter().map(|(code, _)| code).collect();
    let mut idle = Vec::new();
    for test in tests().iter().filter(|test| test.name.starts_with("says_")) {
        let named = known.iter().any(|code| test.names("says", code) && test.strings.contains(*code));
        if !named {
            idle.push(link(test));
        }
    }
    assert!(idle.is_empty(), "{}", idle.join("\n"));
}

#[test]
fn every_code_that_was_promised_is_there_with_its_severity() {
    let known: BTreeMap<&str, &str> =
        codes().into_iter().map(|(code, severity)| (code, word(severity))).collect();
    let mut wrong = Vec::new();
    for (severity, list) in PROMISED {
        for code in list.split_ascii_whitespace() {
            if known.get(code) != Some(&severity) {
                wrong.push(format!("{code} is {:?}, not {severity}", known.get(code)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_is_current() {
    let table = table(&tests());
    let path = root().join("tests/CODES.md");
    if std::env::var_os("EHLO_CODES").is_some_and(|wanted| wanted == "write") {
        fs::write(&path, &table).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(table.lines()).find(|(kept, now)| kept != now);
    assert!(kept == table, "run with EHLO_CODES=write and look at the difference; it begins at {differs:?}");
}
