//! The main job against a real Postfix behind a real firewall: `ehlo check` and the same walks in the terminal
//! interface, by key presses. The firewall stands on the router; the way is 587, then 465, then 2525, then nothing.

use std::process::Output;

use serde_json::Value;

use crate::internet::{Host, Internet, SERVER_V4, SERVER_V6};
use crate::postfix::Postfix;
use crate::pty::{Pty, key, steady};
use crate::submission::NAME;
use crate::tools::require_root_or_skip;

const EHLO: &str = env!("CARGO_BIN_EXE_ehlo");

/// The options that stand for this small internet: its names and its authority, and little patience.
fn options(postfix: &Postfix<'_>) -> Vec<String> {
    let authority = postfix.authority_file().to_string_lossy().into_owned();
    let resolve = format!("{NAME}:{SERVER_V4},{SERVER_V6}");
    let words = ["--resolve", &resolve, "--cacert", &authority, "--connect-timeout", "1"];
    [words.as_slice(), &["--ehlo", "client.example.test"]].concat().iter().map(ToString::to_string).collect()
}

fn check(client: &Host, postfix: &Postfix<'_>, more: &[&str]) -> Output {
    let options = options(postfix);
    let mut line = vec![EHLO, "check", NAME];
    line.extend(options.iter().map(String::as_str));
    line.extend(more);
    client.run(&line)
}

/// The report and the exit status.
fn report(client: &Host, postfix: &Postfix<'_>, more: &[&str]) -> (Value, Option<i32>) {
    let output = check(client, postfix, &[more, &["--json"]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.is_empty(), "nothing is to be said beside the report: {told}");
    (serde_json::from_slice(&output.stdout).expect("JSON"), output.status.code())
}

fn codes(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().filter_map(|finding| finding["code"].as_str()).map(str::to_owned).collect()
}

fn outcomes(report: &Value) -> Vec<String> {
    let route = |route: &Value| {
        let text = |name: &str| route[name].as_str().unwrap_or_default().to_owned();
        format!("{}/{} {}", route["port"], text("tls"), text("outcome"))
    };
    report["routes"].as_array().expect("routes").iter().map(route).collect()
}

/// Checks that each finding cites lines of the transcript, each of which has its time.
fn every_finding_has_its_evidence(report: &Value) {
    let lines = report["transcript"].as_array().expect("a transcript");
    for finding in report["findings"].as_array().expect("findings") {
        let evidence = finding["evidence"].as_array().expect("evidence");
        assert!(!evidence.is_empty(), "{finding}");
        for index in evidence {
            let line = index.as_u64().and_then(|index| lines.get(usize::try_from(index).ok()?));
            assert!(line.is_some_and(|line| line["at_ms"].is_number()), "{finding}");
        }
    }
}

#[test]
fn check_finds_the_port_that_the_firewall_leaves_open() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let (client, router) = (&internet.client, &internet.router);
    let postfix = Postfix::start(&internet.server);

    let (healthy, status) = report(client, &postfix, &[]);
    assert_eq!(healthy["recommendation"]["summary"], "Use port 587 with STARTTLS", "{healthy}");
    assert_eq!(healthy["recommendation"]["status"], "ready");
    assert_eq!(healthy["recommendation"]["auth"], serde_json::json!(["PLAIN"]));
    assert_eq!(status, Some(0));
    assert_eq!(codes(&healthy), Vec::<String>::new(), "a healthy server gives no finding");
    let route = &healthy["routes"][0];
    assert_eq!(route["outcome"], "works");
    assert_eq!(route["tls_session"]["version"], "TLSv1.3");
    assert_eq!(route["attempts"].as_array().map(Vec::len), Some(2), "every address has its outcome");
    assert!(route["greeting"].as_str().is_some_and(|greeting| greeting.contains("Postfix")), "{route}");
    let notes = healthy["transcript"].as_array().expect("a transcript");
    assert!(notes.iter().any(|line| line["encrypted"] == true && line["note"].is_string()), "{healthy}");

    // All four in the report, each in its own mode.
    let (all, status) = report(client, &postfix, &["--all"]);
    assert_eq!(status, Some(0));
    let wanted = ["587/starttls works", "465/implicit works", "2525/starttls works", "25/starttls works"];
    assert_eq!(outcomes(&all), wanted, "{all}");
    assert_eq!(codes(&all), Vec::<String>::new());

    for (rule, summary, status, wanted) in [
        (
            "587",
            Some("Use port 465 with implicit TLS"),
            0,
            vec!["587/starttls filtered", "465/implicit works"],
        ),
        (
            "{ 587, 465 }",
            Some("Use port 2525 with STARTTLS"),
            0,
            vec!["587/starttls filtered", "465/implicit filtered", "2525/starttls works"],
        ),
        (
            "{ 587, 465, 2525 }",
            None,
            2,
            vec!["587/starttls filtered", "465/implicit filtered", "2525/starttls filtered"],
        ),
    ] {
        router.firewall(&format!("forward tcp dport {rule} drop"));
        let (found, ended) = report(client, &postfix, &[]);
        router.no_firewall();
        assert_eq!(found["recommendation"]["summary"].as_str(), summary, "{found}");
        assert_eq!(ended, Some(status), "{rule}");
        let seen = outcomes(&found);
        assert_eq!(seen[..wanted.len()], wanted, "{rule}");
        assert!(codes(&found).contains(&"port-filtered".to_owned()), "{found}");
        // 443 of the same host answers with a reset: the host is alive, so the way out is to blame.
        let egress = codes(&found).contains(&"egress-blocked".to_owned());
        assert_eq!(egress, status == 2, "{found}");
        every_finding_has_its_evidence(&found);
    }
    let log = postfix.log();
    assert!(!log.contains("fatal") && !log.contains("panic"), "{log}");
}

#[test]
fn the_text_of_a_healthy_check_begins_with_the_verdict() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let postfix = Postfix::start(&internet.server);
    let output = check(&internet.client, &postfix, &[]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("Use port 587 with STARTTLS\n"), "{text}");
    let markdown = check(&internet.client, &postfix, &["--markdown"]);
    assert!(String::from_utf8_lossy(&markdown.stdout).contains("Use port 587 with STARTTLS"));
}

#[test]
fn the_same_walks_by_key_presses() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let (client, router) = (&internet.client, &internet.router);
    let postfix = Postfix::start(&internet.server);
    let options = options(&postfix);
    let mut line = vec!["/usr/bin/env", "ip", "netns", "exec", client.name(), EHLO, NAME];
    line.extend(options.iter().map(String::as_str));
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    for (name, blocked, summary) in [
        ("postfix-healthy", "", "Use port 587 with STARTTLS"),
        ("postfix-587-dropped", "587", "Use port 465 with implicit TLS"),
        ("postfix-587-465-dropped", "587, 465", "Use port 2525 with STARTTLS"),
        ("postfix-all-dropped", "587, 465, 2525", "No port works from here"),
    ] {
        if !blocked.is_empty() {
            router.firewall(&format!("forward tcp dport {{ {blocked} }} drop"));
        }
        let mut pty = Pty::start(&line, (80, 24), &[("PATH", &path)]);
        pty.shows("What is sending the mail?");
        pty.press(key::ENTER);
        pty.shows("Next: Host");
        // Step by step: each plan is read before Enter runs it; a question takes the answer that is proposed.
        let waiting = |screen: &str| {
            let rests = ["Enter runs it", "Enter opens it", "Enter shows it"];
            screen.lines().find(|line| rests.iter().any(|rest| line.contains(rest))).map(str::to_owned)
        };
        loop {
            let screen = pty
                .until("a plan, a question or the verdict", |screen| waiting(&screen.contents()).is_some());
            let Some(line) = waiting(&screen).filter(|line| !line.contains("Enter shows it")) else { break };
            pty.press(key::ENTER);
            pty.until("the step begun", |screen| waiting(&screen.contents()).as_ref() != Some(&line));
        }
        pty.press(key::ENTER);
        let verdict = pty.shows("Why ──");
        assert!(verdict.contains(summary), "{verdict}");
        insta::assert_snapshot!(format!("{name}-verdict"), steady(&verdict));
        pty.press("q");
        let (status, left) = pty.ends();
        assert_eq!(status.exit_code(), 0);
        assert!(left.contains(summary), "the verdict stays on the normal screen: {left}");
        router.no_firewall();
    }
}
