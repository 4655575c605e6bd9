//! ehlo in a real pseudo-terminal, driven by real key presses: what a person sees, and that the terminal is given back
//! whatever ends the program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

#[path = "terminal/message.rs"]
mod message;
mod pty;
#[path = "terminal/sign_in.rs"]
mod sign_in;

use std::io::Read as _;

use nix::sys::signal::Signal;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use pty::{Pty, key, steady};

const EHLO: &str = env!("CARGO_BIN_EXE_ehlo");
/// The first-class screen.
const NORMAL: (u16, u16) = (80, 24);

/// Walks plainly: what the lab asks besides has a test of its own.
fn walk(target: &str) -> Pty {
    Pty::start(&[EHLO, "--no-quiz", target], NORMAL, &[])
}

/// Answers the first question and goes on to the plan of the first step.
fn begin(target: &str) -> Pty {
    let mut pty = walk(target);
    pty.shows("What is sending the mail?");
    pty.press(key::ENTER);
    pty.shows("Next: Host");
    pty
}

#[test]
fn a_filtered_587_is_walked_step_by_step_to_465() {
    let mut pty = begin("lab:587-filtered");
    pty.press(key::ENTER);
    pty.shows("192.0.2.25");
    pty.shows("Next: 587 STARTTLS");
    // A frame comes in pieces.
    pty.shows("no mail and no password is sent");
    pty.press(key::ENTER);
    pty.shows("Next: 465 implicit TLS");
    pty.shows("✗ 587 STARTTLS");
    pty.press(key::ENTER);
    pty.shows("Sign in?");
    pty.press(key::ENTER);
    let works = pty.shows("Enter shows it");
    assert!(works.contains("✓ 465 implicit TLS") && works.contains("🔒←  250 AUTH PLAIN LOGIN"), "{works}");
    pty.press(key::ENTER);
    let verdict = pty.shows("Why ──");
    assert!(verdict.contains("Use port 465 with implicit TLS"), "{verdict}");
    insta::assert_snapshot!("587-filtered-verdict", steady(&verdict));
    pty.press("q");
    let (status, left) = pty.ends();
    assert_eq!(status.exit_code(), 0);
    assert!(left.contains("Use port 465 with implicit TLS"), "the verdict stays: {left}");
}

#[test]
fn the_walk_runs_on_by_itself_and_finds_587_healthy() {
    let mut pty = walk("lab:healthy");
    pty.shows("What is sending the mail?");
    pty.press(key::ENTER);
    pty.shows("Next: Host");
    pty.press("a");
    pty.shows("Use port 587 with STARTTLS");
    // Back to the walk: the transcript, with a search in it and a line explained.
    pty.press("b");
    pty.shows("Transcript");
    pty.press("/");
    pty.press("STARTTLS");
    pty.press(key::ENTER);
    let found = pty.shows("What this line means");
    assert!(found.contains("STARTTLS"), "{found}");
    assert!(found.contains("▸") && found.contains("match 1 of 2"), "{found}");
    pty.press("q");
    let (status, left) = pty.ends();
    assert_eq!(status.exit_code(), 0);
    assert!(left.contains("Use port 587 with STARTTLS"), "{left}");
}

#[test]
fn a_case_of_the_lab_is_predicted_solved_and_remembered() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().to_str().unwrap();
    let mut pty = Pty::start(&[EHLO, "lab"], NORMAL, &[("XDG_DATA_HOME", data)]);
    pty.shows("0 of");
    pty.press("/587-filtered");
    pty.shows("1 scenario");
    pty.press(key::ENTER);
    pty.press(key::ENTER);
    let story = pty.shows("What to find out");
    assert!(story.contains("Ben moved a billing application"), "{story}");
    pty.press(key::ENTER);
    pty.shows("What is sending the mail?");
    pty.press(key::ENTER);
    pty.shows("Enter: what do you expect?");
    for (answer, came) in [("", "Next: 587 STARTTLS"), ("j", "Next: 465 implicit TLS"), ("", "Sign in?")] {
        pty.press(key::ENTER);
        pty.shows(": what do you expect? ─");
        pty.press(answer);
        pty.press(key::ENTER);
        pty.shows(came);
    }
    // The answer that is proposed: no.
    pty.press(key::ENTER);
    pty.shows("Enter shows it");
    pty.press(key::ENTER);
    let score = pty.shows("Your predictions: 3 of 3 right");
    assert!(score.contains("Solved."), "{score}");
    pty.press("q");
    pty.shows("Use port 465 with implicit TLS");
    pty.press("t");
    pty.shows("3 of 3 right");
    pty.press("q");
    pty.ends();
    let kept = std::fs::read_to_string(home.path().join("ehlo/lab.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["solved"], serde_json::json!({ "587-filtered": { "right": 3, "of": 3 } }));
    let pty = Pty::start(&[EHLO, "lab"], NORMAL, &[("XDG_DATA_HOME", data)]);
    pty.shows("1 of");
    // What cannot be kept is said, and nothing else fails.
    std::fs::write(home.path().join("ehlo/lab.json"), "{").unwrap();
    let pty = Pty::start(&[EHLO, "lab"], NORMAL, &[("XDG_DATA_HOME", data)]);
    pty.shows("is damaged and begins anew");
}

#[test]
fn the_start_screen_takes_a_target() {
    let mut pty = Pty::start(&[EHLO, "--no-quiz"], NORMAL, &[]);
    insta::assert_snapshot!("start", steady(&pty.shows("Target")));
    pty.press("lab:wrong-mode-465");
    pty.shows("lab:wrong-mode-465");
    pty.press(key::ENTER);
    pty.shows("What is sending the mail?");
    pty.press(key::ENTER);
    pty.shows("Next: Host");
    pty.press("a");
    let verdict = pty.shows("Use port 465 with STARTTLS");
    assert!(verdict.contains("465"), "{verdict}");
    pty.press("t");
    pty.shows("Scenarios");
    pty.press("t");
    pty.shows("Target");
    pty.press(key::CTRL_C);
    pty.ends();
}

#[test]
fn a_target_that_cannot_be_a_host_is_told_on_the_screen() {
    let mut pty = walk("smtp.exa mple.com");
    let told = pty.shows("Enter shows it");
    assert!(told.contains("white space"), "{told}");
    insta::assert_snapshot!("malformed", steady(&told));
    pty.press("q");
    let (_, left) = pty.ends();
    assert!(left.contains("white space"), "{left}");
}

#[test]
fn ctrl_c_in_the_middle_of_a_probe_leaves_at_once() {
    let mut pty = begin("lab:587-filtered");
    pty.press(key::ENTER);
    pty.shows("Next: 587 STARTTLS");
    pty.press(key::ENTER);
    pty.shows("connect 192.0.2.25:587");
    pty.press(key::CTRL_C);
    let (status, left) = pty.ends();
    assert_eq!(status.exit_code(), 0);
    assert!(left.contains("No verdict"), "{left}");
}

#[test]
fn esc_stops_what_runs_and_the_walk_can_go_on() {
    let mut pty = begin("lab:587-filtered");
    pty.press(key::ENTER);
    pty.shows("Next: 587 STARTTLS");
    pty.press(key::ENTER);
    pty.shows("connect 192.0.2.25:587");
    pty.press(key::ESC);
    let stopped = pty.shows("Next: 465");
    assert!(!stopped.contains("no answer within"), "it was stopped before its limit: {stopped}");
    pty.press("a");
    pty.shows("Use port 465 with implicit TLS");
    pty.press("q");
    pty.ends();
}

/// Screens at rest, and the keys that lead to them: what is started, then what is awaited and what is pressed then.
type Way = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);
const AT_REST: [Way; 8] = [
    (&[], &[], "Which SMTP port"),
    (&[], &[("Which SMTP port", key::BACK_TAB), ("(●) I have an error", key::ENTER)], "nothing yet"),
    (&["lab"], &[("Scenarios", "/")], "Enter keep"),
    (&["lab:healthy"], &[], "Enter go on"),
    (&["--no-quiz", "lab:healthy"], &[("What is sending", key::ENTER)], "Next: Host"),
    (&["--no-quiz", "lab:healthy"], &[("What is sending", key::ENTER), ("Next: Host", "?")], "In the walk"),
    (
        &["--no-quiz", "lab:healthy"],
        &[
            ("What is sending", key::ENTER),
            ("Next: Host", key::ENTER),
            ("Next: 587", key::ENTER),
            ("Shall user name", "j"),
            ("▸ Yes", key::ENTER),
        ],
        "Enter to the password",
    ),
    (&["--no-quiz", "lab:healthy"], &[("What is sending", key::ENTER), ("Next: Host", "a")], "Why ──"),
];

fn at_rest((arguments, presses, last): Way) -> Pty {
    let line: Vec<&str> = [EHLO].into_iter().chain(arguments.iter().copied()).collect();
    let mut pty = Pty::start(&line, NORMAL, &[]);
    for (awaited, keys) in presses {
        pty.shows(awaited);
        pty.press(keys);
    }
    pty.shows(last);
    pty
}

#[test]
fn each_signal_gives_the_terminal_back_from_every_screen_and_sets_the_status_of_a_shell() {
    let signals =
        [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129), (Signal::SIGQUIT, 131)];
    // Each screen once, each signal twice.
    for (way, (signal, status)) in AT_REST.into_iter().zip(signals.into_iter().cycle()) {
        let pty = at_rest(way);
        pty.signal(signal);
        let (ended, _) = pty.ends();
        assert_eq!(ended.exit_code(), status, "{signal} at {:?}", way.2);
    }
}

#[test]
fn ctrl_c_leaves_every_screen() {
    for way in AT_REST {
        let mut pty = at_rest(way);
        pty.press(key::CTRL_C);
        let (ended, _) = pty.ends();
        assert_eq!(ended.exit_code(), 0, "{:?}", way.2);
    }
}

/// The window is closed, or the connection to the machine breaks: nothing can be written any more, to standard error
/// neither.
#[test]
fn a_terminal_that_goes_away_ends_it_as_the_signal_does() {
    for arguments in [&["--no-quiz", "lab:healthy"][..], &[], &["check", "lab:587-filtered"]] {
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = CommandBuilder::new(EHLO);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("HOME", std::env::temp_dir());
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().unwrap();
        assert!(output.read(&mut [0; 4096]).unwrap() > 0, "it has begun");
        drop((output, pair.master));
        let ended = child.wait().unwrap();
        // What is stopped while it checks has a report nevertheless, and the status of one.
        let status = if arguments.contains(&"check") { 3 } else { 129 };
        assert_eq!((ended.exit_code(), ended.signal()), (status, None), "{arguments:?}");
    }
}

#[test]
fn suspended_and_brought_back_by_a_shell() {
    let mut pty = Pty::start(&["bash", "--norc", "--noprofile", "-i"], NORMAL, &[("PS1", "shell> ")]);
    pty.shows("shell> ");
    pty.press(&format!("{EHLO} --no-quiz lab:healthy\r"));
    pty.shows("What is sending the mail?");
    pty.press(key::CTRL_Z);
    pty.shows("Stopped");
    pty.given_back_to_a_shell();
    pty.press("fg\r");
    pty.shows("What is sending the mail?");
    pty.press(key::ENTER);
    pty.shows("Next: Host");
    pty.press("q");
    pty.shows("No verdict");
    pty.press("exit\r");
    pty.ends();
}

/// Not a test of its own: [`a_panic_in_a_task_gives_the_terminal_back`] runs it in a pseudo-terminal.
#[test]
fn panics_when_asked_to() {
    if std::env::var_os("EHLO_TEST_PANICS").is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut screen, mut keys) = ehlo::tui::terminal::enter().unwrap();
        ehlo::tui::Surface::draw(&mut screen, &mut |frame| {
            frame.render_widget("the screen is taken", frame.area());
        })
        .unwrap();
        let _ = futures_util::StreamExt::next(&mut keys).await;
        let _ = tokio::spawn(async { panic!("a task panics") }).await;
        // The flag stops the drawing; what would be drawn now must not reach the normal screen.
        assert!(screen.panicked());
        ehlo::tui::Surface::draw(&mut screen, &mut |frame| {
            frame.render_widget("drawn too late", frame.area());
        })
        .unwrap();
    });
}

#[test]
fn a_panic_in_a_task_gives_the_terminal_back() {
    let itself = std::env::current_exe().unwrap();
    let line = [itself.to_str().unwrap(), "--exact", "panics_when_asked_to", "--nocapture"];
    let mut pty = Pty::start(&line, NORMAL, &[("EHLO_TEST_PANICS", "1")]);
    pty.shows("the screen is taken");
    pty.press("x");
    let (_, left) = pty.ends();
    assert!(left.contains("a task panics"), "the report stands on the normal screen: {left}");
    assert!(!left.contains("drawn too late"), "{left}");
}

#[test]
fn a_window_is_followed_down_to_one_honest_sentence_and_back() {
    let mut pty = begin("lab:healthy");
    pty.resize((39, 9));
    pty.until("a sentence", |screen| screen.contents().contains("40"));
    insta::assert_snapshot!("too-small", steady(&pty.screen()));
    pty.resize((120, 40));
    pty.shows("Next: Host");
    pty.press("a");
    let wide = pty.shows("Why ──");
    assert!(wide.contains("Use port 587 with STARTTLS"), "{wide}");
    insta::assert_snapshot!("healthy-verdict-wide", steady(&wide));
    pty.press("q");
    pty.ends();
}

#[test]
fn without_colours_and_in_ascii_nothing_is_lost() {
    let variables = [("NO_COLOR", "1"), ("LANG", "C")];
    let mut pty = Pty::start(&[EHLO, "--no-quiz", "lab:587-filtered"], NORMAL, &variables);
    pty.shows("What is sending the mail?");
    pty.press(key::ENTER);
    pty.shows("Next: Host");
    pty.press("a");
    let verdict = pty.shows("Why --");
    assert!(verdict.contains("Use port 465 with implicit TLS"), "{verdict}");
    insta::assert_snapshot!("587-filtered-plain", steady(&verdict));
    pty.press("b");
    let walk = pty.shows("Transcript");
    assert!(walk.contains("x 587 STARTTLS > + 465 implicit TLS") && walk.contains("* <- 250"), "{walk}");
    pty.press("q");
    let bytes = pty.bytes();
    assert!(bytes.is_ascii(), "only ASCII");
    let text = String::from_utf8(bytes).unwrap();
    for sequence in text.split("\x1b[").skip(1) {
        let Some(end) = sequence.find(|c: char| c.is_ascii_alphabetic()) else { continue };
        if sequence.as_bytes()[end] == b'm' {
            let codes = sequence[..end].split(';').filter_map(|code| code.parse::<u8>().ok());
            for code in codes {
                let colour = matches!(code, 30..=38 | 40..=48 | 90..=97 | 100..=107);
                assert!(!colour, "a colour: {:?}", &sequence[..=end]);
            }
        }
    }
    pty.ends();
}

#[test]
fn a_journal_is_opened_and_walked_through() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("walk.jsonl");
    let check = std::process::Command::new(EHLO)
        .args(["check", "lab:587-filtered", "--journal"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(check.status.success());
    let mut pty = Pty::start(&[EHLO, "replay", file.to_str().unwrap()], NORMAL, &[]);
    pty.shows("Use port 465 with implicit TLS");
    pty.press("q");
    let (status, left) = pty.ends();
    assert_eq!(status.exit_code(), 0);
    assert!(left.contains("Use port 465 with implicit TLS"), "{left}");
}

#[test]
fn nothing_is_drawn_while_nothing_changes() {
    for way in AT_REST {
        let pty = at_rest(way);
        let before = pty.settled();
        // Longer than any frame rate or spinner.
        std::thread::sleep(std::time::Duration::from_millis(700));
        assert_eq!(pty.bytes().len(), before, "the screen is at rest and bytes are sent: {:?}", way.2);
    }
}
