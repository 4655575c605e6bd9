//! The interface as its readers and its engine meet it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

use super::state::{Practice, Screen, Ui};
use super::theme::Theme;
use super::update::{Effect, Msg, update};
use super::view;
use crate::event::{Event, EventKind, LookupOutcome, ProbeEnd};
use crate::guide::quiz::Score;

mod bytes;
mod copy;
mod lab;
mod message;
mod readings;
mod screens;
mod sign_in;
mod turning;
mod updates;

/// The events of a recorded walk in the lab.
fn journal(name: &str) -> Vec<Event> {
    let text = match name {
        "healthy" => include_str!("journals/healthy.jsonl"),
        "587-filtered" => include_str!("journals/587-filtered.jsonl"),
        "wrong-mode-465" => include_str!("journals/wrong-mode-465.jsonl"),
        "cert-expired" => include_str!("journals/cert-expired.jsonl"),
        "relay-blocked" => include_str!("journals/relay-blocked.jsonl"),
        "all-blocked" => include_str!("journals/all-blocked.jsonl"),
        _ => panic!("no journal {name}"),
    };
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The events up to the `nth` (from 1) that `is` says, that one included.
fn until(mut events: Vec<Event>, nth: usize, is: impl Fn(&EventKind) -> bool) -> Vec<Event> {
    let at = events.iter().enumerate().filter(|(_, event)| is(&event.kind)).nth(nth - 1).unwrap().0;
    events.truncate(at + 1);
    events
}

fn entered(step: &'static str) -> impl Fn(&EventKind) -> bool {
    move |kind| matches!(kind, EventKind::StepEntered { step: entered, .. } if entered == step)
}

/// An interface on the walk, with colours and Unicode, that has heard these events.
fn walk(size: (u16, u16), events: Vec<Event>) -> Ui {
    let mut ui = Ui::new(Theme::new(true, true), size, Screen::Walk);
    update(&mut ui, Msg::Heard(events));
    ui
}

fn start(size: (u16, u16)) -> Ui {
    let mut ui = Ui::new(Theme::new(true, true), size, Screen::Start);
    update(&mut ui, Msg::Resize(size.0, size.1));
    ui
}

/// Some scenarios, as the command line would give them; the first is solved.
fn practices() -> Vec<Practice> {
    let scenario = |id: &str, title: &str, topic, difficulty, lesson: &str, story: &str| Practice {
        id: id.to_owned(),
        title: title.to_owned(),
        lesson: lesson.to_owned(),
        topic,
        difficulty,
        story: story.to_owned(),
        printed: Some("Error: connect ETIMEDOUT 192.0.2.25:587".to_owned()),
        task: "Is the mail server down, or is something in between?".to_owned(),
        closing: "Nothing came back from port 587.\nPort 465 answered at once.".to_owned(),
        codes: if id == "587-filtered" { vec!["port-filtered".to_owned()] } else { Vec::new() },
        solved: None,
    };
    let mut all = vec![
        scenario(
            "healthy",
            "A mail service where all is well",
            "Ports and TLS modes",
            1,
            "Three ports can take mail from an application; 587 with STARTTLS is the one to try first.",
            "Ann sets up a web shop that sends order confirmations. Nothing has failed yet.",
        ),
        scenario(
            "wrong-mode-465",
            "STARTTLS on port 465",
            "Ports and TLS modes",
            2,
            "The server decides in which mode a port speaks.",
            "Chloe runs a booking system against the mail server of a partner. Each attempt fails at once.",
        ),
        scenario(
            "587-filtered",
            "Port 587 is silent",
            "Reaching the port",
            1,
            "Silence is a firewall that drops packets: take port 465.",
            "Ben moved a billing application to a virtual machine. On the new machine nothing has arrived since.",
        ),
        scenario(
            "cert-expired",
            "A certificate that has ended",
            "Certificates",
            3,
            "A certificate must be mended where it is.",
            "A developer found that mail stopped with \"certificate has expired\".",
        ),
    ];
    all[0].solved = Some(Score { right: 2, of: 3 });
    all
}

fn lab(size: (u16, u16)) -> Ui {
    let mut ui = Ui::new(Theme::new(true, true), size, Screen::Lab);
    ui.asks = true;
    ui.practices = practices();
    ui
}

/// A walk in the lab that has heard these events, with what the lab asks before each step.
fn quizzed(size: (u16, u16), events: Vec<Event>) -> Ui {
    let mut ui = lab(size);
    ui.screen = Screen::Walk;
    update(&mut ui, Msg::Heard(events));
    ui
}

/// Keys by name, parted by blanks: `Enter`, `Up`, `Ctrl-c`, `x`, `"text"` typed letter by letter.
fn keys(ui: &mut Ui, names: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for name in names.split_whitespace() {
        for key in parse(name) {
            effects.extend(update(ui, Msg::Key(key)));
        }
    }
    effects
}

fn parse(name: &str) -> Vec<KeyEvent> {
    if let Some(text) = name.strip_prefix('"') {
        let text = text.strip_suffix('"').unwrap();
        return text.chars().map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)).collect();
    }
    let (code, modifiers) = match name {
        "Enter" => (KeyCode::Enter, KeyModifiers::NONE),
        "Esc" => (KeyCode::Esc, KeyModifiers::NONE),
        "Tab" => (KeyCode::Tab, KeyModifiers::NONE),
        "BackTab" => (KeyCode::BackTab, KeyModifiers::SHIFT),
        "Backspace" => (KeyCode::Backspace, KeyModifiers::NONE),
        "Up" => (KeyCode::Up, KeyModifiers::NONE),
        "Down" => (KeyCode::Down, KeyModifiers::NONE),
        "Left" => (KeyCode::Left, KeyModifiers::NONE),
        "Right" => (KeyCode::Right, KeyModifiers::NONE),
        "PgUp" => (KeyCode::PageUp, KeyModifiers::NONE),
        "PgDn" => (KeyCode::PageDown, KeyModifiers::NONE),
        "Home" => (KeyCode::Home, KeyModifiers::NONE),
        "End" => (KeyCode::End, KeyModifiers::NONE),
        _ => match name.strip_prefix("Ctrl-") {
            Some(letter) => (KeyCode::Char(letter.chars().next().unwrap()), KeyModifiers::CONTROL),
            None => {
                assert_eq!(name.chars().count(), 1, "{name}");
                (KeyCode::Char(name.chars().next().unwrap()), KeyModifiers::NONE)
            }
        },
    };
    vec![KeyEvent::new(code, modifiers)]
}

/// The screen as it is drawn.
fn drawn(ui: &Ui) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(ui.size.0, ui.size.1)).unwrap();
    terminal.draw(|frame| view::draw(frame, ui)).unwrap();
    terminal.backend().buffer().clone()
}

/// The text of a buffer, a line a row; what lies hidden under a wide sign is left out.
fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut hidden = 0;
        for x in 0..buffer.area.width {
            if hidden > 0 {
                hidden -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            hidden = symbol.width().saturating_sub(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A long session: one greeting of very many lines.
fn endless(lines: usize) -> Vec<Event> {
    let mut events = until(journal("healthy"), 1, |kind| matches!(kind, EventKind::ConnectionChosen { .. }));
    let last = events.last().unwrap().clone();
    for n in 0..lines {
        let text = format!("220-line {n}\r\n");
        let kind = EventKind::Received { bytes: text.as_bytes().into(), encrypted: false };
        events.push(Event { kind, ..last.clone() });
    }
    events
}

#[test]
fn the_journals_are_what_the_tests_take_them_for() {
    let all = ["healthy", "587-filtered", "wrong-mode-465", "cert-expired", "all-blocked"];
    for name in all {
        let events = journal(name);
        assert!(matches!(events.last().unwrap().kind, EventKind::RunEnded { .. }), "{name}");
        let cancelled = EventKind::ProbeEnded { how: ProbeEnd::Cancelled };
        assert!(events.iter().all(|event| event.kind != cancelled), "{name}");
        let no_name = |event: &Event| {
            matches!(&event.kind, EventKind::Lookup { outcome: LookupOutcome::NxDomain { .. }, .. })
        };
        assert!(!events.iter().any(no_name), "{name}");
    }
}
