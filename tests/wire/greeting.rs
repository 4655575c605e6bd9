//! The first words: delayed, missing, refused, not SMTP, malformed, endless.

use super::*;

fn greets(rule: &str) -> Site {
    Site::on("587/starttls").rule(&format!("at = 'greeting'\n{rule}"))
}

#[tokio::test(start_paused = true)]
async fn says_greeting_delayed() {
    let session = greets("delay_ms = 5500").finds(WORKS, &["greeting-delayed"]).await;
    assert_eq!(finding(&session, "greeting-delayed").facts["seconds"], "5");
    greets("delay_ms = 12000").finds(WORKS, &["greeting-delayed"]).await;
    // Inside TLS the clock begins when TLS is up.
    let inside = Site::on("465/implicit");
    inside.rule("at = 'greeting'\ndelay_ms = 6000").finds(WORKS, &["greeting-delayed"]).await;
}

#[tokio::test(start_paused = true)]
async fn no_greeting_delayed_below_five_seconds() {
    greets("delay_ms = 4500").finds(WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_closed_before_greeting() {
    for then in ["close", "reset"] {
        let site = greets(&format!("silent = true\nthen = '{then}'"));
        site.finds(Outcome::Closed, &["closed-before-greeting"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn says_greeting_timeout() {
    let session = greets("silent = true").finds(Outcome::Silent, &["greeting-timeout"]).await;
    assert!(words(&session, "greeting-timeout").contains("within 30 s"));
    // Half a line is no greeting.
    greets("raw = '220 smtp.exam'\nthen = 'hang'").finds(Outcome::Silent, &["greeting-timeout"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_clienthello_on_a_new_connection_settles_implicit_tls() {
    let session = Site { route: "587/implicit", ..Site::on("587/implicit") };
    let mut asked = session.clone();
    asked.route = "587/implicit";
    let mut scenario = asked.scenario();
    // The port waits for TLS; the route that is asked for is STARTTLS.
    scenario.target = "smtp.example.com".to_owned();
    let site = Site::on("587/starttls").and("");
    let session = run_over(&site, scenario).await;
    let outcomes: Vec<Outcome> = session.routes().iter().map(|route| route.outcome).collect();
    assert_eq!(outcomes, [Outcome::ModeMismatch, WORKS], "{}", super::super::told(&session));
    assert_eq!(cited(&session, "implicit-tls-expected").len(), 2);
    let codes: Vec<&str> = session.findings().iter().map(|f| f.code).collect();
    assert_eq!(codes, ["implicit-tls-expected"]);
}

#[tokio::test(start_paused = true)]
async fn says_starttls_expected() {
    let scenario = Site::on("465/starttls").scenario();
    let session = run_over(&Site::on("465/implicit"), scenario).await;
    let outcomes: Vec<Outcome> = session.routes().iter().map(|route| route.outcome).collect();
    assert_eq!(outcomes, [Outcome::ModeMismatch, WORKS], "{}", super::super::told(&session));
    assert_eq!(finding(&session, "starttls-expected").port, Some(465));
}

#[tokio::test(start_paused = true)]
async fn says_greeting_temporary_and_greeting_rejected() {
    let site = greets("reply = '450 4.3.2 Try again later'\nthen = 'close'");
    site.finds(Outcome::Rejected, &["greeting-temporary"]).await;
    let site = greets("reply = '421 4.3.2 Service shutting down'\nthen = 'close'");
    site.finds(Outcome::Rejected, &["greeting-temporary"]).await;
    let site = greets("reply = '554 5.7.1 Your address is on a blocklist'");
    let session = site.finds(Outcome::Rejected, &["greeting-rejected"]).await;
    assert!(words(&session, "greeting-rejected").contains("554 5.7.1 Your address is on a blocklist"));
}

#[tokio::test(start_paused = true)]
async fn says_too_many_connections() {
    for reply in [
        "421 4.7.0 mx.example.com Error: too many connections from 198.51.100.77",
        "421 Too many concurrent SMTP connections; please try again later.",
        "421 4.3.2 Connection rate limit exceeded",
        "450 4.7.0 Maximum number of connections reached",
        "554 5.7.1 Too many connections from your address",
    ] {
        let site = greets(&format!("reply = '{reply}'\nthen = 'close'"));
        site.finds(Outcome::Rejected, &["too-many-connections"]).await;
    }
    let site = Site::on("587/starttls")
        .rule("at = 'ehlo'\nreply = '421 4.7.0 Too many connections'\nthen = 'close'");
    site.finds(Outcome::Rejected, &["too-many-connections"]).await;
}

#[tokio::test(start_paused = true)]
async fn no_too_many_connections_without_that_word() {
    for reply in ["421 4.7.0 Too many errors", "554 5.7.1 Access limited to customers"] {
        let session = greets(&format!("reply = '{reply}'\nthen = 'close'")).run().await;
        assert!(session.findings().iter().all(|f| f.code.starts_with("greeting-")), "{reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn says_not_smtp_with_the_protocols_name() {
    for (says, name) in [
        (r"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (r"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "IMAP"),
        (r"+OK Dovecot ready.\r\n", "POP3"),
        (r"220 ProFTPD Server (Debian) [192.0.2.10]\r\n", "FTP"),
    ] {
        let site = Site::on("587/starttls").instead(&format!("[[raw]]\nsays = '{says}'"));
        let session = site.finds(Outcome::NotSmtp, &["not-smtp"]).await;
        assert!(words(&session, "not-smtp").contains(&format!("but {name}")), "{name}");
    }
    let site = Site::on("587/starttls").instead(
        r"[[raw]]
says = 'Welcome, stranger\r\n'",
    );
    site.finds(Outcome::NotSmtp, &["not-smtp"]).await;
}

#[tokio::test(start_paused = true)]
async fn no_not_smtp_where_a_host_is_called_ftp() {
    Site::on("587/starttls").called("ftp.example.com").finds(WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_captive_portal_and_quotes_its_location() {
    let portal = "[[http]]\nredirect = 'http://login.example.net/hotel'";
    for route in ["587/starttls", "465/implicit"] {
        let session = Site::on(route).instead(portal).finds(Outcome::NotSmtp, &["captive-portal"]).await;
        assert!(
            words(&session, "captive-portal").contains("leads to “http://login.example.net/hotel”"),
            "{route}"
        );
        let cited = cited(&session, "captive-portal");
        assert!(cited.iter().any(|line| line.contains("Location: http://login.example.net/hotel")));
    }
    // One that loses patience while ehlo waits for a greeting has not greeted late.
    let impatient = format!("{portal}\nidle_ms = 5500");
    Site::on("587/starttls").instead(&impatient).finds(Outcome::NotSmtp, &["captive-portal"]).await;
    // Without a redirect there is nothing to quote, and one that speaks first is known at once.
    let session =
        Site::on("587/starttls").instead("[[http]]").finds(Outcome::NotSmtp, &["captive-portal"]).await;
    assert!(!words(&session, "captive-portal").contains("leads to"));
    let first = r"[[raw]]
says = 'HTTP/1.1 302 Found\r\nLocation: https://wifi.example.org/\r\n\r\n'";
    let session = Site::on("587/starttls").instead(first).finds(Outcome::NotSmtp, &["captive-portal"]).await;
    assert!(words(&session, "captive-portal").contains("https://wifi.example.org/"));
}

#[tokio::test(start_paused = true)]
async fn a_web_server_inside_tls_is_not_smtp() {
    let site = Site::on("465/implicit")
        .instead("[[http]]\nsecure = { certificate = 'own' }")
        .and("[[certificate]]\nid = 'own'\nnames = ['smtp.example.com']");
    site.finds(Outcome::NotSmtp, &["captive-portal"]).await;
}

#[tokio::test(start_paused = true)]
async fn says_ehlo_rejected_and_helo_rejected() {
    let site = Site::on("587/none").rule("at = 'ehlo'\nreply = '502 5.5.1 Command not implemented'");
    site.finds(WORKS, &["ehlo-rejected"]).await;
    let site = Site::on("587/starttls")
        .rule("at = 'ehlo'\nreply = '550 5.7.1 Your name is not welcome'")
        .rule("at = 'helo'\nreply = '550 5.7.1 Your name is not welcome'");
    let session = site.finds(Outcome::Rejected, &["helo-rejected"]).await;
    assert!(words(&session, "helo-rejected").contains("550 5.7.1 Your name is not welcome"));
}

#[tokio::test(start_paused = true)]
async fn says_reply_malformed() {
    for rule in [
        r"raw = 'hello laptop\r\n'",
        "endless = '250-and more'",
        r"raw = '999 what\r\n'",
        r"raw = '\x00\x01\x02\xff\r\n'",
    ] {
        let site = Site::on("587/starttls").rule(&format!("at = 'ehlo'\n{rule}"));
        site.finds(Outcome::Interrupted, &["reply-malformed"]).await;
    }
    greets("endless = '220-and more'").finds(Outcome::Interrupted, &["reply-malformed"]).await;
    greets(r"raw = '999 what\r\n'").finds(Outcome::NotSmtp, &["reply-malformed"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_without_an_end_is_given_up() {
    // A line that never ends: no LF in it at all.
    let line = "x".repeat(500);
    let site = Site::on("587/starttls")
        .rule(&format!("at = 'ehlo'\nraw = '250-{}'\nthen = 'hang'", line.repeat(20)));
    site.finds(Outcome::Interrupted, &["reply-malformed"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_drips_is_waited_for_no_longer_than_any_other() {
    greets("drip_ms = 2000").finds(Outcome::Silent, &["greeting-timeout"]).await;
    let site = Site::on("587/starttls").rule("at = 'ehlo'\ninside = 'plain'\ndrip_ms = 2000");
    site.finds(Outcome::Interrupted, &["reply-timeout"]).await;
    let site = Site::on("587/starttls").rule("at = 'ehlo'\ninside = 'plain'\ndrip_ms = 100");
    site.finds(WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_reply_quirks_and_still_works() {
    for (at, raw, what) in [
        ("greeting", r"220 smtp.example.com ESMTP\n", "LF alone"),
        ("greeting", r"221-smtp.example.com\r\n220 ESMTP\r\n", "different codes"),
        ("ehlo", r"250-smtp.example.com\r\n250-STARTTLS\r\n250=SIZE\r\n", "blank or a hyphen"),
        ("ehlo", r"250-smtp.example.com\r\nSTARTTLS\r\n250 STARTTLS\r\n", "without a code"),
        ("greeting", r"220 smtp.example.com \xe9t\xe9\r\n", "not text"),
    ] {
        let site = Site::on("587/starttls").rule(&format!("at = '{at}'\ninside = 'plain'\nraw = '{raw}'"));
        let session = site.finds(WORKS, &["reply-quirks"]).await;
        assert_eq!(finding(&session, "reply-quirks").severity, Severity::Info);
        assert!(words(&session, "reply-quirks").contains(what), "{what}");
    }
    let long = format!("220 smtp.example.com {}", "x".repeat(600));
    let site = greets(&format!(r"raw = '{long}\r\n'"));
    site.finds(WORKS, &["reply-quirks"]).await;
}

#[tokio::test(start_paused = true)]
async fn no_reply_quirks_in_several_lines_and_utf_8() {
    let site = greets(r"raw = '220-smtp.example.com ESMTP\r\n220 Gr\xc3\xbc\xc3\x9fe\r\n'");
    site.finds(WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_reply_timeout_and_connection_lost() {
    let site = Site::on("587/starttls").rule("at = 'ehlo'\nsilent = true");
    site.finds(Outcome::Interrupted, &["reply-timeout"]).await;
    let site = Site::on("587/starttls").rule("at = 'ehlo'\nsilent = true\nthen = 'close'");
    site.finds(Outcome::Interrupted, &["connection-lost"]).await;
    let site = Site::on("587/starttls").rule("at = 'ehlo'\nsilent = true\nthen = 'reset'");
    site.finds(Outcome::Interrupted, &["connection-lost"]).await;
    // Inside TLS too.
    let site = Site::on("587/starttls").rule("at = 'ehlo'\ninside = 'tls'\nsilent = true");
    site.finds(Outcome::Interrupted, &["reply-timeout"]).await;
}

/// The routes on which a certificate for another host can be met.
const BOTH: [&str; 2] = ["587/starttls", "465/implicit"];

#[tokio::test(start_paused = true)]
async fn says_other_server_answers() {
    for route in BOTH {
        // The hosting company redirects the port to its own relay.
        let site =
            Site::on(route).called("relay7.hosting.example").certificate("names = ['*.hosting.example']");
        let codes = &["cert-name-mismatch", "other-server-answers"];
        let session = site.finds(Outcome::CertInvalid, codes).await;
        let found = finding(&session, "other-server-answers");
        assert_eq!(found.severity, Severity::Warning, "{route}");
        assert_eq!(found.facts["name"], "relay7.hosting.example", "{route}");
        let cited = cited(&session, "other-server-answers");
        assert!(cited[0].starts_with("220 relay7.hosting.example"), "{route}: {cited:?}");
        assert!(cited[1].contains("hosting.example"), "{route}: {cited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_server_answers_for_a_vanity_name() {
    let mismatch = &["cert-name-mismatch"];
    for route in BOTH {
        // Another host of the same domain.
        let site = Site::on(route).called("mx2.example.com").certificate("names = ['mx2.example.com']");
        site.finds(Outcome::CertInvalid, mismatch).await;
        // The banner and the certificate disagree.
        let site = Site::on(route).called("relay7.hosting.example");
        site.certificate("names = ['old.example.net']").finds(Outcome::CertInvalid, mismatch).await;
        // A provider's host calls itself by a name of another domain, and shows the certificate of the one asked for.
        Site::on(route).called("mx.provider.example").finds(WORKS, &[]).await;
        // That certificate has expired, and is still the one of the host asked for.
        let expired = "names = ['smtp.example.com']\nnot_after_days = -3";
        let site = Site::on(route).called("mx.provider.example").certificate(expired);
        site.finds(Outcome::CertInvalid, &["cert-expired"]).await;
        // The host is an alias of the provider: its own DNS leads there.
        let mut site =
            Site::on(route).called("mx1.provider.example").certificate("names = ['mx1.provider.example']");
        site.host = "mail.provider.example";
        let mut scenario = site.scenario();
        let alias = "[[name]]\nname = 'smtp.example.com'\ncname = 'mail.provider.example'\n\
                     [[name]]\nname = 'mail.provider.example'\na = ['192.0.2.10']";
        scenario.dns = toml::from_str(alias).unwrap();
        site.host = "smtp.example.com";
        let session = run_over(&site, scenario).await;
        let codes: Vec<&str> = session.findings().iter().map(|f| f.code).collect();
        assert_eq!(codes, mismatch, "{}", super::super::told(&session));
    }
}

/// Who does not greet inside TLS is not waited for as long as a greeting that is needed.
#[tokio::test(start_paused = true)]
async fn no_other_server_answers_where_nobody_greets_inside_tls() {
    let site = Site::on("465/implicit")
        .certificate("names = ['*.hosting.example']")
        .rule("at = 'greeting'\nsilent = true");
    let session = site.finds(Outcome::CertInvalid, &["cert-name-mismatch"]).await;
    let end = session.transcript().lines().last().unwrap().at.as_ms();
    assert!((5_000.0..6_500.0).contains(&end), "{end}");
}
