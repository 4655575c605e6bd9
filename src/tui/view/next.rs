//! What comes next: the plan that waits for a key, the question that waits for an answer, the verdict that is there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::guide::tree::tree;
use crate::tui::layout::inner;
use crate::tui::state::{Stage, Ui};
use crate::tui::text::Document;
use crate::tui::theme::Role;

/// The band above the footer.
pub struct Next<'a>(pub &'a Ui);

/// Its text; `None` where nothing waits.
pub fn text(ui: &Ui) -> Option<String> {
    match &ui.stage {
        Stage::Ready => ui.plan().map(|(_, plan)| sentence(plan)),
        Stage::Asking { question, .. } => tree().question(question).map(|question| question.text.clone()),
        Stage::Over => Some(verdict(ui)),
        Stage::Idle | Stage::Working => None,
    }
}

/// A plan as a sentence.
pub fn sentence(plan: &str) -> String {
    let mut letters = plan.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let end = if plan.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// The verdict in one sentence.
pub fn verdict(ui: &Ui) -> String {
    ui.headline.as_ref().map(|headline| headline.text.clone()).unwrap_or_default()
}

impl Widget for Next<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let Some(text) = text(ui) else { return };
        if area.is_empty() {
            return;
        }
        let (name, right) = match &ui.stage {
            Stage::Ready => {
                let title = ui.plan().map(|(title, _)| title).unwrap_or_default();
                let enter =
                    if ui.predicting().is_some() { "Enter: what do you expect?" } else { "Enter runs it" };
                (format!("Next: {title}"), enter)
            }
            Stage::Asking { .. } => ("A question".to_owned(), "Enter opens it"),
            _ => ("The verdict".to_owned(), "Enter shows it"),
        };
        super::title(buffer, area, &ui.theme, &name, right, false);
        let body = inner(Rect { y: area.y + 1, height: area.height - 1, ..area });
        let mut document = Document::new(&ui.theme, body.width);
        let role = if ui.stage == Stage::Over { Role::Title } else { Role::Text };
        document.paragraph(role, 1, &text);
        super::scroll(buffer, body, &ui.theme, &document.lines, 0);
    }
}
