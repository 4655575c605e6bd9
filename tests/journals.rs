//! The recorded journals in `tests/fixtures` are the stories of `session::testing`, in the form that a run writes.
//!
//! After a change of the form or of a story: `UPDATE_FIXTURES=1 cargo test --test journals`, and look at the difference.

use std::path::Path;

use ehlo::event::EventKind;
use ehlo::report::text::TextOptions;
use ehlo::session::testing::{play, stories};
use ehlo::target::Lead;
use ehlo::{journal, report, session::Session};

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.jsonl"))
}

#[test]
fn fixtures_are_the_stories() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    for (name, events) in stories() {
        if update {
            let mut writer = journal::Writer::create(&path(name)).unwrap();
            for event in &events {
                assert_eq!(writer.write(event), None);
            }
        }
        let read = journal::read(&path(name)).unwrap();
        assert_eq!(read.cut, None, "{name}");
        assert_eq!(read.events, events, "{name}: run with UPDATE_FIXTURES=1");
    }
}

#[test]
fn a_replay_is_the_run() {
    for (name, events) in stories() {
        let mut replayed = Session::default();
        for event in journal::read(&path(name)).unwrap().events {
            replayed.apply(&event);
        }
        let live = play(&events);
        assert_eq!(replayed.transcript().lines(), live.transcript().lines(), "{name}");
        assert_eq!(replayed.findings(), live.findings(), "{name}");
    }
}

/// What an error message was taken for is kept in the journal's first line, and every form of the report judges it.
#[test]
fn a_lead_is_kept_and_judged_in_every_report() {
    let (_, mut events) = stories().into_iter().find(|(name, _)| *name == "healthy-587").unwrap();
    let EventKind::SessionStarted(started) = &mut events[0].kind else { panic!("a session begins so") };
    started.lead = Some(Box::new(Lead {
        causes: vec!["port-blocked-timeout".to_owned()],
        start_at: "connect".to_owned(),
        route: Some("587/starttls".parse().unwrap()),
        ..Lead::default()
    }));
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = journal::Writer::create(file.path()).unwrap();
    for event in &events {
        assert_eq!(writer.write(event), None);
    }
    let read = journal::read(file.path()).unwrap();
    assert_eq!(read.events, events);
    let session = play(&read.events);
    let text = report::text::text(&session, &TextOptions { columns: 200, ..TextOptions::default() });
    let markdown = report::markdown::markdown(&session);
    for form in [text, markdown] {
        assert!(form.contains("Supposed: something on the way drops the connection to this port."), "{form}");
        assert!(form.contains("Not confirmed: the probe came to the step"), "{form}");
    }
    let json = serde_json::to_value(report::json::report(&session)).unwrap();
    assert_eq!(json["lead"]["held"], "not-found");
    assert_eq!(json["lead"]["causes"][0], "port-blocked-timeout");
    let without = serde_json::to_value(report::json::report(&Session::default())).unwrap();
    assert_eq!(without["lead"], serde_json::Value::Null);
}
