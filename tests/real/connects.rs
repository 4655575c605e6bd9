//! What a connect says of firewalls, routers and routes, over the kernel's own TCP.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use ehlo::event::{ConnectOutcome, Endpoint, IcmpError, Retransmissions};
use ehlo::net::Network as _;
use ehlo::net::system::SystemNetwork;

use crate::internet::{CLIENT_V4, CLIENT_V6, Host, Internet, ROUTER_V4, ROUTER_V6, SERVER_V4, SERVER_V6};
use crate::tools::require_root_or_skip;

/// Far above what any answer in these networks takes.
const PATIENT: Duration = Duration::from_secs(10);
/// For what is never answered.
const HASTY: Duration = Duration::from_millis(700);

fn connect(from: &Host, to: &str, port: u16, limit: Duration) -> ConnectOutcome {
    let endpoint = Endpoint::from(SocketAddr::new(to.parse().unwrap(), port));
    from.enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            match SystemNetwork::default().connect(&endpoint, limit).await {
                Ok(_) => ConnectOutcome::Connected,
                Err(outcome) => outcome,
            }
        })
    })
}

fn icmp(code_v4: u8, code_v6: u8, sender: &str, from_self: bool) -> ConnectOutcome {
    let sender: IpAddr = sender.parse().unwrap();
    let v6 = sender.is_ipv6();
    let (kind, code) = if v6 { (1, code_v6) } else { (3, code_v4) };
    ConnectOutcome::Icmp(IcmpError { v6, kind, code, sender: Some(sender), from_self })
}

#[test]
fn every_way_to_fail_has_its_name_and_its_sender() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let Internet { client, router, server, .. } = &internet;
    let families = [(SERVER_V4, ROUTER_V4, CLIENT_V4), (SERVER_V6, ROUTER_V6, CLIENT_V6)];

    let listener = server.enter(|| TcpListener::bind(("::", 587)).unwrap());
    for (to, ..) in families {
        assert_eq!(connect(client, to, 587, PATIENT), ConnectOutcome::Connected, "{to}");
        assert_eq!(connect(client, to, 465, PATIENT), ConnectOutcome::Reset, "nobody listens at {to}");
    }
    drop(listener);

    let expect = |host: &Host, rule: &str, of: &dyn Fn(&(&str, &str, &str)) -> ConnectOutcome| {
        let (hook, verdict) = rule.split_once(' ').unwrap();
        host.firewall(&format!("{hook} tcp dport 587 {verdict}"));
        std::thread::scope(|scope| {
            for family in &families {
                let expected = of(family);
                let limit = if expected == ConnectOutcome::TimedOut { HASTY } else { PATIENT };
                scope.spawn(move || {
                    assert_eq!(connect(client, family.0, 587, limit), expected, "{rule} on {}", host.name());
                });
            }
        });
        host.no_firewall();
    };
    expect(server, "input drop", &|_| ConnectOutcome::TimedOut);
    expect(router, "forward drop", &|_| ConnectOutcome::TimedOut);
    expect(client, "output drop", &|_| ConnectOutcome::TimedOut);
    expect(server, "input reject with tcp reset", &|_| ConnectOutcome::Reset);
    expect(router, "forward reject with tcp reset", &|_| ConnectOutcome::Reset);
    // The number of the error is that of a reset: only the error queue knows better.
    expect(server, "input reject", &|(to, ..)| icmp(3, 4, to, false));
    expect(router, "forward reject with icmpx admin-prohibited", &|(_, by, _)| icmp(13, 1, by, false));
    expect(router, "forward reject with icmpx host-unreachable", &|(_, by, _)| icmp(1, 3, by, false));
    expect(router, "forward reject with icmpx no-route", &|(_, by, _)| icmp(0, 0, by, false));
    expect(client, "output reject with icmpx admin-prohibited", &|(.., by)| icmp(13, 1, by, true));
    expect(client, "output reject", &|(.., by)| icmp(3, 4, by, true));
}

/// A firewall that swallows the first connect without a word and rejects the next one: each connect has a port of its
/// own, and the set has room for one.
const SWALLOWS_ONE: &str = "table inet ehlo {
  set first { type inet_service; flags dynamic; size 1; }
  chain forward {
    type filter hook forward priority 0;
    tcp dport 587 tcp sport @first drop
    tcp dport 587 add @first { tcp sport } drop
    tcp dport 587 reject with icmpx admin-prohibited
  }
}
";

#[test]
fn silence_is_asked_again_before_it_is_called_a_filter() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let Internet { client, router, .. } = &internet;
    router.rules(SWALLOWS_ONE);
    let started = Instant::now();
    let limit = Duration::from_secs(4);
    let expected = icmp(13, 1, ROUTER_V4, false);
    assert_eq!(connect(client, SERVER_V4, 587, limit), expected);
    assert!(started.elapsed() >= limit / 2 && started.elapsed() < limit);
    // Too short a time for a second connect: the first one's silence is all there is.
    router.no_firewall();
    router.rules(SWALLOWS_ONE);
    assert_eq!(connect(client, SERVER_V4, 587, HASTY), ConnectOutcome::TimedOut);
}

#[test]
fn a_router_that_withholds_icmp_errors_is_heard_all_the_same() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let Internet { client, router, .. } = &internet;
    // One ICMP error in two seconds, and the first is used up.
    router.rules(
        "table inet ehlo {
          chain forward { type filter hook forward priority 0; tcp dport 587 reject with icmpx admin-prohibited; }
          chain output { type filter hook output priority 0; icmp type destination-unreachable limit rate over 30/minute burst 1 packets drop; }
        }
        ",
    );
    let expected = icmp(13, 1, ROUTER_V4, false);
    assert_eq!(connect(client, SERVER_V4, 587, PATIENT), expected);
    let started = Instant::now();
    assert_eq!(connect(client, SERVER_V4, 587, PATIENT), expected);
    assert!(started.elapsed() > Duration::from_millis(500), "the limit was in force");
}

/// The counters of a host's network.
fn rises(from: &Host, to: &str, limit: Duration) -> [Retransmissions; 2] {
    let endpoint = Endpoint::from(SocketAddr::new(to.parse().unwrap(), 587));
    from.enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let network = SystemNetwork::default();
            let before = network.counters().unwrap();
            let mut connect = network.connect(&endpoint, limit);
            assert!(tokio::time::timeout(limit / 2, &mut connect).await.is_err());
            let between = network.counters().unwrap();
            assert!(connect.await.is_err());
            [between.since(before), network.counters().unwrap().since(between)]
        })
    })
}

#[test]
fn a_packet_that_this_machine_drops_is_counted_by_its_kernel() {
    if !require_root_or_skip() {
        return;
    }
    let limit = Duration::from_secs(5);
    let internet = Internet::new();
    let Internet { client, router, .. } = &internet;
    for to in [SERVER_V4, SERVER_V6] {
        client.firewall("output tcp dport 587 drop");
        let here = rises(client, to, limit);
        client.no_firewall();
        assert!(here.iter().all(|rise| rise.syn > 0 && rise.failed >= rise.syn), "{to}: {here:?}");
        router.firewall("forward tcp dport 587 drop");
        let there = rises(client, to, limit);
        router.no_firewall();
        assert!(there.iter().all(|rise| rise.syn > 0 && rise.failed == 0), "{to}: {there:?}");
    }
}

#[test]
fn routes_that_lead_nowhere_are_told_from_firewalls() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let Internet { client, .. } = &internet;
    let no_route = |errno: nix::errno::Errno| ConnectOutcome::NoRoute { errno: errno as i32 };
    use nix::errno::Errno::{EACCES, EADDRNOTAVAIL, EHOSTUNREACH, EINVAL, ENETUNREACH};

    // Nobody has these addresses on the client's own link. The kernel asks for three seconds.
    std::thread::scope(|scope| {
        for neighbour in ["10.77.1.99", "fd77:1::99"] {
            scope.spawn(move || {
                assert_eq!(connect(client, neighbour, 587, PATIENT), no_route(EHOSTUNREACH), "{neighbour}");
            });
        }
    });
    for (kind, expected) in [
        ("unreachable", no_route(EHOSTUNREACH)),
        ("prohibit", ConnectOutcome::LocalRefusal { errno: EACCES as i32 }),
        ("blackhole", no_route(EINVAL)),
    ] {
        client.ip(&format!("route add {kind} {SERVER_V4}"));
        client.ip(&format!("-6 route add {kind} {SERVER_V6}"));
        for to in [SERVER_V4, SERVER_V6] {
            assert_eq!(connect(client, to, 587, PATIENT), expected, "{kind} {to}");
        }
        client.ip(&format!("route del {kind} {SERVER_V4}"));
        client.ip(&format!("-6 route del {kind} {SERVER_V6}"));
    }
    client.ip("route del default");
    client.ip("-6 route del default");
    for to in [SERVER_V4, SERVER_V6] {
        assert_eq!(connect(client, to, 587, PATIENT), no_route(ENETUNREACH), "{to}");
    }
    client.sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    assert_eq!(connect(client, SERVER_V6, 587, PATIENT), no_route(EADDRNOTAVAIL));
}

#[test]
fn a_link_with_delay_delays() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::slow(60);
    let _listener = internet.server.enter(|| TcpListener::bind((SERVER_V4, 587)).unwrap());
    let started = Instant::now();
    assert_eq!(connect(&internet.client, SERVER_V4, 587, PATIENT), ConnectOutcome::Connected);
    assert!(started.elapsed() >= Duration::from_millis(120), "SYN and its answer cross the link");
}
