//! Predict, then see: what a learner may expect of a step, what came of it, and why.
//!
//! The choices follow from the plan of the step, never from what the scenario holds, so that they give nothing away.
//! What came of a step is read from the session.
//!
//! ```
//! use ehlo::guide::quiz::Quiz;
//! use ehlo::session::{Session, testing};
//!
//! let mut session = Session::default();
//! for event in testing::healthy_587() {
//!     session.apply(&event);
//! }
//! let mut quiz = Quiz::default();
//! quiz.predict("route-587-starttls", "works");
//! assert_eq!(quiz.score(&session).right, 1);
//! ```

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::guide::tree::{Step, tree};
use crate::guide::walk::{self, StepState};
use crate::guide::words::words_in;
use crate::guide::{plan, tree as the_tree};
use crate::session::route::State;
use crate::session::{Outcome, Route, Session};
use crate::target::TlsMode;

/// Something to expect of a step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Its id.
    pub id: String,
    /// Of which step: `host`, `route`, `sign-in`, `envelope`, `way-out`, or `any`.
    of: String,
    /// Where it makes sense: `starttls`, `repeat`; everywhere where nothing is said.
    only: Option<String>,
    /// In words.
    pub text: String,
    /// What it means that it came so.
    pub why: String,
    /// The step of the tree to read again.
    lesson: String,
}

/// What is said where a learner lets the walk run on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunOn {
    /// At once.
    pub long: String,
    /// The same for a narrow screen.
    pub short: String,
    missed: String,
}

#[derive(Default, Deserialize)]
struct File {
    run_on: RunOn,
    answer: Vec<Answer>,
}

static WORDS: LazyLock<File> = LazyLock::new(|| {
    // A test proves that the file can be read.
    toml::from_str::<File>(include_str!("../../assets/quiz.toml")).unwrap_or_default()
});

static ANSWERS: LazyLock<&'static [Answer]> = LazyLock::new(|| WORDS.answer.as_slice());

/// What is said where a learner lets the walk run on.
pub fn run_on() -> &'static RunOn {
    &WORDS.run_on
}

/// What was expected, and what came.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The step.
    pub step: String,
    /// Its title.
    pub title: String,
    /// What was expected.
    pub expected: &'static Answer,
    /// What came.
    pub came: &'static Answer,
    /// Why it came so, in sentences.
    pub why: Vec<String>,
}

impl Judged {
    /// Whether it came as expected.
    pub fn right(&self) -> bool {
        std::ptr::eq(self.expected, self.came)
    }

    /// The lesson to read again.
    pub fn lesson(&self) -> Option<&'static Step> {
        tree().step(&self.came.lesson)
    }
}

/// How well the predictions were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Right ones.
    pub right: u16,
    /// Of so many.
    pub of: u16,
}

impl Score {
    /// The better of two; of equals the one with more questions.
    pub fn better(self, other: Self) -> Self {
        let share = |score: Self, of: Self| u32::from(score.right) * u32::from(of.of.max(1));
        let (mine, its) = (share(self, other), share(other, self));
        if (its, other.of) > (mine, self.of) { other } else { self }
    }
}

/// The predictions of one walk.
#[derive(Clone, Debug, Default)]
pub struct Quiz {
    predictions: Vec<(String, &'static Answer)>,
}

impl Quiz {
    /// Whether to ask before this step: once for each, where there is something to expect.
    pub fn asks(&self, session: &Session, step: &str) -> bool {
        !self.predictions.iter().any(|(known, _)| known == step) && !choices(session, step).is_empty()
    }

    /// Notes a prediction; the first for a step stands.
    pub fn predict(&mut self, step: &str, answer: &str) {
        let known = ANSWERS.iter().find(|known| known.id == answer);
        if let Some(answer) = known.filter(|_| !self.predictions.iter().any(|(asked, _)| asked == step)) {
            self.predictions.push((step.to_owned(), answer));
        }
    }

    /// What came of a step for which there is a prediction; `None` before its end.
    pub fn judge(&self, session: &Session, step: &str) -> Option<Judged> {
        let (_, expected) = self.predictions.iter().find(|(known, _)| known == step)?;
        let came = came(session, step)?;
        let path = walk::path(session);
        let title = path.iter().find(|shown| shown.id == step).map(|shown| shown.title.clone());
        let title = title.unwrap_or_else(|| the_tree::title(step));
        Some(Judged { step: step.to_owned(), title, expected, came, why: why(session, step, came) })
    }

    /// All that has been judged so far, in the order of the walk.
    pub fn judged(&self, session: &Session) -> Vec<Judged> {
        self.predictions.iter().filter_map(|(step, _)| self.judge(session, step)).collect()
    }

    /// The titles of the steps that ended without a prediction though there was something to expect.
    fn unpredicted(&self, session: &Session) -> Vec<String> {
        let asked = walk::path(session).into_iter();
        asked
            .filter(|step| self.asks(session, &step.id) && came(session, &step.id).is_some())
            .map(|step| step.title)
            .collect()
    }

    /// The same in a sentence; empty where there is none.
    pub fn missed(&self, session: &Session) -> String {
        match self.unpredicted(session).as_slice() {
            [] => String::new(),
            missed => format!("{} {}", missed.join(", "), WORDS.run_on.missed),
        }
    }

    /// Whether the scenario is solved: of all that could be predicted, two thirds were predicted right.
    pub fn solves(&self, session: &Session) -> bool {
        let score = self.score(session);
        let all = usize::from(score.of) + self.unpredicted(session).len();
        score.of > 0 && usize::from(score.right) * 3 >= all * 2
    }

    /// The score so far.
    pub fn score(&self, session: &Session) -> Score {
        let mut score = Score::default();
        for judged in self.judged(session) {
            score.of += 1;
            score.right += u16::from(judged.right());
        }
        score
    }
}

fn route_of<'a>(session: &'a Session, step: &str) -> Option<&'a Route> {
    session.routes().iter().find(|route| plan::step_id(route) == step)
}

/// What may be expected of a step whose plan is shown; nothing where there is nothing to guess.
pub fn choices(session: &Session, step: &str) -> Vec<&'static Answer> {
    let route = route_of(session, step);
    let kind = if route.is_some() { "route" } else { step };
    let started = session.started();
    let makes_sense = |answer: &&Answer| match (answer.only.as_deref(), route) {
        (Some("starttls"), Some(route)) => route.tls == TlsMode::Starttls,
        (Some("repeat"), _) => started.is_some_and(|started| started.repeat > 1),
        _ => true,
    };
    let without_tls = route.is_some_and(|route| route.tls == TlsMode::None);
    let about_tls = |answer: &&Answer| matches!(answer.id.as_str(), "tls" | "certificate");
    let mut found: Vec<&Answer> = ANSWERS
        .iter()
        .filter(|answer| answer.of == kind && kind != "any")
        .filter(makes_sense)
        .filter(|answer| !(without_tls && about_tls(answer)))
        .collect();
    if !found.is_empty() {
        found.extend(ANSWERS.iter().filter(|answer| answer.of == "any"));
    }
    found
}

/// What came of a step; `None` where it has not ended or was passed over.
fn came(session: &Session, step: &str) -> Option<&'static Answer> {
    let id = match route_of(session, step) {
        Some(route) => of_route(session, route)?,
        None => of_step(session, step)?,
    };
    ANSWERS.iter().find(|answer| answer.id == id)
}

fn of_route(session: &Session, route: &Route) -> Option<&'static str> {
    if route.state != State::Ended {
        return None;
    }
    let works = route.rounds.iter().filter(|round| round.outcome == Outcome::Works).count();
    let repeat = session.started().map_or(1, |started| started.repeat);
    if repeat > 1 && works > 0 && works < route.rounds.len() {
        return Some("flaky");
    }
    Some(match route.outcome {
        // Signing in is a step of its own, on a connection of its own: the route itself came as far as it should.
        Outcome::Works | Outcome::AuthFailed => "works",
        Outcome::Filtered => "silence",
        Outcome::Refused | Outcome::Unreachable => "refused",
        Outcome::Closed | Outcome::Silent | Outcome::NotSmtp | Outcome::Rejected | Outcome::Interrupted => {
            "dialogue"
        }
        Outcome::ModeMismatch => "mode",
        Outcome::NoStarttls | Outcome::StarttlsRefused => "upgrade",
        Outcome::TlsFailed => "tls",
        Outcome::CertInvalid => "certificate",
        Outcome::NotTried => return None,
    })
}

fn of_step(session: &Session, step: &str) -> Option<&'static str> {
    let state = walk::path(session).into_iter().find(|shown| shown.id == step)?.state;
    let good = match state {
        StepState::Good => true,
        StepState::Bad => false,
        StepState::Ahead | StepState::Current | StepState::Skipped => return None,
    };
    let has = |code: &str| session.findings().iter().any(|finding| finding.code == code);
    Some(match (step, good) {
        ("host", true) => "address",
        ("host", false) if has("dns-nxdomain") => "no-name",
        ("host", false) if has("dns-no-address") => "no-address",
        ("host", false) => "no-answer",
        ("sign-in", true) => "signed-in",
        ("sign-in", false) => "sign-in",
        ("envelope", true) => "envelope",
        ("envelope", false) => "envelope-refused",
        ("way-out", true) => "alive",
        ("way-out", false) => "dead",
        _ => return None,
    })
}

/// Why it came so: what the end means in general, then what was found in this case.
fn why(session: &Session, step: &str, came: &Answer) -> Vec<String> {
    let mut why = vec![came.why.clone()];
    let route = route_of(session, step).map(|route| route.id);
    let about = |code: &str| match step {
        "host" => code.starts_with("dns-") || code.starts_with("hosts-"),
        "way-out" => code == "egress-blocked",
        _ => false,
    };
    let found = session.findings().iter().filter(|finding| match route {
        Some(_) => finding.route == route,
        None => finding.route.is_none() && about(finding.code),
    });
    why.extend(found.take(3).map(|finding| words_in(session, finding).summary));
    why
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ConnectOutcome, Event, EventKind};
    use crate::session::testing::{self, Tape};

    fn ids(session: &Session, step: &str) -> Vec<&'static str> {
        choices(session, step).into_iter().map(|answer| answer.id.as_str()).collect()
    }

    fn session(events: &[Event]) -> Session {
        let mut session = Session::default();
        events.iter().for_each(|event| session.apply(event));
        session
    }

    #[test]
    fn the_answers_are_whole() {
        assert!(ANSWERS.len() > 10);
        // They fit into the line of the keys.
        assert!(run_on().long.len() <= 78 && run_on().short.len() <= 38);
        for answer in ANSWERS.iter() {
            assert!(!answer.text.is_empty() && answer.text.len() <= 60, "{}", answer.id);
            let known = ["starttls", "credentials", "repeat"];
            assert!(answer.only.as_deref().is_none_or(|only| known.contains(&only)), "{}", answer.id);
            let whole = answer.why.ends_with('.') && tree().step(&answer.lesson).is_some();
            assert!(whole || answer.id == "pass", "{}", answer.id);
            assert_eq!(ANSWERS.iter().filter(|other| other.id == answer.id).count(), 1, "{}", answer.id);
        }
    }

    #[test]
    fn choices_follow_from_the_plan_and_give_nothing_away() {
        let mut tape = Tape::new();
        tape.route(587, TlsMode::Starttls);
        tape.route(465, TlsMode::Implicit);
        tape.route(25, TlsMode::None);
        let session = tape.session();
        let starttls = ids(&session, "route-587-starttls");
        assert_eq!(
            starttls,
            ["works", "silence", "refused", "dialogue", "mode", "upgrade", "tls", "certificate", "pass"]
        );
        assert!(!ids(&session, "route-465-implicit").contains(&"upgrade"));
        assert!(!ids(&session, "route-25-none").contains(&"certificate"));
        assert_eq!(ids(&session, "host"), ["address", "no-name", "no-address", "no-answer", "pass"]);
        assert_eq!(ids(&session, "way-out"), ["alive", "dead", "pass"]);
        for nothing_to_guess in ["verdict", "discover", "route-2525-starttls", "any"] {
            let found = ids(&session, nothing_to_guess);
            assert!(found.is_empty(), "{nothing_to_guess}: {found:?}");
        }
    }

    #[test]
    fn a_step_is_judged_at_its_end_and_asked_about_once() {
        let mut quiz = Quiz::default();
        let events = testing::healthy_587();
        let whole = session(&events);
        assert!(quiz.asks(&whole, "route-587-starttls"));
        quiz.predict("route-587-starttls", "silence");
        quiz.predict("route-587-starttls", "works");
        quiz.predict("host", "address");
        quiz.predict("nowhere", "no such answer");
        assert!(!quiz.asks(&whole, "route-587-starttls"));
        let before = events.iter().position(|event| matches!(event.kind, EventKind::Sent { .. })).unwrap();
        let half = session(&events[..before]);
        assert!(quiz.judge(&half, "route-587-starttls").is_none(), "it still runs");
        let judged = quiz.judge(&whole, "route-587-starttls").unwrap();
        assert!(!judged.right(), "the first prediction stands");
        assert_eq!((judged.came.id.as_str(), judged.title.as_str()), ("works", "587 STARTTLS"));
        assert_eq!(judged.lesson().unwrap().id, "connect");
        assert_eq!(quiz.score(&whole), Score { right: 1, of: 2 });
        assert!(!quiz.solves(&whole), "one of two");
        assert!(!Quiz::default().solves(&whole), "nothing asked, nothing solved");
    }

    #[test]
    fn what_nobody_predicted_is_named() {
        let whole = session(&testing::healthy_587());
        let mut quiz = Quiz::default();
        assert_eq!(quiz.missed(&whole), "Host, 587 STARTTLS ran on without a prediction.");
        quiz.predict("host", "address");
        assert_eq!(quiz.missed(&whole), "587 STARTTLS ran on without a prediction.");
        assert!(!quiz.solves(&whole), "one right prediction, and the rest ran on");
        quiz.predict("route-587-starttls", "works");
        assert!(quiz.solves(&whole));
        assert_eq!(quiz.missed(&whole), "");
    }

    #[test]
    fn what_came_is_explained_with_what_was_found() {
        let mut tape = Tape::new();
        tape.blocked(587, TlsMode::Starttls, ConnectOutcome::TimedOut, 5_000);
        let session = tape.session();
        let mut quiz = Quiz::default();
        quiz.predict("route-587-starttls", "silence");
        let judged = quiz.judge(&session, "route-587-starttls").unwrap();
        assert!(judged.right());
        assert!(judged.why.len() == 2 && judged.why[1].contains("587"), "{:?}", judged.why);
    }

    #[test]
    fn a_refused_sign_in_is_no_fault_of_the_route() {
        let mut session = Session::default();
        for event in testing::healthy_587() {
            session.apply(&event);
        }
        let mut route = session.routes()[0].clone();
        route.outcome = Outcome::AuthFailed;
        assert_eq!(of_route(&session, &route), Some("works"), "the sign-in is a step of its own");
        for (step, wanted) in
            [("sign-in", ["signed-in", "sign-in"]), ("envelope", ["envelope", "envelope-refused"])]
        {
            let offered: Vec<&str> =
                choices(&session, step).iter().map(|answer| answer.id.as_str()).collect();
            assert!(offered.starts_with(&wanted), "{offered:?}");
        }
    }

    #[test]
    fn every_outcome_has_an_answer() {
        let mut tape = Tape::new();
        tape.blocked(587, TlsMode::Starttls, ConnectOutcome::Reset, 20);
        let session = tape.session();
        let mut route = session.routes()[0].clone();
        for outcome in [
            Outcome::Works,
            Outcome::Filtered,
            Outcome::Refused,
            Outcome::Unreachable,
            Outcome::Closed,
            Outcome::Silent,
            Outcome::NotSmtp,
            Outcome::Rejected,
            Outcome::ModeMismatch,
            Outcome::NoStarttls,
            Outcome::StarttlsRefused,
            Outcome::Interrupted,
            Outcome::TlsFailed,
            Outcome::CertInvalid,
            Outcome::AuthFailed,
        ] {
            route.outcome = outcome;
            let id = of_route(&session, &route).unwrap();
            assert!(ANSWERS.iter().any(|answer| answer.id == id && answer.of == "route"), "{outcome:?}");
        }
        route.outcome = Outcome::NotTried;
        assert_eq!(of_route(&session, &route), None);
    }
}
