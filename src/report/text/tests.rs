use super::*;
use crate::event::{ConnectOutcome, RouteOrigin};
use crate::report::markdown::markdown;
use crate::session::testing::{Tape, V4};
use crate::target::TlsMode;

/// A domain with two mail servers, whose ports 25 are silent.
fn silent() -> Session {
    let mut tape = Tape::with(|started| started.goal = Goal::Relay);
    for _ in 0..2 {
        let route = tape.route_as(25, TlsMode::Starttls, RouteOrigin::Mx);
        let probe = tape.probe(route);
        tape.connect(probe, V4, ConnectOutcome::TimedOut, 5_000).end(probe);
    }
    tape.session()
}

#[test]
fn one_cause_is_told_once_and_what_follows_from_it_in_lines() {
    let session = silent();
    let codes: Vec<_> = session.findings().iter().map(|finding| finding.code).collect();
    assert_eq!(codes.len(), 5, "nothing is lost for programs: {codes:?}");
    let text = text(&session, &TextOptions { columns: 400, ..TextOptions::default() });
    assert_eq!(text.matches("  error: ").count(), 1, "{text}");
    let (_, follow) = text.split_once("(all-ports-blocked)").unwrap();
    let (_, follow) = follow.split_once("    What follows from it:\n").unwrap();
    assert_eq!(follow.matches("      - ").count(), 4, "{text}");
    assert_eq!(follow.matches("(port-filtered, line ").count(), 2, "{text}");
    let ticket = markdown(&session);
    assert_eq!(ticket.matches("\n### ").count(), 1, "{ticket}");
    assert_eq!(ticket.matches("\n- It follows: ").count(), 4, "{ticket}");
    let domain = format!("\nDomain `{}`.\n", session.started().unwrap().host);
    assert!(ticket.contains(&domain), "a domain is no host: {ticket}");
    assert!(ticket.contains("\n| port | TLS | outcome |"), "one host needs no column: {ticket}");
}

#[test]
fn a_quoted_line_has_the_number_with_which_it_is_printed() {
    let session = silent();
    let options = TextOptions { columns: 400, transcript: true, ..TextOptions::default() };
    let text = text(&session, &options);
    let first = session.findings()[0].evidence[0];
    let line = &session.transcript().lines()[first];
    assert!(text.contains(&format!("Seen: line {}: {}", first + 1, one_line(line))), "{text}");
    assert!(text.contains(&format!("{:>4} {}\n", first + 1, transcript_line(line))), "{text}");
    let ticket = markdown(&session);
    assert!(ticket.contains(&format!("- Evidence: transcript lines {}, ", first + 1)), "{ticket}");
    assert!(ticket.contains(&format!("\n{:>4} {}\n", first + 1, transcript_line(line))), "{ticket}");
}

#[test]
fn routes_to_several_hosts_are_told_apart_in_a_ticket_too() {
    let mut session = Session::default();
    for line in include_str!("../../tui/tests/journals/relay-blocked.jsonl").lines() {
        session.apply(&serde_json::from_str(line).unwrap());
    }
    let ticket = markdown(&session);
    let table = "\n| host | port | TLS | outcome | address | TLS session |\n|---|---|---|---|---|---|\n";
    assert!(ticket.contains(table), "{ticket}");
    for host in ["mx1", "mx2"] {
        assert!(
            ticket.contains(&format!("\n| `{host}.example.org` | 25 | starttls | filtered |")),
            "{ticket}"
        );
    }
}
