//! What the lab asks before a step: what do you expect?

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use crate::tui::lab;
use crate::tui::state::{Overlay, Ui};
use crate::tui::text::Document;
use crate::tui::theme::Role;
use crate::tui::view::next;

/// The question before the step.
pub struct Predict<'a>(pub &'a Ui);

impl Widget for Predict<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let (Overlay::Predict(chosen), Some((title, plan))) = (&ui.overlay, ui.plan()) else { return };
        let theme = &ui.theme;
        let width = if area.width <= 84 { area.width } else { 76 };
        let mut document = Document::new(theme, width.saturating_sub(4));
        let roomy = area.height >= 22;
        if roomy {
            document.line(Line::default());
            document.paragraph(Role::Quiet, 0, &next::sentence(plan));
            document.line(Line::default());
        }
        let mut last = 0;
        for (at, answer) in lab::choices(ui).into_iter().enumerate() {
            let taken = at == *chosen;
            let (glyph, style) = if taken {
                (theme.glyphs.pointer, theme.strong(Role::Accent))
            } else {
                (" ", theme.style(Role::Text))
            };
            document.hanging(0, (glyph, style), style, &answer.text);
            if taken {
                last = document.lines.len();
            }
        }
        if roomy {
            document.line(Line::default());
        }
        let rows = u16::try_from(document.lines.len()).unwrap_or(u16::MAX);
        let frame = super::centred(area, width, rows.saturating_add(2).min(area.height.saturating_sub(2)));
        let name = format!("{title}: what do you expect?");
        let inside = super::boxed(buffer, frame, theme, &name);
        // The answer under the cursor stays on screen.
        let top = last.saturating_sub(usize::from(inside.height));
        super::scroll(buffer, inside, theme, &document.lines, top);
    }
}
