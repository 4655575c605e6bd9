//! The lab: its scenarios, which of them are listed, which one is walked.

use super::{Pace, Stage, Ui};
use crate::guide::quiz::Score;

/// One scenario of the lab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Practice {
    /// What follows `lab:`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it teaches.
    pub lesson: String,
    /// What it is about; the list is grouped by it.
    pub topic: &'static str,
    /// From 1, easy, to 3.
    pub difficulty: u8,
    /// What the caller reported.
    pub story: String,
    /// What their application printed.
    pub printed: Option<String>,
    /// What is to be found out.
    pub task: String,
    /// What to take home.
    pub closing: String,
    /// Codes of the findings that it shows; the list can be searched for them, and does not print them.
    pub codes: Vec<String>,
    /// The best score so far, where it was solved.
    pub solved: Option<Score>,
}

impl Practice {
    /// All that the list is searched in, in small letters: what is seen of the scenario before it is walked, and codes.
    fn searched(&self) -> String {
        let seen = [
            &self.id,
            &self.title,
            self.topic,
            level(self.difficulty),
            &self.story,
            self.printed.as_deref().unwrap_or_default(),
            &self.task,
        ];
        [seen.join("\n"), self.codes.join("\n")].join("\n").to_lowercase()
    }
}

/// Scenarios, and a word to the reader about them.
type Give = Box<dyn FnOnce() -> (Vec<Practice>, Option<String>) + Send>;

/// Gives the lab's scenarios when they are first needed: reading them takes a while that nobody should wait who does not
/// want them.
#[derive(Default)]
pub struct Supply(Option<Give>);

impl Supply {
    /// A supply.
    pub fn new(give: impl FnOnce() -> (Vec<Practice>, Option<String>) + Send + 'static) -> Self {
        Self(Some(Box::new(give)))
    }
}

impl std::fmt::Debug for Supply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Supply(waiting)" } else { "Supply(empty)" })
    }
}

impl Ui {
    /// Fetches the lab's scenarios, where that has not been done.
    pub fn need_practices(&mut self) {
        if let Some(give) = self.supply.0.take() {
            (self.practices, self.notice) = give();
        }
    }

    /// The scenario of the lab that is walked.
    pub fn case(&self) -> Option<&Practice> {
        let id = self.session.started()?.input.strip_prefix("lab:")?;
        self.practices.iter().find(|practice| practice.id == id)
    }

    /// The step before which the lab asks what is expected.
    pub fn predicting(&self) -> Option<&str> {
        let step = &self.session.steps().last()?.id;
        let asks = self.asks && self.stage == Stage::Ready && self.pace == Pace::Guided;
        (asks && self.case().is_some() && self.quiz.asks(&self.session, step)).then_some(step)
    }

    /// The scenarios that are listed, as indices.
    pub fn listed(&self) -> Vec<usize> {
        let filter = self.filter.to_lowercase();
        let words: Vec<&str> = filter.split_whitespace().collect();
        let has = |practice: &Practice| {
            let text = practice.searched();
            words.iter().all(|word| text.contains(word))
        };
        (0..self.practices.len()).filter(|at| self.practices.get(*at).is_some_and(has)).collect()
    }
}

/// A difficulty in a word.
pub fn level(difficulty: u8) -> &'static str {
    match difficulty {
        0 | 1 => "easy",
        2 => "medium",
        _ => "hard",
    }
}
