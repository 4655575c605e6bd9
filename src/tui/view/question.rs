//! A question of the tree, over the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use crate::guide::tree::tree;
use crate::tui::state::{Overlay, Stage, Ui};
use crate::tui::text::Document;
use crate::tui::theme::Role;

/// The question that waits.
pub struct Question<'a>(pub &'a Ui);

impl Widget for Question<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let (Overlay::Question(chosen), Stage::Asking { question, .. }) = (&ui.overlay, &ui.stage) else {
            return;
        };
        let Some(question) = tree().question(question) else { return };
        let theme = &ui.theme;
        let width = if area.width <= 84 { area.width } else { 76 };
        let mut document = Document::new(theme, width.saturating_sub(4));
        document.line(Line::default());
        document.styled(theme.style(Role::Title), 0, &question.text);
        document.line(Line::default());
        let mut last = 0;
        for (at, answer) in question.answers.iter().enumerate() {
            let taken = at == *chosen;
            let (glyph, style) = if taken {
                (theme.glyphs.pointer, theme.strong(Role::Accent))
            } else {
                (" ", theme.style(Role::Text))
            };
            document.hanging(0, (glyph, style), style, &answer.text);
            if !answer.leads_to.is_empty() {
                document.paragraph(Role::Quiet, 4, &answer.leads_to);
            }
            if taken {
                last = document.lines.len();
            }
        }
        document.line(Line::default());
        let rows = u16::try_from(document.lines.len()).unwrap_or(u16::MAX);
        let frame = super::centred(area, width, rows.saturating_add(2).min(area.height.saturating_sub(2)));
        let inside = super::boxed(buffer, frame, theme, &question.title);
        let room = usize::from(inside.height);
        // The answer under the cursor stays on screen.
        let top = last.saturating_sub(room);
        super::scroll(buffer, inside, theme, &document.lines, top);
    }
}
