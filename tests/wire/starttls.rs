//! STARTTLS: not offered, stripped, refused, followed by what should not be there, and answered inside TLS.

use super::*;

#[tokio::test(start_paused = true)]
async fn says_starttls_not_offered() {
    let site = Site::on("587/starttls").smtp("capabilities = ['PIPELINING', 'SIZE 1000']");
    site.finds(Outcome::NoStarttls, &["starttls-not-offered"]).await;
    // HELO gives no capabilities at all.
    let site = Site::on("587/starttls").rule("at = 'ehlo'\nreply = '500 5.5.1 Unrecognized'");
    site.finds(Outcome::NoStarttls, &["ehlo-rejected", "starttls-not-offered"]).await;
    // Between servers mail goes through all the same.
    let site = Site::on("25/starttls").smtp("capabilities = ['PIPELINING']").relay();
    let session = site.run().await;
    assert_eq!(session.routes()[0].outcome, WORKS);
    assert_eq!(finding(&session, "starttls-not-offered").severity, Severity::Warning);
}

#[tokio::test(start_paused = true)]
async fn says_starttls_stripped_by_its_traces() {
    let masked = "at = 'greeting'\nreply = '220 ********************************************2******0*'";
    let site = Site::on("587/starttls").smtp("capabilities = ['PIPELINING', 'XXXXXXXA']");
    let session = site.finds(Outcome::NoStarttls, &["starttls-stripped"]).await;
    assert!(words(&session, "starttls-stripped").contains("XXXXXXXA"));
    let site = Site::on("587/starttls").smtp("capabilities = ['PIPELINING']").rule(masked);
    let session = site.finds(Outcome::NoStarttls, &["starttls-stripped"]).await;
    assert!(cited(&session, "starttls-stripped")[0].starts_with("220 ******"));
    // Offered, and then not known: the word was changed on its way to the server.
    for reply in ["500 5.5.1 Command unrecognized", "502 5.5.2 Error: XXXXXXXX not recognized"] {
        let site = Site::on("587/starttls").rule(&format!("at = 'starttls'\nreply = '{reply}'"));
        site.finds(Outcome::NoStarttls, &["starttls-stripped"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_starttls_stripped_because_of_decoration() {
    let site = Site::on("587/starttls")
        .smtp("capabilities = ['PIPELINING', 'X-EXPS', 'XCLIENT NAME']")
        .rule("at = 'greeting'\nreply = \"220-**************\\n220-* Welcome *\\n220 **************\"");
    site.finds(Outcome::NoStarttls, &["starttls-not-offered"]).await;
}

#[tokio::test(start_paused = true)]
async fn says_middlebox_masking_where_starttls_came_through() {
    let site = Site::on("587/starttls").smtp("capabilities = ['XXXXXXXA', 'STARTTLS']");
    let session = site.finds(WORKS, &["middlebox-masking"]).await;
    assert_eq!(finding(&session, "middlebox-masking").severity, Severity::Warning);
}

#[tokio::test(start_paused = true)]
async fn says_starttls_refused() {
    for reply in ["454 4.7.0 TLS not available due to local problem", "502 5.5.1 STARTTLS is switched off"] {
        let site = Site::on("587/starttls").rule(&format!("at = 'starttls'\nreply = '{reply}'"));
        let session = site.finds(Outcome::StarttlsRefused, &["starttls-refused"]).await;
        assert!(words(&session, "starttls-refused").contains(reply));
    }
}

#[tokio::test(start_paused = true)]
async fn says_tls_not_tls_for_garbage_behind_the_220() {
    for rule in [
        r"raw = '250 2.0.0 What?\r\n'",
        r"raw = '\x00\x01\x02garbage'",
        "reply = '454 4.7.0 TLS is not available after all'\nthen = 'close'",
    ] {
        let site = Site::on("587/starttls").rule(&format!("at = 'handshake'\n{rule}"));
        site.finds(Outcome::TlsFailed, &["tls-not-tls"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn says_plaintext_before_tls_and_discards_it() {
    // In the same packet as the 220: a client that keeps it takes it for the first reply inside TLS.
    let site = Site::on("587/starttls").rule(
        r"at = 'starttls'
append = '250-smtp.example.com\r\n250 AUTH PLAIN INJECTED\r\n'",
    );
    let session = site.finds(WORKS, &["plaintext-before-tls"]).await;
    assert_eq!(cited(&session, "plaintext-before-tls").len(), 2);
    let inside = session.routes()[0].after_tls.as_ref().unwrap();
    assert_eq!(inside.auth(), ["PLAIN"], "what the server said inside TLS, not what was put in before");
}

#[tokio::test(start_paused = true)]
async fn says_starttls_injection_with_all_alone() {
    let site = Site::on("587/starttls").smtp("keeps_plaintext = true");
    site.finds(WORKS, &[]).await;
    let session = site.clone().all().finds(WORKS, &["starttls-injection"]).await;
    let cited = cited(&session, "starttls-injection");
    assert_eq!(cited, ["NOOP", "250 2.0.0 Ok"]);
    let line = &session.transcript().lines()[finding(&session, "starttls-injection").evidence[1]];
    assert!(line.encrypted, "the proof came inside TLS");
    // A flaw of the server's, and still the route works.
    let recommended = ehlo::guide::recommendation::recommend(&session).unwrap();
    assert_eq!(recommended.summary, "Use port 587 with STARTTLS");
}

#[tokio::test(start_paused = true)]
async fn no_starttls_injection_of_careful_servers() {
    // Forgets it; refuses the whole; says 221 alone; hangs up.
    for rule in [
        "at = 'noop'\ndelay_ms = 1",
        "at = 'starttls'\nnth = 1\nreply = '220 2.0.0 Go ahead'",
        "at = 'quit'\nthen = 'close'",
        "at = 'quit'\nsilent = true\nthen = 'hang'",
    ] {
        Site::on("587/starttls").all().rule(rule).finds(WORKS, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn ehlo_is_said_again_inside_tls() {
    let session = Site::on("587/starttls").finds(WORKS, &[]).await;
    let lines = session.transcript().lines().iter();
    let said: Vec<bool> =
        lines.filter(|line| line.text.starts_with("EHLO")).map(|line| line.encrypted).collect();
    assert_eq!(said, [false, true]);
    // A server that forgets itself is known by that reply, not by the one before.
    let site = Site::on("587/starttls")
        .rule("at = 'ehlo'\ninside = 'tls'\nreply = '550 5.7.1 No'")
        .rule("at = 'helo'\nreply = '550 5.7.1 No'");
    site.finds(Outcome::Rejected, &["helo-rejected"]).await;
}

#[tokio::test(start_paused = true)]
async fn says_capabilities_change_after_tls() {
    let again =
        "at = 'ehlo'\ninside = 'tls'\nreply = \"250-smtp.example.com\\n250-STARTTLS\\n250 AUTH PLAIN\"";
    let session = Site::on("587/starttls").rule(again).finds(WORKS, &["capabilities-change-after-tls"]).await;
    assert!(words(&session, "capabilities-change-after-tls").contains("STARTTLS is offered once more"));
    let other = "at = 'ehlo'\ninside = 'tls'\nreply = \"250-backend.other.example\\n250 AUTH PLAIN\"";
    let session = Site::on("587/starttls").rule(other).finds(WORKS, &["capabilities-change-after-tls"]).await;
    let found = finding(&session, "capabilities-change-after-tls");
    assert_eq!(found.severity, Severity::Info);
    assert!(found.facts["what"].contains("backend.other.example, not smtp.example.com"));
}

#[tokio::test(start_paused = true)]
async fn no_capabilities_change_after_tls_of_the_usual_kind() {
    // More inside, SIZE larger, another host of the same domain.
    let inside = "at = 'ehlo'\ninside = 'tls'\nreply = \"250-mx2.example.com hello\\n250-SIZE 90000\\n250 AUTH LOGIN\"";
    let site = Site::on("587/starttls").smtp("capabilities = ['SIZE 1000', 'STARTTLS']").rule(inside);
    site.finds(WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_auth_before_tls() {
    let site = Site::on("587/starttls").smtp("capabilities = ['STARTTLS', 'AUTH PLAIN LOGIN']");
    site.finds(WORKS, &["auth-before-tls"]).await;
    Site::on("587/starttls").smtp("capabilities = ['STARTTLS', 'AUTH']").finds(WORKS, &[]).await;
}
