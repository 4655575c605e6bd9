//! The submission dialogue as a state machine: it says *send this*, *wait for a reply*, *upgrade now*, *done*.
//!
//! The module [`wire`](crate::wire) shows the states and a complete exchange. A driver does what
//! [`Dialogue::next_action`] says and reports what came of it; it needs to know nothing about SMTP. What a reply
//! *means* for a route is not judged here: the driver records the bytes, and the session reads them.

use crate::target::TlsMode;
use crate::wire::capability::Capabilities;
use crate::wire::command::Command;
use crate::wire::reply::{Quirk, Reply};

/// What the dialogue is to do.
#[derive(Clone, Debug)]
pub struct Script {
    /// How TLS starts.
    pub tls: TlsMode,
    /// The name said in EHLO.
    pub ehlo_name: String,
}

/// What the driver must do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write this in one piece, then ask again.
    Send(Command),
    /// Wait for the greeting, then call [`Dialogue::on_reply`].
    AwaitGreeting,
    /// Wait for one reply, then call [`Dialogue::on_reply`].
    AwaitReply,
    /// Make the TLS handshake, then call [`Dialogue::on_tls`]. Bytes read and not consumed before this must be
    /// dropped: they came in cleartext (RFC 3207 §6 is about what can be done with them).
    StartTls,
    /// Close the connection; what was reached stands in the events.
    Done(Finish),
}

/// How far a dialogue came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// All of the script was gone through.
    Complete,
    /// The greeting was negative or no reply.
    GreetingRefused,
    /// EHLO and HELO were refused.
    HelloRefused,
    /// STARTTLS is not offered.
    StarttlsNotOffered,
    /// STARTTLS was refused.
    StarttlsRefused,
    /// A reply that cannot be understood.
    Malformed,
    /// TLS did not come up, or the connection ended: said by the driver.
    Ended,
}

/// A command of the script. Its reply decides what comes next, in [`Dialogue::answered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Ehlo,
    Helo,
    Starttls,
}

/// Where the dialogue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    Sending(Step),
    Awaiting(Step),
    Handshake,
    /// QUIT is due, then the end. Its reply is not waited for: it would tell nothing and could take for ever.
    Quitting(Finish),
    Finished(Finish),
}

/// The state machine.
#[derive(Clone, Debug)]
pub struct Dialogue {
    script: Script,
    state: State,
    encrypted: bool,
    greeted: bool,
    capabilities: Option<Capabilities>,
}

impl Dialogue {
    /// Begins with a connection that has just been made.
    pub fn new(script: Script) -> Self {
        let state = match script.tls {
            TlsMode::Implicit => State::Handshake,
            TlsMode::Starttls | TlsMode::None => State::Greeting,
        };
        Self { script, state, encrypted: false, greeted: false, capabilities: None }
    }

    /// What to do now. A command is handed out once, and is taken as written; everything else is said again until
    /// the answer comes.
    pub fn next_action(&mut self) -> Action {
        match self.state {
            State::Greeting => Action::AwaitGreeting,
            State::Sending(step) => {
                self.state = State::Awaiting(step);
                Action::Send(self.command(step))
            }
            State::Awaiting(_) => Action::AwaitReply,
            State::Handshake => Action::StartTls,
            State::Quitting(finish) => {
                self.state = State::Finished(finish);
                Action::Send(Command::quit())
            }
            State::Finished(finish) => Action::Done(finish),
        }
    }

    /// The reply that was awaited. One that nobody waits for changes nothing.
    pub fn on_reply(&mut self, reply: &Reply) {
        self.state = match self.state {
            State::Greeting => self.greeting(reply),
            State::Awaiting(step) => self.answered(step, reply),
            other => other,
        };
    }

    /// TLS is up.
    pub fn on_tls(&mut self) {
        if self.state != State::Handshake {
            return;
        }
        self.encrypted = true;
        // What was learned in cleartext must be forgotten (RFC 3207 §4.2).
        self.capabilities = None;
        self.state = if self.greeted { State::Sending(Step::Ehlo) } else { State::Greeting };
    }

    /// The connection ended or a wait expired: only `Done` follows, with what was already decided or
    /// [`Finish::Ended`].
    pub fn on_ended(&mut self) {
        self.state = State::Finished(match self.state {
            State::Quitting(finish) | State::Finished(finish) => finish,
            _ => Finish::Ended,
        });
    }

    /// What the server offers now; `None` before EHLO, after HELO, and between the handshake and the next EHLO.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.capabilities.as_ref()
    }

    /// True inside TLS.
    pub fn encrypted(&self) -> bool {
        self.encrypted
    }

    fn command(&self, step: Step) -> Command {
        match step {
            Step::Ehlo => Command::ehlo(&self.script.ehlo_name),
            Step::Helo => Command::helo(&self.script.ehlo_name),
            Step::Starttls => Command::starttls(),
        }
    }

    fn greeting(&mut self, reply: &Reply) -> State {
        match Answer::of(reply) {
            Answer::Positive => {
                self.greeted = true;
                State::Sending(Step::Ehlo)
            }
            // A server that says 554 waits for QUIT (RFC 5321 §3.1).
            Answer::Negative { .. } => leave(reply, Finish::GreetingRefused),
            Answer::NoReply => State::Finished(Finish::GreetingRefused),
            Answer::Broken => State::Finished(Finish::Malformed),
            Answer::Ended => State::Finished(Finish::Ended),
        }
    }

    fn answered(&mut self, step: Step, reply: &Reply) -> State {
        match Answer::of(reply) {
            Answer::Positive => match step {
                Step::Ehlo => {
                    self.capabilities = Some(Capabilities::from_reply(reply));
                    self.after_hello()
                }
                Step::Helo => self.after_hello(),
                Step::Starttls => State::Handshake,
            },
            Answer::Negative { permanent, .. } => match step {
                Step::Ehlo if permanent && !closing(reply) => State::Sending(Step::Helo),
                Step::Ehlo | Step::Helo => leave(reply, Finish::HelloRefused),
                Step::Starttls => leave(reply, Finish::StarttlsRefused),
            },
            Answer::NoReply | Answer::Broken => State::Finished(Finish::Malformed),
            Answer::Ended => State::Finished(Finish::Ended),
        }
    }

    fn after_hello(&mut self) -> State {
        if self.encrypted || self.script.tls == TlsMode::None {
            return self.ready();
        }
        if self.capabilities.as_ref().is_some_and(|offered| offered.has("STARTTLS")) {
            State::Sending(Step::Starttls)
        } else {
            State::Quitting(Finish::StarttlsNotOffered)
        }
    }

    /// The point where mail can be submitted: steps that need it (AUTH, MAIL, RCPT, RSET) begin here, each a
    /// [`Step`] of its own.
    fn ready(&mut self) -> State {
        State::Quitting(Finish::Complete)
    }
}

/// What a reply is to a state machine.
enum Answer {
    Positive,
    Negative {
        /// 5yz.
        permanent: bool,
    },
    /// Not an SMTP reply at all.
    NoReply,
    /// A reply that makes no sense here, or has no end.
    Broken,
    /// The stream ended inside it.
    Ended,
}

impl Answer {
    fn of(reply: &Reply) -> Self {
        match reply.code() {
            _ if reply.has(Quirk::OverLimit) => Self::Broken,
            // A refusal is a refusal even if its last line is incomplete; anything else cut is no answer.
            Some(code @ 400..=599) => Self::Negative { permanent: code >= 500 },
            _ if reply.has(Quirk::Cut) => Self::Ended,
            None => Self::NoReply,
            Some(200..=299) => Self::Positive,
            Some(_) => Self::Broken,
        }
    }
}

/// With QUIT, where the server still listens.
fn leave(reply: &Reply, finish: Finish) -> State {
    if closing(reply) { State::Finished(finish) } else { State::Quitting(finish) }
}

/// True where the connection is gone or going: 421 announces it (RFC 5321 §3.8), a cut reply shows it.
fn closing(reply: &Reply) -> bool {
    reply.code() == Some(421) || reply.has(Quirk::Cut)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::reply::ReplyReader;

    fn begin(tls: TlsMode) -> Dialogue {
        Dialogue::new(Script { tls, ehlo_name: "bar.example".to_owned() })
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
                assert_eq!(
                    action,
                    if greeting { Action::AwaitGreeting } else { Action::AwaitReply },
                    "{line}"
                );
                assert_eq!(dialogue.next_action(), action, "asking again changes nothing");
                dialogue.on_reply(&reply(&said));
                said.clear();
            } else if let Some(text) = line.strip_prefix("C: ") {
                let Action::Send(command) = dialogue.next_action() else {
                    panic!("nothing is sent at {line}")
                };
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
        let finish = play(
            TlsMode::None,
            &["S: 220 mx", "C: EHLO bar.example", "S: 250-mx", "S: 250 STARTTLS", "C: QUIT"],
        );
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
            &[
                "S: 220 mx",
                "C: EHLO bar.example",
                "S: 500 what?",
                "C: HELO bar.example",
                "S: 250 mx",
                "C: QUIT",
            ],
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
        assert_eq!(
            play(TlsMode::Starttls, &then(&["S: 454 4.7.0 later", "C: QUIT"])),
            Finish::StarttlsRefused
        );
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
}
