//! The last line: the keys that do something at the moment, a word to the reader, or the search field.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_input::Input;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use crate::tui::keys::{self, Action, Binding, Place};
use crate::tui::sign_in::Field;
use crate::tui::state::{Overlay, Reading, Screen, Stage, Ui};
use crate::tui::text::{cut, plain};
use crate::tui::theme::Role;
use crate::wire::printable::printable;

/// The footer line.
pub struct Footer<'a>(pub &'a Ui);

const PROMPT: &str = " / ";

impl Widget for Footer<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let line = match (&ui.overlay, &ui.notice) {
            (Overlay::Find(input, _), _) => search(ui, input, area.width),
            (Overlay::SignIn(form), _) => form_keys(ui, form.field, area.width),
            (_, Some(notice)) => {
                let text = printable(notice, 400);
                let text =
                    cut(&plain(&text, &ui.theme), usize::from(area.width.saturating_sub(2)), &ui.theme);
                Line::from(vec![Span::raw(" "), Span::styled(text, ui.theme.style(Role::Accent))])
            }
            _ => keys(ui, area.width),
        };
        buffer.set_line(area.x, area.y, &line, area.width);
    }
}

/// The search field; where room is short what was found is left out first, then the keys.
fn search(ui: &Ui, input: &Input, width: u16) -> Line<'static> {
    let theme = &ui.theme;
    let found = match &ui.search {
        _ if ui.screen == Screen::Lab => match ui.listed().len() {
            0 => "no scenario has it".to_owned(),
            1 => "1 scenario".to_owned(),
            several => format!("{several} scenarios"),
        },
        Some(search) if search.hits.is_empty() => "no line has it".to_owned(),
        Some(search) if search.hits.len() == 1 => "1 line".to_owned(),
        Some(search) => format!("{} lines", search.hits.len()),
        None => "type what to look for".to_owned(),
    };
    let needle = end_of(input, field_room(width));
    let room = usize::from(width).saturating_sub(PROMPT.width() + needle.width() + 2);
    let keys = "Enter keep  Esc cancel";
    let hint = [format!("{found}   {keys}"), keys.to_owned()].into_iter().find(|hint| hint.width() <= room);
    Line::from(vec![
        Span::styled(PROMPT, theme.strong(Role::Accent)),
        Span::raw(needle),
        Span::raw("  "),
        Span::styled(hint.unwrap_or_default(), theme.style(Role::Quiet)),
    ])
}

/// Columns of the search field, the cursor's place left free.
fn field_room(width: u16) -> usize {
    usize::from(width).saturating_sub(PROMPT.width() + 1)
}

/// What is seen of a field: a text that is too long is cut at its beginning, as far as the cursor allows.
fn end_of(input: &Input, room: usize) -> String {
    let mut skipped = 0;
    let from = input.visual_scroll(room);
    let seen = input.value().chars().skip_while(|c| {
        let skip = skipped < from;
        skipped += c.width().unwrap_or(0);
        skip
    });
    let mut used = 0;
    seen.take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= room
    })
    .collect()
}

/// The keys of the form for user name and password.
fn form_keys(ui: &Ui, field: Field, width: u16) -> Line<'static> {
    let theme = &ui.theme;
    let (long, short) = match field {
        Field::User => ("to the password", "next"),
        Field::Secret => ("show the plan", "plan"),
    };
    let forms: [&[(&str, &str)]; 3] = [
        &[("Enter", long), ("Tab", "other field"), ("Ctrl-U", "empty it"), ("Esc", "back")],
        &[("Enter", short), ("Tab", "field"), ("Ctrl-U", "empty"), ("Esc", "back")],
        &[("Enter", short), ("Tab", "field"), ("Esc", "back")],
    ];
    let columns =
        |keys: &[(&str, &str)]| keys.iter().map(|(key, what)| key.len() + what.len() + 3).sum::<usize>();
    let fits = forms.iter().find(|keys| columns(keys) <= usize::from(width) + 1);
    let mut spans = vec![Span::raw(" ")];
    for (key, what) in *fits.unwrap_or(&forms[2]) {
        spans.push(Span::styled(*key, theme.strong(Role::Accent)));
        spans.push(Span::styled(format!(" {what}  "), theme.style(Role::Quiet)));
    }
    Line::from(spans)
}

/// Where the terminal's cursor stands while the search field is open.
pub fn caret(ui: &Ui) -> Option<Position> {
    let Overlay::Find(input, _) = &ui.overlay else { return None };
    let scroll = input.visual_scroll(field_room(ui.size.0));
    let column = PROMPT.width() + input.visual_cursor().saturating_sub(scroll);
    Some(Position::new(u16::try_from(column).unwrap_or(u16::MAX).min(ui.size.0 - 1), ui.size.1 - 1))
}

/// The keys that fit: where room is short, those of the highest rank stay.
fn keys(ui: &Ui, width: u16) -> Line<'static> {
    const GAP: usize = 2;
    let place = ui.place();
    let mut rows: Vec<(String, &'static str, u8)> = keys::at(place)
        .filter(|row| row.rank > 0 && ui.allows(row.action))
        // One of the two keys that read is enough to be named.
        .filter(|row| row.action != Action::Read || !ui.allows(Action::ReadPasted))
        .filter(|row| row.action != Action::Practise || !ui.listed().is_empty())
        .map(|row| entry(ui, row))
        .collect();
    if matches!(place, Place::Walk) && !ui.lines().is_empty() {
        let arrows = if ui.theme.ascii { "Up/Down" } else { "↑↓" };
        rows.insert(rows.len().min(2), (arrows.to_owned(), "line", 3));
    }
    if matches!(place, Place::Verdict | Place::Page | Place::Lab | Place::Causes) {
        let arrows = if ui.theme.ascii { "Up/Down" } else { "↑↓" };
        let (what, useful) = match place {
            Place::Lab => ("choose", !ui.listed().is_empty()),
            _ => ("scroll", scrolls(ui, place)),
        };
        if useful {
            rows.insert(rows.len().min(1), (arrows.to_owned(), what, 3));
        }
        if place == Place::Lab && ui.allows(Action::LetGo) {
            rows.insert(rows.len().min(2), ("Esc".to_owned(), "list all", 2));
        }
    }
    let room = usize::from(width).saturating_sub(2);
    let total = |rows: &[(String, &str, u8)]| -> usize {
        rows.iter()
            .map(|(keys, short, _)| keys.width() + 1 + short.len() + GAP)
            .sum::<usize>()
            .saturating_sub(GAP)
    };
    while total(&rows) > room {
        let Some(least) = rows.iter().map(|row| row.2).max() else { break };
        let Some(at) = rows.iter().rposition(|row| row.2 == least) else { break };
        rows.remove(at);
    }
    let mut line = Line::raw(" ");
    for (n, (keys, short, _)) in rows.into_iter().enumerate() {
        if n > 0 {
            line.push_span(Span::raw(" ".repeat(GAP)));
        }
        line.push_span(Span::styled(keys, ui.theme.style(Role::Accent)));
        line.push_span(Span::styled(format!(" {short}"), ui.theme.style(Role::Quiet)));
    }
    line
}

/// Whether there is more text than room for it.
fn scrolls(ui: &Ui, place: Place) -> bool {
    let (rows, lines) = match place {
        Place::Verdict => super::verdict_extent(ui),
        Place::Causes => super::causes::extent(ui),
        _ => super::page_extent(ui),
    };
    lines > rows
}

fn entry(ui: &Ui, row: &'static Binding) -> (String, &'static str, u8) {
    let shown = if ui.theme.ascii { row.plain } else { row.shown };
    // The first of the keys is enough here; the help screen names all.
    let first = shown.split(' ').next().unwrap_or(shown);
    let shown_so = match row.action {
        Action::Ladder => ui.reading == Reading::Ladder,
        Action::Timing => ui.reading == Reading::Timing,
        _ => false,
    };
    if shown_so {
        return (first.to_owned(), "list", 3);
    }
    // The story of a case says of itself that Enter goes on.
    if row.action == Action::Close && matches!(ui.overlay, Overlay::Case(_)) && ui.stage != Stage::Over {
        return ("Enter".to_owned(), "go on", row.rank);
    }
    let short = match row.action {
        Action::Target if ui.screen == Screen::Verdict && ui.case().is_some() => "another case",
        Action::Leave if !ui.form.target.value().is_empty() => "clear",
        _ => row.short,
    };
    (first.to_owned(), short, row.rank)
}
