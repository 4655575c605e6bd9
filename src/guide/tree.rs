//! The decision tree as data: `assets/tree.toml`, read and proven.
//!
//! ```
//! use ehlo::guide::tree;
//! assert_eq!(tree::title("route-587-starttls"), "587 STARTTLS");
//! assert!(tree::tree().question("sender").is_some());
//! ```

use std::sync::LazyLock;

use serde::Deserialize;

use crate::guide::path::mode_word;
use crate::session::route::Phase;
use crate::target::RouteSpec;

/// The tree.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// Questions, with the answers that lead on.
    pub questions: Vec<Question>,
    /// Steps, each with its lesson.
    pub steps: Vec<Step>,
}

/// A question of the tree.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Its id: `sender`, `offers-2525`.
    pub id: String,
    /// A short title for the breadcrumb.
    pub title: String,
    /// The question in one sentence.
    pub text: String,
    /// What it is about, for a junior.
    pub lesson: String,
    /// RFC and section.
    pub reference: String,
    /// The answers.
    pub answers: Vec<AnswerChoice>,
}

/// One answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerChoice {
    /// Its id: `app`, `server`, `spam`, `error`.
    pub id: String,
    /// In words.
    pub text: String,
    /// What it leads to, in words.
    pub leads_to: String,
    /// The question or step that it leads to, by id.
    pub to: String,
}

/// A step of the walk, or a part of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its id: `host`, `route-587-starttls`, `route` (any other route), `way-out`, `verdict`; parts of a route:
    /// `connect`, `greeting`, `ehlo`, `starttls`, `tls`, `certificate`, `ehlo-after-tls`,
    /// `sign-in`, `envelope`.
    pub id: String,
    /// A short title for the breadcrumb: may name `{port}` and `{mode}`.
    pub title: String,
    /// Why this step is done, in two or three sentences.
    pub why: String,
    /// What it teaches.
    pub lesson: String,
    /// RFC and section.
    pub reference: String,
    /// Ids of the questions and steps that may follow; only the verdict has none.
    #[serde(default)]
    pub next: Vec<String>,
}

static TREE: LazyLock<Tree> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/tree.toml")).unwrap_or_default());

/// The tree that is built in.
pub fn tree() -> &'static Tree {
    &TREE
}

impl Tree {
    /// A question by its id.
    pub fn question(&self, id: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.id == id)
    }

    /// A step by its id. A route without an entry of its own has the one of routes in general.
    pub fn step(&self, id: &str) -> Option<&Step> {
        let exact = |id: &str| self.steps.iter().find(|step| step.id == id);
        let plain = id.split_once('@').map_or(id, |(plain, _)| plain);
        exact(plain).or_else(|| route_of(plain).and_then(|_| exact("route")))
    }

    /// What a phase of a route's probe teaches.
    pub fn phase(&self, phase: Phase) -> Option<&Step> {
        self.step(match phase {
            Phase::Connect => "connect",
            Phase::Greeting => "greeting",
            Phase::Ehlo => "ehlo",
            Phase::EhloAfterTls | Phase::Quit => "ehlo-after-tls",
            Phase::Starttls => "starttls",
            Phase::Tls => "tls",
            Phase::Auth => "sign-in",
            Phase::Envelope => "envelope",
            Phase::Inspect => "certificate",
        })
    }
}

/// Port and mode of a route's step id.
fn route_of(id: &str) -> Option<RouteSpec> {
    let (port, tls) = id.strip_prefix("route-")?.split_once('-')?;
    format!("{port}/{tls}").parse().ok()
}

/// The short title of a step or question, with port and mode filled in; the id where the tree does not know it.
pub fn title(id: &str) -> String {
    if let Some(question) = tree().question(id) {
        return question.title.clone();
    }
    let Some(step) = tree().step(id) else { return id.to_owned() };
    let plain = id.split_once('@').map_or(id, |(plain, _)| plain);
    match route_of(plain) {
        Some(route) => {
            let title = step.title.replace("{port}", &route.port.to_string());
            let title = title.replace("{mode}", mode_word(route.tls));
            match id.split_once('@') {
                Some((_, host)) => format!("{title} {host}"),
                None => title,
            }
        }
        None => step.title.clone(),
    }
}

#[cfg(test)]
mod tests;
