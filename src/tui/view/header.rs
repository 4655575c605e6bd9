//! The first line: the program, the target, the goal; and what is going on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::event::Micros;
use crate::session::route::{Phase, State};
use crate::tui::facts::{duration, phase_name};
use crate::tui::state::{Pace, Screen, Stage, Ui, goal_words};
use crate::tui::text::{cut, plain};
use crate::tui::theme::Role;
use crate::wire::printable::printable;

/// The header line.
pub struct Header<'a>(pub &'a Ui);

impl Widget for Header<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let theme = &ui.theme;
        let dot = format!(" {} ", theme.glyphs.dot);
        let state = Line::from(activity(ui));
        let room = usize::from(area.width).saturating_sub(state.width() + 3);
        let mut left = vec![Span::styled(" ehlo", theme.strong(Role::Accent))];
        if let Some(started) = ui.session.started() {
            let target = cut(&plain(&printable(&started.input, 80), theme), room.saturating_sub(8), theme);
            left.push(Span::styled(dot.clone(), theme.style(Role::Quiet)));
            left.push(Span::styled(target, theme.style(Role::Title)));
            let used: usize = left.iter().map(Span::width).sum();
            let goal = goal_words(started.goal);
            if used + goal.len() + 3 <= room {
                left.push(Span::styled(format!("{dot}{goal}"), theme.style(Role::Quiet)));
            }
        }
        buffer.set_line(area.x, area.y, &Line::from(left), area.width);
        let width = u16::try_from(state.width()).unwrap_or(u16::MAX).min(area.width);
        buffer.set_line(area.right().saturating_sub(width + 1), area.y, &state, width);
    }
}

/// What is going on, in a few words.
fn activity(ui: &Ui) -> Vec<Span<'static>> {
    let theme = &ui.theme;
    let quiet = theme.style(Role::Quiet);
    let accent = theme.style(Role::Accent);
    match (&ui.stage, ui.screen) {
        (Stage::Idle, Screen::Walk) => vec![Span::styled("beginning", quiet)],
        (Stage::Idle, _) => Vec::new(),
        (Stage::Working, _) => {
            let mut spans = Vec::new();
            let running = ui.session.routes().iter().filter_map(|route| match route.state {
                State::Running(phase) => Some(format!("{} {}", route.port, long_name(phase))),
                _ => None,
            });
            let running: Vec<String> = running.collect();
            let what = match running.as_slice() {
                [] => "working".to_owned(),
                [one] => format!("port {one}"),
                several => format!("ports {}", several.join(&format!(" {} ", theme.glyphs.dot))),
            };
            spans.push(Span::styled(what, accent));
            spans.push(Span::styled(format!("  {}", clock(ui.clock)), quiet));
            spans
        }
        (Stage::Ready, _) if ui.pace == Pace::Running => vec![Span::styled("running on", accent)],
        (Stage::Ready, _) => vec![Span::styled("waiting for you", quiet)],
        (Stage::Asking { .. }, _) => vec![Span::styled("a question for you", accent)],
        (Stage::Over, _) => vec![Span::styled(format!("done in {}", duration(ui.session.now())), quiet)],
    }
}

fn long_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Tls => "TLS handshake",
        phase => phase_name(phase),
    }
}

/// Minutes and seconds.
fn clock(time: Micros) -> String {
    let seconds = time.0 / 1_000_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
