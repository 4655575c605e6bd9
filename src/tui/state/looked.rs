//! What is looked at: the selected line, the step shown, the plan that waits.

use super::{Cursor, Stage, Ui, Viewed};
use crate::guide::tree::tree;
use crate::guide::walk::{PathStep, StepState};
use crate::session::Line;

impl Ui {
    /// The transcript's lines.
    pub fn lines(&self) -> &[Line] {
        self.session.transcript().lines()
    }

    /// The selected line and its index.
    pub fn selected(&self) -> Option<(usize, &Line)> {
        match self.cursor {
            Cursor::Line(at) => self.lines().get(at).map(|line| (at, line)),
            Cursor::Following | Cursor::Resting(_) => None,
        }
    }

    /// The step that is looked at.
    pub fn shown(&self) -> Option<&PathStep> {
        self.path.get(self.shown_index()?)
    }

    /// Its place in the path.
    pub fn shown_index(&self) -> Option<usize> {
        match &self.viewed {
            Viewed::Step(id) => self.path.iter().position(|step| step.id == *id),
            Viewed::Present => self.present_index(),
        }
    }

    /// The step to show where the reader does not look back: what runs; before a plan, what was done last; at the end,
    /// what the recommendation is about.
    fn present_index(&self) -> Option<usize> {
        // An answered question is no step that one would look at of oneself.
        let done = |step: &PathStep| {
            matches!(step.state, StepState::Good | StepState::Bad) && tree().question(&step.id).is_none()
        };
        let latest = self.session.steps().last();
        let latest = latest.and_then(|entered| self.path.iter().position(|step| step.id == entered.id));
        let last_done = || self.path.iter().rposition(done);
        match self.stage {
            Stage::Idle => None,
            Stage::Ready => latest
                .and_then(|at| self.path.get(..at)?.iter().rposition(done))
                .or(latest)
                .or_else(last_done),
            Stage::Over => {
                let route = self.recommendation.as_ref().map(|r| r.route);
                let recommended = route.and_then(|_| self.path.iter().position(|step| step.route == route));
                recommended
                    .or_else(|| self.path.iter().rposition(|step| done(step) && step.route.is_some()))
                    .or_else(last_done)
            }
            Stage::Working | Stage::Asking { .. } => latest
                .or_else(|| self.path.iter().position(|step| step.state == StepState::Current))
                .or_else(last_done),
        }
        .or(if self.path.is_empty() { None } else { Some(0) })
    }

    /// The plan that waits for a key: title and text.
    pub fn plan(&self) -> Option<(&str, &str)> {
        if self.stage != Stage::Ready {
            return None;
        }
        let entered = self.session.steps().last()?;
        let title = self.path.iter().find(|step| step.id == entered.id).map(|step| step.title.as_str());
        Some((title.unwrap_or(&entered.id), &entered.plan))
    }
}
