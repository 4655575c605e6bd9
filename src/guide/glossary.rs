//! What a line means, for a learner: `assets/glossary.toml`.

use crate::session::{Line, Session};

/// An explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// One to four short sentences.
    pub text: String,
    /// RFC and section.
    pub reference: Option<String>,
}

/// Explains a line; `None` where there is nothing to say that the line does not say itself.
pub fn explain(_session: &Session, _line: &Line) -> Option<Note> {
    todo!()
}
