//! Delivering to a domain, in the lab's own network: MX, DANE, MTA-STS, the reverse name. Each finding where it belongs
//! and not beside it.

use super::domain::World;
use super::{cited, finding, words};
use ehlo::session::{Outcome, Severity};

/// A domain with one server, whose DNS is validated.
fn domain() -> World {
    World::relay("example.com")
        .name("example.com", "mx = ['10 mx1.example.com']\nvalidated = true")
        .name("mx1.example.com", "a = ['192.0.2.25']\nvalidated = true")
        .reverse()
        .server("192.0.2.25", "mx1.example.com", "")
}

const TLSA: &str = "_25._tcp.mx1.example.com";

#[tokio::test(start_paused = true)]
async fn a_domain_that_is_as_it_should_be_has_no_findings() {
    let session = domain().finds(&[]).await;
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
}

#[tokio::test(start_paused = true)]
async fn says_mx_null_and_tries_nothing() {
    let world = World::relay("example.com").name("example.com", "mx = ['0 .']\na = ['192.0.2.25']");
    let session = world.server("192.0.2.25", "mx1.example.com", "").finds(&["mx-null"]).await;
    assert!(session.routes().is_empty());
    assert!(cited(&session, "mx-null")[0].contains("MX example.com"));
}

#[tokio::test(start_paused = true)]
async fn no_mx_null_where_a_server_of_preference_0_has_a_name() {
    domain().name("example.com", "mx = ['0 mx1.example.com']\nvalidated = true").finds(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_mx_missing_and_goes_to_the_domain_itself() {
    let world = World::relay("example.com").name("example.com", "a = ['192.0.2.25']").reverse();
    let session = world.server("192.0.2.25", "example.com", "").finds(&["mx-missing"]).await;
    assert_eq!(session.routes()[0].host, "example.com");
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
}

#[tokio::test(start_paused = true)]
async fn no_mx_missing_where_dns_fails() {
    let world = World::relay("example.com").name("example.com", "fails = { mx = 'servfail' }");
    let session = world.finds(&["dns-servfail"]).await;
    assert!(session.routes().is_empty(), "who cannot be looked up is not tried at a guess");
    World::relay("gone.example").finds(&["dns-nxdomain"]).await;
}

#[tokio::test(start_paused = true)]
async fn says_mx_unreachable_of_each_server_that_is() {
    let world = domain()
        .name("example.com", "mx = ['10 mx1.example.com', '20 mx2.example.com', '30 mx3.example.com']")
        .name("mx2.example.com", "a = ['192.0.2.26']")
        .address("192.0.2.26", "25 = 'filtered'");
    let session = world.finds(&["mx-unreachable", "mx-unreachable", "port-filtered"]).await;
    let unreachable: Vec<_> =
        session.findings().iter().filter(|finding| finding.code == "mx-unreachable").collect();
    assert_eq!(unreachable[0].facts["host"], "mx2.example.com");
    assert!(unreachable[0].facts["why"].contains("lets a connection through"));
    assert_eq!(unreachable[1].facts["host"], "mx3.example.com");
    assert!(unreachable[1].facts["why"].contains("no address"));
    assert!(words(&session, "mx-unreachable").contains("smarthost"));
    assert_eq!(session.routes()[0].outcome, Outcome::Works, "the first server works all the same");
}

/// One address of two is dead: mail gets there all the same.
#[tokio::test(start_paused = true)]
async fn no_mx_unreachable_where_one_of_its_addresses_answers() {
    let world = domain()
        .name("mx1.example.com", "a = ['192.0.2.25', '192.0.2.26']\nvalidated = true")
        .address("192.0.2.26", "25 = 'refused'");
    world.finds(&["address-partly-dead"]).await;
}

#[tokio::test(start_paused = true)]
async fn every_server_is_tried_in_order_although_one_works() {
    let world = domain()
        .name("example.com", "mx = ['20 mx2.example.com', '10 mx1.example.com']")
        .name("mx2.example.com", "a = ['192.0.2.26']")
        .server("192.0.2.26", "mx2.example.com", "");
    let session = world.finds(&[]).await;
    let tried: Vec<_> = session.routes().iter().map(|r| (r.host.as_str(), r.outcome)).collect();
    assert_eq!(tried, [("mx1.example.com", Outcome::Works), ("mx2.example.com", Outcome::Works)]);
}

#[tokio::test(start_paused = true)]
async fn says_starttls_not_offered_as_a_warning() {
    let world = World::relay("example.com")
        .name("example.com", "mx = ['10 mx1.example.com']")
        .name("mx1.example.com", "a = ['192.0.2.25']")
        .reverse()
        .plain_server("192.0.2.25", "mx1.example.com");
    let session = world.finds(&["starttls-not-offered"]).await;
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
    assert_eq!(finding(&session, "starttls-not-offered").severity, Severity::Warning);
    assert!(words(&session, "starttls-not-offered").contains("readable for everybody"));
}

#[tokio::test(start_paused = true)]
async fn says_dane_match_of_the_servers_own_key_and_nothing_else_counts() {
    // Another name, out of date, issued by itself: the key is the right one.
    let wrong = "names = ['old.example.net']\nissuer = 'self'\nnot_before_days = -90\nnot_after_days = -3";
    let world = World::relay("example.com")
        .name("example.com", "mx = ['10 mx1.example.com']\nvalidated = true")
        .name("mx1.example.com", "a = ['192.0.2.25']\nvalidated = true")
        .name(TLSA, "tlsa = ['3 1 1 @own1']\nvalidated = true")
        .reverse()
        .server_with("192.0.2.25", "mx1.example.com", "", wrong);
    let session = world.finds(&["dane-match"]).await;
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
    let said = words(&session, "dane-match");
    assert!(said.contains("the server's own key by its SHA-256 digest (3 1 1)"), "{said}");
    assert!(cited(&session, "dane-match")[0].contains("TLSA"));
}

#[tokio::test(start_paused = true)]
async fn says_dane_match_of_an_authority_in_both_versions_of_tls() {
    for version in ["max = '1.2'", "min = '1.3'"] {
        let world = World::relay("example.com")
            .name("example.com", "mx = ['10 mx1.example.com']\nvalidated = true")
            .name("mx1.example.com", "a = ['192.0.2.25']\nvalidated = true")
            .name(TLSA, "tlsa = ['2 0 1 @own1']\nvalidated = true")
            .reverse()
            .server("192.0.2.25", "mx1.example.com", version);
        let session = world.finds(&["dane-match"]).await;
        assert!(words(&session, "dane-match").contains("an authority of its chain"), "{version}");
    }
}

/// The digest of another key, and the right one of a kind that mail servers pass over (RFC 7672 §3.1.3).
#[tokio::test(start_paused = true)]
async fn no_dane_match_of_another_key_or_of_a_kind_that_is_passed_over() {
    let only = |records: &str| {
        domain()
            .name(TLSA, &format!("tlsa = [{records}]\nvalidated = true"))
            .certificate("other", "names = ['mx1.example.com']")
    };
    only("'3 1 1 @other'").finds(&["dane-mismatch"]).await;
    only("'1 1 1 @own1', '3 1 1 @other'").finds(&["dane-mismatch"]).await;
}

#[tokio::test(start_paused = true)]
async fn says_dane_mismatch_although_the_certificate_is_good() {
    let world = domain()
        .name(TLSA, "tlsa = ['3 1 1 @other', '1 1 1 @own1']\nvalidated = true")
        .certificate("other", "names = ['mx1.example.com']");
    let session = world.finds(&["dane-mismatch"]).await;
    assert_eq!(session.routes()[0].outcome, Outcome::CertInvalid);
    assert_eq!(finding(&session, "dane-mismatch").severity, Severity::Error);
    assert!(ehlo::guide::recommendation::recommend(&session).is_none(), "no mail goes there");
    assert_eq!(ehlo::report::exit_status(&session), 2);
}

#[tokio::test(start_paused = true)]
async fn says_dane_mismatch_where_starttls_is_missing() {
    let world = World::relay("example.com")
        .name("example.com", "mx = ['10 mx1.example.com']\nvalidated = true")
        .name("mx1.example.com", "a = ['192.0.2.25']\nvalidated = true")
        .name(TLSA, "tlsa = ['3 1 1 @other']\nvalidated = true")
        .certificate("other", "names = ['mx1.example.com']")
        .reverse()
        .plain_server("192.0.2.25", "mx1.example.com");
    let session = world.finds(&["dane-mismatch", "starttls-not-offered"]).await;
    assert_eq!(session.routes()[0].outcome, Outcome::NoStarttls);
}

#[tokio::test(start_paused = true)]
async fn no_dane_not_in_force_where_all_is_validated_or_there_is_no_record() {
    domain().name(TLSA, "tlsa = ['3 1 1 @own1']\nvalidated = true").finds(&["dane-match"]).await;
    domain().name(TLSA, "txt = ['no TLSA']\nvalidated = true").finds(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_dane_not_in_force_and_no_dane_mismatch_of_records_that_nobody_has_validated() {
    let other = |validated: &str| {
        domain()
            .name(TLSA, &format!("tlsa = ['3 1 1 @other']\n{validated}"))
            .certificate("other", "names = ['mx1.example.com']")
    };
    let session = other("").finds(&["dane-not-in-force"]).await;
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
    assert!(words(&session, "dane-not-in-force").contains("not validated them by DNSSEC"));
    // The MX records that lead there must be validated too.
    let world = other("validated = true").name("example.com", "mx = ['10 mx1.example.com']");
    let session = world.finds(&["dane-not-in-force"]).await;
    assert!(words(&session, "dane-not-in-force").contains("the MX records"));
    // Usages 0 and 1 are not for mail servers.
    let world = domain()
        .name(TLSA, "tlsa = ['1 1 1 @other']\nvalidated = true")
        .certificate("other", "names = ['mx1.example.com']");
    let session = world.finds(&["dane-not-in-force"]).await;
    assert!(words(&session, "dane-not-in-force").contains("none of them is of a kind"));
}

const ENFORCE: &str = "version: STSv1\\nmode: enforce\\nmx: mx1.example.com\\nmax_age: 604800\\n";

#[tokio::test(start_paused = true)]
async fn no_mta_sts_mismatch_where_the_policy_is_met() {
    domain().policy(ENFORCE).finds(&[]).await;
    let wildcard = ENFORCE.replace("mx1.example.com", "*.example.com");
    domain().policy(&wildcard).finds(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_mta_sts_mismatch_of_a_server_that_is_not_named() {
    let other = ENFORCE.replace("mx1.example.com", "mx9.example.com");
    let session = domain().policy(&other).finds(&["mta-sts-mismatch"]).await;
    assert_eq!(finding(&session, "mta-sts-mismatch").severity, Severity::Error);
    assert!(words(&session, "mta-sts-mismatch").contains("mx9.example.com"));
    assert_eq!(ehlo::report::exit_status(&session), 2, "nobody who honours the policy delivers there");
    let testing = other.replace("enforce", "testing");
    let session = domain().policy(&testing).finds(&["mta-sts-mismatch"]).await;
    assert_eq!(finding(&session, "mta-sts-mismatch").severity, Severity::Warning);
    assert_eq!(ehlo::report::exit_status(&session), 0);
}

#[tokio::test(start_paused = true)]
async fn says_mta_sts_mismatch_of_a_certificate_that_does_not_verify() {
    let bad = |policy: &str| {
        World::relay("example.com")
            .name("example.com", "mx = ['10 mx1.example.com']")
            .name("mx1.example.com", "a = ['192.0.2.25']")
            .reverse()
            .server_with("192.0.2.25", "mx1.example.com", "", "names = ['mx1.example.com']\nissuer = 'self'")
            .policy(policy)
    };
    let session = bad(ENFORCE).finds(&["cert-self-signed", "mta-sts-mismatch"]).await;
    assert_eq!(session.routes()[0].outcome, Outcome::CertInvalid);
    assert_eq!(finding(&session, "cert-self-signed").severity, Severity::Error);
    // Without a policy in force it is a warning, and mail goes through.
    let none = "version: STSv1\\nmode: none\\nmax_age: 86400\\n";
    let session = bad(none).finds(&["cert-self-signed"]).await;
    assert_eq!(session.routes()[0].outcome, Outcome::Works);
    assert_eq!(finding(&session, "cert-self-signed").severity, Severity::Warning);
}

#[tokio::test(start_paused = true)]
async fn says_mta_sts_unavailable_with_the_reason() {
    let broken = domain().policy("version: STSv2\\n");
    let session = broken.finds(&["mta-sts-unavailable"]).await;
    assert!(words(&session, "mta-sts-unavailable").contains("its version is not STSv1"));
    let elsewhere = domain().policy_redirects();
    let session = elsewhere.finds(&["mta-sts-unavailable"]).await;
    assert!(words(&session, "mta-sts-unavailable").contains("redirect"));
    let other_name = domain().policy_as(ENFORCE, "names = ['www.example.com']");
    let session = other_name.finds(&["mta-sts-unavailable"]).await;
    assert!(words(&session, "mta-sts-unavailable").contains("verified TLS"));
    let no_host = domain().name("_mta-sts.example.com", "txt = ['v=STSv1; id=1']");
    no_host.finds(&["mta-sts-unavailable"]).await;
    let twice = domain().name("_mta-sts.example.com", "txt = ['v=STSv1; id=1', 'v=STSv1; id=2']");
    let session = twice.finds(&["mta-sts-unavailable"]).await;
    assert!(words(&session, "mta-sts-unavailable").contains("more than one"));
}

/// A policy that says `none` is one that can be had, and a TXT record of another kind announces nothing (RFC 8461 §3.1).
#[tokio::test(start_paused = true)]
async fn no_mta_sts_unavailable_where_the_policy_is_had_or_none_is_announced() {
    domain().policy("version: STSv1\\nmode: none\\nmax_age: 86400\\n").finds(&[]).await;
    domain().name("_mta-sts.example.com", "txt = ['google-site-verification=1']").finds(&[]).await;
}

/// A domain with one server; nothing is known of the caller's address.
fn bare() -> World {
    World::relay("example.com")
        .name("example.com", "mx = ['10 mx1.example.com']")
        .name("mx1.example.com", "a = ['192.0.2.25']")
        .server("192.0.2.25", "mx1.example.com", "")
}

#[tokio::test(start_paused = true)]
async fn says_ptr_missing_and_ptr_mismatch() {
    let session = bare().finds(&["ptr-missing"]).await;
    assert!(words(&session, "ptr-missing").contains("198.51.100.77"));
    let other = bare()
        .name("77.100.51.198.in-addr.arpa", "ptr = ['host77.example.net']")
        .name("host77.example.net", "a = ['192.0.2.25']");
    let session = other.finds(&["ptr-mismatch"]).await;
    assert!(words(&session, "ptr-mismatch").contains("host77.example.net"));
}

#[tokio::test(start_paused = true)]
async fn no_ptr_missing_where_the_resolver_fails() {
    bare().name("77.100.51.198.in-addr.arpa", "fails = { ptr = 'servfail' }").finds(&[]).await;
}

/// Of several names one that leads back is enough (RFC 1912 §2.1).
#[tokio::test(start_paused = true)]
async fn no_ptr_mismatch_where_one_of_two_names_leads_back() {
    let two = "ptr = ['gone.example.net', 'mail.example.net']";
    bare().reverse().name("77.100.51.198.in-addr.arpa", two).finds(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_mx_target_invalid_of_an_address_and_of_an_alias() {
    let session = domain().name("example.com", "mx = ['10 192.0.2.25']").finds(&["mx-target-invalid"]).await;
    assert!(session.routes().is_empty(), "no mail server goes there, and neither do we");
    assert_eq!(finding(&session, "mx-target-invalid").severity, Severity::Error);
    assert!(words(&session, "mx-target-invalid").contains("it is an address, and must be a name"));
    assert_eq!(ehlo::report::exit_status(&session), 2);
    // Beside another one it is a blemish.
    let session = domain()
        .name("example.com", "mx = ['10 192.0.2.25', '20 mx1.example.com']")
        .finds(&["mx-target-invalid"])
        .await;
    assert_eq!(finding(&session, "mx-target-invalid").severity, Severity::Warning);
    assert_eq!(ehlo::report::exit_status(&session), 0);
    let alias = World::relay("example.com")
        .name("example.com", "mx = ['10 mail.example.com']")
        .name("mail.example.com", "cname = 'mx1.example.com'")
        .name("mx1.example.com", "a = ['192.0.2.25']")
        .reverse()
        .server("192.0.2.25", "mail.example.com", "");
    let session = alias.finds(&["mx-target-invalid"]).await;
    assert!(words(&session, "mx-target-invalid").contains("it is an alias for mx1.example.com"));
    assert_eq!(finding(&session, "mx-target-invalid").severity, Severity::Warning);
}

#[tokio::test(start_paused = true)]
async fn no_mx_target_invalid_of_a_name_with_addresses_or_without() {
    domain().finds(&[]).await;
    domain()
        .name("example.com", "mx = ['10 gone.example.com']")
        .finds(&["dns-nxdomain", "mx-unreachable"])
        .await;
}
