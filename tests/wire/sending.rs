//! Mail in the spam folder, in the lab's own network: only DNS is asked. Each finding where it belongs and not beside
//! it.

use super::domain::World;
use super::{cited, finding, words};
use ehlo::session::{Session, Severity};

const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// RSA with 2048 bits.
const LONG: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArFJuWVQKKmyF+pOputSOoliJIMD877jbWMpGhI1vAl/XLCp6/FmZ0aw5v5NjAb3ZC2DowENV2FTXA5KE6kMshlRM1TBto5kQuKZhdEL+K4VqWvakl2OmbxcpINmI1SICZ3sisQEWe7QBi2wA1npdJ1QOAo7xmZVDyA1FizoOd+inaBj6QVf4IO54xbvu9281Y2chvbcw2Jy1uempVd4AYml8xvJQLRafkgdKbDzus2MGYBOEY0a9SJHmrFJKHEteSWS5EmHe4gt2AE2JaK7FoFZn5EqJRTZYWCKW4mggCHDord1O7CG4tgxoyI4ZKrW8a9hvlpwMOvocCk89ooOzwQIDAQAB";

const PORT: &str = "port-is-not-the-cause";

/// A domain whose SPF record this is; its key and its policy are good.
fn domain(spf: &str) -> World {
    World::inbox("example.com")
        .name("example.com", &format!("a = ['192.0.2.80']\ntxt = ['{spf}']"))
        .name("s1._domainkey.example.com", &format!("txt = ['{KEY}']"))
        .name("_dmarc.example.com", "txt = ['v=DMARC1; p=reject']")
}

fn good() -> World {
    domain("v=spf1 ip4:192.0.2.0/28 -all")
}

/// These findings and the one that is always said, which comes first.
async fn finds(world: World, codes: &[&str]) -> Session {
    let session = world.finds(&[&[PORT], codes].concat()).await;
    assert_eq!(session.findings()[0].code, PORT, "it is said before all else");
    assert!(session.routes().is_empty(), "no port is tried");
    session
}

#[tokio::test(start_paused = true)]
async fn says_port_is_not_the_cause_always_and_first() {
    let session = finds(good(), &[]).await;
    assert!(cited(&session, "port-is-not-the-cause")[0].contains("do not see the port"));
    assert_eq!(ehlo::report::exit_status(&session), 0);
    // Also where errors stand beside it.
    let session = finds(domain("v=spf1 nonsense -all"), &["spf-invalid"]).await;
    assert_eq!(ehlo::report::exit_status(&session), 1);
}

#[tokio::test(start_paused = true)]
async fn no_port_is_not_the_cause_where_ports_are_the_question() {
    let world = World::relay("example.com").name("example.com", "mx = ['0 .']");
    world.finds(&["mx-null"]).await;
}

#[tokio::test(start_paused = true)]
async fn says_spf_missing() {
    let none = good().name("example.com", "txt = ['some words']");
    finds(none, &["spf-missing"]).await;
}

#[tokio::test(start_paused = true)]
async fn no_spf_missing_where_dns_fails() {
    let session = finds(good().name("example.com", "fails = { txt = 'servfail' }"), &["dns-servfail"]).await;
    assert_eq!(ehlo::report::exit_status(&session), 1);
}

#[tokio::test(start_paused = true)]
async fn says_spf_multiple() {
    let two = good().name("example.com", "txt = ['v=spf1 -all', 'v=spf1 a -all', 'v=spf10']");
    let session = finds(two, &["spf-multiple"]).await;
    assert!(words(&session, "spf-multiple").contains("2 SPF records"));
}

#[tokio::test(start_paused = true)]
async fn no_spf_multiple_where_other_records_look_like_one() {
    let beside = "txt = ['v=spf1 ip4:192.0.2.0/28 -all', 'v=spf10 -all', 'spf2.0/pra -all', 'verify=1']";
    finds(good().name("example.com", beside), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_spf_too_many_lookups_and_no_spf_too_many_lookups_at_ten() {
    let terms = |count: usize| {
        let includes: String = (0..count).map(|at| format!("include:s{at}.example.net ")).collect();
        let mut world = domain(&format!("v=spf1 {includes}-all"));
        for at in 0..count {
            world = world.name(&format!("s{at}.example.net"), "txt = ['v=spf1 ip4:198.51.100.1 -all']");
        }
        world
    };
    finds(terms(10), &[]).await;
    let session = finds(terms(11), &["spf-too-many-lookups"]).await;
    let said = words(&session, "spf-too-many-lookups");
    assert!(said.contains("11 look-ups") && said.contains("include:s3.example.net"), "{said}");
    assert_eq!(finding(&session, "spf-too-many-lookups").severity, Severity::Error);
}

#[tokio::test(start_paused = true)]
async fn says_spf_invalid_for_what_ends_in_an_error() {
    let session = finds(domain("v=spf1 include:gone.example.net -all"), &["spf-invalid"]).await;
    assert!(words(&session, "spf-invalid").contains("gone.example.net"));
    let session = finds(domain("v=spf1 ip4:192.0.2.300 -all"), &["spf-invalid"]).await;
    assert!(words(&session, "spf-invalid").contains("ip4:192.0.2.300"));
    // Two look-ups may come to nothing, three may not.
    let void = |names: &str| domain(&format!("v=spf1 {names} -all"));
    let session = finds(void("a:x.example.net a:y.example.net mx:z.example.net"), &["spf-invalid"]).await;
    assert!(words(&session, "spf-invalid").contains("3 of its look-ups come to nothing"));
}

#[tokio::test(start_paused = true)]
async fn no_spf_invalid_where_two_look_ups_come_to_nothing() {
    finds(domain("v=spf1 a:x.example.net a:y.example.net -all"), &[]).await;
    // What is not known, and a modifier, is passed over (RFC 7208 §6).
    finds(domain("v=spf1 ip4:192.0.2.0/28 -all later=more"), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_spf_allows_everybody() {
    finds(domain("v=spf1 a +all"), &["spf-allows-everybody"]).await;
    finds(domain("v=spf1 a all"), &["spf-allows-everybody"]).await;
}

#[tokio::test(start_paused = true)]
async fn no_spf_allows_everybody_where_others_are_only_not_refused() {
    finds(domain("v=spf1 a ~all"), &[]).await;
    finds(domain("v=spf1 a ?all"), &[]).await;
}

/// Two senders whose addresses have names that lead back, so that only SPF speaks: one of the domain, one of another.
fn named() -> World {
    good()
        .name("9.2.0.192.in-addr.arpa", "ptr = ['out.example.com']")
        .name("77.100.51.198.in-addr.arpa", "ptr = ['relay.example.net']")
        .name("out.example.com", "a = ['192.0.2.9']")
        .name("relay.example.net", "a = ['198.51.100.77']\ntxt = ['v=spf1 a -all']")
}

#[tokio::test(start_paused = true)]
async fn no_spf_not_authorised_where_the_record_has_the_address_or_includes_the_host() {
    finds(named().sends_from("192.0.2.9"), &[]).await;
    finds(named().sends_by("out.example.com"), &[]).await;
    // A host whose record is included is a sender, whatever its addresses are.
    let included = named().name("example.com", "txt = ['v=spf1 include:relay.example.net -all']");
    finds(included.sends_by("relay.example.net"), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_spf_not_authorised_of_an_address_and_of_a_host() {
    let session = finds(named().sends_from("198.51.100.77"), &["spf-not-authorised"]).await;
    let said = words(&session, "spf-not-authorised");
    assert!(
        said.contains("198.51.100.77") && said.contains("\"-all\" says that it is not allowed"),
        "{said}"
    );
    let session = finds(named().sends_by("relay.example.net"), &["spf-not-authorised"]).await;
    assert!(words(&session, "spf-not-authorised").contains("relay.example.net"));
    finds(named().sends_by("gone.example.net"), &["spf-not-authorised"]).await;
}

/// RFC 7208 §5.5: the reverse name of the sender, where it leads back, lies in the domain.
#[tokio::test(start_paused = true)]
async fn no_spf_not_authorised_where_ptr_or_exists_lets_the_sender_in() {
    let world = |record: &str, forward: &str| {
        domain(record)
            .name("9.2.0.192.in-addr.arpa", "ptr = ['out.example.com']")
            .name("out.example.com", &format!("a = ['{forward}']"))
            .sends_from("192.0.2.9")
    };
    finds(world("v=spf1 ptr -all", "192.0.2.9"), &[]).await;
    finds(world("v=spf1 ptr:example.net -all", "192.0.2.9"), &["spf-not-authorised"]).await;
    // A name that does not lead back is nobody's proof.
    finds(world("v=spf1 ptr -all", "192.0.2.8"), &["ptr-mismatch", "spf-not-authorised"]).await;
    let exists = |name: &str| {
        world("v=spf1 redirect=_spf.%{d}", "192.0.2.9")
            .name("_spf.example.com", "txt = ['v=spf1 exists:%{ir}.%{v}.ok.example.com -all']")
            .name(name, "a = ['127.0.0.2']")
    };
    finds(exists("9.2.0.192.in-addr.ok.example.com"), &[]).await;
    finds(exists("8.2.0.192.in-addr.ok.example.com"), &["spf-not-authorised"]).await;
    // Which user sends is not known, and so neither is what the record says of it.
    finds(world("v=spf1 exists:%{l}.users.example.com -all", "192.0.2.9"), &[]).await;
    // Two terms may look up what is not there; the third is too many for this sender.
    let void = "v=spf1 exists:%{i}.a.example exists:%{i}.b.example exists:%{i}.c.example ip4:192.0.2.9 -all";
    let session = finds(world(void, "192.0.2.9"), &["spf-not-authorised"]).await;
    let said = words(&session, "spf-not-authorised");
    assert!(said.contains("3 of its look-ups come to nothing"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn says_ptr_missing_of_a_sending_address() {
    let session = finds(good().sends_from("192.0.2.9"), &["ptr-missing"]).await;
    assert!(words(&session, "ptr-missing").contains("192.0.2.9"));
    // Nobody else can see what a private address is called.
    let private = domain("v=spf1 ip4:10.0.0.0/8 -all").sends_from("10.1.2.3");
    finds(private, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_dkim_missing_for_common_selectors_and_for_the_one_asked_for() {
    let none = World::inbox("example.com")
        .name("example.com", "txt = ['v=spf1 -all']")
        .name("_dmarc.example.com", "txt = ['v=DMARC1; p=reject']");
    finds(none, &["dkim-missing"]).await;
    let session = finds(good().selector("mail2026"), &["dkim-missing"]).await;
    assert!(words(&session, "dkim-missing").contains("under the selector mail2026"));
}

#[tokio::test(start_paused = true)]
async fn no_dkim_missing_where_the_selector_has_a_key() {
    let own =
        good().selector("mail2026").name("mail2026._domainkey.example.com", &format!("txt = ['{KEY}']"));
    finds(own, &[]).await;
    // A resolver that fails says nothing about the key.
    let fails = good().name("s1._domainkey.example.com", "fails = { txt = 'servfail' }");
    finds(fails, &[]).await;
}

/// This key under the selector that is asked for.
fn key(text: &str) -> World {
    good().selector("m1").name("m1._domainkey.example.com", &format!("txt = ['{text}']"))
}

#[tokio::test(start_paused = true)]
async fn no_dkim_key_invalid_where_only_a_guessed_selector_is_withdrawn() {
    finds(good().name("s2._domainkey.example.com", "txt = ['v=DKIM1; p=']"), &[]).await;
    // Without v= and k= it is a key all the same (RFC 6376 §3.6.1).
    finds(key(&format!("p={LONG}")), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn no_dkim_weak_key_of_2048_bits_or_of_ed25519() {
    finds(key(&format!("v=DKIM1; k=rsa; p={LONG}")), &[]).await;
    finds(key(KEY), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn no_dkim_testing_where_another_flag_is_set() {
    finds(key(&KEY.replace("k=", "t=s; k=")), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_dkim_key_invalid_dkim_weak_key_and_dkim_testing() {
    let session = finds(key("v=DKIM1; p="), &["dkim-key-invalid"]).await;
    assert!(words(&session, "dkim-key-invalid").contains("revoked"));
    finds(key("v=DKIM1; p=broken"), &["dkim-key-invalid"]).await;
    finds(key(&KEY.replace("k=", "t=y; k=")), &["dkim-testing"]).await;
    // The key of RFC 6376 appendix C has 1024 bits.
    let short = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";
    let session = finds(key(short), &["dkim-weak-key"]).await;
    assert_eq!(finding(&session, "dkim-weak-key").severity, Severity::Warning);
}

#[tokio::test(start_paused = true)]
async fn says_dmarc_missing_and_no_dmarc_missing_where_a_parent_has_one() {
    let none = World::inbox("shop.example.com")
        .name("shop.example.com", "txt = ['v=spf1 -all']")
        .name("s1._domainkey.shop.example.com", &format!("txt = ['{KEY}']"));
    let parent = none.clone().name("_dmarc.example.com", "txt = ['v=DMARC1; p=reject']");
    finds(none, &["dmarc-missing"]).await;
    finds(parent, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn says_dmarc_invalid_and_dmarc_monitors_only() {
    let policy = |text: &str| good().name("_dmarc.example.com", &format!("txt = [{text}]"));
    for (text, why) in [
        ("'v=DMARC1; p=block'", "p=block"),
        ("'v=DMARC1'", "p is missing"),
        ("'v=DMARC1; p=none', 'v=DMARC1; p=reject'", "more than one"),
        ("'v=dmarc1; p=none'", "does not begin with v=DMARC1"),
    ] {
        let session = finds(policy(text), &["dmarc-invalid"]).await;
        assert!(words(&session, "dmarc-invalid").contains(why), "{}", words(&session, "dmarc-invalid"));
        assert_eq!(ehlo::report::exit_status(&session), 1);
    }
    let session =
        finds(policy("'v=DMARC1; p=none; rua=mailto:d@example.com'"), &["dmarc-monitors-only"]).await;
    assert_eq!(ehlo::report::exit_status(&session), 0);
}

#[tokio::test(start_paused = true)]
async fn no_dmarc_invalid_and_no_dmarc_monitors_only_of_a_policy_that_asks_for_something() {
    let policy = |text: &str| good().name("_dmarc.example.com", &format!("txt = ['{text}']"));
    for text in
        ["v=DMARC1;p=quarantine", "v=DMARC1; p=reject; sp=none; unknown=1;", "v = DMARC1 ; p = reject"]
    {
        finds(policy(text), &[]).await;
    }
}

/// An e-mail address: SRV records that lead elsewhere, or to nothing (RFC 6186 §6, §3.4).
#[tokio::test(start_paused = true)]
async fn says_srv_other_domain_and_srv_not_offered() {
    let other = mailbox("srv = ['0 1 25 smtp.example.net']").server("192.0.2.25", "smtp.example.net", "");
    let session = other.finds(&["srv-other-domain", "srv-not-offered", "port-25-not-for-submission"]).await;
    assert!(words(&session, "srv-other-domain").contains("smtp.example.net"));
}

/// `_submission._tcp` of the domain leads here; `_submissions._tcp` is said not to be offered.
fn mailbox(srv: &str) -> World {
    World::mailbox("example.com")
        .name("_submission._tcp.example.com", srv)
        .name("_submissions._tcp.example.com", "srv = ['0 0 0 .']")
        .name("smtp.example.com", "a = ['192.0.2.25']")
        .name("smtp.example.net", "a = ['192.0.2.25']")
}

#[tokio::test(start_paused = true)]
async fn no_srv_other_domain_where_it_is_the_own_or_dnssec_vouches_for_it() {
    let own = mailbox("srv = ['0 1 25 smtp.example.com']").server("192.0.2.25", "smtp.example.com", "");
    own.finds(&["srv-not-offered", "port-25-not-for-submission"]).await;
    let signed = mailbox("srv = ['0 1 25 smtp.example.net']\nvalidated = true");
    let signed = signed.server("192.0.2.25", "smtp.example.net", "");
    signed.finds(&["srv-not-offered", "port-25-not-for-submission"]).await;
}

/// A service without a record is not one that is said not to be offered (RFC 6186 §3.4).
#[tokio::test(start_paused = true)]
async fn no_srv_not_offered_where_there_is_no_record() {
    let world = World::mailbox("example.com")
        .name("_submission._tcp.example.com", "srv = ['0 1 25 smtp.example.com']")
        .name("smtp.example.com", "a = ['192.0.2.25']")
        .server("192.0.2.25", "smtp.example.com", "");
    world.finds(&["port-25-not-for-submission"]).await;
}

#[tokio::test(start_paused = true)]
async fn says_submission_host_unknown_where_nothing_leads_from_the_address_to_a_server() {
    let world = || World::mailbox("example.com").name("example.com", "mx = ['10 mx.other.example']");
    let session = world().finds(&["submission-host-unknown"]).await;
    assert_eq!(finding(&session, "submission-host-unknown").evidence.len(), 7);
    assert_eq!(ehlo::report::exit_status(&session), 2);
}

#[tokio::test(start_paused = true)]
async fn no_submission_host_unknown_where_the_domain_is_gone_dns_fails_or_a_guess_is_right() {
    World::mailbox("gone.example").finds(&["dns-nxdomain"]).await;
    let fails = World::mailbox("example.com").name("example.com", "fails = { all = 'servfail' }");
    fails.finds(&["dns-servfail"]).await;
    let guess = World::mailbox("example.com")
        .name("example.com", "mx = ['10 mx.other.example']")
        .name("mail.example.com", "a = ['192.0.2.30']")
        .address("192.0.2.30", "587 = 'refused'\n465 = 'refused'\n2525 = 'refused'");
    let session = guess.run().await;
    assert!(session.findings().iter().all(|finding| finding.code != "submission-host-unknown"));
    assert_eq!(session.routes()[0].host, "mail.example.com");
}

/// What does not exist has no records, and that is all there is to say.
#[tokio::test(start_paused = true)]
async fn says_dns_nxdomain_of_a_senders_domain() {
    World::inbox("gone.example").finds(&["dns-nxdomain", "port-is-not-the-cause"]).await;
}
