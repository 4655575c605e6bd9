//! The dialogue, played line by line.

use proptest::prelude::*;

use super::*;
use crate::wire::reply::ReplyReader;

fn begin(tls: TlsMode) -> Dialogue {
    Dialogue::new(Script::new(tls, "bar.example"))
}

fn reply(text: &str) -> Reply {
    let mut reader = ReplyReader::new();
    reader.push(text.as_bytes());
    reader.finish().unwrap()
}

/// Plays a dialogue written down line by line: `S:` the server says, `C:` we must say, `TLS` a handshake is made,
/// `END` the connection ends; then the dialogue must be done.
fn play(tls: TlsMode, lines: &[&str]) -> Finish {
    let mut dialogue = begin(tls);
    let mut said = String::new();
    for line in lines {
        if let Some(text) = line.strip_prefix("S: ") {
            said.push_str(text);
            said.push_str("\r\n");
            if text.starts_with(|c: char| c.is_ascii_digit()) && text.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            let action = dialogue.next_action();
            let greeting = !matches!(dialogue.state, State::Awaiting(_));
            assert_eq!(action, if greeting { Action::AwaitGreeting } else { Action::AwaitReply }, "{line}");
            assert_eq!(dialogue.next_action(), action, "asking again changes nothing");
            dialogue.on_reply(&reply(&said));
            said.clear();
        } else if let Some(text) = line.strip_prefix("C: ") {
            let Action::Send(command) = dialogue.next_action() else { panic!("nothing is sent at {line}") };
            assert_eq!(command.bytes.0, format!("{text}\r\n").into_bytes());
            assert!(text.starts_with(command.verb));
        } else if *line == "TLS" {
            assert_eq!(dialogue.next_action(), Action::StartTls);
            assert_eq!(dialogue.next_action(), Action::StartTls, "asking again changes nothing");
            dialogue.on_tls();
        } else {
            assert_eq!(*line, "END");
            dialogue.on_ended();
        }
    }
    let Action::Done(finish) = dialogue.next_action() else { panic!("not done after {lines:?}") };
    assert_eq!(dialogue.next_action(), Action::Done(finish));
    finish
}

#[test]
fn the_course_of_rfc_3207_section_5() {
    let finish = play(
        TlsMode::Starttls,
        &[
            "S: 220 mx.example.com ESMTP",
            "C: EHLO bar.example",
            "S: 250-mx.example.com",
            "S: 250-8BITMIME",
            "S: 250-STARTTLS",
            "S: 250 DSN",
            "C: STARTTLS",
            "S: 220 2.0.0 Ready to start TLS",
            "TLS",
            "C: EHLO bar.example",
            "S: 250-mx.example.com",
            "S: 250-8BITMIME",
            "S: 250 DSN",
            "C: QUIT",
        ],
    );
    assert_eq!(finish, Finish::Complete);
}

#[test]
fn implicit_tls_begins_with_the_handshake() {
    let finish = play(
        TlsMode::Implicit,
        &["TLS", "S: 220 mx ESMTP", "C: EHLO bar.example", "S: 250-mx", "S: 250 AUTH PLAIN", "C: QUIT"],
    );
    assert_eq!(finish, Finish::Complete);
}

#[test]
fn without_tls_starttls_is_left_alone() {
    let finish =
        play(TlsMode::None, &["S: 220 mx", "C: EHLO bar.example", "S: 250-mx", "S: 250 STARTTLS", "C: QUIT"]);
    assert_eq!(finish, Finish::Complete);
}

#[test]
fn a_greeting_of_several_lines() {
    let finish = play(
        TlsMode::None,
        &["S: 220-mx", "S: 220 no junk mail", "C: EHLO bar.example", "S: 250 mx", "C: QUIT"],
    );
    assert_eq!(finish, Finish::Complete);
}

#[test]
fn a_refused_greeting_is_left_with_quit() {
    for greeting in ["S: 554 5.7.1 no service for you", "S: 450 later"] {
        assert_eq!(play(TlsMode::Starttls, &[greeting, "C: QUIT"]), Finish::GreetingRefused);
    }
    let announced = play(TlsMode::Starttls, &["S: 421 4.7.0 too many connections"]);
    assert_eq!(announced, Finish::GreetingRefused, "421: the server is going");
}

#[test]
fn what_is_no_greeting_is_answered_with_nothing() {
    for line in ["S: HTTP/1.1 400 Bad Request", "S: SSH-2.0-OpenSSH_9.6", "S: * OK IMAP4rev1"] {
        assert_eq!(play(TlsMode::Starttls, &[line]), Finish::GreetingRefused);
    }
    for line in ["S: 354 go on", "S: 150 hm", "S: 999 hm"] {
        assert_eq!(play(TlsMode::Starttls, &[line]), Finish::Malformed);
    }
}

#[test]
fn helo_where_ehlo_is_refused() {
    let finish = play(
        TlsMode::None,
        &["S: 220 mx", "C: EHLO bar.example", "S: 500 what?", "C: HELO bar.example", "S: 250 mx", "C: QUIT"],
    );
    assert_eq!(finish, Finish::Complete);
    let start = ["S: 220 mx", "C: EHLO bar.example", "S: 502 no", "C: HELO bar.example"];
    let then = |rest: &[&'static str]| [start.as_slice(), rest].concat();
    assert_eq!(play(TlsMode::Starttls, &then(&["S: 250 mx", "C: QUIT"])), Finish::StarttlsNotOffered);
    assert_eq!(play(TlsMode::Starttls, &then(&["S: 550 no", "C: QUIT"])), Finish::HelloRefused);
}

#[test]
fn a_temporary_refusal_of_ehlo_is_no_reason_for_helo() {
    let start = ["S: 220 mx", "C: EHLO bar.example"];
    let then = |rest: &[&'static str]| [start.as_slice(), rest].concat();
    assert_eq!(play(TlsMode::Starttls, &then(&["S: 451 later", "C: QUIT"])), Finish::HelloRefused);
    assert_eq!(play(TlsMode::Starttls, &then(&["S: 421 bye"])), Finish::HelloRefused);
    assert_eq!(play(TlsMode::Starttls, &then(&["S: what?"])), Finish::Malformed);
}

#[test]
fn starttls_missing_or_refused() {
    let start = ["S: 220 mx", "C: EHLO bar.example"];
    let then = |rest: &[&'static str]| [start.as_slice(), rest].concat();
    assert_eq!(
        play(TlsMode::Starttls, &then(&["S: 250-STARTTLS", "S: 250 SIZE", "C: QUIT"])),
        Finish::StarttlsNotOffered,
        "the first line is a name"
    );
    let offered = ["S: 250-mx", "S: 250 starttls", "C: STARTTLS"];
    let then = |rest: &[&'static str]| [start.as_slice(), &offered, rest].concat();
    assert_eq!(play(TlsMode::Starttls, &then(&["S: 454 4.7.0 later", "C: QUIT"])), Finish::StarttlsRefused);
    assert_eq!(play(TlsMode::Starttls, &then(&["S: 334 ?"])), Finish::Malformed);
    assert_eq!(play(TlsMode::Starttls, &then(&["S: 220 go", "END"])), Finish::Ended);
}

#[test]
fn ehlo_can_be_refused_inside_tls_too() {
    let lines = [
        "S: 220 mx",
        "C: EHLO bar.example",
        "S: 250-mx",
        "S: 250 STARTTLS",
        "C: STARTTLS",
        "S: 220 go",
        "TLS",
    ];
    let rest = ["C: EHLO bar.example", "S: 503 no", "C: HELO bar.example", "S: 503 no", "C: QUIT"];
    assert_eq!(play(TlsMode::Starttls, &[lines.as_slice(), &rest].concat()), Finish::HelloRefused);
}

#[test]
fn the_list_from_before_tls_is_forgotten() {
    let mut dialogue = begin(TlsMode::Starttls);
    dialogue.on_reply(&reply("220 mx\r\n"));
    dialogue.next_action();
    dialogue.on_reply(&reply("250-mx\r\n250 STARTTLS\r\n"));
    assert!(dialogue.capabilities().unwrap().has("STARTTLS") && !dialogue.encrypted());
    dialogue.next_action();
    dialogue.on_reply(&reply("220 go\r\n"));
    dialogue.on_tls();
    assert!(dialogue.capabilities().is_none() && dialogue.encrypted());
    dialogue.next_action();
    dialogue.on_reply(&reply("250-mx\r\n250 AUTH PLAIN\r\n"));
    assert_eq!(dialogue.capabilities().unwrap().auth(), ["PLAIN"]);
}

#[test]
fn the_end_is_the_end_wherever_it_comes() {
    assert_eq!(play(TlsMode::Starttls, &["END"]), Finish::Ended);
    assert_eq!(play(TlsMode::Implicit, &["END"]), Finish::Ended);
    assert_eq!(play(TlsMode::None, &["S: 220 mx", "C: EHLO bar.example", "END"]), Finish::Ended);
    let decided = play(TlsMode::None, &["S: 554 no", "END"]);
    assert_eq!(decided, Finish::GreetingRefused, "what was decided stays");
}

#[test]
fn an_incomplete_reply() {
    let mut dialogue = begin(TlsMode::None);
    dialogue.on_reply(&reply("220 m"));
    assert_eq!(dialogue.next_action(), Action::Done(Finish::Ended));
    let mut dialogue = begin(TlsMode::None);
    dialogue.on_reply(&reply("554 go aw"));
    assert_eq!(dialogue.next_action(), Action::Done(Finish::GreetingRefused));
    let mut dialogue = begin(TlsMode::None);
    dialogue.on_reply(&reply(&"220-x\r\n".repeat(300)));
    assert_eq!(dialogue.next_action(), Action::Done(Finish::Malformed));
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut dialogue = begin(TlsMode::Starttls);
    dialogue.on_tls();
    assert_eq!(dialogue.next_action(), Action::AwaitGreeting);
    let mut dialogue = begin(TlsMode::Implicit);
    dialogue.on_reply(&reply("220 mx\r\n"));
    assert_eq!(dialogue.next_action(), Action::StartTls);
}

proptest! {
    /// Whatever is said, the dialogue ends after few steps, never sends STARTTLS inside TLS, and QUIT comes last.
    #[test]
    fn every_dialogue_ends(
        mode in prop_oneof![Just(TlsMode::Starttls), Just(TlsMode::Implicit), Just(TlsMode::None)],
        replies in proptest::collection::vec(
            "([2-5][0-9]{2}[ -](STARTTLS|OK)?\r\n){0,3}[2-5][0-5][0-9] (STARTTLS|mx)?\r\n|[ -~]{0,20}\r\n", 12),
    ) {
        let mut dialogue = begin(mode);
        let mut replies = replies.iter();
        let mut sent = Vec::new();
        let mut ended = false;
        for _ in 0..24 {
            match dialogue.next_action() {
                Action::Send(command) => {
                    prop_assert!(!(command.verb == "STARTTLS" && dialogue.encrypted()));
                    sent.push(command.verb);
                }
                Action::AwaitGreeting | Action::AwaitReply => match replies.next() {
                    Some(text) => dialogue.on_reply(&reply(text)),
                    None => dialogue.on_ended(),
                },
                Action::Reckon => dialogue.on_reckoned(None),
                Action::StartTls => dialogue.on_tls(),
                Action::Done(_) => {
                    ended = true;
                    break;
                }
            }
        }
        prop_assert!(ended);
        prop_assert!(sent.iter().rev().skip(1).all(|verb| *verb != "QUIT"), "{sent:?}");
    }
}

/// A secret that must not go anywhere else.
const SECRET: &str = "correct horse battery";

fn errand(mechanism: Option<Mechanism>, envelope: Option<Envelope>) -> Errand {
    let secret = crate::target::Secret::new(SECRET.to_owned());
    let credentials = Credentials { user: "ann".to_owned(), secret };
    let kind = mechanism.map(Mechanism::kind).unwrap_or_default();
    Errand { sign_in: Some(SignIn { credentials, kind, mechanism }), envelope }
}

fn to_bob(message: Option<&str>) -> Envelope {
    Envelope {
        from: "ann@a.example".to_owned(),
        to: Some("bob@b.example".to_owned()),
        size: None,
        message: message.map(str::to_owned),
    }
}

/// How TLS ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    Verified,
    Unverified,
}

/// Plays an errand: what the server says, reply by reply. Gives what was sent, as it may be shown, and the end.
fn run(tls: TlsMode, how: Tls, errand: Errand, replies: &[&str]) -> (Vec<String>, Finish) {
    let mut dialogue = Dialogue::new(Script { errand, ..Script::new(tls, "bar.example") });
    let mut replies = replies.iter();
    let mut sent = Vec::new();
    loop {
        match dialogue.next_action() {
            Action::Send(command) => {
                sent.push(String::from_utf8_lossy(&command.shown().0).trim_end().to_owned());
            }
            Action::AwaitGreeting | Action::AwaitReply => match replies.next() {
                Some(text) => dialogue.on_reply(&reply(&format!("{text}\r\n"))),
                None => dialogue.on_ended(),
            },
            Action::Reckon => {
                let reckoned = dialogue.reckoning().map(crate::wire::sasl::Reckoning::run);
                dialogue.on_reckoned(reckoned);
            }
            Action::StartTls if how == Tls::Verified => {
                dialogue.on_verified_tls(Verified::by_strict_handshake(None));
            }
            Action::StartTls => dialogue.on_tls(),
            Action::Done(finish) => return (sent, finish),
        }
    }
}

const UP: [&str; 2] = ["220 mx", "250-mx\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN CRAM-MD5"];

fn inside(how: Tls, errand: Errand, replies: &[&str]) -> (Vec<String>, Finish) {
    let (mut sent, finish) = run(TlsMode::Implicit, how, errand, &[&UP, replies].concat());
    assert_eq!(sent.remove(0), "EHLO bar.example");
    (sent, finish)
}

#[test]
fn no_secret_goes_where_nothing_vouches_for_the_other_end() {
    let wanted = || errand(None, Some(to_bob(None)));
    let cleartext = run(TlsMode::None, Tls::Verified, wanted(), &UP);
    assert_eq!(cleartext, (vec!["EHLO bar.example".into(), "QUIT".into()], Finish::SignInImpossible));
    let unverified = inside(Tls::Unverified, wanted(), &["235 ok"]);
    assert_eq!(unverified, (vec!["QUIT".into()], Finish::SignInImpossible));
    let stripped = run(TlsMode::Starttls, Tls::Verified, wanted(), &["220 mx", "250-mx\r\n250 AUTH PLAIN"]);
    assert_eq!(stripped.1, Finish::StarttlsNotOffered);
}

#[test]
fn signs_in_then_names_the_envelope_and_takes_it_back() {
    let all = ["235 2.7.0 ok", "250 2.1.0 Ok", "250 2.1.5 Ok", "250 2.0.0 Ok"];
    let (sent, finish) = inside(Tls::Verified, errand(None, Some(to_bob(None))), &all);
    assert_eq!(
        sent,
        ["AUTH PLAIN [hidden]", "MAIL FROM:<ann@a.example>", "RCPT TO:<bob@b.example>", "RSET", "QUIT"]
    );
    assert_eq!(finish, Finish::Complete);
}

#[test]
fn a_refused_sign_in_ends_it() {
    let (sent, finish) = inside(Tls::Verified, errand(None, Some(to_bob(None))), &["535 5.7.8 no"]);
    assert_eq!(sent, ["AUTH PLAIN [hidden]", "QUIT"], "one attempt");
    assert_eq!(finish, Finish::SignInRefused);
    let going = inside(Tls::Verified, errand(None, None), &["421 4.7.0 too many"]);
    assert_eq!(
        going,
        (vec!["AUTH PLAIN [hidden]".into()], Finish::SignInRefused),
        "421: the server is going"
    );
}

#[test]
fn challenges_are_answered_and_nonsense_is_given_up() {
    let login = errand(Some(Mechanism::Login), None);
    let (sent, finish) = inside(Tls::Verified, login, &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok"]);
    assert_eq!(sent, ["AUTH LOGIN", "YW5u", "[hidden]", "QUIT"]);
    assert_eq!(finish, Finish::Complete);
    let (sent, finish) =
        inside(Tls::Verified, errand(Some(Mechanism::CramMd5), None), &["334 ???", "501 ok"]);
    assert_eq!(sent, ["AUTH CRAM-MD5", "*", "QUIT"]);
    assert_eq!(finish, Finish::SignInRefused);
    let endless = ["334 ", "334 ", "334 ", "334 ", "501 ok"];
    let (sent, _) = inside(Tls::Verified, errand(Some(Mechanism::Login), None), &endless);
    assert_eq!(sent, ["AUTH LOGIN", "YW5u", "[hidden]", "*"], "a server does not get the password twice");
}

#[test]
fn a_mechanism_that_is_not_offered_is_not_tried() {
    let (sent, finish) = inside(Tls::Verified, errand(Some(Mechanism::ScramSha256), None), &[]);
    assert_eq!((sent, finish), (vec!["QUIT".into()], Finish::SignInImpossible));
}

#[test]
fn what_a_refused_envelope_leaves_behind_is_taken_back() {
    let envelope = |message| Errand { sign_in: None, envelope: Some(to_bob(message)) };
    let (sent, finish) =
        inside(Tls::Verified, envelope(None), &["250 Ok", "554 5.7.1 Relay access denied", "250 Ok"]);
    assert_eq!(sent[1..], ["RCPT TO:<bob@b.example>", "RSET", "QUIT"]);
    assert_eq!(finish, Finish::EnvelopeRefused);
    let (sent, finish) = inside(Tls::Verified, envelope(None), &["550 no"]);
    assert_eq!(sent[1..], ["QUIT"]);
    assert_eq!(finish, Finish::EnvelopeRefused);
    let (sent, _) = inside(Tls::Verified, envelope(Some("x")), &["250 Ok", "250 Ok", "451 no", "250 Ok"]);
    assert_eq!(sent[2..], ["DATA", "RSET", "QUIT"]);
}

#[test]
fn a_message_is_sent_only_after_354() {
    let envelope = || Errand { sign_in: None, envelope: Some(to_bob(Some("Subject: x\r\n\r\n.dot"))) };
    let (sent, finish) = inside(Tls::Verified, envelope(), &["250 Ok", "250 Ok", "354 go on", "250 queued"]);
    assert_eq!(sent[2..], ["DATA", "Subject: x\r\n\r\n..dot\r\n.", "QUIT"]);
    assert_eq!(finish, Finish::Complete);
    let (sent, finish) = inside(Tls::Verified, envelope(), &["250 Ok", "250 Ok", "250 Ok"]);
    assert_eq!(sent[2..], ["DATA"], "250 is no invitation");
    assert_eq!(finish, Finish::Malformed);
}

/// RFC 6531 §3.2 and §3.4: such an address goes only where SMTPUTF8 is offered, and inside TLS that counts which is
/// offered there.
#[test]
fn letters_outside_ascii_go_only_where_they_are_taken() {
    let errand = |from: &str, to: &str| {
        let envelope = Envelope { from: from.to_owned(), to: Some(to.to_owned()), ..Envelope::default() };
        Errand { sign_in: None, envelope: Some(envelope) }
    };
    let (plain, beyond) = ("ann@a.example", "j\u{fc}rgen@b.example");
    let utf8 = "250-mx\r\n250 SMTPUTF8";
    let inside = |errand, hello: &str| {
        run(TlsMode::Implicit, Tls::Verified, errand, &["220 mx", hello, "250 Ok", "250 Ok", "250 Ok"])
    };
    let (sent, finish) = inside(errand(plain, beyond), utf8);
    assert_eq!(sent[1..3], ["MAIL FROM:<ann@a.example> SMTPUTF8", "RCPT TO:<j\u{fc}rgen@b.example>"]);
    assert_eq!(finish, Finish::Complete);
    let (sent, _) = inside(errand(plain, plain), utf8);
    assert_eq!(sent[1], "MAIL FROM:<ann@a.example>", "nobody asks for what is not needed");
    for envelope in [errand(plain, beyond), errand(beyond, plain)] {
        let (sent, finish) = inside(envelope, "250-mx\r\n250 8BITMIME");
        assert_eq!((sent[1..].to_vec(), finish), (vec!["QUIT".to_owned()], Finish::EnvelopeImpossible));
    }
    let before = ["220 mx", "250-mx\r\n250-SMTPUTF8\r\n250 STARTTLS", "220 go", "250 mx"];
    let (sent, finish) = run(TlsMode::Starttls, Tls::Verified, errand(plain, beyond), &before);
    assert_eq!((sent.last().map(String::as_str), finish), (Some("QUIT"), Finish::EnvelopeImpossible));
}

#[test]
fn a_size_is_declared_where_it_is_asked_about() {
    let sized = Envelope { size: Some(5_000), to: None, ..to_bob(None) };
    let errand = || Errand { sign_in: None, envelope: Some(sized.clone()) };
    let (sent, finish) = inside(Tls::Verified, errand(), &["552 5.3.4 too big"]);
    assert_eq!(sent, ["MAIL FROM:<ann@a.example> SIZE=5000", "QUIT"]);
    assert_eq!(finish, Finish::EnvelopeRefused);
    let (sent, _) =
        run(TlsMode::Implicit, Tls::Verified, errand(), &["220 mx", "250 mx", "250 Ok", "250 Ok"]);
    assert_eq!(sent[1..], ["MAIL FROM:<ann@a.example>", "RSET", "QUIT"], "nobody offers SIZE here");
}

proptest! {
    /// Whatever the server says, an errand ends; and without verified TLS the secret is in nothing that is sent, in
    /// no form, nor anything that only a sign-in would send.
    #[test]
    fn every_errand_ends_and_keeps_its_secret(
        mode in prop_oneof![Just(TlsMode::Starttls), Just(TlsMode::Implicit), Just(TlsMode::None)],
        which in 0_usize..9,
        verified in any::<bool>(),
        replies in proptest::collection::vec(
            "(250-mx\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 XOAUTH2\r\n)?[2-5][0-5][0-9] [a-zA-Z0-9+/=]{0,12}\r\n", 24),
    ) {
        let mechanism = Mechanism::ALL[which];
        let errand = errand(Some(mechanism), Some(to_bob(Some("x"))));
        let mut dialogue = Dialogue::new(Script { errand, ..Script::new(mode, "bar.example") });
        let scrubber = crate::wire::sasl::Scrubber::new(&crate::target::Secret::new(SECRET.to_owned()));
        let mut replies = replies.iter();
        let mut ended = false;
        for _ in 0..64 {
            match dialogue.next_action() {
                Action::Send(command) => {
                    prop_assert_eq!(&scrubber.line(&command.shown().0), &command.shown().0);
                    if !verified || mode == TlsMode::None {
                        prop_assert_eq!(&scrubber.line(&command.bytes.0), &command.bytes.0);
                        prop_assert!(!matches!(command.verb, "AUTH" | "MAIL" | "RCPT" | "DATA"));
                    }
                }
                Action::AwaitGreeting | Action::AwaitReply => match replies.next() {
                    Some(text) => dialogue.on_reply(&reply(text)),
                    None => dialogue.on_ended(),
                },
                Action::Reckon => {
                    let reckoned = dialogue.reckoning().map(crate::wire::sasl::Reckoning::run);
                    dialogue.on_reckoned(reckoned);
                }
                Action::StartTls if verified => dialogue.on_verified_tls(Verified::by_strict_handshake(None)),
                Action::StartTls => dialogue.on_tls(),
                Action::Done(_) => { ended = true; break; }
            }
        }
        prop_assert!(ended);
    }
}
