//! The list of the lab's scenarios.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::tui::layout::inner;
use crate::tui::state::Ui;
use crate::tui::text::{Document, cut, plain};
use crate::tui::theme::Role;
use crate::tui::view::footer;

/// The list, with the lesson of the scenario under the cursor below it.
pub struct Lab<'a>(pub &'a Ui);

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
        let lesson_rows = (area.height / 4).clamp(3, 7);
        let list = Rect { y: area.y + 1, height: area.height.saturating_sub(2 + lesson_rows), ..area };
        let count = format!("{} of {}", (ui.practice + 1).min(ui.practices.len()), ui.practices.len());
        super::title(buffer, list, theme, "Scenarios", &count, false);
        let rows = usize::from(list.height.saturating_sub(1));
        let top = (ui.practice + rows / 2 + 1).min(ui.practices.len()).saturating_sub(rows);
        let column = ui.practices.iter().map(|practice| practice.id.width()).max().unwrap_or(0).min(30);
        for (row, (at, practice)) in ui.practices.iter().enumerate().skip(top).take(rows).enumerate() {
            let chosen = at == ui.practice;
            let pointer = if chosen { theme.glyphs.pointer } else { " " };
            let id_style = if chosen { theme.strong(Role::Accent) } else { theme.style(Role::Text) };
            let title_style = if chosen { theme.style(Role::Title) } else { theme.style(Role::Quiet) };
            let id = cut(&practice.id, column, theme);
            let room = usize::from(area.width).saturating_sub(column + 6);
            let line = Line::from(vec![
                Span::styled(format!(" {pointer} "), theme.strong(Role::Accent)),
                Span::styled(format!("{id:<column$}  "), id_style),
                Span::styled(cut(&plain(&practice.title, theme), room, theme), title_style),
            ]);
            let y = list.y + 1 + u16::try_from(row).unwrap_or(u16::MAX);
            buffer.set_line(area.x, y, &line, area.width);
        }
        let lesson = Rect { y: list.bottom(), height: lesson_rows, ..area };
        super::title(buffer, lesson, theme, "What it teaches", "", false);
        let body = inner(Rect { y: lesson.y + 1, height: lesson_rows - 1, ..area });
        let mut document = Document::new(theme, body.width);
        if let Some(practice) = ui.practices.get(ui.practice) {
            document.paragraph(Role::Text, 1, &practice.lesson);
        }
        super::scroll(buffer, body, theme, &document.lines, 0);
        footer::Footer(ui).render(footer, buffer);
    }
}
