use super::Chord::Char;
use super::Place::{Message, Setting, Start, Walk};
use super::*;

fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
    KeyEvent::new(code, modifiers)
}

#[test]
fn a_key_that_two_rows_share_is_decided_by_what_is_allowed() {
    let enter = press(KeyCode::Enter, KeyModifiers::NONE);
    assert_eq!(action(Walk, &enter, &|a| a == Action::ShowVerdict), Some(Action::ShowVerdict));
    assert_eq!(action(Walk, &enter, &|a| a == Action::Next), Some(Action::Next));
    assert_eq!(action(Walk, &enter, &|_| false), None);
}

#[test]
fn modifiers_and_releases_count() {
    let all = |_| true;
    let c = |modifiers| press(KeyCode::Char('c'), modifiers);
    assert_eq!(action(Walk, &c(KeyModifiers::CONTROL), &all), Some(Action::QuitNow));
    assert_eq!(action(Walk, &c(KeyModifiers::NONE), &all), Some(Action::Case));
    assert_eq!(action(Walk, &press(KeyCode::Char('G'), KeyModifiers::SHIFT), &all), Some(Action::Last));
    let mut release = press(KeyCode::Char('q'), KeyModifiers::NONE);
    release.kind = KeyEventKind::Release;
    assert_eq!(action(Walk, &release, &all), None);
}

#[test]
fn every_row_is_complete_and_its_keys_are_named() {
    for row in TABLE {
        assert!(!row.chords.is_empty() && !row.places.is_empty(), "{row:?}");
        assert!(row.long.ends_with('.') && row.plain.is_ascii(), "{row:?}");
        assert_eq!(row.rank == 0, row.short.is_empty(), "{row:?}");
        for chord in row.chords {
            if let Char(c) = chord {
                let hidden = *c == ' ' || (*c == 'q' && row.action == Action::Close);
                assert!(hidden || row.shown.contains(*c), "{row:?}");
            }
        }
    }
}

/// Two rows of one place may share a key only where they exclude each other, as these do.
#[test]
fn no_other_keys_are_shared() {
    let exclusive = [
        (Action::Next, Action::Present),
        (Action::Next, Action::ShowVerdict),
        (Action::Present, Action::ShowVerdict),
        (Action::RunOn, Action::Pause),
        (Action::Stop, Action::LetGo),
    ];
    for place in EVERYWHERE {
        let rows: Vec<&Binding> = at(*place).collect();
        for (i, a) in rows.iter().enumerate() {
            for b in &rows[i + 1..] {
                let shared = a.chords.iter().any(|chord| b.chords.contains(chord));
                assert!(!shared || exclusive.contains(&(a.action, b.action)), "{a:?} {b:?}");
            }
        }
    }
}

#[test]
fn letters_are_text_on_the_start_screen() {
    for row in [Start, Message, Setting].into_iter().flat_map(at) {
        for chord in row.chords {
            assert!(!matches!(chord, Char(c) if c.is_alphanumeric()), "{row:?}");
        }
    }
}

#[test]
fn the_table_for_the_readme() {
    insta::assert_snapshot!(markdown());
}
