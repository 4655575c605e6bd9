//! Pages of text over the screen: all keys, and why a step is done.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::guide::tree::tree;
use crate::tui::keys::{self, Place};
use crate::tui::state::{Overlay, Screen, Stage, Ui};
use crate::tui::text::{Document, plain, wrap};
use crate::tui::theme::{Role, Theme};
use crate::tui::view::case;

/// The page that is open.
pub struct Page<'a>(pub &'a Ui);

impl Widget for Page<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let ui = self.0;
        let (name, top, lines) = match ui.overlay {
            Overlay::Help(top) => ("Keys", top, help(ui)),
            Overlay::Why(top) => ("Why", top, why(ui)),
            Overlay::Case(top) => ("The case", top, case::document(ui, width(ui).saturating_sub(4))),
            _ => return,
        };
        let frame = frame(ui, area, lines.len());
        let inside = super::boxed(buffer, frame, &ui.theme, name);
        super::scroll(buffer, inside, &ui.theme, &lines, top);
    }
}

fn width(ui: &Ui) -> u16 {
    ui.size.0.min(80)
}

fn frame(ui: &Ui, area: Rect, lines: usize) -> Rect {
    let rows = u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2);
    super::centred(area, width(ui), rows.min(area.height.saturating_sub(2)))
}

/// Rows on screen and lines in all.
pub fn extent(ui: &Ui) -> (usize, usize) {
    let lines = match ui.overlay {
        Overlay::Help(_) => help(ui).len(),
        Overlay::Why(_) => why(ui).len(),
        Overlay::Case(_) => case::document(ui, width(ui).saturating_sub(4)).len(),
        _ => 0,
    };
    let frame = frame(ui, Rect::new(0, 0, ui.size.0, ui.size.1), lines);
    (usize::from(frame.height.saturating_sub(2)), lines)
}

/// All keys: those of the place one comes from first.
fn help(ui: &Ui) -> Vec<Line<'static>> {
    let theme = &ui.theme;
    let here = match ui.screen {
        _ if matches!(ui.put_back, Some(Overlay::Question(_) | Overlay::Predict(_))) => Place::Question,
        Screen::Start => Place::Start,
        Screen::Message => Place::Message,
        Screen::Causes => Place::Causes,
        Screen::Lab => Place::Lab,
        Screen::Walk => Place::Walk,
        Screen::Verdict => Place::Verdict,
    };
    let mut places = vec![here];
    places.extend(
        [
            Place::Walk,
            Place::Verdict,
            Place::Question,
            Place::Start,
            Place::Message,
            Place::Causes,
            Place::Setting,
            Place::Lab,
            Place::Page,
        ]
        .iter()
        .filter(|p| **p != here),
    );
    let mut document = Document::new(theme, width(ui).saturating_sub(4));
    for place in places {
        document.blank();
        document.title(match place {
            Place::Start => "On the start screen",
            Place::Lab => "In the list of the lab",
            Place::Walk => "In the walk",
            Place::Verdict => "On the verdict",
            Place::Message => "In the pane for an error message",
            Place::Causes => "Where its causes are named",
            Place::Setting => "In a setting beside them",
            Place::Question => "At a question",
            Place::Page => "On a page like this",
        });
        for row in keys::at(place) {
            let shown = if theme.ascii { row.plain } else { row.shown };
            entry(&mut document, theme, width(ui).saturating_sub(4), shown, row.long);
        }
    }
    document.blank();
    document.title("Signs");
    let g = theme.glyphs;
    for (sign, what) in [
        (g.to_server.trim(), "from ehlo to the server, readable on the way"),
        (g.to_client.trim(), "from the server to ehlo, readable on the way"),
        (g.tls_to_server.trim(), "a message of TLS itself, from ehlo"),
        (g.tls_to_client.trim(), "a message of TLS itself, from the server"),
        (g.lock.trim(), "inside TLS: nobody on the way can read it"),
        (g.good, "ended well"),
        (g.bad, "ended badly"),
        (g.current, "here, or under way"),
        (g.ahead, "ahead"),
        (g.skipped, "passed over, or not needed"),
    ] {
        entry(&mut document, theme, width(ui).saturating_sub(4), sign, what);
    }
    document.lines
}

fn entry(document: &mut Document<'_>, theme: &Theme, width: u16, keys: &str, text: &str) {
    const COLUMN: usize = 13;
    let text = wrap(&plain(text, theme), usize::from(width).saturating_sub(COLUMN + 1));
    for (n, line) in text.into_iter().enumerate() {
        let keys = if n == 0 { keys } else { "" };
        let pad = COLUMN.saturating_sub(keys.width());
        document.line(Line::from(vec![
            Span::styled(keys.to_owned(), theme.style(Role::Accent)),
            Span::raw(" ".repeat(pad.max(1))),
            Span::raw(line),
        ]));
    }
}

/// Why the shown step is done, or what the question is about.
fn why(ui: &Ui) -> Vec<Line<'static>> {
    let theme = &ui.theme;
    let mut document = Document::new(theme, width(ui).saturating_sub(4));
    let mut section = |title: &str, why: &str, lesson: &str, reference: &str| {
        document.blank();
        document.title(title);
        for text in [why, lesson].into_iter().filter(|text| !text.is_empty()) {
            for paragraph in text.split("\n\n") {
                document.paragraph(Role::Text, 0, paragraph);
                document.line(Line::default());
            }
        }
        document.paragraph(Role::Quiet, 0, reference);
    };
    if let Stage::Asking { question, .. } = &ui.stage
        && let Some(question) = tree().question(question)
    {
        section(&question.text, "", &question.lesson, &question.reference);
    }
    // A question is a step of the walk as well, and is told once.
    let asked = |id: &str| matches!(&ui.stage, Stage::Asking { question, .. } if question == id);
    if let Some(shown) = ui.shown().filter(|shown| !asked(&shown.id)) {
        if let Some(step) = tree().step(&shown.id) {
            section(&super::step::name(ui), &step.why, &step.lesson, &step.reference);
        } else if let Some(question) = tree().question(&shown.id) {
            section(&question.text, "", &question.lesson, &question.reference);
        }
    }
    // The step that waits has its own reason.
    if let (Some((title, _)), Some(entered)) = (ui.plan(), ui.session.steps().last())
        && ui.shown().is_none_or(|shown| shown.id != entered.id)
        && let Some(step) = tree().step(&entered.id)
    {
        section(&format!("Next: {title}"), &step.why, "", &step.reference);
    }
    document.lines
}
