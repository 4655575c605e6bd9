//! The pane that an error message is pasted into.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::tui::layout::inner;
use crate::tui::state::{Overlay, Screen, Ui};
use crate::tui::text::Document;
use crate::tui::theme::Role;
use crate::tui::view::{footer, header};

/// The pane.
pub struct Message<'a>(pub &'a Ui);

const WHAT: &str = "Paste what the application printed: the whole message, or its log around that time. It is read here \
                    and nowhere else, and kept in no file.";

/// Title, instructions, and the box.
fn parts(ui: &Ui) -> (Rect, Document<'_>, Rect) {
    let (width, height) = ui.size;
    let screen = Rect { x: 0, y: 1, width: width.min(110), height: height.saturating_sub(2) };
    let inside = inner(screen);
    let mut words = Document::new(&ui.theme, inside.width);
    if height >= 14 {
        words.paragraph(Role::Quiet, 0, WHAT);
    }
    let rows = u16::try_from(words.lines.len()).unwrap_or(0) + 1;
    let rest = Rect { y: screen.y + rows, height: screen.height.saturating_sub(rows), ..inside };
    (screen, words, rest)
}

/// The inside of the box.
fn paper(frame: Rect) -> Rect {
    Rect {
        x: frame.x + 2,
        y: frame.y + 1,
        width: frame.width.saturating_sub(4),
        height: frame.height.saturating_sub(2),
    }
}

/// Columns and rows for the text.
pub fn extent(ui: &Ui) -> (usize, usize) {
    let paper = paper(parts(ui).2);
    (usize::from(paper.width), usize::from(paper.height))
}

/// The first row on screen: the place is in the middle, where there is more than fits.
fn top(row: usize, rows: usize, room: usize) -> usize {
    row.saturating_sub(room / 2).min(rows.saturating_sub(room))
}

/// Where the terminal's cursor stands in the text.
pub fn caret(ui: &Ui) -> Option<Position> {
    let message = ui.message.as_ref()?;
    if ui.screen != Screen::Message || !matches!(ui.overlay, Overlay::None) {
        return None;
    }
    let paper = paper(parts(ui).2);
    let width = usize::from(paper.width);
    let (row, column) = message.area.place(width);
    let top = top(row, message.area.rows(width).len(), usize::from(paper.height));
    let x = paper.x + u16::try_from(column).unwrap_or(0);
    let y = paper.y + u16::try_from(row.saturating_sub(top)).unwrap_or(0);
    Some(Position::new(x, y.min(paper.bottom().saturating_sub(1))))
}

impl Widget for Message<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let Some(message) = &ui.message else { return };
        let theme = &ui.theme;
        header::Header(ui).render(Rect { height: 1, ..area }, buffer);
        let (screen, words, frame) = parts(ui);
        super::title(buffer, Rect { height: 1, ..screen }, theme, "I have an error message", "", true);
        let below = Rect { y: screen.y + 1, height: frame.y - screen.y - 1, ..inner(screen) };
        super::scroll(buffer, below, theme, &words.lines, 0);
        let size = match message.area.text().len() {
            0 => "nothing yet".to_owned(),
            bytes => {
                let lines = message.area.text().trim_end().lines().count().max(1);
                format!("{lines} {}, {bytes} bytes", if lines == 1 { "line" } else { "lines" })
            }
        };
        super::boxed(buffer, frame, theme, &size);
        let paper = paper(frame);
        let width = usize::from(paper.width);
        let rows = message.area.rows(width);
        let (row, _) = message.area.place(width);
        let top = top(row, rows.len(), usize::from(paper.height));
        if message.area.text().is_empty() {
            let hint = "for example: Error: connect ETIMEDOUT 192.0.2.25:587";
            let hint = super::cut(hint, width, theme);
            buffer.set_string(paper.x, paper.y, hint, theme.style(Role::Quiet));
        } else {
            let lines: Vec<Line<'_>> = rows
                .iter()
                .map(|row| Line::from(Span::raw(message.area.text().get(row.clone()).unwrap_or_default())))
                .collect();
            // The marks at the edge stand outside the text, on the wall of the box.
            let wider = Rect { width: paper.width + 2, ..paper };
            super::scroll(buffer, wider.intersection(frame), theme, &lines, top);
        }
        footer::Footer(ui).render(Rect { y: area.bottom() - 1, height: 1, ..area }, buffer);
    }
}
