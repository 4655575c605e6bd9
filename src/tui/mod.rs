//! The terminal interface: the walk, the transcript and what it means, for a person at a keyboard.
//!
//! [`run`] is generic over all four of its ends: where it draws, what it hears from the keyboard, what it hears from
//! the engine, and where its orders go. It keeps a session of its own and applies each event to it, so a replay looks
//! like the run that it repeats. A turn of the loop takes a message, [`update`](update::update)s the state, carries
//! out the effects asked for, and draws if something changed.
//!
//! Nothing is drawn while nothing changes. Events are drawn at most twenty times a second; a key is drawn at once, as
//! long as keys do not come faster than that. While a probe runs one cell turns, four times a second.
//!
//! The rooms within: [`state`] (what is known), [`update`] (what a message does), [`view`] (what is drawn),
//! [`layout`] (where), [`keys`] (the one table of keys), [`theme`] (roles and glyphs), [`terminal`] (entering and
//! leaving it).

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use crate::event::Event;
use crate::guide::quiz::Score;
use crate::order::Order;
use crate::session::Session;
use crate::target::Goal;

pub mod facts;
pub mod frames;
pub mod keys;
pub mod lab;
pub mod layout;
pub mod message;
pub mod phases;
pub mod sign_in;
pub mod state;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod view;

pub use state::{Practice, Supply};
pub use terminal::{Input, Signal, Surface};
pub use theme::Theme;
pub use update::Reason;

use frames::Frames;
use state::{Screen, Ui};
use update::{Effect, Msg, update};

/// How the interface opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// With the start screen.
    Ask,
    /// With the list of the lab's scenarios.
    Lab,
    /// With the walk; this target is begun at once.
    Begin {
        /// What was typed as TARGET.
        input: String,
        /// What the mail is for.
        goal: Goal,
    },
    /// With the walk; events come by themselves, and no other target can be begun: a replay.
    Watch,
}

/// What the interface must know.
#[derive(Debug)]
pub struct Options {
    /// How it is drawn.
    pub theme: Theme,
    /// How it opens.
    pub opening: Opening,
    /// The goal that the start screen proposes.
    pub goal: Goal,
    /// The lab's scenarios.
    pub practices: Supply,
    /// Whether the lab asks what is expected before each step.
    pub asks: bool,
    /// Who keeps what was solved in the lab: id and score.
    pub solved: Option<mpsc::UnboundedSender<(String, Score)>>,
    /// Where it hears why a target cannot be begun, in one sentence each.
    pub problems: Option<mpsc::UnboundedReceiver<String>>,
}

impl Options {
    /// Options with an empty lab, where no target is refused.
    pub fn new(theme: Theme, opening: Opening) -> Self {
        Self {
            theme,
            opening,
            goal: Goal::default(),
            practices: Supply::default(),
            asks: false,
            solved: None,
            problems: None,
        }
    }
}

/// What is left when the interface is left.
#[derive(Debug)]
pub struct Exit {
    /// All that was heard.
    pub session: Session,
    /// Why it was left.
    pub reason: Reason,
}

/// Why the interface failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The terminal cannot be drawn on.
    #[error("the terminal cannot be written: {0}")]
    Terminal(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A task panicked. Its report has been printed; the terminal was given back.
    #[error("a part of ehlo failed; please report it")]
    Panicked,
}

/// How often what runs is seen to run.
const TURN: Duration = Duration::from_millis(250);
/// How long the signal of a closed terminal is waited for.
const SIGNAL: Duration = Duration::from_millis(200);
/// Most events that are applied before keys are looked at again.
const BATCH: usize = 2_048;
/// Most keys that are taken before a frame.
const KEYS: usize = 64;

/// Runs the interface until it is left.
///
/// `surface` is where it draws: [`terminal::Screen`], or any ratatui terminal. `input` gives what the keyboard and the
/// system say; its end ends the run. `events` come from the engine or from a journal; `orders` go to the engine, and a
/// replay may ignore them.
///
/// # Errors
/// [`Error`].
pub async fn run<S, I>(
    surface: &mut S,
    input: I,
    events: mpsc::UnboundedReceiver<Event>,
    orders: mpsc::Sender<Order>,
    options: Options,
) -> Result<Exit, Error>
where
    S: Surface,
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    let size = surface.size().map_err(failed)?;
    let screen = match options.opening {
        Opening::Ask => Screen::Start,
        Opening::Lab => Screen::Lab,
        Opening::Begin { .. } | Opening::Watch => Screen::Walk,
    };
    let mut ui = Ui::new(options.theme, (size.width, size.height), screen);
    ui.form.choice = state::Choice::Goal(options.goal);
    ui.can_begin = options.opening != Opening::Watch;
    ui.supply = options.practices;
    if screen == Screen::Lab {
        ui.need_practices();
    }
    ui.asks = options.asks;
    let mut face = Face {
        surface,
        orders,
        problems: options.problems,
        solved: options.solved,
        ui,
        frames: Frames::new(Instant::now()),
    };
    if let Opening::Begin { input, goal } = options.opening {
        let effects = update::begun(&mut face.ui, input, goal);
        face.carry_out(effects)?;
    }
    // What has ended is asked once more where a signal is waited for.
    let mut input = input.fuse();
    let reason = match face.turn(&mut input, events).await {
        Ok(Reason::InputClosed) => hung_up(&mut input).await.unwrap_or(Reason::InputClosed),
        Err(error @ Error::Terminal(_)) => hung_up(&mut input).await.ok_or(error)?,
        other => other?,
    };
    Ok(Exit { session: face.ui.session, reason })
}

/// Why a terminal can no longer be read or written: where it was closed, the signal that says so comes at about the same
/// time, and may come later.
async fn hung_up<I>(input: &mut I) -> Option<Reason>
where
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    let signal = async {
        loop {
            match input.next().await {
                Some(Ok(Input::Ended(signal))) => return Reason::Signal(signal),
                Some(Ok(_)) => {}
                // A closed terminal says so again and again.
                Some(Err(_)) | None => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(SIGNAL, signal).await.ok()
}

/// What the input has without waiting. It is asked with the task's own waker: crossterm's stream keeps the first waker
/// that finds nothing, and one that wakes nobody would leave every later key unheard.
async fn there_already<I>(input: &mut I) -> Option<Option<io::Result<Input>>>
where
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    poll_fn(|context| match Pin::new(&mut *input).poll_next(context) {
        Poll::Ready(next) => Poll::Ready(Some(next)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Terminal(Box::new(error))
}

struct Face<'a, S> {
    surface: &'a mut S,
    orders: mpsc::Sender<Order>,
    problems: Option<mpsc::UnboundedReceiver<String>>,
    solved: Option<mpsc::UnboundedSender<(String, Score)>>,
    ui: Ui,
    frames: Frames,
}

impl<S: Surface> Face<'_, S> {
    /// Turns until the interface is left.
    async fn turn<I>(
        &mut self,
        mut input: I,
        mut events: mpsc::UnboundedReceiver<Event>,
    ) -> Result<Reason, Error>
    where
        I: Stream<Item = io::Result<Input>> + Unpin,
    {
        let mut batch = Vec::new();
        let mut listening = true;
        let mut heard = Instant::now();
        let mut turns = interval(TURN);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let draw_at = self.frames.due();
            if draw_at.is_some_and(|at| at <= Instant::now()) {
                self.draw()?;
                continue;
            }
            tokio::select! {
                biased;
                first = input.next() => {
                    let Some(Ok(first)) = first else { return Ok(Reason::InputClosed) };
                    if let Some(reason) = self.take(first)? {
                        return Ok(reason);
                    }
                    // What is there already is drawn in one frame.
                    for _ in 0..KEYS {
                        let Some(next) = there_already(&mut input).await else { break };
                        let Some(Ok(next)) = next else { return Ok(Reason::InputClosed) };
                        if let Some(reason) = self.take(next)? {
                            return Ok(reason);
                        }
                    }
                }
                () = at(draw_at) => self.draw()?,
                Some(why) = problem(&mut self.problems) => {
                    self.update(Msg::Problem(why), true)?;
                }
                count = events.recv_many(&mut batch, BATCH), if listening => {
                    let message = match count {
                        0 => {
                            listening = false;
                            Msg::Silence
                        }
                        _ => Msg::Heard(std::mem::take(&mut batch)),
                    };
                    heard = Instant::now();
                    self.update(message, false)?;
                }
                _ = turns.tick(), if self.ui.animates() => {
                    self.update(Msg::Tick(heard.elapsed()), false)?;
                }
            }
        }
    }

    /// Takes an input; the reason where it ends the run.
    fn take(&mut self, input: Input) -> Result<Option<Reason>, Error> {
        use crossterm::event::Event as Terminal;
        match input {
            Input::Terminal(Terminal::Key(key)) => self.update(Msg::Key(key), true),
            Input::Terminal(Terminal::Paste(text)) => self.update(Msg::Paste(text), true),
            Input::Terminal(Terminal::Resize(width, height)) => self.update(Msg::Resize(width, height), true),
            Input::Terminal(_) => Ok(None),
            Input::Suspended => {
                self.suspend();
                Ok(None)
            }
            Input::Resumed => {
                self.surface.resume().map_err(failed)?;
                self.frames.want(true);
                Ok(None)
            }
            Input::Ended(signal) => {
                self.order(Order::Quit);
                Ok(Some(Reason::Signal(signal)))
            }
            Input::Panicked => Err(Error::Panicked),
        }
    }

    fn update(&mut self, message: Msg, urgent: bool) -> Result<Option<Reason>, Error> {
        let effects = update(&mut self.ui, message);
        self.frames.want(urgent);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<Option<Reason>, Error> {
        for effect in effects {
            match effect {
                Effect::Order(order) => self.order(order),
                Effect::Copy(text) => self.surface.copy(&text).map_err(failed)?,
                Effect::Suspend => self.suspend(),
                Effect::Redraw => self.surface.forget().map_err(failed)?,
                Effect::Solved(id, score) => {
                    if let Some(keeper) = &self.solved {
                        let _ = keeper.send((id, score));
                    }
                }
                Effect::Quit(reason) => return Ok(Some(reason)),
            }
        }
        Ok(None)
    }

    fn order(&mut self, order: Order) {
        if let Err(TrySendError::Full(_)) = self.orders.try_send(order) {
            self.ui.notice = Some("Too much at once: press the key again.".to_owned());
        }
    }

    fn suspend(&mut self) {
        if !self.surface.suspend() {
            self.ui.notice = Some("There is no shell here that could wake ehlo again.".to_owned());
            self.frames.want(true);
        }
    }

    fn draw(&mut self) -> Result<(), Error> {
        let ui = &mut self.ui;
        let drawn = self.surface.draw(&mut |frame| {
            // The terminal may have changed its size before it said so.
            let area = frame.area();
            if (area.width, area.height) != ui.size {
                update(ui, Msg::Resize(area.width, area.height));
            }
            view::draw(frame, ui);
        });
        self.frames.drawn(Instant::now());
        drawn.map_err(failed)
    }
}

async fn problem(problems: &mut Option<mpsc::UnboundedReceiver<String>>) -> Option<String> {
    match problems {
        Some(problems) => problems.recv().await,
        None => std::future::pending().await,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
