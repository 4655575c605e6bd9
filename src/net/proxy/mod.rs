//! Connects that a proxy carries: SOCKS5, CONNECT over HTTP, or a host that is signed in to with ssh.
//!
//! Names are looked up at the far end, so the probe sees what that place sees. Only what must be asked of DNS to find
//! a domain's hosts (SRV, MX) is asked here. Why a connect failed is the proxy's word: there is no ICMP error to read.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::event::{ConnectOutcome, Endpoint, LookupOutcome, LookupSource, ProxyFault, RecordType};
use crate::net::system::SystemNetwork;
use crate::net::{BoxFuture, Connection, Network, Stream};
use crate::target::Host;
use crate::wire::printable::printable;

#[cfg(test)]
mod hostile;
mod http;
mod socks;
mod ssh;
#[cfg(test)]
mod tests;
mod url;

pub use url::{BadProxy, ProxyArgument, ProxyUrl, Scheme};

/// Longest text of a proxy that is kept.
const MAX_TEXT: usize = 300;

/// Why a proxy made no connection.
#[derive(Debug)]
struct Failure {
    fault: ProxyFault,
    text: String,
}

impl Failure {
    fn new(fault: ProxyFault, text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self { fault, text: printable(&text, MAX_TEXT) }
    }

    fn broken(error: &std::io::Error) -> Self {
        Self::new(ProxyFault::Broken, format!("the connection to the proxy broke off: {error}"))
    }
}

/// A network behind a proxy.
#[derive(Clone, Debug)]
pub struct ProxyNetwork {
    system: SystemNetwork,
    proxy: ProxyUrl,
}

impl ProxyNetwork {
    /// Behind this proxy, which is itself reached over the system's network.
    pub fn new(system: SystemNetwork, proxy: ProxyUrl) -> Self {
        Self { system, proxy }
    }

    async fn carried(&self, endpoint: &Endpoint, limit: Duration) -> Result<Connection, ConnectOutcome> {
        let stream = match self.proxy.scheme {
            Scheme::Ssh => within(limit, ssh::connect(&self.proxy, endpoint, self.system.bound())).await,
            Scheme::Socks5h => {
                let stream = self.reach(limit).await?;
                within(limit, socks::connect(stream, &self.proxy, endpoint)).await
            }
            Scheme::Http => {
                let stream = self.reach(limit).await?;
                within(limit, http::connect(stream, &self.proxy, endpoint)).await
            }
        };
        match stream {
            Ok(stream) => Ok(Connection { stream, local: None }),
            Err(Failure { fault, text }) => Err(ConnectOutcome::Proxy { text, fault }),
        }
    }

    /// A connection to the proxy itself.
    async fn reach(&self, limit: Duration) -> Result<Box<dyn Stream>, ConnectOutcome> {
        let port = self.proxy.port.unwrap_or_default();
        let endpoint = match &self.proxy.host {
            Host::Address(address) => Endpoint::Address((*address, port).into()),
            Host::Name(name) => Endpoint::Name(name.clone(), port),
        };
        match self.system.connect(&endpoint, limit).await {
            Ok(connection) => Ok(connection.stream),
            Err(outcome) => Err(ConnectOutcome::Proxy {
                text: format!("the proxy itself cannot be reached at {endpoint}: {}", words(&outcome)),
                fault: ProxyFault::Unreachable,
            }),
        }
    }
}

/// Within the limit; a proxy that stays silent waits for the target itself.
async fn within(
    limit: Duration,
    connect: impl Future<Output = Result<Box<dyn Stream>, Failure>>,
) -> Result<Box<dyn Stream>, Failure> {
    match timeout(limit, connect).await {
        Ok(end) => end,
        Err(_) => {
            Err(Failure::new(ProxyFault::TimedOut, "the proxy has no answer from there within the limit"))
        }
    }
}

fn words(outcome: &ConnectOutcome) -> String {
    match outcome {
        ConnectOutcome::TimedOut => "no answer within the limit".to_owned(),
        ConnectOutcome::Reset => "the connection is refused".to_owned(),
        ConnectOutcome::Icmp(error) => {
            let sender = error.sender.map(|sender| format!(" from {sender}")).unwrap_or_default();
            format!("ICMP type {} code {}{sender}", error.kind, error.code)
        }
        ConnectOutcome::NoRoute { errno } => format!("this machine has no route there (errno {errno})"),
        ConnectOutcome::LocalRefusal { errno } => format!("this machine refuses the connect (errno {errno})"),
        ConnectOutcome::Failed { text, .. } | ConnectOutcome::Proxy { text, .. } => text.clone(),
        ConnectOutcome::Connected | ConnectOutcome::Cancelled => "given up".to_owned(),
    }
}

impl Network for ProxyNetwork {
    fn lookup<'a>(
        &'a self,
        name: &'a str,
        record: RecordType,
    ) -> BoxFuture<'a, (LookupSource, LookupOutcome)> {
        self.system.lookup(name, record)
    }

    fn system_lookup<'a>(&'a self, _host: &'a str) -> BoxFuture<'a, Option<Result<Vec<IpAddr>, String>>> {
        Box::pin(async { None })
    }

    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Connection, ConnectOutcome>> {
        Box::pin(async move {
            // The way to the proxy and the way behind it share one limit.
            match timeout(limit, self.carried(endpoint, limit)).await {
                Ok(end) => end,
                Err(_) => Err(ConnectOutcome::Proxy {
                    text: "the proxy has no answer from there within the limit".to_owned(),
                    fault: ProxyFault::TimedOut,
                }),
            }
        })
    }

    fn resolves_remotely(&self) -> bool {
        true
    }

    fn given<'a>(&'a self, host: &str) -> Option<&'a [IpAddr]> {
        self.system.given(host)
    }

    fn vantage(&self) -> String {
        self.proxy.to_string()
    }
}
