//! The start screen's part: the target, the goal, recent targets; beginning, and what cannot be begun.

use tui_input::Input;

use super::{Effect, message};
use crate::guide::provider;
use crate::order::Order;
use crate::target::{Goal, Lead, Target};
use crate::tui::state::{Choice, Overlay, Screen, Ui};

/// The choice so many places after this one.
pub(super) fn choice_at(choice: Choice, steps: usize) -> Choice {
    let at = Choice::ALL.iter().position(|other| *other == choice).unwrap_or(0);
    Choice::ALL[(at + steps) % Choice::ALL.len()]
}

/// What is wrong with a target, in words that say what to type instead.
pub(super) fn complaint(input: &str) -> Option<String> {
    Target::parse(input, &|id| provider::by_id(id).is_some()).err().map(|error| error.to_string())
}

pub(super) fn begin(ui: &mut Ui) -> Vec<Effect> {
    let Choice::Goal(goal) = ui.form.choice else {
        message::from_start(ui);
        return Vec::new();
    };
    if message::is_message(ui.form.target.value()) {
        message::typed_on_start(ui);
        return Vec::new();
    }
    let input = ui.form.target.value().to_owned();
    ui.form.complaint = complaint(&input);
    match ui.form.complaint {
        Some(_) => Vec::new(),
        None => begun(ui, input, goal),
    }
}

/// Begins: the walk is shown, empty, until its first event comes.
pub fn begun(ui: &mut Ui, input: String, goal: Goal) -> Vec<Effect> {
    begun_with(ui, input, goal, None)
}

/// The same, led to by an error message.
pub(super) fn begun_with(ui: &mut Ui, input: String, goal: Goal, lead: Option<Box<Lead>>) -> Vec<Effect> {
    ui.restart();
    ui.form.recent.retain(|known| *known != input);
    ui.form.recent.push(input.clone());
    ui.form.recalled = None;
    vec![Effect::Order(Order::Begin { input, goal, lead })]
}

/// The target could not be begun after all: back to the start screen with the reason.
pub(super) fn problem(ui: &mut Ui, why: String) {
    if ui.session.started().is_some() || !ui.can_begin || ui.screen == Screen::Lab {
        ui.notice = Some(why);
        return;
    }
    ui.overlay = Overlay::None;
    if message::problem(ui, &why) {
        ui.form.recent.pop();
        return;
    }
    if let Some(input) = ui.form.recent.pop() {
        ui.form.target = Input::new(input);
    }
    ui.form.complaint = Some(why);
    ui.screen = Screen::Start;
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
