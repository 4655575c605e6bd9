//! The transcript: one line a row, with time, port, lock, direction and text. Only the rows on screen are looked at.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::event::{ConnectOutcome, Micros};
use crate::session::transcript::{From, Layer, Line};
use crate::session::{Meaning, Transcript as Lines};
use crate::tui::state::{Cursor, Pane, Ui};
use crate::tui::text::{cut, plain};
use crate::tui::theme::{Role, Theme};

/// Title and rows.
pub struct Transcript<'a>(pub &'a Ui);

impl Widget for Transcript<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        if area.is_empty() {
            return;
        }
        let right = position(ui);
        super::title(buffer, area, &ui.theme, "Transcript", &right, super::focus(ui, Pane::Transcript));
        let rows = usize::from(area.height - 1);
        let lines = ui.lines();
        let ports = area.width >= 70 && several_ports(ui);
        for (row, (at, line)) in lines.iter().enumerate().skip(ui.top).take(rows).enumerate() {
            let y = area.y + 1 + u16::try_from(row).unwrap_or(u16::MAX);
            let selected = ui.cursor == Cursor::Line(at);
            buffer.set_line(area.x, y, &self::row(ui, line, selected, ports, area.width), area.width);
        }
        if lines.is_empty() {
            buffer.set_string(
                area.x + 2,
                area.y + 1,
                "Nothing has been said yet.",
                ui.theme.style(Role::Quiet),
            );
        }
    }
}

/// Whether lines of more than one route stand there, so that each needs its port.
pub(super) fn several_ports(ui: &Ui) -> bool {
    ui.session.routes().iter().filter(|route| route.probe.is_some()).count() > 1
}

/// Where the reader is.
pub(super) fn position(ui: &Ui) -> String {
    let count = ui.lines().len();
    let place = match (ui.cursor, &ui.search) {
        (Cursor::Line(at), Some(search)) if search.hits.binary_search(&at).is_ok() => {
            let hit = search.hits.partition_point(|hit| *hit <= at);
            format!("match {hit} of {}, line {} of {count}", search.hits.len(), at + 1)
        }
        (Cursor::Line(at), _) => format!("line {} of {count}", at + 1),
        (_, Some(search)) => format!("{} matches, {count} lines", search.hits.len()),
        (_, None) if count == 0 => String::new(),
        (_, None) if count == 1 => "1 line".to_owned(),
        (_, None) => format!("{count} lines"),
    };
    match ui.session.transcript().dropped() {
        0 => place,
        dropped => format!("{place}, {dropped} beyond {} not kept", Lines::MAX_LINES),
    }
}

fn row(ui: &Ui, line: &Line, selected: bool, ports: bool, width: u16) -> Row<'static> {
    let theme = &ui.theme;
    let glyphs = theme.glyphs;
    let quiet = theme.style(Role::Quiet);
    let pointer = if selected { glyphs.pointer } else { " " };
    let mut row = Row::from(vec![
        Span::styled(pointer, theme.strong(Role::Accent)),
        Span::styled(format!("{:>8} ", seconds(line.at)), quiet),
    ]);
    if ports {
        let port = line.port.map(|port| port.to_string()).unwrap_or_default();
        row.push_span(Span::styled(format!("{port:>5} "), quiet));
    }
    let lock = if line.encrypted { glyphs.lock } else { "  " };
    row.push_span(Span::styled(lock, theme.style(Role::Secure)));
    let arrow = match (line.from, line.layer) {
        (From::Client, Layer::Tls) => glyphs.tls_to_server,
        (From::Server, Layer::Tls) => glyphs.tls_to_client,
        (From::Client, _) => glyphs.to_server,
        (From::Server, _) => glyphs.to_client,
        (From::Probe, _) => "  ",
    };
    let arrow_role = if line.from == From::Client { Role::Accent } else { Role::Text };
    row.push_span(Span::styled(arrow, theme.style(arrow_role)));
    row.push_span(Span::raw(" "));
    let room = usize::from(width).saturating_sub(row.width() + 1);
    let text = cut(&plain(&line.text, theme), room, theme);
    let style = if selected { theme.strong(role(line)) } else { theme.style(role(line)) };
    match &ui.search {
        Some(search) => row.extend(marked(&text, &plain(&search.needle, theme), style, theme)),
        None => row.push_span(Span::styled(text, style)),
    }
    row
}

/// Seconds with thousandths.
fn seconds(at: Micros) -> String {
    format!("{}.{:03}", at.0 / 1_000_000, at.0 / 1_000 % 1_000)
}

/// What kind of text it is: what went wrong is seen at a glance, what is only said about the run stays back.
pub(super) fn role(line: &Line) -> Role {
    match &line.meaning {
        Meaning::Connect { outcome: ConnectOutcome::Connected, .. } | Meaning::TlsEstablished { .. } => {
            Role::Good
        }
        Meaning::Connect { outcome: ConnectOutcome::Cancelled, .. } => Role::Quiet,
        Meaning::Connect { .. } | Meaning::TlsFailed { .. } | Meaning::NotTls { .. } => Role::Bad,
        Meaning::WaitExpired { .. } | Meaning::LimitReached { .. } | Meaning::AfterStarttls => Role::Warn,
        Meaning::NotReply { .. } => Role::Warn,
        Meaning::Greeting { code: Some(500..), .. } | Meaning::Reply { code: Some(500..), .. } => Role::Bad,
        Meaning::Greeting { code: Some(400..=499), .. } | Meaning::Reply { code: Some(400..=499), .. } => {
            Role::Warn
        }
        Meaning::Certificate { faults, .. } if !faults.is_empty() => Role::Bad,
        Meaning::Alert { level: 2.., .. } => Role::Bad,
        Meaning::ConnectStarted { .. }
        | Meaning::DroppedHere { .. }
        | Meaning::Chosen { .. }
        | Meaning::TlsStarted { .. }
        | Meaning::EncryptedRecords { .. }
        | Meaning::Remark => Role::Quiet,
        _ => Role::Text,
    }
}

/// A text with the matches of a search marked.
pub(super) fn marked(text: &str, needle: &str, style: Style, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let (lower, needle) = (text.to_ascii_lowercase(), needle.to_ascii_lowercase());
    let mut from = 0;
    if !needle.is_empty() {
        for (at, found) in lower.match_indices(&needle) {
            // ASCII lower case keeps every byte in its place.
            spans.push(Span::styled(text[from..at].to_owned(), style));
            from = at + found.len();
            spans.push(Span::styled(text[at..from].to_owned(), style.patch(theme.style(Role::Marked))));
        }
    }
    spans.push(Span::styled(text[from..].to_owned(), style));
    spans.retain(|span| span.content.width() > 0);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_marked_in_whatever_case() {
        let theme = Theme::new(true, true);
        let parts = |text: &str, needle: &str| -> Vec<String> {
            marked(text, needle, Style::new(), &theme)
                .into_iter()
                .map(|span| span.content.into_owned())
                .collect()
        };
        assert_eq!(parts("250-STARTTLS", "starttls"), ["250-", "STARTTLS"]);
        assert_eq!(parts("é a É a", "a"), ["é ", "a", " É ", "a"]);
        assert_eq!(parts("abc", ""), ["abc"]);
    }

    #[test]
    fn times_keep_their_column() {
        assert_eq!(seconds(Micros(31_400)), "0.031");
        assert_eq!(seconds(Micros(119_999_999)), "119.999");
    }
}
