//! Moving about: lines, pages, panes, the steps of the walk; and what keeps the places on screen in order.

use crate::guide::tree::tree;
use crate::tui::keys::Action;
use crate::tui::layout::areas;
use crate::tui::state::{Cursor, Overlay, Pane, Reading, Screen, Stage, Ui, Viewed};
use crate::tui::{lab, view};

pub(super) fn pane_at(pane: Pane, steps: usize) -> Pane {
    let at = Pane::ALL.iter().position(|other| *other == pane).unwrap_or(0);
    Pane::ALL[(at + steps) % Pane::ALL.len()]
}

/// Looks at the step before or after the one shown. Nothing is run or undone.
pub(super) fn look(ui: &mut Ui, forward: bool) {
    let Some(at) = ui.shown_index() else { return };
    let to = if forward { at + 1 } else { at.saturating_sub(1) };
    ui.viewed = Viewed::Present;
    if ui.shown_index().is_some_and(|present| to < present) || !forward {
        let Some(step) = ui.path.get(to) else { return };
        let (id, route) = (step.id.clone(), step.route);
        ui.viewed = Viewed::Step(id.clone());
        let first = match route {
            Some(route) => ui.session.transcript().of_route(route).next().map(|(line, _)| line),
            None => ui.session.steps().iter().find(|step| step.id == id).map(|step| {
                let lines = ui.session.transcript().lines();
                lines.partition_point(|line| line.at < step.entered)
            }),
        };
        ui.cursor = first.map_or(ui.cursor, Cursor::Resting);
    } else {
        ui.cursor = Cursor::Following;
    }
    ui.meaning_top = 0;
}

/// Moves in whatever has the focus.
pub(super) fn travel(ui: &mut Ui, action: Action) {
    if let Overlay::Help(_) | Overlay::Why(_) | Overlay::Case(_) = ui.overlay {
        let (rows, lines) = view::page_extent(ui);
        if let Overlay::Help(top) | Overlay::Why(top) | Overlay::Case(top) = &mut ui.overlay {
            *top = scrolled(*top, action, rows, lines);
        }
        return;
    }
    if let Overlay::Question(chosen) = ui.overlay {
        let count = match &ui.stage {
            Stage::Asking { question, .. } => {
                tree().questions.iter().find(|q| q.id == *question).map_or(0, |q| q.answers.len())
            }
            _ => 0,
        };
        ui.overlay = Overlay::Question(stepped(chosen, action, count));
        return;
    }
    if let Overlay::Predict(chosen) = ui.overlay {
        let count = lab::choices(ui).len();
        ui.overlay = Overlay::Predict(stepped(chosen, action, count));
        return;
    }
    match (ui.screen, ui.pane) {
        (Screen::Start | Screen::Message, _) => {}
        (Screen::Causes, _) => {
            super::message::scroll(ui, |top, rows, lines| scrolled(top, action, rows, lines))
        }
        (Screen::Lab, _) => lab::travel(ui, |at, count| stepped(at, action, count)),
        (Screen::Verdict, _) => {
            let (rows, lines) = view::verdict_extent(ui);
            ui.verdict_top = scrolled(ui.verdict_top, action, rows, lines);
        }
        (Screen::Walk, Pane::Meaning) => {
            let (rows, lines) = view::meaning_extent(ui);
            ui.meaning_top = scrolled(ui.meaning_top, action, rows, lines);
        }
        (Screen::Walk, Pane::Walk) => match action {
            Action::Up | Action::PageUp => look(ui, false),
            Action::Down | Action::PageDown if ui.viewed != Viewed::Present => look(ui, true),
            _ => {}
        },
        (Screen::Walk, Pane::Transcript) => travel_lines(ui, action),
    }
}

/// A top line after a movement, for text that is only scrolled.
fn scrolled(top: usize, action: Action, rows: usize, lines: usize) -> usize {
    let last = lines.saturating_sub(rows);
    let page = rows.saturating_sub(1).max(1);
    match action {
        Action::Up => top.saturating_sub(1),
        Action::Down => top + 1,
        Action::PageUp => top.saturating_sub(page),
        Action::PageDown => top + page,
        Action::First => 0,
        _ => last,
    }
    .min(last)
}

/// A choice after a movement.
fn stepped(chosen: usize, action: Action, count: usize) -> usize {
    let last = count.saturating_sub(1);
    match action {
        Action::Up => chosen.saturating_sub(1),
        Action::Down => (chosen + 1).min(last),
        Action::PageUp => chosen.saturating_sub(10),
        Action::PageDown => (chosen + 10).min(last),
        Action::First => 0,
        _ => last,
    }
}

fn travel_lines(ui: &mut Ui, action: Action) {
    let count = ui.lines().len();
    let Some(last) = count.checked_sub(1) else { return };
    let rows = areas(ui).transcript_rows().max(1);
    let page = rows.saturating_sub(1).max(1);
    ui.meaning_top = 0;
    if ui.reading == Reading::Timing {
        let steps = match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => -(page as isize),
            Action::PageDown => page as isize,
            Action::First => isize::MIN,
            _ => isize::MAX,
        };
        ui.cursor = view::timing::travelled(ui, steps).map_or(ui.cursor, Cursor::Line);
        return;
    }
    ui.cursor = match (ui.cursor, action) {
        (Cursor::Line(at), _) => Cursor::Line(match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => (at + 1).min(last),
            Action::PageUp => at.saturating_sub(page),
            Action::PageDown => (at + page).min(last),
            Action::First => 0,
            _ => last,
        }),
        (Cursor::Following, Action::Up | Action::Down) => Cursor::Line(last),
        (Cursor::Resting(_), Action::Up) => Cursor::Line((ui.top + rows - 1).min(last)),
        (Cursor::Resting(_), Action::Down) => Cursor::Line(ui.top.min(last)),
        (_, Action::PageUp) => Cursor::Resting(ui.top.saturating_sub(page)),
        (_, Action::PageDown) if ui.top + page + rows < count => Cursor::Resting(ui.top + page),
        (_, Action::First) => Cursor::Resting(0),
        (_, _) => Cursor::Following,
    };
}

/// Brings the places on screen in order: what is selected is visible, nothing is scrolled past its end.
pub(super) fn settle(ui: &mut Ui) {
    let areas = areas(ui);
    let count = ui.lines().len();
    let rows = areas.transcript_rows().max(1);
    let end = count.saturating_sub(rows);
    if let Cursor::Line(at) = ui.cursor
        && at >= count
    {
        ui.cursor = Cursor::Following;
    }
    ui.top = match ui.cursor {
        Cursor::Following => end,
        Cursor::Resting(top) => top.min(end),
        Cursor::Line(at) if at < ui.top => at,
        Cursor::Line(at) if at >= ui.top + rows => at + 1 - rows,
        Cursor::Line(_) => ui.top.min(end),
    };
    if ui.meaning_top > 0 {
        let (rows, lines) = view::meaning_extent(ui);
        ui.meaning_top = ui.meaning_top.min(lines.saturating_sub(rows));
    }
    if ui.screen == Screen::Causes {
        super::message::scroll(ui, |top, rows, lines| top.min(lines.saturating_sub(rows)));
    }
    if ui.verdict_top > 0 {
        let (rows, lines) = view::verdict_extent(ui);
        ui.verdict_top = ui.verdict_top.min(lines.saturating_sub(rows));
    }
    if let Overlay::Help(top) | Overlay::Why(top) | Overlay::Case(top) = &ui.overlay
        && *top > 0
    {
        let (rows, lines) = view::page_extent(ui);
        let last = lines.saturating_sub(rows);
        if let Overlay::Help(top) | Overlay::Why(top) | Overlay::Case(top) = &mut ui.overlay {
            *top = (*top).min(last);
        }
    }
}
