//! The program: reads the command line and hands over.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use ehlo::cli::args::{Cli, Command, LabCommand};
use ehlo::cli::check::{FAILED, tell};
use ehlo::cli::screen::colour;
use ehlo::cli::{check, explain, lab, other, usage, walk};
use ehlo::wire::printable::visible_lines;

fn main() -> ExitCode {
    let arguments = usage::spelt_out(explain::spelt_out(std::env::args_os()));
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version were asked for; anything else is a mistake, and the contract's status for that is 3.
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = error.print();
            let unexpected = matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::ArgumentConflict);
            if let Some(hint) = usage::hint(&arguments).filter(|_| unexpected) {
                tell(&format!("\nehlo: {}\n", ehlo::wire::printable::printable(&hint, 200)));
            }
            return ExitCode::from(if asked { 0 } else { FAILED });
        }
    };
    if let Err(error) = install_reports() {
        tell(&format!("ehlo: {error}\n"));
        return ExitCode::from(FAILED);
    }
    match run(cli) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            // A path that it names may hold anything.
            tell(&format!("ehlo: {}\n", visible_lines(&failure.to_string())));
            ExitCode::from(FAILED)
        }
    }
}

/// Reports of what should never happen, without colour where none is wanted.
fn install_reports() -> color_eyre::Result<()> {
    let mut hook = color_eyre::config::HookBuilder::default();
    if !colour(false) {
        hook = hook.theme(color_eyre::config::Theme::new());
    }
    hook.display_env_section(false).install()
}

fn run(cli: Cli) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> {
    match cli.command {
        Some(Command::Check(args)) => block_on(check::check(&args)),
        Some(Command::Replay(args)) if args.form.json || args.form.markdown || args.form.text => {
            Ok(check::replay(&args)?)
        }
        Some(Command::Replay(args)) => block_on(walk::replay(&args)),
        Some(Command::Lab(args)) => match args.command {
            Some(LabCommand::List) => Ok(lab::list()),
            Some(LabCommand::Show(args)) => Ok(lab::show(&args)?),
            Some(LabCommand::Serve(args)) => block_on(lab::serve(&args)),
            None => block_on(walk::lab(args.screen, args.quiz)),
        },
        Some(Command::Explain(args)) => Ok(explain::explain(&args)?),
        Some(Command::Completions { shell }) => Ok(other::completions(shell)),
        Some(Command::Man) => Ok(other::man()?),
        None => block_on(walk::walk(cli.walk)),
    }
}

/// Runs to the end, and does not wait for what others decide how long it takes: a look-up of the system's resolver, the
/// hashing that a server has asked for.
fn block_on<T, E>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Box<dyn std::error::Error + Send + Sync>>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended.map_err(Into::into)
}
