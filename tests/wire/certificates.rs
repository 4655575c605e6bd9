//! Certificates: each fault alone, all at once, the chain in order, SNI.

use super::*;

const INVALID: Outcome = Outcome::CertInvalid;

fn with(fields: &str) -> Site {
    Site::on("587/starttls").certificate(&format!("names = ['smtp.example.com']\n{fields}"))
}

/// The same with TLS 1.2, where the chain is in the clear, and 1.3, where a second look must find it.
async fn each_version(site: &Site, outcome: Outcome, codes: &[&str]) -> Session {
    site.clone().tls("max = '1.2'").finds(outcome, codes).await;
    site.clone().tls("min = '1.3'").finds(outcome, codes).await
}

#[tokio::test(start_paused = true)]
async fn says_cert_expired_and_cert_not_yet_valid() {
    let session = each_version(&with("not_after_days = -12"), INVALID, &["cert-expired"]).await;
    assert!(words(&session, "cert-expired").contains("12 days ago"));
    assert!(cited(&session, "cert-expired")[0].contains("ended 12 days ago"));
    let session = each_version(&with("not_before_days = 3"), INVALID, &["cert-not-yet-valid"]).await;
    assert!(cited(&session, "cert-not-yet-valid")[0].contains("begins in"));
}

#[tokio::test(start_paused = true)]
async fn says_cert_expires_soon_within_14_days() {
    let session = each_version(&with("not_after_days = 14"), WORKS, &["cert-expires-soon"]).await;
    assert_eq!(finding(&session, "cert-expires-soon").facts["days"], "14");
    each_version(&with("not_after_days = 16"), WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_cert_name_mismatch_with_the_names_that_would_do() {
    let site = Site::on("587/starttls").certificate("names = ['mail.example.com', 'mx.example.com']");
    let session = each_version(&site, INVALID, &["cert-name-mismatch"]).await;
    let said = words(&session, "cert-name-mismatch");
    assert!(said.contains("as host (mail.example.com, mx.example.com)"), "{said}");
    // A wildcard stands for one label.
    let site = Site::on("587/starttls").certificate("names = ['*.example.com']");
    let session = site.clone().asked_as("a.smtp.example.com").finds(INVALID, &["cert-name-mismatch"]).await;
    assert!(words(&session, "cert-name-mismatch").contains("*.example.com stands for exactly one label"));
    site.clone().asked_as("example.com").finds(INVALID, &["cert-name-mismatch"]).await;
    // An address is not a name.
    let site = Site::on("587/starttls").asked_as("192.0.2.10");
    let session = site.finds(INVALID, &["cert-name-mismatch"]).await;
    assert!(words(&session, "cert-name-mismatch").contains("192.0.2.10 is an address"));
    // The common name does not count beside a list of names.
    let site = Site::on("587/starttls")
        .certificate("names = ['mail.example.com']\ncommon_name = 'smtp.example.com'");
    let session = site.finds(INVALID, &["cert-name-mismatch"]).await;
    assert!(words(&session, "cert-name-mismatch").contains("common name smtp.example.com does not count"));
}

#[tokio::test(start_paused = true)]
async fn says_cert_common_name_only() {
    let site = Site::on("587/starttls").certificate("common_name = 'smtp.example.com'");
    each_version(&site, WORKS, &["cert-common-name-only"]).await;
}

#[tokio::test(start_paused = true)]
async fn no_cert_common_name_only_where_a_list_of_names_stands_beside_it() {
    let names = "names = ['smtp.example.com']\ncommon_name = 'smtp.example.com'";
    each_version(&Site::on("587/starttls").certificate(names), WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_cert_self_signed_and_cert_unknown_ca() {
    each_version(&with("issuer = 'self'"), INVALID, &["cert-self-signed"]).await;
    each_version(&with("issuer = 'unknown-ca'"), INVALID, &["cert-unknown-ca"]).await;
    let session =
        with("issuer = 'unknown-ca'\nsend = 'with-root'").finds(INVALID, &["cert-unknown-ca"]).await;
    assert!(says(&session, "the root was sent too, which is not needed"));
}

#[tokio::test(start_paused = true)]
async fn says_cert_chain_incomplete_where_the_leaf_names_its_issuer() {
    let session = each_version(&with("send = 'leaf-only'"), INVALID, &["cert-chain-incomplete"]).await;
    assert!(says(&session, "missing: the certificate of its issuer"));
    assert!(words(&session, "cert-chain-incomplete").contains("Lab Intermediate CA"));
    let site = with("send = 'leaf-only'\nissuer_location = false");
    each_version(&site, INVALID, &["cert-unknown-ca"]).await;
    let site = with("issuer = 'unknown-ca'\nissuer_location = true");
    each_version(&site, INVALID, &["cert-chain-incomplete"]).await;
}

#[tokio::test(start_paused = true)]
async fn says_cert_wrong_usage() {
    each_version(&with("usage = 'client'"), INVALID, &["cert-wrong-usage"]).await;
    each_version(&with("usage = 'unsaid'"), WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_cert_weak_key_and_cert_weak_signature() {
    let session = each_version(&with("key = 'rsa-1024'"), INVALID, &["cert-weak-key"]).await;
    assert!(words(&session, "cert-weak-key").contains("RSA 1024"));
    let session = each_version(&with("signature = 'sha1'"), INVALID, &["cert-weak-signature"]).await;
    assert!(words(&session, "cert-weak-signature").to_lowercase().contains("sha1"));
}

#[tokio::test(start_paused = true)]
async fn all_faults_of_one_certificate_at_once() {
    let site = Site::on("465/implicit").certificate(
        "names = ['old.example.com']\nnot_before_days = -90\nnot_after_days = -2\nkey = 'rsa-1024'\n\
         usage = 'client'\nissuer = 'unknown-ca'\nsignature = 'sha1'",
    );
    let faults = [
        "cert-expired",
        "cert-name-mismatch",
        "cert-unknown-ca",
        "cert-weak-key",
        "cert-weak-signature",
        "cert-wrong-usage",
    ];
    let session = each_version(&site, INVALID, &faults).await;
    let recommended = ehlo::guide::recommendation::recommend(&session).unwrap();
    assert_eq!(recommended.status, ehlo::guide::recommendation::Status::AfterFix);
}

#[tokio::test(start_paused = true)]
async fn an_intermediate_that_has_expired() {
    let old =
        "[[authority]]\nid = 'old'\nname = 'Old Intermediate CA'\nissuer = 'lab-ca'\nnot_after_days = -3\n";
    let session = each_version(&with("issuer = 'old'").and(old), INVALID, &["cert-expired"]).await;
    assert!(cited(&session, "cert-expired")[0].starts_with("certificate 1: "));
}

#[tokio::test(start_paused = true)]
async fn says_cert_chain_unordered() {
    let session = with("send = 'reversed'").tls("max = '1.2'").finds(WORKS, &["cert-chain-unordered"]).await;
    assert!(words(&session, "cert-chain-unordered").contains("0, 2, 1"));
    assert!(says(&session, "sent in the order 0, 1, 2"));
    // TLS 1.3 hides the chain: it is looked for where somebody wants to know.
    with("send = 'reversed'").finds(WORKS, &[]).await;
    with("send = 'reversed'").all().finds(WORKS, &["cert-chain-unordered"]).await;
}

#[tokio::test(start_paused = true)]
async fn no_cert_chain_unordered_where_the_root_follows_in_its_place() {
    with("send = 'with-root'").tls("max = '1.2'").finds(WORKS, &[]).await;
    with("send = 'with-root'").all().finds(WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_cert_chain_surplus() {
    let session = with("send = 'with-stray'").all().finds(WORKS, &["cert-chain-surplus"]).await;
    assert!(words(&session, "cert-chain-surplus").contains("Private Root CA"));
    assert_eq!(finding(&session, "cert-chain-surplus").severity, Severity::Info);
    assert!(says(&session, "surplus: 2 (Private Root CA)"));
    with("send = 'with-root'").all().finds(WORKS, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_sni_dependent_certificate() {
    let other = "[[certificate]]\nid = 'other'\nnames = ['default.hosting.example']\n";
    let own = "[[certificate]]\nid = 'mine'\nnames = ['smtp.example.com']\n";
    // Right with SNI, another without: only who looks closely sees it.
    let site = Site::on("587/starttls")
        .certificate("names = ['default.hosting.example']")
        .tls("by_name = [{ name = 'smtp.example.com', certificate = 'mine' }]")
        .and(own);
    site.finds(WORKS, &[]).await;
    let session = site.clone().all().finds(WORKS, &["sni-dependent-certificate"]).await;
    let facts = &finding(&session, "sni-dependent-certificate").facts;
    assert_eq!(
        (facts["names"].as_str(), facts["other"].as_str()),
        ("smtp.example.com", "default.hosting.example")
    );
    // Wrong with SNI, right without: the mismatch asks for the comparison by itself.
    let site = Site::on("587/starttls")
        .tls("by_name = [{ name = 'smtp.example.com', certificate = 'other' }]")
        .and(other);
    site.finds(INVALID, &["cert-name-mismatch", "sni-dependent-certificate"]).await;
}

#[tokio::test(start_paused = true)]
async fn no_sni_dependent_certificate_where_it_is_the_same() {
    Site::on("587/starttls").all().finds(WORKS, &[]).await;
    let site = Site::on("587/starttls").certificate("names = ['mail.example.com']").all();
    site.finds(INVALID, &["cert-name-mismatch"]).await;
}

#[tokio::test(start_paused = true)]
async fn between_servers_a_certificate_is_a_warning() {
    let site =
        Site::on("25/starttls").certificate("names = ['mx.hosting.example']\nnot_after_days = -1").relay();
    let session = site.run().await;
    assert_eq!(session.routes()[0].outcome, WORKS);
    for code in ["cert-expired", "cert-name-mismatch"] {
        assert_eq!(finding(&session, code).severity, Severity::Warning, "{code}");
    }
}
