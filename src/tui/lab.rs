//! The lab's part of the update: the list and its filter, predictions, the score at the end.

use super::state::{Overlay, Screen, Stage, Ui};
use super::update::Effect;
use crate::event::RunEnd;
use crate::guide::quiz::{self, Answer};

/// What may be expected of the step that waits.
pub fn choices(ui: &Ui) -> Vec<&'static Answer> {
    ui.predicting().map_or_else(Vec::new, |step| quiz::choices(&ui.session, step))
}

/// Takes the prediction under the cursor.
pub fn predict(ui: &mut Ui) {
    let Overlay::Predict(chosen) = ui.overlay else { return };
    ui.overlay = Overlay::None;
    let answer = choices(ui).get(chosen).copied();
    let step = ui.predicting().map(str::to_owned);
    if let (Some(step), Some(answer)) = (step, answer) {
        ui.quiz.predict(&step, &answer.id);
    }
}

/// The end of a walk that solves its scenario, once.
pub fn solved(ui: &mut Ui) -> Option<Effect> {
    if ui.stage != Stage::Over || ui.session.ended() != Some(RunEnd::Completed) || ui.solved_noted {
        return None;
    }
    let id = ui.case()?.id.clone();
    if !ui.quiz.solves(&ui.session) {
        return None;
    }
    let score = ui.quiz.score(&ui.session);
    ui.solved_noted = true;
    let practice = ui.practices.iter_mut().find(|practice| practice.id == id)?;
    practice.solved = Some(practice.solved.map_or(score, |before| before.better(score)));
    Some(Effect::Solved(id, score))
}

/// Shows the score with the verdict, once.
pub fn score_once(ui: &mut Ui) {
    if ui.asks && ui.case().is_some() && !ui.scored {
        ui.scored = true;
        ui.notice = None;
        ui.overlay = Overlay::Case(0);
    }
}

/// Says that nothing is asked while the walk runs on, where predictions were asked for.
pub fn say_unasked(ui: &mut Ui) {
    if ui.asks && ui.case().is_some() {
        let words = quiz::run_on();
        let text = if usize::from(ui.size.0) > words.long.len() + 2 { &words.long } else { &words.short };
        ui.notice = Some(text.clone());
    }
}

/// Back to the list, with the cursor on the scenario that was walked.
pub fn to_list(ui: &mut Ui) {
    let id = ui.case().map(|practice| practice.id.clone());
    if let Some(at) = ui.practices.iter().position(|practice| Some(&practice.id) == id.as_ref()) {
        ui.practice = at;
    }
    if !ui.listed().contains(&ui.practice) {
        ui.filter.clear();
    }
    ui.screen = Screen::Lab;
    ui.overlay = Overlay::None;
}

/// Lists what has these words; the cursor stays where it is as long as that is listed.
pub fn filter(ui: &mut Ui, words: String) {
    ui.filter = words;
    let listed = ui.listed();
    if !listed.contains(&ui.practice)
        && let Some(first) = listed.first()
    {
        ui.practice = *first;
    }
}

/// Moves in the list; `step` gives the new place from the old one and the count.
pub fn travel(ui: &mut Ui, step: impl Fn(usize, usize) -> usize) {
    let listed = ui.listed();
    let at = listed.iter().position(|practice| *practice == ui.practice).unwrap_or(0);
    if let Some(practice) = listed.get(step(at, listed.len())) {
        ui.practice = *practice;
    }
}
