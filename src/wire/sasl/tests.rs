//! Exchanges as the RFCs write them down, and what a server may do to them.

use proptest::prelude::*;

use super::*;
use crate::target::Secret;

fn exchange(mechanism: Mechanism, user: &str, secret: &str) -> Exchange {
    let credentials = Credentials { user: user.to_owned(), secret: Secret::new(secret.to_owned()) };
    Exchange::new(mechanism, credentials, Verified::by_strict_handshake(Some(vec![7; 32]))).unwrap()
}

fn text(command: &Command) -> String {
    String::from_utf8(command.bytes.0.clone()).unwrap()
}

fn shown(command: &Command) -> String {
    String::from_utf8(command.shown().0.clone()).unwrap()
}

fn unbased(line: &str) -> String {
    String::from_utf8(decoded(line.trim_end().as_bytes()).unwrap()).unwrap()
}

#[test]
fn plain_goes_with_the_command() {
    // RFC 4616 §4: authzid, authcid, password.
    let mut exchange = exchange(Mechanism::Plain, "tim", "tanstaaftanstaaf");
    let command = exchange.command();
    assert_eq!(text(&command), "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n");
    assert_eq!(shown(&command), "AUTH PLAIN [hidden]\r\n");
    assert_eq!(exchange.answer(b""), Err(SaslError::Endless("PLAIN")), "it has nothing more to say");
}

#[test]
fn what_does_not_fit_into_the_command_follows_it() {
    let token = "t".repeat(2_000);
    let mut exchange = exchange(Mechanism::Xoauth2, "ann@example.com", &token);
    assert_eq!(text(&exchange.command()), "AUTH XOAUTH2\r\n");
    let answer = exchange.answer(b"").unwrap();
    assert_eq!(unbased(&text(&answer)), format!("user=ann@example.com\u{1}auth=Bearer {token}\u{1}\u{1}"));
    assert_eq!(shown(&answer), "[hidden]\r\n");
    // The error is taken note of with an empty line; then the reply comes.
    let error = STANDARD.encode(r#"{"status":"400"}"#);
    assert_eq!(text(&exchange.answer(error.as_bytes()).unwrap()), "\r\n");
}

#[test]
fn a_line_has_an_end() {
    let mut exchange = exchange(Mechanism::OauthBearer, "ann@example.com", &"t".repeat(10_000));
    exchange.command();
    assert_eq!(exchange.answer(b""), Err(SaslError::TooLong));
}

#[test]
fn oauthbearer_in_the_form_of_rfc_7628() {
    let mut exchange =
        exchange(Mechanism::OauthBearer, "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
    let command = exchange.command();
    let said = unbased(text(&command).strip_prefix("AUTH OAUTHBEARER ").unwrap());
    assert_eq!(
        said,
        "n,a=user@example.com,\u{1}auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}"
    );
    assert_eq!(text(&exchange.answer(b"eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=").unwrap()), "AQ==\r\n");
}

#[test]
fn login_answers_whatever_the_prompts_say() {
    for prompts in [[&b"VXNlcm5hbWU6"[..], b"UGFzc3dvcmQ6"], [b"User Name\0", b"!!!"]] {
        let mut exchange = exchange(Mechanism::Login, "ann", "hunter2");
        assert_eq!(text(&exchange.command()), "AUTH LOGIN\r\n");
        let user = exchange.answer(prompts[0]).unwrap();
        assert_eq!(
            (text(&user).as_str(), shown(&user).as_str()),
            ("YW5u\r\n", "YW5u\r\n"),
            "a name may be seen"
        );
        let password = exchange.answer(prompts[1]).unwrap();
        assert_eq!(
            (text(&password).as_str(), shown(&password).as_str()),
            ("aHVudGVyMg==\r\n", "[hidden]\r\n")
        );
        assert!(exchange.answer(b"").is_err());
    }
}

#[test]
fn login_with_a_name_that_is_the_password_shows_neither() {
    // The one is told from the other by its place.
    let mut exchange = exchange(Mechanism::Login, "same", "same");
    exchange.command();
    let user = exchange.answer(b"").unwrap();
    let password = exchange.answer(b"").unwrap();
    assert_eq!((shown(&user).as_str(), shown(&password).as_str()), ("[hidden]\r\n", "[hidden]\r\n"));
}

#[test]
fn cram_md5_is_that_of_rfc_2195() {
    let mut exchange = exchange(Mechanism::CramMd5, "tim", "tanstaaftanstaaf");
    assert_eq!(text(&exchange.command()), "AUTH CRAM-MD5\r\n");
    let challenge = "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
    let answer = exchange.answer(challenge.as_bytes()).unwrap();
    assert_eq!(text(&answer), "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n");
    assert_eq!(shown(&answer), "[hidden]\r\n");
}

#[test]
fn scram_begins_as_rfc_5802_has_it_and_hides_the_proof() {
    let mut exchange = exchange(Mechanism::ScramSha256, "us,er", "pencil");
    let first = exchange.command();
    let said = unbased(text(&first).strip_prefix("AUTH SCRAM-SHA-256 ").unwrap());
    let nonce = said.strip_prefix("n,,n=us=2Cer,r=").unwrap().to_owned();
    assert_eq!(text(&first), shown(&first), "name and nonce may be seen");
    let challenge = format!("r={nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    assert!(!exchange.hides_challenge());
    let last = exchange.answer(STANDARD.encode(challenge).as_bytes()).unwrap();
    assert!(unbased(&text(&last)).contains(",p="));
    assert_eq!(shown(&last), "[hidden]\r\n");
    assert!(exchange.hides_challenge() && !exchange.is_proven());
    let forged = STANDARD.encode("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!(exchange.answer(forged.as_bytes()), Err(SaslError::Challenge("SCRAM-SHA-256")));
    assert!(!exchange.is_proven() && exchange.answer(b"").is_err(), "and that is the end of it");
}

#[test]
fn scram_does_not_let_the_server_set_the_price() {
    let mut exchange = exchange(Mechanism::ScramSha1, "user", "pencil");
    let command = exchange.command();
    let said = unbased(text(&command).strip_prefix("AUTH SCRAM-SHA-1 ").unwrap());
    let nonce = said.split("r=").nth(1).unwrap();
    for count in ["4294967295", "600001", "99999999999999999999", "-1"] {
        let challenge = format!("r={nonce}x,s=QSXCR+Q6sek8bf92,i={count}");
        assert_eq!(exchange.answer(STANDARD.encode(challenge).as_bytes()), Err(SaslError::Iterations));
    }
}

#[test]
fn scram_plus_names_its_binding() {
    let mut exchange = exchange(Mechanism::ScramSha256Plus, "user", "pencil");
    let command = exchange.command();
    let said = unbased(text(&command).strip_prefix("AUTH SCRAM-SHA-256-PLUS ").unwrap());
    assert!(said.starts_with("p=tls-server-end-point,,n=user,r="), "{said}");
    let credentials = Credentials { user: "user".into(), secret: Secret::new("pencil".into()) };
    let without = Exchange::new(Mechanism::ScramSha256Plus, credentials, Verified::by_strict_handshake(None));
    assert!(without.is_err(), "without a binding there is none to name");
}

#[test]
fn nothing_of_an_exchange_is_printed() {
    let exchange = exchange(Mechanism::Plain, "tim", "tanstaaf");
    assert_eq!(format!("{exchange:?}"), "Exchange(PLAIN)");
}

proptest! {
    /// Whatever a server asks, every answer is one line of lawful length, the exchange ends, and what is shown holds
    /// the secret in no form.
    #[test]
    fn any_challenge_can_be_answered(
        which in 0_usize..9,
        challenges in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 8),
        encode in any::<bool>(),
    ) {
        let mechanism = Mechanism::ALL[which];
        let secret = "correct horse battery";
        let scrubber = Scrubber::new(&Secret::new(secret.to_owned()));
        let mut exchange = exchange(mechanism, "ann", secret);
        let mut commands = vec![exchange.command()];
        let mut ended = false;
        for challenge in &challenges {
            let challenge = if encode { STANDARD.encode(challenge).into_bytes() } else { challenge.clone() };
            match exchange.answer(&challenge) {
                Ok(command) => commands.push(command),
                Err(_) => { ended = true; break; }
            }
        }
        prop_assert!(ended);
        for command in commands {
            prop_assert!(command.bytes.0.len() <= MAX_LINE && command.bytes.0.ends_with(b"\r\n"));
            prop_assert_eq!(command.bytes.0.iter().filter(|byte| **byte == b'\n').count(), 1);
            let shown = &command.shown().0;
            prop_assert_eq!(&scrubber.line(shown), shown);
        }
    }
}
