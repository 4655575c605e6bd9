//! The question whether to sign in, and the form: what is typed as password is on no screen and in no state.

use super::*;
use crate::order::Order;
use crate::tui::state::{Overlay, Stage};

const SECRET: &str = "hunter2isnotsafe";

/// 587 works and the walk asks.
fn asked(size: (u16, u16)) -> Ui {
    let events = journal("healthy");
    let works = events.iter().rposition(|event| matches!(event.kind, EventKind::ProbeEnded { .. })).unwrap();
    walk(size, events[..=works].to_vec())
}

fn orders(effects: &[Effect]) -> Vec<&Order> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Order(order) => Some(order),
            _ => None,
        })
        .collect()
}

#[test]
fn the_question_comes_when_a_route_works_and_no_is_the_default() {
    let mut ui = asked((80, 24));
    let waits = Stage::Asking { question: "sign-in-now".into(), default: "no".into() };
    assert_eq!(ui.stage, waits);
    let effects = keys(&mut ui, "Enter");
    let no = Order::Answer { question: "sign-in-now".into(), answer: "no".into() };
    assert_eq!(orders(&effects), [&no]);
}

#[test]
fn what_is_typed_goes_into_the_order_and_nowhere_else() {
    let mut ui = asked((80, 24));
    assert!(keys(&mut ui, "Down Enter").is_empty(), "the form opens, nothing is ordered");
    assert!(matches!(ui.overlay, Overlay::SignIn(_)));
    assert!(keys(&mut ui, &format!("\"ann@example.com\" Enter \"{SECRET}\"")).is_empty());
    let screen = text(&drawn(&ui));
    assert!(screen.contains("ann@example.com") && screen.contains(&"•".repeat(SECRET.len())), "{screen}");
    assert!(!screen.contains("hunter") && !format!("{ui:?}").contains("hunter"));
    let effects = keys(&mut ui, "Enter");
    let [Order::SignIn(credentials)] = orders(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((credentials.user.as_str(), credentials.secret.expose()), ("ann@example.com", SECRET));
    assert!(!format!("{effects:?}").contains("hunter"));
    assert!(matches!(ui.overlay, Overlay::None));
}

#[test]
fn escape_leads_back_to_the_question_and_letters_are_text() {
    let mut ui = asked((80, 24));
    keys(&mut ui, "Down Enter \"quit?\" Tab \"q\"");
    assert!(matches!(ui.overlay, Overlay::SignIn(_)), "q is a letter here");
    assert!(keys(&mut ui, "Esc").is_empty());
    assert!(matches!(ui.overlay, Overlay::Question(1)));
    keys(&mut ui, "Enter");
    assert!(!text(&drawn(&ui)).contains("quit?"), "the form begins anew");
    let effects = keys(&mut ui, "Ctrl-c");
    assert!(matches!(effects.last(), Some(Effect::Quit(_))), "Ctrl-C leaves from here too");
}

#[test]
fn a_pasted_password_is_taken_without_its_line_end() {
    let mut ui = asked((80, 24));
    keys(&mut ui, "Down Enter \"ann\" Enter");
    update(&mut ui, Msg::Paste(format!("{SECRET}\r\n")));
    let effects = keys(&mut ui, "Enter");
    let [Order::SignIn(credentials)] = orders(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(credentials.secret.expose(), SECRET);
}

#[test]
fn screens_of_the_sign_in() {
    let mut ui = asked((80, 24));
    insta::assert_snapshot!("sign_in_question@80x24", text(&drawn(&ui)));
    keys(&mut ui, "Down Enter \"ann@example.com\" Enter \"12345678\"");
    insta::assert_snapshot!("sign_in_form@80x24", text(&drawn(&ui)));
    for size in [(40, 10), (60, 20), (120, 40)] {
        update(&mut ui, Msg::Resize(size.0, size.1));
        assert!(!text(&drawn(&ui)).contains("12345678"));
    }
    let mut ascii = asked((40, 12));
    ascii.theme = Theme::new(false, false);
    keys(&mut ascii, "Down Enter \"ann@example.com\" Enter \"12345678\"");
    insta::assert_snapshot!("sign_in_form@plain", text(&drawn(&ascii)));
}
