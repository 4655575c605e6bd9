//! Signing in and the envelope: one session for each code, and its neighbour where it must not be said.

use super::{codes, fact, has};
use crate::event::{Awaited, CloseKind, InspectReason, RouteId};
use crate::session::testing::{EHLO, OFFER, OFFER_INSIDE, Tape, certs};
use crate::session::{Outcome, Severity};
use crate::target::{Goal, SecretKind, TlsMode};

/// Credentials were given.
fn with(kind: SecretKind, mechanism: Option<&str>, provider: Option<&str>) -> Tape {
    Tape::with(|started| {
        started.sign_in = true;
        started.provider = provider.map(str::to_owned);
        started.submit.user = Some("ann@example.com".into());
        started.submit.secret = Some(kind);
        started.submit.mechanism = mechanism.map(str::to_owned);
    })
}

fn password() -> Tape {
    with(SecretKind::Password, None, None)
}

/// Sender and recipient were given.
fn envelope() -> Tape {
    Tape::with(|started| {
        started.submit.mail_from = Some("ann@example.com".into());
        started.submit.rcpt_to = Some("bob@example.net".into());
    })
}

/// Port 587 works; then this is said on the connection that submits: what we send, what comes back.
fn told(mut tape: Tape, exchange: &[(&str, &str)]) -> Tape {
    let route = tape.healthy(587, TlsMode::Starttls);
    says(&mut tape, route, exchange);
    tape
}

fn says(tape: &mut Tape, route: RouteId, exchange: &[(&str, &str)]) {
    let probe = tape.submit(route);
    tape.up_to_starttls(probe).tls_13(probe, certs::GOOD).ask(probe, EHLO, OFFER_INSIDE);
    for (command, reply) in exchange {
        tape.ask(probe, &format!("{command}\r\n"), &format!("{reply}\r\n"));
    }
    tape.quits(probe);
}

fn plain(reply: &str) -> Tape {
    told(password(), &[("AUTH PLAIN [hidden]", reply)])
}

fn outcome(tape: &Tape) -> Outcome {
    tape.session().routes()[0].outcome
}

fn severity(tape: &Tape, code: &str) -> Option<Severity> {
    tape.session().findings().iter().find(|finding| finding.code == code).map(|finding| finding.severity)
}

const ACCEPTED: &str = "235 2.7.0 Authentication successful";

#[test]
fn no_auth_bad_credentials_where_the_sign_in_is_accepted() {
    let tape = plain(ACCEPTED);
    assert_eq!((outcome(&tape), codes(&tape)), (Outcome::Works, vec![]));
    let session = tape.session();
    let done = session.routes()[0].submission.as_ref().unwrap();
    assert_eq!(done.signed_in().unwrap(), "It accepted the sign-in as ann@example.com by PLAIN.");
}

#[test]
fn says_auth_bad_credentials() {
    let tape = plain("535 5.7.8 Error: authentication failed");
    assert!(has(&tape, "auth-bad-credentials"));
    assert_eq!(
        (outcome(&tape), severity(&tape, "auth-bad-credentials")),
        (Outcome::AuthFailed, Some(Severity::Error))
    );
    assert_eq!(fact(&tape, "auth-bad-credentials", "user"), "ann@example.com");
    assert_eq!(fact(&tape, "auth-bad-credentials", "reply"), "535 5.7.8 Error: authentication failed");
    // The evidence is the command and its reply, on the connection that submits.
    let session = tape.session();
    let lines: Vec<_> = session.findings()[0]
        .evidence
        .iter()
        .map(|at| session.transcript().lines()[*at].text.as_str())
        .collect();
    assert_eq!(lines, ["AUTH PLAIN [hidden]", "535 5.7.8 Error: authentication failed"]);
}

#[test]
fn says_auth_app_password_needed() {
    let words =
        plain("534-5.7.9 Application-specific password required.\r\n534 5.7.9 https://support.google.com");
    assert!(has(&words, "auth-app-password-needed"));
    let gmail = with(SecretKind::Password, None, Some("gmail"));
    let provider = told(gmail, &[("AUTH PLAIN [hidden]", "535 5.7.8 Username and Password not accepted.")]);
    assert!(has(&provider, "auth-app-password-needed") && !has(&provider, "auth-bad-credentials"));
    assert_eq!(fact(&provider, "auth-app-password-needed", "provider"), "gmail");
}

#[test]
fn no_auth_app_password_needed_where_nobody_speaks_of_one() {
    assert!(!has(&plain("535 5.7.8 Username and Password not accepted."), "auth-app-password-needed"));
}

#[test]
fn says_auth_web_login_needed() {
    assert!(has(&plain("534 5.7.14 Please log in via your web browser"), "auth-web-login-needed"));
}

#[test]
fn no_auth_web_login_needed_where_the_password_is_wrong() {
    assert_eq!(codes(&plain("535 5.7.8 See our web page about passwords")), ["auth-bad-credentials"]);
}

#[test]
fn says_auth_disabled() {
    for reply in [
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
    ] {
        let tape = plain(reply);
        assert!(has(&tape, "auth-disabled"), "{reply}");
        assert_eq!(outcome(&tape), Outcome::AuthFailed);
    }
}

#[test]
fn no_auth_disabled_where_the_password_is_wrong() {
    let tape = plain("535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.");
    assert_eq!(codes(&tape), ["auth-bad-credentials"]);
}

#[test]
fn says_auth_mechanism_unsupported() {
    // By the list alone: nothing was sent for it, and the route is not tried further.
    let mut tape = with(SecretKind::Token, Some("XOAUTH2"), None);
    tape.healthy(587, TlsMode::Starttls);
    assert_eq!((outcome(&tape), codes(&tape)), (Outcome::AuthFailed, vec!["auth-mechanism-unsupported"]));
    assert_eq!(fact(&tape, "auth-mechanism-unsupported", "mechanisms"), "PLAIN, LOGIN");
    // By the server's word.
    assert_eq!(codes(&plain("504 5.5.4 Unrecognized authentication type")), ["auth-mechanism-unsupported"]);
}

#[test]
fn no_auth_mechanism_unsupported_where_one_fits_or_nobody_signs_in() {
    let mut login = with(SecretKind::Password, Some("LOGIN"), None);
    login.healthy(587, TlsMode::Starttls);
    assert!(codes(&login).is_empty() && outcome(&login) == Outcome::Works);
    let mut nobody = Tape::new();
    nobody.healthy(587, TlsMode::Starttls);
    assert!(codes(&nobody).is_empty());
}

/// A server that offers no AUTH inside TLS.
fn without_auth(mut tape: Tape, port: u16) -> Tape {
    let route = tape.route(port, TlsMode::Starttls);
    let probe = tape.probe(route);
    tape.up_to_starttls(probe)
        .tls_13(probe, certs::GOOD)
        .ask(probe, EHLO, "250-mx\r\n250 SIZE\r\n")
        .quits(probe);
    tape
}

#[test]
fn says_auth_not_offered() {
    let tape = without_auth(Tape::new(), 587);
    assert_eq!(
        (outcome(&tape), severity(&tape, "auth-not-offered")),
        (Outcome::Works, Some(Severity::Warning))
    );
    let given = without_auth(password(), 587);
    assert_eq!(
        (outcome(&given), severity(&given, "auth-not-offered")),
        (Outcome::AuthFailed, Some(Severity::Error))
    );
}

#[test]
fn no_auth_not_offered_between_servers() {
    assert!(!has(&without_auth(Tape::new(), 25), "auth-not-offered"));
    let relay = without_auth(Tape::with(|started| started.goal = Goal::Relay), 25);
    assert!(!has(&relay, "auth-not-offered"));
}

#[test]
fn says_auth_token_refused() {
    let tape = with(SecretKind::Token, Some("XOAUTH2"), None);
    let offer = OFFER_INSIDE.replace("PLAIN LOGIN", "XOAUTH2");
    let mut tape = tape;
    let route = tape.route(587, TlsMode::Starttls);
    for submit in [false, true] {
        let probe = if submit { tape.submit(route) } else { tape.probe(route) };
        tape.up_to_starttls(probe).tls_13(probe, certs::GOOD).ask(probe, EHLO, &offer);
        if submit {
            tape.ask(probe, "AUTH XOAUTH2 [hidden]\r\n", "334 eyJzdGF0dXMiOiI0MDAifQ==\r\n");
            tape.ask(probe, "\r\n", "535 5.7.8 Username and Password not accepted\r\n");
        }
        tape.quits(probe);
    }
    assert_eq!((outcome(&tape), codes(&tape)), (Outcome::AuthFailed, vec!["auth-token-refused"]));
}

#[test]
fn no_auth_token_refused_of_a_password() {
    assert_eq!(codes(&plain("535 5.7.8 Token or password not accepted")), ["auth-bad-credentials"]);
}

#[test]
fn says_auth_temporary() {
    let tape = plain("454 4.7.0 Temporary authentication failure");
    assert_eq!((outcome(&tape), codes(&tape)), (Outcome::AuthFailed, vec!["auth-temporary"]));
}

#[test]
fn no_auth_temporary_where_the_password_is_wrong() {
    // A temporary code about a password that will not become better.
    assert_eq!(codes(&plain("451 4.7.8 Authentication failed: wrong password")), ["auth-bad-credentials"]);
    assert_eq!(codes(&plain("535 5.7.8 no")), ["auth-bad-credentials"]);
}

#[test]
fn says_auth_plaintext_refused() {
    let mut tape = password();
    tape.healthy(587, TlsMode::None);
    assert_eq!(severity(&tape, "auth-plaintext-refused"), Some(Severity::Info), "ehlo itself");
    assert_eq!(outcome(&tape), Outcome::AuthFailed);
    let server = plain("538 5.7.11 Encryption required for requested authentication mechanism");
    assert_eq!(severity(&server, "auth-plaintext-refused"), Some(Severity::Error), "the server");
}

#[test]
fn no_auth_plaintext_refused_where_no_password_was_given() {
    let mut tape = Tape::new();
    tape.healthy(587, TlsMode::None);
    assert!(!has(&tape, "auth-plaintext-refused"));
}

/// AUTH LOGIN, accepted, with this first challenge.
fn login(challenge: &str) -> Tape {
    told(
        with(SecretKind::Password, Some("LOGIN"), None),
        &[("AUTH LOGIN", challenge), ("YW5uQGV4YW1wbGUuY29t", "334 UGFzc3dvcmQ6"), ("[hidden]", ACCEPTED)],
    )
}

#[test]
fn no_auth_challenge_malformed_where_it_is_base64_or_empty() {
    assert!(codes(&login("334 VXNlcm5hbWU6")).is_empty());
    assert!(codes(&login("334 ")).is_empty(), "an empty challenge is one (RFC 4954 §4)");
}

#[test]
fn says_auth_challenge_malformed() {
    assert_eq!(severity(&login("334 Username please!"), "auth-challenge-malformed"), Some(Severity::Warning));
    // Where it had to be given up, it is why the sign-in failed.
    let given_up = told(password(), &[("AUTH SCRAM-SHA-1 biws", "334 ???"), ("*", "501 5.7.0 cancelled")]);
    assert_eq!(severity(&given_up, "auth-challenge-malformed"), Some(Severity::Error));
    assert_eq!(outcome(&given_up), Outcome::AuthFailed);
    assert_eq!(codes(&given_up), ["auth-challenge-malformed"], "501 answers the asterisk");
}

#[test]
fn says_auth_server_unproven() {
    let short = told(password(), &[("AUTH SCRAM-SHA-1 biws", "334 cj1h"), ("[hidden]", ACCEPTED)]);
    assert!(has(&short, "auth-server-unproven"));
}

#[test]
fn no_auth_server_unproven_where_the_server_shows_that_it_knows_the_password() {
    let whole = told(
        password(),
        &[("AUTH SCRAM-SHA-1 biws", "334 cj1h"), ("[hidden]", "334 [hidden]"), ("", ACCEPTED)],
    );
    assert!(codes(&whole).is_empty(), "{:?}", codes(&whole));
    assert!(!has(&plain(ACCEPTED), "auth-server-unproven"), "PLAIN has no proof to show");
}

const MAIL: (&str, &str) = ("MAIL FROM:<ann@example.com>", "250 2.1.0 Ok");
const RSET: (&str, &str) = ("RSET", "250 2.0.0 Ok");

/// The recipient is told this.
fn recipient(reply: &str) -> Tape {
    told(envelope(), &[MAIL, ("RCPT TO:<bob@example.net>", reply), RSET])
}

/// The sender is told this.
fn sender(reply: &str) -> Tape {
    told(envelope(), &[(MAIL.0, reply)])
}

#[test]
fn no_envelope_code_where_the_envelope_is_accepted() {
    let tape = recipient("250 2.1.5 Ok");
    assert_eq!((outcome(&tape), codes(&tape)), (Outcome::Works, vec![]));
    let session = tape.session();
    let done = session.routes()[0].submission.as_ref().unwrap();
    assert_eq!(
        done.envelope(),
        [
            "It accepted the sender <ann@example.com>: 250 2.1.0 Ok.",
            "It accepted the recipient <bob@example.net>: 250 2.1.5 Ok."
        ]
    );
}

#[test]
fn a_refused_envelope_leaves_the_route_as_it_is() {
    for (tape, code) in [
        (sender("530 5.7.0 Authentication required"), "auth-required"),
        (sender("550 5.1.0 Sender rejected"), "sender-rejected"),
        (sender("552 5.3.4 Message size exceeds fixed limit"), "message-too-large"),
        (recipient("550 5.1.1 User unknown"), "recipient-rejected"),
        (recipient("554 5.7.1 <bob@example.net>: Relay access denied"), "relay-denied"),
        (recipient("450 4.2.0 Greylisted for 300 seconds"), "greylisted"),
        (recipient("450 4.1.2 Domain not found"), "envelope-temporary"),
    ] {
        assert_eq!((outcome(&tape), codes(&tape)), (Outcome::Works, vec![code]));
    }
}

#[test]
fn says_auth_required() {
    let tape = sender("530 5.7.57 Client not authenticated to send mail");
    assert_eq!(severity(&tape, "auth-required"), Some(Severity::Error));
}

#[test]
fn no_auth_required_where_the_sender_is_refused() {
    assert_eq!(codes(&sender("550 5.1.0 no")), ["sender-rejected"]);
}

#[test]
fn says_sender_rejected() {
    let late = recipient("553 5.7.1 <ann@example.com>: Sender address rejected: not owned by user bob");
    assert!(has(&late, "sender-rejected") && !has(&late, "recipient-rejected"));
    assert_eq!(fact(&late, "sender-rejected", "sender"), "ann@example.com");
    assert_eq!(codes(&sender("550 5.1.0 Sender rejected")), ["sender-rejected"]);
}

#[test]
fn no_sender_rejected_where_the_recipient_is() {
    assert_eq!(codes(&recipient("550 5.1.1 User unknown")), ["recipient-rejected"]);
}

#[test]
fn says_recipient_rejected() {
    let tape = recipient("550 5.1.1 <bob@example.net>: User unknown");
    assert_eq!(fact(&tape, "recipient-rejected", "recipient"), "bob@example.net");
}

#[test]
fn no_recipient_rejected_where_the_server_relays_for_nobody() {
    assert_eq!(codes(&recipient("554 5.7.1 Relay access denied")), ["relay-denied"]);
}

#[test]
fn says_relay_denied() {
    assert!(
        has(&recipient("454 4.7.1 Relay access denied"), "relay-denied"),
        "a temporary form of a lasting cause"
    );
}

#[test]
fn no_relay_denied_because_a_host_is_called_so() {
    let tape = recipient("550 5.1.1 <bob@relay.example.net>: User unknown");
    assert_eq!(codes(&tape), ["recipient-rejected"]);
}

#[test]
fn says_greylisted() {
    assert_eq!(severity(&recipient("451 4.7.1 Greylisting in action"), "greylisted"), Some(Severity::Info));
}

#[test]
fn no_greylisted_where_it_is_refused_for_good_or_for_another_reason() {
    assert!(!has(&recipient("550 5.7.1 You are on our greylist of bad senders"), "greylisted"));
    assert_eq!(codes(&recipient("450 4.1.2 Domain not found")), ["envelope-temporary"]);
}

#[test]
fn says_envelope_temporary() {
    let tape = recipient("452 4.3.1 Insufficient system storage");
    assert_eq!(severity(&tape, "envelope-temporary"), Some(Severity::Warning));
    assert!(has(&sender("451 4.3.0 Internal error"), "envelope-temporary"));
}

#[test]
fn no_envelope_temporary_where_it_is_greylisting_or_for_good() {
    assert_eq!(codes(&recipient("451 4.7.1 Please try again later")), ["greylisted"]);
    assert_eq!(codes(&recipient("552 5.2.2 Mailbox full")), ["recipient-rejected"]);
}

#[test]
fn says_message_too_large() {
    let mut tape = Tape::with(|started| {
        started.submit.mail_from = Some("ann@example.com".into());
        started.submit.message_size = Some(99_000_000);
    });
    let route = tape.healthy(587, TlsMode::Starttls);
    let command = "MAIL FROM:<ann@example.com> SIZE=99000000";
    says(&mut tape, route, &[(command, "552 5.3.4 Message size exceeds fixed limit")]);
    assert_eq!(fact(&tape, "message-too-large", "size"), "99000000");
    assert_eq!(fact(&tape, "message-too-large", "limit"), "35882577");
}

#[test]
fn no_message_too_large_where_the_mailbox_is_full() {
    assert_eq!(codes(&recipient("552 5.2.2 Mailbox full")), ["recipient-rejected"]);
}

/// The message itself is told this.
fn sent(reply: &str) -> Tape {
    told(
        envelope(),
        &[
            MAIL,
            ("RCPT TO:<bob@example.net>", "250 Ok"),
            ("DATA", "354 go on"),
            ("Subject: x\r\n\r\n.", reply),
        ],
    )
}

#[test]
fn says_message_rejected() {
    assert_eq!(codes(&sent("550 5.7.1 Content looks like spam")), ["message-rejected"]);
}

#[test]
fn no_message_rejected_where_it_is_taken() {
    let taken = sent("250 2.0.0 queued as 1");
    assert!(codes(&taken).is_empty());
    let session = taken.session();
    let done = session.routes()[0].submission.as_ref().unwrap();
    assert_eq!(done.envelope().last().unwrap(), "It accepted the test message: 250 2.0.0 queued as 1.");
}

#[test]
fn says_starttls_required() {
    let mut tape = envelope();
    let route = tape.healthy(587, TlsMode::None);
    let probe = tape.submit(route);
    tape.connected(probe).server(probe, "220 mx\r\n").ask(probe, EHLO, OFFER);
    tape.ask(probe, "MAIL FROM:<ann@example.com>\r\n", "530 5.7.0 Must issue a STARTTLS command first\r\n")
        .quits(probe);
    assert_eq!(codes(&tape), ["starttls-required"]);
}

#[test]
fn no_starttls_required_where_a_sign_in_is() {
    assert_eq!(codes(&sender("530 5.7.0 Authentication required")), ["auth-required"]);
}

/// The sender is named in cleartext, and told this.
fn in_cleartext(reply: &str) -> Tape {
    let mut tape = recipient("250 2.1.5 Ok");
    let probe = tape.inspect(RouteId(0), InspectReason::Cleartext);
    tape.connected(probe).server(probe, "220 mx\r\n").ask(probe, EHLO, OFFER);
    tape.ask(probe, "MAIL FROM:<ann@example.com>\r\n", reply).quits(probe);
    tape
}

#[test]
fn says_starttls_not_enforced() {
    let tape = in_cleartext("250 2.1.0 Ok\r\n");
    assert_eq!(severity(&tape, "starttls-not-enforced"), Some(Severity::Warning));
    assert_eq!(outcome(&tape), Outcome::Works);
}

#[test]
fn no_starttls_not_enforced_where_the_server_insists() {
    assert!(codes(&in_cleartext("530 5.7.0 Must issue a STARTTLS command first\r\n")).is_empty());
}

/// A stranger names a stranger.
fn relayed(reply: &str) -> Tape {
    let mut tape = Tape::with(|started| started.submit.open_relay = true);
    let route = tape.healthy(587, TlsMode::Starttls);
    let probe = tape.inspect(route, InspectReason::OpenRelay);
    tape.up_to_starttls(probe).tls_13(probe, certs::GOOD).ask(probe, EHLO, OFFER_INSIDE);
    tape.ask(probe, "MAIL FROM:<open-relay-check@example.org>\r\n", "250 Ok\r\n");
    tape.ask(probe, "RCPT TO:<open-relay-check@example.net>\r\n", reply).quits(probe);
    tape
}

#[test]
fn says_open_relay() {
    let tape = relayed("250 Ok\r\n");
    assert_eq!(severity(&tape, "open-relay"), Some(Severity::Error));
}

#[test]
fn no_open_relay_where_strangers_are_refused_for_good_or_for_now() {
    assert!(codes(&relayed("554 5.7.1 Relay access denied\r\n")).is_empty());
    assert!(codes(&relayed("450 4.7.1 Greylisted\r\n")).is_empty());
}

#[test]
fn a_sign_in_without_an_answer_is_an_interruption_not_a_refusal() {
    for end in [true, false] {
        let mut tape = password();
        let route = tape.healthy(587, TlsMode::Starttls);
        let probe = tape.submit(route);
        tape.up_to_starttls(probe).tls_13(probe, certs::GOOD).ask(probe, EHLO, OFFER_INSIDE);
        tape.client(probe, "AUTH PLAIN [hidden]\r\n");
        if end {
            tape.closed(probe, CloseKind::ByServer);
        } else {
            tape.waits(probe, Awaited::Reply, 30_000);
        }
        tape.end(probe);
        let code = if end { "connection-lost" } else { "reply-timeout" };
        assert_eq!((outcome(&tape), codes(&tape)), (Outcome::Interrupted, vec![code]));
    }
}

#[test]
fn what_stops_the_second_connection_is_told() {
    let mut tape = password();
    let route = tape.healthy(587, TlsMode::Starttls);
    let probe = tape.submit(route);
    tape.connected(probe)
        .server(probe, "421 4.7.0 Too many connections\r\n")
        .closed(probe, CloseKind::ByServer);
    tape.end(probe);
    assert_eq!((outcome(&tape), codes(&tape)), (Outcome::Rejected, vec!["too-many-connections"]));
}

#[test]
fn a_refused_sign_in_does_not_make_a_link_flaky() {
    let mut tape = Tape::with(|started| {
        started.repeat = 2;
        started.sign_in = true;
        started.submit.user = Some("ann".into());
        started.submit.secret = Some(SecretKind::Password);
    });
    let route = tape.healthy(587, TlsMode::Starttls);
    let again = tape.probe(route);
    tape.healthy_probe(again, TlsMode::Starttls);
    says(&mut tape, route, &[("AUTH PLAIN [hidden]", "535 5.7.8 no")]);
    assert_eq!(codes(&tape), ["auth-bad-credentials"]);
}

/// A recipient with letters outside ASCII, and what is said on the connection for it.
fn to_juergen(exchange: &[(&str, &str)], offer: &str) -> Tape {
    let mut tape = Tape::with(|started| {
        started.submit.mail_from = Some("ann@example.com".into());
        started.submit.rcpt_to = Some("j\u{fc}rgen@example.net".into());
    });
    let route = tape.healthy(587, TlsMode::Starttls);
    let probe = tape.submit(route);
    tape.up_to_starttls(probe).tls_13(probe, certs::GOOD).ask(probe, EHLO, offer);
    for (command, reply) in exchange {
        tape.ask(probe, &format!("{command}\r\n"), &format!("{reply}\r\n"));
    }
    tape.quits(probe);
    tape
}

const WITH_UTF8: &str = "250-mx.example.com\r\n250-AUTH PLAIN\r\n250 SMTPUTF8\r\n";

#[test]
fn says_smtputf8_not_offered() {
    let tape = to_juergen(&[], OFFER_INSIDE);
    assert_eq!((outcome(&tape), codes(&tape)), (Outcome::Works, vec!["smtputf8-not-offered"]));
    assert_eq!(fact(&tape, "smtputf8-not-offered", "addresses"), "j\u{fc}rgen@example.net");
    assert_eq!(severity(&tape, "smtputf8-not-offered"), Some(Severity::Error));
}

#[test]
fn no_smtputf8_not_offered_where_it_is_or_nobody_needs_it() {
    let taken = [
        ("MAIL FROM:<ann@example.com> SMTPUTF8", "250 2.1.0 Ok"),
        ("RCPT TO:<j\u{fc}rgen@example.net>", "250 2.1.5 Ok"),
        ("RSET", "250 2.0.0 Ok"),
    ];
    assert_eq!(codes(&to_juergen(&taken, WITH_UTF8)), Vec::<&str>::new());
    let refused =
        [("MAIL FROM:<ann@example.com> SMTPUTF8", "250 2.1.0 Ok"), (taken[1].0, "550 5.6.7 no such letters")];
    assert_eq!(codes(&to_juergen(&refused, WITH_UTF8)), ["recipient-rejected"]);
    assert_eq!(codes(&recipient("250 2.1.5 Ok")), Vec::<&str>::new());
}
