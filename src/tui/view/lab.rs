//! The list of the lab's scenarios: by topic, with what was solved.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::tui::layout::inner;
use crate::tui::state::{Practice, Ui, level};
use crate::tui::text::{Document, cut, plain};
use crate::tui::theme::Role;
use crate::tui::view::footer;

/// The list, with the story of the scenario under the cursor below it.
pub struct Lab<'a>(pub &'a Ui);

/// Columns of the longest difficulty.
const LEVEL: usize = 6;

impl Widget for Lab<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let theme = &ui.theme;
        let header = Line::from(vec![
            Span::styled(" ehlo", theme.strong(Role::Accent)),
            Span::styled(format!(" {} ", theme.glyphs.dot), theme.style(Role::Quiet)),
            Span::styled("the lab", theme.style(Role::Title)),
            Span::styled(
                format!(" {} a practice network inside the program", theme.glyphs.dot),
                theme.style(Role::Quiet),
            ),
        ]);
        buffer.set_line(area.x, area.y, &header, area.width);
        let footer = Rect { y: area.bottom() - 1, height: 1, ..area };
        let story_rows = (area.height / 3).clamp(3, 12);
        let list = Rect { y: area.y + 1, height: area.height.saturating_sub(2 + story_rows), ..area };
        let solved = ui.practices.iter().filter(|practice| practice.solved.is_some()).count();
        let count = format!("{solved} of {} solved", ui.practices.len());
        let name = if ui.filter.is_empty() {
            "Scenarios".to_owned()
        } else {
            format!("Scenarios with \"{}\"", ui.filter)
        };
        super::title(buffer, list, theme, &name, &count, false);
        let (lines, chosen) = rows(ui, usize::from(area.width));
        let room = usize::from(list.height.saturating_sub(1));
        let top = (chosen + room / 2 + 1).min(lines.len()).saturating_sub(room);
        super::scroll(buffer, Rect { y: list.y + 1, height: list.height - 1, ..list }, theme, &lines, top);
        below(ui, Rect { y: list.bottom(), height: story_rows, ..area }, buffer);
        footer::Footer(ui).render(footer, buffer);
    }
}

/// The lines of the list, and which of them has the cursor.
fn rows(ui: &Ui, width: usize) -> (Vec<Line<'static>>, usize) {
    let theme = &ui.theme;
    let listed = ui.listed();
    let shown = listed.iter().filter_map(|at| Some((*at, ui.practices.get(*at)?)));
    let column = ui.practices.iter().map(|practice| practice.id.width()).max().unwrap_or(0).min(26);
    let mut lines = Vec::new();
    let (mut topic, mut chosen) = ("", 0);
    for (at, practice) in shown {
        if practice.topic != topic {
            topic = practice.topic;
            lines.push(Line::from(Span::styled(format!(" {topic}"), theme.style(Role::Accent))));
        }
        if at == ui.practice {
            chosen = lines.len();
        }
        lines.push(row(ui, practice, at == ui.practice, column, width));
    }
    if lines.is_empty() {
        lines.push(Line::from(Span::styled("   no scenario has these words", theme.style(Role::Quiet))));
    }
    (lines, chosen)
}

fn row(ui: &Ui, practice: &Practice, chosen: bool, column: usize, width: usize) -> Line<'static> {
    let theme = &ui.theme;
    let pointer = if chosen { theme.glyphs.pointer } else { " " };
    let id_style = if chosen { theme.strong(Role::Accent) } else { theme.style(Role::Text) };
    let title_style = if chosen { theme.style(Role::Title) } else { theme.style(Role::Quiet) };
    let solved = if practice.solved.is_some() { theme.glyphs.good } else { " " };
    let id = cut(&practice.id, column, theme);
    // What stands around the title: pointer, mark, id, difficulty.
    let room = width.saturating_sub(column + LEVEL + 10);
    let title = cut(&plain(&practice.title, theme), room, theme);
    let gap = room.saturating_sub(title.width());
    Line::from(vec![
        Span::styled(format!(" {pointer} "), theme.strong(Role::Accent)),
        Span::styled(format!("{solved} "), theme.style(Role::Good)),
        Span::styled(format!("{id:<column$}  "), id_style),
        Span::styled(title, title_style),
        Span::raw(" ".repeat(gap + 1)),
        Span::styled(format!("{:>LEVEL$}", level(practice.difficulty)), theme.style(Role::Quiet)),
    ])
}

/// The story of the scenario under the cursor; once it is solved, what it taught before that.
fn below(ui: &Ui, area: Rect, buffer: &mut Buffer) {
    let theme = &ui.theme;
    let Some(practice) = ui.practices.get(ui.practice).filter(|_| !ui.listed().is_empty()) else {
        super::title(buffer, area, theme, "What happened", "", false);
        return;
    };
    let right = practice.solved.map(|score| format!("{} of {} right", score.right, score.of));
    super::title(buffer, area, theme, "What happened", &right.unwrap_or_default(), false);
    let body = inner(Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area });
    let mut document = Document::new(theme, body.width.saturating_sub(1));
    if practice.solved.is_some() {
        document.paragraph(Role::Good, 1, &practice.lesson);
    }
    for paragraph in practice.story.trim().lines() {
        document.paragraph(Role::Text, 1, paragraph);
    }
    super::scroll(buffer, body, theme, &document.lines, 0);
}
