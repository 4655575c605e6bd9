//! Where keys go, and what can be done at the moment.

use super::{Cursor, Overlay, Pace, Screen, Stage, Ui, Viewed};
use crate::guide::walk::{self, StepState};
use crate::tui::keys::{Action, Place};
use crate::tui::message::Field;

impl Ui {
    /// The setting beside an error message that has the cursor.
    fn setting(&self) -> Option<Field> {
        self.message.as_ref()?.reading.as_ref()?.field
    }

    /// Where keys go.
    pub fn place(&self) -> Place {
        match (&self.overlay, self.screen) {
            (Overlay::Help(_) | Overlay::Why(_) | Overlay::Case(_), _) => Place::Page,
            (Overlay::Question(_) | Overlay::Predict(_) | Overlay::SignIn(_), _) => Place::Question,
            (_, Screen::Start) => Place::Start,
            (_, Screen::Message) => Place::Message,
            (_, Screen::Causes) if self.setting().is_some() => Place::Setting,
            (_, Screen::Causes) => Place::Causes,
            (_, Screen::Lab) => Place::Lab,
            (_, Screen::Walk) => Place::Walk,
            (_, Screen::Verdict) => Place::Verdict,
        }
    }

    /// Whether an action can be done at the moment.
    pub fn allows(&self, action: Action) -> bool {
        let started = self.session.started().is_some();
        let over = self.stage == Stage::Over;
        let waits = matches!(self.stage, Stage::Ready | Stage::Asking { .. });
        match action {
            Action::ReadPasted => self.message.as_ref().is_some_and(|message| message.pasted),
            Action::EmptyText => self.message.as_ref().is_some_and(|message| !message.area.text().is_empty()),
            Action::NextMode | Action::PreviousMode => self.setting() == Some(Field::Tls),
            Action::Next => self.viewed == Viewed::Present && waits && !self.ordered,
            Action::Present => self.viewed != Viewed::Present && !over,
            Action::ShowVerdict => over,
            Action::RunOn => started && !over && self.pace == Pace::Guided,
            Action::Pause => started && !over && self.pace == Pace::Running,
            Action::Stop => self.stage == Stage::Working && started,
            Action::LetGo if self.screen == Screen::Lab => !self.filter.is_empty(),
            Action::LetGo => {
                self.stage != Stage::Working
                    && (matches!(self.cursor, Cursor::Line(_)) || self.search.is_some())
            }
            Action::Skip => {
                self.viewed == Viewed::Present && (self.stage == Stage::Ready || !self.running.is_empty())
            }
            Action::Again => {
                self.stage != Stage::Working
                    && self.shown().is_some_and(|step| {
                        let was_run =
                            matches!(step.state, StepState::Good | StepState::Bad | StepState::Skipped);
                        was_run && walk::again(&self.session, &step.id).is_some()
                    })
            }
            Action::Back => self.screen == Screen::Verdict || self.shown_index().is_some_and(|at| at > 0),
            Action::Forward => self.viewed != Viewed::Present,
            Action::Follow => self.cursor != Cursor::Following,
            Action::Find if self.screen == Screen::Lab => !self.practices.is_empty(),
            Action::Case => self.case().is_some(),
            Action::Find | Action::Ladder | Action::Timing => !self.lines().is_empty(),
            Action::FindNext | Action::FindPrevious => self.search.is_some(),
            Action::Copy => {
                matches!(self.screen, Screen::Verdict | Screen::Causes) || self.selected().is_some()
            }
            Action::Why => !self.path.is_empty(),
            Action::OlderTarget | Action::NewerTarget => !self.form.recent.is_empty(),
            Action::NextFinding | Action::PreviousFinding => !self.session.findings().is_empty(),
            Action::ShowLines => self.finding.is_some(),
            Action::Target => self.can_begin,
            _ => true,
        }
    }
}
