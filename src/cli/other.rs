//! The small commands: the list of the lab, completions, the manual page.

use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::cli::check::put;
use crate::lab;

/// `ehlo lab list`
pub fn lab_list() -> u8 {
    for scenario in lab::scenarios() {
        put(&format!("{:<20}  {}: {}\n", scenario.id, scenario.title, scenario.lesson));
    }
    0
}

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
