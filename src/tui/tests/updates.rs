//! What keys and events do, as tables: situation, keys, what is asked for and what is on screen then.

use super::*;
use crate::event::RunEnd;
use crate::order::Order;
use crate::target::Goal;
use crate::tui::state::{Cursor, Overlay, Pace, Pane, Stage, Viewed};
use crate::tui::update::Reason;

const SIZE: (u16, u16) = (80, 24);

fn at_plan() -> Ui {
    walk(SIZE, until(journal("587-filtered"), 1, entered("route-465-implicit")))
}

fn probing() -> Ui {
    walk(SIZE, until(journal("587-filtered"), 1, |kind| matches!(kind, EventKind::ConnectStarted { .. })))
}

fn asking() -> Ui {
    walk(SIZE, until(journal("all-blocked"), 3, |kind| matches!(kind, EventKind::ProbeEnded { .. })))
}

fn over() -> Ui {
    walk(SIZE, journal("587-filtered"))
}

fn order(order: Order) -> Vec<Effect> {
    vec![Effect::Order(order)]
}

#[test]
fn what_is_ordered() {
    let again = |step: &str| order(Order::Again { step: step.to_owned() });
    let answer =
        |answer: &str| order(Order::Answer { question: "offers-2525".to_owned(), answer: answer.to_owned() });
    let quit = vec![Effect::Order(Order::Quit), Effect::Quit(Reason::User)];
    type Case<'a> = (&'a str, fn() -> Ui, &'a str, Vec<Effect>);
    let cases: Vec<Case<'_>> = vec![
        ("Enter runs the plan", at_plan, "Enter", order(Order::Continue)),
        ("a second Enter does not count", at_plan, "Enter Enter", order(Order::Continue)),
        ("Enter returns first from a look back", at_plan, "b Enter", vec![]),
        ("… and then runs", at_plan, "b Enter Enter", order(Order::Continue)),
        ("a runs on", at_plan, "a", order(Order::RunOn)),
        (
            "a again waits at steps",
            probing,
            "a a",
            vec![Effect::Order(Order::RunOn), Effect::Order(Order::Pause)],
        ),
        ("x skips the plan", at_plan, "x", order(Order::Skip)),
        ("x skips what runs", probing, "x", order(Order::Skip)),
        ("Esc stops what runs", probing, "Esc", order(Order::Cancel)),
        ("Esc stops nothing where nothing runs", at_plan, "Esc", vec![]),
        ("Enter does nothing while a probe runs", probing, "Enter", vec![]),
        ("r repeats the step shown", at_plan, "r", again("route-587-starttls")),
        ("r repeats an earlier step", at_plan, "b r", again("host")),
        ("r does nothing while a probe runs", probing, "r", vec![]),
        ("the default answer", asking, "Enter", answer("yes")),
        ("another answer", asking, "Down Enter", answer("no")),
        ("the last answer", asking, "End Enter", answer("no")),
        ("and back to the first", asking, "End Home Enter", answer("yes")),
        ("an answer after a look at the screen", asking, "Esc Up Enter Enter", answer("yes")),
        ("an answer after a look at why", asking, "w PgDn Esc Down Enter", answer("no")),
        ("q leaves", probing, "q", quit.clone()),
        ("q closes a page first", probing, "? q", vec![]),
        ("Ctrl-C leaves from anywhere", asking, "Ctrl-c", quit.clone()),
        ("Ctrl-C leaves the search field", over, "/ \"a\" Ctrl-c", quit.clone()),
        ("Ctrl-Z suspends", probing, "Ctrl-z", vec![Effect::Suspend]),
        ("Ctrl-L draws afresh", over, "Ctrl-l", vec![Effect::Redraw]),
        ("y sends the line", over, "Up y", vec![Effect::Copy("closed by ehlo".to_owned())]),
        ("y without a line does nothing", over, "y", vec![]),
        ("the verdict needs no order", over, "Enter v b v", vec![]),
        ("letters in the search field are letters", over, "/ \"qaxr\"", vec![]),
    ];
    for (what, situation, names, expected) in cases {
        assert_eq!(keys(&mut situation(), names), expected, "{what}");
    }
}

#[test]
fn the_verdict_is_copied_as_settings() {
    let mut ui = over();
    let effects = keys(&mut ui, "Enter y");
    let [Effect::Copy(text)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(
        text.starts_with("Use port 465 with implicit TLS\nhost: smtp.example.com\nport: 465\n"),
        "{text}"
    );
    assert!(ui.notice.unwrap().contains("Sent"));
}

#[test]
fn a_target_is_checked_before_it_is_begun() {
    let begin = |input: &str, goal| order(Order::Begin { input: input.to_owned(), goal, lead: None });
    let cases = [
        ("\"smtp.example.com\" Enter", begin("smtp.example.com", Goal::Submit)),
        ("\"example.com\" Tab Enter", begin("example.com", Goal::Relay)),
        ("\"example.com\" BackTab BackTab Enter", begin("example.com", Goal::Inbox)),
        ("\"smtp.examplee\" Backspace Enter", begin("smtp.example", Goal::Submit)),
        ("\"xsmtp\" Home Right Backspace Enter", begin("smtp", Goal::Submit)),
        ("\"lab:healthy\" Enter", begin("lab:healthy", Goal::Submit)),
        ("Enter", vec![]),
        ("\"https://smtp.example.com/\" Enter", vec![]),
        ("\"smtp.example.com:0\" Enter", vec![]),
    ];
    for (names, expected) in cases {
        let mut ui = start(SIZE);
        assert_eq!(keys(&mut ui, names), expected, "{names}");
        assert_eq!(ui.form.complaint.is_some(), expected.is_empty(), "{names}");
        let screen = if expected.is_empty() { Screen::Start } else { Screen::Walk };
        assert_eq!(ui.screen, screen, "{names}");
    }
}

#[test]
fn a_complaint_goes_when_its_cause_goes() {
    let mut ui = start(SIZE);
    keys(&mut ui, "\"smtp.example.com,\" Enter");
    assert!(ui.form.complaint.as_ref().unwrap().contains("comma"));
    keys(&mut ui, "Backspace");
    assert_eq!(ui.form.complaint, None);
}

#[test]
fn a_paste_is_cleaned() {
    let mut ui = start(SIZE);
    update(&mut ui, Msg::Paste("smtp.example.com\r\n".to_owned()));
    assert_eq!(ui.form.target.value(), "smtp.example.com");
    let mut ui = start(SIZE);
    update(&mut ui, Msg::Paste("a\u{1b}[31mb\n".repeat(500)));
    assert!(ui.form.target.value().chars().count() <= 400);
    assert!(!ui.form.target.value().contains(char::is_control));
}

#[test]
fn what_cannot_be_begun_comes_back_with_its_reason() {
    let mut ui = start(SIZE);
    keys(&mut ui, "\"lab:nowhere\" Enter");
    update(&mut ui, Msg::Problem("there is no such scenario".to_owned()));
    assert_eq!((ui.screen, ui.form.target.value()), (Screen::Start, "lab:nowhere"));
    assert_eq!(ui.form.complaint.as_deref(), Some("there is no such scenario"));
}

#[test]
fn recent_targets_come_back_by_the_arrow() {
    let mut ui = start(SIZE);
    keys(&mut ui, "\"one.example\" Enter");
    update(&mut ui, Msg::Heard(journal("healthy")));
    keys(&mut ui, "Enter t");
    assert_eq!((ui.screen, ui.form.target.value()), (Screen::Start, ""));
    keys(&mut ui, "\"two.example\" Enter");
    update(&mut ui, Msg::Heard(journal("healthy")));
    keys(&mut ui, "Enter t Up");
    assert_eq!(ui.form.target.value(), "two.example");
    keys(&mut ui, "Up");
    assert_eq!(ui.form.target.value(), "one.example");
    keys(&mut ui, "Down");
    assert_eq!(ui.form.target.value(), "two.example");
    keys(&mut ui, "Down");
    assert_eq!(ui.form.target.value(), "");
}

#[test]
fn a_scenario_is_begun_from_the_list() {
    let mut ui = lab(SIZE);
    let effects = keys(&mut ui, "Down Down Down Up Enter");
    assert_eq!(
        effects,
        order(Order::Begin { input: "lab:587-filtered".to_owned(), goal: Goal::Submit, lead: None })
    );
}

#[test]
fn a_replay_knows_no_other_target() {
    let mut ui = over();
    ui.can_begin = false;
    keys(&mut ui, "Enter t");
    assert_eq!(ui.screen, Screen::Verdict);
}

#[test]
fn the_stage_follows_the_events() {
    let events = journal("all-blocked");
    let mut ui = Ui::new(Theme::new(true, true), SIZE, Screen::Walk);
    let mut stages: Vec<String> = Vec::new();
    for event in events {
        update(&mut ui, Msg::Heard(vec![event]));
        let stage = match &ui.stage {
            Stage::Ready => format!("ready {}", ui.plan().unwrap().0),
            Stage::Asking { question, .. } => format!("asking {question}"),
            other => format!("{other:?}"),
        };
        if stages.last() != Some(&stage) {
            stages.push(stage);
        }
    }
    insta::assert_debug_snapshot!(stages);
}

#[test]
fn a_question_opens_by_itself_and_goes_when_it_is_answered() {
    let mut ui = asking();
    assert!(matches!(ui.overlay, Overlay::Question(0)));
    let rest = journal("all-blocked").split_off(21);
    update(&mut ui, Msg::Heard(rest[..1].to_vec()));
    assert!(matches!(rest[0].kind, EventKind::Answered { .. }));
    assert!(matches!(ui.overlay, Overlay::None));
}

#[test]
fn who_lets_it_run_on_sees_the_verdict_at_its_end() {
    let (mut first, rest) = (journal("587-filtered"), journal("587-filtered").split_off(20));
    first.truncate(20);
    let mut ui = walk(SIZE, first.clone());
    keys(&mut ui, "a");
    update(&mut ui, Msg::Heard(rest.clone()));
    assert_eq!(ui.screen, Screen::Verdict);
    let mut ui = walk(SIZE, first.clone());
    update(&mut ui, Msg::Heard(rest.clone()));
    assert_eq!(ui.screen, Screen::Walk, "who goes by steps opens it himself");
    let mut ui = walk(SIZE, first);
    keys(&mut ui, "a Up");
    update(&mut ui, Msg::Heard(rest));
    assert_eq!(ui.screen, Screen::Walk, "who reads a line is not torn away from it");
}

#[test]
fn stopping_goes_back_to_steps() {
    let mut ui = probing();
    keys(&mut ui, "a Esc");
    assert_eq!(ui.pace, Pace::Guided);
}

#[test]
fn a_new_session_replaces_the_old_one() {
    let mut ui = over();
    keys(&mut ui, "Up Up b");
    update(&mut ui, Msg::Heard(until(journal("healthy"), 1, entered("host"))));
    assert_eq!((ui.cursor, &ui.viewed, ui.lines().len()), (Cursor::Following, &Viewed::Present, 0));
    assert_eq!(ui.session.steps().len(), 1);
}

#[test]
fn what_is_left_of_an_old_session_is_not_taken_for_the_new_one() {
    let mut ui = start(SIZE);
    keys(&mut ui, "\"smtp.example.com\" Enter");
    let mut tail = journal("healthy").split_off(20);
    tail.extend(until(journal("587-filtered"), 1, entered("host")));
    update(&mut ui, Msg::Heard(tail));
    assert_eq!((ui.lines().len(), ui.session.steps().len()), (0, 1));
}

#[test]
fn the_transcript_is_walked_by_keys() {
    let count = over().lines().len();
    let cases = [
        ("", Cursor::Following),
        ("Up", Cursor::Line(count - 1)),
        ("Up Up", Cursor::Line(count - 2)),
        ("Up Up Down", Cursor::Line(count - 1)),
        ("Up Down Down", Cursor::Line(count - 1)),
        ("Up Home", Cursor::Line(0)),
        ("Up Home Up", Cursor::Line(0)),
        ("Up Home End", Cursor::Line(count - 1)),
        ("Home", Cursor::Resting(0)),
        ("Home Down", Cursor::Line(0)),
        ("Home End", Cursor::Following),
        ("PgUp PgUp PgUp PgUp PgUp PgUp", Cursor::Resting(0)),
        ("PgUp PgDn", Cursor::Following),
        ("Up Up f", Cursor::Following),
        ("/ \"starttls\" Enter", Cursor::Following),
        ("/ \"EHLO\" Enter", Cursor::Line(count - 9)),
        ("/ \"quit\" Esc", Cursor::Following),
        ("/ \"connect\" Enter Home n", Cursor::Line(3)),
    ];
    for (names, expected) in cases {
        let mut ui = over();
        keys(&mut ui, names);
        assert_eq!(ui.cursor, expected, "{names}");
    }
}

#[test]
fn a_text_pasted_into_the_search_moves_as_a_typed_one_does() {
    let mut typed = over();
    keys(&mut typed, "Up Up Up Up Up Up Up Up Up Up Up Up / \"starttls\"");
    let mut pasted = over();
    keys(&mut pasted, "Up Up Up Up Up Up Up Up Up Up Up Up /");
    update(&mut pasted, Msg::Paste("start".to_owned()));
    update(&mut pasted, Msg::Paste("tls\n".to_owned()));
    assert_eq!((pasted.cursor, pasted.top), (typed.cursor, typed.top));
    let mut pasted = over();
    keys(&mut pasted, "/");
    update(&mut pasted, Msg::Paste("EHLO".to_owned()));
    assert_eq!(pasted.cursor, Cursor::Line(pasted.lines().len() - 9));
    update(&mut pasted, Msg::Paste(" of nobody".to_owned()));
    assert_eq!(pasted.cursor, Cursor::Following, "nothing has it: back to where the search was opened");
    keys(&mut pasted, "Esc");
    assert!(pasted.search.is_none());
}

#[test]
fn what_fits_offers_no_scrolling() {
    let footer = |ui: &Ui| text(&drawn(ui)).lines().last().unwrap().to_owned();
    for (names, small) in [("w", (40, 10)), ("?", (80, 24)), ("Enter", (80, 24))] {
        let mut ui = over();
        keys(&mut ui, names);
        update(&mut ui, Msg::Resize(small.0, small.1));
        assert!(footer(&ui).contains("scroll"), "{names}: {}", footer(&ui));
        update(&mut ui, Msg::Resize(120, 400));
        assert!(!footer(&ui).contains("scroll"), "{names}: {}", footer(&ui));
    }
}

#[test]
fn esc_lets_go_of_the_line_without_moving_the_text() {
    let mut ui = over();
    keys(&mut ui, "Up Home");
    let top = ui.top;
    keys(&mut ui, "Esc");
    assert_eq!((ui.cursor, ui.top), (Cursor::Resting(top), top));
}

#[test]
fn looking_back_and_forth_changes_nothing_but_the_view() {
    let mut ui = over();
    let present = ui.shown().unwrap().id.clone();
    keys(&mut ui, "b");
    assert_eq!(ui.shown().unwrap().id, "route-587-starttls");
    keys(&mut ui, "b");
    assert_eq!(ui.shown().unwrap().id, "host");
    keys(&mut ui, "b b b b");
    assert_eq!(ui.shown_index(), Some(0));
    keys(&mut ui, "Right Right Right Right Right Right");
    assert_eq!((ui.viewed.clone(), ui.shown().unwrap().id.clone()), (Viewed::Present, present));
}

#[test]
fn tab_goes_round_the_panes() {
    let mut ui = over();
    let mut panes = vec![ui.pane];
    for _ in 0..3 {
        keys(&mut ui, "Tab");
        panes.push(ui.pane);
    }
    assert_eq!(panes, [Pane::Transcript, Pane::Meaning, Pane::Walk, Pane::Transcript]);
    keys(&mut ui, "BackTab");
    assert_eq!(ui.pane, Pane::Walk);
}

#[test]
fn the_verdict_and_the_pages_do_not_scroll_past_their_end() {
    let mut ui = over();
    keys(&mut ui, "Enter End");
    let end = ui.verdict_top;
    keys(&mut ui, "Down PgDn Down");
    assert_eq!(ui.verdict_top, end);
    update(&mut ui, Msg::Resize(120, 200));
    assert_eq!(ui.verdict_top, 0);
    let mut ui = over();
    keys(&mut ui, "? End");
    let Overlay::Help(end) = ui.overlay else { panic!() };
    keys(&mut ui, "PgDn Down");
    assert!(matches!(ui.overlay, Overlay::Help(top) if top == end && end > 0));
}

#[test]
fn a_warning_about_the_run_is_said() {
    let mut ui = at_plan();
    let last = journal("healthy").remove(0);
    let kind = EventKind::Warning { text: "the journal cannot be written: disk full".to_owned() };
    update(&mut ui, Msg::Heard(vec![Event { kind, ..last }]));
    assert!(text(&drawn(&ui)).contains("the journal cannot be written"));
    keys(&mut ui, "Down");
    assert!(!text(&drawn(&ui)).contains("the journal cannot be written"));
}

#[test]
fn an_engine_that_falls_silent_is_reported() {
    let mut ui = probing();
    update(&mut ui, Msg::Silence);
    assert_eq!(ui.stage, Stage::Over);
    assert!(!ui.animates());
    assert!(text(&drawn(&ui)).contains("The run has stopped"));
}

#[test]
fn a_stopped_run_is_no_verdict_that_nothing_works() {
    let mut events = until(journal("587-filtered"), 1, entered("route-465-implicit"));
    let last = events.last().unwrap().clone();
    events.push(Event { kind: EventKind::RunEnded { reason: RunEnd::Cancelled }, ..last });
    let mut ui = walk(SIZE, events);
    keys(&mut ui, "Enter");
    let shown = text(&drawn(&ui));
    assert!(shown.contains("No verdict") && !shown.contains("No port works"), "{shown}");
}
