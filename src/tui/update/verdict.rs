//! The verdict's part: findings, the lines they rest on, and what is copied.

use super::{Effect, LONGEST_COPY};
use crate::tui::state::{Cursor, Pane, Screen, Ui};
use crate::tui::view;
use crate::wire::printable::visible_lines;

pub(super) fn choose_finding(ui: &mut Ui, forward: bool) {
    let count = ui.session.findings().len();
    ui.finding = match (ui.finding, forward) {
        (None, true) => Some(0),
        (None, false) => count.checked_sub(1),
        (Some(at), true) => Some((at + 1) % count.max(1)),
        (Some(at), false) => Some(at.checked_sub(1).unwrap_or(count.saturating_sub(1))),
    };
    if let Some(line) = ui.finding.and_then(|finding| view::finding_line(ui, finding)) {
        let (rows, lines) = view::verdict_extent(ui);
        ui.verdict_top = line.saturating_sub(1).min(lines.saturating_sub(rows));
    }
}

/// Shows the first line that the chosen finding rests on; `n` goes through the others.
pub(super) fn show_lines(ui: &mut Ui) {
    let finding = ui.finding.and_then(|at| ui.session.findings().get(at));
    let Some(line) = finding.and_then(|finding| finding.evidence.iter().min()) else { return };
    ui.cursor = Cursor::Line(*line);
    ui.screen = Screen::Walk;
    ui.pane = Pane::Transcript;
    ui.meaning_top = 0;
}

pub(super) fn copy(ui: &mut Ui) -> Vec<Effect> {
    let text = match (ui.screen, ui.selected()) {
        (Screen::Walk, Some((_, line))) => line.text.clone(),
        (Screen::Verdict, _) => view::verdict::to_copy(ui),
        (Screen::Causes, _) => view::causes::to_copy(ui),
        _ => return Vec::new(),
    };
    // Whatever it is made of: it is pasted into other terminals.
    let text = visible_lines(&text);
    let end =
        text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= LONGEST_COPY).last();
    ui.notice = Some("Sent to the terminal's clipboard. Some terminals do not take it.".to_owned());
    vec![Effect::Copy(text[..end.unwrap_or(0)].to_owned())]
}
