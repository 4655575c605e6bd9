//! The start screen's part: the target, the goal, recent targets; beginning, and what cannot be begun.

use tui_input::Input;

use super::Effect;
use crate::guide::provider;
use crate::order::Order;
use crate::target::{Goal, Target};
use crate::tui::state::{Overlay, Screen, Ui};

pub(super) fn goal_after(goal: Goal) -> Goal {
    match goal {
        Goal::Submit => Goal::Relay,
        Goal::Relay => Goal::Inbox,
        Goal::Inbox => Goal::Submit,
    }
}

/// What is wrong with a target, in words that say what to type instead.
pub(super) fn complaint(input: &str) -> Option<String> {
    Target::parse(input, &|id| provider::by_id(id).is_some()).err().map(|error| error.to_string())
}

pub(super) fn begin(ui: &mut Ui) -> Vec<Effect> {
    let input = ui.form.target.value().to_owned();
    ui.form.complaint = complaint(&input);
    match ui.form.complaint {
        Some(_) => Vec::new(),
        None => begun(ui, input, ui.form.goal),
    }
}

/// Begins: the walk is shown, empty, until its first event comes.
pub fn begun(ui: &mut Ui, input: String, goal: Goal) -> Vec<Effect> {
    ui.restart();
    ui.form.recent.retain(|known| *known != input);
    ui.form.recent.push(input.clone());
    ui.form.recalled = None;
    vec![Effect::Order(Order::Begin { input, goal, lead: None })]
}

/// The target could not be begun after all: back to the start screen with the reason.
pub(super) fn problem(ui: &mut Ui, why: String) {
    if ui.session.started().is_some() || !ui.can_begin || ui.screen == Screen::Lab {
        ui.notice = Some(why);
        return;
    }
    if let Some(input) = ui.form.recent.pop() {
        ui.form.target = Input::new(input);
    }
    ui.form.complaint = Some(why);
    ui.screen = Screen::Start;
    ui.overlay = Overlay::None;
}

pub(super) fn recall(ui: &mut Ui, older: bool) {
    let count = ui.form.recent.len();
    let at = match (ui.form.recalled, older) {
        (None, true) => count.checked_sub(1),
        (Some(at), true) => Some(at.saturating_sub(1)),
        (Some(at), false) if at + 1 < count => Some(at + 1),
        (_, false) => None,
    };
    ui.form.recalled = at;
    let text = at.and_then(|at| ui.form.recent.get(at)).cloned().unwrap_or_default();
    ui.form.target = Input::new(text);
    ui.form.complaint = None;
}
