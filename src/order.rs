//! What a face may ask of the engine.

use crate::target::{Credentials, Goal, Lead};

/// An order. Orders that make no sense at the moment are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Begin a session with this target; from the start screen.
    Begin {
        /// What was typed as TARGET.
        input: String,
        /// What the mail is for.
        goal: Goal,
        /// Where an error message led to it: what that was taken for.
        lead: Option<Box<Lead>>,
    },
    /// Run the step whose plan is shown.
    Continue,
    /// Run on without waiting at each step; routes race.
    RunOn,
    /// Wait at each step again.
    Pause,
    /// Answer a question of the tree.
    Answer {
        /// Question id.
        question: String,
        /// Answer id.
        answer: String,
    },
    /// Sign in with these, where it is asked for: the answer to the question whether to.
    SignIn(Credentials),
    /// Pass over the step whose plan is shown, or that runs.
    Skip,
    /// Run a step once more.
    Again {
        /// Step id.
        step: String,
    },
    /// Stop what runs; nothing is left running.
    Cancel,
    /// End the session.
    Quit,
}
