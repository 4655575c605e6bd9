//! The step that is shown: its title and its facts.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::tui::facts;
use crate::tui::state::{Pane, Ui, Viewed};

/// Title and facts.
pub struct Step<'a>(pub &'a Ui);

impl Widget for Step<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        if area.is_empty() {
            return;
        }
        let right = if ui.viewed == Viewed::Present { "" } else { "looking back" };
        super::title(buffer, area, &ui.theme, &name(ui), right, super::focus(ui, Pane::Walk));
        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        super::scroll(buffer, body, &ui.theme, &facts::rows(ui, area.width), 0);
    }
}

/// What the step is called in full.
pub fn name(ui: &Ui) -> String {
    let Some(step) = ui.shown() else { return "The walk".to_owned() };
    match step.route.and_then(|id| ui.session.route(id)) {
        Some(route) => {
            let main = ui.session.started().map(|started| started.host.as_str()).unwrap_or_default();
            let place = if route.host == main { String::new() } else { format!(" at {}", route.host) };
            format!("Port {} {}{place}", route.port, route.tls.phrase())
        }
        None => step.title.clone(),
    }
}
