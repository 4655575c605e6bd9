//! What a message does: the state changes, and effects are asked for. Nothing here draws, sends or waits.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::{Input, InputRequest};
use zeroize::Zeroize as _;

use super::keys::{self, Action, Place};
use super::layout::areas;
use super::sign_in::{SignIn, Step};
use super::state::{Cursor, Overlay, Pace, Pane, Reading, Screen, Stage, Ui, Viewed};
use super::terminal::Signal;
use super::{lab, view};
use crate::event::{Event, Micros};
use crate::guide::provider;
use crate::guide::quiz::Score;
use crate::guide::submit::ASK_SIGN_IN;
use crate::guide::tree::tree;
use crate::order::Order;
use crate::target::{Goal, Target};

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
const LONGEST_TARGET: usize = 400;
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
            match &mut ui.overlay {
                Overlay::SignIn(form) => form.paste(&text),
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
        }
        _ => {}
    }
}

/// The question that waits, with the cursor on its default.
fn waiting(ui: &Ui) -> Overlay {
    let Stage::Asking { question, default } = &ui.stage else { return Overlay::None };
    let answers = tree().question(question).map(|question| &question.answers);
    let default = answers.and_then(|answers| answers.iter().position(|answer| answer.id == *default));
    Overlay::Question(default.unwrap_or(0))
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
        None => Vec::new(),
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
        Action::NextGoal => ui.form.goal = goal_after(ui.form.goal),
        Action::PreviousGoal => ui.form.goal = goal_after(goal_after(ui.form.goal)),
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

fn pane_at(pane: Pane, steps: usize) -> Pane {
    let at = Pane::ALL.iter().position(|other| *other == pane).unwrap_or(0);
    Pane::ALL[(at + steps) % Pane::ALL.len()]
}

fn goal_after(goal: Goal) -> Goal {
    match goal {
        Goal::Submit => Goal::Relay,
        Goal::Relay => Goal::Inbox,
        Goal::Inbox => Goal::Submit,
    }
}

/// What is wrong with a target, in words that say what to type instead.
fn complaint(input: &str) -> Option<String> {
    Target::parse(input, &|id| provider::by_id(id).is_some()).err().map(|error| error.to_string())
}

fn begin(ui: &mut Ui) -> Vec<Effect> {
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
    vec![Effect::Order(Order::Begin { input, goal })]
}

/// The target could not be begun after all: back to the start screen with the reason.
fn problem(ui: &mut Ui, why: String) {
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

fn recall(ui: &mut Ui, older: bool) {
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

/// Looks at the step before or after the one shown. Nothing is run or undone.
fn look(ui: &mut Ui, forward: bool) {
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
fn travel(ui: &mut Ui, action: Action) {
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
        (Screen::Start, _) => {}
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

/// A key while the search field is open.
fn find_key(ui: &mut Ui, key: KeyEvent) {
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
                ui.cursor = before;
                ui.search_for(input.value());
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
            ui.overlay = Overlay::Find(input, before);
        }
    }
}

fn to_hit(ui: &mut Ui, forward: bool) {
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

fn choose_finding(ui: &mut Ui, forward: bool) {
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
fn show_lines(ui: &mut Ui) {
    let finding = ui.finding.and_then(|at| ui.session.findings().get(at));
    let Some(line) = finding.and_then(|finding| finding.evidence.iter().min()) else { return };
    ui.cursor = Cursor::Line(*line);
    ui.screen = Screen::Walk;
    ui.pane = Pane::Transcript;
    ui.meaning_top = 0;
}

fn copy(ui: &mut Ui) -> Vec<Effect> {
    let text = match (ui.screen, ui.selected()) {
        (Screen::Walk, Some((_, line))) => line.text.clone(),
        (Screen::Verdict, _) => view::verdict::to_copy(ui),
        _ => return Vec::new(),
    };
    let end =
        text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= LONGEST_COPY).last();
    ui.notice = Some("Sent to the terminal's clipboard. Some terminals do not take it.".to_owned());
    vec![Effect::Copy(text[..end.unwrap_or(0)].to_owned())]
}

fn paste(ui: &mut Ui, text: &str) {
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
    if let Overlay::Find(input, _) = &ui.overlay {
        let needle = input.value().to_owned();
        if ui.screen == Screen::Lab {
            lab::filter(ui, needle);
        } else {
            ui.search_for(&needle);
        }
    }
}

/// A key in a field. True where the text changed.
fn edit(input: &mut Input, key: KeyEvent) -> bool {
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

/// Brings the places on screen in order: what is selected is visible, nothing is scrolled past its end.
fn settle(ui: &mut Ui) {
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
