use std::collections::HashSet;

use super::*;
use crate::event::RouteOrigin;
use crate::guide::provider;
use crate::guide::testing::Case;
use crate::guide::walk::Next;
use crate::session::Outcome;
use crate::target::{Goal, TlsMode};

/// Where a node leads; `None` where there is no such node.
fn edges(id: &str) -> Option<Vec<&'static str>> {
    if let Some(question) = tree().question(id) {
        return Some(question.answers.iter().map(|answer| answer.to.as_str()).collect());
    }
    tree().steps.iter().find(|step| step.id == id).map(|step| step.next.iter().map(String::as_str).collect())
}

fn ids() -> impl Iterator<Item = &'static str> {
    let questions = tree().questions.iter().map(|question| question.id.as_str());
    questions.chain(tree().steps.iter().map(|step| step.id.as_str()))
}

#[test]
fn the_asset_reads() {
    let read: Result<Tree, _> = toml::from_str(include_str!("../../../assets/tree.toml"));
    assert!(read.is_ok(), "{read:?}");
}

#[test]
fn ids_are_unique_and_every_edge_leads_to_one() {
    let mut seen = HashSet::new();
    for id in ids() {
        assert!(seen.insert(id), "{id} stands twice");
    }
    for id in ids() {
        for to in edges(id).unwrap() {
            assert!(seen.contains(to), "{id} leads to {to}, which does not exist");
        }
    }
}

/// All that can be reached from here.
fn reach(from: &'static str) -> HashSet<&'static str> {
    let mut seen = HashSet::from([from]);
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        open.extend(edges(id).unwrap().into_iter().filter(|to| seen.insert(to)));
    }
    seen
}

#[test]
fn every_node_is_reached_and_leads_to_the_verdict_where_alone_it_ends() {
    let reached = reach("sender");
    for id in ids() {
        assert!(reached.contains(id), "nothing leads to {id}");
        assert!(reach(id).contains("verdict"), "{id} never comes to a verdict");
        assert_eq!(edges(id).unwrap().is_empty(), id == "verdict", "{id}");
    }
}

#[test]
fn every_lesson_is_whole_and_cites_a_section() {
    let is_reference = |text: &str| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        text.strip_prefix("RFC ")
            .and_then(|rest| rest.split_once(" §"))
            .is_some_and(|(rfc, section)| digits(rfc) && section.split('.').all(digits))
    };
    let sentences = |id: &str, text: &str| {
        assert!(text.trim() == text && text.ends_with(['.', '?']), "{id}: {text:?}");
        assert!(!text.contains("  ") && !text.contains('\n'), "{id}: white space in {text:?}");
    };
    for question in &tree().questions {
        sentences(&question.id, &question.text);
        sentences(&question.id, question.lesson.trim_start());
        assert!(is_reference(&question.reference), "{}", question.reference);
        assert!(question.answers.len() >= 2 && !question.title.is_empty());
        for answer in &question.answers {
            sentences(&answer.id, &answer.leads_to);
            assert!(!answer.text.is_empty());
        }
    }
    for step in &tree().steps {
        sentences(&step.id, &step.why);
        sentences(&step.id, &step.lesson);
        assert!(is_reference(&step.reference), "{}", step.reference);
        assert!(!step.title.is_empty());
    }
}

#[test]
fn the_walk_asks_and_enters_only_what_the_tree_knows() {
    let ends = [Outcome::Works, Outcome::Filtered, Outcome::ModeMismatch, Outcome::Refused];
    for (sender, goal) in
        [("app", Goal::Submit), ("server", Goal::Relay), ("spam", Goal::Inbox), ("error", Goal::Submit)]
    {
        for answer in tree().questions.iter().flat_map(|question| &question.answers) {
            for end in ends {
                let mut case = Case::new("smtp.example.com");
                case.started.all = true;
                case.started.goal = goal;
                case.answer("sender", sender);
                for question in &tree().questions {
                    if question.answers.iter().any(|a| a.id == answer.id) && question.id != "sender" {
                        case.answer(&question.id, &answer.id);
                    }
                }
                for node in case.walk(&|_| end) {
                    let (id, chosen) = match node.split_once('=') {
                        Some((id, chosen)) => (id.to_owned(), Some(chosen)),
                        None => (node.clone(), None),
                    };
                    match chosen {
                        Some(chosen) => {
                            let question = tree().question(&id).unwrap_or_else(|| panic!("no question {id}"));
                            assert!(question.answers.iter().any(|a| a.id == chosen), "{id} has no {chosen}");
                        }
                        None => assert!(tree().step(&id).is_some(), "no step {id}"),
                    }
                }
            }
        }
    }
}

#[test]
fn any_route_has_a_title_and_a_lesson() {
    assert_eq!(title("sender"), "Sender");
    assert_eq!(title("route-587-starttls"), "587 STARTTLS");
    assert_eq!(title("route-8025-implicit"), "8025 implicit TLS");
    assert_eq!(title("route-25-starttls@mx1.example.com"), "25 STARTTLS mx1.example.com");
    assert_eq!(title("route-1025-none"), "1025 no TLS");
    assert!(tree().step("route-0-starttls").is_none());
    assert!(tree().step("route-587-ssl").is_none());
    for provider in provider::all() {
        for route in provider.in_order() {
            let id = crate::guide::plan::step_id_of(route.port, route.tls);
            assert!(tree().step(&id).is_some(), "{id}");
            assert!(title(&id).starts_with(&route.port.to_string()), "{id}");
        }
    }
}

#[test]
fn every_phase_teaches_something() {
    for phase in [
        Phase::Connect,
        Phase::Greeting,
        Phase::Ehlo,
        Phase::Starttls,
        Phase::Tls,
        Phase::EhloAfterTls,
        Phase::Auth,
        Phase::Envelope,
        Phase::Quit,
        Phase::Inspect,
    ] {
        assert!(tree().phase(phase).is_some(), "{phase:?}");
    }
}

#[test]
fn a_default_is_one_of_the_answers() {
    let mut case = Case::new("smtp.example.com");
    case.add(587, TlsMode::Starttls, RouteOrigin::Tree);
    for sender in ["", "server", "spam", "error"] {
        let mut case = case.clone();
        if !sender.is_empty() {
            case.answer("sender", sender);
        }
        let Next::Question { question, default } = case.next() else { panic!("{sender} asks nothing") };
        let question = tree().question(&question).unwrap();
        assert!(question.answers.iter().any(|answer| answer.id == default));
    }
}
