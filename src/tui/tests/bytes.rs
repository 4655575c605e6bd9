//! What goes over the line to the terminal: read back by a terminal emulator, and counted.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal as Ratatui, TerminalOptions, Viewport};

use super::*;

#[derive(Clone, Default)]
struct Line(Arc<Mutex<Vec<u8>>>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Far {
    terminal: Ratatui<CrosstermBackend<Line>>,
    line: Line,
    parser: vt100::Parser,
}

impl Far {
    fn new((width, height): (u16, u16)) -> Self {
        crossterm::style::force_color_output(true);
        let line = Line::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        let backend = CrosstermBackend::new(line.clone());
        let terminal = Ratatui::with_options(backend, TerminalOptions { viewport }).unwrap();
        Self { terminal, line, parser: vt100::Parser::new(height, width, 0) }
    }

    /// Draws a frame; how many bytes it took.
    fn draw(&mut self, ui: &Ui) -> usize {
        self.terminal.draw(|frame| view::draw(frame, ui)).unwrap();
        let bytes = std::mem::take(&mut *self.line.0.lock().unwrap());
        self.parser.process(&bytes);
        bytes.len()
    }

    fn text(&self) -> String {
        let rows = self.parser.screen().rows(0, 500);
        rows.map(|row| row.trim_end().to_owned() + "\n").collect()
    }
}

#[test]
fn a_terminal_shows_what_was_drawn() {
    for size in [(80, 24), (120, 40), (60, 20)] {
        let mut far = Far::new(size);
        let mut ui = walk(size, journal("587-filtered"));
        for names in ["", "Up", "b", "? Esc", "/ \"250\" Enter", "Enter", "End"] {
            keys(&mut ui, names);
            far.draw(&ui);
            assert_eq!(far.text(), text(&drawn(&ui)), "after {names}");
        }
    }
}

#[test]
fn bold_and_reverse_outlive_no_color() {
    let mut far = Far::new((80, 24));
    let mut ui = walk((80, 24), journal("587-filtered"));
    ui.theme = Theme::new(false, true);
    keys(&mut ui, "Enter");
    far.draw(&ui);
    let at = text(&drawn(&ui)).lines().position(|line| line.contains("Use port 465")).unwrap();
    let cell = far.parser.screen().cell(u16::try_from(at).unwrap(), 5).unwrap();
    assert!(cell.bold());
    assert_eq!(cell.fgcolor(), vt100::Color::Default);
}

#[test]
fn little_is_sent_for_little_that_changes() {
    let mut far = Far::new((120, 40));
    let probing = until(journal("587-filtered"), 1, |kind| matches!(kind, EventKind::ConnectStarted { .. }));
    let mut ui = walk((120, 40), probing);
    assert!(far.draw(&ui) < 20_000);
    assert!(far.draw(&ui) < 64, "an unchanged frame");
    ui.turns += 1;
    assert!(far.draw(&ui) < 128, "a turn of the spinner");
}
