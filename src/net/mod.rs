//! The one room where sockets live.
//!
//! All look-ups and connects go through one [`Network`]: the system's ([`system`]), one through a proxy, or the
//! lab's. Above it nobody can tell which. May not import the session, the guide or a face.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::event::{ConnectOutcome, Endpoint, LookupOutcome, LookupSource, RecordType, Retransmissions};

mod answer;
mod connect;
mod counters;
#[cfg(test)]
mod hostile;
pub mod https;
pub mod identity;
pub mod listen;
mod machine;
mod prompt;
pub mod proxy;
pub mod resolve;
pub mod system;
pub mod tap;
pub mod tls;

/// A boxed future, so that a network can be a value.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A byte stream to a server.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// When a connect that is not answered is tried once more, beside the first: firewalls limit how many ICMP errors they
/// send, so one may have been withheld. `None` where the limit is too short for that.
pub fn asks_again_after(limit: Duration) -> Option<Duration> {
    let half = limit / 2;
    (half >= Duration::from_millis(500)).then_some(half)
}

/// An established connection.
pub struct Connection {
    /// The bytes.
    pub stream: Box<dyn Stream>,
    /// Our own address on it, where there is one.
    pub local: Option<SocketAddr>,
}

/// A way to look names up and to connect.
pub trait Network: Send + Sync {
    /// Asks one DNS question. Bounded in time by the network itself; kinds of failure are values.
    fn lookup<'a>(
        &'a self,
        name: &'a str,
        record: RecordType,
    ) -> BoxFuture<'a, (LookupSource, LookupOutcome)>;

    /// What the operating system's own resolver says, for comparison; `None` where there is none to ask.
    fn system_lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Option<Result<Vec<IpAddr>, String>>>;

    /// Connects, within `limit`; what stays silent for half of it is tried once more ([`asks_again_after`]). The error is
    /// never [`ConnectOutcome::Connected`].
    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Connection, ConnectOutcome>>;

    /// The kernel's counters of retransmissions, where connects leave from this machine.
    fn counters(&self) -> Option<Retransmissions> {
        None
    }

    /// What the machine says of itself from which connects leave; nothing where that is another one. May read files.
    fn machine(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// True where names are resolved at the far end (a proxy), so that no look-up is made here.
    fn resolves_remotely(&self) -> bool {
        false
    }

    /// The addresses that the user gave for a host (`--resolve`): they go before what a proxy would look up.
    fn given<'a>(&'a self, _host: &str) -> Option<&'a [IpAddr]> {
        None
    }

    /// `local`, or how the probes are carried.
    fn vantage(&self) -> String;
}
