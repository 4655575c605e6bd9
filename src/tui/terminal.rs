//! The terminal itself: entered, left, and left in order whatever happens.
//!
//! [`enter`] checks that there is a terminal, then takes it: raw mode, alternate screen, bracketed paste. It gives the
//! two ends that [`run`](super::run) wants: the [`Screen`] to draw on and the [`Keys`] to hear. Dropping the screen
//! gives the terminal back; so does a panic in any task (a flag then stops the drawing), and so do SIGINT, SIGTERM,
//! SIGHUP and SIGQUIT, which arrive as input and end the loop. Ctrl-Z and SIGTSTP give the terminal back, let go of standard
//! input, stop the process, and take everything again when it goes on. The mouse is never captured: selecting text
//! stays the terminal's own business.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, Event, EventStream};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use futures_util::Stream;
use nix::sys::signal::{Signal as Number, kill};
use nix::unistd::{Pid, getpid, getppid, getsid};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::Size;
use ratatui::{Frame, Terminal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// What the loop hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A key, a paste, a new size.
    Terminal(Event),
    /// The process is told to end by this signal.
    Ended(Signal),
    /// The process is told to stop for a while.
    Suspended,
    /// The process goes on.
    Resumed,
    /// A task panicked: the terminal has been given back, nothing may be drawn any more.
    Panicked,
}

impl From<Event> for Input {
    fn from(event: Event) -> Self {
        Self::Terminal(event)
    }
}

/// The signals that end ehlo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    HangUp,
    /// SIGQUIT.
    Quit,
}

impl Signal {
    /// Its number; a process that it ended has 128 more as its exit status.
    pub fn number(self) -> i32 {
        match self {
            Self::Interrupt => Number::SIGINT as i32,
            Self::Terminate => Number::SIGTERM as i32,
            Self::HangUp => Number::SIGHUP as i32,
            Self::Quit => Number::SIGQUIT as i32,
        }
    }
}

/// Where the loop draws. A plain [`Terminal`] is one, for tests and for other programs.
pub trait Surface {
    /// What may go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Columns and rows.
    ///
    /// # Errors
    /// The terminal does not say.
    fn size(&self) -> Result<Size, Self::Error>;

    /// Draws a frame.
    ///
    /// # Errors
    /// The terminal cannot be written.
    fn draw(&mut self, render: &mut dyn FnMut(&mut Frame<'_>)) -> Result<(), Self::Error>;

    /// Forgets what was drawn, so that the next frame is drawn whole.
    ///
    /// # Errors
    /// The terminal cannot be written.
    fn forget(&mut self) -> Result<(), Self::Error>;

    /// Sends a text to the terminal's clipboard. Nothing tells whether it arrived.
    ///
    /// # Errors
    /// The terminal cannot be written.
    fn copy(&mut self, _text: &str) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Gives the terminal back and stops the process. False where nobody could wake it again.
    fn suspend(&mut self) -> bool {
        false
    }

    /// Takes the terminal again after a stop.
    ///
    /// # Errors
    /// The terminal cannot be taken.
    fn resume(&mut self) -> Result<(), Self::Error> {
        self.forget()
    }
}

impl<B: Backend> Surface for Terminal<B>
where
    B::Error: Send + Sync + 'static,
{
    type Error = B::Error;

    fn size(&self) -> Result<Size, B::Error> {
        Self::size(self)
    }

    fn draw(&mut self, render: &mut dyn FnMut(&mut Frame<'_>)) -> Result<(), B::Error> {
        Self::draw(self, |frame| render(frame)).map(drop)
    }

    fn forget(&mut self) -> Result<(), B::Error> {
        let size = Self::size(self)?;
        self.resize(size.into())
    }
}

/// Why the terminal cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum NoTerminal {
    /// Standard input or output is none.
    #[error("this is not a terminal: use `ehlo check TARGET`, which prints a report")]
    NotATerminal,
    /// It is one, and something failed.
    #[error("the terminal cannot be used ({0}): use `ehlo check TARGET`, which prints a report")]
    Failed(#[from] io::Error),
}

/// What screen, keys and panic hook share.
#[derive(Debug)]
struct Shared {
    /// True while the terminal is ours.
    taken: AtomicBool,
    /// True once a task has panicked.
    panicked: AtomicBool,
    /// The reader of standard input; none while the process is stopped.
    stream: Mutex<Option<EventStream>>,
}

impl Shared {
    /// Gives the terminal back, once. Failures are ignored: there is nobody left to tell.
    fn give_back(&self) {
        if self.taken.swap(false, Ordering::SeqCst) {
            let _ = execute!(
                io::stdout(),
                EndSynchronizedUpdate,
                DisableBracketedPaste,
                LeaveAlternateScreen,
                Show
            );
            let _ = disable_raw_mode();
        }
    }

    fn take(&self) -> io::Result<()> {
        // A shell in between may have changed the modes that crossterm remembers.
        disable_raw_mode()?;
        enable_raw_mode()?;
        self.taken.store(true, Ordering::SeqCst);
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)
    }

    fn let_go_of_input(&self) {
        // Only dropping the stream ends its reading.
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Standard output while the terminal is taken, and nothing after that: what is still buffered then must not reach the
/// normal screen, and of a terminal that has gone away ratatui would complain where nobody listens.
#[derive(Debug)]
struct Taken(Arc<Shared>, Stdout);

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.taken.load(Ordering::SeqCst) { self.1.write(bytes) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.0.taken.load(Ordering::SeqCst) { self.1.flush() } else { Ok(()) }
    }
}

/// The terminal, taken; dropping it gives it back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Taken>>>,
    shared: Arc<Shared>,
}

/// What comes from the terminal and from the system, as a stream.
#[derive(Debug)]
pub struct Keys {
    shared: Arc<Shared>,
    system: mpsc::UnboundedReceiver<Input>,
}

/// Takes the terminal. To be called in a tokio runtime, after other panic hooks were installed.
///
/// # Errors
/// [`NoTerminal`], whose text points to `ehlo check`.
pub fn enter() -> Result<(Screen, Keys), NoTerminal> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(NoTerminal::NotATerminal);
    }
    // crossterm's own reading of NO_COLOR also drops bold and reverse; the theme decides instead.
    crossterm::style::force_color_output(true);
    let shared = Arc::new(Shared {
        taken: AtomicBool::new(false),
        panicked: AtomicBool::new(false),
        stream: Mutex::new(None),
    });
    let (send, system) = mpsc::unbounded_channel();
    listen(&send)?;
    on_panic(Arc::clone(&shared), send);
    let backend =
        CrosstermBackend::new(BufWriter::with_capacity(1 << 16, Taken(Arc::clone(&shared), io::stdout())));
    let screen = Screen { terminal: Terminal::new(backend)?, shared: Arc::clone(&shared) };
    screen.shared.take()?;
    Ok((screen, Keys { shared, system }))
}

/// Hears the signals; each becomes an input.
fn listen(send: &mpsc::UnboundedSender<Input>) -> io::Result<()> {
    let mut ends = vec![
        (SignalKind::interrupt(), Input::Ended(Signal::Interrupt)),
        (SignalKind::terminate(), Input::Ended(Signal::Terminate)),
        (SignalKind::hangup(), Input::Ended(Signal::HangUp)),
        (SignalKind::quit(), Input::Ended(Signal::Quit)),
        (SignalKind::from_raw(Number::SIGCONT as i32), Input::Resumed),
    ];
    if can_be_woken() {
        ends.push((SignalKind::from_raw(Number::SIGTSTP as i32), Input::Suspended));
    }
    for (kind, input) in ends {
        let mut signals = signal(kind)?;
        let send = send.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if send.send(input.clone()).is_err() {
                    break;
                }
            }
        });
    }
    Ok(())
}

/// A panic anywhere gives the terminal back before its report is printed, and stops the drawing.
fn on_panic(shared: Arc<Shared>, send: mpsc::UnboundedSender<Input>) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if shared.taken.load(Ordering::SeqCst) {
            shared.panicked.store(true, Ordering::SeqCst);
            shared.give_back();
            let _ = send.send(Input::Panicked);
        }
        before(info);
    }));
}

/// Whether a shell of the same session could bring a stopped process back.
fn can_be_woken() -> bool {
    let ours = getsid(None);
    ours != Ok(getpid()) && ours.is_ok() && getsid(Some(getppid())) == ours
}

impl Screen {
    /// Whether a task panicked, so that nothing may be drawn.
    pub fn panicked(&self) -> bool {
        self.shared.panicked.load(Ordering::SeqCst)
    }

    fn may_draw(&self) -> bool {
        self.shared.taken.load(Ordering::SeqCst)
    }
}

impl Surface for Screen {
    type Error = io::Error;

    fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    fn draw(&mut self, render: &mut dyn FnMut(&mut Frame<'_>)) -> io::Result<()> {
        if !self.may_draw() {
            return Ok(());
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| render(frame))?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        Write::flush(self.terminal.backend_mut())?;
        if self.panicked() {
            // Another thread gave the terminal back while this one drew: leave no colours behind.
            let _ = execute!(io::stdout(), crossterm::style::ResetColor, Show);
        }
        Ok(())
    }

    fn forget(&mut self) -> io::Result<()> {
        // Not `clear`: it asks the terminal for the cursor's place, and the answer would be read as keys.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text))
    }

    fn suspend(&mut self) -> bool {
        if !can_be_woken() {
            return false;
        }
        self.shared.let_go_of_input();
        self.shared.give_back();
        // The whole group, as the terminal driver does it: what runs beside ehlo in a script stops with it.
        kill(Pid::from_raw(0), Number::SIGSTOP).is_ok()
    }

    fn resume(&mut self) -> io::Result<()> {
        if self.panicked() {
            return Ok(());
        }
        self.shared.take()?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.shared.let_go_of_input();
        self.shared.give_back();
    }
}

impl Stream for Keys {
    type Item = io::Result<Input>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Input>>> {
        if let Poll::Ready(Some(input)) = self.system.poll_recv(context) {
            return Poll::Ready(Some(Ok(input)));
        }
        if !self.shared.taken.load(Ordering::SeqCst) {
            // Stopped or panicked: standard input belongs to others. A signal wakes this task.
            return Poll::Pending;
        }
        let mut stream = self.shared.stream.lock().unwrap_or_else(PoisonError::into_inner);
        if stream.is_none()
            && let Err(gone) = crossterm::event::poll(Duration::ZERO)
        {
            // Of a terminal that has gone away a new stream would panic.
            return Poll::Ready(Some(Err(gone)));
        }
        let stream = stream.get_or_insert_with(EventStream::new);
        Pin::new(stream).poll_next(context).map(|event| event.map(|event| event.map(Input::Terminal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_the_way_is_pointed_out() {
        // The test harness's own standard input may be a terminal; its output, captured, is none.
        if !io::stdout().is_terminal() {
            let error = enter().unwrap_err().to_string();
            assert!(error.contains("ehlo check") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn giving_back_happens_once_and_only_after_taking() {
        let shared = Shared {
            taken: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
            stream: Mutex::new(None),
        };
        shared.give_back();
        assert!(!shared.taken.load(Ordering::SeqCst));
    }

    #[test]
    fn signals_have_the_numbers_of_posix() {
        let all = [Signal::HangUp, Signal::Interrupt, Signal::Quit, Signal::Terminate];
        assert_eq!(all.map(Signal::number), [1, 2, 3, 15]);
    }
}
