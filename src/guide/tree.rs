//! The decision tree as data: `assets/tree.toml`, read and proven.

use serde::Deserialize;

/// The tree.
#[derive(Clone, Debug, Deserialize)]
pub struct Tree {
    /// Questions, with the answers that lead on.
    pub questions: Vec<Question>,
    /// Steps, each with its lesson.
    pub steps: Vec<Step>,
}

/// A question of the tree.
#[derive(Clone, Debug, Deserialize)]
pub struct Question {
    /// Its id: `sender`, `offers-2525`.
    pub id: String,
    /// The question in one sentence.
    pub text: String,
    /// What it is about, for a junior.
    pub lesson: String,
    /// The answers.
    pub answers: Vec<AnswerChoice>,
}

/// One answer.
#[derive(Clone, Debug, Deserialize)]
pub struct AnswerChoice {
    /// Its id: `app`, `server`, `spam`, `error`.
    pub id: String,
    /// In words.
    pub text: String,
    /// What it leads to, in words.
    pub leads_to: String,
}

/// A step of the walk.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// Its id: `sender`, `host`, `route` (for each route), `way-out`, `verdict`, …
    pub id: String,
    /// A short title for the breadcrumb: may name `{port}` and `{mode}`.
    pub title: String,
    /// Why this step is done, in two or three sentences.
    pub why: String,
    /// What it teaches.
    pub lesson: String,
    /// RFC and section.
    pub reference: String,
}

/// The tree that is built in.
pub fn tree() -> &'static Tree {
    todo!()
}
