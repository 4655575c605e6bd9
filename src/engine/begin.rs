//! Beginning what the walk asks for: each step as a task of its own. What comes of it, the engine hears as events.

use std::net::IpAddr;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Engine, Now, Pace, RACE, Running};
use crate::event::{ProbeId, Purpose, RouteId, Verification};
use crate::guide::walk::{self, Next};
use crate::probe::route::Job;
use crate::probe::{control, policy, resolve, route, submit};
use crate::target::Host;
use crate::wire::dialogue::{Envelope, Errand, SignIn};
use crate::wire::message::test_message;
use crate::wire::sasl::Mechanism;

impl Engine {
    /// Begins the step whose plan was shown.
    pub(super) fn begin(&mut self) {
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

    pub(super) fn probe(&mut self, id: RouteId) {
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

    pub(super) fn submit(&mut self, id: RouteId, errand: &walk::Errand) {
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
    pub(super) fn addresses(&self, host: &Host) -> Vec<IpAddr> {
        match host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => resolve::in_order(self.session.dns().reachable(name), self.context.family),
        }
    }

    pub(super) fn control(&mut self, host: String, port: u16, rest: Vec<u16>) {
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

    pub(super) fn spawn(
        &mut self,
        probe: ProbeId,
        purpose: Purpose,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.tasks.spawn(task);
        self.probes.insert(probe, Running { purpose, connected: false });
    }
}
