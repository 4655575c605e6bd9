//! The walk: the path taken and what lies ahead, as a line, as a list, or as tabs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::guide::tree::tree;
use crate::guide::walk::{PathStep, StepState};
use crate::tui::facts::{self, Mark};
use crate::tui::state::{Pane, Ui, Viewed};
use crate::tui::text::{cut, plain};
use crate::tui::theme::Role;

/// The path as a line.
pub struct Crumbs<'a>(pub &'a Ui);
/// The path as a list, with the facts of the step that is shown.
pub struct Path<'a>(pub &'a Ui);
/// The names of the panes.
pub struct Tabs<'a>(pub &'a Ui);

impl Widget for Crumbs<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (rows, shown) = crumbs(self.0, area.width);
        // Where the path needs more rows than there are, those about the shown step stay.
        let top = shown.saturating_sub(usize::from(area.height).saturating_sub(1));
        super::scroll(buffer, area, &self.0.theme, &rows, top);
    }
}

/// Rows that the path as a line needs.
pub fn crumb_rows(ui: &Ui, width: u16) -> u16 {
    u16::try_from(crumbs(ui, width).0.len()).unwrap_or(u16::MAX).max(1)
}

/// The path in rows, and the row of the shown step.
fn crumbs(ui: &Ui, width: u16) -> (Vec<Line<'static>>, usize) {
    let whole = crumbs_of(ui, width, true);
    if whole.0.len() == 1 { whole } else { crumbs_of(ui, width, false) }
}

/// The same, with or without the questions that are answered: they give way first where room is short.
fn crumbs_of(ui: &Ui, width: u16, questions: bool) -> (Vec<Line<'static>>, usize) {
    let theme = &ui.theme;
    let room = usize::from(width.saturating_sub(2)).max(1);
    let shown = ui.shown_index();
    let separator = Span::styled(format!(" {} ", theme.glyphs.crumb), theme.style(Role::Quiet));
    let mut rows = vec![Line::raw(" ")];
    let (mut used, mut shown_row) = (0, 0);
    for (at, step) in ui.path.iter().enumerate() {
        let answered = step.state == StepState::Good && tree().question(&step.id).is_some();
        if answered && !questions && shown != Some(at) {
            continue;
        }
        let (glyph, glyph_style) = mark(ui, step);
        let title = cut(&plain(&step.title, theme), room.saturating_sub(2), theme);
        let columns = glyph.width() + 1 + title.width();
        if used > 0 && used + separator.width() + columns > room {
            rows.push(Line::raw(" "));
            used = 0;
        }
        let last = rows.len() - 1;
        if used > 0 {
            rows[last].push_span(separator.clone());
            used += separator.width();
        }
        if shown == Some(at) {
            shown_row = last;
        }
        rows[last].push_span(Span::styled(glyph, glyph_style));
        rows[last].push_span(Span::raw(" "));
        rows[last].push_span(Span::styled(title, title_style(ui, step, shown == Some(at))));
        used += columns;
    }
    (rows, shown_row)
}

fn mark(ui: &Ui, step: &PathStep) -> (&'static str, Style) {
    let theme = &ui.theme;
    let turn = ui.animates().then_some(ui.turns);
    match step.state {
        StepState::Good => facts::mark(Mark::Good, theme, None),
        StepState::Bad => facts::mark(Mark::Bad, theme, None),
        StepState::Current => facts::mark(Mark::Now, theme, turn),
        StepState::Ahead => facts::mark(Mark::Ahead, theme, None),
        StepState::Skipped => (theme.glyphs.skipped, theme.style(Role::Quiet)),
    }
}

fn title_style(ui: &Ui, step: &PathStep, shown: bool) -> Style {
    let style = match step.state {
        StepState::Ahead | StepState::Skipped => ui.theme.style(Role::Quiet),
        StepState::Current => ui.theme.style(Role::Accent),
        StepState::Good | StepState::Bad => ui.theme.style(Role::Text),
    };
    match (shown, &ui.viewed) {
        (false, _) => style,
        (true, Viewed::Present) => style.remove_modifier(Modifier::DIM).add_modifier(Modifier::BOLD),
        (true, Viewed::Step(_)) => {
            style.remove_modifier(Modifier::DIM).add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
        }
    }
}

impl Widget for Path<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        if area.is_empty() {
            return;
        }
        let right = if ui.viewed == Viewed::Present { "" } else { "looking back" };
        super::title(buffer, area, &ui.theme, "The walk", right, super::focus(ui, Pane::Walk));
        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let (lines, shown) = list(ui, body.width.saturating_sub(1));
        let rows = usize::from(body.height);
        let top = (shown + rows / 2).min(lines.len()).saturating_sub(rows);
        super::scroll(buffer, body, &ui.theme, &lines, top);
    }
}

/// The path as lines, and the line of the shown step.
fn list(ui: &Ui, width: u16) -> (Vec<Line<'static>>, usize) {
    let theme = &ui.theme;
    let shown = ui.shown_index();
    let (mut lines, mut shown_line) = (Vec::new(), 0);
    let room = usize::from(width.saturating_sub(3));
    for (at, step) in ui.path.iter().enumerate() {
        let (glyph, style) = mark(ui, step);
        let title = cut(&plain(&step.title, theme), room, theme);
        let result = plain(&step.result, theme);
        let gap = room.saturating_sub(title.width() + 2);
        let result = if gap > 3 { cut(&result, gap, theme) } else { String::new() };
        let pad = room.saturating_sub(title.width() + result.width());
        let role = if step.state == StepState::Bad { Role::Bad } else { Role::Quiet };
        let is_shown = shown == Some(at);
        let pointer = if is_shown { theme.glyphs.pointer } else { " " };
        lines.push(Line::from(vec![
            Span::styled(pointer, theme.style(Role::Accent)),
            Span::styled(glyph, style),
            Span::raw(" "),
            Span::styled(title, title_style(ui, step, is_shown)),
            Span::raw(" ".repeat(pad)),
            Span::styled(result, theme.style(role)),
        ]));
        if is_shown {
            shown_line = lines.len() - 1;
            if step.route.is_some() || step.id == "host" {
                lines.extend(facts::list(ui, width, 4));
                if at + 1 < ui.path.len() {
                    lines.push(Line::default());
                }
            }
        }
    }
    (lines, shown_line)
}

impl Widget for Tabs<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = &self.0.theme;
        let mut line = Line::raw(" ");
        for pane in Pane::ALL {
            let style =
                if pane == self.0.pane { theme.style(Role::Marked) } else { theme.style(Role::Quiet) };
            line.push_span(Span::styled(format!(" {} ", pane.name()), style));
            line.push_span(Span::raw(" "));
        }
        let hint = "Tab next";
        let room = usize::from(area.width).saturating_sub(line.width() + 1);
        if room >= hint.len() {
            line.push_span(Span::raw(" ".repeat(room - hint.len())));
            line.push_span(Span::styled(hint, theme.style(Role::Quiet)));
        }
        buffer.set_line(area.x, area.y, &line, area.width);
    }
}
