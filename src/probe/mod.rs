//! Runs one step over a network and records what happened.
//!
//! A probe does and tells; what its record means is the session's affair. It may not import the session, the guide
//! or a face. Every wait has a limit, every read a bound, and a probe that is dropped leaves nothing running.
//!
//! [`resolve`] finds addresses, [`route`] examines one route (its connects in [`connect`], its dialogue in [`talk`],
//! its second looks in [`inspect`]), [`submit`] signs in and names an envelope there, [`control`] sees whether a host is
//! alive at all, [`policy`] fetches what a domain demands of those who deliver to it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, mpsc};
use tokio::time::Instant;

use crate::event::{Event, EventKind, Limits, Micros, ProbeEnd, ProbeId, Purpose};
use crate::net::Network;
use crate::net::tls::{TlsClient, Trust, TrustError};
use crate::wire::sasl::Scrubber;

pub mod connect;
pub mod control;
pub mod inspect;
pub mod policy;
pub mod resolve;
pub mod route;
pub mod submit;
pub mod talk;
mod told;

/// Which address families are looked up and tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// IPv6 and IPv4.
    #[default]
    Both,
    /// `-4`.
    V4,
    /// `-6`.
    V6,
}

impl Family {
    /// True where the address belongs to it.
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Both => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// TLS connectors, built at most once, off the async threads.
pub struct LazyTls {
    trust: Trust,
    client: OnceCell<TlsClient>,
}

impl LazyTls {
    /// Builds nothing yet.
    pub fn new(trust: Trust) -> Self {
        Self { trust, client: OnceCell::new() }
    }

    /// The connectors; built now if they are not.
    ///
    /// # Errors
    /// [`TrustError`] where the roots or the library do not allow it.
    pub async fn get(&self) -> Result<&TlsClient, TrustError> {
        self.client
            .get_or_try_init(|| async {
                let trust = self.trust.clone();
                tokio::task::spawn_blocking(move || TlsClient::build(&trust))
                    .await
                    .unwrap_or_else(|error| Err(TrustError::Library(error.to_string())))
            })
            .await
    }
}

/// What every probe of a session shares.
#[derive(Clone)]
pub struct Context {
    /// The network.
    pub network: Arc<dyn Network>,
    /// TLS connectors.
    pub tls: Arc<LazyTls>,
    /// Limits of waits.
    pub limits: Limits,
    /// The name said in EHLO.
    pub ehlo_name: String,
    /// Address families in use.
    pub family: Family,
    started: Instant,
    ids: Arc<AtomicU32>,
    told: Arc<Mutex<Scrubber>>,
    events: mpsc::UnboundedSender<Event>,
}

impl Context {
    /// Begins the clock of a session. Events go to `events`; a probe's number of events is bounded by its limits, so
    /// the channel needs no bound of its own.
    pub fn new(
        network: Arc<dyn Network>,
        tls: Arc<LazyTls>,
        limits: Limits,
        ehlo_name: String,
        family: Family,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        let ids = Arc::new(AtomicU32::new(ProbeId::SESSION.0 + 1));
        Self {
            network,
            tls,
            limits,
            ehlo_name,
            family,
            started: Instant::now(),
            ids,
            told: Arc::default(),
            events,
        }
    }

    /// Time since the session began.
    pub fn now(&self) -> Micros {
        Micros::from_duration(self.started.elapsed())
    }

    /// A recorder for a new probe.
    pub fn recorder(&self) -> Recorder {
        let probe = ProbeId(self.ids.fetch_add(1, Ordering::Relaxed));
        Recorder { probe, started: self.started, told: Arc::clone(&self.told), events: self.events.clone() }
    }

    fn connect_limit(&self) -> Duration {
        Duration::from_millis(self.limits.connect_ms)
    }

    fn reply_limit(&self) -> Duration {
        Duration::from_millis(self.limits.reply_ms)
    }
}

/// Stamps and sends the events of one probe.
#[derive(Clone)]
pub struct Recorder {
    probe: ProbeId,
    started: Instant,
    /// The secrets that servers were told in this session: what one knows, it may say on another connection too.
    told: Arc<Mutex<Scrubber>>,
    events: mpsc::UnboundedSender<Event>,
}

impl Recorder {
    /// Which probe.
    pub fn probe(&self) -> ProbeId {
        self.probe
    }

    /// What must be taken out of all that servers say from now on.
    pub(crate) fn told(&self) -> MutexGuard<'_, Scrubber> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what has just happened. Where nobody listens any more, nothing is lost that anybody would hear.
    /// What a server says in its look-ups and pages is recorded without the secrets it was told; of a dialogue, whose
    /// replies come in pieces, whoever reads it takes them out.
    pub fn record(&self, kind: EventKind) {
        let kind = told::without(kind, &self.told());
        let at = Micros::from_duration(self.started.elapsed());
        let _ = self.events.send(Event { at, probe: self.probe, kind });
    }

    /// Records the beginning of the probe. Its end is recorded by [`Running::end`], or, where the probe is dropped
    /// before that, as cancelled.
    #[must_use]
    pub fn begin(&self, purpose: Purpose) -> Running {
        self.record(EventKind::ProbeStarted { purpose });
        Running { recorder: self.clone(), how: ProbeEnd::Cancelled }
    }
}

/// A probe that has begun. Dropping it says that it has ended.
pub struct Running {
    recorder: Recorder,
    how: ProbeEnd,
}

impl Running {
    /// It went as far as it could.
    pub fn end(mut self) {
        self.how = ProbeEnd::Completed;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.recorder.record(EventKind::ProbeEnded { how: self.how });
    }
}
