//! `ehlo explain`: reads an error text from the command line or from standard input, and prints what it means.

use std::ffi::OsString;
use std::io::{IsTerminal, Read};

use crate::cli::args::ExplainArgs;
use crate::cli::check::{columns, put, tell};
use crate::cli::screen::{ascii, colour};
use crate::guide::symptom::{self, Settings, mode_of_words};
use crate::report::explain;
use crate::report::text::TextOptions;

/// Most that is read of standard input, in bytes.
const MAX_INPUT: u64 = 256 * 1024;

/// Why nothing could be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Nothing was given.
    #[error("there is no text to explain: give it as an argument, or on standard input")]
    Nothing,
    /// Standard input failed.
    #[error("standard input cannot be read: {0}")]
    Input(#[from] std::io::Error),
}

/// Explains, and gives the exit status.
///
/// # Errors
/// [`ExplainError`] where there is no text.
pub fn explain(args: &ExplainArgs) -> Result<u8, ExplainError> {
    let text = if args.text.is_empty() { input()? } else { args.text.join(" ") };
    if text.trim().is_empty() {
        return Err(ExplainError::Nothing);
    }
    let tls = args.tls.as_deref().and_then(mode_of_words);
    if let (Some(words), None) = (&args.tls, tls) {
        let words = crate::wire::printable::printable(words, 60);
        tell(&format!(
            "ehlo: --tls {words} can mean either mode, and is left out: write starttls, implicit or none\n"
        ));
    }
    let given = Settings { host: args.host.clone(), port: args.port, tls };
    let page = symptom::page(&text);
    let found = match &page {
        Some(page) => page.explanation_with(given),
        None => symptom::explain(&text, &given),
    };
    if args.json {
        put(&explain::json(&found, page.as_ref()));
        put("\n");
        return Ok(0);
    }
    let options = TextOptions {
        columns: columns(),
        colour: colour(args.screen.no_color) && std::io::stdout().is_terminal(),
        ascii: ascii(args.screen.ascii),
        ..TextOptions::default()
    };
    put(&explain::text(&found, page.as_ref(), &options));
    Ok(0)
}

/// Standard input, as far as it is read. Bytes that are no text become marks.
fn input() -> Result<String, std::io::Error> {
    let input = std::io::stdin();
    if input.is_terminal() {
        tell("Paste the error message, then press Enter and Ctrl-D.\n");
    }
    let mut bytes = Vec::new();
    input.lock().take(MAX_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT {
        bytes.truncate(usize::try_from(MAX_INPUT).unwrap_or(usize::MAX));
        tell(&format!("ehlo: the text is long; only its first {} KiB were read\n", MAX_INPUT / 1024));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The command line, so that an error text that begins with a hyphen is not taken for an option: behind `explain`, what
/// begins with one and contains a blank is put last, behind `--`.
pub fn spelt_out(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut all: Vec<OsString> = arguments.collect();
    if all.get(1).is_none_or(|command| command != "explain") || all.iter().any(|argument| argument == "--") {
        return all;
    }
    let is_text = |argument: &OsString| {
        let argument = argument.to_string_lossy();
        let option = ["--host=", "--port=", "--tls="].iter().any(|option| argument.starts_with(option));
        argument.starts_with('-') && argument.contains(char::is_whitespace) && !option
    };
    let (texts, mut rest): (Vec<_>, Vec<_>) = all.drain(..).partition(is_text);
    if !texts.is_empty() {
        rest.push("--".into());
        rest.extend(texts);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(arguments: &[&str]) -> Vec<String> {
        let all = spelt_out(arguments.iter().map(OsString::from));
        all.into_iter().map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn an_error_that_begins_with_a_hyphen_is_a_text() {
        assert_eq!(
            spelt(&["ehlo", "explain", "- Connection refused", "--json"]),
            ["ehlo", "explain", "--json", "--", "- Connection refused"]
        );
        assert_eq!(spelt(&["ehlo", "explain", "--host=a b", "x"]), ["ehlo", "explain", "--host=a b", "x"]);
        assert_eq!(spelt(&["ehlo", "check", "-4 5"]), ["ehlo", "check", "-4 5"]);
    }
}
