use base64::Engine as _;
use proptest::prelude::*;

use super::*;

const SUBMISSION: &str = r#"
    id = "submission"
    name = "mail.example.com"
    tls = "starttls"
    capabilities = ["PIPELINING", "STARTTLS"]
    capabilities_tls = ["SIZE 1000", "AUTH PLAIN LOGIN XOAUTH2 GSSAPI"]
    secure = { certificate = "mail" }
    size_limit = 1000
    [[auth.answer]]
    user = "ann@example.com"
    secret = "account password"
    reply = "534 5.7.9 Application-specific password required"
    [[auth.answer]]
    user = "ann@example.com"
    secret = "app password"
"#;

fn machine(text: &str) -> Machine {
    Machine::new(Arc::new(toml::from_str(text).unwrap()))
}

/// All that is written now, with marks for the other steps.
fn heard(machine: &mut Machine) -> String {
    let mut out = String::new();
    while let Some(step) = machine.next_step() {
        match step {
            Step::Write(bytes) => out.push_str(&String::from_utf8(bytes).unwrap()),
            other => out.push_str(&format!("<{other:?}>")),
        }
    }
    out
}

fn say(machine: &mut Machine, line: &str) -> String {
    machine.on_bytes(format!("{line}\r\n").as_bytes());
    heard(machine)
}

fn inside_tls(rules: &str) -> Machine {
    let mut machine = machine(&format!("{SUBMISSION}{rules}"));
    say(&mut machine, "EHLO laptop.example.net");
    say(&mut machine, "STARTTLS");
    machine.on_tls();
    say(&mut machine, "EHLO laptop.example.net");
    machine
}

#[test]
fn a_submission_from_greeting_to_quit() {
    let mut server = machine(SUBMISSION);
    assert_eq!(heard(&mut server), "220 mail.example.com ESMTP ready\r\n");
    assert_eq!(
        say(&mut server, "ehlo laptop.example.net"),
        "250-mail.example.com\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
    );
    assert_eq!(
        say(&mut server, "MAIL FROM:<a@example.com>"),
        "530 5.7.0 Must issue a STARTTLS command first\r\n"
    );
    assert_eq!(say(&mut server, "AUTH PLAIN"), "530 5.7.0 Must issue a STARTTLS command first\r\n");
    assert_eq!(say(&mut server, "STARTTLS"), "220 2.0.0 Ready to start TLS\r\n<StartTls>");
    server.on_tls();
    assert_eq!(heard(&mut server), "", "no second greeting");
    assert_eq!(say(&mut server, "MAIL FROM:<a@example.com>"), "503 5.5.1 Send EHLO first\r\n");
    assert!(say(&mut server, "EHLO laptop.example.net").contains("250 AUTH PLAIN LOGIN XOAUTH2 GSSAPI\r\n"));
    assert_eq!(say(&mut server, "STARTTLS"), "503 5.5.1 TLS is already active\r\n");
    assert_eq!(say(&mut server, "MAIL FROM:<a@example.com>"), "530 5.7.0 Authentication required\r\n");
    let response = base64::engine::general_purpose::STANDARD.encode("\0ann@example.com\0app password");
    assert_eq!(
        say(&mut server, &format!("AUTH PLAIN {response}")),
        "235 2.7.0 Authentication successful\r\n"
    );
    assert_eq!(
        say(&mut server, "MAIL FROM:<a@example.com> SIZE=1001"),
        "552 5.3.4 Message size exceeds fixed limit\r\n"
    );
    assert_eq!(say(&mut server, "RCPT TO:<b@example.com>"), "503 5.5.1 Need MAIL command\r\n");
    assert_eq!(say(&mut server, "mail from:<a@example.com> size=900"), "250 2.1.0 Ok\r\n");
    assert_eq!(say(&mut server, "DATA"), "503 5.5.1 Need RCPT command\r\n");
    assert_eq!(say(&mut server, "RCPT TO:b@example.com"), "501 5.5.4 Syntax: RCPT TO:<address>\r\n");
    assert_eq!(say(&mut server, "RCPT TO:<b@example.com>"), "250 2.1.5 Ok\r\n");
    assert!(say(&mut server, "DATA").starts_with("354 "));
    assert_eq!(say(&mut server, "Subject: QUIT\r\n\r\nQUIT\r\n..\r\n"), "", "a message is not obeyed");
    assert!(say(&mut server, ".").starts_with("250 2.0.0 "));
    assert_eq!(say(&mut server, "RCPT TO:<b@example.com>"), "503 5.5.1 Need MAIL command\r\n");
    assert_eq!(say(&mut server, "QUIT"), "221 2.0.0 Bye\r\n<End(Close)>");
    assert_eq!(say(&mut server, "NOOP"), "", "it is over");
}

#[test]
fn signing_in() {
    let b64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let dialogue = |lines: &[&str]| {
        let mut server = inside_tls("");
        lines.iter().map(|line| say(&mut server, line)).collect::<String>()
    };
    assert_eq!(
        dialogue(&["AUTH LOGIN", &b64("ann@example.com"), &b64("app password"), "AUTH PLAIN"]),
        "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 2.7.0 Authentication successful\r\n\
         503 5.5.1 AUTH is not permitted now\r\n"
    );
    assert_eq!(
        dialogue(&["AUTH PLAIN", &b64("\0ann@example.com\0account password")]),
        "334 \r\n534 5.7.9 Application-specific password required\r\n"
    );
    assert_eq!(
        dialogue(&[&format!("AUTH LOGIN {}", b64("bob@example.com")), &b64("app password")]),
        "334 UGFzc3dvcmQ6\r\n535 5.7.8 Authentication credentials invalid\r\n"
    );
    let token = |token: &str| b64(&format!("user=ann@example.com\u{1}auth=Bearer {token}\u{1}\u{1}"));
    assert!(dialogue(&[&format!("AUTH XOAUTH2 {}", token("app password"))]).starts_with("235 "));
    let refused = dialogue(&[&format!("AUTH XOAUTH2 {}", token("stale")), ""]);
    assert!(
        refused.starts_with("334 ey")
            && refused.ends_with("535 5.7.8 Authentication credentials invalid\r\n")
    );
    assert_eq!(dialogue(&["AUTH LOGIN", "*"]), "334 VXNlcm5hbWU6\r\n501 5.7.0 Authentication cancelled\r\n");
    assert_eq!(dialogue(&["AUTH PLAIN !"]), "501 5.5.2 Cannot decode response\r\n");
    assert_eq!(dialogue(&["AUTH PLAIN ="]), "501 5.5.2 Cannot decode response\r\n");
    assert_eq!(dialogue(&["AUTH CRAM-MD5"]), "504 5.5.4 Unrecognized authentication type\r\n");
    assert_eq!(dialogue(&["AUTH GSSAPI"]), "504 5.5.4 Unrecognized authentication type\r\n");
}

#[test]
fn what_is_behind_starttls_is_forgotten_unless_the_server_is_flawed() {
    let dialogue = |more: &str| {
        let mut server = machine(&SUBMISSION.replace("size_limit", &format!("{more}\nsize_limit")));
        say(&mut server, "EHLO laptop.example.net");
        assert!(say(&mut server, "STARTTLS\r\nNOOP").ends_with("<StartTls>"));
        server.on_bytes(b"also lost\r\n");
        server.on_tls();
        heard(&mut server)
    };
    assert_eq!(dialogue(""), "");
    assert_eq!(dialogue("keeps_plaintext = true"), "250 2.0.0 Ok\r\n");
}

#[test]
fn rules_bend_what_is_said_and_what_is_done() {
    let greeted =
        |rule: &str| heard(&mut machine(&format!("{SUBMISSION}\n[[rule]]\nat = \"greeting\"\n{rule}")));
    assert_eq!(greeted("delay_ms = 8000"), "<Pause(8s)>220 mail.example.com ESMTP ready\r\n");
    assert_eq!(greeted("silent = true\nthen = 'close'"), "<End(Close)>");
    assert_eq!(
        greeted("reply = \"554-5.7.1 No\\n554 5.7.1 Go away\"\nthen = 'close'"),
        "554-5.7.1 No\r\n554 5.7.1 Go away\r\n<End(Close)>"
    );
    assert_eq!(greeted(r"raw = '220 mail\n'"), "220 mail\n");
    let endless = greeted("endless = \"220-more\"");
    assert!(endless.starts_with("<Endless([50, 50, 48, 45") && endless.ends_with("<End(Hang)>"));

    let mut server = machine(&format!(
        "{SUBMISSION}\n[[rule]]\nat = \"starttls\"\nreply = \"454 4.7.0 TLS not available\""
    ));
    say(&mut server, "EHLO laptop.example.net");
    assert_eq!(say(&mut server, "STARTTLS"), "454 4.7.0 TLS not available\r\n", "and no handshake");
    assert_eq!(say(&mut server, "NOOP"), "250 2.0.0 Ok\r\n");

    let mut server =
        machine(&format!("{SUBMISSION}\n[[rule]]\nat = \"starttls\"\nappend = '250 injected\\r\\n'"));
    say(&mut server, "EHLO laptop.example.net");
    assert_eq!(say(&mut server, "STARTTLS"), "220 2.0.0 Ready to start TLS\r\n250 injected\r\n<StartTls>");

    let mut server =
        machine(&format!("{SUBMISSION}\n[[rule]]\nat = \"ehlo\"\ninside = \"plain\"\ndrip_ms = 20"));
    assert!(say(&mut server, "EHLO laptop.example.net").contains("<Drip("));
}

#[test]
fn rules_choose_their_occasion() {
    let mut server = inside_tls(
        r#"
        [mail_needs]
        auth = false
        [[rule]]
        at = "rcpt"
        matches = "TO:<*@example.org>*"
        signed_in = false
        reply = "550 5.7.1 Relaying denied"
        [[rule]]
        at = "rcpt"
        nth = 2
        reply = "450 4.2.0 Greylisted"
        [[rule]]
        at = "message"
        reply = "550 5.6.0 No"
        "#,
    );
    say(&mut server, "MAIL FROM:<a@example.com>");
    assert_eq!(say(&mut server, "RCPT TO:<B@EXAMPLE.ORG>"), "550 5.7.1 Relaying denied\r\n");
    assert_eq!(say(&mut server, "DATA"), "503 5.5.1 Need RCPT command\r\n", "it was not counted");
    assert_eq!(say(&mut server, "RCPT TO:<b@example.com>"), "450 4.2.0 Greylisted\r\n");
    assert_eq!(say(&mut server, "RCPT TO:<b@example.com>"), "250 2.1.5 Ok\r\n");
    assert!(say(&mut server, "DATA").starts_with("354"));
    assert_eq!(say(&mut server, "."), "550 5.6.0 No\r\n");
}

#[test]
fn an_auth_reply_of_its_own_signs_in_or_not() {
    for (reply, then) in
        [("235 2.7.0 Ok", "250 2.1.0 Ok\r\n"), ("535 5.7.8 No", "530 5.7.0 Authentication required\r\n")]
    {
        let mut server = inside_tls(&format!("[[rule]]\nat = \"auth\"\nreply = \"{reply}\""));
        assert_eq!(say(&mut server, "AUTH PLAIN"), format!("{reply}\r\n"));
        assert_eq!(say(&mut server, "MAIL FROM:<a@example.com>"), then);
    }
}

#[test]
fn patterns() {
    for (pattern, text, fits) in [
        ("a", "A", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("*b", "ba", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("*", "", true),
        ("a*a", "a", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}

#[test]
fn everything_is_bounded() {
    let mut server = machine(SUBMISSION);
    heard(&mut server);
    let mut out = String::new();
    for _ in 0..MAX_ERRORS {
        out = say(&mut server, "\u{16}\u{3}\u{1}");
    }
    assert!(out.ends_with("421 4.7.0 mail.example.com Too many errors\r\n<End(Close)>"));

    let mut server = machine(SUBMISSION);
    heard(&mut server);
    for _ in 0..100 {
        server.on_bytes(&[b'a'; 4096]);
        assert!(server.buffer.len() <= MAX_LINE + 4096);
    }
    assert_eq!(say(&mut server, ""), "500 5.5.2 Line too long\r\n");
    assert_eq!(say(&mut server, "NOOP"), "250 2.0.0 Ok\r\n");

    let mut server = machine(SUBMISSION);
    heard(&mut server);
    server.on_idle();
    assert_eq!(heard(&mut server), "421 4.4.2 mail.example.com Timeout, closing connection\r\n<End(Close)>");
}

/// A server that waits for a message.
fn in_message() -> Machine {
    let mut server = inside_tls("[mail_needs]\nauth = false");
    for line in ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA"] {
        say(&mut server, line);
    }
    assert!(matches!(server.state, State::Message { .. }));
    server
}

#[test]
fn a_line_without_end_has_one() {
    let endless = |server: &mut Machine| {
        let sent = (0..10_000).take_while(|_| {
            server.on_bytes(&[b'.'; 4096]);
            assert!(server.buffer.len() <= MAX_LINE + 4096);
            !matches!(server.state, State::Ended)
        });
        let sent = sent.count();
        (sent * 4096, heard(server))
    };
    let (sent, said) = endless(&mut in_message());
    assert!(sent as u64 <= 2 * MAX_MESSAGE + 4 * 4096, "{sent}");
    assert_eq!(said, "421 4.7.0 mail.example.com Message too big, closing connection\r\n<End(Close)>");

    let mut server = machine(SUBMISSION);
    heard(&mut server);
    let (sent, said) = endless(&mut server);
    assert!(sent <= MAX_SKIPPED + 4 * 4096, "{sent}");
    assert_eq!(said, "421 4.7.0 mail.example.com Line too long, closing connection\r\n<End(Close)>");
}

#[test]
fn all_of_a_long_line_counts_and_its_tail_is_no_end() {
    let mut server = in_message();
    server.on_bytes(&vec![b'a'; MAX_LINE + 1]);
    assert_eq!(say(&mut server, "."), "", "the line goes on with a dot");
    assert_eq!(say(&mut server, "."), "552 5.3.4 Message too big\r\n");
}

#[test]
fn an_implicit_server_greets_inside_tls() {
    let text = SUBMISSION
        .replace("\"starttls\"", "\"implicit\"")
        .replace("capabilities = [\"PIPELINING\", \"STARTTLS\"]", "");
    let mut server = machine(&text);
    assert_eq!(heard(&mut server), "<StartTls>");
    server.on_tls();
    assert_eq!(heard(&mut server), "220 mail.example.com ESMTP ready\r\n");
    assert_eq!(say(&mut server, "STARTTLS"), "502 5.5.1 STARTTLS is not offered here\r\n");
}

proptest! {
    #[test]
    fn any_bytes_at_any_split_give_the_same(
        lines in proptest::collection::vec("(EHLO a|STARTTLS|MAIL FROM:<a@b>|RCPT TO:<c@d>|DATA|\\.|AUTH PLAIN|AUTH LOGIN =|\\*|RSET|[ -~]{0,20}|\\PC{0,8})(\r\n|\n)", 0..20),
        splits in proptest::collection::vec(1_usize..40, 1..20),
    ) {
        let all = lines.concat().into_bytes();
        let mut whole = inside_tls("[mail_needs]\nauth = false");
        whole.on_bytes(&all);
        let mut pieces = inside_tls("[mail_needs]\nauth = false");
        let (mut rest, mut out) = (all.as_slice(), String::new());
        for split in splits.iter().cycle() {
            let (now, later) = rest.split_at((*split).min(rest.len()));
            pieces.on_bytes(now);
            out.push_str(&heard(&mut pieces));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(heard(&mut whole), out);
    }

    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut server = machine(SUBMISSION);
        server.on_bytes(&bytes);
        heard(&mut server);
        server.on_bytes(b"\r\nQUIT\r\n");
        prop_assert!(heard(&mut server).contains("221 ") || matches!(server.state, State::Ended));
    }
}
