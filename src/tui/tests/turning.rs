//! The loop: what it draws and when, what it sends, how it ends. In paused time, over channels.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossterm::event::Event as Terminal;
use futures_util::Stream;
use futures_util::stream::unfold;
use ratatui::layout::Size;
use ratatui::{Frame, Terminal as Ratatui};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;
use crate::order::Order;
use crate::target::Goal;
use crate::tui::{Error, Exit, Input, Opening, Options, Reason, Signal, Surface, run};

/// What was done to the surface.
#[derive(Debug, Default)]
struct Log {
    frames: usize,
    resumed: usize,
    copied: Vec<String>,
    text: String,
}

struct Paper {
    terminal: Ratatui<TestBackend>,
    log: Arc<Mutex<Log>>,
    wakes: bool,
}

impl Surface for Paper {
    type Error = Infallible;

    fn size(&self) -> Result<Size, Infallible> {
        self.terminal.size()
    }

    fn draw(&mut self, render: &mut dyn FnMut(&mut Frame<'_>)) -> Result<(), Infallible> {
        self.terminal.draw(|frame| render(frame))?;
        let mut log = self.log.lock().unwrap();
        log.frames += 1;
        log.text = text(self.terminal.backend().buffer());
        Ok(())
    }

    fn forget(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn copy(&mut self, text: &str) -> Result<(), Infallible> {
        self.log.lock().unwrap().copied.push(text.to_owned());
        Ok(())
    }

    fn suspend(&mut self) -> bool {
        self.wakes
    }

    fn resume(&mut self) -> Result<(), Infallible> {
        self.log.lock().unwrap().resumed += 1;
        Ok(())
    }
}

struct Desk {
    input: mpsc::UnboundedSender<Input>,
    events: mpsc::UnboundedSender<Event>,
    orders: mpsc::Receiver<Order>,
    problems: mpsc::UnboundedSender<String>,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<Result<Exit, Error>>,
}

impl Desk {
    fn open(opening: Opening, wakes: bool) -> Self {
        let (input, heard) = mpsc::unbounded_channel();
        let (events, from_engine) = mpsc::unbounded_channel();
        let (to_engine, orders) = mpsc::channel(16);
        let (problems, told) = mpsc::unbounded_channel();
        let log = Arc::new(Mutex::new(Log::default()));
        let mut paper =
            Paper { terminal: Ratatui::new(TestBackend::new(80, 24)).unwrap(), log: Arc::clone(&log), wakes };
        let options = Options { problems: Some(told), ..Options::new(Theme::new(true, true), opening) };
        let task =
            tokio::spawn(
                async move { run(&mut paper, stream(heard), from_engine, to_engine, options).await },
            );
        Self { input, events, orders, problems, log, task }
    }

    fn press(&self, names: &str) {
        for name in names.split_whitespace() {
            for key in parse(name) {
                self.input.send(Input::Terminal(Terminal::Key(key))).unwrap();
            }
        }
    }

    fn hear(&self, events: Vec<Event>) {
        for event in events {
            self.events.send(event).unwrap();
        }
    }

    fn frames(&self) -> usize {
        self.log.lock().unwrap().frames
    }

    fn text(&self) -> String {
        self.log.lock().unwrap().text.clone()
    }
}

fn stream(input: mpsc::UnboundedReceiver<Input>) -> impl Stream<Item = io::Result<Input>> + Unpin {
    Box::pin(unfold(input, |mut input| async move { input.recv().await.map(|next| (Ok(next), input)) }))
}

const MOMENT: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_key_draws_nothing() {
    let desk = Desk::open(Opening::Ask, false);
    sleep(MINUTE).await;
    assert_eq!(desk.frames(), 1, "one first frame, then nothing");
    desk.press("\"s\"");
    sleep(MINUTE).await;
    assert_eq!(desk.frames(), 2, "one frame for a key");
    let desk = Desk::open(Opening::Watch, false);
    desk.hear(until(journal("587-filtered"), 1, entered("route-465-implicit")));
    sleep(MINUTE).await;
    let frames = desk.frames();
    sleep(MINUTE).await;
    assert_eq!(desk.frames(), frames, "a plan that waits is still");
}

#[tokio::test(start_paused = true)]
async fn what_runs_turns_four_times_a_second() {
    let desk = Desk::open(Opening::Watch, false);
    desk.hear(until(journal("587-filtered"), 1, |kind| matches!(kind, EventKind::ConnectStarted { .. })));
    sleep(Duration::from_secs(1)).await;
    let frames = desk.frames();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(desk.frames() - frames, 40);
    assert!(desk.text().contains("0:10"), "{}", desk.text());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_events_is_drawn_now_and_then() {
    let desk = Desk::open(Opening::Watch, false);
    for event in endless(2_000) {
        desk.hear(vec![event]);
        sleep(MOMENT).await;
    }
    let frames = desk.frames();
    assert!((30..=50).contains(&frames), "{frames} frames in two seconds");
}

#[tokio::test(start_paused = true)]
async fn a_key_amid_the_flood_is_answered_at_once() {
    let desk = Desk::open(Opening::Watch, false);
    for (n, event) in endless(500).into_iter().enumerate() {
        desk.hear(vec![event]);
        if n == 417 {
            desk.press("?");
            sleep(MOMENT).await;
            assert!(desk.text().contains("In the walk"));
        }
        sleep(MOMENT).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_given_is_begun_at_once() {
    let begin = Order::Begin { input: "smtp.example.com".to_owned(), goal: Goal::Submit, lead: None };
    let opening = Opening::Begin { input: "smtp.example.com".to_owned(), goal: Goal::Submit };
    let mut desk = Desk::open(opening, false);
    assert_eq!(desk.orders.recv().await, Some(begin));
    desk.hear(until(journal("healthy"), 1, entered("host")));
    sleep(MOMENT * 100).await;
    assert!(desk.text().contains("Next: Host"), "{}", desk.text());
    desk.press("Enter");
    assert_eq!(desk.orders.recv().await, Some(Order::Continue));
}

#[tokio::test(start_paused = true)]
async fn a_target_refused_comes_back_to_the_start_screen() {
    let mut desk = Desk::open(Opening::Ask, false);
    desk.press("\"lab:nowhere\" Enter");
    assert!(matches!(desk.orders.recv().await, Some(Order::Begin { .. })));
    desk.problems.send("there is no lab scenario 'nowhere'".to_owned()).unwrap();
    sleep(MOMENT * 100).await;
    assert!(desk.text().contains("there is no lab scenario"), "{}", desk.text());
}

#[tokio::test(start_paused = true)]
async fn it_ends_as_it_is_told_to_and_keeps_what_it_heard() {
    let mut desk = Desk::open(Opening::Watch, false);
    desk.hear(journal("healthy"));
    sleep(MOMENT * 100).await;
    desk.press("q");
    let exit = desk.task.await.unwrap().unwrap();
    assert_eq!(exit.reason, Reason::User);
    assert!(exit.session.ended().is_some());
    assert_eq!(desk.orders.recv().await, Some(Order::Quit));
}

#[tokio::test(start_paused = true)]
async fn signals_and_the_end_of_input_end_it() {
    for signal in [Signal::Interrupt, Signal::Terminate, Signal::HangUp, Signal::Quit] {
        let mut desk = Desk::open(Opening::Watch, false);
        desk.input.send(Input::Ended(signal)).unwrap();
        assert_eq!(desk.task.await.unwrap().unwrap().reason, Reason::Signal(signal));
        assert_eq!(desk.orders.recv().await, Some(Order::Quit));
    }
    let Desk { input, task, events, .. } = Desk::open(Opening::Watch, false);
    drop(input);
    assert_eq!(task.await.unwrap().unwrap().reason, Reason::InputClosed);
    drop(events);
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_nothing_is_drawn() {
    let desk = Desk::open(Opening::Watch, false);
    sleep(MOMENT).await;
    let frames = desk.frames();
    desk.hear(journal("healthy"));
    desk.input.send(Input::Panicked).unwrap();
    assert!(matches!(desk.task.await.unwrap(), Err(Error::Panicked)));
    assert_eq!(desk.log.lock().unwrap().frames, frames);
}

#[tokio::test(start_paused = true)]
async fn it_is_suspended_and_resumed() {
    let desk = Desk::open(Opening::Watch, true);
    sleep(MOMENT).await;
    desk.press("Ctrl-z");
    sleep(MOMENT * 100).await;
    desk.input.send(Input::Resumed).unwrap();
    sleep(MOMENT * 100).await;
    assert_eq!(desk.log.lock().unwrap().resumed, 1);
    let desk = Desk::open(Opening::Watch, false);
    desk.press("Ctrl-z");
    sleep(MOMENT * 100).await;
    assert!(desk.text().contains("There is no shell here"), "{}", desk.text());
}

#[tokio::test(start_paused = true)]
async fn a_line_is_sent_to_the_clipboard() {
    let desk = Desk::open(Opening::Watch, false);
    desk.hear(journal("healthy"));
    sleep(MOMENT * 100).await;
    desk.press("Up y");
    sleep(MOMENT * 100).await;
    assert_eq!(desk.log.lock().unwrap().copied, ["closed by ehlo"]);
    assert!(desk.text().contains("Sent to the terminal's clipboard"));
}

#[tokio::test(start_paused = true)]
async fn a_new_size_is_drawn() {
    let desk = Desk::open(Opening::Ask, false);
    sleep(MOMENT).await;
    desk.input.send(Input::Terminal(Terminal::Resize(80, 24))).unwrap();
    sleep(MOMENT * 100).await;
    assert_eq!(desk.frames(), 2);
}
