//! What an error message means: the settings found in it, the causes that fit, and what Enter will do.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use crate::guide::symptom::{self, book};
use crate::guide::{lead, tree};
use crate::report::explain;
use crate::target::{Goal, TlsMode};
use crate::tui::layout::inner;
use crate::tui::message::{Field, PORT_DIGITS, Reading};
use crate::tui::state::{Overlay, Screen, Ui};
use crate::tui::text::{Document, plain};
use crate::tui::theme::Role;
use crate::tui::view::{footer, header};
use crate::wire::printable::printable;

/// The screen.
pub struct Causes<'a>(pub &'a Ui);

/// What is where.
struct Parts {
    settings: Rect,
    body: Rect,
    next: Rect,
}

fn reading(ui: &Ui) -> Option<&Reading> {
    ui.message.as_ref()?.reading.as_ref()
}

fn parts(ui: &Ui) -> Parts {
    let (width, height) = ui.size;
    let width = width.min(110);
    let rows = match reading(ui) {
        Some(reading) => 2 + u16::from(reading.found.goal == Goal::Submit),
        None => 2,
    };
    let next =
        1 + u16::try_from(next(ui, width).lines.len()).unwrap_or(1).min(if height < 18 { 1 } else { 3 });
    let settings = Rect { x: 0, y: 1, width, height: rows };
    let next = Rect { x: 0, y: height.saturating_sub(1 + next), width, height: next };
    let top = settings.bottom();
    Parts { settings, body: Rect { x: 0, y: top, width, height: next.y.saturating_sub(top) }, next }
}

/// The label of the first setting.
fn host_label(reading: &Reading) -> &'static str {
    if reading.found.goal == Goal::Submit { "Host" } else { "Domain" }
}

const PORT: &str = "Port";
const TLS: &str = "TLS";
/// Columns before a label.
const INDENT: u16 = 3;
/// Where the mode's label stands, behind the port.
const TLS_AT: u16 = INDENT + 6 + 8;

/// Where a setting's value stands, and how wide it may be.
fn place(reading: &Reading, field: Field, area: Rect) -> (u16, u16, u16) {
    let host = u16::try_from(host_label(reading).width()).unwrap_or(4);
    match field {
        Field::Host => (INDENT + host + 2, area.y + 1, area.width.saturating_sub(INDENT + host + 4)),
        Field::Port => (INDENT + 6, area.y + 2, u16::try_from(PORT_DIGITS).unwrap_or(5) + 1),
        Field::Tls => (TLS_AT + 5, area.y + 2, area.width.saturating_sub(TLS_AT + 6)),
    }
}

fn value(reading: &Reading, field: Field) -> Option<&Input> {
    match field {
        Field::Host => Some(&reading.host),
        Field::Port => Some(&reading.port),
        Field::Tls => None,
    }
}

/// Where the terminal's cursor stands in a setting.
pub fn caret(ui: &Ui) -> Option<Position> {
    let reading = reading(ui)?;
    if ui.screen != Screen::Causes || !matches!(ui.overlay, Overlay::None) {
        return None;
    }
    let field = reading.field?;
    let (x, y, width) = place(reading, field, parts(ui).settings);
    let Some(input) = value(reading, field) else { return Some(Position::new(x, y)) };
    let scroll = input.visual_scroll(usize::from(width.max(1)));
    let column = u16::try_from(input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
    Some(Position::new(x + column.min(width), y))
}

/// Rows on screen and lines in all of the text.
pub fn extent(ui: &Ui) -> (usize, usize) {
    let body = parts(ui).body;
    (usize::from(body.height.saturating_sub(1)), document(ui, inner(body).width).len())
}

/// How TLS starts, in words.
fn mode(tls: Option<TlsMode>) -> &'static str {
    match tls {
        None => "not known",
        Some(TlsMode::Starttls) => "STARTTLS",
        Some(TlsMode::Implicit) => "implicit TLS",
        Some(TlsMode::None) => "no TLS",
    }
}

fn settings(ui: &Ui, reading: &Reading, area: Rect, buffer: &mut Buffer) {
    let theme = &ui.theme;
    let right = if reading.field.is_some() { "Tab goes on" } else { "Tab changes them" };
    super::title(buffer, area, theme, "The application's settings", right, reading.field.is_some());
    for field in reading.fields() {
        let here = reading.field == Some(*field);
        let (x, y, width) = place(reading, *field, area);
        let label = match field {
            Field::Host => host_label(reading),
            Field::Port => PORT,
            Field::Tls => TLS,
        };
        let at = if *field == Field::Tls { TLS_AT } else { INDENT };
        let style = if here { theme.strong(Role::Accent) } else { theme.style(Role::Quiet) };
        buffer.set_string(at, y, label, style);
        if here {
            buffer.set_string(at - 2, y, theme.glyphs.pointer, style);
        }
        let (text, style) = match value(reading, *field) {
            // What to do about it stands below.
            Some(input) if input.value().is_empty() && *field == Field::Host => {
                ("not known".to_owned(), theme.style(Role::Quiet))
            }
            Some(input) if input.value().is_empty() && !here => ("none".to_owned(), theme.style(Role::Quiet)),
            Some(input) => {
                let scroll = input.visual_scroll(usize::from(width.max(1)));
                let shown: String = printable(input.value(), 400).chars().skip(scroll).collect();
                (shown, theme.style(Role::Title))
            }
            None if here => {
                let (left, right) = if theme.ascii { ("<", ">") } else { ("◂", "▸") };
                (format!("{left} {} {right}", mode(reading.tls)), theme.style(Role::Title))
            }
            None if reading.tls.is_none() => (mode(None).to_owned(), theme.style(Role::Quiet)),
            None => (mode(reading.tls).to_owned(), theme.style(Role::Title)),
        };
        buffer.set_stringn(x, y, plain(&text, theme), usize::from(width), style);
    }
}

/// What Enter will do.
fn next(ui: &Ui, width: u16) -> Document<'_> {
    let mut document = Document::new(&ui.theme, width.saturating_sub(2));
    let Some(reading) = reading(ui) else { return document };
    if let Some(complaint) = &reading.complaint {
        let text = format!("{} {}", ui.theme.glyphs.bad, printable(complaint, 300));
        document.paragraph(Role::Bad, 1, &text);
    } else if reading.host.value().is_empty() {
        document.paragraph(Role::Accent, 1, reading.asks_for());
    } else {
        let lead = lead::of(&reading.found);
        document.paragraph(Role::Text, 1, &lead::preview(&lead, reading.found.goal, reading.host.value()));
    }
    document
}

impl Widget for Causes<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let Some(reading) = reading(ui) else { return };
        let theme = &ui.theme;
        header::Header(ui).render(Rect { height: 1, ..area }, buffer);
        let parts = parts(ui);
        settings(ui, reading, parts.settings, buffer);
        let body =
            inner(Rect { y: parts.body.y + 1, height: parts.body.height.saturating_sub(1), ..parts.body });
        let lines = document(ui, body.width);
        super::title(buffer, parts.body, theme, "What it can mean", "", reading.field.is_none());
        super::scroll(buffer, body, theme, &lines, reading.top);
        let name = match (&reading.page, reading.found.goal) {
            (None, Goal::Submit) => format!("Next: {} shows it", tree::title(&reading.found.start_at)),
            _ => "Next".to_owned(),
        };
        super::title(buffer, parts.next, theme, &name, "Enter begins", false);
        let words = next(ui, parts.next.width);
        let below =
            inner(Rect { y: parts.next.y + 1, height: parts.next.height.saturating_sub(1), ..parts.next });
        super::scroll(buffer, below, theme, &words.lines, 0);
        footer::Footer(ui).render(Rect { y: area.bottom() - 1, height: 1, ..area }, buffer);
    }
}

/// The text: what fits, best first, and what decides.
fn document(ui: &Ui, width: u16) -> Vec<Line<'static>> {
    let theme = &ui.theme;
    let mut document = Document::new(theme, width.saturating_sub(1));
    let Some(reading) = reading(ui) else { return document.lines };
    let found = &reading.found;
    let label = theme.style(Role::Accent);
    match &reading.page {
        Some(page) => about(&mut document, page, label),
        None => {
            let role = if found.decided { Role::Warn } else { Role::Title };
            document.styled(theme.strong(role), 0, &explain::headline(found));
            if let Some(remark) = explain::remark(found) {
                document.paragraph(Role::Text, 0, remark);
            }
        }
    }
    let named = reading.page.as_ref().is_some_and(|page| page.cause.is_some());
    for (at, ranked) in found.causes.iter().enumerate().filter(|_| !named) {
        let Some(cause) = book().cause(&ranked.code) else { continue };
        document.line(Line::default());
        let number = format!("{}", at + 1);
        document.hanging(
            0,
            (&number, theme.style(Role::Accent)),
            theme.style(Role::Title),
            &format!("{} ({})", cause.title, ranked.confidence.as_str()),
        );
        document.paragraph(Role::Text, 2, &cause.why);
        document.hanging(2, ("Fix:", label), Style::new(), &cause.fix);
        document.hanging(2, ("Shown by:", label), Style::new(), &cause.decides);
    }
    if let Some(decides) = found.decides.as_deref().filter(|_| !found.decided && found.causes.len() > 1) {
        document.line(Line::default());
        document.title("What decides");
        document.paragraph(Role::Text, 0, decides);
    }
    if let Some(writers) = explain::writers(found).filter(|_| reading.page.is_none()) {
        document.line(Line::default());
        document.paragraph(Role::Quiet, 0, &writers);
    }
    document.line(Line::default());
    document.title("The same without a screen");
    let command = command(reading);
    // A command is to be copied: it is broken only where a line of its own does not hold it.
    if command.width() + 2 > document.width() {
        document.paragraph(Role::Text, 2, &command);
    } else {
        document.line(Line::from(Span::raw(format!("  {}", plain(&command, theme)))));
    }
    if let Some(what) = explain::placeholders(&command) {
        document.paragraph(Role::Quiet, 2, &format!("({what})"));
    }
    document.lines
}

/// The page of a single word.
fn about(document: &mut Document<'_>, page: &symptom::Page, label: Style) {
    document.paragraph(Role::Title, 0, &format!("{} ({})", page.subject, page.kind.as_str()));
    if let Some(summary) = &page.summary {
        document.paragraph(Role::Text, 0, summary);
    }
    for part in &page.parts {
        let heading = if part.heading.is_empty() { String::new() } else { format!("{}: ", part.heading) };
        document.paragraph(Role::Text, 0, &format!("{heading}{}", part.text));
        if let Some(reference) = &part.reference {
            document.paragraph(Role::Quiet, 0, reference);
        }
    }
    if let Some(fix) = &page.fix {
        document.hanging(0, ("Fix:", label), Style::new(), fix);
    }
}

/// What is sent to the clipboard: the call that finds out.
pub fn to_copy(ui: &Ui) -> String {
    reading(ui).map(command).unwrap_or_default()
}

fn command(reading: &Reading) -> String {
    explain::command_to(&reading.found, Some(reading.host.value().trim()).filter(|host| !host.is_empty()))
}
