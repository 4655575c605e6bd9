//! A scenario's servers on addresses of this machine, for other programs to talk to: the same servers, the same
//! faults, real sockets.
//!
//! Each port of the scenario gets a port here. What is silent in the scenario is silent here; what resets refuses by
//! having no listener; an ICMP error cannot be made without privileges. Latency and lost packets are the network's, and
//! this one has neither.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::lab::network::LabNetwork;
use crate::lab::scenario::{Door, Reach, Scenario};
use crate::lab::serve::Service;
use crate::net::listen::{Listener, Silence};

/// Below this port only root may listen.
const UNPRIVILEGED: u16 = 1024;
/// What is added to a privileged port.
const SHIFT: u16 = 1000;
/// What is added where a port is taken by another host of the scenario.
const NEXT_HOST: u16 = 10_000;

/// What a port of the scenario is here.
#[derive(Clone, Debug)]
pub enum Stall {
    /// A server listens.
    Open {
        /// The server; the first where several take turns.
        service: Service,
        /// True where a connect is not always answered by it.
        in_turn: bool,
        /// Where it listens.
        here: SocketAddr,
    },
    /// Connects are never answered.
    Silent {
        /// Where.
        here: SocketAddr,
    },
    /// Nothing listens: a connect is refused.
    Refused,
    /// Cannot be shown on this machine without privileges.
    Missing,
}

/// A port of the scenario.
#[derive(Clone, Debug)]
pub struct Place {
    /// The scenario's address.
    pub ip: IpAddr,
    /// The scenario's port.
    pub port: u16,
    /// What it is here.
    pub stall: Stall,
}

/// Why a scenario cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StandError {
    /// `--ports` names a port that is not there.
    #[error("the scenario has no server on port {port}; it has {}", list(known))]
    NoSuchPort {
        /// The port asked for.
        port: u16,
        /// Those there are.
        known: Vec<u16>,
    },
    /// The system gives no listener.
    #[error(
        "cannot listen on {at} for port {port} of the scenario: {source}; give it another with --ports {port}=PORT"
    )]
    Listen {
        /// The scenario's port.
        port: u16,
        /// Where.
        at: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

fn list(ports: &[u16]) -> String {
    match ports {
        [] => "none at all".to_owned(),
        ports => ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// A scenario's ports, open on this machine until this is dropped.
pub struct Stand {
    network: Arc<LabNetwork>,
    /// What there is, in the order of the scenario.
    pub places: Vec<Place>,
    listeners: Vec<(Listener, IpAddr, u16)>,
    _silences: Vec<Silence>,
}

impl Stand {
    /// Takes the ports. `ports` says which port here stands for which of the scenario; 0 is any that is free. Must be
    /// called within the runtime.
    ///
    /// # Errors
    /// [`StandError`].
    pub fn open(network: Arc<LabNetwork>, bind: IpAddr, ports: &[(u16, u16)]) -> Result<Self, StandError> {
        let doors = doors(network.scenario());
        let can_listen = |door: &Door| is_silent(door) || first_server(door).is_some();
        let known: Vec<u16> =
            doors.iter().filter(|(_, _, door)| can_listen(door)).map(|(_, port, _)| *port).collect();
        if let Some((port, _)) = ports.iter().find(|(port, _)| !known.contains(port)) {
            return Err(StandError::NoSuchPort { port: *port, known });
        }
        let mut stand = Self { network, places: Vec::new(), listeners: Vec::new(), _silences: Vec::new() };
        let mut taken: Vec<u16> = Vec::new();
        for (ip, port, door) in doors {
            let given = ports.iter().find(|(of, here)| *of == port && !(taken.contains(here) && *here != 0));
            let here = given.map_or_else(|| usual(port, &taken), |(_, here)| *here);
            let at = SocketAddr::new(bind, here);
            let failed = |source| StandError::Listen { port, at, source };
            let stall = if is_silent(&door) {
                let silence = Silence::bind(at).map_err(failed)?;
                let here = silence.address().map_err(failed)?;
                stand._silences.push(silence);
                taken.push(here.port());
                Stall::Silent { here }
            } else if let Some(service) = first_server(&door).and_then(|id| stand.network.service(id)) {
                let listener = Listener::bind(at).map_err(failed)?;
                let here = listener.address().map_err(failed)?;
                stand.listeners.push((listener, ip, port));
                taken.push(here.port());
                Stall::Open { service: service.clone(), in_turn: door.0.len() > 1, here }
            } else if door.0 == [Reach::Refused] {
                Stall::Refused
            } else {
                Stall::Missing
            };
            stand.places.push(Place { ip, port, stall });
        }
        Ok(stand)
    }

    /// Serves, for ever.
    pub async fn serve(self) {
        let mut doors = JoinSet::new();
        for (listener, ip, port) in self.listeners {
            let network = Arc::clone(&self.network);
            doors.spawn(async move {
                loop {
                    let accepted = listener.accept().await;
                    network.receive(ip, port, accepted.stream, accepted.reset).await;
                }
            });
        }
        while doors.join_next().await.is_some() {}
        // Where there are silent ports only, they stay until the future is dropped.
        std::future::pending().await
    }
}

/// The ports of the scenario, each with the address whose port it is. Where several addresses have the same servers on
/// a port, the first stands for all.
fn doors(scenario: &Scenario) -> Vec<(IpAddr, u16, Door)> {
    let mut doors: Vec<(IpAddr, u16, Door)> = Vec::new();
    for address in &scenario.addresses {
        for (port, door) in &address.ports {
            let same = doors.iter().position(|(_, known, other)| {
                let servers = (first_server(other), first_server(door));
                known == port && (servers.0 == servers.1 || servers.0.is_none() || servers.1.is_none())
            });
            match same.and_then(|at| doors.get_mut(at)) {
                // A server is more to look at than a port that does not answer.
                Some(known) if first_server(&known.2).is_none() && first_server(door).is_some() => {
                    *known = (address.ip, *port, door.clone());
                }
                Some(_) => {}
                None => doors.push((address.ip, *port, door.clone())),
            }
        }
    }
    doors.sort_by_key(|(_, port, _)| *port);
    doors
}

fn is_silent(door: &Door) -> bool {
    !door.0.is_empty() && door.0.iter().all(|reach| *reach == Reach::Filtered)
}

fn first_server(door: &Door) -> Option<&str> {
    door.0.iter().find_map(|reach| match reach {
        Reach::Open(id) => Some(id.as_str()),
        _ => None,
    })
}

/// The port here that stands for one of the scenario where nobody says which.
fn usual(port: u16, taken: &[u16]) -> u16 {
    let mut here = if port < UNPRIVILEGED { port + SHIFT } else { port };
    while taken.contains(&here) {
        match here.checked_add(NEXT_HOST) {
            Some(next) => here = next,
            None => return 0,
        }
    }
    here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_gets_one_that_needs_no_privileges() {
        assert_eq!(usual(587, &[]), 1587);
        assert_eq!(usual(2525, &[]), 2525);
        assert_eq!(usual(25, &[1025]), 11_025);
        assert_eq!(usual(65_000, &[65_000]), 0);
    }

    #[test]
    fn addresses_with_the_same_servers_are_served_once() {
        let healthy = crate::lab::scenario("healthy").unwrap();
        let doors = doors(healthy);
        let ports: Vec<u16> = doors.iter().map(|(_, port, _)| *port).collect();
        assert_eq!(ports, [25, 465, 587, 2525]);
    }

    #[tokio::test]
    async fn ports_can_be_chosen_and_a_wrong_one_is_named() {
        let open = |ports: &[(u16, u16)]| {
            let network = crate::lab::open("587-filtered").unwrap().network;
            Stand::open(network, "127.0.0.1".parse().unwrap(), ports)
        };
        let stand = open(&[(465, 0), (587, 0), (2525, 0)]).unwrap();
        let kinds: Vec<_> = stand.places.iter().map(|place| (place.port, &place.stall)).collect();
        assert!(
            matches!(
                kinds.as_slice(),
                [
                    (443, Stall::Refused),
                    (465, Stall::Open { in_turn: false, .. }),
                    (587, Stall::Silent { .. }),
                    (2525, Stall::Silent { .. })
                ]
            ),
            "{kinds:?}"
        );
        let error = open(&[(2600, 0)]).err().unwrap().to_string();
        assert_eq!(error, "the scenario has no server on port 2600; it has 465, 587, 2525");
        let Stall::Open { here, .. } = stand.places[1].stall else { panic!() };
        let error = open(&[(465, here.port()), (587, 0), (2525, 0)]).err().unwrap().to_string();
        assert!(
            error.contains(&format!("cannot listen on {here}")) && error.contains("--ports 465=PORT"),
            "{error}"
        );
    }
}
