//! Recorded sessions for tests, written down as a person would tell them. No part of the interface.
//!
//! A [`Tape`] holds the events in order and moves its own clock; [`stories`] are whole sessions, which are also the
//! journals in `tests/fixtures`.

mod stories;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

pub use stories::{
    certificate_faults, filtered_587_then_465, healthy_587, nothing_works, starttls_stripped, stories,
};
pub use tls::{
    alert, certificate_request, certs, client_finished, client_hello, server_flight_10, server_flight_12,
    server_flight_13,
};

use crate::event::{
    Awaited, CloseKind, ConnectOutcome, Endpoint, Event, EventKind, InspectReason, JOURNAL_SCHEMA, Limits,
    LookupOutcome, LookupSource, Micros, ProbeEnd, ProbeId, Purpose, Record, RecordData, RecordType,
    Retransmissions, RouteId, RouteOrigin, RunEnd, SessionStarted, Side, TlsOutcome, Verification,
    VerifyError,
};
use crate::session::Session;
use crate::target::{Goal, TlsMode};
use crate::wire::bytes::{Bytes, Octets};

/// The EHLO command that every tape says.
pub const EHLO: &str = "EHLO laptop.example.net\r\n";

/// What a healthy server offers before TLS.
pub const OFFER: &str =
    "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 35882577\r\n250-STARTTLS\r\n250 8BITMIME\r\n";

/// What it offers inside TLS.
pub const OFFER_INSIDE: &str =
    "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 35882577\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n";

/// The address that every tape connects to.
pub const V4: &str = "192.0.2.10";

/// An IPv6 address.
pub const V6: &str = "2001:db8::10";

/// How a strict handshake fails.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    /// The library's words.
    pub text: &'static str,
    /// OpenSSL's reason.
    pub reason: Option<i32>,
    /// X509_V_ERR_*.
    pub verify: Option<i32>,
    /// errno.
    pub errno: Option<i32>,
}

/// A session being written down.
#[derive(Clone, Debug)]
pub struct Tape {
    events: Vec<Event>,
    now: u64,
    host: String,
    probes: u32,
    rounds: Vec<u16>,
    ports: BTreeMap<ProbeId, u16>,
    routes: Vec<(u16, TlsMode)>,
    encrypted: BTreeSet<ProbeId>,
}

/// An app asks about this host, with the limits that are usual.
pub fn started(host: &str) -> SessionStarted {
    SessionStarted {
        schema: JOURNAL_SCHEMA.into(),
        ehlo_version: "0.1.0".into(),
        started_at: "2026-11-24T09:00:00Z".into(),
        input: host.into(),
        host: host.into(),
        goal: Goal::Submit,
        routes: Vec::new(),
        all: false,
        repeat: 1,
        vantage: "local".into(),
        ehlo_name: "laptop.example.net".into(),
        limits: Limits { connect_ms: 5_000, reply_ms: 30_000, total_ms: 120_000 },
        provider: None,
        malformed: None,
        sign_in: false,
        discover: None,
        sending: Box::default(),
        submit: Default::default(),
        way: Default::default(),
        lead: None,
    }
}

impl Default for Tape {
    fn default() -> Self {
        Self::new()
    }
}

impl Tape {
    /// An app asks about `smtp.example.com`, with the limits that are usual.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same with something changed in what was asked.
    pub fn with(change: impl FnOnce(&mut SessionStarted)) -> Self {
        let mut started = started("smtp.example.com");
        change(&mut started);
        let mut tape = Self {
            events: Vec::new(),
            now: 0,
            host: started.host.clone(),
            probes: 0,
            rounds: Vec::new(),
            ports: BTreeMap::new(),
            routes: Vec::new(),
            encrypted: BTreeSet::new(),
        };
        tape.event(ProbeId::SESSION, EventKind::SessionStarted(started));
        tape
    }

    /// Lets time pass, in milliseconds.
    pub fn after(&mut self, ms: u64) -> &mut Self {
        self.now += ms * 1_000;
        self
    }

    /// Writes an event down.
    pub fn event(&mut self, probe: ProbeId, kind: EventKind) -> &mut Self {
        self.events.push(Event { at: Micros(self.now), probe, kind });
        self
    }

    /// A step is entered.
    pub fn step(&mut self, step: &str, plan: &str) -> &mut Self {
        self.event(ProbeId::SESSION, EventKind::StepEntered { step: step.into(), plan: plan.into() })
    }

    /// A look-up of the host.
    pub fn lookup(&mut self, record: RecordType, outcome: LookupOutcome, ms: u64) -> &mut Self {
        self.probes += 1;
        let probe = ProbeId(self.probes);
        let host = self.host.clone();
        self.event(probe, EventKind::ProbeStarted { purpose: Purpose::Resolve { host: host.clone() } });
        self.after(ms);
        let source = LookupSource::Dns(Some(SocketAddr::from(([192, 0, 2, 53], 53))));
        self.event(
            probe,
            EventKind::Lookup { name: host, record, source, outcome, took: Micros(ms * 1_000) },
        );
        self.event(probe, EventKind::ProbeEnded { how: ProbeEnd::Completed })
    }

    /// The host has these addresses.
    pub fn resolves(&mut self, addresses: &[&str]) -> &mut Self {
        let parsed: Vec<IpAddr> = addresses.iter().filter_map(|text| text.parse().ok()).collect();
        for (record, v6) in [(RecordType::Aaaa, true), (RecordType::A, false)] {
            let name = self.host.clone();
            let of_family = parsed.iter().filter(|address| address.is_ipv6() == v6);
            let records: Vec<Record> = of_family
                .map(|address| Record { name: name.clone(), ttl: 300, data: RecordData::Address(*address) })
                .collect();
            let outcome =
                if records.is_empty() { LookupOutcome::NoData } else { LookupOutcome::Answers(records) };
            self.lookup(record, outcome, 4);
        }
        self
    }

    /// A route of the tree.
    pub fn route(&mut self, port: u16, tls: TlsMode) -> RouteId {
        self.route_as(port, tls, RouteOrigin::Tree)
    }

    /// A route for another reason.
    pub fn route_as(&mut self, port: u16, tls: TlsMode, origin: RouteOrigin) -> RouteId {
        let route = RouteId(u16::try_from(self.routes.len()).unwrap_or_default());
        self.routes.push((port, tls));
        self.rounds.push(0);
        let host = self.host.clone();
        self.event(ProbeId::SESSION, EventKind::RouteAdded { route, host, port, tls, origin });
        route
    }

    fn begin(&mut self, port: u16, purpose: Purpose) -> ProbeId {
        self.probes += 1;
        let probe = ProbeId(self.probes);
        self.ports.insert(probe, port);
        self.event(probe, EventKind::ProbeStarted { purpose });
        probe
    }

    fn spec(&self, route: RouteId) -> (u16, TlsMode) {
        self.routes.get(usize::from(route.0)).copied().unwrap_or((587, TlsMode::Starttls))
    }

    /// A probe of a route begins.
    pub fn probe(&mut self, route: RouteId) -> ProbeId {
        let (port, _) = self.spec(route);
        let round = self.rounds.get_mut(usize::from(route.0)).map_or(1, |round| {
            *round += 1;
            *round
        });
        self.begin(port, Purpose::Route { route, round })
    }

    /// An inspecting connection begins.
    pub fn inspect(&mut self, route: RouteId, why: InspectReason) -> ProbeId {
        let (port, _) = self.spec(route);
        self.begin(port, Purpose::Inspect { route, why })
    }

    /// A connection that signs in or names an envelope begins.
    pub fn submit(&mut self, route: RouteId) -> ProbeId {
        let (port, _) = self.spec(route);
        self.begin(port, Purpose::Submit { route })
    }

    /// A control connection, with its end.
    pub fn control(&mut self, port: u16, outcome: ConnectOutcome, ms: u64) -> &mut Self {
        let host = self.host.clone();
        let probe = self.begin(port, Purpose::Control { host, port });
        self.connect(probe, V4, outcome, ms).end(probe)
    }

    /// An address with the port of a probe.
    pub fn endpoint(&self, probe: ProbeId, address: &str) -> Endpoint {
        let port = self.ports.get(&probe).copied().unwrap_or_default();
        match address.parse() {
            Ok(ip) => Endpoint::Address(SocketAddr::new(ip, port)),
            Err(_) => Endpoint::Name(address.to_owned(), port),
        }
    }

    /// A connect begins.
    pub fn connecting(&mut self, probe: ProbeId, address: &str) -> &mut Self {
        let address = self.endpoint(probe, address);
        self.event(probe, EventKind::ConnectStarted { address })
    }

    /// A connect that has begun ends now.
    pub fn connect_ends(
        &mut self,
        probe: ProbeId,
        address: &str,
        outcome: ConnectOutcome,
        ms: u64,
    ) -> &mut Self {
        self.silence_ends(probe, address, outcome, ms, &[])
    }

    /// The same, with how the kernel's counters rose: SYN retransmissions, and failed ones.
    pub fn silence_ends(
        &mut self,
        probe: ProbeId,
        address: &str,
        outcome: ConnectOutcome,
        ms: u64,
        rises: &[(u64, u64)],
    ) -> &mut Self {
        let address = self.endpoint(probe, address);
        let rise = |(syn, failed): &(u64, u64)| Retransmissions { sent: *syn, syn: *syn, failed: *failed };
        let retransmitted = rises.iter().map(rise).collect();
        let took = Micros(ms * 1_000);
        self.event(probe, EventKind::ConnectEnded { address, outcome, took, local: None, retransmitted })
    }

    /// A connect, from its beginning to its end.
    pub fn connect(&mut self, probe: ProbeId, address: &str, outcome: ConnectOutcome, ms: u64) -> &mut Self {
        self.connecting(probe, address).after(ms).connect_ends(probe, address, outcome, ms)
    }

    /// A connect to [`V4`] that is established, and goes on.
    pub fn connected(&mut self, probe: ProbeId) -> &mut Self {
        self.connect(probe, V4, ConnectOutcome::Connected, 31).chosen(probe, V4)
    }

    /// The dialogue goes on with this address.
    pub fn chosen(&mut self, probe: ProbeId, address: &str) -> &mut Self {
        let address = self.endpoint(probe, address);
        self.event(probe, EventKind::ConnectionChosen { address })
    }

    /// The server sends bytes, half a round trip later.
    pub fn server(&mut self, probe: ProbeId, bytes: impl AsRef<[u8]>) -> &mut Self {
        let encrypted = self.encrypted.contains(&probe);
        self.after(30).event(probe, EventKind::Received { bytes: Bytes::from(bytes.as_ref()), encrypted })
    }

    /// We send bytes.
    pub fn client(&mut self, probe: ProbeId, bytes: impl AsRef<[u8]>) -> &mut Self {
        let encrypted = self.encrypted.contains(&probe);
        self.event(probe, EventKind::Sent { bytes: Bytes::from(bytes.as_ref()), encrypted, redacted: false })
    }

    /// We send a command, the server replies.
    pub fn ask(&mut self, probe: ProbeId, command: &str, reply: &str) -> &mut Self {
        self.client(probe, command).server(probe, reply)
    }

    /// Connected, greeted and answered, up to the acceptance of STARTTLS.
    pub fn up_to_starttls(&mut self, probe: ProbeId) -> &mut Self {
        self.connected(probe).server(probe, "220 mx.example.com ESMTP ready\r\n").ask(probe, EHLO, OFFER).ask(
            probe,
            "STARTTLS\r\n",
            "220 2.0.0 Ready to start TLS\r\n",
        )
    }

    /// A handshake begins: its name and the ClientHello.
    pub fn tls_begins(&mut self, probe: ProbeId, verification: Verification) -> &mut Self {
        let server_name = self.host.clone();
        let hello = client_hello(&server_name);
        let library = "OpenSSL 3.0.19".to_owned();
        self.event(probe, EventKind::TlsStarted { server_name, verification, library });
        self.tls(probe, Side::Client, &hello)
    }

    /// Bytes of a handshake.
    pub fn tls(&mut self, probe: ProbeId, from: Side, bytes: &[u8]) -> &mut Self {
        if from == Side::Server {
            self.after(30);
        }
        self.event(probe, EventKind::TlsBytes { from, bytes: Octets::from(bytes) })
    }

    /// A handshake ends well.
    pub fn tls_up(&mut self, probe: ProbeId, leaf: &[u8]) -> &mut Self {
        self.encrypted.insert(probe);
        let leaf = Some(Octets::from(leaf));
        self.tls(probe, Side::Client, &client_finished())
            .after(1)
            .event(probe, EventKind::TlsEnded { outcome: TlsOutcome::Established { leaf } })
    }

    /// A handshake ends badly.
    pub fn tls_fails(&mut self, probe: ProbeId, failure: &Failure) -> &mut Self {
        let Failure { text, reason, verify, errno } = failure.clone();
        let outcome = TlsOutcome::Failed { text: text.to_owned(), reason, verify, errno };
        self.after(1).event(probe, EventKind::TlsEnded { outcome })
    }

    /// A whole handshake of TLS 1.3 that verifies this certificate.
    pub fn tls_13(&mut self, probe: ProbeId, leaf: &[u8]) -> &mut Self {
        self.tls_begins(probe, Verification::Strict)
            .tls(probe, Side::Server, &server_flight_13())
            .tls_up(probe, leaf)
    }

    /// A whole handshake of TLS 1.2 that verifies this chain.
    pub fn tls_12(&mut self, probe: ProbeId, chain: &[&[u8]]) -> &mut Self {
        self.tls_begins(probe, Verification::Strict)
            .tls(probe, Side::Server, &server_flight_12(chain))
            .tls_up(probe, chain.first().copied().unwrap_or_default())
    }

    /// A strict handshake of TLS 1.3 that fails at the certificate, the relaxed look at the chain, and the end of both
    /// connections. `errors` is what verification found by depth; the first is the one that the handshake reports.
    pub fn distrusts(
        &mut self,
        route: RouteId,
        probe: ProbeId,
        chain: &[&[u8]],
        errors: &[(u32, i32)],
    ) -> &mut Self {
        let failure = Failure {
            text: "certificate verify failed",
            reason: Some(134),
            verify: errors.first().map(|(_, code)| *code),
            errno: None,
        };
        self.tls_begins(probe, Verification::Strict)
            .tls(probe, Side::Server, &server_flight_13())
            .tls_fails(probe, &failure)
            .looks_again(route, chain, errors)
            .end(probe)
    }

    /// The relaxed look at a chain.
    pub fn looks_again(&mut self, route: RouteId, chain: &[&[u8]], errors: &[(u32, i32)]) -> &mut Self {
        let looked = self.inspect(route, InspectReason::Relaxed);
        if self.spec(route).1 == TlsMode::Starttls {
            self.up_to_starttls(looked);
        } else {
            self.connected(looked);
        }
        self.tls_begins(looked, Verification::Relaxed)
            .tls(looked, Side::Server, &server_flight_13())
            .tls_up(looked, chain.first().copied().unwrap_or_default())
            .chain(looked, chain, errors)
            .closed(looked, CloseKind::ByUs)
            .end(looked)
    }

    /// What an inspecting connection saw.
    pub fn chain(&mut self, probe: ProbeId, chain: &[&[u8]], errors: &[(u32, i32)]) -> &mut Self {
        let error =
            |(depth, code): &(u32, i32)| VerifyError { depth: *depth, code: *code, text: String::new() };
        let chain = chain.iter().map(|der| Octets::from(*der)).collect();
        let errors = errors.iter().map(error).collect();
        self.event(probe, EventKind::ChainInspected { chain, errors })
    }

    /// EHLO inside TLS, its reply, QUIT, and the end.
    pub fn works(&mut self, probe: ProbeId) -> &mut Self {
        self.ask(probe, EHLO, OFFER_INSIDE).quits(probe)
    }

    /// QUIT, and the end.
    pub fn quits(&mut self, probe: ProbeId) -> &mut Self {
        self.client(probe, "QUIT\r\n").closed(probe, CloseKind::ByUs).end(probe)
    }

    /// The connection ends.
    pub fn closed(&mut self, probe: ProbeId, how: CloseKind) -> &mut Self {
        self.event(probe, EventKind::Closed { how })
    }

    /// A wait comes to its limit.
    pub fn waits(&mut self, probe: ProbeId, awaited: Awaited, ms: u64) -> &mut Self {
        self.after(ms).event(probe, EventKind::WaitExpired { awaited, limit: Micros(ms * 1_000) })
    }

    /// The probe went as far as it could.
    pub fn end(&mut self, probe: ProbeId) -> &mut Self {
        self.event(probe, EventKind::ProbeEnded { how: ProbeEnd::Completed })
    }

    /// The probe was stopped.
    pub fn cancel(&mut self, probe: ProbeId) -> &mut Self {
        self.event(probe, EventKind::ProbeEnded { how: ProbeEnd::Cancelled })
    }

    /// A route that works, from its beginning to its end.
    pub fn healthy(&mut self, port: u16, tls: TlsMode) -> RouteId {
        let route = self.route(port, tls);
        let probe = self.probe(route);
        self.healthy_probe(probe, tls);
        route
    }

    /// A probe that finds all in order.
    pub fn healthy_probe(&mut self, probe: ProbeId, tls: TlsMode) -> &mut Self {
        match tls {
            TlsMode::Starttls => self.up_to_starttls(probe).tls_13(probe, certs::GOOD).works(probe),
            TlsMode::Implicit => self
                .connected(probe)
                .tls_13(probe, certs::GOOD)
                .server(probe, "220 mx.example.com ESMTP ready\r\n")
                .works(probe),
            TlsMode::None => self
                .connected(probe)
                .server(probe, "220 mx.example.com ESMTP ready\r\n")
                .ask(probe, EHLO, OFFER)
                .quits(probe),
        }
    }

    /// A route whose every connect ends like this.
    pub fn blocked(&mut self, port: u16, tls: TlsMode, outcome: ConnectOutcome, ms: u64) -> RouteId {
        let route = self.route(port, tls);
        let probe = self.probe(route);
        self.connect(probe, V4, outcome, ms).end(probe);
        route
    }

    /// The events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The verdict is given; all events.
    pub fn finish(&mut self) -> Vec<Event> {
        self.step("verdict", "sends nothing: draws the conclusion from what was seen");
        self.event(ProbeId::SESSION, EventKind::RunEnded { reason: RunEnd::Completed });
        self.events.clone()
    }

    /// The session that has heard all events so far.
    pub fn session(&self) -> Session {
        play(&self.events)
    }
}

/// The session that has heard these events.
pub fn play(events: &[Event]) -> Session {
    let mut session = Session::default();
    for event in events {
        session.apply(event);
    }
    session
}
