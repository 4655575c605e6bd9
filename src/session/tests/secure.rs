//! Codes of TLS and of certificates: each with the session that gives it and one that must not.

use super::telling::{found, pair, tell};
use super::{codes, fact, has};
use crate::event::{CloseKind, InspectReason, Micros, RouteOrigin, Side, TlsOutcome, Verification};
use crate::event::{EventKind, LookupOutcome, LookupSource, ProbeId, Record, RecordData, RecordType};
use crate::session::testing::{
    EHLO, Failure, Tape, alert, certificate_request, certs, server_flight_10, server_flight_12,
};
use crate::session::{Outcome, Severity};
use crate::target::{Goal, TlsMode};

/// The server's alert, and the library's word for it.
fn alerted(tape: &mut Tape, probe: ProbeId, code: u8) {
    tape.tls_begins(probe, Verification::Strict).tls(probe, Side::Server, &alert(2, code));
    let reason = Some(1000 + i32::from(code));
    tape.tls_fails(probe, &Failure { text: "alert", reason, ..Failure::default() });
}

fn times_out(tape: &mut Tape, probe: ProbeId) {
    let limit = Micros(30_000_000);
    tape.tls_begins(probe, Verification::Strict).after(30_000);
    tape.event(probe, EventKind::TlsEnded { outcome: TlsOutcome::TimedOut { limit } });
}

pair!(
    says_implicit_tls_expected,
    no_implicit_tls_expected_where_it_greets,
    "implicit-tls-expected",
    Starttls,
    |t, _, p| {
        t.connected(p).server(p, alert(2, 10));
    },
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).works(p);
    },
);

pair!(
    says_starttls_expected,
    no_starttls_expected_where_tls_answers,
    "starttls-expected",
    Implicit,
    |t, _, p| {
        t.connected(p).tls_begins(p, Verification::Strict);
        t.tls(p, Side::Server, b"220 mx.example.com ESMTP\r\n").tls_fails(p, &Failure::default());
    },
    |t, _, p| {
        t.connected(p).tls_13(p, certs::GOOD).server(p, "220 mx.example.com ESMTP\r\n").works(p);
    },
);

pair!(
    says_tls_version_too_old,
    no_tls_version_too_old_for_tls_12,
    "tls-version-too-old",
    Starttls,
    |t, _, p| {
        t.up_to_starttls(p);
        alerted(t, p, 70);
    },
    |t, _, p| {
        t.up_to_starttls(p).tls_12(p, &[certs::GOOD, certs::INTERMEDIATE]).works(p);
    },
);

pair!(
    says_tls_version_too_old_where_an_older_offer_works,
    no_tls_version_too_old_where_it_does_not,
    "tls-version-too-old",
    Starttls,
    |t, r, p| {
        // Some old servers say handshake_failure where protocol_version would be the word.
        t.up_to_starttls(p);
        alerted(t, p, 40);
        let older = t.inspect(r, InspectReason::OlderTls);
        t.up_to_starttls(older).tls_begins(older, Verification::Relaxed);
        t.tls(older, Side::Server, &server_flight_10(&[certs::GOOD])).tls_up(older, certs::GOOD).end(older);
    },
    |t, r, p| {
        t.up_to_starttls(p);
        alerted(t, p, 40);
        let older = t.inspect(r, InspectReason::OlderTls);
        t.up_to_starttls(older).tls_begins(older, Verification::Relaxed);
        t.tls(older, Side::Server, &alert(2, 40)).tls_fails(older, &Failure::default()).end(older);
    },
);

pair!(
    says_tls_no_shared_cipher,
    no_tls_no_shared_cipher_for_another_alert,
    "tls-no-shared-cipher",
    Starttls,
    |t, _, p| {
        t.up_to_starttls(p);
        alerted(t, p, 40);
    },
    |t, _, p| {
        t.up_to_starttls(p);
        alerted(t, p, 80);
    },
);

pair!(
    says_tls_alert,
    no_tls_alert_where_the_alert_has_a_code_of_its_own,
    "tls-alert",
    Starttls,
    |t, _, p| {
        t.up_to_starttls(p);
        alerted(t, p, 80);
    },
    |t, _, p| {
        t.up_to_starttls(p);
        alerted(t, p, 70);
    },
);

pair!(
    says_tls_closed,
    no_tls_closed_after_the_handshake,
    "tls-closed",
    Starttls,
    |t, _, p| {
        t.up_to_starttls(p).tls_begins(p, Verification::Strict).closed(p, CloseKind::ByServer);
        t.tls_fails(p, &Failure { text: "unexpected EOF", ..Failure::default() });
    },
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).client(p, EHLO).closed(p, CloseKind::ByServer);
    },
);

pair!(
    says_tls_timeout,
    no_tls_timeout_of_a_slow_one,
    "tls-timeout",
    Starttls,
    |t, _, p| {
        t.up_to_starttls(p);
        times_out(t, p);
    },
    |t, _, p| {
        t.up_to_starttls(p).after(20_000).tls_13(p, certs::GOOD).works(p);
    },
);

pair!(
    says_tls_large_hello_dropped,
    no_tls_large_hello_dropped_where_a_small_one_fails_too,
    "tls-large-hello-dropped",
    Starttls,
    |t, r, p| {
        t.up_to_starttls(p);
        times_out(t, p);
        let small = t.inspect(r, InspectReason::SmallHello);
        t.up_to_starttls(small).tls_begins(small, Verification::Relaxed);
        t.tls(small, Side::Server, &server_flight_12(&[certs::GOOD])).tls_up(small, certs::GOOD).end(small);
    },
    |t, r, p| {
        t.up_to_starttls(p);
        times_out(t, p);
        let small = t.inspect(r, InspectReason::SmallHello);
        t.up_to_starttls(small);
        times_out(t, small);
        t.end(small);
    },
);

pair!(
    says_tls_not_tls,
    no_tls_not_tls_for_tls,
    "tls-not-tls",
    Starttls,
    |t, _, p| {
        t.up_to_starttls(p).tls_begins(p, Verification::Strict);
        t.tls(p, Side::Server, b"454 4.7.0 after all not\r\n").tls_fails(p, &Failure::default());
    },
    |t, _, p| {
        t.up_to_starttls(p);
        alerted(t, p, 80);
    },
);

pair!(
    says_client_cert_required_in_tls_12,
    no_client_cert_required_where_it_is_only_asked_for,
    "client-cert-required",
    Starttls,
    |t, _, p| {
        let flight = [server_flight_12(&[certs::GOOD]), certificate_request()].concat();
        t.up_to_starttls(p).tls_begins(p, Verification::Strict).tls(p, Side::Server, &flight);
        t.tls(p, Side::Server, &alert(2, 40));
        t.tls_fails(p, &Failure { text: "alert", reason: Some(1040), ..Failure::default() });
    },
    |t, _, p| {
        let flight = [server_flight_12(&[certs::GOOD, certs::INTERMEDIATE]), certificate_request()].concat();
        t.up_to_starttls(p).tls_begins(p, Verification::Strict).tls(p, Side::Server, &flight);
        t.tls_up(p, certs::GOOD).works(p);
    },
);

pair!(
    says_client_cert_required_in_words_once_tls_is_up,
    no_client_cert_required_where_the_name_is_refused,
    "client-cert-required",
    Starttls,
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD);
        t.ask(p, EHLO, "421 4.7.1 mx.example.com Error: No client certificate presented\r\n").quits(p);
    },
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD);
        t.ask(p, EHLO, "550 5.7.1 Certified clients only: who is laptop.example.net?\r\n");
        t.ask(p, "HELO laptop.example.net\r\n", "550 5.7.1 No\r\n").quits(p);
    },
);

pair!(
    says_client_cert_required_in_tls_13,
    no_client_cert_required_for_another_end,
    "client-cert-required",
    Starttls,
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).client(p, EHLO);
        let text = "tlsv13 alert certificate required: SSL alert number 116".to_owned();
        t.closed(p, CloseKind::Failed { errno: None, text });
    },
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).client(p, EHLO);
        t.closed(p, CloseKind::Failed { errno: None, text: "SSL alert number 80".to_owned() });
    },
);

pair!(
    says_tls_intercepted,
    no_tls_intercepted_for_a_private_authority,
    "tls-intercepted",
    Starttls,
    |t, r, p| {
        t.up_to_starttls(p).distrusts(r, p, &[certs::INTERCEPTED], &[(0, 20)]);
    },
    |t, r, p| {
        t.up_to_starttls(p).distrusts(r, p, &[certs::PRIVATE_CA], &[(0, 20)]);
    },
);

/// Pairs on a chain that a strict handshake refuses, with what OpenSSL says of it, and one that it does not.
macro_rules! chains {
    ($($says:ident, $no:ident, $code:literal: $chain:expr, $errors:expr, beside $other:expr, $others:expr;)*) => {
        $(pair!(
            $says,
            $no,
            $code,
            Starttls,
            |t, r, p| {
                t.up_to_starttls(p).distrusts(r, p, $chain, $errors);
            },
            |t, r, p| {
                t.up_to_starttls(p).distrusts(r, p, $other, $others);
            },
        );)*
    };
}

chains! {
    says_cert_expired, no_cert_expired_before_the_day, "cert-expired":
        &[certs::EXPIRED, certs::INTERMEDIATE], &[(0, 10)],
        beside &[certs::SOON, certs::INTERMEDIATE], &[];
    says_cert_not_yet_valid, no_cert_not_yet_valid_from_the_day_on, "cert-not-yet-valid":
        &[certs::NOT_YET, certs::INTERMEDIATE], &[(0, 9)],
        beside &[certs::GOOD, certs::INTERMEDIATE], &[];
    says_cert_name_mismatch, no_cert_name_mismatch_of_an_expired_one, "cert-name-mismatch":
        &[certs::OTHER_NAME, certs::INTERMEDIATE], &[(0, 62)],
        beside &[certs::EXPIRED, certs::INTERMEDIATE], &[(0, 10)];
    says_cert_self_signed, no_cert_self_signed_of_a_private_authority, "cert-self-signed":
        &[certs::SELF_SIGNED], &[(0, 18)],
        beside &[certs::PRIVATE_CA], &[(0, 20)];
    says_cert_unknown_ca, no_cert_unknown_ca_where_the_leaf_names_its_issuer, "cert-unknown-ca":
        &[certs::PRIVATE_CA], &[(0, 20), (0, 21)],
        beside &[certs::GOOD], &[(0, 20), (0, 21)];
    says_cert_chain_incomplete, no_cert_chain_incomplete_where_it_is_whole, "cert-chain-incomplete":
        &[certs::GOOD], &[(0, 20), (0, 21)],
        beside &[certs::EXPIRED, certs::INTERMEDIATE], &[(0, 10)];
    says_cert_wrong_usage, no_cert_wrong_usage_of_a_servers, "cert-wrong-usage":
        &[certs::CLIENT_ONLY, certs::INTERMEDIATE], &[(0, 26)],
        beside &[certs::EXPIRED, certs::INTERMEDIATE], &[(0, 10)];
    says_cert_weak_key, no_cert_weak_key_of_p256, "cert-weak-key":
        &[certs::WEAK_KEY, certs::INTERMEDIATE], &[(0, 66)],
        beside &[certs::EXPIRED, certs::INTERMEDIATE], &[(0, 10)];
    says_cert_weak_signature, no_cert_weak_signature_of_sha256, "cert-weak-signature":
        &[certs::WEAK_SIGNATURE, certs::INTERMEDIATE], &[(1, 68)],
        beside &[certs::EXPIRED, certs::INTERMEDIATE], &[(0, 10)];
    says_cert_expires_soon, no_cert_expires_soon_in_two_months, "cert-expires-soon":
        &[certs::SOON, certs::INTERMEDIATE], &[],
        beside &[certs::GOOD, certs::INTERMEDIATE], &[];
    says_cert_chain_surplus, no_cert_chain_surplus_of_the_issuer, "cert-chain-surplus":
        &[certs::GOOD, certs::INTERMEDIATE, certs::PRIVATE_CA], &[],
        beside &[certs::GOOD, certs::INTERMEDIATE, certs::INTERMEDIATE], &[];
}

pair!(
    says_sni_dependent_certificate,
    no_sni_dependent_certificate_where_it_is_the_same,
    "sni-dependent-certificate",
    Starttls,
    |t, r, p| {
        t.up_to_starttls(p).distrusts(r, p, &[certs::OTHER_NAME, certs::INTERMEDIATE], &[(0, 62)]);
        let unnamed = t.inspect(r, InspectReason::NoServerName);
        t.up_to_starttls(unnamed).tls_begins(unnamed, Verification::Relaxed);
        t.tls_up(unnamed, certs::GOOD).chain(unnamed, &[certs::GOOD, certs::INTERMEDIATE], &[]).end(unnamed);
    },
    |t, r, p| {
        // Another certificate with the same names: only renewed on one of two machines.
        t.up_to_starttls(p).distrusts(r, p, &[certs::EXPIRED, certs::INTERMEDIATE], &[(0, 10)]);
        let unnamed = t.inspect(r, InspectReason::NoServerName);
        t.up_to_starttls(unnamed).tls_begins(unnamed, Verification::Relaxed);
        t.tls_up(unnamed, certs::GOOD).chain(unnamed, &[certs::GOOD, certs::INTERMEDIATE], &[]).end(unnamed);
    },
);

#[test]
fn all_faults_of_one_certificate_at_once() {
    let session = tell(TlsMode::Starttls, |t, r, p| {
        t.up_to_starttls(p).distrusts(r, p, &[certs::EXPIRED_OTHER_NAME], &[(0, 20), (0, 10), (0, 62)]);
    });
    for code in ["cert-expired", "cert-name-mismatch", "cert-chain-incomplete"] {
        assert!(found(&session, code).is_some(), "{code}: {:?}", session.findings());
    }
}

/// An intermediate that has expired does no harm where another path leads to a root; older clients stumble over it.
#[test]
fn what_was_verified_is_never_an_error() {
    let session = tell(TlsMode::Starttls, |t, _, p| {
        t.up_to_starttls(p).tls_12(p, &[certs::EXPIRED, certs::INTERMEDIATE]).works(p);
    });
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
    assert_eq!(found(&session, "cert-expired").map(|finding| finding.severity), Some(Severity::Warning));
    let session = tell(TlsMode::Starttls, |t, r, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).works(p);
        // The library of the second look has no roots.
        let looked = t.inspect(r, InspectReason::Chain);
        t.up_to_starttls(looked).tls_begins(looked, Verification::Relaxed);
        t.tls_up(looked, certs::GOOD).chain(looked, &[certs::GOOD], &[(0, 20)]).end(looked);
    });
    assert!(session.findings().is_empty(), "{:?}", session.findings());
}

#[test]
fn the_certificate_without_sni_never_stands_for_the_one_with() {
    let session = tell(TlsMode::Starttls, |t, r, p| {
        t.up_to_starttls(p).distrusts(r, p, &[certs::EXPIRED, certs::INTERMEDIATE], &[(0, 10)]);
        let unnamed = t.inspect(r, InspectReason::NoServerName);
        t.up_to_starttls(unnamed).tls_begins(unnamed, Verification::Relaxed);
        t.tls_up(unnamed, certs::OTHER_NAME).chain(unnamed, &[certs::OTHER_NAME], &[(0, 62)]).end(unnamed);
    });
    assert!(found(&session, "cert-name-mismatch").is_none(), "{:?}", session.findings());
    assert!(found(&session, "cert-expired").is_some());
    assert_eq!(session.routes()[0].certificates.len(), 2);
}

/// One untrusted issuer for hosts that have nothing in common stands on the way; for one company's it is its own.
#[test]
fn one_issuer_for_every_host_is_an_interception() {
    let of_hosts = |hosts: [&str; 2]| {
        let mut tape = Tape::with(|started| started.goal = Goal::Relay);
        for (index, host) in (0..).zip(hosts) {
            assert_eq!(tape.route_as(25, TlsMode::Starttls, RouteOrigin::Mx).0, index, "{host}");
        }
        let mut events = tape.events().to_vec();
        for event in &mut events {
            if let EventKind::RouteAdded { route, host, .. } = &mut event.kind {
                hosts[usize::from(route.0)].clone_into(host);
            }
        }
        let mut session = crate::session::testing::play(&events);
        let begun = tape.events().len();
        for route in [crate::event::RouteId(0), crate::event::RouteId(1)] {
            let probe = tape.probe(route);
            tape.up_to_starttls(probe).distrusts(route, probe, &[certs::PRIVATE_CA], &[(0, 20)]);
        }
        tape.events()[begun..].iter().for_each(|event| session.apply(event));
        session
    };
    let session = of_hosts(["mx.example.org", "mx.example.net"]);
    let found: Vec<_> = session.findings().iter().filter(|f| f.code == "tls-intercepted").collect();
    assert_eq!(found.len(), 2, "{:?}", session.findings());
    assert_eq!(found[0].severity, Severity::Error);
    assert_eq!(found[0].facts["domains"], "example.net, example.org");
    let session = of_hosts(["mx1.example.org", "mx2.example.org"]);
    assert!(session.findings().iter().all(|finding| finding.code != "tls-intercepted"));
}

/// A host of a provider in the table, whose certificate this machine does not trust.
fn at_provider(provider: Option<&str>, chain: &[u8]) -> Tape {
    let mut tape = Tape::with(|started| started.provider = provider.map(str::to_owned));
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.up_to_starttls(probe).distrusts(route, probe, &[chain], &[(0, 20)]);
    tape
}

#[test]
fn says_tls_intercepted_of_a_providers_host_whose_issuer_is_no_public_authority() {
    let tape = at_provider(Some("gmail"), certs::PRIVATE_CA);
    assert_eq!(codes(&tape), ["cert-unknown-ca", "tls-intercepted"]);
    assert_eq!(fact(&tape, "tls-intercepted", "known"), "smtp.example.com");
}

#[test]
fn no_tls_intercepted_of_a_host_that_nobody_knows_or_of_a_self_signed_certificate() {
    assert_eq!(codes(&at_provider(None, certs::PRIVATE_CA)), ["cert-unknown-ca"]);
    assert!(!has(&at_provider(Some("gmail"), certs::SELF_SIGNED), "tls-intercepted"));
    assert!(!has(&at_provider(Some("gmail"), certs::OTHER_NAME), "tls-intercepted"));
    // An address that the user has given may be a test server.
    let mut tape = at_provider(Some("gmail"), certs::PRIVATE_CA);
    let data = RecordData::Address("192.0.2.10".parse().unwrap());
    let record = Record { name: "smtp.example.com".into(), ttl: 0, data };
    let (record, outcome) = (RecordType::A, LookupOutcome::Answers(vec![record]));
    let (name, source) = ("smtp.example.com".to_owned(), LookupSource::Given);
    tape.event(ProbeId(90), EventKind::Lookup { name, record, source, outcome, took: Micros(0) });
    assert_eq!(codes(&tape), ["cert-unknown-ca"]);
}
