//! An error message, pasted into a real terminal and walked.

use crate::pty::{Pty, key, steady};
use crate::{EHLO, NORMAL};

const SILENT: &str = "2026-11-25T09:12:44Z ERROR worker: cannot send mail\n\
                      Error: Connection timeout\n    at SMTPConnection._formatError (smtp-connection/index.js:790:19)\n\
                      code: 'ETIMEDOUT', command: 'CONN', port: 587, secure: false";

/// The pane, opened from the start screen.
fn pane(variables: &[(&str, &str)]) -> Pty {
    let mut pty = Pty::start(&[EHLO, "--no-quiz"], NORMAL, variables);
    pty.shows("I have an error message");
    pty.press(key::BACK_TAB);
    pty.shows("may stay empty");
    pty.press(key::ENTER);
    pty.shows("nothing yet");
    pty
}

#[test]
fn a_pasted_message_leads_through_its_causes_to_a_verdict_that_judges_them() {
    let mut pty = pane(&[]);
    pty.paste(SILENT);
    let pasted = pty.shows("Enter read it");
    assert!(pasted.contains("4 lines") && pasted.contains("code: 'ETIMEDOUT'"), "{pasted}");
    pty.press(key::ENTER);
    let causes = pty.shows("What it can mean");
    assert!(causes.contains("1 Something on the way drops the connection to this port"), "{causes}");
    // The host is in no line of it.
    pty.press("lab:587-filtered");
    pty.shows("Host  lab:587-filtered");
    insta::assert_snapshot!("message-causes", steady(&pty.screen()));
    pty.press(key::ENTER);
    let plan = pty.shows("Next: 587 STARTTLS");
    assert!(plan.contains("From the message: something on the way drops"), "{plan}");
    assert!(plan.contains("✓ Host"), "the way to the step was walked: {plan}");
    pty.press("a");
    let verdict = pty.shows("Why ──");
    assert!(verdict.contains("Use port 465 with implicit TLS"), "{verdict}");
    assert!(verdict.contains("Supposed: something on the way drops the connection"), "{verdict}");
    assert!(verdict.contains("Confirmed. "), "{verdict}");
    insta::assert_snapshot!("message-verdict", steady(&verdict));
    pty.press("q");
    let (status, left) = pty.ends();
    assert_eq!(status.exit_code(), 0);
    assert!(left.contains("Use port 465 with implicit TLS"), "{left}");
}

#[test]
fn where_pastes_are_not_marked_lines_come_as_keys_and_ctrl_d_ends_them() {
    let mut pty = pane(&[("NO_COLOR", "1"), ("LANG", "C")]);
    pty.press(&SILENT.replace('\n', "\r"));
    let typed = pty.shows("secure: false");
    assert!(typed.contains("4 lines") && typed.contains("Ctrl-D read it"), "{typed}");
    pty.press(key::ENTER);
    pty.press(key::CTRL_D);
    let causes = pty.shows("What it can mean");
    assert!(causes.is_ascii(), "{causes}");
    assert!(causes.contains("1 Something on the way drops"), "{causes}");
    // From the setting to the causes, to the text, to the start screen, and out.
    for shows in ["Esc text", "4 lines", "may stay empty"] {
        pty.press(key::ESC);
        pty.shows(shows);
    }
    pty.press(key::ESC);
    pty.ends();
}

#[test]
fn several_lines_pasted_on_the_start_screen_open_the_pane() {
    let mut pty = Pty::start(&[EHLO, "--no-quiz"], NORMAL, &[]);
    pty.shows("I have an error message");
    pty.paste(SILENT);
    pty.shows("Enter read it");
    pty.press(key::CTRL_C);
    pty.ends();
}

#[test]
fn the_branch_of_the_walk_opens_the_pane_and_knows_the_target() {
    let mut pty = Pty::start(&[EHLO, "--no-quiz", "lab:healthy"], NORMAL, &[]);
    pty.shows("What is sending the mail?");
    pty.press("jjj");
    pty.shows("▸ There is an error message");
    pty.press(key::ENTER);
    pty.shows("▸ Paste the message");
    pty.press(key::ENTER);
    pty.shows("nothing yet");
    pty.paste("535 5.7.8 Error: authentication failed");
    pty.shows("Enter read it");
    pty.press(key::ENTER);
    pty.shows("Host  lab:healthy");
    pty.press(key::ENTER);
    // Nothing waits before the question that decides.
    pty.shows("Shall user name and password be tried?");
    pty.press("q");
    pty.ends();
}

/// At every other end [`Pty::ends`] looks that pastes are left alone again; here the end is none.
#[test]
fn a_suspended_ehlo_leaves_pastes_alone_until_it_comes_back() {
    // A shell that edits lines would ask for marked pastes itself.
    let shell = ["bash", "--norc", "--noprofile", "--noediting", "-i"];
    let mut pty = Pty::start(&shell, NORMAL, &[("PS1", "shell> ")]);
    pty.shows("shell> ");
    pty.press(&format!("{EHLO} --no-quiz\r"));
    pty.shows("I have an error message");
    pty.until("pastes are marked", vt100::Screen::bracketed_paste);
    pty.press(key::CTRL_Z);
    pty.shows("Stopped");
    pty.until("pastes are left alone", |screen| !screen.bracketed_paste());
    pty.press("fg\r");
    pty.shows("I have an error message");
    pty.until("pastes are marked", vt100::Screen::bracketed_paste);
    pty.press(key::CTRL_C);
    pty.until("pastes are left alone, and the shell waits", |screen| {
        !screen.bracketed_paste() && screen.contents().trim_end().ends_with("\nshell>")
    });
    pty.press("exit\r");
    pty.ends();
}

#[test]
fn what_is_stopped_on_the_way_waits_from_then_on() {
    let mut pty = pane(&[]);
    pty.paste("535 5.7.8 Error: authentication failed, port 587");
    pty.shows("Enter read it");
    pty.press(key::ENTER);
    pty.shows("Type the host");
    pty.press("lab:587-filtered");
    pty.shows("Host  lab:587-filtered");
    pty.press(key::ENTER);
    pty.shows("connect 192.0.2.25:587");
    pty.press(key::ESC);
    let stopped = pty.shows("Next: 465 implicit TLS");
    assert!(stopped.contains("Enter runs it"), "{stopped}");
    pty.press("q");
    pty.ends();
}
