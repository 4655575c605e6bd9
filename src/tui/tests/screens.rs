//! Whole screens, at real sizes.

use super::*;
use crate::event::Side;
use crate::tui::theme::Role;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (60, 20)];

/// Every kind of screen.
fn screens(size: (u16, u16)) -> Vec<(&'static str, Ui)> {
    let mut all = Vec::new();
    let mut add = |name: &'static str, mut ui: Ui, names: &str| {
        keys(&mut ui, names);
        all.push((name, ui));
    };
    let filtered = || journal("587-filtered");
    let certificate = |kind: &EventKind| matches!(kind, EventKind::TlsBytes { from: Side::Server, .. });
    let amid = until(filtered(), 1, |kind| matches!(kind, EventKind::Sent { .. }));
    let asked = until(journal("all-blocked"), 3, |kind| matches!(kind, EventKind::ProbeEnded { .. }));
    add("start", start(size), "");
    add("start_complaint", start(size), "\"smtps://mail.example.com\" Tab Enter");
    add("lab", lab(size), "Down");
    add("lab_solved", lab(size), "");
    add("lab_filter", lab(size), "/ \"hard\"");
    let first = || until(filtered(), 1, entered("route-587-starttls"));
    let mut second = quizzed(size, first());
    keys(&mut second, "Esc Enter Down Enter");
    update(
        &mut second,
        Msg::Heard(until(filtered(), 1, entered("route-465-implicit")).split_off(first().len())),
    );
    add("case_story", quizzed(size, first()), "");
    add("predict", quizzed(size, first()), "Esc Enter Down Down");
    add("predict_came", second, "");
    add("case_score", super::lab::ended(size), "Enter");
    add("walk_first_plan", walk(size, until(filtered(), 1, entered("host"))), "");
    add("walk_next_plan", walk(size, until(filtered(), 1, entered("route-465-implicit"))), "");
    add(
        "walk_connecting",
        walk(size, until(filtered(), 1, |k| matches!(k, EventKind::ConnectStarted { .. }))),
        "",
    );
    add("walk_handshake", walk(size, until(filtered(), 1, certificate)), "");
    add("walk_amid_tls", walk(size, amid.clone()), "");
    add("walk_line", walk(size, filtered()), "Up Up Up");
    add("walk_back", walk(size, filtered()), "b b");
    add("walk_search", walk(size, filtered()), "/ \"ehlo\"");
    add("ladder", walk(size, filtered()), "l Home");
    add("ladder_line", walk(size, filtered()), "l Up Up Up Up Up");
    add("ladder_starttls", walk(size, journal("healthy")), "/ \"STARTTLS\" Enter n n l");
    add("timing", walk(size, filtered()), "t");
    add("timing_line", walk(size, filtered()), "Up Up Up t");
    add("timing_healthy", walk(size, journal("healthy")), "t Down Down");
    add("walk_over", walk(size, filtered()), "");
    add(
        "walk_wrong_mode",
        walk(size, until(journal("wrong-mode-465"), 1, entered("route-465-starttls"))),
        "",
    );
    add("walk_meaning_pane", walk(size, amid.clone()), "Tab");
    add("walk_path_pane", walk(size, amid), "BackTab");
    add("question", walk(size, asked), "");
    add("verdict_ready", walk(size, filtered()), "Enter");
    add("verdict_ready_end", walk(size, filtered()), "Enter End");
    add("verdict_blocked", walk(size, journal("all-blocked")), "Enter");
    add("verdict_after_fix", walk(size, journal("cert-expired")), "Enter Tab");
    add("help", walk(size, filtered()), "?");
    add("why", walk(size, filtered()), "w");
    all
}

#[test]
fn every_screen_at_its_sizes() {
    for (width, height) in SIZES {
        for (name, ui) in screens((width, height)) {
            insta::with_settings!({ snapshot_suffix => format!("{width}x{height}"), omit_expression => true }, {
                insta::assert_snapshot!(name, text(&drawn(&ui)));
            });
        }
    }
}

#[test]
fn where_nothing_fits_a_sentence_says_so() {
    for size in [(38, 9), (20, 6)] {
        let shown = text(&drawn(&walk(size, journal("healthy"))));
        let words: Vec<&str> = shown.split_whitespace().collect();
        assert!(
            words.join(" ").starts_with("ehlo needs 40 columns and 10 rows; make the window larger"),
            "{shown}"
        );
    }
    drawn(&walk((1, 1), journal("healthy")));
}

#[test]
fn plain_terminals_get_the_same_screens() {
    for (name, mut ui) in screens((80, 24)) {
        ui.theme = Theme::new(false, false);
        let buffer = drawn(&ui);
        for cell in &buffer.content {
            assert!(cell.symbol().is_ascii(), "{name}: {}", cell.symbol());
            assert_eq!((cell.fg, cell.bg), Default::default(), "{name}");
        }
        insta::with_settings!({ snapshot_suffix => "plain", omit_expression => true }, {
            insta::assert_snapshot!(name, text(&buffer));
        });
    }
}

/// Every size there is, on every screen: nothing panics, and all is ASCII where it must be.
#[test]
fn no_size_breaks_a_screen() {
    for width in [1, 3, 39, 40, 41, 63, 64, 79, 109, 110, 133, 250] {
        for height in [1, 2, 9, 10, 11, 17, 18, 23, 24, 25, 60] {
            for (name, mut ui) in screens((width, height)) {
                ui.theme = Theme::new(true, false);
                let buffer = drawn(&ui);
                assert!(buffer.content.iter().all(|c| c.symbol().is_ascii()), "{name} {width}x{height}");
            }
        }
    }
}

/// Styles of two key screens, and what their roles are worth.
#[test]
fn styles_are_pinned() {
    let ui = walk((80, 24), until(journal("587-filtered"), 1, entered("route-465-implicit")));
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("styles_walk", styles(&drawn(&ui)));
    });
    let mut ui = walk((80, 24), journal("587-filtered"));
    keys(&mut ui, "Enter");
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("styles_verdict", styles(&drawn(&ui)));
    });
}

/// Text with styles, as runs: `[red,bold:text]`.
fn styles(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut before = None;
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = format!("{}{:?}", cell.fg, cell.modifier).replace("ResetNONE", "");
            let style = style.replace("Modifier", "").replace("Reset", "").replace("NONE", "");
            if before.as_ref() != Some(&style) {
                out.push_str(&format!("[{style}]"));
                before = Some(style);
            }
            out.push_str(cell.symbol());
        }
        out = out.trim_end().to_owned();
        out.push('\n');
    }
    out
}

#[test]
fn a_state_never_hangs_on_colour_alone() {
    let theme = Theme::new(true, true);
    let marks =
        [theme.glyphs.good, theme.glyphs.bad, theme.glyphs.current, theme.glyphs.ahead, theme.glyphs.skipped];
    for (at, mark) in marks.iter().enumerate() {
        assert!(!marks[at + 1..].contains(mark), "{mark}");
    }
    assert_ne!(theme.style(Role::Good), theme.style(Role::Bad));
}

#[test]
fn a_hostile_server_cannot_write_on_the_screen() {
    let mut events = until(journal("healthy"), 1, |kind| matches!(kind, EventKind::ConnectionChosen { .. }));
    let last = events.last().unwrap().clone();
    let bytes = "220 \u{1b}[2J\u{1b}]52;c;aGk=\u{7} \u{202e}hi\r\n";
    let kind = EventKind::Received { bytes: bytes.as_bytes().into(), encrypted: false };
    events.push(Event { kind, ..last });
    let mut ui = walk((120, 40), events);
    keys(&mut ui, "Up");
    for cell in &drawn(&ui).content {
        let harmless = |c: char| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c);
        assert!(cell.symbol().chars().all(harmless), "{:?}", cell.symbol());
    }
}

#[test]
fn of_a_hundred_thousand_lines_only_those_on_screen_are_drawn() {
    let mut ui = walk((80, 24), endless(100_000));
    assert!(ui.lines().len() >= 100_000);
    assert!(text(&drawn(&ui)).contains("220-line 99999"));
    keys(&mut ui, "Home Down");
    let shown = text(&drawn(&ui));
    assert!(shown.contains("line 1 of"), "{shown}");
    keys(&mut ui, "/ \"line_77777\" Esc / \"77777\" Enter");
    assert!(text(&drawn(&ui)).contains("match 1 of 1"), "{}", text(&drawn(&ui)));
}

/// Where the panes are tabs, the key that changes them stands beside their names, even on the smallest screen.
#[test]
fn the_smallest_screen_names_the_key_for_its_panes() {
    for size in [(40, 10), (60, 20)] {
        let shown = text(&drawn(&walk(size, journal("587-filtered"))));
        assert!(shown.lines().nth(1).unwrap().ends_with("Tab next"), "{shown}");
    }
}

/// What no footer has room for stands in the help, from wherever it is opened.
#[test]
fn the_help_names_every_key_of_every_place() {
    let mut ui = walk((80, 1_000), journal("587-filtered"));
    keys(&mut ui, "?");
    let help = text(&drawn(&ui)).replace(['│', '\n'], " ");
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for row in crate::tui::keys::TABLE {
        assert!(help.contains(row.long), "{row:?}");
    }
    assert!(help.contains("In the list of the lab") && help.contains("On a page like this"), "{help}");
}

/// The keys that end what one is in stand on every screen, however narrow.
#[test]
fn the_smallest_screens_name_the_way_on_and_out() {
    for size in [(40, 10), (60, 20)] {
        for (name, ui) in screens(size) {
            let shown = text(&drawn(&ui));
            let footer = shown.trim_end().lines().last().unwrap();
            let out =
                ["q quit", "Enter go on", "Esc close", "Esc cancel", "Esc quit", "Esc clear", "Esc back"];
            assert!(out.iter().any(|out| footer.contains(out)), "{name}: {shown}");
        }
    }
}

#[test]
fn a_long_search_shows_its_end_and_the_cursor() {
    let mut ui = walk((40, 10), journal("587-filtered"));
    keys(&mut ui, &format!("/ \"{}END\"", "x".repeat(60)));
    let shown = text(&drawn(&ui));
    assert!(shown.trim_end().ends_with("xEND"), "{shown}");
    keys(&mut ui, "Home");
    assert!(text(&drawn(&ui)).trim_end().ends_with("xxx"), "the beginning, where the cursor is");
}
