//! Text that is typed or pasted into a field: the search above all.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::LONGEST_TARGET;
use crate::tui::lab;
use crate::tui::state::{Cursor, Overlay, Pane, Screen, Ui};

/// A key while the search field is open.
pub(super) fn find_key(ui: &mut Ui, key: KeyEvent) {
    let Overlay::Find(mut input, before) = std::mem::take(&mut ui.overlay) else { return };
    if ui.screen == Screen::Lab {
        match key.code {
            KeyCode::Enter => return,
            KeyCode::Esc => return lab::filter(ui, String::new()),
            _ => {
                edit(&mut input, key);
                lab::filter(ui, input.value().to_owned());
                ui.overlay = Overlay::Find(input, before);
                return;
            }
        }
    }
    match key.code {
        KeyCode::Enter => {
            if input.value().is_empty() {
                ui.search = None;
            }
        }
        KeyCode::Esc => {
            ui.search = None;
            ui.cursor = before;
        }
        KeyCode::Backspace if input.value().is_empty() => ui.cursor = before,
        _ => {
            if edit(&mut input, key) {
                look_for(ui, input.value(), before);
            }
            ui.overlay = Overlay::Find(input, before);
        }
    }
}

/// Searches the transcript and goes to the first line that has it, from where the search was opened.
fn look_for(ui: &mut Ui, needle: &str, before: Cursor) {
    ui.cursor = before;
    ui.search_for(needle);
    let from = match before {
        Cursor::Line(at) => at,
        Cursor::Following | Cursor::Resting(_) => ui.top,
    };
    let hits = ui.search.as_ref().map(|search| search.hits.as_slice()).unwrap_or_default();
    let hit = hits.iter().find(|hit| **hit >= from).or(hits.first());
    if let Some(hit) = hit {
        ui.cursor = Cursor::Line(*hit);
        ui.meaning_top = 0;
    }
}

pub(super) fn to_hit(ui: &mut Ui, forward: bool) {
    let Some(search) = &ui.search else { return };
    let hit = match (ui.cursor, forward) {
        (Cursor::Line(at), true) => search.hits.iter().find(|hit| **hit > at).or(search.hits.first()),
        (Cursor::Line(at), false) => search.hits.iter().rev().find(|hit| **hit < at).or(search.hits.last()),
        (_, true) => search.hits.iter().find(|hit| **hit >= ui.top).or(search.hits.first()),
        (_, false) => search.hits.iter().rev().find(|hit| **hit < ui.top).or(search.hits.last()),
    };
    match hit {
        Some(hit) => {
            ui.cursor = Cursor::Line(*hit);
            ui.pane = Pane::Transcript;
            ui.meaning_top = 0;
        }
        None => ui.notice = Some(format!("No line contains \"{}\".", search.needle)),
    }
}

pub(super) fn paste(ui: &mut Ui, text: &str) {
    let clean = text.trim_matches(['\r', '\n']).chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut find = std::mem::take(&mut ui.overlay);
    let field = match &mut find {
        Overlay::Find(input, _) => Some(input),
        Overlay::None if ui.screen == Screen::Start => Some(&mut ui.form.target),
        _ => None,
    };
    if let Some(field) = field {
        let room = LONGEST_TARGET.saturating_sub(field.value().chars().count());
        for character in clean.take(room) {
            field.handle(InputRequest::InsertChar(character));
        }
    }
    ui.overlay = find;
    if let Overlay::Find(input, before) = &ui.overlay {
        let (needle, before) = (input.value().to_owned(), *before);
        if ui.screen == Screen::Lab {
            lab::filter(ui, needle);
        } else {
            look_for(ui, &needle, before);
        }
    }
}

/// A key in a field. True where the text changed.
pub(super) fn edit(input: &mut Input, key: KeyEvent) -> bool {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    if key.modifiers.contains(KeyModifiers::ALT) {
        return false;
    }
    let request = match (key.code, ctrl) {
        (KeyCode::Char('u'), true) => InputRequest::DeleteFromStart,
        (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
        (KeyCode::Char('a'), true) | (KeyCode::Home, _) => InputRequest::GoToStart,
        (KeyCode::Char('e'), true) | (KeyCode::End, _) => InputRequest::GoToEnd,
        (KeyCode::Char(c), false) => InputRequest::InsertChar(c),
        (KeyCode::Backspace, _) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
        (KeyCode::Left, _) => InputRequest::GoToPrevChar,
        (KeyCode::Right, _) => InputRequest::GoToNextChar,
        _ => return false,
    };
    input.handle(request).is_some_and(|changed| changed.value)
}
