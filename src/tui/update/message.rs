//! The error message's part: the pane that it is pasted into, the settings found in it, and the walk that it leads to.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::InputRequest;

use super::find::edit;
use super::start::{begun_with, complaint};
use super::{Effect, LONGEST_TARGET, waiting};
use crate::guide::tree::tree;
use crate::tui::keys::Action;
use crate::tui::message::{Field, Origin, PORT_DIGITS};
use crate::tui::state::{Overlay, Screen, Stage, Ui};
use crate::tui::view;

/// Opens the pane from the start screen; the target typed there goes along, if it can be one.
pub(super) fn from_start(ui: &mut Ui) {
    let target = ui.form.target.value().trim().to_owned();
    ui.form.complaint = if target.is_empty() { None } else { complaint(&target) };
    if ui.form.complaint.is_none() {
        open(ui, Origin::Start, target);
    }
}

/// Opens the pane from the question of the walk.
pub(super) fn from_question(ui: &mut Ui) {
    let target = ui.session.started().map(|started| started.input.clone()).unwrap_or_default();
    ui.overlay = Overlay::None;
    open(ui, Origin::Question, target);
}

fn open(ui: &mut Ui, origin: Origin, target: String) {
    let message = ui.message.get_or_insert_default();
    message.origin = origin;
    message.target = target;
    ui.screen = Screen::Message;
}

/// A paste on the start screen that can be no target: several lines, or several words. It is taken for the message.
pub(super) fn is_message(text: &str) -> bool {
    let text = text.trim();
    text.contains(['\n', '\r']) || text.split_whitespace().count() > 2
}

/// The same, pasted: the pane opens with it.
pub(super) fn pasted_on_start(ui: &mut Ui, text: &str) {
    from_start(ui);
    if ui.screen == Screen::Message {
        paste(ui, text);
    }
}

/// Enter on the start screen behind what can be no target: a terminal that does not mark a paste sends its lines one by
/// one. The first goes into the pane, and the others follow it.
pub(super) fn typed_on_start(ui: &mut Ui) {
    let first = format!("{}\n", ui.form.target.value());
    ui.form.target.reset();
    from_start(ui);
    if let Some(message) = &mut ui.message {
        message.area.insert(&first);
        message.pasted = false;
    }
}

/// What the actions of the two screens do.
pub(super) fn act(ui: &mut Ui, action: Action) -> Vec<Effect> {
    let Some(message) = &mut ui.message else { return Vec::new() };
    match action {
        Action::Read | Action::ReadPasted if message.area.is_blank() => {
            ui.notice = Some("Nothing to read yet: paste the message first.".to_owned());
        }
        Action::Read | Action::ReadPasted => {
            message.read();
            ui.screen = Screen::Causes;
        }
        Action::EmptyText => {
            message.area.clear();
            message.pasted = false;
        }
        Action::LeaveText => leave(ui),
        Action::ToText => {
            message.pasted = false;
            message.reading = None;
            ui.screen = Screen::Message;
        }
        _ => return of_reading(ui, action),
    }
    Vec::new()
}

/// Back to where the pane was opened from. The text stays until a walk begins.
fn leave(ui: &mut Ui) {
    match ui.message.as_ref().map(|message| message.origin) {
        Some(Origin::Question) => {
            ui.screen = Screen::Walk;
            ui.overlay = waiting(ui);
        }
        _ => ui.screen = Screen::Start,
    }
}

fn of_reading(ui: &mut Ui, action: Action) -> Vec<Effect> {
    let Some(message) = &mut ui.message else { return Vec::new() };
    // Every action here leaves the setting that was typed.
    message.settle();
    let Some(reading) = &mut message.reading else { return Vec::new() };
    match action {
        Action::NextField => reading.turn(true),
        Action::PreviousField => reading.turn(false),
        Action::LeaveField => reading.field = None,
        Action::NextMode | Action::PreviousMode => {
            reading.turn_mode(action == Action::NextMode);
            message.changed();
        }
        Action::Walk => {
            if let Some(beginning) = reading.begin() {
                return begun_with(ui, beginning.input, beginning.goal, Some(Box::new(beginning.lead)));
            }
        }
        _ => {}
    }
    Vec::new()
}

/// The walk could not be begun after all: back to the settings. False where no message led to it.
pub(super) fn problem(ui: &mut Ui, why: &str) -> bool {
    let Some(reading) = ui.message.as_mut().and_then(|message| message.reading.as_mut()) else {
        return false;
    };
    reading.complaint = Some(why.to_owned());
    reading.field = Some(Field::Host);
    ui.screen = Screen::Causes;
    true
}

/// A key that is no action: text.
pub(super) fn key(ui: &mut Ui, key: KeyEvent) {
    match ui.screen {
        Screen::Message => into_text(ui, key),
        Screen::Causes => into_field(ui, key),
        _ => {}
    }
}

fn into_text(ui: &mut Ui, key: KeyEvent) {
    let (width, rows) = view::message::extent(ui);
    let page = isize::try_from(rows.saturating_sub(1).max(1)).unwrap_or(1);
    let Some(message) = &mut ui.message else { return };
    if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
        return;
    }
    let area = &mut message.area;
    let mut letter = [0; 4];
    let text = match key.code {
        KeyCode::Char(c) => c.encode_utf8(&mut letter),
        KeyCode::Enter => "\n",
        // A terminal that does not mark a paste sends what stands in it, tabs and all.
        KeyCode::Tab => " ",
        other => {
            match other {
                KeyCode::Backspace => area.backspace(),
                KeyCode::Delete => area.delete(),
                KeyCode::Left => area.left(),
                KeyCode::Right => area.right(),
                KeyCode::Home => area.home(width),
                KeyCode::End => area.end(width),
                KeyCode::Up => area.travel(width, -1),
                KeyCode::Down => area.travel(width, 1),
                KeyCode::PageUp => area.travel(width, -page),
                KeyCode::PageDown => area.travel(width, page),
                _ => {}
            }
            return;
        }
    };
    message.pasted = false;
    if !area.insert(text) {
        ui.notice = Some(FULL.to_owned());
    }
}

const FULL: &str = "That is all there is room for: 64 KiB. The error itself is what counts.";

fn into_field(ui: &mut Ui, key: KeyEvent) {
    let Some(message) = &mut ui.message else { return };
    let Some(reading) = &mut message.reading else { return };
    let letter = matches!(key.code, KeyCode::Char(_)) && !key.modifiers.contains(KeyModifiers::CONTROL);
    let changed = match reading.field {
        Some(Field::Host) => {
            let full = reading.host.value().chars().count() >= LONGEST_TARGET;
            !(letter && full) && edit(&mut reading.host, key)
        }
        Some(Field::Port) => {
            let digit = matches!(key.code, KeyCode::Char(c) if c.is_ascii_digit());
            let full = reading.port.value().len() >= PORT_DIGITS;
            !(letter && (full || !digit)) && edit(&mut reading.port, key)
        }
        Some(Field::Tls) | None => false,
    };
    if changed {
        message.changed();
    }
}

/// Pasted text: into the message, or into a setting.
pub(super) fn paste(ui: &mut Ui, text: &str) {
    let screen = ui.screen;
    let Some(message) = &mut ui.message else { return };
    match (screen, &mut message.reading) {
        (Screen::Message, _) => {
            message.pasted = true;
            if !message.area.insert(text) {
                ui.notice = Some(FULL.to_owned());
            }
        }
        (Screen::Causes, Some(reading)) => {
            let (field, longest) = match reading.field {
                Some(Field::Host) => (&mut reading.host, LONGEST_TARGET),
                Some(Field::Port) => (&mut reading.port, PORT_DIGITS),
                Some(Field::Tls) | None => return,
            };
            let room = longest.saturating_sub(field.value().chars().count());
            for c in text.trim().chars().filter(|c| !c.is_control()).take(room) {
                field.handle(InputRequest::InsertChar(c));
            }
            message.changed();
        }
        _ => {}
    }
}

/// Scrolls the causes.
pub(super) fn scroll(ui: &mut Ui, to: impl Fn(usize, usize, usize) -> usize) {
    let (rows, lines) = view::causes::extent(ui);
    if let Some(reading) = ui.message.as_mut().and_then(|message| message.reading.as_mut()) {
        reading.top = to(reading.top, rows, lines);
    }
}

/// The answer of the question about a message that opens the pane.
pub(super) fn is_paste(question: &str, answer: &str) -> bool {
    question == "error-next" && answer == "explain"
}

/// Whether the question that waits is one where a message is an answer: what sends the mail, and what to do with a message.
pub(super) fn may_be_pasted(ui: &Ui) -> bool {
    let asked = matches!(&ui.stage, Stage::Asking { question, .. } if question == "sender" || question == "error-next");
    asked && ui.can_begin
}

/// The answer with the cursor, where it is another than the default: who has a message has come to paste it.
pub(super) fn proposed(ui: &Ui, question: &str) -> Option<usize> {
    if !ui.can_begin || !matches!(ui.stage, Stage::Asking { .. }) {
        return None;
    }
    let answers = &tree().question(question)?.answers;
    answers.iter().position(|answer| is_paste(question, &answer.id))
}
