//! Reaching the port: one session for each code, and its neighbour where all is well.

use super::{codes, fact, has};
use crate::event::{ConnectOutcome, IcmpError, ProxyFault, RouteOrigin};
use crate::session::testing::{Tape, V4, V6};
use crate::session::{Outcome, Severity};
use crate::target::{Goal, TlsMode};

const TIMED_OUT: ConnectOutcome = ConnectOutcome::TimedOut;

fn icmp(v6: bool, code: u8, sender: &str, from_self: bool) -> ConnectOutcome {
    let kind = if v6 { 1 } else { 3 };
    ConnectOutcome::Icmp(IcmpError { v6, kind, code, sender: sender.parse().ok(), from_self })
}

/// Port 587 ends like this.
fn ends(outcome: ConnectOutcome, ms: u64) -> Tape {
    let mut tape = Tape::new();
    tape.resolves(&[V4]);
    tape.blocked(587, TlsMode::Starttls, outcome, ms);
    tape
}

fn outcome(tape: &Tape) -> Outcome {
    tape.session().routes()[0].outcome
}

/// What the healthy neighbours must not say.
const OF_A_PORT: [&str; 7] = [
    "port-filtered",
    "port-refused",
    "port-unreachable",
    "port-prohibited",
    "local-firewall",
    "all-ports-blocked",
    "egress-blocked",
];

#[test]
fn no_port_code_where_the_port_answers() {
    let mut tape = Tape::new();
    tape.resolves(&[V4, V6]);
    tape.healthy(587, TlsMode::Starttls);
    assert!(codes(&tape).is_empty(), "{:?}", codes(&tape));
    // Nor where it answers wrongly: that is another matter.
    let mut tape = Tape::new();
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.connected(probe).server(probe, "554 no\r\n").end(probe);
    for code in OF_A_PORT {
        assert!(!has(&tape, code), "{code}");
    }
}

#[test]
fn says_port_filtered() {
    let tape = ends(TIMED_OUT, 5_000);
    assert!(has(&tape, "port-filtered"));
    assert_eq!(outcome(&tape), Outcome::Filtered);
    assert_eq!(fact(&tape, "port-filtered", "seconds"), "5");
}

#[test]
fn no_port_filtered_where_an_answer_came_late() {
    let tape = ends(ConnectOutcome::Reset, 4_900);
    assert!(!has(&tape, "port-filtered"), "a refusal is an answer");
}

#[test]
fn no_port_refused_where_nothing_or_an_icmp_error_came() {
    for end in [TIMED_OUT, icmp(false, 3, "192.0.2.1", false)] {
        assert!(!has(&ends(end.clone(), 40), "port-refused"), "{end:?}");
    }
}

#[test]
fn no_port_unreachable_where_a_firewall_says_no() {
    for end in [icmp(false, 13, "198.51.100.1", false), ConnectOutcome::LocalRefusal { errno: 1 }] {
        assert!(!has(&ends(end.clone(), 40), "port-unreachable"), "{end:?}");
    }
}

#[test]
fn no_port_prohibited_of_the_icmp_errors_beside_it() {
    // v4: net and host unreachable, and codes for precedence; v6: no route, beyond scope, address and port unreachable.
    for (v6, code) in
        [(false, 0), (false, 1), (false, 11), (false, 14), (true, 0), (true, 2), (true, 3), (true, 4)]
    {
        let tape = ends(icmp(v6, code, "198.51.100.1", false), 9);
        assert!(!has(&tape, "port-prohibited"), "v6 {v6}, code {code}");
    }
}

#[test]
fn says_port_refused() {
    let tape = ends(ConnectOutcome::Reset, 2);
    assert_eq!(codes(&tape), ["port-refused"]);
    assert_eq!(outcome(&tape), Outcome::Refused);
}

#[test]
fn says_port_unreachable() {
    for end in [
        ConnectOutcome::NoRoute { errno: 101 },
        icmp(false, 1, "192.0.2.1", false),
        icmp(false, 3, "192.0.2.1", false),
        icmp(true, 0, "2001:db8::1", false),
        // The own kernel, whose neighbour has been silent for three seconds.
        icmp(false, 1, "192.0.2.7", true),
    ] {
        let tape = ends(end.clone(), 3_050);
        assert!(has(&tape, "port-unreachable") && !has(&tape, "port-prohibited"), "{end:?}");
        assert_eq!(outcome(&tape), Outcome::Unreachable);
        let said = fact(&tape, "port-unreachable", "said");
        match end {
            ConnectOutcome::NoRoute { .. } => assert!(said.contains("no route there (errno 101)"), "{said}"),
            _ => assert!(said.starts_with("ICMP ") && said.contains(" from "), "{said}"),
        }
    }
}

#[test]
fn says_port_prohibited_with_its_sender() {
    let kinds = [(false, 9), (false, 10), (false, 13), (true, 1), (true, 5), (true, 6)];
    for (v6, code) in kinds {
        let tape = ends(icmp(v6, code, "198.51.100.1", false), 9);
        assert!(has(&tape, "port-prohibited"), "v6 {v6}, code {code}");
        assert!(!has(&tape, "port-unreachable") && !has(&tape, "local-firewall"));
        assert_eq!(outcome(&tape), Outcome::Unreachable);
        assert_eq!(fact(&tape, "port-prohibited", "sender"), "198.51.100.1");
    }
}

#[test]
fn says_local_firewall() {
    for end in [
        ConnectOutcome::LocalRefusal { errno: 1 },
        ConnectOutcome::LocalRefusal { errno: 13 },
        icmp(false, 13, "192.0.2.7", true),
        icmp(false, 3, "192.0.2.7", true),
        icmp(false, 1, "192.0.2.7", true),
        icmp(true, 1, "2001:db8::7", true),
    ] {
        let tape = ends(end.clone(), 1);
        assert!(has(&tape, "local-firewall") && !has(&tape, "port-prohibited"), "{end:?}");
        assert_eq!(outcome(&tape), Outcome::Unreachable);
    }
}

#[test]
fn no_local_firewall_where_another_machine_says_no() {
    assert!(!has(&ends(icmp(false, 13, "198.51.100.1", false), 1), "local-firewall"));
    assert!(!has(&ends(ConnectOutcome::Reset, 0), "local-firewall"));
}

/// A silent connect, and how the kernel's counters rose in its two halves: SYN retransmissions, failed ones.
fn silent(rises: &[(u64, u64)]) -> Tape {
    let mut tape = Tape::new();
    tape.resolves(&[V4]);
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.connecting(probe, V4).after(5_000).silence_ends(probe, V4, TIMED_OUT, 5_000, rises).end(probe);
    tape
}

#[test]
fn says_local_firewall_for_a_silent_drop() {
    for rises in [[(2, 2), (3, 3)], [(1, 1), (4, 5)]] {
        let tape = silent(&rises);
        assert!(has(&tape, "local-firewall") && !has(&tape, "port-filtered"), "{rises:?}");
        assert_eq!(outcome(&tape), Outcome::Filtered, "nothing answered within the limit");
        let session = tape.session();
        let line = session.transcript().lines().iter().find(|line| line.text.contains("TCPRetransFail"));
        assert!(line.is_some());
    }
}

#[test]
fn no_local_firewall_for_silence_that_left_this_machine() {
    for rises in [
        &[][..],
        // Older journals, and systems without the counters.
        &[(2, 2)],
        // Nothing failed, or not all.
        &[(2, 0), (3, 0)],
        &[(2, 1), (3, 3)],
        // It did not happen again when the connect was tried once more.
        &[(2, 2), (3, 0)],
        // Nothing was sent again yet: what failed was another program's.
        &[(0, 3), (0, 3)],
    ] {
        let tape = silent(rises);
        assert!(has(&tape, "port-filtered") && !has(&tape, "local-firewall"), "{rises:?}");
    }
}

#[test]
fn no_egress_blocked_where_this_machine_drops_the_packets() {
    let mut tape = silent(&[(2, 2), (3, 3)]);
    tape.control(443, ConnectOutcome::Connected, 30);
    assert!(has(&tape, "all-ports-blocked") && !has(&tape, "egress-blocked"));
}

/// Both families of one host, with one end each; what is established goes on to work.
fn two(v6: ConnectOutcome, v4: ConnectOutcome) -> Tape {
    let mut tape = Tape::new();
    tape.resolves(&[V6, V4]);
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    let ends = [(V6, v6), (V4, v4)];
    let alive = ends.iter().find(|(_, end)| *end == ConnectOutcome::Connected).map(|(address, _)| *address);
    for (address, end) in ends {
        tape.connect(probe, address, end, 20);
    }
    if let Some(address) = alive {
        tape.chosen(probe, address).server(probe, "220 mx.example.com ESMTP ready\r\n");
    }
    tape.end(probe);
    tape
}

#[test]
fn says_ipv6_broken() {
    for end in [TIMED_OUT, ConnectOutcome::NoRoute { errno: 101 }, ConnectOutcome::Reset] {
        let tape = two(end, ConnectOutcome::Connected);
        assert!(
            has(&tape, "ipv6-broken") && !has(&tape, "ipv4-broken") && !has(&tape, "address-partly-dead")
        );
        assert_eq!(fact(&tape, "ipv6-broken", "address"), V6);
    }
}

#[test]
fn says_ipv4_broken() {
    let tape = two(ConnectOutcome::Connected, TIMED_OUT);
    assert!(has(&tape, "ipv4-broken") && !has(&tape, "ipv6-broken"));
}

#[test]
fn no_ipv6_broken_and_no_ipv4_broken_where_both_work_or_both_fail() {
    for (v6, v4) in [(ConnectOutcome::Connected, ConnectOutcome::Connected), (TIMED_OUT, TIMED_OUT)] {
        let tape = two(v6, v4);
        for code in ["ipv6-broken", "ipv4-broken", "address-partly-dead"] {
            assert!(!has(&tape, code), "{code}");
        }
    }
    // A connect that nobody waited for says nothing.
    assert!(!has(&two(ConnectOutcome::Cancelled, ConnectOutcome::Connected), "ipv6-broken"));
    assert!(!has(&two(ConnectOutcome::Connected, ConnectOutcome::Cancelled), "ipv4-broken"));
}

#[test]
fn says_address_partly_dead() {
    let mut tape = Tape::new();
    tape.resolves(&[V4, "192.0.2.11", "192.0.2.12"]);
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.connect(probe, V4, ConnectOutcome::Connected, 20)
        .chosen(probe, V4)
        .connect(probe, "192.0.2.11", TIMED_OUT, 5_000)
        .connect(probe, "192.0.2.12", ConnectOutcome::Connected, 20)
        .end(probe);
    assert!(has(&tape, "address-partly-dead") && !has(&tape, "ipv4-broken"));
    assert_eq!(fact(&tape, "address-partly-dead", "address"), "192.0.2.11");
}

#[test]
fn no_address_partly_dead_where_all_work() {
    let mut tape = Tape::new();
    tape.resolves(&[V4, "192.0.2.11"]);
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.connect(probe, V4, ConnectOutcome::Connected, 20)
        .chosen(probe, V4)
        .connect(probe, "192.0.2.11", ConnectOutcome::Connected, 20)
        .end(probe);
    assert!(!has(&tape, "address-partly-dead"));
}

/// The three routes of the tree end like this, and the control connection like that.
fn all_end(ends: [ConnectOutcome; 3], control: Option<ConnectOutcome>) -> Tape {
    let mut tape = Tape::new();
    tape.resolves(&[V4]);
    let routes = [(587, TlsMode::Starttls), (465, TlsMode::Implicit), (2525, TlsMode::Starttls)];
    for ((port, tls), end) in routes.into_iter().zip(ends) {
        tape.blocked(port, tls, end, 50);
    }
    if let Some(end) = control {
        tape.control(443, end, 30);
    }
    tape
}

#[test]
fn says_all_ports_blocked() {
    let prohibited = icmp(false, 13, "198.51.100.1", false);
    let tape = all_end([TIMED_OUT, prohibited, ConnectOutcome::NoRoute { errno: 101 }], None);
    assert!(has(&tape, "all-ports-blocked") && !has(&tape, "egress-blocked"));
    assert_eq!(fact(&tape, "all-ports-blocked", "ports"), "587, 465, 2525");
}

#[test]
fn no_all_ports_blocked_where_one_answers_even_with_a_reset() {
    assert!(!has(&all_end([TIMED_OUT, ConnectOutcome::Reset, TIMED_OUT], None), "all-ports-blocked"));
    assert!(!has(&all_end([TIMED_OUT, ConnectOutcome::Connected, TIMED_OUT], None), "all-ports-blocked"));
}

#[test]
fn says_egress_blocked() {
    let prohibited = || icmp(false, 13, "198.51.100.1", false);
    for answer in [ConnectOutcome::Connected, ConnectOutcome::Reset] {
        let tape = all_end([TIMED_OUT, prohibited(), TIMED_OUT], Some(answer));
        assert!(has(&tape, "egress-blocked") && has(&tape, "all-ports-blocked"));
        assert_eq!(fact(&tape, "egress-blocked", "control"), "443");
    }
}

#[test]
fn no_egress_blocked_where_the_host_is_dead_or_a_port_answers() {
    let silent = || [TIMED_OUT, TIMED_OUT, TIMED_OUT];
    assert!(!has(&all_end(silent(), None), "egress-blocked"));
    assert!(!has(&all_end(silent(), Some(TIMED_OUT)), "egress-blocked"));
    let refused = [TIMED_OUT, ConnectOutcome::Reset, TIMED_OUT];
    assert!(!has(&all_end(refused, Some(ConnectOutcome::Connected)), "egress-blocked"));
    // Without a route, or behind its own firewall, this machine has only itself to blame.
    let no_route = || ConnectOutcome::NoRoute { errno: 101 };
    let nowhere = [no_route(), no_route(), no_route()];
    assert!(!has(&all_end(nowhere, Some(ConnectOutcome::Connected)), "egress-blocked"));
    let own = || icmp(false, 13, "192.0.2.7", true);
    assert!(!has(&all_end([own(), own(), own()], Some(ConnectOutcome::Connected)), "egress-blocked"));
}

#[test]
fn says_port_25_not_for_submission() {
    let mut tape = Tape::new();
    let route = tape.route_as(25, TlsMode::Starttls, RouteOrigin::Asked);
    let probe = tape.probe(route);
    tape.healthy_probe(probe, TlsMode::Starttls);
    assert_eq!(codes(&tape), ["port-25-not-for-submission"]);
}

#[test]
fn no_port_25_not_for_submission_for_information_or_between_servers() {
    for (goal, origin) in [(Goal::Submit, RouteOrigin::Information), (Goal::Relay, RouteOrigin::Mx)] {
        let mut tape = Tape::with(|started| started.goal = goal);
        let route = tape.route_as(25, TlsMode::Starttls, origin);
        let probe = tape.probe(route);
        tape.healthy_probe(probe, TlsMode::Starttls);
        assert!(!has(&tape, "port-25-not-for-submission"), "{goal:?}");
    }
}

/// Rounds of one port, each of which works or is silent.
fn rounds(works: &[bool]) -> Tape {
    let mut tape = Tape::with(|started| started.repeat = u16::try_from(works.len()).unwrap());
    let route = tape.route(587, TlsMode::Starttls);
    for works in works {
        let probe = tape.probe(route);
        if *works {
            tape.healthy_probe(probe, TlsMode::Starttls);
        } else {
            tape.connect(probe, V4, TIMED_OUT, 5_000).end(probe);
        }
    }
    tape
}

#[test]
fn says_port_flaky() {
    for order in [&[true, false, true][..], &[false, true], &[true, false]] {
        let tape = rounds(order);
        assert!(has(&tape, "port-flaky"), "{order:?}");
        let session = tape.session();
        let found = session.findings().iter().find(|finding| finding.code == "port-flaky").unwrap();
        assert_eq!(found.severity, Severity::Warning);
    }
    let two_of_three = rounds(&[true, false, true]);
    let times = ["works", "rounds"].map(|name| fact(&two_of_three, "port-flaky", name));
    assert_eq!(times, ["2", "3"]);
}

#[test]
fn no_port_flaky_where_every_round_ends_alike() {
    assert!(!has(&rounds(&[true, true, true]), "port-flaky"));
    assert!(!has(&rounds(&[false, false]), "port-flaky"));
}

fn by_proxy(fault: ProxyFault) -> Tape {
    let mut tape = Tape::with(|started| started.vantage = "socks5h://proxy.example.net:1080".into());
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    let end = ConnectOutcome::Proxy { text: "General SOCKS server failure".into(), fault };
    tape.connect(probe, "smtp.example.com", end, 40).end(probe);
    tape
}

/// The proxy made no connection: of the ports behind it nothing is known, so that only this is said.
fn fails_by_proxy(fault: ProxyFault, code: &str) {
    let tape = by_proxy(fault);
    assert_eq!(codes(&tape), [code]);
    assert_eq!(outcome(&tape), Outcome::Unreachable);
    assert_eq!(fact(&tape, code, "reason"), "General SOCKS server failure");
}

#[test]
fn says_proxy_unreachable() {
    fails_by_proxy(ProxyFault::Unreachable, "proxy-unreachable");
}

#[test]
fn no_proxy_unreachable_where_the_proxy_answers_with_a_no() {
    assert!(!has(&by_proxy(ProxyFault::Denied), "proxy-unreachable"));
}

#[test]
fn says_proxy_denied() {
    fails_by_proxy(ProxyFault::Denied, "proxy-denied");
}

#[test]
fn no_proxy_denied_where_the_host_behind_it_refuses() {
    assert_eq!(codes(&by_proxy(ProxyFault::Refused)), ["port-refused"]);
}

#[test]
fn says_proxy_cannot_resolve() {
    fails_by_proxy(ProxyFault::Name, "proxy-cannot-resolve");
}

#[test]
fn no_proxy_cannot_resolve_where_the_host_behind_it_cannot_be_reached() {
    assert!(!has(&by_proxy(ProxyFault::TargetUnreachable), "proxy-cannot-resolve"));
}

#[test]
fn says_proxy_failed() {
    fails_by_proxy(ProxyFault::Broken, "proxy-failed");
    fails_by_proxy(ProxyFault::Unknown, "proxy-failed");
}

#[test]
fn no_proxy_failed_where_it_waited_in_vain() {
    assert!(!has(&by_proxy(ProxyFault::TimedOut), "proxy-failed"));
}

#[test]
fn no_proxy_code_where_the_proxy_says_what_became_of_the_connect() {
    for (fault, code, expected) in [
        (ProxyFault::Refused, "port-refused", Outcome::Refused),
        (ProxyFault::TimedOut, "port-filtered", Outcome::Filtered),
        (ProxyFault::TargetUnreachable, "port-unreachable", Outcome::Unreachable),
    ] {
        let tape = by_proxy(fault);
        assert!(has(&tape, code) && !codes(&tape).iter().any(|code| code.starts_with("proxy-")), "{code}");
        assert_eq!(outcome(&tape), expected);
    }
}
