//! `ehlo check`: the walk without a screen.

use std::io::{IsTerminal, Write};

use tokio::sync::mpsc;

use crate::cli::args::{CheckArgs, ReplayArgs, ScreenArgs};
use crate::cli::prepare::{PrepareError, prepare};
use crate::cli::screen::{ascii, colour};
use crate::cli::secrets;
use crate::engine::{self, Setup};
use crate::event::{Event, EventKind, RunEnd};
use crate::journal::{self, JournalError};
use crate::order::Order;
use crate::report;
use crate::report::text::{Settings, TextOptions};
use crate::session::Session;
use crate::wire::printable::visible_lines;

/// Exit status where the run itself failed.
pub const FAILED: u8 = 3;

/// Columns of a report where the terminal's width is not known.
const COLUMNS: usize = 80;

/// Runs the walk, prints the report, gives the exit status.
///
/// # Errors
/// [`PrepareError`] before anything was sent.
pub async fn check(args: &CheckArgs) -> Result<u8, PrepareError> {
    let goal = args.options.goal.unwrap_or_default().into();
    let mut options = args.options.clone();
    secrets::ask(&mut options, &args.target, false)?;
    let setup = prepare(&args.target, goal, &options, false)?;
    let session = run(setup, args.form.events).await;
    let form = if args.form.json {
        Form::Json
    } else if args.form.markdown {
        Form::Markdown
    } else if args.form.events {
        Form::None
    } else {
        Form::Text
    };
    print(&session, form, Extras::of(args.transcript, args.settings), args.options.screen);
    for warning in session.warnings() {
        tell(&format!("ehlo: {warning}\n"));
    }
    if session.ended() == Some(RunEnd::Cancelled) {
        tell("ehlo: stopped before the end; the report shows what was known by then\n");
        return Ok(FAILED);
    }
    Ok(report::exit_status(&session))
}

/// `ehlo replay FILE --json` and its like: the report of a journal.
///
/// # Errors
/// [`JournalError`] where the file is none.
pub fn replay(args: &ReplayArgs) -> Result<u8, JournalError> {
    let journal = journal::read(&args.file)?;
    let mut session = Session::default();
    for event in &journal.events {
        session.apply(event);
    }
    let form = if args.form.json {
        Form::Json
    } else if args.form.markdown {
        Form::Markdown
    } else {
        Form::Text
    };
    print(&session, form, Extras::of(args.transcript, args.settings), args.screen);
    if let Some(cut) = journal.cut {
        tell(&format!("ehlo: {}\n", visible_lines(&cut)));
    }
    Ok(report::exit_status(&session))
}

#[derive(Clone, Copy)]
enum Form {
    Text,
    Json,
    Markdown,
    None,
}

/// What a report for people shows besides.
#[derive(Clone, Copy)]
struct Extras {
    transcript: bool,
    settings: Settings,
}

impl Extras {
    fn of(transcript: bool, settings: Option<Settings>) -> Self {
        Self { transcript, settings: settings.unwrap_or_default() }
    }
}

async fn run(setup: Setup, print_events: bool) -> Session {
    let (orders, engine_orders) = mpsc::channel(4);
    let (send, mut events) = mpsc::unbounded_channel();
    let stop = tokio::spawn(async move {
        stopped().await;
        let _ = orders.send(Order::Cancel).await;
    });
    let progress = !print_events && std::io::stderr().is_terminal();
    let listen = async {
        let mut shown = false;
        while let Some(event) = events.recv().await {
            if print_events {
                print_event(&event);
            } else if progress {
                shown |= show_progress(&event);
            }
        }
        if shown {
            tell("\r\x1b[K");
        }
    };
    let (session, ()) = tokio::join!(engine::run(setup, engine_orders, send), listen);
    stop.abort();
    session
}

/// Waits for SIGINT, SIGTERM or SIGHUP.
pub async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hang_up)) =
        (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
}

fn print_event(event: &Event) {
    if let Ok(line) = crate::journal::line(event) {
        put(&format!("{line}\n"));
    }
}

/// One line on standard error that says what is being done, replaced as it goes on. True where something was shown.
fn show_progress(event: &Event) -> bool {
    let EventKind::StepEntered { plan, .. } = &event.kind else { return false };
    let line: String = crate::wire::printable::printable(plan, COLUMNS - 1);
    tell(&format!("\r\x1b[K{line}"));
    true
}

fn print(session: &Session, form: Form, extras: Extras, screen: ScreenArgs) {
    let text = match form {
        Form::None => return,
        Form::Json => report::json::json(session),
        Form::Markdown => report::markdown::markdown(session),
        Form::Text => {
            let options = TextOptions {
                columns: columns(),
                colour: colour(screen.no_color) && std::io::stdout().is_terminal(),
                ascii: ascii(screen.ascii),
                transcript: extras.transcript,
                settings: extras.settings,
                ..TextOptions::default()
            };
            report::text::text(session, &options)
        }
    };
    put(&text);
    if !text.ends_with('\n') {
        put("\n");
    }
}

/// Columns of the terminal, within reason.
pub fn columns() -> usize {
    let known = std::io::stdout().is_terminal().then(crossterm::terminal::size).and_then(Result::ok);
    known.map_or(COLUMNS, |(columns, _)| usize::from(columns).clamp(40, 100))
}

/// Standard error, without a panic where the terminal has gone away.
pub fn tell(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Standard output, without a panic where the reader has gone away.
pub fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
