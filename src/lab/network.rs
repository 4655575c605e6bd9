//! The network of a scenario: a [`Network`] without a socket.
//!
//! Names are answered by the scenario's [`Zone`](crate::lab::zone::Zone), connects by its addresses. A connect takes
//! one round trip, silence takes all of the limit; an open port is a [`pipe`] with the scenario's latency and a
//! server task at its far end. Server tasks end with their connection, and all of them with the network.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssl::ssl::SslContext;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::event::{ConnectOutcome, Endpoint, IcmpError, LookupOutcome, LookupSource, RecordType};
use crate::lab::pipe::{Link, pipe};
use crate::lab::pki::{Pki, PkiError};
use crate::lab::scenario::{Address, Reach, Scenario};
use crate::lab::serve::{self, Reset, Service};
use crate::lab::zone;
use crate::net::tls::Trust;
use crate::net::{BoxFuture, Connection, Network, Stream};

/// Connections at once; what comes beyond is refused, as a full backlog would.
const MAX_CONNECTIONS: usize = 512;

/// Connections from outside at once; what comes beyond is turned away. Each holds two file descriptors, of which a process
/// usually has 1024.
const MAX_VISITORS: usize = 128;

/// The caller's own addresses.
pub(super) const HERE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 77));
pub(super) const HERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 0x77));

/// errno of Linux for a network that cannot be reached, and for what the local machine forbids.
const ENETUNREACH: i32 = 101;
const EPERM: i32 = 1;

/// A small internet.
pub struct LabNetwork {
    scenario: Arc<Scenario>,
    services: HashMap<String, Service>,
    pki: Pki,
    contexts: Mutex<HashMap<String, SslContext>>,
    /// How often each door was knocked at, for those that change.
    turns: Mutex<HashMap<SocketAddr, usize>>,
    tasks: Mutex<JoinSet<()>>,
    next_port: AtomicU16,
}

impl LabNetwork {
    /// Builds the network of a proven scenario. `now` is seconds since 1970, UTC: certificates are dated by it.
    pub fn new(scenario: Scenario, now: i64) -> Self {
        let smtp = scenario.smtp.iter().map(|s| (s.id.clone(), Service::Smtp(Arc::new(s.clone()))));
        let http = scenario.http.iter().map(|s| (s.id.clone(), Service::Http(Arc::new(s.clone()))));
        let raw = scenario.raw.iter().map(|s| (s.id.clone(), Service::Raw(Arc::new(s.clone()))));
        let services = smtp.chain(http).chain(raw).collect();
        Self {
            services,
            pki: Pki::new(&scenario, now),
            scenario: Arc::new(scenario),
            contexts: Mutex::default(),
            turns: Mutex::default(),
            tasks: Mutex::default(),
            next_port: AtomicU16::new(49_152),
        }
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// What a client in the lab trusts: the lab's root, and nothing else.
    ///
    /// # Errors
    /// [`PkiError`] where the root cannot be made.
    pub fn trust(&self) -> Result<Trust, PkiError> {
        Ok(Trust { extra: self.pki.root_pem()?, without_system: true })
    }

    /// Server tasks that have not ended.
    pub fn open_connections(&self) -> usize {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.len()
    }

    /// The server side of TLS for a service, built once; `None` where it does no TLS.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn context(&self, id: &str) -> Result<Option<SslContext>, PkiError> {
        let Some(secure) = self.services.get(id).and_then(Service::secure) else { return Ok(None) };
        let mut contexts = self.contexts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(context) = contexts.get(id) {
            return Ok(Some(context.clone()));
        }
        let context = serve::context(secure, &self.pki)?;
        contexts.insert(id.to_owned(), context.clone());
        Ok(Some(context))
    }

    /// What happens at this door now: doors that change take turns.
    fn knock(&self, address: &Address, port: u16) -> Reach {
        let doors = address.ports.get(&port).unwrap_or(&address.unlisted);
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(SocketAddr::new(address.ip, port)).or_default();
        let reach = doors.0.get(*turn % doors.0.len().max(1)).cloned();
        *turn = turn.wrapping_add(1);
        reach.unwrap_or(Reach::Refused)
    }

    fn local(&self, to: IpAddr) -> SocketAddr {
        let port = self.next_port.fetch_add(1, Ordering::Relaxed).max(49_152);
        SocketAddr::new(if to.is_ipv4() { HERE_V4 } else { HERE_V6 }, port)
    }

    /// The far end of an established connection.
    fn answer(&self, id: &str, address: &Address) -> Result<Connection, ConnectOutcome> {
        let Some(service) = self.services.get(id).cloned() else { return Err(ConnectOutcome::Reset) };
        if self.open_connections() >= MAX_CONNECTIONS {
            return Err(ConnectOutcome::Reset);
        }
        let tls = self
            .context(id)
            .map_err(|error| ConnectOutcome::Failed { errno: None, text: error.to_string() })?;
        let latency = Duration::from_millis(address.latency_ms);
        let (near, far) = pipe(Link { latency, largest_packet: address.largest_packet });
        let breaker = far.breaker();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(async move {
            // The client's ACK, on which the server accepts, is still under way.
            sleep(latency).await;
            serve::serve(service, tls, Box::new(far), Box::new(move || breaker.reset())).await;
        });
        Ok(Connection { stream: Box::new(near), local: Some(self.local(address.ip)) })
    }

    /// A service of the scenario.
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.get(id)
    }

    /// The lab's root, PEM.
    ///
    /// # Errors
    /// [`PkiError`] where it cannot be made.
    pub fn root_pem(&self) -> Result<Vec<u8>, PkiError> {
        self.pki.root_pem()
    }

    /// Serves a connection that came from outside as one to this address and port. What cannot be answered is reset; what
    /// is one too many is turned away before this returns.
    pub async fn receive(&self, ip: IpAddr, port: u16, stream: Box<dyn Stream>, reset: Reset) {
        let reach = self.scenario.address(ip).map(|address| self.knock(address, port));
        let service = match &reach {
            Some(Reach::Open(id)) => self.services.get(id).cloned().zip(self.context(id).ok()),
            _ => None,
        };
        match service {
            Some((service, tls)) if self.open_connections() < MAX_VISITORS => {
                let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
                tasks.spawn(serve::serve(service, tls, stream, reset));
            }
            Some((service, _)) => serve::turn_away(&service, stream).await,
            None => reset(),
        }
    }

    async fn reach(&self, to: SocketAddr) -> Result<Connection, ConnectOutcome> {
        let Some(address) = self.scenario.address(to.ip()) else {
            return std::future::pending().await;
        };
        let round_trip = Duration::from_millis(address.latency_ms * 2);
        match self.knock(address, to.port()) {
            Reach::NoRoute => Err(ConnectOutcome::NoRoute { errno: ENETUNREACH }),
            Reach::LocalRefusal => Err(ConnectOutcome::LocalRefusal { errno: EPERM }),
            Reach::Filtered => std::future::pending().await,
            Reach::Refused => {
                sleep(round_trip).await;
                Err(ConnectOutcome::Reset)
            }
            Reach::Icmp(icmp) => {
                if !icmp.from_self {
                    sleep(round_trip).await;
                }
                Err(ConnectOutcome::Icmp(IcmpError {
                    v6: to.is_ipv6(),
                    kind: icmp.kind,
                    code: icmp.code,
                    sender: Some(icmp.from),
                    from_self: icmp.from_self,
                }))
            }
            Reach::Open(id) => {
                sleep(round_trip).await;
                self.answer(&id, address)
            }
        }
    }
}

impl Network for LabNetwork {
    fn lookup<'a>(
        &'a self,
        name: &'a str,
        record: RecordType,
    ) -> BoxFuture<'a, (LookupSource, LookupOutcome)> {
        Box::pin(async move {
            let answer = self.scenario.dns.answer(name, record);
            sleep(Duration::from_millis(answer.after_ms)).await;
            let associate = |id: &str, parameters| self.pki.tlsa(id, parameters).ok();
            (answer.source, zone::outcome(answer.found, &associate))
        })
    }

    fn system_lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Option<Result<Vec<IpAddr>, String>>> {
        Box::pin(async move {
            let mut after_ms = 0;
            for record in [RecordType::A, RecordType::Aaaa] {
                after_ms = after_ms.max(self.scenario.dns.answer(host, record).after_ms);
            }
            sleep(Duration::from_millis(after_ms)).await;
            Some(self.scenario.dns.system(host))
        })
    }

    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Connection, ConnectOutcome>> {
        Box::pin(async move {
            let to = match endpoint {
                Endpoint::Address(address) => *address,
                Endpoint::Name(name, port) => {
                    let first = self.scenario.dns.system(name).ok().and_then(|all| all.first().copied());
                    let ip = first.ok_or_else(|| ConnectOutcome::Failed {
                        errno: None,
                        text: format!("{name} has no address in the lab"),
                    })?;
                    SocketAddr::new(ip, *port)
                }
            };
            timeout(limit, self.reach(to)).await.unwrap_or(Err(ConnectOutcome::TimedOut))
        })
    }

    fn vantage(&self) -> String {
        "lab".to_owned()
    }
}

#[cfg(test)]
mod tests;
