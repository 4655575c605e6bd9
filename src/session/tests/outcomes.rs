//! One session for every outcome of the report's table, and its neighbour that ends otherwise.

use super::telling::{Tell, tell};
use crate::event::{
    Awaited, CloseKind, ConnectOutcome, IcmpError, InspectReason, ProxyFault, RouteOrigin, Side, Verification,
};
use crate::session::testing::{EHLO, Failure, OFFER_INSIDE, Tape, V4, alert, certs};
use crate::session::{Outcome, Session};
use crate::target::{Goal, SecretKind, TlsMode};

fn outcome(session: &Session) -> Outcome {
    session.routes()[0].outcome
}

/// What becomes of port 587 with STARTTLS.
fn of_587(story: Tell) -> Outcome {
    outcome(&tell(TlsMode::Starttls, story))
}

/// What becomes of port 465 with implicit TLS.
fn of_465(story: Tell) -> Outcome {
    outcome(&tell(TlsMode::Implicit, story))
}

fn of_connect(end: ConnectOutcome) -> Outcome {
    let mut tape = Tape::new();
    tape.resolves(&[V4]);
    tape.blocked(587, TlsMode::Starttls, end, 5_000);
    outcome(&tape.session())
}

/// What becomes of port 587 where the server greets so, and ehlo says EHLO and is told this.
fn greets(greeting: &str, hello: &str) -> Outcome {
    let mut tape = Tape::new();
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.connected(probe).server(probe, greeting).ask(probe, EHLO, hello).quits(probe);
    outcome(&tape.session())
}

#[test]
fn outcome_works() {
    for tls in [TlsMode::Starttls, TlsMode::Implicit, TlsMode::None] {
        let mut tape = Tape::new();
        tape.healthy(587, tls);
        assert_eq!(outcome(&tape.session()), Outcome::Works, "{tls}");
    }
    // Between servers TLS is opportunistic: a certificate that does not verify, or no STARTTLS, stops nothing.
    for without in [false, true] {
        let mut tape = Tape::with(|started| started.goal = Goal::Relay);
        let route = tape.route_as(25, TlsMode::Starttls, RouteOrigin::Mx);
        let probe = tape.probe(route);
        if without {
            tape.connected(probe).server(probe, "220 mx.example.com\r\n");
            tape.ask(probe, EHLO, "250 mx.example.com\r\n").quits(probe);
        } else {
            tape.up_to_starttls(probe).distrusts(route, probe, &[certs::SELF_SIGNED], &[(0, 18)]);
        }
        assert_eq!(outcome(&tape.session()), Outcome::Works);
    }
}

/// What a user hands in on needs the encryption that was asked for; only between servers it may be missing.
#[test]
fn no_outcome_works_without_the_tls_that_was_asked_for() {
    assert_eq!(greets("220 mx\r\n", "250 mx\r\n"), Outcome::NoStarttls);
    let broken_off: Tell = |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).client(p, EHLO).closed(p, CloseKind::ByServer);
    };
    assert_eq!(of_587(broken_off), Outcome::Interrupted);
}

fn icmp(code: u8, from_self: bool) -> ConnectOutcome {
    ConnectOutcome::Icmp(IcmpError { v6: false, kind: 3, code, sender: V4.parse().ok(), from_self })
}

#[test]
fn outcome_filtered() {
    assert_eq!(of_connect(ConnectOutcome::TimedOut), Outcome::Filtered);
}

#[test]
fn no_outcome_filtered_where_an_answer_came_at_the_last_moment() {
    assert_eq!(of_connect(ConnectOutcome::Reset), Outcome::Refused);
    assert_eq!(of_connect(icmp(13, false)), Outcome::Unreachable);
}

#[test]
fn outcome_refused() {
    assert_eq!(of_connect(ConnectOutcome::Reset), Outcome::Refused);
}

#[test]
fn no_outcome_refused_of_an_icmp_error_that_says_port_unreachable() {
    assert_eq!(of_connect(icmp(3, false)), Outcome::Unreachable);
}

#[test]
fn no_outcome_unreachable_where_one_address_answers_or_is_only_silent() {
    let mut tape = Tape::new();
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.connect(probe, "192.0.2.11", icmp(1, false), 20);
    tape.connect(probe, V4, ConnectOutcome::TimedOut, 5_000).end(probe);
    assert_eq!(outcome(&tape.session()), Outcome::Filtered, "silence tells more than a router's no");
    let mut tape = Tape::new();
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.connect(probe, "192.0.2.11", icmp(1, false), 20);
    tape.healthy_probe(probe, TlsMode::Starttls);
    assert_eq!(outcome(&tape.session()), Outcome::Works);
}

#[test]
fn outcome_unreachable() {
    for end in [
        icmp(1, false),
        icmp(13, false),
        icmp(3, true),
        ConnectOutcome::NoRoute { errno: 101 },
        ConnectOutcome::LocalRefusal { errno: 1 },
        ConnectOutcome::Failed { errno: None, text: "odd".into() },
        ConnectOutcome::Proxy { text: "no".into(), fault: ProxyFault::Unknown },
    ] {
        assert_eq!(of_connect(end.clone()), Outcome::Unreachable, "{end:?}");
    }
}

#[test]
fn no_outcome_closed_once_it_has_greeted() {
    let greeted: Tell = |t, _, p| {
        t.connected(p).server(p, "220 mx\r\n").closed(p, CloseKind::ByServer);
    };
    assert_eq!(of_587(greeted), Outcome::Interrupted);
}

#[test]
fn no_outcome_silent_where_it_greets_late_or_answers_in_tls() {
    let late: Tell = |t, _, p| {
        t.connected(p).after(29_000).server(p, "220 mx.example.com ESMTP ready\r\n");
        t.ask(p, EHLO, "250 mx.example.com\r\n").quits(p);
    };
    assert_eq!(of_587(late), Outcome::NoStarttls);
    let in_tls: Tell = |t, r, p| {
        t.connected(p);
        let asked = t.inspect(r, InspectReason::ClientHello);
        t.connected(asked).tls_13(asked, certs::GOOD).end(asked).waits(p, Awaited::Greeting, 7_000);
    };
    assert_eq!(of_587(in_tls), Outcome::ModeMismatch);
}

#[test]
fn outcome_closed_and_outcome_silent() {
    for how in [CloseKind::ByServer, CloseKind::Reset] {
        let mut tape = Tape::new();
        let route = tape.route(587, TlsMode::Starttls);
        let probe = tape.probe(route);
        tape.connected(probe).closed(probe, how).end(probe);
        assert_eq!(outcome(&tape.session()), Outcome::Closed);
    }
    let cut = of_587(|t, _, p| {
        t.connected(p).server(p, "220 mx.exa").closed(p, CloseKind::ByServer);
    });
    assert_eq!(cut, Outcome::Closed, "a greeting without its end is none");
    let silent = of_587(|t, r, p| {
        t.connected(p);
        let asked = t.inspect(r, InspectReason::ClientHello);
        t.connected(asked).tls_begins(asked, Verification::Relaxed);
        t.tls_fails(asked, &Failure { text: "unexpected EOF", ..Failure::default() }).end(asked);
        t.waits(p, Awaited::Greeting, 30_000);
    });
    assert_eq!(silent, Outcome::Silent);
    let inside = of_465(|t, _, p| {
        t.connected(p).tls_13(p, certs::GOOD).waits(p, Awaited::Greeting, 30_000);
    });
    assert_eq!(inside, Outcome::Silent);
}

#[test]
fn no_outcome_not_smtp_of_a_mail_server_that_says_no() {
    let refuses: Tell = |t, _, p| {
        t.connected(p).server(p, "220 mx\r\n").ask(p, EHLO, "500 What?\r\n");
        t.ask(p, "HELO laptop.example.net\r\n", "500 What?\r\n");
    };
    assert_eq!(of_587(refuses), Outcome::Rejected);
    assert_eq!(greets("220 ftp.example.com ESMTP\r\n", "250 ftp\r\n"), Outcome::NoStarttls);
}

#[test]
fn outcome_not_smtp() {
    for says in ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 400 Bad Request\r\n", "hello\r\n", "+OK POP3\r\n"] {
        let mut tape = Tape::new();
        let route = tape.route(587, TlsMode::Starttls);
        let probe = tape.probe(route);
        tape.connected(probe).server(probe, says).end(probe);
        assert_eq!(outcome(&tape.session()), Outcome::NotSmtp, "{says}");
    }
    // IMAP inside TLS; HTTP in the place of TLS; something that refuses both hellos after another greeting.
    let imaps = of_465(|t, _, p| {
        t.connected(p).tls_13(p, certs::GOOD).server(p, "* OK IMAP4rev1\r\n");
    });
    let http = of_465(|t, _, p| {
        t.connected(p).tls_begins(p, Verification::Strict);
        t.tls(p, Side::Server, b"HTTP/1.1 400 Bad Request\r\n\r\n").tls_fails(p, &Failure::default());
    });
    let news = of_587(|t, _, p| {
        t.connected(p).server(p, "200 news.example.com\r\n").ask(p, EHLO, "500 What?\r\n");
        t.ask(p, "HELO laptop.example.net\r\n", "500 What?\r\n");
    });
    assert_eq!([imaps, http, news], [Outcome::NotSmtp; 3]);
}

#[test]
fn no_outcome_rejected_where_helo_is_taken() {
    let old: Tell = |t, _, p| {
        t.connected(p).server(p, "220 mx\r\n").ask(p, EHLO, "502 What?\r\n");
        t.ask(p, "HELO laptop.example.net\r\n", "250 mx\r\n").quits(p);
    };
    assert_eq!(of_587(old), Outcome::NoStarttls);
}

#[test]
fn outcome_rejected() {
    for greeting in ["554 5.7.1 No\r\n", "450 later\r\n", "421 busy\r\n"] {
        let mut tape = Tape::new();
        let route = tape.route(587, TlsMode::Starttls);
        let probe = tape.probe(route);
        tape.connected(probe).server(probe, greeting).end(probe);
        assert_eq!(outcome(&tape.session()), Outcome::Rejected, "{greeting}");
    }
    let hello = of_587(|t, _, p| {
        t.connected(p).server(p, "220 mx\r\n").ask(p, EHLO, "550 no\r\n");
        t.ask(p, "HELO laptop.example.net\r\n", "550 no\r\n");
    });
    assert_eq!(hello, Outcome::Rejected);
}

/// In TLS something else speaks than SMTP: it is not the mode that is wrong.
#[test]
fn no_outcome_mode_mismatch_where_something_else_stands_behind_tls() {
    let mut tape = Tape::new();
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.connected(probe);
    let asked = tape.inspect(route, InspectReason::ClientHello);
    tape.connected(asked).tls_13(asked, certs::GOOD).end(asked).waits(probe, Awaited::Greeting, 7_000);
    tape.end(probe);
    assert_eq!(outcome(&tape.session()), Outcome::ModeMismatch);
    let other = tape.route_as(587, TlsMode::Implicit, RouteOrigin::OtherMode(route));
    let probe = tape.probe(other);
    tape.connected(probe).tls_13(probe, certs::GOOD).server(probe, "* OK IMAP4rev1\r\n").end(probe);
    assert_eq!(outcome(&tape.session()), Outcome::NotSmtp);
}

#[test]
fn outcome_mode_mismatch() {
    let implicit = of_587(|t, r, p| {
        t.connected(p);
        let asked = t.inspect(r, InspectReason::ClientHello);
        t.connected(asked).tls_13(asked, certs::GOOD).end(asked).waits(p, Awaited::Greeting, 7_000);
    });
    assert_eq!(implicit, Outcome::ModeMismatch);
    let at_once = of_587(|t, _, p| {
        t.connected(p).server(p, alert(2, 10));
    });
    assert_eq!(at_once, Outcome::ModeMismatch, "a TLS alert in the place of a greeting");
    let cleartext = of_465(|t, _, p| {
        t.connected(p).tls_begins(p, Verification::Strict);
        t.tls(p, Side::Server, b"220 mx.example.com ESMTP\r\n").tls_fails(p, &Failure::default());
    });
    assert_eq!(cleartext, Outcome::ModeMismatch);
}

/// Between servers the mail goes through all the same, in cleartext.
#[test]
fn no_outcome_no_starttls_and_no_outcome_starttls_refused_between_servers() {
    for (offer, reply) in
        [("250 mx\r\n", None), ("250-mx\r\n250 STARTTLS\r\n", Some("454 4.7.0 Not now\r\n"))]
    {
        let mut tape = Tape::with(|started| started.goal = Goal::Relay);
        let route = tape.route_as(25, TlsMode::Starttls, RouteOrigin::Mx);
        let probe = tape.probe(route);
        tape.connected(probe).server(probe, "220 mx\r\n").ask(probe, EHLO, offer);
        if let Some(reply) = reply {
            tape.ask(probe, "STARTTLS\r\n", reply);
        }
        tape.quits(probe);
        assert_eq!(outcome(&tape.session()), Outcome::Works, "{offer}");
    }
}

#[test]
fn outcome_no_starttls_and_outcome_starttls_refused() {
    let greeted: Tell = |t, _, p| {
        t.connected(p).server(p, "220 mx\r\n").ask(p, EHLO, "250-mx\r\n250 SIZE\r\n").quits(p);
    };
    assert_eq!(of_587(greeted), Outcome::NoStarttls);
    for (reply, wanted) in [
        ("454 4.7.0 Not now\r\n", Outcome::StarttlsRefused),
        ("502 5.5.1 No\r\n", Outcome::StarttlsRefused),
        ("500 5.5.1 Unknown command\r\n", Outcome::NoStarttls),
        ("500 5.5.1 XXXXXXXX unknown\r\n", Outcome::NoStarttls),
    ] {
        let mut tape = Tape::new();
        let route = tape.route(587, TlsMode::Starttls);
        let probe = tape.probe(route);
        tape.connected(probe).server(probe, "220 mx\r\n").ask(probe, EHLO, "250-mx\r\n250 STARTTLS\r\n");
        tape.ask(probe, "STARTTLS\r\n", reply).quits(probe);
        assert_eq!(outcome(&tape.session()), wanted, "{reply}");
    }
}

#[test]
fn no_outcome_interrupted_after_quit() {
    let leaves: Tell = |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).ask(p, EHLO, OFFER_INSIDE).client(p, "QUIT\r\n");
        t.closed(p, CloseKind::Reset);
    };
    assert_eq!(of_587(leaves), Outcome::Works);
}

#[test]
fn outcome_interrupted() {
    let quiet = of_587(|t, _, p| {
        t.connected(p).server(p, "220 mx\r\n").client(p, EHLO).waits(p, Awaited::Reply, 30_000);
    });
    let lost = of_587(|t, _, p| {
        t.connected(p).server(p, "220 mx\r\n").client(p, EHLO).closed(p, CloseKind::Reset);
    });
    let broken = of_587(|t, _, p| {
        t.connected(p).server(p, "220 mx\r\n").ask(p, EHLO, "what?\r\n");
    });
    let inside = of_587(|t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).client(p, EHLO).closed(p, CloseKind::ByServer);
    });
    assert_eq!([quiet, lost, broken, inside], [Outcome::Interrupted; 4]);
}

#[test]
fn no_outcome_tls_failed_where_the_certificate_alone_is_at_fault() {
    let invalid: Tell = |t, r, p| {
        t.up_to_starttls(p).distrusts(r, p, &[certs::SELF_SIGNED], &[(0, 18)]);
    };
    assert_eq!(of_587(invalid), Outcome::CertInvalid);
}

#[test]
fn no_outcome_cert_invalid_where_it_was_accepted_or_never_seen() {
    let soon: Tell = |t, _, p| {
        t.up_to_starttls(p).tls_12(p, &[certs::SOON, certs::INTERMEDIATE]).works(p);
    };
    assert_eq!(of_587(soon), Outcome::Works);
    let unseen: Tell = |t, _, p| {
        t.up_to_starttls(p).tls_begins(p, Verification::Strict).tls(p, Side::Server, &alert(2, 40));
        t.tls_fails(p, &Failure { text: "alert", reason: Some(1040), ..Failure::default() });
    };
    assert_eq!(of_587(unseen), Outcome::TlsFailed);
}

/// Credentials were given, and AUTH is told this.
fn signing_in(reply: &str) -> Outcome {
    let mut tape = Tape::with(|started| {
        started.sign_in = true;
        started.submit.user = Some("ann@example.com".into());
        started.submit.secret = Some(SecretKind::Password);
    });
    let route = tape.healthy(587, TlsMode::Starttls);
    let probe = tape.submit(route);
    tape.up_to_starttls(probe).tls_13(probe, certs::GOOD).ask(probe, EHLO, OFFER_INSIDE);
    tape.ask(probe, "AUTH PLAIN [hidden]\r\n", reply).quits(probe);
    outcome(&tape.session())
}

#[test]
fn outcome_auth_failed() {
    for reply in ["535 5.7.8 no\r\n", "454 4.7.0 not now\r\n"] {
        assert_eq!(signing_in(reply), Outcome::AuthFailed, "{reply}");
    }
}

#[test]
fn no_outcome_auth_failed_where_the_sign_in_is_accepted_or_nobody_signs_in() {
    assert_eq!(signing_in("235 2.7.0 ok\r\n"), Outcome::Works);
    let nobody: Tell = |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).ask(p, EHLO, "250 mx\r\n").quits(p);
    };
    assert_eq!(of_587(nobody), Outcome::Works, "where no AUTH is offered, and no credentials were given");
}

#[test]
fn outcome_tls_failed_and_outcome_cert_invalid() {
    let refused: Tell = |t, _, p| {
        t.up_to_starttls(p).tls_begins(p, Verification::Strict).tls(p, Side::Server, &alert(2, 40));
        t.tls_fails(p, &Failure { text: "alert", reason: Some(1040), ..Failure::default() });
    };
    let garbage: Tell = |t, _, p| {
        t.up_to_starttls(p).tls_begins(p, Verification::Strict);
        t.tls(p, Side::Server, b"220 again\r\n").tls_fails(p, &Failure::default());
    };
    let cut: Tell = |t, _, p| {
        t.up_to_starttls(p).tls_begins(p, Verification::Strict).closed(p, CloseKind::ByServer);
        t.tls_fails(p, &Failure { text: "unexpected EOF", ..Failure::default() });
    };
    let client: Tell = |t, _, p| {
        t.up_to_starttls(p).tls_13(p, certs::GOOD).client(p, EHLO);
        let text = "tlsv13 alert certificate required: SSL alert number 116".to_owned();
        t.closed(p, CloseKind::Failed { errno: None, text });
    };
    for story in [refused, garbage, cut, client] {
        assert_eq!(of_587(story), Outcome::TlsFailed);
    }
    let invalid: Tell = |t, r, p| {
        t.up_to_starttls(p).distrusts(r, p, &[certs::EXPIRED, certs::INTERMEDIATE], &[(0, 10)]);
    };
    assert_eq!(of_587(invalid), Outcome::CertInvalid);
}

/// Stopped, and until then it had come to something.
#[test]
fn no_outcome_not_tried_where_it_was_stopped_behind_its_end() {
    let mut tape = Tape::new();
    let route = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.connect(probe, V4, ConnectOutcome::Reset, 2).cancel(probe).finish();
    assert_eq!(outcome(&tape.session()), Outcome::Refused);
}

#[test]
fn outcome_not_tried() {
    let mut tape = Tape::new();
    tape.healthy(587, TlsMode::Starttls);
    tape.route(465, TlsMode::Implicit);
    let stopped = tape.route(2525, TlsMode::Starttls);
    let probe = tape.probe(stopped);
    tape.connecting(probe, V4).cancel(probe).finish();
    let outcomes: Vec<Outcome> = tape.session().routes().iter().map(|route| route.outcome).collect();
    assert_eq!(outcomes, [Outcome::Works, Outcome::NotTried, Outcome::NotTried]);
}
