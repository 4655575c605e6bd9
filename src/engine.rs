//! The dispatcher: puts events in order, applies them, journals them, hands them on; takes orders.
//!
//! It alone decides when something is done. What comes next it asks the walk; how it is done it leaves to the probes;
//! what came of it stands in the session. It knows no face: the terminal interface and `check` are ends of the same
//! two channels.
//!
//! Pace: with [`Pace::Guided`] each step waits for [`Order::Continue`] while its plan is shown. With [`Pace::Run`]
//! nothing waits and routes race: the next one begins when the one before it has not connected after 250 ms, or has
//! failed, and is dropped again where an earlier one works.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::event::{
    AnsweredBy, Event, EventKind, ProbeId, Purpose, RouteId, RunEnd, SessionStarted, Verification,
};
use crate::guide::submit::ASK_SIGN_IN;
use crate::guide::walk::{self, Next, Plan};
use crate::journal::Writer;
use crate::net::Network;
use crate::order::Order;
use crate::probe::route::Job;
use crate::probe::{Context, Family, LazyTls, control, policy, resolve, route, submit};
use crate::session::{Outcome, Session, route::State};
use crate::target::{Credentials, Host};
use crate::wire::dialogue::{Envelope, Errand, SignIn};
use crate::wire::message::test_message;
use crate::wire::sasl::Mechanism;

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
        let next = walk::next(&self.session, &self.settings);
        match next {
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
            Next::Resolve { ref plan, .. }
            | Next::Ask { ref plan, .. }
            | Next::Policy { ref plan, .. }
            | Next::Probe { ref plan, .. }
            | Next::Submit { ref plan, .. }
            | Next::Control { ref plan, .. } => {
                // A route that the race has begun already has been announced.
                let racing = matches!(&next, Next::Probe { route, .. } if self.probe_of(*route).is_some());
                if !racing {
                    self.enter(&plan.clone());
                }
                self.now = Now::Ready(next);
                if self.pace == Pace::Run || racing {
                    self.begin();
                }
            }
            Next::Conclude(plan) => {
                self.stop_probes().await;
                self.enter(&plan);
                self.emit(EventKind::RunEnded { reason: RunEnd::Completed });
                self.now = Now::Resting;
            }
        }
    }

    fn enter(&mut self, plan: &Plan) {
        self.emit(EventKind::StepEntered { step: plan.step.clone(), plan: plan.text.clone() });
    }

    /// Begins the step whose plan was shown.
    fn begin(&mut self) {
        let Now::Ready(next) = std::mem::replace(&mut self.now, Now::Deciding) else { return };
        match next {
            Next::Resolve { host, .. } => {
                let Ok(host) = Host::parse(&host) else { return };
                let (send, found) = oneshot::channel();
                let recorder = self.context.recorder();
                let purpose = Purpose::Resolve { host: host.to_string() };
                let probe = recorder.probe();
                let task = resolve::resolve(self.context.clone(), recorder, host, send);
                self.spawn(probe, purpose, task);
                self.now = Now::Resolving(found);
            }
            Next::Ask { domain, questions, .. } => {
                let (send, found) = oneshot::channel();
                let recorder = self.context.recorder();
                let purpose = Purpose::Ask { domain: domain.clone() };
                let probe = recorder.probe();
                let task = resolve::ask(self.context.clone(), recorder, domain, questions, send);
                self.spawn(probe, purpose, task);
                self.now = Now::Resolving(found);
            }
            Next::Policy { host, .. } => {
                let (send, found) = oneshot::channel();
                let recorder = self.context.recorder();
                let purpose = Purpose::Policy { host: host.clone() };
                let probe = recorder.probe();
                self.spawn(probe, purpose, policy::policy(self.context.clone(), recorder, host, send));
                self.now = Now::Resolving(found);
            }
            Next::Probe { route, followers, .. } => {
                if self.probe_of(route).is_none() {
                    self.probe(route);
                }
                if self.pace == Pace::Run && !followers.is_empty() {
                    self.race = Some((Instant::now() + RACE, followers));
                }
                self.now = Now::Probing(route);
            }
            Next::Submit { route, errand, .. } => self.submit(route, &errand),
            Next::Control { host, mut ports, .. } => {
                if ports.is_empty() {
                    return;
                }
                let port = ports.remove(0);
                self.control(host, port, ports);
            }
            Next::Question { .. } | Next::AddRoute { .. } | Next::Conclude(_) => {}
        }
    }

    fn probe(&mut self, id: RouteId) {
        let Some(found) = self.session.route(id) else { return };
        let Ok(host) = Host::parse(&found.host) else { return };
        let round = u16::try_from(found.rounds.len()).unwrap_or(u16::MAX).saturating_add(1);
        let addresses = self.addresses(&host);
        let closely = self.settings.all;
        let whole_chain = walk::wants_chain(&self.session, found);
        let job =
            Job { route: id, round, host, addresses, port: found.port, tls: found.tls, closely, whole_chain };
        let recorder = self.context.recorder();
        let probe = recorder.probe();
        let purpose = Purpose::Route { route: id, round };
        self.spawn(probe, purpose, route::route(self.context.clone(), recorder, job));
    }

    fn submit(&mut self, id: RouteId, errand: &walk::Errand) {
        let (Some(route), Some(started)) = (self.session.route(id), self.session.started()) else { return };
        let (Ok(host), Some(endpoint)) = (Host::parse(&route.host), route.chosen.clone()) else { return };
        let wanted = &started.submit;
        let sign_in = self.credentials.clone().filter(|_| errand.sign_in).map(|credentials| SignIn {
            credentials,
            kind: wanted.secret.unwrap_or_default(),
            mechanism: wanted.mechanism.as_deref().and_then(Mechanism::parse),
        });
        let envelope = wanted.mail_from.clone().filter(|_| errand.envelope).map(|from| {
            let to = wanted.rcpt_to.clone();
            let now = self.session.wall_clock().unwrap_or_default();
            let message = to
                .as_deref()
                .filter(|_| errand.message)
                .map(|to| test_message(&from, to, &started.ehlo_name, now, self.context.now().0));
            let size = message.as_ref().map(|text| text.len() as u64).or(wanted.message_size);
            Envelope { from, to, size, message }
        });
        let job = Job {
            route: id,
            round: 0,
            host,
            addresses: Vec::new(),
            port: route.port,
            tls: route.tls,
            closely: false,
            whole_chain: false,
        };
        let task = submit::Task {
            job,
            endpoint,
            errand: Errand { sign_in, envelope },
            // Where the certificate did not verify, only an envelope is named, and no secret is there.
            verification: if route.verified { Verification::Strict } else { Verification::Relaxed },
            cleartext: wanted.mail_from.clone().filter(|_| errand.cleartext),
            open_relay: errand.open_relay,
        };
        let (send, done) = oneshot::channel();
        let recorder = self.context.recorder();
        let probe = recorder.probe();
        let context = self.context.clone();
        let work = async move {
            submit::submit(context, recorder, task).await;
            let _ = send.send(());
        };
        self.spawn(probe, Purpose::Submit { route: id }, work);
        self.now = Now::Submitting(done);
    }

    /// The addresses of a host, as the look-ups gave them, in the order in which to try them.
    fn addresses(&self, host: &Host) -> Vec<IpAddr> {
        match host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => resolve::in_order(self.session.dns().reachable(name), self.context.family),
        }
    }

    fn control(&mut self, host: String, port: u16, rest: Vec<u16>) {
        let addresses = Host::parse(&host).map(|host| self.addresses(&host)).unwrap_or_default();
        let (send, alive) = oneshot::channel();
        let recorder = self.context.recorder();
        let probe = recorder.probe();
        let purpose = Purpose::Control { host: host.clone(), port };
        let context = self.context.clone();
        let next = host.clone();
        let task = async move {
            let _ = send.send(control::control(context, recorder, host, addresses, port).await);
        };
        self.spawn(probe, purpose, task);
        self.now = Now::Controlling(alive, next, rest);
    }

    fn spawn(&mut self, probe: ProbeId, purpose: Purpose, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
        self.probes.insert(probe, Running { purpose, connected: false });
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

    async fn order(&mut self, order: Order) -> Flow {
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

    async fn skip(&mut self) {
        let step = match &self.now {
            Now::Ready(
                Next::Resolve { plan, .. }
                | Next::Ask { plan, .. }
                | Next::Policy { plan, .. }
                | Next::Probe { plan, .. }
                | Next::Submit { plan, .. }
                | Next::Control { plan, .. },
            ) => Some(plan.step.clone()),
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

    fn again(&mut self, step: &str) {
        if !matches!(self.now, Now::Ready(_) | Now::Resting | Now::Asking(_)) {
            return;
        }
        let Some(next) = walk::again(&self.session, step) else { return };
        match &next {
            Next::Resolve { plan, .. }
            | Next::Ask { plan, .. }
            | Next::Policy { plan, .. }
            | Next::Probe { plan, .. }
            | Next::Submit { plan, .. }
            | Next::Control { plan, .. } => {
                let plan = plan.clone();
                self.enter(&plan);
            }
            _ => return,
        }
        // A second attempt to sign in, or to send, waits for the user whatever the pace: its plan warns.
        let waits = matches!(next, Next::Submit { .. });
        self.now = Now::Ready(next);
        if !waits {
            self.begin();
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
