//! The system's network: its hosts file and DNS servers for look-ups, its sockets for connects.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use hickory_resolver::Hosts;
use hickory_resolver::proto::rr::RData;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::event::{
    ConnectOutcome, Endpoint, LookupOutcome, LookupSource, Record, RecordData, RecordType, Retransmissions,
};
use crate::net::answer::question;
use crate::net::connect::connect;
use crate::net::prompt::Prompt;
use crate::net::resolve::{Patience, ask};
use crate::net::{BoxFuture, Connection, Network, counters, machine};

/// How long the operating system's own resolver is waited for.
const SYSTEM_LIMIT: Duration = Duration::from_secs(5);

/// Port of DNS.
const DNS_PORT: u16 = 53;

/// What the user may change.
#[derive(Clone, Debug)]
pub struct SystemOptions {
    /// `--resolve`: answers without a look-up.
    pub given: Vec<Given>,
    /// `--dns-server`: asked in place of the system's.
    pub dns_server: Option<DnsServer>,
    /// `--interface`: the local address of every connect.
    pub bind: Option<IpAddr>,
    /// How long DNS is waited for.
    pub patience: Patience,
    /// Where the kernel shows what this machine is: /sys.
    pub sys: PathBuf,
}

impl Default for SystemOptions {
    fn default() -> Self {
        let (given, patience, sys) = (Vec::new(), Patience::default(), PathBuf::from("/sys"));
        Self { given, dns_server: None, bind: None, patience, sys }
    }
}

/// `HOST:ADDR[,ADDR]`: a host whose addresses the user gives.
///
/// ```
/// use ehlo::net::system::Given;
/// let given: Given = "smtp.example.com:192.0.2.1,2001:db8::1".parse().unwrap();
/// assert_eq!(given.addresses.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The host: lower case, no dot at the end.
    pub host: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// `ADDR[:PORT]`: the DNS server to ask; an IPv6 address with a port stands in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnsServer(pub SocketAddr);

/// Why an option could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOption {
    /// Not `HOST:ADDR[,ADDR]`.
    #[error("'{0}' is not HOST:ADDR[,ADDR], as in smtp.example.com:192.0.2.1,2001:db8::1")]
    Given(String),
    /// Not `ADDR[:PORT]`.
    #[error(
        "'{0}' is not the address of a DNS server: write ADDR or ADDR:PORT, as in 192.0.2.53 or [2001:db8::53]:53"
    )]
    DnsServer(String),
}

impl std::fmt::Display for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        write!(f, "{}:{}", self.host, addresses.join(","))
    }
}

impl FromStr for Given {
    type Err = BadOption;

    fn from_str(text: &str) -> Result<Self, BadOption> {
        let bad = || BadOption::Given(text.to_owned());
        let (host, addresses) = text.split_once(':').ok_or_else(bad)?;
        let host = canonical(host);
        if host.is_empty() || question(&host, RecordType::A).is_err() {
            return Err(bad());
        }
        let addresses = addresses
            .split(',')
            .map(|address| {
                let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                bare.unwrap_or(address).parse()
            })
            .collect::<Result<_, _>>()
            .map_err(|_| bad())?;
        Ok(Self { host, addresses })
    }
}

impl FromStr for DnsServer {
    type Err = BadOption;

    fn from_str(text: &str) -> Result<Self, BadOption> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let address = bare.parse().map(|address: IpAddr| SocketAddr::new(address, DNS_PORT));
        let address = address.or_else(|_| text.parse()).map_err(|_| BadOption::DnsServer(text.to_owned()))?;
        if address.port() == 0 {
            return Err(BadOption::DnsServer(text.to_owned()));
        }
        Ok(Self(address))
    }
}

/// The network of this machine.
///
/// A look-up goes the way a mail client's goes: what the user gave, the hosts file, `localhost` (RFC 6761 §6.3), DNS.
/// Names are complete: no search list is applied. Files are read anew each time, so that a user who repairs them sees
/// the difference at once.
#[derive(Clone, Debug, Default)]
pub struct SystemNetwork {
    options: SystemOptions,
}

impl SystemNetwork {
    /// With these options.
    pub fn new(options: SystemOptions) -> Self {
        Self { options }
    }

    /// The local address of every connect, where one was given.
    pub(crate) fn bound(&self) -> Option<IpAddr> {
        self.options.bind
    }

    async fn answer(&self, name: &str, record: RecordType) -> (LookupSource, LookupOutcome) {
        if let RecordType::A | RecordType::Aaaa = record {
            if let Some(addresses) = self.given(name) {
                return (LookupSource::Given, addresses_as(name, record, addresses));
            }
            if let Some(addresses) = local(name).await {
                return (LookupSource::HostsFile, addresses_as(name, record, &addresses));
            }
        }
        let servers = match self.options.dns_server {
            Some(DnsServer(server)) => vec![server],
            None => match system_servers().await {
                Ok(servers) => servers,
                Err(text) => return (LookupSource::Dns(None), LookupOutcome::Unreachable(text)),
            },
        };
        let (server, authentic, outcome) = ask(&servers, name, record, self.options.patience).await;
        let source = if authentic { LookupSource::Validated(server) } else { LookupSource::Dns(server) };
        (source, outcome)
    }

    /// Addresses of a host whose name nobody has looked up yet, such as a proxy's.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectOutcome> {
        if let Some(addresses) = self.given(host) {
            return Ok(addresses.iter().map(|address| SocketAddr::new(*address, port)).collect());
        }
        let found = tokio::net::lookup_host((host, port)).await.map_err(|error| ConnectOutcome::Failed {
            errno: None,
            text: format!("{host} cannot be looked up: {error}"),
        })?;
        Ok(found.collect())
    }

    async fn connect_to(&self, endpoint: &Endpoint, limit: Duration) -> Result<Connection, ConnectOutcome> {
        let deadline = Instant::now() + limit;
        let addresses = match endpoint {
            Endpoint::Address(address) => vec![*address],
            Endpoint::Name(host, port) => match timeout(limit, self.addresses(host, *port)).await {
                Ok(found) => found?,
                Err(_) => return Err(ConnectOutcome::TimedOut),
            },
        };
        let mut failure = None;
        for address in addresses {
            let left = deadline.saturating_duration_since(Instant::now());
            match connect(address, self.options.bind, left).await {
                Ok(stream) => {
                    let local = stream.local_addr().ok();
                    return Ok(Connection { stream: Box::new(Prompt(stream)), local });
                }
                Err(outcome) => failure = failure.or(Some(outcome)),
            }
        }
        Err(failure.unwrap_or_else(|| ConnectOutcome::Failed {
            errno: None,
            text: format!("{endpoint} has no address"),
        }))
    }
}

impl Network for SystemNetwork {
    fn lookup<'a>(
        &'a self,
        name: &'a str,
        record: RecordType,
    ) -> BoxFuture<'a, (LookupSource, LookupOutcome)> {
        Box::pin(self.answer(name, record))
    }

    /// `None` also where the user told ehlo to ask elsewhere: then a difference is meant.
    fn system_lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Option<Result<Vec<IpAddr>, String>>> {
        Box::pin(async move {
            if self.options.dns_server.is_some() || self.given(host).is_some() {
                return None;
            }
            let found = match timeout(SYSTEM_LIMIT, tokio::net::lookup_host((host, 0))).await {
                Err(_) => Err(format!("no answer within {} s", SYSTEM_LIMIT.as_secs())),
                Ok(Err(error)) => Err(error.to_string()),
                Ok(Ok(found)) => {
                    let mut addresses = Vec::new();
                    for address in found {
                        if !addresses.contains(&address.ip()) {
                            addresses.push(address.ip());
                        }
                    }
                    Ok(addresses)
                }
            };
            Some(found)
        })
    }

    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Connection, ConnectOutcome>> {
        Box::pin(self.connect_to(endpoint, limit))
    }

    fn counters(&self) -> Option<Retransmissions> {
        counters::read()
    }

    fn machine(&self) -> BTreeMap<String, String> {
        machine::read(&self.options.sys, |name| std::env::var_os(name).is_some())
    }

    fn given<'a>(&'a self, host: &str) -> Option<&'a [IpAddr]> {
        let host = canonical(host);
        let given = self.options.given.iter().find(|given| given.host == host)?;
        Some(&given.addresses)
    }

    fn vantage(&self) -> String {
        "local".to_owned()
    }
}

fn canonical(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Of these addresses those that the question asks for. The name exists, so none is "no such record".
fn addresses_as(name: &str, record: RecordType, addresses: &[IpAddr]) -> LookupOutcome {
    let name = canonical(name);
    let records: Vec<Record> = addresses
        .iter()
        .filter(|address| address.is_ipv4() == (record == RecordType::A))
        .map(|address| Record { name: name.clone(), ttl: 0, data: RecordData::Address(*address) })
        .collect();
    if records.is_empty() { LookupOutcome::NoData } else { LookupOutcome::Answers(records) }
}

/// The addresses that the hosts file has for a name, of both families: where it has one of them, the system asks DNS
/// for neither. `localhost` needs no entry.
async fn local(name: &str) -> Option<Vec<IpAddr>> {
    let host = canonical(name);
    let found = spawn_blocking(move || {
        let hosts = Hosts::from_system().unwrap_or_default();
        in_hosts(&hosts, &host)
    });
    let found = found.await.unwrap_or_default();
    if !found.is_empty() {
        return Some(found);
    }
    let host = canonical(name);
    (host == "localhost" || host.ends_with(".localhost"))
        .then(|| vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16])])
}

fn in_hosts(hosts: &Hosts, host: &str) -> Vec<IpAddr> {
    [RecordType::A, RecordType::Aaaa]
        .into_iter()
        .filter_map(|record| hosts.lookup_static_host(&question(host, record).ok()?))
        .flat_map(|found| found.answers().iter().map(|entry| entry.data.clone()).collect::<Vec<_>>())
        .filter_map(|data| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        })
        .collect()
}

/// The DNS servers that the system is configured to ask.
async fn system_servers() -> Result<Vec<SocketAddr>, String> {
    let read = spawn_blocking(hickory_resolver::system_conf::read_system_conf).await;
    let none = |why: String| format!("no DNS server is configured on this machine: {why}");
    let (config, _) =
        read.map_err(|error| none(error.to_string()))?.map_err(|error| none(error.to_string()))?;
    let mut servers = Vec::new();
    for server in config.name_servers() {
        let port = server.connections.first().map_or(DNS_PORT, |connection| connection.port);
        let address = SocketAddr::new(server.ip, port);
        if !servers.contains(&address) {
            servers.push(address);
        }
    }
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(given: &str) -> SystemNetwork {
        let given = vec![given.parse().unwrap()];
        SystemNetwork::new(SystemOptions { given, ..SystemOptions::default() })
    }

    #[test]
    fn options_say_how_they_are_written() {
        let given: Given = "SMTP.example.com.:192.0.2.1,[2001:db8::1]".parse().unwrap();
        assert_eq!(given.host, "smtp.example.com");
        assert_eq!(given.addresses, ["192.0.2.1".parse::<IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]);
        for bad in
            ["smtp.example.com", ":192.0.2.1", "a:", "a:192.0.2.1,", "a:587:192.0.2.1", "a..b:192.0.2.1"]
        {
            assert_eq!(bad.parse::<Given>(), Err(BadOption::Given(bad.into())));
        }

        let server = |text: &str| text.parse::<DnsServer>().map(|server| server.0.to_string());
        assert_eq!(server("192.0.2.53").unwrap(), "192.0.2.53:53");
        assert_eq!(server("192.0.2.53:5353").unwrap(), "192.0.2.53:5353");
        assert_eq!(server("2001:db8::53").unwrap(), "[2001:db8::53]:53");
        assert_eq!(server("[2001:db8::53]").unwrap(), "[2001:db8::53]:53");
        assert_eq!(server("[2001:db8::53]:5353").unwrap(), "[2001:db8::53]:5353");
        for bad in ["", "dns.example.com", "192.0.2.53:0", "192.0.2.53:70000"] {
            assert_eq!(server(bad), Err(BadOption::DnsServer(bad.into())));
        }
    }

    #[tokio::test]
    async fn given_addresses_need_no_look_up() {
        let network = network("smtp.example.com:192.0.2.1,192.0.2.2");
        let (source, outcome) = network.lookup("SMTP.Example.COM.", RecordType::A).await;
        assert_eq!(source, LookupSource::Given);
        let LookupOutcome::Answers(records) = outcome else { panic!("{outcome:?}") };
        assert_eq!(records.len(), 2);
        let (source, outcome) = network.lookup("smtp.example.com", RecordType::Aaaa).await;
        assert_eq!((source, outcome), (LookupSource::Given, LookupOutcome::NoData));
        assert_eq!(network.system_lookup("smtp.example.com").await, None);
    }

    #[test]
    fn the_hosts_file_answers_for_both_families() {
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(&b"192.0.2.1 Mail mail.example.com # comment\n2001:db8::1 mail\n"[..]).unwrap();
        assert_eq!(in_hosts(&hosts, "mail").len(), 2);
        assert_eq!(in_hosts(&hosts, "mail.example.com"), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert!(in_hosts(&hosts, "example.com").is_empty());
    }

    #[test]
    fn the_machine_is_read_where_the_options_say() {
        let sys = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(sys.path().join("class/dmi/id")).unwrap();
        std::fs::write(sys.path().join("class/dmi/id/sys_vendor"), "DigitalOcean\n").unwrap();
        let options = SystemOptions { sys: sys.path().to_owned(), ..SystemOptions::default() };
        assert_eq!(SystemNetwork::new(options).machine()["sys_vendor"], "DigitalOcean");
    }

    #[tokio::test]
    async fn localhost_is_never_asked_of_dns() {
        let network = SystemNetwork::default();
        for name in ["localhost", "test.LOCALHOST."] {
            let (source, outcome) = network.lookup(name, RecordType::A).await;
            assert_eq!(source, LookupSource::HostsFile);
            let LookupOutcome::Answers(records) = outcome else { panic!("{outcome:?}") };
            assert!(matches!(records[0].data, RecordData::Address(address) if address.is_loopback()));
        }
    }

    #[tokio::test]
    async fn a_name_is_connected_to_by_its_addresses_in_turn() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = network("proxy.example.com:127.0.0.2,127.0.0.1");
        let endpoint = Endpoint::Name("proxy.example.com".into(), port);
        let connection = network.connect(&endpoint, Duration::from_secs(10)).await;
        assert!(connection.is_ok_and(|connection| connection.local.is_some()));
    }
}
