//! What `check` and `replay` print: [`text`] for people, [`json`] for programs, [`markdown`] for tickets.
//!
//! Pure functions of a session. The JSON has types of its own (`ehlo-report/1`), so that the session may change and
//! the report does not.

use crate::guide::recommendation::{Status, recommend};
use crate::session::{Session, Severity};
use crate::target::Goal;

pub mod command;
pub mod explain;
pub mod json;
pub mod markdown;
pub mod page;
pub mod text;

/// The exit status that a report stands for: 0 a route is ready, 1 only after a fix, 2 none.
/// With the goal `inbox` no route is needed: 0, or 1 where a finding is an error.
pub fn exit_status(session: &Session) -> u8 {
    let goal = session.started().map(|started| started.goal).unwrap_or_default();
    if goal == Goal::Inbox && !is_malformed(session) {
        let wrong = session.findings().iter().any(|finding| finding.severity == Severity::Error);
        return u8::from(wrong);
    }
    match recommend(session).map(|recommendation| recommendation.status) {
        Some(Status::Ready) => 0,
        Some(Status::AfterFix) => 1,
        None => 2,
    }
}

fn is_malformed(session: &Session) -> bool {
    session.started().is_some_and(|started| started.malformed.is_some())
}
