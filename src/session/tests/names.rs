//! The name: one session for each code, and its neighbour where all is well.

use super::{codes, fact, has};
use crate::event::{
    ConnectOutcome, EventKind, LookupOutcome, LookupSource, Micros, ProbeEnd, ProbeId, Purpose, Record,
    RecordData, RecordType, RouteOrigin,
};
use crate::session::Severity;
use crate::session::testing::{Tape, V4, V6};
use crate::target::TlsMode;

fn address(text: &str) -> LookupOutcome {
    let data = RecordData::Address(text.parse().unwrap());
    LookupOutcome::Answers(vec![Record { name: "smtp.example.com".into(), ttl: 300, data }])
}

/// Both questions about the host end like this.
fn both(tape: &mut Tape, outcome: &LookupOutcome) {
    tape.lookup(RecordType::Aaaa, outcome.clone(), 4).lookup(RecordType::A, outcome.clone(), 4);
}

fn ends(outcome: LookupOutcome) -> Tape {
    let mut tape = Tape::new();
    both(&mut tape, &outcome);
    tape
}

/// What the system's own resolver says besides.
fn system(tape: &mut Tape, result: Result<&[&str], &str>) {
    let result = match result {
        Ok(all) => Ok(all.iter().map(|text| text.parse().unwrap()).collect()),
        Err(words) => Err(words.to_owned()),
    };
    let host = "smtp.example.com".to_owned();
    tape.event(ProbeId(90), EventKind::SystemLookup { host, result, took: Micros(1_000) });
}

#[test]
fn says_dns_nxdomain() {
    let tape = ends(LookupOutcome::NxDomain { at: "smtp.example.com".into() });
    assert_eq!(codes(&tape), ["dns-nxdomain"]);
    assert_eq!(fact(&tape, "dns-nxdomain", "name"), "smtp.example.com");
}

#[test]
fn says_dns_no_address() {
    assert_eq!(codes(&ends(LookupOutcome::NoData)), ["dns-no-address"]);
}

#[test]
fn says_dns_servfail_with_its_extended_error() {
    let extended = Some((9, "no SEP matching the DS found".to_owned()));
    let tape = ends(LookupOutcome::ServFail { extended });
    assert_eq!(codes(&tape), ["dns-servfail"]);
    assert_eq!(fact(&tape, "dns-servfail", "extended"), "9 no SEP matching the DS found");
    assert_eq!(codes(&ends(LookupOutcome::ServFail { extended: None })), ["dns-servfail"]);
}

/// RFC 4074 §4: one family is answered, and the question for the other ends in an error or in silence.
#[test]
fn says_dns_partly_broken() {
    for (broken, what) in [
        (LookupOutcome::NxDomain { at: "smtp.example.com".into() }, "does not exist"),
        (LookupOutcome::ServFail { extended: None }, "SERVFAIL"),
        (
            LookupOutcome::ServFail { extended: Some((22, "No Reachable Authority".into())) },
            "22 No Reachable",
        ),
        (LookupOutcome::TimedOut, "no answer comes"),
        (LookupOutcome::Refused, "refuses"),
        (LookupOutcome::OtherCode(4), "code 4"),
    ] {
        let mut tape = Tape::new();
        tape.lookup(RecordType::Aaaa, broken, 4).lookup(RecordType::A, address(V4), 4);
        tape.healthy(587, TlsMode::Starttls);
        assert_eq!(codes(&tape), ["dns-partly-broken"], "{what}");
        assert!(fact(&tape, "dns-partly-broken", "what").contains(what), "{what}");
        assert_eq!(fact(&tape, "dns-partly-broken", "record"), "AAAA");
    }
}

#[test]
fn no_dns_partly_broken_where_one_family_has_no_record_or_nothing_is_answered() {
    let mut tape = Tape::new();
    tape.lookup(RecordType::Aaaa, LookupOutcome::NoData, 4).lookup(RecordType::A, address(V4), 4);
    assert_eq!(codes(&tape), Vec::<&str>::new());
    let mut tape = Tape::new();
    tape.lookup(RecordType::Aaaa, address(V6), 4).lookup(RecordType::A, address(V4), 4);
    assert_eq!(codes(&tape), Vec::<&str>::new());
    assert_eq!(codes(&ends(LookupOutcome::ServFail { extended: None })), ["dns-servfail"]);
}

#[test]
fn says_dns_timeout_also_where_no_resolver_is_there() {
    assert_eq!(codes(&ends(LookupOutcome::TimedOut)), ["dns-timeout"]);
    let tape = ends(LookupOutcome::Unreachable("192.0.2.53:53: Connection refused".into()));
    assert_eq!(codes(&tape), ["dns-timeout"]);
    assert_eq!(fact(&tape, "dns-timeout", "reason"), "192.0.2.53:53: Connection refused");
}

#[test]
fn says_dns_refused() {
    assert_eq!(codes(&ends(LookupOutcome::Refused)), ["dns-refused"]);
}

#[test]
fn the_most_telling_of_two_answers_speaks() {
    let mut tape = Tape::new();
    tape.lookup(RecordType::Aaaa, LookupOutcome::TimedOut, 4).lookup(
        RecordType::A,
        LookupOutcome::Refused,
        4,
    );
    assert_eq!(codes(&tape), ["dns-refused"]);
}

/// One family has an address; the question about the other ends like this.
fn beside_an_address(other: LookupOutcome) -> Tape {
    let mut tape = Tape::new();
    tape.lookup(RecordType::Aaaa, other, 4).lookup(RecordType::A, address(V4), 4);
    tape
}

#[test]
fn no_dns_nxdomain_where_the_name_exists_without_an_address() {
    assert_eq!(codes(&ends(LookupOutcome::NoData)), ["dns-no-address"]);
}

#[test]
fn no_dns_no_address_where_one_family_has_one() {
    assert!(codes(&beside_an_address(LookupOutcome::NoData)).is_empty());
}

#[test]
fn no_dns_servfail_where_one_family_has_an_address() {
    assert_eq!(codes(&beside_an_address(LookupOutcome::ServFail { extended: None })), ["dns-partly-broken"]);
}

#[test]
fn no_dns_timeout_where_one_family_has_an_address() {
    assert_eq!(codes(&beside_an_address(LookupOutcome::TimedOut)), ["dns-partly-broken"]);
}

#[test]
fn no_dns_refused_where_one_family_has_an_address() {
    assert_eq!(codes(&beside_an_address(LookupOutcome::Refused)), ["dns-partly-broken"]);
}

#[test]
fn says_dns_cname_dangling() {
    let tape = ends(LookupOutcome::NxDomain { at: "gone.example.net".into() });
    assert_eq!(codes(&tape), ["dns-nxdomain", "dns-cname-dangling"]);
    assert_eq!(fact(&tape, "dns-cname-dangling", "name"), "gone.example.net");
    // The two do not contradict each other: the name that was typed is right.
    assert!(fact(&tape, "dns-nxdomain", "advice").contains("CNAME record"));
}

#[test]
fn no_dns_cname_dangling_where_the_name_itself_is_missing() {
    let tape = ends(LookupOutcome::NxDomain { at: "SMTP.example.com.".into() });
    assert!(!has(&tape, "dns-cname-dangling"));
}

#[test]
fn says_dns_resolvers_disagree() {
    let nothing = LookupOutcome::NxDomain { at: "smtp.example.com".into() };
    // Only the system knows it: then its address is used, and nothing is missing.
    let mut tape = ends(nothing);
    system(&mut tape, Ok(&["192.0.2.99"]));
    assert_eq!(codes(&tape), ["dns-resolvers-disagree"]);
    assert_eq!(tape.session().dns().reachable("smtp.example.com").len(), 1);
    // Only DNS knows it.
    let mut tape = Tape::new();
    tape.resolves(&[V4]);
    system(&mut tape, Err("Name or service not known"));
    assert_eq!(codes(&tape), ["dns-resolvers-disagree"]);
    assert_eq!(
        fact(&tape, "dns-resolvers-disagree", "difference"),
        "DNS gives 192.0.2.10, the system's own resolver fails: Name or service not known"
    );
    // One of them leads into the own network.
    let mut tape = Tape::new();
    tape.resolves(&[V4]);
    system(&mut tape, Ok(&["10.0.0.25"]));
    assert_eq!(codes(&tape), ["dns-resolvers-disagree"]);
    let session = tape.session();
    let found = &session.findings()[0];
    assert_eq!((found.severity, found.evidence.len()), (Severity::Warning, 3));
}

#[test]
fn no_dns_resolvers_disagree_where_they_share_an_address_or_both_are_public() {
    for same in [&[V4][..], &[V4, V6], &["198.51.100.7"]] {
        let mut tape = Tape::new();
        tape.resolves(&[V4]);
        system(&mut tape, Ok(same));
        assert!(codes(&tape).is_empty(), "{same:?}");
    }
    // Neither knows it: one fault, not two.
    let mut tape = ends(LookupOutcome::NxDomain { at: "smtp.example.com".into() });
    system(&mut tape, Err("Name or service not known"));
    assert_eq!(codes(&tape), ["dns-nxdomain"]);
    // With -4 nobody asked DNS for IPv6.
    let mut tape = Tape::new();
    tape.lookup(RecordType::A, address(V4), 4);
    system(&mut tape, Ok(&["fd00::1", V4]));
    assert!(codes(&tape).is_empty());
}

fn from(source: LookupSource, host: &str) -> Tape {
    let mut tape = Tape::with(|started| host.clone_into(&mut started.host));
    let probe = ProbeId(80);
    let name = host.to_owned();
    tape.event(probe, EventKind::ProbeStarted { purpose: Purpose::Resolve { host: name.clone() } });
    let (record, outcome, took) = (RecordType::A, address(V4), Micros(1));
    tape.event(probe, EventKind::Lookup { name, record, source, outcome, took });
    tape.event(probe, EventKind::ProbeEnded { how: ProbeEnd::Completed });
    tape
}

#[test]
fn says_hosts_file_answers() {
    let tape = from(LookupSource::HostsFile, "smtp.example.com");
    assert_eq!(codes(&tape), ["hosts-file-answers"]);
    assert_eq!(tape.session().findings()[0].severity, Severity::Info);
    let session = tape.session();
    assert!(session.transcript().lines()[0].text.contains("(hosts file)"));
}

#[test]
fn no_hosts_file_answers_for_dns_what_was_given_and_localhost() {
    for source in [LookupSource::Dns(None), LookupSource::Given] {
        assert!(codes(&from(source, "smtp.example.com")).is_empty());
    }
    assert!(codes(&from(LookupSource::HostsFile, "localhost")).is_empty());
}

fn asks_for(host: &str, origin: RouteOrigin) -> Tape {
    let mut tape = Tape::with(|started| host.clone_into(&mut started.host));
    tape.resolves(&[V4]);
    tape.route_as(587, TlsMode::Starttls, origin);
    tape
}

#[test]
fn says_mx_name_for_submission() {
    for host in ["example-com.mail.protection.outlook.com", "aspmx.l.google.com", "alt2.aspmx.l.google.com"] {
        assert_eq!(codes(&asks_for(host, RouteOrigin::Tree)), ["mx-name-for-submission"], "{host}");
    }
}

/// A host of this name whose submission ports end like this; port 25, looked at for information, ends like that.
fn looked_at(host: &str, submission: ConnectOutcome, exchange: Option<&str>) -> Tape {
    let mut tape = Tape::with(|started| {
        host.clone_into(&mut started.host);
        started.all = true;
    });
    tape.resolves(&[V4]);
    for (port, tls) in [(587, TlsMode::Starttls), (465, TlsMode::Implicit)] {
        tape.blocked(port, tls, submission.clone(), 20);
    }
    let route = tape.route_as(25, TlsMode::Starttls, RouteOrigin::Information);
    let probe = tape.probe(route);
    match exchange {
        Some(greeting) => tape.connected(probe).server(probe, greeting).end(probe),
        None => tape.connect(probe, V4, ConnectOutcome::Reset, 20).end(probe),
    };
    tape
}

const GREETS: Option<&str> = Some("220 mx1.example.net ESMTP\r\n");

#[test]
fn says_mx_name_for_submission_of_a_host_that_is_called_so_and_takes_mail_on_port_25_alone() {
    for host in ["mx1.example.net", "MX.example.net", "mx-02.example.net"] {
        let tape = looked_at(host, ConnectOutcome::Reset, GREETS);
        assert!(has(&tape, "mx-name-for-submission"), "{host}");
        let session = tape.session();
        let found = session.findings().iter().find(|found| found.code == "mx-name-for-submission").unwrap();
        assert_eq!(found.evidence.len(), 3, "two refusals, and port 25");
    }
}

#[test]
fn no_mx_name_for_submission_where_one_sign_of_three_is_missing() {
    for (host, submission, exchange, why) in [
        ("smtp.example.net", ConnectOutcome::Reset, GREETS, "the name says nothing"),
        ("mxtoolbox.example.net", ConnectOutcome::Reset, GREETS, "nor does this one"),
        ("mx1.example.net", ConnectOutcome::TimedOut, GREETS, "a firewall may be in the way"),
        ("mx1.example.net", ConnectOutcome::Reset, None, "it takes no mail either"),
        ("mx1.example.net", ConnectOutcome::Reset, Some("554 no\r\n"), "nor from here"),
    ] {
        let tape = looked_at(host, submission, exchange);
        assert!(!has(&tape, "mx-name-for-submission"), "{host}: {why}");
    }
    let mut all_in_one = Tape::with(|started| started.host = "mx1.example.net".into());
    all_in_one.resolves(&[V4]);
    all_in_one.healthy(587, TlsMode::Starttls);
    assert!(!has(&all_in_one, "mx-name-for-submission"));
}

#[test]
fn no_mx_name_for_submission_where_it_is_one_or_mail_is_delivered() {
    for host in ["smtp.office365.com", "smtp.gmail.com", "smtp.example.com"] {
        assert!(codes(&asks_for(host, RouteOrigin::Tree)).is_empty(), "{host}");
    }
    assert!(codes(&asks_for("aspmx.l.google.com", RouteOrigin::Mx)).is_empty());
    let mut tape = Tape::with(|started| {
        started.host = "aspmx.l.google.com".into();
        started.goal = crate::target::Goal::Relay;
    });
    tape.resolves(&[V4]);
    assert!(codes(&tape).is_empty());
}

#[test]
fn says_target_malformed() {
    let tape = Tape::with(|started| {
        started.input = "\"smtp.example.com\"".into();
        started.host = String::new();
        started.malformed = Some("the host is in quotes: remove them".into());
    });
    assert_eq!(codes(&tape), ["target-malformed"]);
    assert_eq!(tape.session().findings()[0].evidence, [0]);
}

#[test]
fn no_target_malformed_where_the_name_can_be_a_host() {
    let mut tape = Tape::new();
    tape.resolves(&[V4, V6]);
    assert!(codes(&tape).is_empty());
}

#[test]
fn a_name_in_its_own_letters_is_shown_in_both_forms() {
    let tape = Tape::with(|started| started.host = "smtp.xn--bcher-kva.example".into());
    let session = tape.session();
    assert_eq!(
        session.transcript().lines()[0].text,
        "target: smtp.bücher.example is smtp.xn--bcher-kva.example in DNS"
    );
    assert!(Tape::new().session().transcript().is_empty());
}
