//! What the terminal interface costs with 100,000 lines of transcript: a key answered and its frame drawn (claimed:
//! under 10 ms), a search through all of them, an event taken. And from nothing to the first frame in a
//! pseudo-terminal, the whole process (claimed: under 20 ms).
//!
//! ```text
//! cargo bench --bench interface
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a bench")]

use std::hint::black_box;
use std::io::Read as _;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ehlo::event::{Event, EventKind};
use ehlo::session::testing;
use ehlo::tui::Theme;
use ehlo::tui::state::{Screen, Ui};
use ehlo::tui::update::{Msg, update};
use ehlo::tui::view;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const LINES: usize = 100_000;
const SIZE: (u16, u16) = (120, 40);

/// A walk whose server says very much in its greeting.
fn long_walk() -> Ui {
    let healthy = testing::healthy_587();
    let chosen = healthy.iter().position(|event| matches!(event.kind, EventKind::ConnectionChosen { .. }));
    let mut events: Vec<Event> = healthy[..=chosen.unwrap()].to_vec();
    let last = events.last().unwrap().clone();
    for number in 0..LINES {
        let text = format!("220-mx.example.com says line {number}\r\n");
        let kind = EventKind::Received { bytes: text.as_bytes().into(), encrypted: false };
        events.push(Event { kind, ..last.clone() });
    }
    let mut ui = Ui::new(Theme::new(true, true), SIZE, Screen::Walk);
    update(&mut ui, Msg::Heard(events));
    assert!(ui.lines().len() >= LINES);
    ui
}

fn key(code: KeyCode) -> Msg {
    Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn interface(criterion: &mut Criterion) {
    let mut ui = long_walk();
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let mut press = |ui: &mut Ui, code| {
        update(ui, key(code));
        terminal.draw(|frame| view::draw(frame, black_box(ui))).unwrap();
    };
    for code in [KeyCode::Up, KeyCode::PageUp, KeyCode::Home, KeyCode::End] {
        criterion.bench_function(&format!("key {code:?} and its frame, 100,000 lines"), |bench| {
            bench.iter(|| press(&mut ui, code));
        });
    }
    criterion.bench_function("a search through 100,000 lines and its frame", |bench| {
        bench.iter(|| {
            ui.search_for("line 99999");
            press(&mut ui, KeyCode::Char('n'));
        });
    });
}

/// From the start of the process to the first frame on the screen.
fn first_frame() -> Duration {
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut output = pair.master.try_clone_reader().unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ehlo"));
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    let started = Instant::now();
    let mut child = pair.slave.spawn_command(command).unwrap();
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    // The end of a synchronized update: the frame is whole.
    while !seen.windows(8).any(|window| window == b"\x1b[?2026l") {
        let count = output.read(&mut buffer).unwrap();
        assert!(count > 0, "it draws");
        seen.extend_from_slice(&buffer[..count]);
    }
    let took = started.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    took
}

fn start(criterion: &mut Criterion) {
    criterion.bench_function("from nothing to the first frame, whole process", |bench| {
        bench.iter_custom(|times| (0..times).map(|_| first_frame()).sum());
    });
}

criterion_group!(
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(5));
    targets = interface, start
);
criterion_main!(benches);
