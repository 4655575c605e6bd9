//! The transcript as list, ladder and bars of time: one place and one selection for all of them, and nothing that a
//! server sends breaks the drawing.

use super::*;
use crate::tui::phases::{groups, place};
use crate::tui::state::{Cursor, Pane, Reading};

const SIZE: (u16, u16) = (80, 24);

fn over() -> Ui {
    walk(SIZE, journal("587-filtered"))
}

#[test]
fn the_keys_turn_to_a_view_and_back_to_the_list() {
    for (names, reading) in [
        ("", Reading::List),
        ("l", Reading::Ladder),
        ("l l", Reading::List),
        ("t", Reading::Timing),
        ("t t", Reading::List),
        ("l t", Reading::Timing),
        ("t l", Reading::Ladder),
    ] {
        let mut ui = over();
        keys(&mut ui, names);
        assert_eq!(ui.reading, reading, "{names}");
    }
    let mut ui = walk((60, 20), journal("healthy"));
    ui.pane = Pane::Meaning;
    keys(&mut ui, "l");
    assert_eq!(ui.pane, Pane::Transcript, "where one pane is shown, it is the one that was asked for");
}

#[test]
fn the_selected_line_stays_selected_visible_and_explained() {
    for count in [1, 4, 12, 20] {
        let mut ui = over();
        keys(&mut ui, &"Up ".repeat(count));
        let (at, line) = ui.selected().unwrap();
        let line = line.clone();
        let explained = text(&drawn(&ui)).lines().skip_while(|row| !row.contains("What this line")).count();
        assert!(explained > 3);
        for name in ["l", "t", "l", "l"] {
            keys(&mut ui, name);
            assert_eq!(ui.cursor, Cursor::Line(at), "{name}");
            let shown = text(&drawn(&ui));
            assert!(shown.contains("What this line means"), "{shown}");
            let pointed = shown.lines().find(|row| row.starts_with('▸')).unwrap_or_default();
            match ui.reading {
                Reading::Timing => {
                    let (group, bar) = place(&ui.timing, at, &line).unwrap();
                    let name = ui.timing[group].bars[bar].phase.name();
                    assert!(pointed.contains(name), "{name}: {shown}");
                }
                _ => {
                    let words: String = line.text.chars().take(12).collect();
                    assert!(pointed.contains(&words), "{words}: {shown}");
                }
            }
        }
    }
}

#[test]
fn movement_in_the_bars_goes_from_phase_to_phase() {
    let mut ui = over();
    let bars: Vec<usize> =
        groups(&ui.session).iter().flat_map(|group| group.bars.iter().map(|bar| bar.lines.0)).collect();
    keys(&mut ui, "t Down");
    assert_eq!(ui.cursor, Cursor::Line(bars[0]));
    keys(&mut ui, "Down Down");
    assert_eq!(ui.cursor, Cursor::Line(bars[2]));
    keys(&mut ui, "Up");
    assert_eq!(ui.cursor, Cursor::Line(bars[1]));
    keys(&mut ui, "End");
    assert_eq!(ui.cursor, Cursor::Line(*bars.last().unwrap()));
    keys(&mut ui, "Down");
    assert_eq!(ui.cursor, Cursor::Line(*bars.last().unwrap()), "there is nothing below the last");
    keys(&mut ui, "Home");
    assert_eq!(ui.cursor, Cursor::Line(bars[0]));
}

#[test]
fn the_bars_grow_with_the_run() {
    let is_sent = |kind: &EventKind| matches!(kind, EventKind::Sent { .. });
    let mut ui = walk(SIZE, until(journal("healthy"), 1, is_sent));
    keys(&mut ui, "t");
    assert!(!text(&drawn(&ui)).contains("EHLO in TLS  "));
    let count = until(journal("healthy"), 1, is_sent).len();
    update(&mut ui, Msg::Heard(journal("healthy").split_off(count)));
    let phases: Vec<&str> =
        ui.timing.iter().flat_map(|group| &group.bars).map(|bar| bar.phase.name()).collect();
    assert!(phases.contains(&"EHLO in TLS"), "{phases:?}");
}

#[test]
fn what_is_under_way_grows_up_to_now() {
    let connecting = |kind: &EventKind| matches!(kind, EventKind::ConnectStarted { .. });
    let mut ui = walk(SIZE, until(journal("587-filtered"), 1, connecting));
    keys(&mut ui, "t");
    assert!(text(&drawn(&ui)).contains("under way"));
    update(&mut ui, Msg::Tick(std::time::Duration::from_millis(2_300)));
    let shown = text(&drawn(&ui));
    assert!(shown.contains("2.3 s"), "{shown}");
}

#[test]
fn a_server_cannot_break_the_lifelines() {
    let greeting =
        "220 \u{1b}[2J漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字\u{202e}é\u{301}\r\n";
    let mut events = until(journal("healthy"), 1, |kind| matches!(kind, EventKind::ConnectionChosen { .. }));
    let last = events.last().unwrap().clone();
    events.push(Event {
        kind: EventKind::Received { bytes: greeting.as_bytes().into(), encrypted: false },
        ..last
    });
    for size in [(80, 24), (120, 40), (60, 20), (40, 10)] {
        let mut ui = walk(size, events.clone());
        for name in ["l", "t"] {
            keys(&mut ui, name);
            let buffer = drawn(&ui);
            let harmless = |c: char| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c);
            assert!(buffer.content.iter().all(|cell| cell.symbol().chars().all(harmless)), "{size:?} {name}");
        }
        keys(&mut ui, "l");
        let shown = text(&drawn(&ui));
        let row =
            shown.lines().find(|row| row.contains("220 ")).unwrap_or_else(|| panic!("{size:?}: {shown}"));
        // Both lifelines stand where they stand in every other row.
        let walls = |row: &str| -> Vec<usize> {
            row.char_indices().filter(|(_, c)| *c == '│').map(|(at, _)| row[..at].width()).collect()
        };
        let other = shown.lines().find(|row| row.contains("connected in")).unwrap();
        assert_eq!(walls(row), walls(other), "{size:?}: {shown}");
    }
}

#[test]
fn a_hundred_thousand_lines_are_one_bar_and_few_rows() {
    let mut ui = walk(SIZE, endless(100_000));
    keys(&mut ui, "l");
    assert!(text(&drawn(&ui)).contains("220-line 99999"));
    keys(&mut ui, "t");
    assert!(ui.timing.iter().map(|group| group.bars.len()).sum::<usize>() < 10);
    assert!(text(&drawn(&ui)).contains("greeting"));
}

#[test]
fn the_bars_of_several_hosts_are_told_apart() {
    let mut ui = walk(SIZE, journal("relay-blocked"));
    keys(&mut ui, "t");
    let shown = text(&drawn(&ui));
    for host in ["mx1", "mx2"] {
        assert!(shown.contains(&format!("25 with STARTTLS at {host}.example.org: filtered")), "{shown}");
    }
    let mut ui = over();
    keys(&mut ui, "t");
    assert!(text(&drawn(&ui)).contains("587 with STARTTLS: filtered"), "one host needs no name");
}

#[test]
fn what_follows_from_a_cause_stands_beneath_it_in_a_step_as_well() {
    let ui = walk((120, 60), journal("relay-blocked"));
    let shown = text(&drawn(&ui)).split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, found) = shown.split_once("What was found").unwrap();
    assert_eq!(found.matches("Mail ports are blocked on the way out").count(), 1, "{found}");
    let (cause, after) = found.split_once("It follows: The mail server mx2.example.org").unwrap();
    assert!(cause.contains("Fix: Ask the company that hosts this machine"), "{found}");
    assert!(after.contains("It follows: Port 25 of mx2.example.org is filtered"), "{found}");
    assert!(!found.contains("mx1.example.org"), "that is of another step: {found}");
}

#[test]
fn the_way_to_the_next_match_is_named_while_there_are_matches() {
    let footer = |ui: &Ui| text(&drawn(ui)).trim_end().lines().last().unwrap().to_owned();
    let mut ui = over();
    assert!(!footer(&ui).contains("n match"));
    keys(&mut ui, "/ \"250\" Enter");
    assert!(footer(&ui).contains("n match"), "{}", footer(&ui));
    keys(&mut ui, "Esc");
    assert!(!footer(&ui).contains("n match"));
}
