//! What the user orders: go on, pause, answer, skip, again, stop. An order that does not fit the moment does nothing.

use super::{Engine, Flow, Now, Pace};
use crate::event::{AnsweredBy, EventKind, RunEnd};
use crate::guide::submit::ASK_SIGN_IN;
use crate::guide::walk::{self, Next};
use crate::order::Order;
use crate::wire::sasl::Mechanism;

impl Engine {
    pub(super) async fn order(&mut self, order: Order) -> Flow {
        match order {
            Order::Continue => {
                if matches!(self.now, Now::Ready(_)) {
                    self.begin();
                }
            }
            Order::RunOn => {
                self.pace = Pace::Run;
                match &self.now {
                    Now::Ready(_) => self.begin(),
                    Now::Asking(_) => self.now = Now::Deciding,
                    _ => {}
                }
            }
            Order::Pause => {
                self.pace = Pace::Guided;
                self.race = None;
            }
            Order::Answer { question, answer } => {
                if matches!(&self.now, Now::Asking(asked) if *asked == question) {
                    self.emit(EventKind::Answered { question, answer, by: AnsweredBy::User });
                    self.now = Now::Deciding;
                }
            }
            Order::SignIn(credentials) => {
                if matches!(&self.now, Now::Asking(asked) if asked == ASK_SIGN_IN) {
                    let named =
                        self.session.started().and_then(|started| started.submit.mechanism.as_deref());
                    let kind = named.and_then(Mechanism::parse).map(Mechanism::kind).unwrap_or_default();
                    let (question, answer) = (ASK_SIGN_IN.to_owned(), "yes".to_owned());
                    self.emit(EventKind::Answered { question, answer, by: AnsweredBy::User });
                    self.emit(EventKind::SignInGiven { user: credentials.user.clone(), kind });
                    self.credentials = Some(credentials);
                    self.now = Now::Deciding;
                }
            }
            Order::Skip => self.skip().await,
            Order::Again { step } => self.again(&step),
            Order::Cancel => {
                if !self.interactive {
                    self.stop_probes().await;
                    self.finish(RunEnd::Cancelled);
                    return Flow::Stop;
                }
                if !self.probes.is_empty() {
                    self.stop_probes().await;
                    self.pace = Pace::Guided;
                    // What was stopped is not tried again by itself: the walk goes on behind it when asked to.
                    self.now = Now::Deciding;
                }
            }
            Order::Quit => {
                let over = matches!(self.now, Now::Resting);
                self.stop_probes().await;
                if !over {
                    self.finish(RunEnd::Cancelled);
                }
                return Flow::Stop;
            }
            Order::Begin { .. } => {}
        }
        Flow::Go
    }

    pub(super) async fn skip(&mut self) {
        let step = match &self.now {
            Now::Ready(next) => next.plan().map(|plan| plan.step.clone()),
            Now::Resolving(..) | Now::Probing(_) | Now::Submitting(_) | Now::Controlling(..) => {
                self.session.steps().last().map(|step| step.id.clone())
            }
            _ => None,
        };
        if let Some(step) = step {
            self.stop_probes().await;
            self.emit(EventKind::StepSkipped { step });
            self.now = Now::Deciding;
        }
    }

    pub(super) fn again(&mut self, step: &str) {
        if !matches!(self.now, Now::Ready(_) | Now::Resting | Now::Asking(_)) {
            return;
        }
        let Some(next) = walk::again(&self.session, step) else { return };
        let Some(plan) = next.plan().cloned() else { return };
        self.enter(&plan);
        // A second attempt to sign in, or to send, waits for the user whatever the pace: its plan warns.
        let waits = matches!(next, Next::Submit { .. });
        self.now = Now::Ready(next);
        if !waits {
            self.begin();
        }
    }
}
