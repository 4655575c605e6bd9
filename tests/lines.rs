//! Every line of a transcript is explained, and no explanation is a general one: see `lines/judge.rs` for what that
//! means. Looked at are the transcripts of real servers (recorded by `tests/real.rs`, which looks at its own runs too),
//! of all recorded stories, and of all scenarios of the lab.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

use std::path::{Path, PathBuf};

use clap::Parser as _;
use ehlo::cli::args::{Cli, Command};
use ehlo::cli::prepare::prepare;
use ehlo::guide::glossary::Note;
use ehlo::lab::scenarios;
use ehlo::session::{Line, Meaning, Session};
use ehlo::target::Goal;
use ehlo::{engine, journal};
use tokio::sync::mpsc;

#[path = "lines/judge.rs"]
mod judge;

use judge::Judge;

fn journals(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect();
    files.sort();
    files
}

fn replay(file: &Path) -> Session {
    let mut session = Session::default();
    for event in journal::read(file).unwrap().events {
        session.apply(&event);
    }
    session
}

fn conclude(judge: &Judge, at_least: usize) {
    assert!(judge.lines >= at_least, "only {} lines", judge.lines);
    let share = judge.lines.saturating_sub(judge.complaints.len()) * 100 / judge.lines;
    let complaints = judge.complaints.join("\n");
    assert!(
        judge.complaints.is_empty(),
        "{share} % of {} lines are explained well\n{complaints}",
        judge.lines
    );
}

#[test]
fn each_line_of_six_real_servers_is_explained() {
    let mut judge = Judge::default();
    let mut servers = Vec::new();
    for file in journals("tests/fixtures/servers") {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        judge.look_at(&name, &replay(&file));
        servers.push(name);
    }
    let wanted = ["aiosmtpd", "dovecot", "exim", "opensmtpd", "postfix", "smtp-server"];
    let wanted = wanted.iter().flat_map(|name| [587, 465].map(|port| format!("{name}-{port}")));
    for name in wanted {
        assert!(servers.contains(&name), "no journal of {name}");
    }
    conclude(&judge, 250);
}

#[test]
fn each_line_of_the_recorded_stories_is_explained() {
    let mut judge = Judge::default();
    for file in journals("tests/fixtures").into_iter().chain(journals("src/tui/tests/journals")) {
        judge.look_at(&file.display().to_string(), &replay(&file));
    }
    conclude(&judge, 150);
}

#[tokio::test(start_paused = true)]
async fn each_line_of_the_scenarios_is_explained() {
    let mut judge = Judge::default();
    for scenario in scenarios() {
        let mut line = vec!["ehlo".to_owned(), "check".to_owned(), format!("lab:{}", scenario.id)];
        for route in &scenario.run.routes {
            line.extend(["--route".to_owned(), route.0.to_string()]);
        }
        if scenario.run.all {
            line.push("--all".to_owned());
        }
        if let Some(times) = scenario.run.repeat {
            line.extend(["--repeat".to_owned(), times.to_string()]);
        }
        let Some(Command::Check(args)) = Cli::try_parse_from(&line).unwrap().command else {
            panic!("{line:?}")
        };
        let setup = prepare(&args.target, Goal::Submit, &args.options, false).unwrap();
        let (_orders, orders) = mpsc::channel(1);
        let (events, mut heard) = mpsc::unbounded_channel();
        let listen = async { while heard.recv().await.is_some() {} };
        let (session, ()) = tokio::join!(engine::run(setup, orders, events), listen);
        judge.look_at(&scenario.id, &session);
    }
    conclude(&judge, 30);
}

fn weighed(lines: &[(&str, &str, Option<&str>)]) -> Vec<String> {
    let session = replay(&journals("tests/fixtures")[0]);
    let like = session.transcript().lines()[0].clone();
    let mut judge = Judge::default();
    for (text, said, source) in lines {
        let line = Line { text: (*text).to_owned(), meaning: Meaning::Remark, ..like.clone() };
        let note = Note { text: (*said).to_owned(), reference: source.map(str::to_owned) };
        judge.weigh("test", &line, Some(&note));
    }
    judge.complaints
}

#[test]
fn the_judge_finds_out_what_is_general() {
    let source = Some("RFC 5321 §4.2");
    assert!(weighed(&[("250 2.0.0 Ok", "250: done. 2.0.0: success. \"Ok\".", source)]).is_empty());
    for (text, said, source, complaint) in [
        ("250 2.0.0 Ok", "250: Ok.", source, "2.0.0 is left out"),
        ("connected in 31 ms", "It is up after 32 ms, connected.", source, "31 is left out"),
        ("250-STARTTLS", "250: the server can do something.", source, "not about this line"),
        ("closed by the server", "The server closed.", None, "no source"),
    ] {
        let complaints = weighed(&[(text, said, source)]);
        assert!(complaints.len() == 1 && complaints[0].contains(complaint), "{text}: {complaints:?}");
    }
    let general = "A reply of the server.";
    let complaints = weighed(&[("server ready", general, source), ("server busy", general, source)]);
    assert!(complaints.len() == 1 && complaints[0].contains("the same is said"), "{complaints:?}");
    assert!(weighed(&[("server ready", general, source), ("server ready", general, source)]).is_empty());
}
