//! Signing in and the envelope, from the engine to the events, over the lab's network in paused time: every mechanism,
//! one attempt, and a secret that is nowhere but on the encrypted line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo::engine::{self, Pace, Setup};
use ehlo::event::{Event, EventKind, Limits, Purpose, SessionStarted, Submit};
use ehlo::lab::network::LabNetwork;
use ehlo::lab::scenario::Scenario;
use ehlo::order::Order;
use ehlo::probe::{Family, LazyTls};
use ehlo::report;
use ehlo::session::{Outcome, Session};
use ehlo::target::{Credentials, Goal, Secret};
use ehlo::wire::sasl::Mechanism;
use tokio::sync::mpsc;

#[path = "sign_in/hashing.rs"]
mod hashing;

const USER: &str = "ann@example.com";
const PASSWORD: &str = "correct horse battery staple";

/// The scenario `healthy`, changed.
fn scenario(change: impl Fn(String) -> String) -> Scenario {
    let text = change(include_str!("../assets/lab/healthy.toml").to_owned());
    Scenario::read("healthy", &text).unwrap()
}

/// With these mechanisms offered inside TLS.
fn offering(mechanisms: &str) -> Scenario {
    scenario(|text| text.replace("AUTH PLAIN LOGIN", &format!("AUTH {mechanisms}")))
}

struct Call {
    scenario: Scenario,
    password: &'static str,
    submit: Submit,
    answers: Vec<(String, String)>,
    change: fn(&mut SessionStarted),
}

impl Call {
    fn new(scenario: Scenario) -> Self {
        let submit = Submit { user: Some(USER.into()), ..Submit::default() };
        Self { scenario, password: PASSWORD, submit, answers: Vec::new(), change: |_| {} }
    }

    fn by(mut self, mechanism: Mechanism) -> Self {
        self.submit.mechanism = Some(mechanism.name().to_owned());
        self
    }

    fn setup(&self) -> Setup {
        // The certificates are made for today; the library looks at the real clock.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let network = LabNetwork::new(self.scenario.clone(), i64::try_from(now).unwrap());
        let trust = network.trust().unwrap();
        let named = self.submit.mechanism.as_deref().and_then(Mechanism::parse);
        let mut submit = self.submit.clone();
        let credentials = submit.user.clone().map(|user| {
            submit.secret = Some(named.map(Mechanism::kind).unwrap_or_default());
            Credentials { user, secret: Secret::new(self.password.to_owned()) }
        });
        let mut started = SessionStarted {
            schema: ehlo::event::JOURNAL_SCHEMA.to_owned(),
            ehlo_version: "0.1.0".to_owned(),
            started_at: "2026-11-25T08:00:00Z".to_owned(),
            input: "smtp.example.com".to_owned(),
            host: "smtp.example.com".to_owned(),
            goal: Goal::Submit,
            routes: Vec::new(),
            all: false,
            repeat: 1,
            vantage: "local".to_owned(),
            ehlo_name: "client.example.net".to_owned(),
            limits: Limits { connect_ms: 5_000, reply_ms: 30_000, total_ms: 120_000 },
            provider: None,
            malformed: None,
            sign_in: credentials.is_some(),
            discover: None,
            sending: Box::default(),
            submit: Box::new(submit),
            way: Box::default(),
            lead: None,
        };
        (self.change)(&mut started);
        Setup {
            started,
            family: Family::V4,
            network: Arc::new(network),
            tls: Arc::new(LazyTls::new(trust)),
            pace: Pace::Run,
            interactive: false,
            answers: self.answers.clone(),
            credentials,
            journal: None,
        }
    }

    async fn run(&self) -> Heard {
        let (_orders, orders) = mpsc::channel(1);
        let (send, mut events) = mpsc::unbounded_channel();
        let (session, heard) = tokio::join!(engine::run(self.setup(), orders, send), async {
            let mut heard = Vec::new();
            while let Some(event) = events.recv().await {
                heard.push(event);
            }
            heard
        });
        Heard { session, events: heard }
    }
}

struct Heard {
    session: Session,
    events: Vec<Event>,
}

impl Heard {
    fn outcome(&self) -> Outcome {
        self.session.routes()[0].outcome
    }

    fn codes(&self) -> Vec<&'static str> {
        self.session.findings().iter().map(|finding| finding.code).collect()
    }

    /// What was sent, line by line.
    fn sent(&self) -> Vec<String> {
        let sent = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::Sent { bytes, .. } => Some(String::from_utf8_lossy(&bytes.0).trim_end().to_owned()),
            _ => None,
        });
        sent.collect()
    }

    fn attempts(&self) -> usize {
        self.sent().iter().filter(|line| line.starts_with("AUTH ")).count()
    }

    /// All that anybody gets to see of it.
    fn shown(&self) -> String {
        let events: Vec<String> = self
            .events
            .iter()
            .map(|event| serde_json::to_string(event).unwrap() + &format!("{event:?}"))
            .collect();
        let lines: Vec<&str> =
            self.session.transcript().lines().iter().map(|line| line.text.as_str()).collect();
        format!(
            "{}\n{}\n{}\n{}\n{:?}",
            events.join("\n"),
            lines.join("\n"),
            report::json::json(&self.session),
            report::markdown::markdown(&self.session),
            self.session.started()
        )
    }

    /// The secret is in nothing of it, in no form.
    fn keeps(&self, secret: &str) {
        let shown = self.shown();
        let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
        let partly = secret.replace(' ', "%20");
        let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
        let mut forms = vec![secret.to_owned(), percent, partly, hex];
        for before in ["", "x", "xy", &format!("\0{USER}\0"), &format!("user={USER}\u{1}auth=Bearer ")] {
            let text = STANDARD.encode(format!("{before}{secret}"));
            // The end depends on what follows.
            forms.push(text[..text.len() - 4].to_owned());
            forms.push(text[text.len() / 2..text.len() - 4].to_owned());
        }
        for form in forms {
            assert!(form.len() >= 6 && !shown.contains(&form), "{form} is shown");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_mechanism_signs_in_with_the_right_secret_and_not_with_a_wrong_one() {
    for mechanism in Mechanism::ALL {
        let offered = offering(mechanism.name());
        let right = Call::new(offered.clone()).by(mechanism).run().await;
        let name = mechanism.name();
        assert_eq!((right.outcome(), right.codes()), (Outcome::Works, vec![]), "{name}: {:#?}", right.sent());
        assert_eq!(right.attempts(), 1);
        right.keeps(PASSWORD);
        let done = right.session.routes()[0].submission.as_ref().unwrap();
        assert_eq!(done.signed_in().unwrap(), format!("It accepted the sign-in as {USER} by {name}."));

        let wrong = Call { password: "correct horse battery stapler", ..Call::new(offered).by(mechanism) }
            .run()
            .await;
        assert_eq!((wrong.outcome(), wrong.attempts()), (Outcome::AuthFailed, 1), "{name}");
        let token = mechanism.kind() == ehlo::target::SecretKind::Token;
        let code = if token { "auth-token-refused" } else { "auth-bad-credentials" };
        assert_eq!(wrong.codes(), [code], "{name}");
        wrong.keeps("correct horse battery stapler");
    }
}

#[tokio::test(start_paused = true)]
async fn the_strongest_is_taken() {
    let heard = Call::new(offering("LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256")).run().await;
    assert!(heard.sent().iter().any(|line| line.starts_with("AUTH SCRAM-SHA-256 ")));
    assert_eq!(heard.outcome(), Outcome::Works);
}

#[tokio::test(start_paused = true)]
async fn one_attempt_whatever_is_probed() {
    for change in [
        (|_| {}) as fn(&mut SessionStarted),
        |started| started.all = true,
        |started| started.repeat = 3,
        |started| (started.all, started.repeat) = (true, 2),
    ] {
        for (password, outcome) in [(PASSWORD, Outcome::Works), ("wrong one here", Outcome::AuthFailed)] {
            let call = Call { change, password, ..Call::new(offering("PLAIN")) };
            let heard = call.run().await;
            assert_eq!((heard.outcome(), heard.attempts()), (outcome, 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn racing_routes_do_not_sign_in_twice() {
    // 587 is silent, 465 and 2525 race it.
    let filtered = scenario(|text| text.replace("587 = { open = \"submission\" }", "587 = \"filtered\""));
    let heard = Call::new(filtered).run().await;
    assert_eq!(heard.attempts(), 1);
    let route = heard.session.routes().iter().find(|route| route.submission.is_some()).unwrap();
    assert_eq!((route.port, route.outcome), (465, Outcome::Works));
}

#[tokio::test(start_paused = true)]
async fn no_secret_without_tls_that_verifies() {
    // In cleartext; with a certificate for another name; with one that nobody knows.
    let cleartext = Call {
        change: |started| started.routes = vec!["587/none".parse().unwrap()],
        ..Call::new(scenario(|text| text.replace("\"STARTTLS\"]", "\"STARTTLS\", \"AUTH PLAIN LOGIN\"]")))
    };
    let named = Call::new(scenario(|text| {
        text.replace("names = [\"smtp.example.com\"]", "names = [\"other.example.com\"]")
    }));
    let unknown = Call::new(scenario(|text| {
        text.replace("id = \"smtp\"\nnames", "id = \"smtp\"\nissuer = \"unknown-ca\"\nnames")
    }));
    for call in [cleartext, named, unknown] {
        let heard = call.run().await;
        assert_ne!(heard.outcome(), Outcome::Works);
        assert_eq!(heard.attempts(), 0, "{:#?}", heard.sent());
        heard.keeps(PASSWORD);
        let submits = |event: &Event| {
            matches!(&event.kind, EventKind::ProbeStarted { purpose: Purpose::Submit { .. } })
        };
        assert!(!heard.events.iter().any(submits));
    }
}

#[tokio::test(start_paused = true)]
async fn the_certificate_of_the_second_connection_counts_too() {
    // A farm of servers: the first connection meets a good certificate, the second one does not.
    let farm = scenario(|text| {
        let bad = "\n[[smtp]]\nid = \"bad\"\nname = \"smtp.example.com\"\ntls = \"starttls\"\n\
                   capabilities = [\"STARTTLS\"]\ncapabilities_tls = [\"AUTH PLAIN LOGIN\"]\n\
                   secure = { certificate = \"bad\" }\n[[certificate]]\nid = \"bad\"\nnames = [\"other.example.com\"]\n";
        text.replace(
            "587 = { open = \"submission\" }",
            "587 = [{ open = \"submission\" }, { open = \"bad\" }, { open = \"bad\" }]",
        ) + bad
    });
    let heard = Call::new(farm).run().await;
    assert_eq!((heard.outcome(), heard.attempts()), (Outcome::CertInvalid, 0), "{:?}", heard.codes());
    assert!(heard.codes().contains(&"cert-name-mismatch"), "{:?}", heard.codes());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_the_secret_aloud_is_not_quoted() {
    let echo = STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
    for said in [
        format!("535 5.7.8 no such password: {PASSWORD}"),
        format!("535 5.7.8 {echo}"),
        format!("535-you said {PASSWORD}\n535 5.7.8 {}", PASSWORD.replace(' ', "%20")),
    ] {
        let scenario = scenario(|text| {
            let rule = format!("[[smtp.rule]]\nat = \"auth\"\nreply = '''\n{said}'''\n[[smtp.auth.answer]]");
            text.replace("[[smtp.auth.answer]]", &rule)
        });
        let heard = Call::new(scenario).run().await;
        assert_eq!(heard.outcome(), Outcome::AuthFailed);
        heard.keeps(PASSWORD);
        assert!(heard.shown().contains("[hidden]"));
    }
}

/// The check in cleartext comes after the sign-in, on a connection of its own: the server has heard the secret by then.
#[tokio::test(start_paused = true)]
async fn what_one_connection_was_told_no_other_repeats() {
    let (begin, end) = PASSWORD.split_at(PASSWORD.len() / 2);
    for said in [
        format!("550 5.7.1 {PASSWORD}"),
        format!("550-5.7.1 {begin}\n550 5.7.1 {end}"),
        format!("550 5.7.1 {}", STANDARD.encode(STANDARD.encode(PASSWORD))),
    ] {
        let rule = format!("[[smtp.rule]]\nat = \"mail\"\nreply = '''\n{said}'''\n[[smtp.auth.answer]]");
        let scenario = scenario(|text| text.replace("[[smtp.auth.answer]]", &rule));
        let heard = letter(Call::new(scenario)).run().await;
        heard.keeps(PASSWORD);
        assert!(!heard.shown().contains(begin) && !heard.shown().contains(end), "{}", heard.shown());
        let hidden = heard.events.iter().filter(|event| match &event.kind {
            EventKind::Received { bytes, .. } => String::from_utf8_lossy(&bytes.0).contains("[hidden]"),
            _ => false,
        });
        assert_eq!(hidden.count(), 2, "inside TLS and in cleartext: {said}");
    }
}

fn letter(mut call: Call) -> Call {
    call.submit.mail_from = Some(USER.to_owned());
    call.submit.rcpt_to = Some("bob@example.net".to_owned());
    call
}

#[tokio::test(start_paused = true)]
async fn an_envelope_is_named_and_taken_back() {
    let heard = letter(Call::new(offering("PLAIN"))).run().await;
    assert_eq!((heard.outcome(), heard.codes()), (Outcome::Works, vec![]));
    let sent = heard.sent();
    let at = sent.iter().position(|line| line.starts_with("AUTH ")).unwrap();
    assert_eq!(
        sent[at..at + 5],
        ["AUTH PLAIN [hidden]", "MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "RSET", "QUIT"]
    );
    assert!(!sent.iter().any(|line| line.starts_with("DATA")));
    // And once in cleartext, on a connection that never signs in: the server insists on STARTTLS.
    assert_eq!(sent[at + 5..], ["EHLO client.example.net", "MAIL FROM:<ann@example.com>", "QUIT"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_sign_in_the_server_asks_for_one() {
    let mut call = letter(Call::new(offering("PLAIN")));
    call.submit.user = None;
    let heard = call.run().await;
    assert_eq!((heard.outcome(), heard.codes()), (Outcome::Works, vec!["auth-required"]));
    assert_eq!(report::exit_status(&heard.session), 1, "a refused envelope leaves the route, after a fix");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_a_sender_in_cleartext_is_told() {
    let lax = scenario(|text| {
        text.replace(
            "size_limit = 36700160\n[[smtp.auth",
            "size_limit = 36700160\nmail_needs = { tls = false, auth = false }\n[[smtp.auth",
        )
    });
    let heard = letter(Call::new(lax)).run().await;
    assert_eq!((heard.outcome(), heard.codes()), (Outcome::Works, vec!["starttls-not-enforced"]));
    assert_eq!(report::exit_status(&heard.session), 0, "a warning");
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_out_only_with_consent() {
    for (answer, sends) in [("yes", true), ("no", false)] {
        let mut call = letter(Call::new(offering("PLAIN")));
        call.submit.send_test = true;
        call.answers.push(("send-test".into(), answer.into()));
        let heard = call.run().await;
        assert_eq!((heard.outcome(), heard.codes()), (Outcome::Works, vec![]));
        let sent = heard.sent();
        assert_eq!(sent.iter().any(|line| line == "DATA"), sends);
        let message = sent.iter().find(|line| line.contains("Subject: Test message from ehlo"));
        assert_eq!(message.is_some(), sends);
        if let Some(message) = message {
            assert!(message.contains("From: <ann@example.com>\r\nTo: <bob@example.net>\r\n"), "{message}");
            assert!(message.ends_with("\r\n."));
            let reasons = ehlo::guide::recommendation::recommend(&heard.session).unwrap().reasons;
            assert!(
                reasons.iter().any(|reason| reason.starts_with("It accepted the test message: 250 2.0.0")),
                "{reasons:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_relay_is_tried_only_by_order_and_never_fed() {
    let open = || {
        scenario(|text| {
            text.replace(
                "size_limit = 36700160\n[[smtp.auth",
                "size_limit = 36700160\nmail_needs = { auth = false }\n[[smtp.auth",
            )
        })
    };
    let call = |order: bool, scenario: Scenario| {
        let mut call = Call::new(scenario);
        call.submit = Submit { open_relay: order, ..Submit::default() };
        call
    };
    let heard = call(true, open()).run().await;
    assert_eq!(heard.codes(), ["open-relay"]);
    let sent = heard.sent();
    assert!(sent.iter().any(|line| line == "RSET") && !sent.iter().any(|line| line == "DATA"));
    let heard = call(true, offering("PLAIN")).run().await;
    assert!(heard.codes().is_empty(), "it wants a sign-in");
    let heard = call(false, open()).run().await;
    assert!(heard.codes().is_empty() && !heard.sent().iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test(start_paused = true)]
async fn who_sits_at_the_screen_types_it_in_and_may_try_again_by_order() {
    let mut call = Call::new(offering("PLAIN"));
    call.submit = Submit::default();
    let mut setup = call.setup();
    (setup.interactive, setup.pace) = (true, Pace::Guided);
    let (send_orders, orders) = mpsc::channel(16);
    let (send, mut events) = mpsc::unbounded_channel();
    let user = async {
        let mut session = Session::default();
        let mut heard = Vec::new();
        let mut tries = 0;
        let mut answered = Vec::new();
        while let Some(event) = events.recv().await {
            session.apply(&event);
            let kind = event.kind.clone();
            heard.push(event);
            match kind {
                EventKind::StepEntered { step, plan } if step == "sign-in" => {
                    tries += 1;
                    assert_eq!(plan.contains("a second attempt"), tries == 2, "{plan}");
                    send_orders.send(Order::Continue).await.unwrap();
                }
                EventKind::StepEntered { step, .. } if step != "verdict" => {
                    send_orders.send(Order::Continue).await.unwrap();
                }
                EventKind::RunEnded { .. } if tries == 1 => {
                    send_orders.send(Order::Again { step: "sign-in".into() }).await.unwrap();
                }
                EventKind::RunEnded { .. } => send_orders.send(Order::Quit).await.unwrap(),
                EventKind::SessionStarted(_) | EventKind::ProbeEnded { .. } => {
                    for (question, answer) in [("sender", "app")] {
                        if !answered.contains(&question) {
                            answered.push(question);
                            let (question, answer) = (question.to_owned(), answer.to_owned());
                            send_orders.send(Order::Answer { question, answer }).await.unwrap();
                        }
                    }
                    // An order that makes no sense at the moment is ignored; when the question is there, it is answered.
                    let secret = Secret::new("a wrong password".to_owned());
                    let credentials = Credentials { user: USER.to_owned(), secret };
                    send_orders.send(Order::SignIn(credentials)).await.unwrap();
                }
                _ => {}
            }
        }
        Heard { session, events: heard }
    };
    let (_, heard) = tokio::join!(engine::run(setup, orders, send), user);
    assert_eq!((heard.outcome(), heard.attempts()), (Outcome::AuthFailed, 2));
    heard.keeps("a wrong password");
}
