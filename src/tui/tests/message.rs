//! An error message: pasted, read, walked.

use super::*;
use crate::order::Order;
use crate::target::{Goal, Lead};
use crate::tui::message::Field;
use crate::tui::state::{Choice, Overlay, Stage};
use crate::tui::theme::Theme;

const LOG: &str = "2026-11-25T09:12:44Z ERROR worker: cannot send mail\n\
                   Error: Invalid login: 535 5.7.8 Error: authentication failed\n\
                   \tat SMTPConnection._formatError (/srv/app/node_modules/nodemailer/lib/smtp-connection/index.js:790:19)\n\
                   \u{1b}[31mcode: 'EAUTH', host: 'smtp.example.com', port: 465, secure: true\u{1b}[0m\n";

/// The pane, empty.
fn pane(size: (u16, u16)) -> Ui {
    let mut ui = start(size);
    keys(&mut ui, "BackTab Enter");
    assert_eq!(ui.screen, Screen::Message);
    ui
}

fn paste(ui: &mut Ui, text: &str) {
    update(ui, Msg::Paste(text.to_owned()));
}

/// What it means.
fn causes(size: (u16, u16), text: &str) -> Ui {
    let mut ui = pane(size);
    paste(&mut ui, text);
    keys(&mut ui, "Enter");
    assert_eq!(ui.screen, Screen::Causes);
    ui
}

fn asked(answer: &str) -> Ui {
    let mut events = until(journal("healthy"), 1, |kind| matches!(kind, EventKind::SessionStarted(_)));
    let last = events.last().unwrap().clone();
    if !answer.is_empty() {
        let by = crate::event::AnsweredBy::User;
        let kind = EventKind::Answered { question: "sender".into(), answer: answer.into(), by };
        events.push(Event { kind, ..last });
    }
    walk((80, 24), events)
}

fn walked(text: &str) -> Ui {
    let mut ui = causes((80, 24), text);
    let [Effect::Order(Order::Begin { lead: Some(lead), .. })] = &keys(&mut ui, "Enter")[..] else {
        panic!()
    };
    let mut events = journal("cert-expired");
    let EventKind::SessionStarted(started) = &mut events[0].kind else { panic!() };
    started.lead = Some(lead.clone());
    update(&mut ui, Msg::Heard(events));
    ui
}

const EXPIRED: &str = "smtp.example.com:587 certificate verify failed: certificate has expired";

#[test]
fn screens_of_a_message() {
    for size in [(80, 24), (120, 40), (60, 20)] {
        let mut all = vec![("message_empty", pane(size)), ("causes", causes(size, LOG))];
        let mut full = pane(size);
        paste(&mut full, LOG);
        all.push(("message_pasted", full));
        let mut end = causes(size, LOG);
        keys(&mut end, "End");
        all.push(("causes_end", end));
        let mut asks = causes(size, "535 5.7.8 Error: authentication failed");
        keys(&mut asks, "Enter");
        all.push(("causes_without_a_host", asks));
        let mut mode = causes(size, LOG);
        keys(&mut mode, "Tab Tab Tab Right");
        all.push(("causes_mode", mode));
        all.push(("causes_domain", causes(size, "550 5.7.25 [192.0.2.1] does not have a PTR record")));
        all.push(("causes_nothing", causes(size, "the weather is fine")));
        all.push(("causes_page", causes(size, "535")));
        let mut chosen = start(size);
        keys(&mut chosen, "BackTab");
        all.push(("start_message", chosen));
        for (name, mut ui) in all {
            insta::with_settings!({ snapshot_suffix => format!("{}x{}", size.0, size.1), omit_expression => true }, {
                insta::assert_snapshot!(name, text(&drawn(&ui)));
            });
            if size == (80, 24) {
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
    }
}

#[test]
fn no_size_breaks_the_screens_of_a_message() {
    for width in [1, 3, 39, 40, 41, 63, 79, 109, 133, 250] {
        for height in [1, 2, 9, 10, 11, 14, 18, 24, 60] {
            let mut text = pane((80, 24));
            paste(&mut text, LOG);
            let mut asks = causes((80, 24), "535");
            keys(&mut asks, "Enter");
            for mut ui in [text, asks, causes((80, 24), LOG)] {
                ui.theme = Theme::new(true, false);
                update(&mut ui, Msg::Resize(width, height));
                let buffer = drawn(&ui);
                assert!(buffer.content.iter().all(|c| c.symbol().is_ascii()), "{width}x{height}");
                keys(&mut ui, "Down PgDn End Home Up");
            }
        }
    }
}

#[test]
fn an_enter_reads_after_a_paste_and_begins_a_line_after_typing() {
    let mut ui = pane((80, 24));
    keys(&mut ui, "\"535\" Enter \"5.7.8\" Enter Tab");
    assert_eq!((ui.screen, ui.message.as_ref().unwrap().area.text()), (Screen::Message, "535\n5.7.8\n "));
    keys(&mut ui, "Ctrl-d");
    assert_eq!(ui.screen, Screen::Causes);
    keys(&mut ui, "Esc Esc");
    paste(&mut ui, "no\r\n");
    keys(&mut ui, "x Enter");
    assert_eq!(ui.screen, Screen::Message, "it was typed on after the paste");
    paste(&mut ui, "no");
    keys(&mut ui, "Enter");
    assert_eq!(ui.screen, Screen::Causes);
}

#[test]
fn nothing_is_not_read() {
    let mut ui = pane((80, 24));
    keys(&mut ui, "Enter Enter Ctrl-d");
    assert_eq!(ui.screen, Screen::Message);
    assert!(text(&drawn(&ui)).contains("Nothing to read yet"));
}

#[test]
fn what_is_pasted_is_bounded_and_cannot_write_on_the_screen() {
    let mut ui = pane((80, 24));
    paste(&mut ui, &"535 \u{1b}[2J\u{1b}]52;c;aGk=\u{7}\u{202e}x\r\n".repeat(10_000));
    assert!(text(&drawn(&ui)).contains("64 KiB"));
    assert!(ui.message.as_ref().unwrap().area.text().len() <= 64 * 1024);
    for cell in &drawn(&ui).content {
        assert!(cell.symbol().chars().all(|c| !crate::wire::printable::is_hidden(c)), "{:?}", cell.symbol());
    }
    keys(&mut ui, "Enter");
    assert_eq!(ui.screen, Screen::Causes);
}

#[test]
fn several_lines_pasted_on_the_start_screen_are_a_message_and_a_target_is_not() {
    let mut ui = start((80, 24));
    paste(&mut ui, "smtp.example.com\n");
    assert_eq!((ui.screen, ui.form.target.value()), (Screen::Start, "smtp.example.com"));
    paste(&mut ui, LOG);
    assert_eq!((ui.screen, ui.form.target.value()), (Screen::Message, "smtp.example.com"));
    assert!(ui.message.as_ref().unwrap().area.text().starts_with("2026-11-25"));
    keys(&mut ui, "Esc");
    assert_eq!(ui.screen, Screen::Start);
    // The text is there when one comes back to it.
    keys(&mut ui, "BackTab");
    assert_eq!(ui.form.choice, Choice::Message);
    keys(&mut ui, "Enter");
    assert!(text(&drawn(&ui)).contains("535 5.7.8"));
    keys(&mut ui, "Ctrl-u");
    assert!(text(&drawn(&ui)).contains("nothing yet"));
}

#[test]
fn lines_that_come_as_keys_on_the_start_screen_go_into_the_pane() {
    let mut ui = start((80, 24));
    for line in ["Error: Invalid login: 535", "5.7.8 Error: authentication failed"] {
        for c in line.chars() {
            update(&mut ui, Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
        keys(&mut ui, "Enter");
    }
    let text = "Error: Invalid login: 535\n5.7.8 Error: authentication failed\n";
    assert_eq!((ui.screen, ui.message.as_ref().unwrap().area.text()), (Screen::Message, text));
    assert_eq!(ui.form.target.value(), "");
}

#[test]
fn a_target_that_cannot_be_one_is_complained_about_first() {
    let mut ui = start((80, 24));
    keys(&mut ui, "\"smtps://h\" BackTab Enter");
    assert_eq!(ui.screen, Screen::Start);
    assert!(ui.form.complaint.is_some());
}

#[test]
fn enter_begins_the_walk_with_what_stands_in_the_text() {
    let mut ui = causes((80, 24), LOG);
    let lead = Lead {
        start_at: "sign-in".into(),
        route: Some("465/implicit".parse().unwrap()),
        ..ui.message.as_ref().map(|m| crate::guide::lead::of(&m.reading.as_ref().unwrap().found)).unwrap()
    };
    assert_eq!(lead.causes[0], "auth-bad-credentials");
    let begin =
        Order::Begin { input: "smtp.example.com".into(), goal: Goal::Submit, lead: Some(Box::new(lead)) };
    assert_eq!(keys(&mut ui, "Enter"), [Effect::Order(begin)]);
    assert_eq!(ui.screen, Screen::Walk);
    let mut refused = causes((80, 24), LOG);
    keys(&mut refused, "Enter");
    update(&mut refused, Msg::Problem("the route 465/implicit is given twice".to_owned()));
    let shown = text(&drawn(&refused));
    assert!(refused.screen == Screen::Causes && shown.contains("is given twice"), "{shown}");
    update(
        &mut ui,
        Msg::Heard(until(journal("healthy"), 1, |kind| matches!(kind, EventKind::SessionStarted(_)))),
    );
    assert!(ui.message.is_none(), "the text is wiped once it has served");
}

#[test]
fn letters_are_text_in_a_setting_and_keys_outside() {
    let mut ui = causes((80, 24), "535 5.7.8 Error: authentication failed");
    keys(&mut ui, "\"quit.example.com\" Tab \"4x65\" Tab Right Esc");
    let reading = ui.message.as_ref().unwrap().reading.as_ref().unwrap();
    assert_eq!((reading.host.value(), reading.port.value()), ("quit.example.com", "465"));
    assert_eq!((reading.tls, reading.field), (Some(crate::target::TlsMode::Starttls), None));
    keys(&mut ui, "BackTab BackTab BackTab");
    assert_eq!(ui.message.as_ref().unwrap().reading.as_ref().unwrap().field, Some(Field::Host));
    keys(&mut ui, "Ctrl-u");
    paste(&mut ui, " mail.example.net\n");
    keys(&mut ui, "Tab Tab Tab");
    assert!(text(&drawn(&ui)).contains("Host  mail.example.net"));
    let call = "ehlo check mail.example.net --route 465/starttls --user NAME --ask-password";
    assert_eq!(keys(&mut ui, "y"), [Effect::Copy(call.into())]);
    assert_eq!(keys(&mut ui, "q").len(), 2);
}

#[test]
fn the_question_of_the_walk_opens_the_pane_and_takes_it_back() {
    let mut ui = asked("error");
    assert!(matches!(&ui.stage, Stage::Asking { question, .. } if question == "error-next"));
    assert!(matches!(ui.overlay, Overlay::Question(1)), "who has a message has come to paste it");
    assert_eq!(keys(&mut ui, "Enter"), [], "nothing is answered yet");
    assert_eq!(ui.screen, Screen::Message);
    keys(&mut ui, "Esc");
    assert!(ui.screen == Screen::Walk && matches!(ui.overlay, Overlay::Question(1)));
    keys(&mut ui, "Enter");
    paste(&mut ui, "535 5.7.8 Error: authentication failed");
    keys(&mut ui, "Enter");
    // The target of the walk is known already.
    let target = ui.session.started().unwrap().input.clone();
    let effects = keys(&mut ui, "Enter");
    assert!(
        matches!(&effects[..], [Effect::Order(Order::Begin { input, lead: Some(_), .. })] if *input == target),
        "{effects:?}"
    );
}

#[test]
fn a_message_pasted_over_the_first_question_is_read_as_one() {
    let begun: Vec<Event> = journal("587-filtered").into_iter().take(1).collect();
    let mut ui = walk((80, 24), begun.clone());
    assert!(matches!(&ui.stage, Stage::Asking { question, .. } if question == "sender"));
    paste(&mut ui, "smtp.example.com");
    assert_eq!(ui.screen, Screen::Walk, "a word is no message");
    paste(&mut ui, EXPIRED);
    assert_eq!(ui.screen, Screen::Message);
    keys(&mut ui, "Esc");
    assert!(ui.screen == Screen::Walk && matches!(ui.overlay, Overlay::Question(0)));
    paste(&mut ui, EXPIRED);
    keys(&mut ui, "Enter");
    assert!(text(&drawn(&ui)).contains("The server's certificate has expired"), "{}", text(&drawn(&ui)));
    let mut ui = walk((80, 24), begun);
    ui.can_begin = false;
    paste(&mut ui, EXPIRED);
    assert_eq!(ui.screen, Screen::Walk, "a replay begins no walk");
}

#[test]
fn the_other_answer_probes_as_before() {
    let mut ui = asked("error");
    let effects = keys(&mut ui, "Up Enter");
    let answer = Order::Answer { question: "error-next".into(), answer: "walk".into() };
    assert_eq!(effects, [Effect::Order(answer)]);
}

#[test]
fn the_supposed_cause_stands_in_the_walk_and_is_judged_at_its_end() {
    let mut ui = causes((80, 24), EXPIRED);
    let effects = keys(&mut ui, "Enter");
    let [Effect::Order(Order::Begin { lead: Some(lead), .. })] = &effects[..] else { panic!("{effects:?}") };
    let mut events = until(journal("cert-expired"), 1, entered("route-587-starttls"));
    let EventKind::SessionStarted(started) = &mut events[0].kind else { panic!() };
    started.lead = Some(lead.clone());
    update(&mut ui, Msg::Heard(events));
    let shown = text(&drawn(&ui));
    assert!(shown.contains("From the message: the server's certificate has expired."), "{shown}");
    let mut ui = walked(EXPIRED);
    keys(&mut ui, "Enter");
    let shown = text(&drawn(&ui));
    assert!(shown.contains("Supposed: the server's certificate has expired."), "{shown}");
    assert!(shown.contains("Confirmed. "), "{shown}");
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("verdict_confirmed", shown) });
    let mut ui = walked("smtp.example.com:587: 535 5.7.8 authentication failed");
    keys(&mut ui, "Enter");
    assert!(text(&drawn(&ui)).contains("Not put to the test"), "{}", text(&drawn(&ui)));
}
