//! The start screen: a target, a goal, and where to go without a network.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::tui::state::{Choice, Overlay, Screen, Ui};
use crate::tui::text::{cut, plain, wrap};
use crate::tui::theme::Role;
use crate::tui::view::footer;
use crate::wire::printable::printable;

/// The start screen.
pub struct Start<'a>(pub &'a Ui);

/// The words of [`Choice::ALL`].
const CHOICES: [&str; 4] = [
    "An app or a mail client submits it",
    "A mail server delivers to other servers",
    "Mail is accepted but lands in spam",
    "I have an error message",
];

/// Where the field is: left, top, columns inside.
fn field(ui: &Ui) -> (u16, u16, u16) {
    let (width, height) = ui.size;
    let columns = width.saturating_sub(8).min(64);
    let left = (width - columns) / 2;
    let top = match height {
        22.. => (height / 2).saturating_sub(9) + 3,
        16.. => 3,
        _ => 0,
    };
    (left, top, columns - 2)
}

fn roomy(ui: &Ui) -> bool {
    ui.size.1 >= 22
}

/// Where the terminal's cursor stands in the field.
pub fn caret(ui: &Ui) -> Option<Position> {
    if ui.screen != Screen::Start || !matches!(ui.overlay, Overlay::None) {
        return None;
    }
    let (left, top, columns) = field(ui);
    let input = &ui.form.target;
    let scroll = input.visual_scroll(usize::from(columns));
    let column = u16::try_from(input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
    Some(Position::new(left + 1 + column.min(columns), top + 2))
}

impl Widget for Start<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let theme = &ui.theme;
        let quiet = theme.style(Role::Quiet);
        let (left, top, columns) = field(ui);
        let width = columns + 2;
        let last = area.bottom().saturating_sub(1);
        let text = |buffer: &mut Buffer, y: u16, line: Line<'_>| {
            if y < last {
                buffer.set_line(left, y, &line, width);
            }
        };
        let what = Span::styled("Which SMTP port and TLS mode work from here, and why.", quiet);
        let name = Span::styled("ehlo", theme.strong(Role::Accent));
        if roomy(ui) {
            text(buffer, top - 3, Line::from(name));
            text(buffer, top - 2, Line::from(what));
        } else if top > 1 {
            let both = Line::from(vec![name, Span::raw("  "), what]);
            let alone = Line::from(both.spans[0].clone());
            text(buffer, top - 2, if both.width() <= usize::from(width) { both } else { alone });
        }
        text(buffer, top, Line::from(Span::styled("Target", theme.style(Role::Title))));
        draw_field(ui, buffer, left, top + 1, columns);
        let mut y = top + 4;
        let under = match &ui.form.complaint {
            Some(complaint) => {
                let complaint = format!("{} {}", theme.glyphs.bad, printable(complaint, 300));
                (complaint, theme.style(Role::Bad))
            }
            None if ui.form.choice == Choice::Message => {
                ("may stay empty: the host is read from the message".to_owned(), quiet)
            }
            None if roomy(ui) => {
                let what = "a host, host:port, an address, user@domain, or a provider such as sendgrid";
                (what.to_owned(), quiet)
            }
            None => ("host, host:port or user@domain".to_owned(), quiet),
        };
        for row in wrap(&plain(&under.0, theme), usize::from(width)).iter().take(3) {
            text(buffer, y, Line::from(Span::styled(row.clone(), under.1)));
            y += 1;
        }
        y += u16::from(roomy(ui));
        text(buffer, y, Line::from(Span::styled("What sends the mail?", theme.style(Role::Title))));
        for (choice, words) in Choice::ALL.into_iter().zip(CHOICES) {
            y += 1;
            let chosen = choice == ui.form.choice;
            let (glyph, style) = if chosen {
                (theme.glyphs.chosen, theme.style(Role::Accent))
            } else {
                (theme.glyphs.open, quiet)
            };
            let words_style = if chosen { theme.style(Role::Text) } else { quiet };
            text(
                buffer,
                y,
                Line::from(vec![
                    Span::styled(format!("({glyph}) "), style),
                    Span::styled(words, words_style),
                ]),
            );
        }
        y += 1 + u16::from(roomy(ui));
        if !ui.form.recent.is_empty() {
            let recent: Vec<String> = ui.form.recent.iter().rev().take(4).map(|t| printable(t, 60)).collect();
            let recent = format!("Recent: {}", recent.join("  "));
            text(
                buffer,
                y,
                Line::from(Span::styled(cut(&plain(&recent, theme), usize::from(width), theme), quiet)),
            );
            y += 1 + u16::from(roomy(ui));
        }
        let lab = "No mail server at hand? Type lab:587-filtered for a practice network inside ehlo; \
                   the command ehlo lab lists them all.";
        for row in wrap(&plain(lab, theme), usize::from(width)) {
            text(buffer, y, Line::from(Span::styled(row, quiet)));
            y += 1;
        }
        footer::Footer(ui).render(Rect { y: last, height: 1, ..area }, buffer);
    }
}

fn draw_field(ui: &Ui, buffer: &mut Buffer, left: u16, top: u16, columns: u16) {
    let theme = &ui.theme;
    let style = theme.style(if ui.form.complaint.is_some() { Role::Bad } else { Role::Accent });
    let [tl, tr, bl, br] = theme.glyphs.corners;
    let rule = theme.glyphs.rule.repeat(usize::from(columns));
    buffer.set_string(left, top, format!("{tl}{rule}{tr}"), style);
    buffer.set_string(left, top + 1, theme.glyphs.wall, style);
    buffer.set_string(left + columns + 1, top + 1, theme.glyphs.wall, style);
    buffer.set_string(left, top + 2, format!("{bl}{rule}{br}"), style);
    let input = &ui.form.target;
    let scroll = input.visual_scroll(usize::from(columns));
    // Columns are skipped as characters: a host name has no wide ones, and what has is refused.
    let shown: String = input.value().chars().skip(scroll).collect();
    if shown.is_empty() {
        let hint = cut("for example smtp.example.com", usize::from(columns), theme);
        buffer.set_string(left + 1, top + 1, hint, theme.style(Role::Quiet));
    } else {
        buffer.set_stringn(left + 1, top + 1, &shown, usize::from(columns), theme.style(Role::Text));
    }
}
