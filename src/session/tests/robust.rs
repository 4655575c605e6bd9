//! Nothing panics, nothing grows without bound, nothing depends on where bytes were split; whatever the events are,
//! every finding is shown by lines that exist, and the same events give the same session.

use std::net::SocketAddr;

use proptest::prelude::*;

use crate::event::{
    AnsweredBy, Awaited, CloseKind, ConnectOutcome, Endpoint, Event, EventKind, IcmpError, InspectReason,
    LookupOutcome, LookupSource, Micros, ProbeEnd, ProbeId, ProxyFault, Purpose, Record, RecordData,
    RecordType, RouteId, RouteOrigin, RunEnd, Side, TlsOutcome, Verification, VerifyError,
};
use crate::session::testing::{
    self, EHLO, OFFER, OFFER_INSIDE, alert, certs, client_hello, play, server_flight_12, server_flight_13,
    stories,
};
use crate::session::transcript::Transcript;
use crate::session::{Line, Session};
use crate::target::TlsMode;
use crate::wire::bytes::{Bytes, Octets};

/// What servers, and worse ones, send.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let texts: Vec<Vec<u8>> = [
        "220 mx.example.com ESMTP\r\n",
        OFFER,
        OFFER_INSIDE,
        "220 2.0.0 Go\r\n250 more\r\n",
        "250-XXXXXXXA\r\n250 STARTTLS\r\n",
        "220 ***********************\r\n",
        "421 4.7.0 Too many connections\r\n",
        "500 5.5.1 What?\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://a.example/\x1b[2J\r\n\r\n",
        "SSH-2.0-x\r\n",
        "250-\u{202e}evil\u{200b}\r\n",
        "334 \r\n",
        "\r\n",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    prop_oneof![
        4 => proptest::sample::select(texts),
        1 => proptest::collection::vec(any::<u8>(), 0..80),
        1 => Just(b"250-and more\r\n".repeat(400)),
        1 => Just(vec![b'2'; 20_000]),
        1 => Just(b"\x1b]0;title\x07\x9b31m\r\n".to_vec()),
    ]
}

fn sent() -> impl Strategy<Value = Vec<u8>> {
    let texts: Vec<Vec<u8>> = [
        EHLO,
        "HELO x\r\n",
        "STARTTLS\r\n",
        "STARTTLS\r\nNOOP\r\n",
        "QUIT\r\n",
        "AUTH PLAIN\r\n",
        "\r\n\r\n",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    prop_oneof![4 => proptest::sample::select(texts), 1 => proptest::collection::vec(any::<u8>(), 0..40)]
}

fn records() -> impl Strategy<Value = Vec<u8>> {
    let known = vec![
        client_hello("smtp.example.com"),
        server_flight_13(),
        server_flight_12(&[certs::GOOD, certs::INTERMEDIATE]),
        server_flight_12(&[]),
        alert(2, 40),
        alert(1, 0),
        b"220 not TLS\r\n".to_vec(),
        b"HTTP/1.1 400 Bad\r\nLocation: x\r\n\r\n".to_vec(),
    ];
    let cut =
        (proptest::sample::select(known.clone()), any::<prop::sample::Index>()).prop_map(|(bytes, at)| {
            let end = at.index(bytes.len() + 1);
            bytes.get(..end).unwrap_or_default().to_vec()
        });
    prop_oneof![
        3 => proptest::sample::select(known),
        1 => cut,
        1 => proptest::collection::vec(any::<u8>(), 0..60),
    ]
}

fn certificate() -> impl Strategy<Value = Vec<u8>> {
    let known = vec![
        certs::GOOD.to_vec(),
        certs::INTERMEDIATE.to_vec(),
        certs::EXPIRED_OTHER_NAME.to_vec(),
        certs::SELF_SIGNED.to_vec(),
        certs::INTERCEPTED.to_vec(),
        vec![],
    ];
    prop_oneof![4 => proptest::sample::select(known), 1 => proptest::collection::vec(any::<u8>(), 0..60)]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("smtp.example.com".to_owned()),
        Just("SSL alert number 116".to_owned()),
        "\\PC{0,20}",
        Just("\u{1b}[31m\u{7}\u{202e}\r\n".to_owned()),
    ]
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let v6: SocketAddr = "[2001:db8::10]:587".parse().unwrap();
    prop_oneof![
        Just(Endpoint::Address(SocketAddr::from(([192, 0, 2, 10], 587)))),
        Just(Endpoint::Address(v6)),
        text().prop_map(|name| Endpoint::Name(name, 587)),
    ]
}

fn connect_outcome() -> impl Strategy<Value = ConnectOutcome> {
    prop_oneof![
        3 => Just(ConnectOutcome::Connected),
        1 => Just(ConnectOutcome::TimedOut),
        1 => Just(ConnectOutcome::Reset),
        1 => Just(ConnectOutcome::Cancelled),
        1 => any::<(bool, u8, u8, bool)>().prop_map(|(v6, kind, code, from_self)| {
            ConnectOutcome::Icmp(IcmpError { v6, kind, code, sender: None, from_self })
        }),
        1 => text().prop_map(|text| ConnectOutcome::Proxy { text, fault: ProxyFault::Unknown }),
    ]
}

fn purpose() -> impl Strategy<Value = Purpose> {
    use InspectReason::*;
    let why = vec![Relaxed, Chain, ClientHello, OlderTls, SmallHello, NoServerName, Injection, Http];
    let route = (0..3_u16).prop_map(RouteId);
    prop_oneof![
        3 => route.clone().prop_map(|route| Purpose::Route { route, round: 1 }),
        3 => (route, proptest::sample::select(why)).prop_map(|(route, why)| Purpose::Inspect { route, why }),
        1 => text().prop_map(|host| Purpose::Resolve { host }),
        1 => text().prop_map(|host| Purpose::Control { host, port: 443 }),
    ]
}

fn tls_outcome() -> impl Strategy<Value = TlsOutcome> {
    let number = || proptest::option::of(prop_oneof![0..100_i32, 100..1_200_i32, any::<i32>()]);
    prop_oneof![
        2 => proptest::option::of(certificate())
            .prop_map(|leaf| TlsOutcome::Established { leaf: leaf.map(Octets::from) }),
        2 => (text(), number(), number(), number()).prop_map(|(text, reason, verify, errno)| {
            TlsOutcome::Failed { text, reason, verify, errno }
        }),
        1 => any::<u64>().prop_map(|limit| TlsOutcome::TimedOut { limit: Micros(limit) }),
    ]
}

fn close() -> impl Strategy<Value = CloseKind> {
    prop_oneof![
        Just(CloseKind::ByServer),
        Just(CloseKind::Reset),
        Just(CloseKind::ByUs),
        text().prop_map(|text| CloseKind::Failed { errno: None, text }),
    ]
}

fn lookup() -> impl Strategy<Value = EventKind> {
    let data = prop_oneof![
        Just(RecordData::Address([192, 0, 2, 10].into())),
        text().prop_map(RecordData::Cname),
        text().prop_map(RecordData::Txt),
    ];
    let outcome = prop_oneof![
        (text(), data).prop_map(|(name, data)| LookupOutcome::Answers(vec![Record { name, ttl: 1, data }])),
        text().prop_map(|at| LookupOutcome::NxDomain { at }),
        Just(LookupOutcome::NoData),
        text().prop_map(LookupOutcome::Malformed),
    ];
    (text(), outcome).prop_map(|(name, outcome)| EventKind::Lookup {
        name,
        record: RecordType::A,
        source: LookupSource::Given,
        outcome,
        took: Micros(1),
    })
}

fn kind() -> impl Strategy<Value = EventKind> {
    let modes = proptest::sample::select(vec![TlsMode::Starttls, TlsMode::Implicit, TlsMode::None]);
    let strictness = proptest::sample::select(vec![Verification::Strict, Verification::Relaxed]);
    let sides = proptest::sample::select(vec![Side::Client, Side::Server]);
    let waits = proptest::sample::select(vec![Awaited::Greeting, Awaited::Reply, Awaited::Handshake]);
    prop_oneof![
        4 => purpose().prop_map(|purpose| EventKind::ProbeStarted { purpose }),
        1 => (0..3_u16, text(), modes).prop_map(|(route, host, tls)| EventKind::RouteAdded {
            route: RouteId(route), host, port: 587, tls, origin: RouteOrigin::Tree,
        }),
        1 => lookup(),
        1 => endpoint().prop_map(|address| EventKind::ConnectStarted { address }),
        3 => (endpoint(), connect_outcome(), any::<u64>()).prop_map(|(address, outcome, took)| {
            EventKind::ConnectEnded { address, outcome, took: Micros(took), local: None, retransmitted: Vec::new() }
        }),
        3 => endpoint().prop_map(|address| EventKind::ConnectionChosen { address }),
        8 => (said(), any::<bool>()).prop_map(|(bytes, encrypted)| EventKind::Received {
            bytes: Bytes(bytes), encrypted,
        }),
        6 => (sent(), any::<bool>()).prop_map(|(bytes, encrypted)| EventKind::Sent {
            bytes: Bytes(bytes), encrypted, redacted: false,
        }),
        4 => (text(), strictness).prop_map(|(server_name, verification)| EventKind::TlsStarted {
            server_name, verification, library: "OpenSSL 3".to_owned(),
        }),
        6 => (sides, records()).prop_map(|(from, bytes)| EventKind::TlsBytes {
            from, bytes: Octets::from(bytes),
        }),
        4 => tls_outcome().prop_map(|outcome| EventKind::TlsEnded { outcome }),
        2 => (proptest::collection::vec(certificate(), 0..20), any::<(u32, i32)>()).prop_map(|(chain, (depth, code))| {
            let errors = vec![VerifyError { depth, code, text: String::new() }];
            EventKind::ChainInspected { chain: chain.into_iter().map(Octets::from).collect(), errors }
        }),
        2 => close().prop_map(|how| EventKind::Closed { how }),
        1 => (waits, any::<u64>()).prop_map(|(awaited, limit)| EventKind::WaitExpired {
            awaited, limit: Micros(limit),
        }),
        1 => text().prop_map(|what| EventKind::LimitReached { what }),
        3 => Just(EventKind::ProbeEnded { how: ProbeEnd::Completed }),
        1 => Just(EventKind::ProbeEnded { how: ProbeEnd::Cancelled }),
        1 => text().prop_map(|text| EventKind::Warning { text }),
        1 => (text(), text()).prop_map(|(question, answer)| EventKind::Answered {
            question, answer, by: AnsweredBy::User,
        }),
        1 => Just(EventKind::RunEnded { reason: RunEnd::Completed }),
    ]
}

/// Events in any order, of few probes so that they meet.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (0..5_u32, 0..40_000_000_u64, kind()).prop_map(|(probe, at, kind)| Event {
        at: Micros(at),
        probe: ProbeId(probe),
        kind,
    });
    let begun = proptest::bool::ANY;
    (begun, proptest::collection::vec(event, 0..60)).prop_map(|(begun, mut events)| {
        if begun {
            let mut tape = testing::Tape::new();
            tape.route(587, TlsMode::Starttls);
            events.splice(0..0, tape.events().iter().cloned());
        }
        events
    })
}

/// What must hold of every session.
fn sound(session: &Session) -> Result<(), TestCaseError> {
    let lines = session.transcript().lines();
    prop_assert!(lines.len() <= Transcript::MAX_LINES);
    for line in lines {
        prop_assert!(!line.text.chars().any(crate::wire::printable::is_hidden), "{:?}", line.text);
        prop_assert!(line.text.chars().count() <= Line::MAX, "{}", line.text.len());
    }
    for finding in session.findings() {
        prop_assert!(!finding.evidence.is_empty(), "{}", finding.code);
        prop_assert!(finding.evidence.iter().all(|at| *at < lines.len()), "{}", finding.code);
        let shown = finding.facts.values().all(|value| !value.chars().any(crate::wire::printable::is_hidden));
        prop_assert!(shown, "{} {:?}", finding.code, finding.facts);
    }
    for probe in session.probes() {
        prop_assert!(probe.exchanges.len() <= crate::session::probe::MAX_EXCHANGES);
        prop_assert!(probe.attempts.len() <= crate::session::probe::MAX_ATTEMPTS);
        prop_assert!(probe.after_starttls.len() <= 64);
        let chain = probe.handshake.as_ref().map_or(0, |handshake| handshake.chain.len());
        prop_assert!(chain <= 16);
    }
    Ok(())
}

/// All of a session that anybody can see, as text.
fn seen(session: &Session) -> String {
    format!("{:?} {:?} {:?}", session.transcript().lines(), session.routes(), session.findings())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_events_make_a_sound_session_and_the_same_one_again(events in events()) {
        let mut session = Session::default();
        for event in &events {
            session.apply(event);
        }
        sound(&session)?;
        prop_assert_eq!(seen(&session), seen(&play(&events)));
    }

    #[test]
    fn hostile_bytes_in_a_plausible_dialogue(
        pieces in proptest::collection::vec(said(), 1..8),
        starttls in any::<bool>(),
    ) {
        let mut tape = testing::Tape::new();
        let route = tape.route(587, TlsMode::Starttls);
        let probe = tape.probe(route);
        tape.connected(probe);
        if starttls {
            tape.up_to_starttls(probe);
        }
        for piece in &pieces {
            tape.server(probe, piece).client(probe, EHLO);
        }
        tape.end(probe);
        sound(&tape.session())?;
    }

    #[test]
    fn a_story_with_events_missing_doubled_or_swapped(
        index in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8), 1..6),
    ) {
        let mut all = stories();
        let at = index.index(all.len());
        let (_, mut events) = all.swap_remove(at);
        for (index, kind) in edits {
            if events.len() < 2 {
                break;
            }
            let at = index.index(events.len() - 1);
            match kind {
                0 => drop(events.remove(at)),
                1 => events.insert(at, events[at].clone()),
                _ => events.swap(at, at + 1),
            }
        }
        let session = play(&events);
        sound(&session)?;
        prop_assert_eq!(seen(&session), seen(&play(&events)));
    }

    #[test]
    fn where_bytes_were_split_changes_no_finding(size in 1..40_usize, index in any::<prop::sample::Index>()) {
        let mut all = stories();
        let at = index.index(all.len());
        let (_, events) = all.swap_remove(at);
        let whole = play(&events);
        let mut split = Session::default();
        for event in &events {
            let pieces: Vec<EventKind> = match &event.kind {
                EventKind::Received { bytes, encrypted } => bytes.0.chunks(size)
                    .map(|piece| EventKind::Received { bytes: Bytes::from(piece), encrypted: *encrypted })
                    .collect(),
                EventKind::TlsBytes { from, bytes } => bytes.0.chunks(size)
                    .map(|piece| EventKind::TlsBytes { from: *from, bytes: Octets::from(piece) })
                    .collect(),
                other => vec![other.clone()],
            };
            for kind in pieces {
                split.apply(&Event { kind, ..event.clone() });
            }
        }
        let codes = |session: &Session| {
            session.findings().iter().map(|f| (f.code, f.port, f.facts.clone())).collect::<Vec<_>>()
        };
        prop_assert_eq!(codes(&split), codes(&whole));
        let outcomes = |session: &Session| session.routes().iter().map(|r| r.outcome).collect::<Vec<_>>();
        prop_assert_eq!(outcomes(&split), outcomes(&whole));
    }
}

/// A server that never stops, over many connections: the transcript has an end, and so has every list.
#[test]
fn memory_is_bounded_whatever_a_server_sends() {
    let mut tape = testing::Tape::with(|started| started.repeat = 100);
    let route = tape.route(587, TlsMode::Starttls);
    let mut session = tape.session();
    let mut done = tape.events().len();
    for _ in 0..12 {
        let probe = tape.probe(route);
        tape.connected(probe);
        for _ in 0..16 {
            tape.server(probe, b"250-and more\r\n".repeat(300));
        }
        tape.end(probe);
        tape.events()[done..].iter().for_each(|event| session.apply(event));
        done = tape.events().len();
    }
    assert!(session.transcript().lines().len() <= Transcript::MAX_LINES);
    assert!(session.probes().count() <= 3, "of a route only the last two probes are kept");
    assert!(session.findings().iter().any(|finding| finding.code == "reply-malformed"));
}

/// What is healthy is not blamed: every healthy story, by every route and mode.
#[test]
fn healthy_sessions_have_no_findings() {
    let healthy = stories().into_iter().filter(|(name, _)| name.starts_with("healthy"));
    let mut sessions: Vec<Session> = healthy.map(|(_, events)| play(&events)).collect();
    assert!(!sessions.is_empty());
    for tls in [TlsMode::Starttls, TlsMode::Implicit, TlsMode::None] {
        for repeat in [1, 3] {
            let mut tape = testing::Tape::with(|started| started.repeat = repeat);
            tape.resolves(&[testing::V6, testing::V4]);
            let route = tape.healthy(587, tls);
            for _ in 1..repeat {
                let probe = tape.probe(route);
                tape.healthy_probe(probe, tls);
            }
            sessions.push(play(&tape.finish()));
        }
    }
    for session in sessions {
        assert!(session.findings().is_empty(), "{:?}", session.findings());
    }
}
