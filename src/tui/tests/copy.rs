//! What is sent to the terminal's clipboard: nothing that a terminal obeys, nothing hidden, nothing secret.

use super::*;
use crate::wire::bytes::Bytes;
use crate::wire::printable::is_hidden;

/// Moves a cursor, sets the clipboard and a title, turns the writing, hides letters, ends a line.
const OBEYED: &str =
    "\x1b[2J\x1b]52;c;cm0gLXJm\x07\x1b]0;title\x1b\\\u{9b}31m\u{202e}\u{200b}\u{e0041}\x08\r\x7f\u{2028}";

fn copied(ui: &mut Ui, names: &str) -> Option<String> {
    keys(ui, names).into_iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text),
        _ => None,
    })
}

/// All that a server says in a walk has this behind its first code.
fn hostile(name: &str) -> Vec<Event> {
    let mut events = journal(name);
    for event in &mut events {
        if let EventKind::Received { bytes, .. } = &mut event.kind {
            let said = String::from_utf8_lossy(&bytes.0).into_owned();
            let (code, rest) = said.split_at(4);
            *bytes = Bytes(format!("{code}{OBEYED}{rest}").into_bytes());
        }
    }
    events
}

#[track_caller]
fn is_harmless(text: &str) {
    assert!(!text.contains(|c| c != '\n' && is_hidden(c)), "{text:?}");
    assert!(text.len() <= 3_000);
}

#[test]
fn nothing_that_a_terminal_obeys_is_copied() {
    for name in ["healthy", "587-filtered", "wrong-mode-465", "cert-expired", "all-blocked"] {
        let mut ui = walk((80, 24), hostile(name));
        let lines: Vec<String> = (0..60).filter_map(|_| copied(&mut ui, "Up y")).collect();
        assert_eq!(lines.len(), 60, "{name}");
        lines.iter().for_each(|line| is_harmless(line));
        let quotes = lines.iter().any(|line| line.contains("<1b>[2J") && line.contains("<u+202e>"));
        assert!(quotes || name == "all-blocked", "{name}: the hostile lines are among them: {lines:#?}");

        let mut ui = walk((80, 24), hostile(name));
        is_harmless(&copied(&mut ui, "v y").unwrap());
        for _ in 0..ui.session.findings().len() {
            is_harmless(&copied(&mut ui, "Tab y").unwrap());
            assert!(ui.finding.is_some());
        }
    }
}

#[test]
fn no_word_of_a_pasted_message_is_copied() {
    let mut ui = start((80, 24));
    keys(&mut ui, "BackTab Enter");
    let message = format!("smtp.example.com said: 535 5.7.8 {OBEYED} password hunter2isnotsafe rejected");
    update(&mut ui, Msg::Paste(message));
    keys(&mut ui, "Enter");
    assert_eq!(ui.screen, Screen::Causes);
    let call = copied(&mut ui, "y").unwrap();
    assert!(call.starts_with("ehlo check ") && !call.contains("hunter"), "{call}");
    is_harmless(&call);
    // Who pastes into the field of the host has it quoted for a shell.
    keys(&mut ui, "Tab Ctrl-u");
    update(&mut ui, Msg::Paste(format!("a.example.net; reboot {OBEYED} $(reboot)")));
    keys(&mut ui, "Tab Tab Tab");
    let call = copied(&mut ui, "y").unwrap();
    is_harmless(&call);
    assert!(!call.contains("reboot") || call.contains("'a.example.net; reboot"), "{call}");
}

#[test]
fn a_password_typed_in_is_in_nothing_that_is_copied() {
    let events = journal("healthy");
    let works = events.iter().rposition(|event| matches!(event.kind, EventKind::ProbeEnded { .. })).unwrap();
    let mut ui = walk((80, 24), events[..=works].to_vec());
    keys(&mut ui, "Down Enter \"ann@example.com\" Enter");
    assert_eq!(copied(&mut ui, "\"hunter2isnotsafe\" y"), None, "a letter of the password");
    keys(&mut ui, "Enter");
    update(&mut ui, Msg::Heard(events[works + 1..].to_vec()));
    let all: String = (0..60).filter_map(|_| copied(&mut ui, "Up y")).collect();
    assert!(!all.is_empty() && !all.contains("hunter"), "{all}");
}
