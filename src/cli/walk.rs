//! `ehlo [TARGET]`: the terminal interface on one end, engines on the other.
//!
//! The interface asks for sessions with [`Order::Begin`]; each gets an engine of its own, and only one runs at a time.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::cli::args::{Options, QuizArgs, ReplayArgs, ScreenArgs, WalkArgs};
use crate::cli::check::{FAILED, put, tell};
use crate::cli::prepare::{led, prepare};
use crate::cli::progress;
use crate::cli::screen::{ascii, colour};
use crate::cli::secrets::{self, SubmitError};
use crate::event::Event;
use crate::guide::quiz::Score;
use crate::journal::{self, JournalError};
use crate::lab::scenario::Scenario;
use crate::order::Order;
use crate::report::text::{TextOptions, text};
use crate::target::{Goal, Lead};
use crate::tui::state::{Practice, Supply};
use crate::tui::terminal::{self, NoTerminal};
use crate::tui::theme::Theme;
use crate::tui::update::Reason;
use crate::tui::{self, Opening};
use crate::wire::printable::visible_lines;
use crate::{engine, lab};

/// Serves the interface until it goes away: begins sessions and passes orders on.
pub async fn serve(
    options: Options,
    mut orders: mpsc::Receiver<Order>,
    events: mpsc::UnboundedSender<Event>,
    problems: mpsc::UnboundedSender<String>,
) {
    let mut running: Option<Running> = None;
    let mut begin: Option<(String, Goal, Option<Box<Lead>>)> = None;
    loop {
        if let Some((input, goal, lead)) = begin.take() {
            if let Some(running) = running.take() {
                running.end().await;
            }
            match prepare(&input, goal, &options, true) {
                Ok(mut setup) => {
                    if let Some(lead) = lead {
                        led(&mut setup, lead);
                    }
                    let (send, receive) = mpsc::channel(16);
                    let task = tokio::spawn(engine::run(setup, receive, events.clone()));
                    running = Some(Running { orders: send, task });
                }
                Err(error) => {
                    let _ = problems.send(error.to_string());
                }
            }
        }
        match orders.recv().await {
            Some(Order::Begin { input, goal, lead }) => begin = Some((input, goal, lead)),
            Some(order) => {
                let quit = order == Order::Quit;
                if let Some(running) = &running {
                    let _ = running.orders.send(order).await;
                }
                if quit {
                    break;
                }
            }
            None => break,
        }
    }
    if let Some(running) = running {
        running.end().await;
    }
}

struct Running {
    orders: mpsc::Sender<Order>,
    task: tokio::task::JoinHandle<crate::session::Session>,
}

impl Running {
    /// Waits until nothing of it is left: its end is the last thing in its journal.
    async fn end(self) {
        let _ = self.orders.send(Order::Quit).await;
        let _ = self.task.await;
    }
}

/// Why the walk cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// No terminal.
    #[error(transparent)]
    NoTerminal(#[from] NoTerminal),
    /// The journal is none.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The password could not be asked for.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The interface failed.
    #[error(transparent)]
    Interface(#[from] tui::Error),
}

/// `ehlo [TARGET]`
///
/// # Errors
/// [`WalkError`].
pub async fn walk(args: WalkArgs) -> Result<u8, WalkError> {
    let goal = args.options.goal.unwrap_or_default().into();
    let asks = !args.quiz.no_quiz;
    let mut options = args.options;
    secrets::ask(&mut options, args.target.as_deref().unwrap_or("the server"), true)?;
    let opening = match args.target {
        Some(input) => Opening::Begin { input, goal },
        None => Opening::Ask,
    };
    show(opening, goal, options, asks).await
}

/// `ehlo lab`
///
/// # Errors
/// [`WalkError`].
pub async fn lab(screen: ScreenArgs, quiz: QuizArgs) -> Result<u8, WalkError> {
    show(Opening::Lab, Goal::Submit, Options { screen, ..Options::default() }, !quiz.no_quiz).await
}

/// `ehlo replay FILE`
///
/// # Errors
/// [`WalkError`].
pub async fn replay(args: &ReplayArgs) -> Result<u8, WalkError> {
    let journal = journal::read(&args.file)?;
    let (mut surface, keys) = terminal::enter()?;
    let (send, events) = mpsc::unbounded_channel();
    for event in journal.events {
        let _ = send.send(event);
    }
    // Nobody takes orders from a replay, and its channel of events stays open: it is left by the user.
    let (orders, _nobody) = mpsc::channel(1);
    let options = interface(Opening::Watch, Goal::Submit, args.screen, None);
    let left = tui::run(&mut surface, keys, events, orders, options).await;
    drop((surface, send));
    let status = leave(&left?, args.screen);
    if let Some(cut) = journal.cut {
        tell(&format!("ehlo: {}\n", visible_lines(&cut)));
    }
    Ok(status)
}

async fn show(opening: Opening, goal: Goal, options: Options, asks: bool) -> Result<u8, WalkError> {
    let (mut surface, keys) = terminal::enter()?;
    let screen = options.screen;
    let (send_orders, orders) = mpsc::channel(16);
    let (send_events, events) = mpsc::unbounded_channel();
    let (send_problems, problems) = mpsc::unbounded_channel();
    let (send_solved, solved) = mpsc::unbounded_channel();
    let keeper = tokio::task::spawn_blocking({
        let problems = send_problems.clone();
        move || keep(solved, problems)
    });
    let server = tokio::spawn(serve(options, orders, send_events, send_problems));
    let mut interface = interface(opening, goal, screen, Some(problems));
    interface.asks = asks;
    interface.solved = Some(send_solved);
    let left = tui::run(&mut surface, keys, events, send_orders, interface).await;
    drop(surface);
    // The interface has let go of its orders: what still runs is ended, and the journal with it.
    let _ = server.await;
    let _ = keeper.await;
    Ok(leave(&left?, screen))
}

fn interface(
    opening: Opening,
    goal: Goal,
    screen: ScreenArgs,
    problems: Option<mpsc::UnboundedReceiver<String>>,
) -> tui::Options {
    tui::Options {
        goal,
        practices: Supply::new(practices),
        problems,
        ..tui::Options::new(Theme::of_this_terminal(screen.no_color, screen.ascii), opening)
    }
}

/// The scenarios of the lab with what was solved, and why the latter is not known.
fn practices() -> (Vec<Practice>, Option<String>) {
    let solved = progress::place().and_then(|path| progress::load(&path));
    let (solved, problem) = match solved {
        Ok(solved) => (solved, None),
        Err(error) => (BTreeMap::new(), Some(error.to_string())),
    };
    let practice = |scenario: &Scenario| Practice {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        lesson: scenario.lesson.clone(),
        topic: scenario.topic.title(),
        difficulty: scenario.difficulty,
        story: scenario.story.clone(),
        printed: scenario.printed.clone(),
        task: scenario.task.clone(),
        closing: scenario.closing.clone(),
        codes: scenario.expected.findings.clone(),
        solved: solved.get(&scenario.id).copied(),
    };
    (lab::scenarios().iter().map(practice).collect(), problem)
}

/// Keeps what is solved, as long as the interface runs. What cannot be kept is said on the screen.
fn keep(mut solved: mpsc::UnboundedReceiver<(String, Score)>, problems: mpsc::UnboundedSender<String>) {
    while let Some((id, score)) = solved.blocking_recv() {
        if let Err(error) = progress::place().and_then(|path| progress::save(&path, &id, score)) {
            let _ = problems.send(error.to_string());
        }
    }
}

/// The verdict stays on the normal screen; and a signal that ended the interface ends the program as it would have.
fn leave(exit: &tui::Exit, screen: ScreenArgs) -> u8 {
    if exit.session.started().is_some() {
        let options = TextOptions {
            colour: colour(screen.no_color),
            ascii: ascii(screen.ascii),
            brief: true,
            ..TextOptions::default()
        };
        put(&text(&exit.session, &options));
    }
    match exit.reason {
        // The status that a shell gives to what a signal has ended.
        Reason::Signal(signal) => {
            u8::try_from(signal.number()).map_or(FAILED, |number| number.saturating_add(128))
        }
        Reason::User | Reason::InputClosed => 0,
    }
}
