//! What a message does: the state changes, and effects are asked for. Nothing here draws, sends or waits.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::Input;
use zeroize::Zeroize as _;

use super::keys::{self, Action, Place};
use super::lab;
use super::sign_in::{SignIn, Step};
use super::state::{Choice, Cursor, Overlay, Pace, Reading, Screen, Stage, Ui, Viewed};
use super::terminal::Signal;
use crate::event::{Event, Micros};
use crate::guide::quiz::Score;
use crate::guide::submit::ASK_SIGN_IN;
use crate::guide::tree::tree;
use crate::order::Order;
use crate::target::Goal;

mod find;
mod message;
mod start;
mod travel;
mod verdict;

pub use start::begun;

use find::{edit, find_key, paste, to_hit};
use start::{begin, choice_at, complaint, problem, recall};
use travel::{look, pane_at, settle, travel};
use verdict::{choose_finding, copy, show_lines};

/// What comes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A key.
    Key(KeyEvent),
    /// Pasted text.
    Paste(String),
    /// The terminal's new size.
    Resize(u16, u16),
    /// Events, in order.
    Heard(Vec<Event>),
    /// No more events will come.
    Silence,
    /// The target cannot be begun, and why.
    Problem(String),
    /// A quarter of a second passed while something runs; so much time has passed since the latest event.
    Tick(Duration),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the engine.
    Order(Order),
    /// Send this to the terminal's clipboard.
    Copy(String),
    /// Stop the process until the shell wakes it.
    Suspend,
    /// Draw everything afresh.
    Redraw,
    /// Keep that this scenario of the lab was solved.
    Solved(String, Score),
    /// Leave.
    Quit(Reason),
}

/// Why the interface was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user left.
    User,
    /// A signal.
    Signal(Signal),
    /// The terminal's input ended.
    InputClosed,
}

/// Longest target that the field takes, in characters.
const LONGEST_TARGET: usize = 2_000;
/// Longest text that is sent to the clipboard, in bytes: GNU screen takes little more.
const LONGEST_COPY: usize = 3_000;

/// Takes a message.
pub fn update(ui: &mut Ui, msg: Msg) -> Vec<Effect> {
    let effects = match msg {
        Msg::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Msg::Key(key) => {
            ui.notice = None;
            press(ui, key)
        }
        Msg::Paste(mut text) => {
            let answers = message::is_message(&text) && message::may_be_pasted(ui);
            match &mut ui.overlay {
                Overlay::SignIn(form) => form.paste(&text),
                Overlay::None if matches!(ui.screen, Screen::Message | Screen::Causes) => {
                    message::paste(ui, &text);
                }
                Overlay::None if ui.screen == Screen::Start && message::is_message(&text) => {
                    message::pasted_on_start(ui, &text);
                }
                Overlay::Question(_) if answers => {
                    message::from_question(ui);
                    message::paste(ui, &text);
                }
                _ => paste(ui, &text),
            }
            // It may have been a password.
            text.zeroize();
            Vec::new()
        }
        Msg::Resize(width, height) => {
            ui.size = (width, height);
            Vec::new()
        }
        Msg::Heard(events) => {
            heard(ui, |ui| events.iter().for_each(|event| ui.hear(event)));
            lab::solved(ui).into_iter().collect()
        }
        Msg::Silence => {
            heard(ui, Ui::hear_no_more);
            Vec::new()
        }
        Msg::Problem(why) => {
            problem(ui, why);
            Vec::new()
        }
        Msg::Tick(since) => {
            ui.turns = ui.turns.wrapping_add(1);
            ui.clock = Micros(ui.session.now().0.saturating_add(Micros::from_duration(since).0));
            Vec::new()
        }
    };
    settle(ui);
    effects
}

fn heard(ui: &mut Ui, apply: impl FnOnce(&mut Ui)) {
    let before = ui.stage.clone();
    apply(ui);
    ui.derive();
    if ui.stage == before || ui.screen != Screen::Walk || !matches!(ui.overlay, Overlay::None) {
        return;
    }
    match &ui.stage {
        Stage::Asking { .. } => ui.overlay = waiting(ui),
        // Who let it run on wants the end; who reads a line is not torn away from it.
        Stage::Over if ui.pace == Pace::Running && ui.cursor == Cursor::Following => {
            ui.screen = Screen::Verdict;
            lab::score_once(ui);
        }
        _ => {}
    }
}

/// The question that waits, with the cursor on its default.
fn waiting(ui: &Ui) -> Overlay {
    let Stage::Asking { question, default } = &ui.stage else { return Overlay::None };
    let answers = tree().question(question).map(|question| &question.answers);
    let default = answers.and_then(|answers| answers.iter().position(|answer| answer.id == *default));
    Overlay::Question(message::proposed(ui, question).or(default).unwrap_or(0))
}

fn press(ui: &mut Ui, key: KeyEvent) -> Vec<Effect> {
    if let Overlay::Find(..) = ui.overlay
        && !key.modifiers.contains(KeyModifiers::CONTROL)
    {
        find_key(ui, key);
        return Vec::new();
    }
    if let Overlay::SignIn(form) = &mut ui.overlay
        && !matches!((key.code, key.modifiers), (KeyCode::Char(c), KeyModifiers::CONTROL) if c != 'u')
    {
        return match form.key(key) {
            Step::Stay => Vec::new(),
            Step::Back => {
                ui.overlay = Overlay::Question(1);
                Vec::new()
            }
            Step::Done(credentials) => {
                ui.overlay = Overlay::None;
                back_to_present(ui);
                vec![Effect::Order(Order::SignIn(credentials))]
            }
        };
    }
    let place = ui.place();
    match keys::action(place, &key, &|action| ui.allows(action)) {
        Some(action) => act(ui, action),
        None if place == Place::Start => {
            let fits = ui.form.target.value().chars().count() < LONGEST_TARGET;
            if (fits || !matches!(key.code, KeyCode::Char(_))) && edit(&mut ui.form.target, key) {
                ui.form.recalled = None;
                if ui.form.complaint.is_some() {
                    ui.form.complaint = complaint(ui.form.target.value());
                }
            }
            Vec::new()
        }
        None => {
            message::key(ui, key);
            Vec::new()
        }
    }
}

fn act(ui: &mut Ui, action: Action) -> Vec<Effect> {
    match action {
        Action::QuitNow | Action::Quit => {
            return vec![Effect::Order(Order::Quit), Effect::Quit(Reason::User)];
        }
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Help => open(ui, Overlay::Help(0)),
        Action::Close => {
            let story = matches!(ui.overlay, Overlay::Case(_));
            ui.overlay = match ui.put_back.take() {
                Some(question @ Overlay::Question(_)) if matches!(ui.stage, Stage::Asking { .. }) => question,
                Some(question @ Overlay::Predict(_)) if ui.predicting().is_some() => question,
                // The story of a case came before the first question.
                _ if story => waiting(ui),
                _ => Overlay::None,
            }
        }
        Action::Begin => return begin(ui),
        Action::Practise => {
            if ui.listed().contains(&ui.practice)
                && let Some(practice) = ui.practices.get(ui.practice)
            {
                let input = format!("lab:{}", practice.id);
                return begun(ui, input, Goal::default());
            }
        }
        Action::Leave if ui.form.target.value().is_empty() => {
            return vec![Effect::Order(Order::Quit), Effect::Quit(Reason::User)];
        }
        Action::Leave => {
            ui.form.target.reset();
            ui.form.complaint = None;
        }
        Action::NextGoal => ui.form.choice = choice_at(ui.form.choice, 1),
        Action::PreviousGoal => ui.form.choice = choice_at(ui.form.choice, Choice::ALL.len() - 1),
        Action::Read
        | Action::ReadPasted
        | Action::EmptyText
        | Action::LeaveText
        | Action::Walk
        | Action::NextField
        | Action::PreviousField
        | Action::NextMode
        | Action::PreviousMode
        | Action::LeaveField
        | Action::ToText => return message::act(ui, action),
        Action::OlderTarget => recall(ui, true),
        Action::NewerTarget => recall(ui, false),
        Action::Target if ui.screen == Screen::Verdict && ui.case().is_some() => lab::to_list(ui),
        Action::Target => {
            ui.screen = Screen::Start;
            ui.overlay = Overlay::None;
            ui.form.target.reset();
            ui.form.recalled = None;
        }
        Action::Next
        | Action::Present
        | Action::RunOn
        | Action::Pause
        | Action::Stop
        | Action::Skip
        | Action::Again
        | Action::Take => return go_on(ui, action),
        Action::ShowVerdict => {
            ui.screen = Screen::Verdict;
            lab::score_once(ui);
        }
        Action::Case => open(ui, Overlay::Case(0)),
        Action::LetGo if ui.screen == Screen::Lab => lab::filter(ui, String::new()),
        Action::LetGo => {
            ui.search = None;
            if let Cursor::Line(_) = ui.cursor {
                ui.cursor = Cursor::Resting(ui.top);
            }
            ui.meaning_top = 0;
        }
        Action::Why => open(ui, Overlay::Why(0)),
        Action::Back if ui.screen == Screen::Verdict => ui.screen = Screen::Walk,
        Action::Back => look(ui, false),
        Action::Forward => look(ui, true),
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {
            travel(ui, action);
        }
        Action::Follow => ui.cursor = Cursor::Following,
        Action::Find => ui.overlay = Overlay::Find(Input::default(), ui.cursor),
        Action::FindNext => to_hit(ui, true),
        Action::FindPrevious => to_hit(ui, false),
        Action::Ladder => ui.read_as(Reading::Ladder),
        Action::Timing => ui.read_as(Reading::Timing),
        Action::NextPane => ui.pane = pane_at(ui.pane, 1),
        Action::PreviousPane => ui.pane = pane_at(ui.pane, 2),
        Action::NextFinding => choose_finding(ui, true),
        Action::PreviousFinding => choose_finding(ui, false),
        Action::ShowLines => show_lines(ui),
        Action::Copy => return copy(ui),
    }
    Vec::new()
}

/// Opens a page; a question beneath it comes back when the page is closed.
fn open(ui: &mut Ui, page: Overlay) {
    let below = std::mem::replace(&mut ui.overlay, page);
    if let Overlay::Question(_) | Overlay::Predict(_) = below {
        ui.put_back = Some(below);
    }
}

/// The actions that order the engine about.
fn go_on(ui: &mut Ui, action: Action) -> Vec<Effect> {
    let order = match action {
        Action::Next => match &ui.stage {
            Stage::Asking { .. } => {
                ui.overlay = Overlay::Question(0);
                return Vec::new();
            }
            _ if ui.predicting().is_some() => {
                ui.overlay = Overlay::Predict(0);
                return Vec::new();
            }
            _ => Order::Continue,
        },
        Action::RunOn => {
            lab::say_unasked(ui);
            ui.pace = Pace::Running;
            Order::RunOn
        }
        Action::Pause => {
            ui.pace = Pace::Guided;
            Order::Pause
        }
        Action::Stop => {
            ui.pace = Pace::Guided;
            ui.notice = Some("Stopping what runs.".to_owned());
            Order::Cancel
        }
        Action::Skip => Order::Skip,
        Action::Again => match ui.shown() {
            Some(step) => Order::Again { step: step.id.clone() },
            None => return Vec::new(),
        },
        Action::Take if matches!(ui.overlay, Overlay::Predict(_)) => {
            lab::predict(ui);
            Order::Continue
        }
        Action::Take => match (&ui.overlay, &ui.stage) {
            (Overlay::Question(chosen), Stage::Asking { question, .. }) => {
                let asked = tree().questions.iter().find(|q| q.id == *question);
                let Some(answer) = asked.and_then(|q| q.answers.get(*chosen)) else { return Vec::new() };
                if message::is_paste(question, &answer.id) && ui.can_begin {
                    message::from_question(ui);
                    return Vec::new();
                }
                if question == ASK_SIGN_IN && answer.id == "yes" {
                    let user = ui.session.started().and_then(|started| started.submit.user.as_deref());
                    ui.overlay = Overlay::SignIn(Box::new(SignIn::new(user)));
                    return Vec::new();
                }
                let order = Order::Answer { question: question.clone(), answer: answer.id.clone() };
                ui.overlay = Overlay::None;
                order
            }
            _ => return Vec::new(),
        },
        _ => {
            back_to_present(ui);
            return Vec::new();
        }
    };
    if order == Order::Continue || action == Action::Skip {
        ui.note_order();
    }
    back_to_present(ui);
    vec![Effect::Order(order)]
}

fn back_to_present(ui: &mut Ui) {
    ui.viewed = Viewed::Present;
    ui.cursor = Cursor::Following;
    ui.meaning_top = 0;
}
