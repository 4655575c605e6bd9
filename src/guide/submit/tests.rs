//! When the walk signs in, where, how often, and what it says beforehand.

use super::*;
use crate::event::RouteOrigin;
use crate::guide::testing::Case;
use crate::guide::walk::next_of;
use crate::session::route::Submission;
use crate::wire::capability::Capabilities;
use crate::wire::reply::ReplyReader;

fn offered(text: &str) -> Option<Capabilities> {
    let mut reader = ReplyReader::new();
    reader.push(text.as_bytes());
    reader.next_reply().map(|reply| Capabilities::from_reply(&reply))
}

/// Routes that ended like this, verified and with AUTH inside TLS.
fn walked(change: impl FnOnce(&mut Case), ends: &[(u16, TlsMode, Outcome)]) -> Case {
    let mut case = Case::new("smtp.example.com");
    change(&mut case);
    case.answer("sender", "app");
    for (port, tls, _) in ends {
        case.add(*port, *tls, RouteOrigin::Tree);
    }
    case.started.routes = Vec::new();
    case.resolved(Some("192.0.2.10"));
    for (at, (_, _, outcome)) in ends.iter().enumerate() {
        let id = case.routes[at].id;
        case.end(id, *outcome);
        let route = &mut case.routes[at];
        route.verified = *outcome == Outcome::Works && route.tls != TlsMode::None;
        route.before_tls = offered("250-mx\r\n250 STARTTLS\r\n");
        route.after_tls = offered("250-mx\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n");
    }
    case
}

fn ann(case: &mut Case) {
    case.started.sign_in = true;
    case.started.submit.user = Some("ann".into());
    case.started.submit.secret = Some(SecretKind::Password);
}

fn letter(case: &mut Case) {
    case.started.submit.mail_from = Some("ann@example.com".into());
    case.started.submit.rcpt_to = Some("bob@example.net".into());
}

const TREE: [(u16, TlsMode); 3] =
    [(587, TlsMode::Starttls), (465, TlsMode::Implicit), (2525, TlsMode::Starttls)];

fn all(outcomes: [Outcome; 3]) -> Vec<(u16, TlsMode, Outcome)> {
    TREE.iter().zip(outcomes).map(|((port, tls), outcome)| (*port, *tls, outcome)).collect()
}

/// Step, port and plan of what comes next.
fn submits(next: &Next, case: &Case) -> Option<(String, u16, String)> {
    match next {
        Next::Submit { plan, route, .. } => {
            let port = case.routes.iter().find(|r| r.id == *route)?.port;
            Some((plan.step.clone(), port, plan.text.clone()))
        }
        _ => None,
    }
}

#[test]
fn one_attempt_on_the_route_to_recommend_after_the_routes_are_settled() {
    use Outcome::{Filtered, NotTried, Works};
    for (outcomes, port) in
        [([Works, NotTried, NotTried], 587), ([Filtered, Works, NotTried], 465), ([Works, Works, Works], 587)]
    {
        let mut case = walked(ann, &all(outcomes));
        let (step, at, text) = submits(&case.next(), &case).unwrap();
        assert_eq!((step.as_str(), at), (SIGN_IN, port));
        assert!(
            text.contains("signs in as ann by SCRAM-SHA-256 with the password given, one attempt"),
            "{text}"
        );
        assert!(text.ends_with("; no mail is sent"));
        // Whatever came of it: not again, and not on the next port.
        case.enter(SIGN_IN);
        case.routes[usize::from(port == 465)].outcome = Outcome::AuthFailed;
        assert!(matches!(case.next(), Next::Conclude(_)), "{:?}", case.next());
    }
}

#[test]
fn with_all_and_repeat_it_is_still_one() {
    let mut case = walked(
        |case| {
            ann(case);
            case.started.all = true;
            case.started.repeat = 3;
        },
        &all([Outcome::Works; 3]),
    );
    for _ in 1..3 {
        for id in case.routes.iter().map(|route| route.id).collect::<Vec<_>>() {
            case.end(id, Outcome::Works);
        }
    }
    case.add(25, TlsMode::Starttls, RouteOrigin::Information);
    let id = case.routes[3].id;
    for _ in 0..3 {
        case.end(id, Outcome::Refused);
    }
    let mut seen = 0;
    for _ in 0..10 {
        match case.next() {
            Next::Submit { plan, .. } => {
                seen += 1;
                case.enter(&plan.step);
            }
            Next::Conclude(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, 1);
}

#[test]
fn no_secret_where_nothing_is_verified() {
    let mut case = walked(ann, &[(587, TlsMode::None, Outcome::Works)]);
    case.started.routes = vec!["587/none".parse().unwrap()];
    assert!(!matches!(case.next(), Next::Submit { .. }));
    let mut case = walked(ann, &all([Outcome::Works, Outcome::NotTried, Outcome::NotTried]));
    case.routes[0].verified = false;
    assert!(!matches!(case.next(), Next::Submit { .. }));
}

#[test]
fn an_envelope_needs_no_sign_in() {
    let case = walked(letter, &all([Outcome::Works, Outcome::NotTried, Outcome::NotTried]));
    let (step, port, text) = submits(&case.next(), &case).unwrap();
    assert_eq!((step.as_str(), port), (ENVELOPE, 587));
    assert_eq!(
        text,
        "connects to smtp.example.com port 587 once more, names the sender <ann@example.com> and the recipient \
         <bob@example.net>, takes it back with RSET, on another connection names the sender in cleartext and takes it \
         back, to see whether STARTTLS is insisted on; no mail and no password is sent"
    );
}

#[test]
fn a_message_needs_consent() {
    let wanted = |answer: Option<&str>| {
        let mut case = walked(
            |case| {
                letter(case);
                case.started.submit.send_test = true;
            },
            &all([Outcome::Works, Outcome::NotTried, Outcome::NotTried]),
        );
        if let Some(answer) = answer {
            case.answer(ASK_SEND, answer);
        }
        let next = case.next();
        (submits(&next, &case).map(|(_, _, text)| text), next)
    };
    assert_eq!(wanted(None).1, Next::Question { question: ASK_SEND.into(), default: "no".into() });
    assert!(wanted(Some("yes")).0.unwrap().contains("sends ONE SMALL MESSAGE"));
    let declined = wanted(Some("no")).0.unwrap();
    assert!(declined.contains("RSET") && declined.ends_with("no mail and no password is sent"));
}

#[test]
fn somebody_at_the_screen_is_asked_whether_to_sign_in() {
    let mut case = walked(|_| {}, &all([Outcome::Works, Outcome::NotTried, Outcome::NotTried]));
    let asks = Settings { asks: true, ..case.settings() };
    let question = Next::Question { question: ASK_SIGN_IN.into(), default: "no".into() };
    assert_eq!(next_of(&case.known(), &asks), question);
    assert!(matches!(case.next(), Next::Conclude(_)), "nobody is there to be asked");
    case.answer(ASK_SIGN_IN, "no");
    assert!(matches!(next_of(&case.known(), &asks), Next::Conclude(_)));
    let mut tokens = walked(|_| {}, &all([Outcome::Works, Outcome::NotTried, Outcome::NotTried]));
    tokens.routes[0].after_tls = offered("250-mx\r\n250 AUTH XOAUTH2\r\n");
    assert!(matches!(next_of(&tokens.known(), &asks), Next::Conclude(_)), "a password would be no use");
}

#[test]
fn a_second_attempt_is_by_order_and_its_plan_warns() {
    let mut case = walked(ann, &all([Outcome::Works, Outcome::NotTried, Outcome::NotTried]));
    case.enter(SIGN_IN);
    case.routes[0].submission = Some(Submission::default());
    case.routes[0].outcome = Outcome::AuthFailed;
    let next = super::again(&case.known(), SIGN_IN).unwrap();
    let (_, port, text) = submits(&next, &case).unwrap();
    assert_eq!(port, 587);
    assert!(text.starts_with("a second attempt to sign in: many providers lock an account"), "{text}");
    assert!(super::again(&case.known(), ENVELOPE).is_none());
}
