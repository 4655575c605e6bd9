//! Codes of the greeting, the other end and STARTTLS: each with the session that gives it and one that must not.

use super::telling::pair;
use crate::event::{
    Awaited, CloseKind, ConnectOutcome, InspectReason, ProbeId, RouteId, RouteOrigin, Side, Verification,
};
use crate::session::testing::{EHLO, Failure, OFFER, OFFER_INSIDE, Tape, certs, server_flight_13};
use crate::target::TlsMode;

const READY: &str = "220 mx.example.com ESMTP ready\r\n";
const HELO: &str = "HELO laptop.example.net\r\n";

pair!(
    says_closed_before_greeting,
    no_closed_before_greeting_once_it_has_greeted,
    "closed-before-greeting",
    Starttls,
    |t, _, p| {
        t.connected(p).closed(p, CloseKind::ByServer);
    },
    |t, _, p| {
        t.connected(p).server(p, READY).client(p, EHLO).closed(p, CloseKind::ByServer);
    },
);

pair!(
    says_greeting_timeout,
    no_greeting_timeout_where_tls_answers,
    "greeting-timeout",
    Starttls,
    |t, _, p| {
        t.connected(p).waits(p, Awaited::Greeting, 30_000);
    },
    |t, r, p| {
        t.connected(p);
        let asked = t.inspect(r, InspectReason::ClientHello);
        t.connected(asked).tls_13(asked, certs::GOOD).end(asked).waits(p, Awaited::Greeting, 7_000);
    },
);

pair!(
    says_greeting_delayed,
    no_greeting_delayed_below_five_seconds,
    "greeting-delayed",
    None,
    |t, _, p| {
        t.connected(p).after(5_000).server(p, READY).ask(p, EHLO, OFFER).quits(p);
    },
    |t, _, p| {
        t.connected(p).after(4_900).server(p, READY).ask(p, EHLO, OFFER).quits(p);
    },
);

pair!(
    says_greeting_rejected,
    no_greeting_rejected_for_a_while,
    "greeting-rejected",
    Starttls,
    |t, _, p| {
        t.connected(p).server(p, "554 5.7.1 Go away\r\n").quits(p);
    },
    |t, _, p| {
        t.connected(p).server(p, "450 4.7.1 Later\r\n").quits(p);
    },
);

pair!(
    says_greeting_temporary,
    no_greeting_temporary_for_good,
    "greeting-temporary",
    Starttls,
    |t, _, p| {
        t.connected(p).server(p, "450 4.7.1 Later\r\n").quits(p);
    },
    |t, _, p| {
        t.connected(p).server(p, "554 5.7.1 Go away\r\n").quits(p);
    },
);

pair!(
    says_too_many_connections,
    no_too_many_connections_for_another_reason,
    "too-many-connections",
    Starttls,
    |t, _, p| {
        t.connected(p).server(p, "421 4.7.0 mx Too many connections from your address\r\n").end(p);
    },
    |t, _, p| {
        t.connected(p).server(p, "421 4.3.2 System is shutting down\r\n").end(p);
    },
);

pair!(
    says_not_smtp,
    no_not_smtp_for_a_greeting_without_a_name,
    "not-smtp",
    None,
    |t, _, p| {
        t.connected(p).server(p, "SSH-2.0-OpenSSH_9.6\r\n");
    },
    |t, _, p| {
        t.connected(p).server(p, "220 \r\n").ask(p, EHLO, OFFER).quits(p);
    },
);

pair!(
    says_captive_portal,
    no_captive_portal_for_another_protocol,
    "captive-portal",
    Starttls,
    |t, _, p| {
        t.connected(p).server(p, "HTTP/1.1 302 Found\r\nLocation: http://wifi.example.net/\r\n\r\n");
    },
    |t, _, p| {
        t.connected(p).server(p, "* OK IMAP4rev1 ready\r\n");
    },
);

#[test]
fn says_captive_portal_in_other_words_of_a_web_server_that_was_asked_for() {
    let owner = |port, origin, location: &str| {
        let mut tape = Tape::new();
        let route = tape.route_as(port, TlsMode::Starttls, origin);
        let probe = tape.probe(route);
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n");
        tape.connected(probe).server(probe, answer).end(probe);
        let session = tape.session();
        let found = session.findings().iter().find(|found| found.code == "captive-portal").unwrap();
        found.facts.get("cause").cloned()
    };
    let portal = "http://wifi.example.net/";
    let asked = RouteOrigin::Asked;
    assert_eq!(owner(8080, asked, portal).as_deref(), Some("8080 is a port of web servers"));
    assert_eq!(owner(443, RouteOrigin::Tree, portal), None, "a provider's port for mail");
    assert_eq!(owner(587, asked, portal), None);
    let host = Tape::new().session().host().to_owned();
    for location in
        [format!("https://{host}/"), format!("http://{host}:8080/login?x#y"), format!("https://{host}.")]
    {
        let said = owner(587, RouteOrigin::Tree, &location);
        assert!(said.is_some_and(|said| said.contains("itself answers")), "{location}");
    }
    for location in
        [format!("https://wifi.example.net/{host}"), format!("https://{host}.wifi.example/"), "/".into()]
    {
        assert_eq!(owner(587, RouteOrigin::Tree, &location), None, "{location}");
    }
}

pair!(
    says_ehlo_rejected,
    no_ehlo_rejected_where_it_is_accepted,
    "ehlo-rejected",
    None,
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, "502 What?\r\n").ask(p, HELO, "250 mx\r\n").quits(p);
    },
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, OFFER).quits(p);
    },
);

pair!(
    says_helo_rejected,
    no_helo_rejected_where_helo_works,
    "helo-rejected",
    None,
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, "550 No\r\n").ask(p, HELO, "550 No\r\n").quits(p);
    },
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, "550 No\r\n").ask(p, HELO, "250 mx\r\n").quits(p);
    },
);

pair!(
    says_reply_malformed,
    no_reply_malformed_for_a_small_fault,
    "reply-malformed",
    None,
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, "mx.example.com at your service\r\n");
    },
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, "250-mx.example.com\n250 SIZE\n").quits(p);
    },
);

pair!(
    says_reply_malformed_of_an_endless_reply,
    no_reply_malformed_of_a_long_one,
    "reply-malformed",
    None,
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, &"250-AND-MORE\r\n".repeat(300));
    },
    |t, _, p| {
        let long = format!("{}250 END\r\n", "250-AND-MORE\r\n".repeat(200));
        t.connected(p).server(p, READY).ask(p, EHLO, &long).quits(p);
    },
);

pair!(
    says_reply_quirks,
    no_reply_quirks_of_a_reply_in_several_parts,
    "reply-quirks",
    None,
    |t, _, p| {
        t.connected(p).server(p, "220-mx.example.com\n220 ready\r\n").ask(p, EHLO, OFFER).quits(p);
    },
    |t, _, p| {
        t.connected(p).server(p, "220-mx.exam").server(p, "ple.com\r").server(p, "\n220 ready\r\n");
        t.ask(p, EHLO, OFFER).quits(p);
    },
);

pair!(
    says_reply_timeout,
    no_reply_timeout_of_a_slow_one,
    "reply-timeout",
    None,
    |t, _, p| {
        t.connected(p).server(p, READY).client(p, EHLO).waits(p, Awaited::Reply, 30_000);
    },
    |t, _, p| {
        t.connected(p).server(p, READY).client(p, EHLO).after(29_000).server(p, OFFER).quits(p);
    },
);

pair!(
    says_connection_lost,
    no_connection_lost_after_quit,
    "connection-lost",
    None,
    |t, _, p| {
        t.connected(p).server(p, READY).client(p, EHLO).closed(p, CloseKind::Reset);
    },
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, OFFER).ask(p, "QUIT\r\n", "221 Bye\r\n");
        t.closed(p, CloseKind::ByServer);
    },
);

pair!(
    says_other_server_answers,
    no_other_server_answers_where_the_certificate_fits,
    "other-server-answers",
    Starttls,
    |t, r, p| {
        t.connected(p).server(p, "220 server7.hosting.example ESMTP\r\n").ask(p, EHLO, OFFER);
        t.ask(p, "STARTTLS\r\n", "220 Go\r\n");
        t.distrusts(r, p, &[certs::OTHER_NAME, certs::INTERMEDIATE], &[(0, 62)]);
    },
    |t, _, p| {
        t.connected(p).server(p, "220 server7.hosting.example ESMTP\r\n").ask(p, EHLO, OFFER);
        t.ask(p, "STARTTLS\r\n", "220 Go\r\n").tls_13(p, certs::GOOD).works(p);
    },
);

/// A look at a certificate that was refused on a port with implicit TLS, and how the server greets inside.
fn greets_inside(tape: &mut Tape, route: RouteId, chain: &[&[u8]], greeting: &str) {
    let looked = tape.inspect(route, InspectReason::Relaxed);
    tape.connected(looked).tls_begins(looked, Verification::Relaxed);
    tape.tls(looked, Side::Server, &server_flight_13());
    tape.tls_up(looked, chain[0]).chain(looked, chain, &[(0, 62)]);
    tape.server(looked, greeting).quits(looked);
}

fn refuses(tape: &mut Tape, probe: ProbeId) {
    let text = "certificate verify failed";
    let failure = Failure { text, reason: Some(134), verify: Some(62), errno: None };
    tape.connected(probe).tls_begins(probe, Verification::Strict);
    tape.tls(probe, Side::Server, &server_flight_13()).tls_fails(probe, &failure);
}

pair!(
    says_other_server_answers_inside_tls,
    no_other_server_answers_where_it_greets_with_the_name_that_was_asked_for,
    "other-server-answers",
    Implicit,
    |t, r, p| {
        refuses(t, p);
        let chain = &[certs::OTHER_NAME, certs::INTERMEDIATE];
        greets_inside(t, r, chain, "220 server7.hosting.example ESMTP\r\n");
    },
    |t, r, p| {
        refuses(t, p);
        greets_inside(t, r, &[certs::OTHER_NAME, certs::INTERMEDIATE], "220 smtp.example.com ESMTP\r\n");
    },
);

pair!(
    says_other_server_answers_whatever_else_is_wrong_with_it,
    no_other_server_answers_where_banner_and_certificate_disagree,
    "other-server-answers",
    Implicit,
    |t, r, p| {
        refuses(t, p);
        let chain = &[certs::OTHER_NAME];
        greets_inside(t, r, chain, "554 server7.hosting.example says no\r\n");
    },
    |t, r, p| {
        refuses(t, p);
        let chain = &[certs::OTHER_NAME, certs::INTERMEDIATE];
        greets_inside(t, r, chain, "220 mx.elsewhere.example ESMTP\r\n");
    },
);

pair!(
    says_middlebox_masking,
    no_middlebox_masking_for_experimental_keywords,
    "middlebox-masking",
    Starttls,
    |t, _, p| {
        let offer = "250-mx.example.com\r\n250-XXXXXXXB\r\n250 STARTTLS\r\n";
        t.connected(p).server(p, READY).ask(p, EHLO, offer).ask(p, "STARTTLS\r\n", "220 Go\r\n");
        t.tls_13(p, certs::GOOD).works(p);
    },
    |t, _, p| {
        let offer = "250-mx.example.com\r\n250-XCLIENT NAME ADDR\r\n250-X-EXPS GSSAPI\r\n250 STARTTLS\r\n";
        t.connected(p).server(p, READY).ask(p, EHLO, offer).ask(p, "STARTTLS\r\n", "220 Go\r\n");
        t.tls_13(p, certs::GOOD).works(p);
    },
);

pair!(
    says_capabilities_change_after_tls,
    no_capabilities_change_after_tls_for_auth,
    "capabilities-change-after-tls",
    Starttls,
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD);
        t.ask(p, EHLO, "250-mx.example.com\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n").quits(p);
    },
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).ask(p, EHLO, OFFER_INSIDE).quits(p);
    },
);

/// A catcher of test mail has no TLS and needs none: nobody is told to turn STARTTLS on in it.
#[test]
fn starttls_not_offered_on_this_machine_speaks_of_test_servers() {
    for (address, local) in [("127.0.0.1", true), ("::1", true), ("192.0.2.10", false)] {
        let mut tape = Tape::new();
        let route = tape.route(1025, TlsMode::Starttls);
        let probe = tape.probe(route);
        tape.connect(probe, address, ConnectOutcome::Connected, 1).chosen(probe, address);
        tape.server(probe, READY).ask(probe, EHLO, "250-mx.example.com\r\n250 SIZE\r\n").quits(probe);
        let session = tape.session();
        let finding =
            session.findings().iter().find(|finding| finding.code == "starttls-not-offered").unwrap();
        let advice = finding.facts.get("advice").map(String::as_str).unwrap_or_default();
        assert_eq!(advice.contains("--route 1025/none"), local, "{address}: {advice}");
    }
}

pair!(
    says_starttls_not_offered,
    no_starttls_not_offered_where_it_is,
    "starttls-not-offered",
    Starttls,
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, "250-mx.example.com\r\n250 SIZE\r\n").quits(p);
    },
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).works(p);
    },
);

pair!(
    says_starttls_stripped,
    no_starttls_stripped_without_a_trace,
    "starttls-stripped",
    Starttls,
    |t, _, p| {
        let offer = "250-mx.example.com\r\n250-XXXXXXXA\r\n250 SIZE\r\n";
        t.connected(p).server(p, READY).ask(p, EHLO, offer).quits(p);
    },
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, "250-mx.example.com\r\n250 SIZE\r\n").quits(p);
    },
);

pair!(
    says_starttls_refused,
    no_starttls_refused_where_it_is_accepted,
    "starttls-refused",
    Starttls,
    |t, _, p| {
        t.connected(p)
            .server(p, READY)
            .ask(p, EHLO, OFFER)
            .ask(p, "STARTTLS\r\n", "454 Not now\r\n")
            .quits(p);
    },
    |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).works(p);
    },
);

pair!(
    says_plaintext_before_tls,
    no_plaintext_before_tls_where_nothing_came,
    "plaintext-before-tls",
    Starttls,
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, OFFER);
        t.ask(p, "STARTTLS\r\n", "220 Go\r\n250 Injected\r\n").tls_13(p, certs::GOOD).works(p);
    },
    |t, _, p| {
        t.connected(p).server(p, READY).ask(p, EHLO, OFFER);
        t.ask(p, "STARTTLS\r\n", "220-Go\r\n220 on\r\n").tls_13(p, certs::GOOD).works(p);
    },
);

pair!(
    says_starttls_injection,
    no_starttls_injection_where_quit_alone_is_answered,
    "starttls-injection",
    Starttls,
    |t, r, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).works(p);
        let asked = t.inspect(r, InspectReason::Injection);
        t.connected(asked).server(asked, READY).ask(asked, EHLO, OFFER);
        t.ask(asked, "STARTTLS\r\nNOOP\r\n", "220 Go\r\n").tls_begins(asked, Verification::Relaxed);
        t.tls_up(asked, certs::GOOD)
            .client(asked, "QUIT\r\n")
            .server(asked, "250 Ok\r\n221 Bye\r\n")
            .end(asked);
    },
    |t, r, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).works(p);
        let asked = t.inspect(r, InspectReason::Injection);
        t.connected(asked).server(asked, READY).ask(asked, EHLO, OFFER);
        // It even answers NOOP, but in cleartext: what is said before TLS proves nothing.
        t.ask(asked, "STARTTLS\r\nNOOP\r\n", "220 Go\r\n250 Ok\r\n").tls_begins(asked, Verification::Relaxed);
        t.tls_up(asked, certs::GOOD).client(asked, "QUIT\r\n").server(asked, "221 Bye\r\n").end(asked);
    },
);

pair!(
    says_auth_before_tls,
    no_auth_before_tls_without_mechanisms,
    "auth-before-tls",
    Starttls,
    |t, _, p| {
        let offer = "250-mx.example.com\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n";
        t.connected(p).server(p, READY).ask(p, EHLO, offer).ask(p, "STARTTLS\r\n", "220 Go\r\n");
        t.tls_13(p, certs::GOOD).works(p);
    },
    |t, _, p| {
        let offer = "250-mx.example.com\r\n250-AUTH\r\n250 STARTTLS\r\n";
        t.connected(p).server(p, READY).ask(p, EHLO, offer).ask(p, "STARTTLS\r\n", "220 Go\r\n");
        t.tls_13(p, certs::GOOD).works(p);
    },
);
