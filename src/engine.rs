//! The dispatcher: puts events in order, applies them, journals them, hands them on; takes orders.
//!
//! It alone decides when something is done. What comes next it asks the walk; how it is done it leaves to the probes;
//! what came of it stands in the session. It knows no face: the terminal interface and `check` are ends of the same
//! two channels.
//!
//! Pace: with [`Pace::Guided`] each step waits for [`Order::Continue`] while its plan is shown. With [`Pace::Run`]
//! nothing waits and routes race: the next one begins when the one before it has not connected after 250 ms, or has
//! failed, and is dropped again where an earlier one works.

mod begin;
mod orders;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::event::{AnsweredBy, Event, EventKind, ProbeId, Purpose, RouteId, RunEnd, SessionStarted};
use crate::guide::lead;
use crate::guide::walk::{self, Next, Plan};
use crate::journal::Writer;
use crate::net::Network;
use crate::order::Order;
use crate::probe::{Context, Family, LazyTls};
use crate::session::{Outcome, Session, route::State};
use crate::target::Credentials;

/// How long a route is given to connect before the next one begins too.
const RACE: Duration = Duration::from_millis(250);

/// Whether steps wait for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each step waits for [`Order::Continue`].
    Guided,
    /// Nothing waits; routes race.
    Run,
}

/// All that a run needs.
pub struct Setup {
    /// The first event: what was asked, under which limits.
    pub started: SessionStarted,
    /// Addresses that `--resolve` gives are the network's affair; this only filters families.
    pub family: Family,
    /// The network.
    pub network: Arc<dyn Network>,
    /// TLS connectors.
    pub tls: Arc<LazyTls>,
    /// Whether steps wait.
    pub pace: Pace,
    /// True where somebody can answer questions and run steps again after the verdict.
    pub interactive: bool,
    /// Answers that flags have given: question, answer.
    pub answers: Vec<(String, String)>,
    /// Whom to sign in as, once.
    pub credentials: Option<Credentials>,
    /// Where to record.
    pub journal: Option<Writer>,
}

/// Runs a session to its end and returns what is known then. Events go to `out` in order, each after it was applied
/// and journaled. Without anybody listening, the run goes on all the same.
pub async fn run(setup: Setup, orders: mpsc::Receiver<Order>, out: mpsc::UnboundedSender<Event>) -> Session {
    let (send, events) = mpsc::unbounded_channel();
    let context = Context::new(
        setup.network,
        Arc::clone(&setup.tls),
        setup.started.limits,
        setup.started.ehlo_name.clone(),
        setup.family,
        send,
    );
    let deadline = Instant::now() + Duration::from_millis(setup.started.limits.total_ms);
    let settings =
        walk::Settings { all: setup.started.all, repeat: setup.started.repeat, asks: setup.interactive };
    let mut engine = Engine {
        context,
        events,
        out,
        journal: setup.journal,
        session: Session::default(),
        settings,
        pace: setup.pace,
        interactive: setup.interactive,
        flags: setup.answers,
        credentials: setup.credentials,
        now: Now::Deciding,
        probes: HashMap::new(),
        tasks: JoinSet::new(),
        race: None,
        next_route: 0,
    };
    // Building the connectors costs some 40 ms: it is done while names are looked up.
    let tls = setup.tls;
    let warm_up = tokio::spawn(async move {
        let _ = tls.get().await;
    });
    engine.emit(EventKind::SessionStarted(setup.started));
    let facts = engine.context.network.machine();
    if !facts.is_empty() {
        engine.emit(EventKind::Machine { facts });
    }
    engine.drive(orders, deadline).await;
    warm_up.abort();
    engine.session
}

/// What the engine is about.
enum Now {
    /// The walk is to be asked what comes next.
    Deciding,
    /// A step's plan is shown; it waits for the user.
    Ready(Next),
    /// A question waits for its answer.
    Asking(String),
    /// Addresses are being looked for.
    Resolving(oneshot::Receiver<()>),
    /// This route is being probed; others may race it.
    Probing(RouteId),
    /// Signing in, or naming an envelope.
    Submitting(oneshot::Receiver<()>),
    /// Control ports of this host are being tried, the first of them now.
    Controlling(oneshot::Receiver<bool>, String, Vec<u16>),
    /// The verdict is given, or the user stopped: only orders can go on from here.
    Resting,
}

struct Running {
    purpose: Purpose,
    connected: bool,
}

struct Engine {
    context: Context,
    events: mpsc::UnboundedReceiver<Event>,
    out: mpsc::UnboundedSender<Event>,
    journal: Option<Writer>,
    session: Session,
    settings: walk::Settings,
    pace: Pace,
    interactive: bool,
    flags: Vec<(String, String)>,
    /// The secret stays here, and goes to the one connection that signs in.
    credentials: Option<Credentials>,
    now: Now,
    probes: HashMap<ProbeId, Running>,
    tasks: JoinSet<()>,
    /// Routes that may be begun beside the one that is probed, and when.
    race: Option<(Instant, Vec<RouteId>)>,
    next_route: u16,
}

enum Flow {
    Go,
    Stop,
}

impl Engine {
    async fn drive(&mut self, mut orders: mpsc::Receiver<Order>, deadline: Instant) {
        let mut listening = true;
        loop {
            while matches!(self.now, Now::Deciding) {
                self.decide().await;
            }
            if matches!(self.now, Now::Resting) && !self.interactive {
                break;
            }
            let race_at = self.race.as_ref().map(|(at, _)| *at);
            let limited = !matches!(self.now, Now::Resting | Now::Ready(_) | Now::Asking(_));
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => self.dispatch(event),
                order = orders.recv(), if listening => match order {
                    Some(order) => {
                        if matches!(self.order(order).await, Flow::Stop) {
                            break;
                        }
                    }
                    None if self.interactive => {
                        self.finish(RunEnd::Cancelled);
                        break;
                    }
                    None => listening = false,
                },
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if let Err(error) = ended
                        && error.is_panic()
                    {
                        self.emit(EventKind::Warning {
                            text: "a probe failed inside ehlo itself; please report it".to_owned(),
                        });
                        self.stop_probes().await;
                        self.finish(RunEnd::Cancelled);
                    }
                }
                () = at(race_at) => self.race_on(),
                found = answer(&mut self.now) => self.answered(found),
                () = sleep_until(deadline), if limited && !self.interactive => {
                    self.stop_probes().await;
                    self.finish(RunEnd::DeadlineReached);
                    break;
                }
            }
        }
        self.stop_probes().await;
    }

    /// Asks the walk what comes next and begins it, or shows its plan.
    async fn decide(&mut self) {
        match walk::next(&self.session, &self.settings) {
            Next::Question { question, default } => {
                let flag = self.flags.iter().find(|(asked, _)| *asked == question).map(|(_, a)| a.clone());
                let (answer, by) = match flag {
                    Some(answer) => (answer, AnsweredBy::Flag),
                    None if self.interactive && self.pace == Pace::Guided => {
                        self.now = Now::Asking(question);
                        return;
                    }
                    None => (default, AnsweredBy::Default),
                };
                self.emit(EventKind::Answered { question, answer, by });
            }
            Next::AddRoute { host, port, tls, origin } => {
                let route = RouteId(self.next_route);
                self.next_route = self.next_route.saturating_add(1);
                self.emit(EventKind::RouteAdded { route, host, port, tls, origin });
            }
            Next::Conclude(plan) => {
                self.stop_probes().await;
                self.enter(&plan);
                self.emit(EventKind::RunEnded { reason: RunEnd::Completed });
                self.now = Now::Resting;
            }
            step => {
                // A route that the race has begun already has been announced.
                let racing = matches!(&step, Next::Probe { route, .. } if self.probe_of(*route).is_some());
                // Before the step that a message leads to there is nothing to decide.
                let on_the_way = lead::is_on_the_way(&self.session, &step);
                if !racing && let Some(plan) = step.plan() {
                    self.enter(plan);
                }
                self.now = Now::Ready(step);
                if self.pace == Pace::Run || racing || on_the_way {
                    self.begin();
                }
            }
        }
    }

    fn enter(&mut self, plan: &Plan) {
        self.emit(EventKind::StepEntered { step: plan.step.clone(), plan: plan.text.clone() });
    }

    fn probe_of(&self, id: RouteId) -> Option<ProbeId> {
        let of_route =
            |running: &Running| matches!(running.purpose, Purpose::Route { route, .. } if route == id);
        self.probes.iter().find(|(_, running)| of_route(running)).map(|(probe, _)| *probe)
    }

    /// An event of a probe: applied, journaled, handed on; then what it changes for the engine.
    fn dispatch(&mut self, event: Event) {
        let probe = event.probe;
        let (connected, ended) = (
            matches!(event.kind, EventKind::ConnectionChosen { .. }),
            matches!(event.kind, EventKind::ProbeEnded { .. }),
        );
        self.publish(event);
        let Some(running) = self.probes.get_mut(&probe) else { return };
        running.connected |= connected;
        if !ended {
            return;
        }
        let Some(Running { purpose: Purpose::Route { route, .. }, .. }) = self.probes.remove(&probe) else {
            return;
        };
        if matches!(self.now, Now::Probing(current) if current == route) {
            self.now = Now::Deciding;
            if self.session.route(route).is_some_and(|r| r.outcome == Outcome::Works)
                && !walk::tries_all(&self.session, &self.settings)
            {
                self.race = None;
            }
        }
        // A racer that failed lets the next one go at once.
        if let Some((at, _)) = &mut self.race {
            *at = Instant::now();
        }
    }

    /// Begins the next racer, unless the one before it has connected.
    fn race_on(&mut self) {
        let Some((_, mut followers)) = self.race.take() else { return };
        let settled = self.session.routes().iter().any(|route| route.outcome == Outcome::Works);
        if settled && !walk::tries_all(&self.session, &self.settings) {
            return;
        }
        let somebody_talks = self
            .probes
            .values()
            .any(|running| running.connected && matches!(running.purpose, Purpose::Route { .. }));
        let next = loop {
            if followers.is_empty() {
                return;
            }
            let route = followers.remove(0);
            let fresh = self.session.route(route).is_some_and(|r| r.state == State::Waiting);
            if fresh && self.probe_of(route).is_none() {
                break route;
            }
        };
        if somebody_talks {
            // Its answer decides; it is looked at again when it ends.
            followers.insert(0, next);
            self.race = Some((Instant::now() + RACE, followers));
            return;
        }
        if let Some(found) = self.session.route(next) {
            let plan = walk::route_plan(&self.session, found);
            self.enter(&plan);
            self.probe(next);
        }
        if !followers.is_empty() {
            self.race = Some((Instant::now() + RACE, followers));
        }
    }

    fn answered(&mut self, found: Found) {
        match found {
            Found::Answers => {
                self.drain();
                self.probes.retain(|_, running| !matches!(running.purpose, Purpose::Submit { .. }));
                self.now = Now::Deciding;
            }
            Found::Alive(alive) => {
                self.drain();
                match std::mem::replace(&mut self.now, Now::Deciding) {
                    Now::Controlling(_, host, mut rest) if !alive && !rest.is_empty() => {
                        let port = rest.remove(0);
                        self.control(host, port, rest);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Ends all probes; each says so itself when its task is dropped.
    async fn stop_probes(&mut self) {
        self.race = None;
        // Waits until each is gone, so that nothing is left running and each has said how it ended.
        self.tasks.shutdown().await;
        self.drain();
        self.probes.clear();
    }

    /// Publishes what is already in the channel.
    fn drain(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            let (probe, ended) = (event.probe, matches!(event.kind, EventKind::ProbeEnded { .. }));
            self.publish(event);
            if ended {
                self.probes.remove(&probe);
            }
        }
    }

    fn finish(&mut self, reason: RunEnd) {
        self.emit(EventKind::RunEnded { reason });
        self.now = Now::Resting;
    }

    fn emit(&mut self, kind: EventKind) {
        let at = self.context.now();
        self.publish(Event { at, probe: ProbeId::SESSION, kind });
    }

    fn publish(&mut self, event: Event) {
        self.session.apply(&event);
        let warning = self.journal.as_mut().and_then(|journal| journal.write(&event));
        let _ = self.out.send(event);
        if let Some(text) = warning {
            self.emit(EventKind::Warning { text });
        }
    }
}

enum Found {
    Answers,
    Alive(bool),
}

/// What the step that runs was begun for, once it is there.
async fn answer(now: &mut Now) -> Found {
    match now {
        Now::Resolving(found) | Now::Submitting(found) => {
            let _ = found.await;
            Found::Answers
        }
        Now::Controlling(alive, ..) => Found::Alive(alive.await.unwrap_or_default()),
        _ => std::future::pending().await,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
