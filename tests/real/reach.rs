//! What stands between ehlo and the port, through the whole program: firewalls near and far, broken families, dead
//! addresses, and resolvers that fail in every way.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::EdnsOption;
use hickory_resolver::proto::rr::rdata::{A, CNAME, SOA};
use hickory_resolver::proto::rr::{Name, RData, Record};
use serde_json::Value;

use crate::internet::{CLIENT_V4, CLIENT_V6, Host, Internet, ROUTER_V4, ROUTER_V6, SERVER_V4, SERVER_V6};
use crate::tools::require_root_or_skip;

const EHLO: &str = env!("CARGO_BIN_EXE_ehlo");
const NAME: &str = "smtp.example.test";

/// The report of `ehlo check` on this machine, and its exit status.
fn check(host: &Host, line: &[&str]) -> (Value, Option<i32>) {
    let output = host.run(&[&[EHLO, "check", "--json", "--ehlo", "client.example.test"], line].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (json, output.status.code())
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["code"].as_str()).collect()
}

/// One route to one or several addresses of the server.
fn route(host: &Host, addresses: &str, limit: &str) -> Value {
    let resolve = format!("{NAME}:{addresses}");
    let options = ["--route", "587/starttls", "--connect-timeout", limit, "--max-time", "30"];
    check(host, &[&[NAME, "--resolve", &resolve], options.as_slice()].concat()).0
}

/// A server that greets and knows EHLO, until it is dropped.
struct Greeter(Arc<AtomicBool>);

impl Greeter {
    fn start(host: &Host) -> Self {
        let listener = host.enter(|| TcpListener::bind(("::", 587)).unwrap());
        listener.set_nonblocking(true).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(false).unwrap();
                        thread::spawn(move || converse(stream));
                    }
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self(over)
    }
}

impl Drop for Greeter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn converse(mut stream: std::net::TcpStream) -> std::io::Result<()> {
    stream.write_all(b"220 mx.example.test ESMTP\r\n")?;
    for line in BufReader::new(stream.try_clone()?).lines() {
        match line?.get(..4) {
            Some("QUIT") => return stream.write_all(b"221 bye\r\n"),
            _ => stream.write_all(b"250 mx.example.test\r\n")?,
        }
    }
    Ok(())
}

#[test]
fn each_obstacle_is_called_by_its_name_and_its_sender() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let Internet { client, router, server, .. } = &internet;
    let _greeter = Greeter::start(server);
    let admin = "reject with icmpx admin-prohibited";
    for (host, rule, code, outcome, senders) in [
        (server, "input reject with tcp reset", "port-refused", "refused", None),
        (router, "forward reject with tcp reset", "port-refused", "refused", None),
        (server, "input reject", "port-unreachable", "unreachable", Some([SERVER_V4, SERVER_V6])),
        (
            router,
            "forward reject with icmpx no-route",
            "port-unreachable",
            "unreachable",
            Some([ROUTER_V4, ROUTER_V6]),
        ),
        (router, &format!("forward {admin}"), "port-prohibited", "unreachable", Some([ROUTER_V4, ROUTER_V6])),
        (server, "input drop", "port-filtered", "filtered", None),
        (router, "forward drop", "port-filtered", "filtered", None),
        (client, &format!("output {admin}"), "local-firewall", "unreachable", Some([CLIENT_V4, CLIENT_V6])),
        (client, "output drop", "local-firewall", "filtered", None),
    ] {
        let (hook, verdict) = rule.split_once(' ').unwrap();
        host.firewall(&format!("{hook} tcp dport 587 {verdict}"));
        // A local drop is known by its retransmissions: after one and more seconds.
        let limit = if rule == "output drop" { "5" } else { "2" };
        thread::scope(|scope| {
            for (family, address) in [SERVER_V4, SERVER_V6].into_iter().enumerate() {
                scope.spawn(move || {
                    let report = route(client, address, limit);
                    let found = &report["routes"][0];
                    assert_eq!(found["outcome"], outcome, "{rule}: {report}");
                    assert!(codes(&report).contains(&code), "{rule}: {report}");
                    for other in [
                        "port-refused",
                        "port-unreachable",
                        "port-prohibited",
                        "port-filtered",
                        "local-firewall",
                    ] {
                        assert!(other == code || !codes(&report).contains(&other), "{rule}: {report}");
                    }
                    if let Some(senders) = senders {
                        let detail = found["attempts"][0]["detail"].as_str().unwrap_or_default();
                        assert!(detail.ends_with(&format!("from {}", senders[family])), "{rule}: {detail}");
                    }
                });
            }
        });
        host.no_firewall();
    }
}

#[test]
fn one_family_or_one_address_may_be_dead_alone() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let Internet { client, router, server, .. } = &internet;
    let _greeter = Greeter::start(server);
    let both = format!("{SERVER_V4},{SERVER_V6}");
    let of_reach = |report: &Value| -> Vec<String> {
        let reach = ["ipv6-broken", "ipv4-broken", "address-partly-dead"];
        codes(report).into_iter().filter(|code| reach.contains(code)).map(str::to_owned).collect()
    };
    // Healthy: both families answer.
    assert_eq!(of_reach(&route(client, &both, "2")), Vec::<String>::new());
    for (rule, code) in [("meta nfproto ipv6", "ipv6-broken"), ("meta nfproto ipv4", "ipv4-broken")] {
        router.firewall(&format!("forward {rule} tcp dport 587 drop"));
        let report = route(client, &both, "1");
        router.no_firewall();
        assert_eq!(of_reach(&report), [code], "{report}");
        assert_eq!(report["routes"][0]["attempts"].as_array().map(Vec::len), Some(2), "{report}");
        assert!(report["routes"][0]["greeting"].is_string(), "the other family goes on: {report}");
    }
    server.ip("addr add 10.77.2.3/24 dev out");
    let two = format!("{SERVER_V4},10.77.2.3");
    assert_eq!(of_reach(&route(client, &two, "1")), Vec::<String>::new());
    router.firewall("forward ip daddr 10.77.2.3 tcp dport 587 drop");
    let report = route(client, &two, "1");
    router.no_firewall();
    assert_eq!(of_reach(&report), ["address-partly-dead"], "{report}");
}

/// A resolver on the server that answers each name in its own way, until it is dropped.
struct Resolver(Arc<AtomicBool>);

impl Resolver {
    fn start(host: &Host) -> Self {
        let socket = host.enter(|| UdpSocket::bind((SERVER_V4, 53)).unwrap());
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        thread::spawn(move || {
            let mut bytes = [0; 1500];
            while !stop.load(Ordering::Relaxed) {
                let Ok((count, from)) = socket.recv_from(&mut bytes) else { continue };
                let Ok(asked) = Message::from_vec(&bytes[..count]) else { continue };
                if let Some(answer) = answer(&asked) {
                    let _ = socket.send_to(&answer.to_vec().unwrap(), from);
                }
            }
        });
        Self(over)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn answer(asked: &Message) -> Option<Message> {
    let name = |text: &str| Name::from_ascii(text).unwrap();
    let query = asked.queries.first()?.clone();
    let mut answer = Message::response(asked.metadata.id, OpCode::Query);
    answer.queries = vec![query.clone()];
    let soa = SOA::new(name("ns.example.test."), name("root.example.test."), 1, 2, 3, 4, 5);
    let soa = Record::from_rdata(name("example.test."), 60, RData::SOA(soa));
    let first = query.name().to_ascii();
    match first.split('.').next()? {
        "missing" => {
            answer.metadata.response_code = ResponseCode::NXDomain;
            answer.authorities = vec![soa];
        }
        "alias" => {
            let target = RData::CNAME(CNAME(name("gone.example.net.")));
            answer.answers = vec![Record::from_rdata(query.name().clone(), 60, target)];
            answer.metadata.response_code = ResponseCode::NXDomain;
            answer.authorities = vec![soa];
        }
        "bare" => answer.authorities = vec![soa],
        "broken" => {
            answer.metadata.response_code = ResponseCode::ServFail;
            let mut edns = Edns::new();
            edns.options_mut().insert(EdnsOption::Unknown(15, b"\x00\x09DNSKEY missing".to_vec()));
            answer.edns = Some(edns);
        }
        "refused" => answer.metadata.response_code = ResponseCode::Refused,
        "smtp" => {
            let address = RData::A(A::new(10, 77, 2, 2));
            if query.query_type() == address.record_type() {
                answer.answers = vec![Record::from_rdata(query.name().clone(), 60, address)];
            }
        }
        _ => return None,
    }
    Some(answer)
}

#[test]
fn each_failure_of_dns_keeps_its_name() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let Internet { client, server, .. } = &internet;
    let resolver = Resolver::start(server);
    let ask = |host: &str, at: &str| check(client, &[host, "--dns-server", at, "--max-time", "20"]);
    for (host, expected) in [
        ("missing.example.test", vec!["dns-nxdomain"]),
        ("alias.example.test", vec!["dns-nxdomain", "dns-cname-dangling"]),
        ("bare.example.test", vec!["dns-no-address"]),
        ("broken.example.test", vec!["dns-servfail"]),
        ("refused.example.test", vec!["dns-refused"]),
        ("silent.example.test", vec!["dns-timeout"]),
    ] {
        let (report, status) = ask(host, SERVER_V4);
        assert_eq!(codes(&report), expected, "{host}: {report}");
        assert_eq!((status, &report["recommendation"]), (Some(2), &Value::Null), "{host}");
        assert!(report["routes"].as_array().unwrap().iter().all(|route| route["outcome"] == "not-tried"));
    }
    let (report, _) = ask("broken.example.test", SERVER_V4);
    let summary = report["findings"][0]["summary"].as_str().unwrap();
    assert!(summary.contains("9 DNSKEY missing"), "{summary}");
    // The name that is there goes on to its ports.
    let (report, _) = ask("smtp.example.test", SERVER_V4);
    assert!(!codes(&report).iter().any(|code| code.starts_with("dns-")), "{report}");
    assert_eq!(report["dns"]["a"], serde_json::json!([SERVER_V4]));
    drop(resolver);
    // Nobody listens there: other than silence, it is said at once.
    let (report, _) = ask("smtp.example.test", "10.77.2.2:5353");
    assert_eq!(codes(&report), ["dns-timeout"]);
    let summary = report["findings"][0]["summary"].as_str().unwrap();
    assert!(summary.contains("refused"), "{summary}");
}

#[test]
fn a_target_that_cannot_be_a_host_is_a_report() {
    for (target, meant) in [
        ("\"smtp.example.com\"", "smtp.example.com"),
        ("smtp.example.com,", "smtp.example.com"),
        ("smtps://ann:hunter2@smtp.example.com:465", "smtp.example.com:465"),
        ("smtp.example.com 587", "smtp.example.com:587"),
    ] {
        let output = crate::tools::run(&[EHLO, "check", target, "--json"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(codes(&report), ["target-malformed"], "{report}");
        let summary = report["findings"][0]["summary"].as_str().unwrap();
        assert!(summary.contains(&format!("did you mean {meant}?")), "{summary}");
        assert!(!text.contains("hunter2") && !String::from_utf8_lossy(&output.stderr).contains("hunter2"));
    }
}
