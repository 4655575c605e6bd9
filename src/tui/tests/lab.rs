//! The lab: the list and its filter, the case, predictions before each step, the score.

use super::*;
use crate::guide::quiz::Score;
use crate::order::Order;
use crate::tui::state::{Overlay, Stage};

const SIZE: (u16, u16) = (80, 24);

/// The events of a walk, cut where a step is entered: what is heard before each key that goes on.
fn steps(name: &str) -> Vec<Vec<Event>> {
    let mut parts: Vec<Vec<Event>> = vec![Vec::new()];
    for event in journal(name) {
        let enters = matches!(event.kind, EventKind::StepEntered { .. });
        if let Some(part) = parts.last_mut() {
            part.push(event);
        }
        if enters {
            parts.push(Vec::new());
        }
    }
    parts
}

/// Walks 587-filtered and predicts, at each of its three steps, the answer so many lines down.
fn walked(size: (u16, u16), down: [usize; 3]) -> (Ui, Vec<Effect>) {
    let mut ui = quizzed(size, Vec::new());
    let mut effects = Vec::new();
    let mut parts = steps("587-filtered").into_iter();
    effects.extend(update(&mut ui, Msg::Heard(parts.next().unwrap())));
    keys(&mut ui, "Esc");
    for (lines, part) in down.into_iter().zip(parts.by_ref()) {
        effects.extend(keys(&mut ui, "Enter"));
        effects.extend(keys(&mut ui, &"Down ".repeat(lines)));
        effects.extend(keys(&mut ui, "Enter"));
        effects.extend(update(&mut ui, Msg::Heard(part)));
    }
    for part in parts {
        effects.extend(update(&mut ui, Msg::Heard(part)));
    }
    (ui, effects)
}

/// At its end, with two of three predictions right.
pub(super) fn ended(size: (u16, u16)) -> Ui {
    walked(size, [0, 2, 0]).0
}

#[test]
fn a_case_begins_with_its_story_and_asks_before_each_step() {
    let mut ui = quizzed(SIZE, until(journal("587-filtered"), 1, entered("host")));
    assert!(matches!(ui.overlay, Overlay::Case(0)));
    let story = text(&drawn(&ui));
    assert!(story.contains("Ben moved a billing application") && story.contains("ETIMEDOUT"), "{story}");
    assert!(!story.contains("take port 465"), "the solution is not given away: {story}");
    keys(&mut ui, "Esc");
    assert_eq!(keys(&mut ui, "Enter"), [], "a prediction comes first");
    assert!(matches!(ui.overlay, Overlay::Predict(0)));
    assert!(text(&drawn(&ui)).contains("what do you expect?"));
    keys(&mut ui, "Esc");
    assert!(matches!(ui.overlay, Overlay::None), "it can be put aside");
    assert_eq!(keys(&mut ui, "Enter Down End Enter"), [Effect::Order(Order::Continue)]);
    assert_eq!(ui.quiz.score(&ui.session), Score::default(), "nothing has come of it yet");
    assert_eq!(keys(&mut ui, "Enter"), [], "a second press does not count for the next step");
}

#[test]
fn what_came_is_told_and_why() {
    let mut ui = quizzed(SIZE, Vec::new());
    let mut parts = steps("587-filtered").into_iter();
    update(&mut ui, Msg::Heard(parts.next().unwrap()));
    keys(&mut ui, "Esc Enter Enter");
    update(&mut ui, Msg::Heard(parts.next().unwrap()));
    assert!(text(&drawn(&ui)).contains("As you expected: it has an address."));
    keys(&mut ui, "Enter Enter");
    update(&mut ui, Msg::Heard(parts.next().unwrap()));
    let shown = text(&drawn(&ui)).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("You expected: it works"), "{shown}");
    assert!(shown.contains("It came otherwise: the connect gets no answer at all."), "{shown}");
    assert!(shown.contains("Something on the way, or a firewall"), "{shown}");
}

#[test]
fn the_score_is_shown_with_the_verdict_and_what_was_solved_is_kept() {
    let (mut ui, effects) = walked(SIZE, [0, 1, 0]);
    let kept = Effect::Solved("587-filtered".to_owned(), Score { right: 3, of: 3 });
    assert_eq!(effects.iter().filter(|effect| **effect == kept).count(), 1, "{effects:?}");
    assert_eq!(ui.practices[2].solved, Some(Score { right: 3, of: 3 }));
    keys(&mut ui, "Enter");
    assert_eq!(ui.screen, Screen::Verdict);
    assert!(matches!(ui.overlay, Overlay::Case(0)));
    assert!(text(&drawn(&ui)).contains("Your predictions: 3 of 3 right"));
    keys(&mut ui, "Esc b Enter");
    assert!(matches!(ui.overlay, Overlay::None), "once is enough");
    keys(&mut ui, "c");
    assert!(matches!(ui.overlay, Overlay::Case(0)), "and it can be asked for");
    keys(&mut ui, "Esc t");
    assert_eq!((ui.screen, ui.practice), (Screen::Lab, 2));
}

#[test]
fn wrong_predictions_solve_nothing_and_name_the_lessons() {
    let (mut ui, effects) = walked(SIZE, [0, 2, 3]);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Solved(..))), "{effects:?}");
    keys(&mut ui, "Enter");
    ui.size = (80, 200);
    let shown = text(&drawn(&ui));
    assert!(shown.contains("Your predictions: 1 of 3 right"), "{shown}");
    assert_eq!(shown.matches("Read again: ").count(), 1, "each lesson once: {shown}");
    assert!(shown.contains("Read again: Connect"), "{shown}");
}

#[test]
fn without_the_quiz_it_is_walked_plainly() {
    let mut ui = quizzed(SIZE, Vec::new());
    ui.asks = false;
    update(&mut ui, Msg::Heard(until(journal("587-filtered"), 1, entered("host"))));
    assert!(matches!(ui.overlay, Overlay::None));
    assert_eq!(keys(&mut ui, "Enter"), [Effect::Order(Order::Continue)]);
    update(&mut ui, Msg::Heard(journal("587-filtered").split_off(3)));
    keys(&mut ui, "Enter");
    assert!(matches!(ui.overlay, Overlay::None) && ui.screen == Screen::Verdict);
}

#[test]
fn who_lets_it_run_on_is_not_asked() {
    let mut ui = quizzed(SIZE, until(journal("587-filtered"), 1, entered("host")));
    assert_eq!(keys(&mut ui, "Esc a"), [Effect::Order(Order::RunOn)]);
    assert_eq!(ui.predicting(), None);
    assert!(text(&drawn(&ui)).contains("no predictions are asked. a: by steps again"));
    update(&mut ui, Msg::Heard(journal("587-filtered").split_off(3)));
    assert_eq!(ui.screen, Screen::Verdict);
    let score = text(&drawn(&ui));
    assert!(score.contains("Host, 587 STARTTLS, 465 implicit TLS ran on without a prediction"), "{score}");
    assert!(score.contains("Esc close"), "the notice has had its time: {score}");
    let mut narrow = quizzed((40, 10), until(journal("587-filtered"), 1, entered("host")));
    keys(&mut narrow, "Esc a");
    assert!(text(&drawn(&narrow)).contains("No predictions now. a: by steps again\n"));
    let mut plain = walk((80, 24), until(journal("587-filtered"), 1, entered("host")));
    keys(&mut plain, "a");
    assert_eq!(plain.notice, None, "where nothing is asked nothing is said");
}

#[test]
fn outside_the_lab_nothing_is_asked() {
    let mut events = until(journal("587-filtered"), 1, entered("host"));
    let EventKind::SessionStarted(started) = &mut events[0].kind else { panic!() };
    started.input = "smtp.example.com".to_owned();
    let mut ui = quizzed(SIZE, events);
    assert!(matches!(ui.overlay, Overlay::None));
    assert_eq!(keys(&mut ui, "c Enter"), [Effect::Order(Order::Continue)]);
}

/// The question is also the step that is shown: its lesson stands on the page once, whatever the pane behind it shows.
#[test]
fn why_a_question_is_asked_is_told_once() {
    let begun: Vec<Event> = journal("587-filtered").into_iter().take(1).collect();
    let mut ui = quizzed((120, 60), begun);
    keys(&mut ui, "Enter w");
    let page = text(&drawn(&ui));
    assert_eq!(page.matches("│ Mail travels in two kinds of steps").count(), 1, "{page}");
}

#[test]
fn a_question_waits_behind_the_story() {
    let begun: Vec<Event> = journal("587-filtered").into_iter().take(1).collect();
    let mut ui = quizzed(SIZE, begun);
    assert!(matches!(ui.overlay, Overlay::Case(0)) && matches!(ui.stage, Stage::Asking { .. }));
    assert!(text(&drawn(&ui)).trim_end().ends_with(" Enter go on"), "{}", text(&drawn(&ui)));
    keys(&mut ui, "Enter");
    assert!(matches!(ui.overlay, Overlay::Question(0)));
    keys(&mut ui, "c");
    assert!(matches!(ui.overlay, Overlay::Case(0)));
    keys(&mut ui, "Esc");
    assert!(matches!(ui.overlay, Overlay::Question(0)), "it comes back");
}

#[test]
fn the_list_is_filtered_by_words() {
    let cases = [
        ("/ \"ports\"", vec![0, 1]),
        ("/ \"HARD\" Enter", vec![3]),
        ("/ \"silent\" Enter", vec![2]),
        ("/ \"silent\" Esc", vec![0, 1, 2, 3]),
        ("/ \"silent\" Enter Esc", vec![0, 1, 2, 3]),
        ("/ \"nowhere\"", vec![]),
        ("/ \"certif\" Enter", vec![3]),
        ("/ \"BOOK\" Enter", vec![1]),
        ("/ \"port-filt\" Enter", vec![2]),
        ("/ \"etimedout\" Enter", vec![0, 1, 2, 3]),
        ("/ \"nowhere\" Backspace Esc", vec![0, 1, 2, 3]),
    ];
    for (names, listed) in cases {
        let mut ui = lab(SIZE);
        keys(&mut ui, names);
        assert_eq!(ui.listed(), listed, "{names}");
        assert!(listed.is_empty() || listed.contains(&ui.practice), "{names}");
        drawn(&ui);
    }
    let mut ui = lab(SIZE);
    keys(&mut ui, "/ \"e\" Enter End");
    let begins = keys(&mut ui, "Enter");
    let input = "lab:cert-expired".to_owned();
    assert_eq!(begins, [Effect::Order(Order::Begin { input, goal: Default::default(), lead: None })]);
    let mut ui = lab(SIZE);
    assert_eq!(keys(&mut ui, "/ \"nowhere\" Enter Enter"), [], "nothing is listed, nothing begins");
}
