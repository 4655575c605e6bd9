//! How TCP connects end, and where they go. Only values: nothing here looks, waits or decides.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Where a connect goes: an address, or a name that a proxy will resolve.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Endpoint {
    /// Address and port.
    Address(SocketAddr),
    /// Name and port, resolved at the far end of a proxy.
    Name(String, u16),
}

impl Endpoint {
    /// The address, where it is known here.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.ip()),
            Self::Name(..) => None,
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Name(_, port) => *port,
        }
    }

    /// The address or name without the port, as the report gives it.
    pub fn host(&self) -> String {
        match self {
            Self::Address(address) => address.ip().to_string(),
            Self::Name(name, _) => name.clone(),
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let (name, port) = text.rsplit_once(':').ok_or("an endpoint needs a port")?;
        let port = port.parse().map_err(|_| "the port of an endpoint is not a number")?;
        Ok(Self::Name(name.to_owned(), port))
    }
}

/// How a TCP connect ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectOutcome {
    /// Established.
    Connected,
    /// No answer within the limit.
    TimedOut,
    /// A reset: nobody listens, or a firewall that rejects with one.
    Reset,
    /// An ICMP error, from the socket's error queue.
    Icmp(IcmpError),
    /// This machine has no route or no such address family, or the neighbour on the way does not answer (EHOSTUNREACH).
    NoRoute {
        /// errno.
        errno: i32,
    },
    /// This machine refused the connect (EACCES, EPERM).
    LocalRefusal {
        /// errno.
        errno: i32,
    },
    /// Another error.
    Failed {
        /// errno, where there is one.
        errno: Option<i32>,
        /// The system's words.
        text: String,
    },
    /// The proxy could not make the connection.
    Proxy {
        /// The proxy's words.
        text: String,
        /// What it was about.
        #[serde(default)]
        fault: ProxyFault,
    },
    /// Given up because the answer no longer mattered.
    Cancelled,
}

/// What a proxy's failure to connect was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyFault {
    /// The proxy itself cannot be reached.
    Unreachable,
    /// It wants another sign-in, or its rules forbid the connection.
    Denied,
    /// It does not speak its protocol, or broke off.
    Broken,
    /// It could not look the name up.
    Name,
    /// The target refused it.
    Refused,
    /// The target did not answer it.
    TimedOut,
    /// It found no way to the target.
    TargetUnreachable,
    /// It says only that it failed.
    #[default]
    Unknown,
}

/// The kernel's counters of TCP retransmissions in this machine's network (proc(5), `net/snmp` and `net/netstat`), or
/// how they rose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retransmissions {
    /// `Tcp: RetransSegs`: all.
    pub sent: u64,
    /// `TcpExt: TCPSynRetrans`: those of a SYN, as of a connect that is not answered.
    pub syn: u64,
    /// `TcpExt: TCPRetransFail`: those that did not leave this machine.
    pub failed: u64,
}

impl Retransmissions {
    /// From an earlier reading to this one.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(earlier.sent),
            syn: self.syn.saturating_sub(earlier.syn),
            failed: self.failed.saturating_sub(earlier.failed),
        }
    }
}

/// An ICMP or ICMPv6 error as the kernel queued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcmpError {
    /// True for ICMPv6.
    pub v6: bool,
    /// ICMP type: 3 or, in v6, 1 is destination unreachable.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Who sent it.
    pub sender: Option<IpAddr>,
    /// True where the sender is this machine.
    pub from_self: bool,
}
