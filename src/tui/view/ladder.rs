//! The transcript as a ladder: the two ends as lifelines, what one says to the other as an arrow between them. One line
//! a row, as in the list, so that place and selection are shared with it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::transcript::{marked, position, role, several_ports};
use crate::session::Line;
use crate::session::transcript::{From, Layer};
use crate::tui::phases::Phase;
use crate::tui::state::{Cursor, Pane, Ui};
use crate::tui::text::{cut, plain};
use crate::tui::theme::Role;

/// Columns of the phase's name, where there is room for it.
const LABEL: usize = 15;
/// From this width on there is.
const ROOMY: u16 = 60;
/// Rows above the first line: the title, and the names of the two ends.
pub const HEADS: u16 = 2;
/// How far back a line is looked for that tells the phase.
const MAX_BACK: usize = 64;

/// Title, lifelines and rows.
pub struct Ladder<'a>(pub &'a Ui);

impl Widget for Ladder<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        if area.is_empty() {
            return;
        }
        super::title(buffer, area, &ui.theme, "Ladder", &position(ui), super::focus(ui, Pane::Transcript));
        if area.height < HEADS {
            return;
        }
        let grid = Grid::of(area.width);
        buffer.set_line(area.x, area.y + 1, &grid.ends(ui), area.width);
        let ports = several_ports(ui);
        let mut before = None;
        for (row, (at, line)) in
            ui.lines().iter().enumerate().skip(ui.top).take(usize::from(area.height - HEADS)).enumerate()
        {
            let y = area.y + HEADS + u16::try_from(row).unwrap_or(u16::MAX);
            let label = label(ui, at, line, ports);
            let fresh = before.as_ref() != Some(&label);
            let drawn = grid.row(ui, line, ui.cursor == Cursor::Line(at), fresh.then_some(&label));
            buffer.set_line(area.x, y, &drawn, area.width);
            before = Some(label);
        }
        if ui.lines().is_empty() {
            let quiet = ui.theme.style(Role::Quiet);
            buffer.set_string(area.x + 2, area.y + HEADS, "Nothing has been said yet.", quiet);
        }
    }
}

/// The phase of a line, with its port where lines of several stand among each other.
fn label(ui: &Ui, at: usize, line: &Line, ports: bool) -> String {
    let lines = ui.lines().get(at.saturating_sub(MAX_BACK)..at).unwrap_or_default();
    let earlier = || lines.iter().rev().filter(|other| other.probe == line.probe).find_map(Phase::of);
    let phase = match Phase::of(line).or_else(earlier) {
        // The lock says where.
        Some(Phase::EhloInTls) => Phase::Ehlo.name(),
        phase => phase.map_or("", Phase::name),
    };
    match line.port.filter(|_| ports) {
        Some(port) => format!("{port:>4} {phase}"),
        None => phase.to_owned(),
    }
}

/// The columns.
struct Grid {
    /// Of the phase's name; 0 where there is no room.
    label: usize,
    /// Between the lifelines.
    middle: usize,
}

impl Grid {
    fn of(width: u16) -> Self {
        let label = if width >= ROOMY { LABEL } else { 0 };
        // The pointer, the lock, the two lifelines, and a free column at the end.
        Self { label, middle: usize::from(width).saturating_sub(label + 6) }
    }

    /// Who stands at the lifelines.
    fn ends(&self, ui: &Ui) -> Row<'static> {
        let theme = &ui.theme;
        let us = "ehlo";
        let room = (self.middle + 2).saturating_sub(us.len() + 2);
        let them = cut(&plain(ui.session.host(), theme), room, theme);
        let gap = (self.middle + 2).saturating_sub(us.len() + them.width());
        Row::from(vec![
            Span::raw(" ".repeat(self.label + 3)),
            Span::styled(us, theme.strong(Role::Accent)),
            Span::raw(" ".repeat(gap)),
            Span::styled(them, theme.strong(Role::Title)),
        ])
    }

    fn row(&self, ui: &Ui, line: &Line, selected: bool, label: Option<&String>) -> Row<'static> {
        let theme = &ui.theme;
        let glyphs = theme.glyphs;
        let quiet = theme.style(Role::Quiet);
        let pointer = if selected { glyphs.pointer } else { " " };
        let mut row = Row::from(vec![Span::styled(pointer, theme.strong(Role::Accent))]);
        if self.label > 0 {
            let words = label.map_or(String::new(), |label| cut(label, self.label - 2, theme));
            let rule = match label {
                Some(_) => format!(" {}", glyphs.rule.repeat(self.label - 2 - words.width())),
                None => " ".repeat(self.label - 1 - words.width()),
            };
            row.push_span(Span::styled(words, theme.style(Role::Title)));
            row.push_span(Span::styled(format!("{rule} "), quiet));
        }
        let (lock, wall, wall_style) = match line.encrypted {
            true => (glyphs.lock, glyphs.double_wall, theme.style(Role::Secure)),
            false => ("  ", glyphs.wall, quiet),
        };
        row.push_span(Span::styled(lock, theme.style(Role::Secure)));
        row.push_span(Span::styled(wall, wall_style));
        let style = if selected { theme.strong(role(line)) } else { theme.style(role(line)) };
        self.between(ui, line, style, &mut row);
        row.push_span(Span::styled(wall, wall_style));
        row
    }

    /// What passes between the lifelines: an arrow that bears the text, or what was only seen.
    fn between(&self, ui: &Ui, line: &Line, style: Style, row: &mut Row<'static>) {
        let theme = &ui.theme;
        let glyphs = theme.glyphs;
        let shaft = if line.layer == Layer::Tls { glyphs.double_rule } else { glyphs.rule };
        let arrow = theme.style(if line.from == From::Client { Role::Accent } else { Role::Quiet });
        // Head, a piece of the shaft, and a blank at both sides of the text.
        let text = cut(&plain(&line.text, theme), self.middle.saturating_sub(5), theme);
        let rest = self.middle.saturating_sub(text.width() + 4);
        let words = |row: &mut Row<'static>| match &ui.search {
            Some(search) => row.extend(marked(&text, &plain(&search.needle, theme), style, theme)),
            None => row.push_span(Span::styled(text.clone(), style)),
        };
        match line.from {
            From::Client => {
                row.push_span(Span::styled(format!("{shaft} "), arrow));
                words(row);
                row.push_span(Span::styled(format!(" {}{}", shaft.repeat(rest), glyphs.head_right), arrow));
            }
            From::Server => {
                row.push_span(Span::styled(format!("{}{} ", glyphs.head_left, shaft.repeat(rest)), arrow));
                words(row);
                row.push_span(Span::styled(format!(" {shaft}"), arrow));
            }
            From::Probe => {
                row.push_span(Span::raw(format!("{} ", glyphs.dot)));
                words(row);
                row.push_span(Span::raw(" ".repeat(rest + 2)));
            }
        }
    }
}
