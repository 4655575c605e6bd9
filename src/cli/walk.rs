//! `ehlo [TARGET]`: the terminal interface on one end, engines on the other.
//!
//! The interface asks for sessions with [`Order::Begin`]; each gets an engine of its own, and only one runs at a time.

use tokio::sync::mpsc;

use crate::cli::args::Options;
use crate::cli::prepare::prepare;
use crate::engine;
use crate::event::Event;
use crate::order::Order;
use crate::target::Goal;

/// Serves the interface until it goes away: begins sessions and passes orders on.
/// `first` is begun without being asked for.
pub async fn serve(
    options: Options,
    first: Option<(String, Goal)>,
    mut orders: mpsc::Receiver<Order>,
    events: mpsc::UnboundedSender<Event>,
    problems: mpsc::UnboundedSender<String>,
) {
    let mut running: Option<Running> = None;
    let mut begin = first;
    loop {
        if let Some((input, goal)) = begin.take() {
            if let Some(running) = running.take() {
                running.end().await;
            }
            match prepare(&input, goal, &options, true) {
                Ok(setup) => {
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
            Some(Order::Begin { input, goal }) => begin = Some((input, goal)),
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
    #[error("there is no terminal to draw on: use ehlo check TARGET, which needs none")]
    NoTerminal,
}

/// `ehlo [TARGET]`
///
/// # Errors
/// [`WalkError`].
pub async fn walk(_args: crate::cli::args::WalkArgs) -> Result<u8, WalkError> {
    Err(WalkError::NoTerminal)
}

/// `ehlo replay FILE`
///
/// # Errors
/// [`WalkError`].
pub async fn replay(_args: &crate::cli::args::ReplayArgs) -> Result<u8, WalkError> {
    Err(WalkError::NoTerminal)
}
