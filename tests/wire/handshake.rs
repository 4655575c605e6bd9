//! The handshake: versions, ciphers, alerts, silence, client certificates, hellos that are too large.

use super::*;

#[tokio::test(start_paused = true)]
async fn says_tls_version_too_old() {
    for route in ["587/starttls", "465/implicit"] {
        let site = Site::on(route).tls("min = '1.0', max = '1.0'");
        let session = site.finds(Outcome::TlsFailed, &["tls-version-too-old"]).await;
        if openssl_has_old_versions() {
            assert!(words(&session, "tls-version-too-old").contains("the server speaks TLS 1.0 at most"));
        }
    }
    // Old servers break off without a word, or with handshake_failure, where they could say protocol_version.
    let site = Site::on("587/starttls")
        .tls("min = '1.0', max = '1.1', deaf = { above_version = '1.2', then = 'close' }");
    site.finds(Outcome::TlsFailed, &["tls-closed"]).await;
}

/// OpenSSL 3.2 and newer no longer offer them at all.
fn openssl_has_old_versions() -> bool {
    openssl::version::number() < 0x3020_0000
}

#[tokio::test(start_paused = true)]
async fn says_tls_no_shared_cipher() {
    let site = Site::on("587/starttls")
        .tls("max = '1.2', ciphers = 'AES128-SHA'")
        .certificate("names = ['smtp.example.com']\nkey = 'rsa-2048'");
    // native-tls offers this one still; what it never offers is a cipher without authentication.
    site.finds(WORKS, &[]).await;
    let site = Site::on("587/starttls").tls("max = '1.2', ciphers = 'AECDH-AES128-SHA'");
    site.finds(Outcome::TlsFailed, &["tls-no-shared-cipher"]).await;
    let site = Site::on("465/implicit").tls("min = '1.3', groups = 'secp160r1'");
    let session = site.run().await;
    assert_eq!(session.routes()[0].outcome, Outcome::TlsFailed);
}

#[tokio::test(start_paused = true)]
async fn says_tls_alert_by_name() {
    for (bytes, name) in [
        (r"\x15\x03\x03\x00\x02\x02\x50", "internal_error"),
        (r"\x15\x03\x03\x00\x02\x02\x70", "unrecognized_name"),
        (r"\x15\x03\x03\x00\x02\x02\x31", "access_denied"),
    ] {
        let site =
            Site::on("587/starttls").rule(&format!("at = 'handshake'\nraw = '{bytes}'\nthen = 'close'"));
        let session = site.finds(Outcome::TlsFailed, &["tls-alert"]).await;
        assert_eq!(finding(&session, "tls-alert").facts["alert"], name);
        assert!(cited(&session, "tls-alert")[0].contains(name));
    }
}

#[tokio::test(start_paused = true)]
async fn says_tls_closed_and_tls_timeout() {
    for then in ["close", "reset"] {
        let site = Site::on("587/starttls").rule(&format!("at = 'handshake'\nthen = '{then}'"));
        site.finds(Outcome::TlsFailed, &["tls-closed"]).await;
    }
    let site = Site::on("587/starttls").rule("at = 'handshake'\nthen = 'hang'");
    let session = site.finds(Outcome::TlsFailed, &["tls-timeout"]).await;
    assert!(words(&session, "tls-timeout").contains("within 30 s"));
}

#[tokio::test(start_paused = true)]
async fn says_tls_large_hello_dropped_where_a_small_one_works() {
    for (deaf, code) in [
        ("above_bytes = 250", "tls-timeout"),
        ("above_version = '1.2'", "tls-timeout"),
        ("above_bytes = 250, then = 'reset'", "tls-closed"),
        ("above_version = '1.2', then = 'close'", "tls-closed"),
    ] {
        for route in ["587/starttls", "465/implicit"] {
            let site = Site::on(route).tls(&format!("deaf = {{ {deaf} }}"));
            let session = site.finds(Outcome::TlsFailed, &[code, "tls-large-hello-dropped"]).await;
            let facts = &finding(&session, "tls-large-hello-dropped").facts;
            let size = |name: &str| facts[name].parse::<usize>().unwrap();
            assert!(size("small") <= 250 && size("bytes") > 250, "{facts:?}");
            assert_eq!(cited(&session, "tls-large-hello-dropped").len(), 4);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_tls_large_hello_dropped_where_no_hello_works() {
    let site = Site::on("587/starttls").tls("deaf = { above_bytes = 20 }");
    site.finds(Outcome::TlsFailed, &["tls-timeout"]).await;
}

#[tokio::test(start_paused = true)]
async fn says_client_cert_required() {
    for max in ["1.2", "1.3"] {
        for route in ["587/starttls", "465/implicit"] {
            let site = Site::on(route).tls(&format!("max = '{max}', client_certificate = 'required'"));
            site.finds(Outcome::TlsFailed, &["client-cert-required"]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn says_tls_intercepted() {
    let shield = "[[authority]]\nid = 'shield'\nname = 'avast! Web/Mail Shield Root'\n\
                  organisation = 'avast! Web/Mail Shield'\nissuer = 'self'\n";
    let site =
        Site::on("587/starttls").certificate("names = ['smtp.example.com']\nissuer = 'shield'").and(shield);
    let session = site.finds(Outcome::CertInvalid, &["cert-unknown-ca", "tls-intercepted"]).await;
    assert!(words(&session, "tls-intercepted").contains("avast! Web/Mail Shield"));
    // Where its root was installed on purpose, mail goes through, and the password is read on the way.
    let trusted = shield.replace("issuer = 'self'", "issuer = 'lab-ca'");
    let site =
        Site::on("587/starttls").certificate("names = ['smtp.example.com']\nissuer = 'shield'").and(&trusted);
    let session = site.finds(WORKS, &["tls-intercepted"]).await;
    assert_eq!(finding(&session, "tls-intercepted").severity, Severity::Warning);
}

#[tokio::test(start_paused = true)]
async fn no_tls_intercepted_by_a_company_of_a_similar_name() {
    let reset = "[[authority]]\nid = 'reset'\nname = 'Reset Services CA'\nissuer = 'lab-ca'\n";
    let site =
        Site::on("587/starttls").certificate("names = ['smtp.example.com']\nissuer = 'reset'").and(reset);
    site.finds(WORKS, &[]).await;
}
