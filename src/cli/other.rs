//! The small commands: completions, the manual page.

use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::cli::check::put;

/// `ehlo completions SHELL`
pub fn completions(shell: clap_complete::Shell) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ehlo", &mut text);
    put(&String::from_utf8_lossy(&text));
    0
}

/// `ehlo man`
///
/// # Errors
/// Where the page cannot be rendered.
pub fn man() -> std::io::Result<u8> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text)?;
    put(&String::from_utf8_lossy(&text));
    Ok(0)
}
