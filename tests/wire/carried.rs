//! Through a proxy: what is asked of DNS is asked from here, what is connected to is connected to from there; and
//! nothing that is true of this machine alone is said of the other one.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ehlo::event::{
    ConnectOutcome, Endpoint, LookupOutcome, LookupSource, ProxyFault, RecordData, RecordType,
};
use ehlo::lab::network::LabNetwork;
use ehlo::net::{BoxFuture, Connection, Network};
use ehlo::session::{Outcome, Session};

use super::domain::World;
use super::{cited, says, words};

/// How the probes are carried.
pub const CARRIER: &str = "ssh://relay@far.example.net";

/// A proxy at whose far end the lab lies.
pub struct Carried {
    /// The lab.
    pub lab: LabNetwork,
    /// What the proxy says of every connect, where it makes none.
    pub fault: Option<ProxyFault>,
}

impl Carried {
    async fn address(&self, name: &str) -> Option<IpAddr> {
        let (_, LookupOutcome::Answers(records)) = self.lab.lookup(name, RecordType::A).await else {
            return None;
        };
        records.iter().find_map(|record| match record.data {
            RecordData::Address(address) => Some(address),
            _ => None,
        })
    }
}

fn failed(fault: ProxyFault) -> ConnectOutcome {
    ConnectOutcome::Proxy { text: "open failed".to_owned(), fault }
}

impl Network for Carried {
    fn lookup<'a>(
        &'a self,
        name: &'a str,
        record: RecordType,
    ) -> BoxFuture<'a, (LookupSource, LookupOutcome)> {
        self.lab.lookup(name, record)
    }

    fn system_lookup<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<Result<Vec<IpAddr>, String>>> {
        Box::pin(async { None })
    }

    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Connection, ConnectOutcome>> {
        Box::pin(async move {
            let Endpoint::Name(name, port) = endpoint else { panic!("{endpoint} was looked up here") };
            if let Some(fault) = self.fault {
                return Err(failed(fault));
            }
            let address = self.address(name).await.ok_or_else(|| failed(ProxyFault::Name))?;
            let there = Endpoint::Address(SocketAddr::new(address, *port));
            match self.lab.connect(&there, limit).await {
                Ok(connection) => Ok(Connection { stream: connection.stream, local: None }),
                Err(ConnectOutcome::TimedOut) => Err(failed(ProxyFault::TimedOut)),
                Err(_) => Err(failed(ProxyFault::Refused)),
            }
        })
    }

    fn resolves_remotely(&self) -> bool {
        true
    }

    fn vantage(&self) -> String {
        CARRIER.to_owned()
    }
}

const POLICY: &str = "version: STSv1\\nmode: enforce\\nmx: mx1.example.com\\nmax_age: 604800\\n";

fn domain() -> World {
    World::relay("example.com")
        .name("example.com", "mx = ['10 mx1.example.com']\nvalidated = true")
        .name("mx1.example.com", "a = ['192.0.2.25']\nvalidated = true")
        .name("_25._tcp.mx1.example.com", "tlsa = ['3 1 1 @own1']\nvalidated = true")
        // True of this machine, from which nothing leaves.
        .name("77.100.51.198.in-addr.arpa", "ptr = ['elsewhere.example.net']")
        .server("192.0.2.25", "mx1.example.com", "")
}

/// No address of any host was asked for on this side.
fn looked_nothing_up(session: &Session) {
    let answers = &session.dns().answers;
    let hosts = answers.iter().filter(|answer| matches!(answer.record, RecordType::A | RecordType::Aaaa));
    assert_eq!(hosts.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_domain_is_delivered_to_from_where_the_proxy_is() {
    let session = domain().policy(POLICY).carried(None).finds(&["dane-match", "ptr-unknown"]).await;
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
    assert_eq!(session.beyond().policy.as_ref().map(|fetched| fetched.policy.is_ok()), Some(true));
    looked_nothing_up(&session);
    assert!(says(&session, "is asked from this machine"));
    let said = words(&session, "ptr-unknown");
    assert!(said.contains(CARRIER) && !said.contains("198.51.100.77"), "{said}");
    assert!(cited(&session, "ptr-unknown")[0].contains("connections leave from"));
    let plan = |step: &str| session.steps().iter().find(|entered| entered.id == step).unwrap().plan.clone();
    assert!(plan("mx").contains("from this machine and not through ssh://"), "{}", plan("mx"));
    assert!(plan("mta-sts-policy").starts_with("connects through ssh://"), "{}", plan("mta-sts-policy"));
    assert!(plan("host").starts_with("looks nothing up here"), "{}", plan("host"));
}

#[tokio::test(start_paused = true)]
async fn what_dns_and_the_policy_demand_holds_from_there_too() {
    let other = domain()
        .name("_25._tcp.mx1.example.com", "tlsa = ['3 1 1 @other']\nvalidated = true")
        .certificate("other", "names = ['mx1.example.com']");
    let session = other.carried(None).finds(&["dane-mismatch", "ptr-unknown"]).await;
    assert_eq!(ehlo::report::exit_status(&session), 2);
    let policy = POLICY.replace("mx1", "mx9");
    let world = domain().name("_25._tcp.mx1.example.com", "tlsa = []").policy(&policy);
    let session = world.carried(None).finds(&["mta-sts-mismatch", "ptr-unknown"]).await;
    assert_eq!(ehlo::report::exit_status(&session), 2);
}

#[tokio::test(start_paused = true)]
async fn no_mx_unreachable_where_the_proxy_itself_is_at_fault() {
    for (fault, code) in [
        (ProxyFault::Denied, "proxy-denied"),
        (ProxyFault::Unreachable, "proxy-unreachable"),
        (ProxyFault::Broken, "proxy-failed"),
    ] {
        domain().carried(Some(fault)).finds(&[code]).await;
    }
    let session =
        domain().carried(Some(ProxyFault::Name)).finds(&["mx-unreachable", "proxy-cannot-resolve"]).await;
    assert!(words(&session, "mx-unreachable").contains("the proxy cannot look its name up"));
}

#[tokio::test(start_paused = true)]
async fn says_all_ports_blocked_of_the_far_machine() {
    let found = ["all-ports-blocked", "mx-unreachable", "port-filtered"];
    let session = domain().carried(Some(ProxyFault::TimedOut)).finds(&found).await;
    for code in found {
        let said = words(&session, code);
        assert!(said.contains("the machine behind ssh://relay@far.example.net"), "{code}: {said}");
        assert!(!said.contains("this machine") && !said.contains("this network"), "{code}: {said}");
    }
    let request = ehlo::guide::request::request(&session).unwrap();
    assert!(request.text.starts_with("Please allow outbound TCP connections from the machine behind ssh://"));
    assert!(request.to.contains("the machine behind ssh://"), "{}", request.to);
}

#[tokio::test(start_paused = true)]
async fn where_mail_lands_in_spam_nothing_is_connected_to() {
    let world = |world: World| {
        world.name("example.com", "txt = ['v=spf1 ip4:192.0.2.1 -all']").sends_from("192.0.2.9")
    };
    let codes =
        |session: &Session| -> Vec<&str> { session.findings().iter().map(|finding| finding.code).collect() };
    let found =
        ["port-is-not-the-cause", "spf-not-authorised", "dkim-missing", "dmarc-missing", "ptr-missing"];
    let here = world(World::inbox("example.com")).finds(&found).await;
    let there = world(World::inbox("example.com")).carried(None).finds(&found).await;
    assert_eq!(codes(&here), codes(&there));
    assert!(there.routes().is_empty());
}
