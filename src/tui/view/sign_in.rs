//! The form for user name and password, over the screen. Of the password only its length is drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::tui::sign_in::{Field, SignIn as Form};
use crate::tui::state::{Overlay, Ui};
use crate::tui::text::{Document, cut, plain};
use crate::tui::theme::Role;
use crate::wire::printable::printable;

/// The form.
pub struct SignIn<'a>(pub &'a Ui);

const LABELS: [&str; 2] = ["User name", "Password"];
const ROWS: u16 = 11;

fn frame(size: (u16, u16)) -> Rect {
    let area = Rect::new(0, 0, size.0, size.1);
    let width = if area.width <= 84 { area.width } else { 76 };
    super::centred(area, width, ROWS.min(area.height.saturating_sub(2)))
}

/// Columns of a field, inside the box and behind its label.
fn columns(frame: Rect) -> usize {
    usize::from(frame.width).saturating_sub(LABELS[0].width() + 8)
}

/// What is seen of the two fields, cut at their beginning where they are too long.
fn seen(form: &Form, columns: usize, mask: &str) -> [String; 2] {
    let user = printable(form.user.value(), 400);
    let from = user.chars().count().saturating_sub(columns.saturating_sub(1));
    let user = user.chars().skip(from).collect();
    let length = form.length().min(columns.saturating_sub(1));
    [user, mask.repeat(length)]
}

/// Where the terminal's cursor stands in the form.
pub fn caret(ui: &Ui) -> Option<Position> {
    let Overlay::SignIn(form) = &ui.overlay else { return None };
    let frame = frame(ui.size);
    let fields = seen(form, columns(frame), "*");
    let (row, label, column) = match form.field {
        Field::User => (3, LABELS[0], fields[0].width().min(form.user.visual_cursor())),
        Field::Secret => (4, LABELS[1], fields[1].width()),
    };
    let left = frame.x + 5 + u16::try_from(label.width() + column).unwrap_or(0);
    Some(Position::new(left.min(frame.right().saturating_sub(2)), frame.y + row))
}

impl Widget for SignIn<'_> {
    fn render(self, _: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let Overlay::SignIn(form) = &ui.overlay else { return };
        let theme = &ui.theme;
        let frame = frame(ui.size);
        let mut document = Document::new(theme, frame.width.saturating_sub(4));
        document.line(Line::default());
        document.styled(theme.style(Role::Title), 0, "User name and password");
        let mask = if theme.ascii { "*" } else { "•" };
        let fields = seen(form, columns(frame), mask);
        for ((label, value), field) in LABELS.iter().zip(&fields).zip([Field::User, Field::Secret]) {
            let (glyph, style) = if field == form.field {
                (theme.glyphs.pointer, theme.strong(Role::Accent))
            } else {
                (" ", theme.style(Role::Text))
            };
            let line = format!("{label} {value}");
            let line = cut(&plain(&line, theme), usize::from(frame.width.saturating_sub(6)), theme);
            document.hanging(0, (glyph, style), style, &line);
        }
        document.line(Line::default());
        document.paragraph(
            Role::Quiet,
            0,
            "The password is sent once, after the certificate was verified again. It is shown and recorded nowhere. \
             A wrong one counts against the account: many providers lock it after a few.",
        );
        let inside = super::boxed(buffer, frame, theme, "Sign in");
        super::scroll(buffer, inside, theme, &document.lines, 0);
    }
}
