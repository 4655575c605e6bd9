//! The recorded journals in `tests/fixtures` are the stories of `session::testing`, in the form that a run writes.
//!
//! After a change of the form or of a story: `UPDATE_FIXTURES=1 cargo test --test journals`, and look at the difference.

use std::path::Path;

use ehlo::session::testing::{play, stories};
use ehlo::{journal, session::Session};

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
