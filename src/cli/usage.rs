//! Mistakes on the command line, and what was meant: what is said besides the parser's own words. Knows no mail.

use std::ffi::OsString;

use crate::target::meant;

const COMMANDS: [&str; 7] = ["check", "lab", "explain", "replay", "completions", "man", "help"];

/// Options that only `ehlo check` has.
const OF_CHECK: [&str; 5] = ["--json", "--markdown", "--events", "--transcript", "--settings"];

/// The command line, so that a host that begins with a hyphen is a target and no option: behind `check` it is put last,
/// behind `--`. What is wrong with it is then said in the report.
pub fn spelt_out(mut all: Vec<OsString>) -> Vec<OsString> {
    if all.get(1).is_none_or(|command| command != "check") || all.iter().any(|argument| argument == "--") {
        return all;
    }
    let is_host = |argument: &OsString| {
        let argument = argument.to_string_lossy();
        let name = argument.strip_prefix('-').is_some_and(|name| name.starts_with(char::is_alphabetic));
        name && argument.contains('.')
    };
    if let Some(at) = all.iter().position(is_host) {
        let host = all.remove(at);
        all.extend(["--".into(), host]);
    }
    all
}

/// What was probably meant, where the parser could not know.
pub fn hint(arguments: &[OsString]) -> Option<String> {
    let words: Vec<String> =
        arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let (command, rest) = match words.split_first() {
        Some((first, rest)) if first == "check" => ("ehlo check", rest),
        Some((first, _)) if COMMANDS.contains(&first.as_str()) => return None,
        _ => ("ehlo", words.as_slice()),
    };
    let target = rest.iter().find(|word| !word.starts_with('-'))?;
    if command == "ehlo" {
        let only = |word: &&String| OF_CHECK.contains(&word.split('=').next().unwrap_or_default());
        if let Some(option) = rest.iter().find(only) {
            return Some(format!("{option} belongs to ehlo check: ehlo check {target} {option}"));
        }
    }
    let next = rest.iter().skip_while(|word| *word != target).nth(1).filter(|word| !word.starts_with('-'))?;
    if next.parse::<u16>().is_ok() {
        return Some(format!("a port is written behind a colon: {command} {target}:{next}"));
    }
    if command == "ehlo"
        && let Some(meant) = meant(target, COMMANDS)
    {
        return Some(format!("'{target}' is no command; ehlo {meant} is one"));
    }
    Some("one target is asked about at a time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_was_meant_is_said() {
        for (typed, says) in [
            ("ehlo smtp.example.com --json", "ehlo check smtp.example.com --json"),
            ("ehlo --markdown smtp.example.com", "ehlo check smtp.example.com --markdown"),
            ("ehlo smtp.example.com 587", "ehlo smtp.example.com:587"),
            ("ehlo check smtp.example.com 465", "ehlo check smtp.example.com:465"),
            ("ehlo chek smtp.example.com", "ehlo check is one"),
            ("ehlo check a.example b.example", "one target"),
        ] {
            assert!(
                hint(&of(typed)).is_some_and(|hint| hint.contains(says)),
                "{typed}: {:?}",
                hint(&of(typed))
            );
        }
        for plain in ["ehlo", "ehlo --jsn", "ehlo check --jsn h", "ehlo replay a 5", "ehlo lab lst"] {
            assert_eq!(hint(&of(plain)), None, "{plain}");
        }
    }

    #[test]
    fn a_host_that_begins_with_a_hyphen_is_a_target() {
        let line = |typed: &str| spelt_out(of(typed));
        assert_eq!(line("ehlo check -smtp.example.com --json"), of("ehlo check --json -- -smtp.example.com"));
        for plain in ["ehlo check --jsn.x h", "ehlo check h --max-time -0.5", "ehlo check -4 h", "ehlo -a.b"]
        {
            assert_eq!(line(plain), of(plain), "{plain}");
        }
    }
}
