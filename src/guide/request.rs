//! What to ask, and of whom, where mail ports are blocked on the way out: a text to paste into a ticket, with what was
//! seen. Only what the transcript shows goes into it.

use std::fmt::Write as _;

use crate::event::{ConnectOutcome, ProxyFault};
use crate::guide::hosting::{self, list};
use crate::session::{Outcome, Session};
use crate::target::Goal;

/// Most lines of evidence.
const MAX_LINES: usize = 12;

/// A text for whoever can open the ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom to ask.
    pub to: String,
    /// The text: lines without control characters.
    pub text: String,
}

/// The request; `None` where nothing is blocked on the way, or this machine itself stands in the way.
pub fn request(session: &Session) -> Option<Request> {
    let found = |code: &str| session.findings().iter().any(|finding| finding.code == code);
    if !found("all-ports-blocked") || found("local-firewall") {
        return None;
    }
    let blocked = |route: &&crate::session::Route| {
        let prohibited = session
            .findings()
            .iter()
            .any(|finding| finding.code == "port-prohibited" && finding.route == Some(route.id));
        route.outcome == Outcome::Filtered || prohibited
    };
    let routes: Vec<_> = session.routes().iter().filter(blocked).collect();
    // Port 25 is not what submission needs: it is asked for only where mail is delivered on it.
    let mut ports: Vec<u16> = routes.iter().map(|route| route.port).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.len() > 1 {
        ports.retain(|port| *port != 25);
    }
    if ports.is_empty() {
        return None;
    }
    let started = session.started()?;
    let hosting = hosting::of(session);
    // Whoever reads it must know which machine is meant.
    let machine = session
        .carrier()
        .map_or("this machine".to_owned(), |carrier| format!("the machine behind {carrier}"));
    let to = hosting.map_or_else(
        || format!("whoever hosts {machine} or runs its network"),
        |hosting| hosting.ask.clone(),
    );
    let word = if ports.len() == 1 { "port" } else { "ports" };
    let mut text =
        format!("Please allow outbound TCP connections from {machine} to {word} {}.\n", list(&ports));
    let purpose = match session.goal() {
        Goal::Relay => "deliver mail to the mail servers of",
        Goal::Submit | Goal::Inbox => "submit mail, signed in and under TLS, to",
    };
    let _ = writeln!(
        text,
        "They are needed to {purpose} {}. This is what ehlo {} saw on {}, from: {}",
        started.host, started.ehlo_version, started.started_at, started.vantage
    );
    let lines = session.transcript().lines();
    let attempts = routes.iter().flat_map(|route| &route.attempts).chain(answers(session));
    for attempt in attempts.take(MAX_LINES) {
        if let Some(line) = attempt.lines.last().and_then(|index| lines.get(*index)) {
            let _ = writeln!(text, "- {}: {}", attempt.endpoint, line.text);
        }
    }
    Some(Request { to, text })
}

/// The control connections that were answered: the host is alive.
fn answers(session: &Session) -> impl Iterator<Item = &crate::session::route::Attempt> {
    use ConnectOutcome::{Connected, Proxy, Reset};
    let answered = |outcome: &ConnectOutcome| {
        matches!(outcome, Connected | Reset | Proxy { fault: ProxyFault::Refused, .. })
    };
    session
        .controls()
        .flat_map(|probe| &probe.attempts)
        .filter(move |attempt| attempt.outcome.as_ref().is_some_and(answered))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, ProbeId};
    use crate::guide::words::words_in;
    use crate::session::testing::{Tape, V4};
    use crate::target::TlsMode;

    fn blocked(facts: &[(&str, &str)], control: ConnectOutcome) -> Session {
        let mut tape = Tape::new();
        let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        tape.event(ProbeId::SESSION, EventKind::Machine { facts });
        tape.resolves(&[V4]);
        tape.blocked(587, TlsMode::Starttls, ConnectOutcome::TimedOut, 5_000);
        tape.blocked(465, TlsMode::Implicit, ConnectOutcome::TimedOut, 5_000);
        tape.control(443, control, 30);
        tape.session()
    }

    #[test]
    fn a_request_names_whom_to_ask_and_what_was_seen() {
        let session = blocked(&[("sys_vendor", "DigitalOcean")], ConnectOutcome::Connected);
        let found = request(&session).unwrap();
        assert_eq!(found.to, "DigitalOcean support");
        assert_eq!(
            found.text,
            "Please allow outbound TCP connections from this machine to ports 465 and 587.\n\
             They are needed to submit mail, signed in and under TLS, to smtp.example.com. This is what ehlo 0.1.0 saw \
             on 2026-11-24T09:00:00Z, from: local\n\
             - 192.0.2.10:587: no answer within 5 s\n\
             - 192.0.2.10:465: no answer within 5 s\n\
             - 192.0.2.10:443: connected in 30 ms\n"
        );
        let elsewhere = request(&blocked(&[], ConnectOutcome::Connected)).unwrap();
        assert_eq!(elsewhere.to, "whoever hosts this machine or runs its network");
    }

    /// Between servers nobody signs in: a request that says so would be turned down by those who know.
    #[test]
    fn a_mail_server_asks_for_port_25_once_and_says_what_for() {
        let mut tape = Tape::with(|started| started.goal = Goal::Relay);
        tape.resolves(&[V4]);
        for _ in 0..2 {
            tape.blocked(25, TlsMode::Starttls, ConnectOutcome::TimedOut, 5_000);
        }
        tape.control(443, ConnectOutcome::Connected, 30);
        let session = tape.session();
        let text = request(&session).unwrap().text;
        assert!(
            text.starts_with("Please allow outbound TCP connections from this machine to port 25.\n"),
            "{text}"
        );
        assert!(text.contains("needed to deliver mail to the mail servers of smtp.example.com."), "{text}");
        let words = |code: &str| {
            let finding = session.findings().iter().find(|finding| finding.code == code).unwrap();
            words_in(&session, finding)
        };
        assert!(words("all-ports-blocked").summary.ends_with("from here: 25."));
        assert!(words("port-filtered").fix.contains("between mail servers no other will do"));
    }

    #[test]
    fn nothing_is_asked_where_a_port_answers_or_this_machine_stands_in_the_way() {
        let mut tape = Tape::new();
        tape.blocked(587, TlsMode::Starttls, ConnectOutcome::TimedOut, 5_000);
        tape.blocked(465, TlsMode::Implicit, ConnectOutcome::Reset, 1);
        assert_eq!(request(&tape.session()), None);
        let mut tape = Tape::new();
        tape.blocked(587, TlsMode::Starttls, ConnectOutcome::LocalRefusal { errno: 1 }, 1);
        assert_eq!(request(&tape.session()), None);
        let mut tape = Tape::new();
        tape.blocked(587, TlsMode::Starttls, ConnectOutcome::NoRoute { errno: 101 }, 1);
        assert_eq!(request(&tape.session()), None);
    }

    #[test]
    fn the_words_of_a_block_name_the_company_whose_doing_it_is() {
        let words = |facts: &[(&str, &str)], code: &str| {
            let session = blocked(facts, ConnectOutcome::Connected);
            let finding = session.findings().iter().find(|finding| finding.code == code).cloned().unwrap();
            words_in(&session, &finding)
        };
        let ocean = words(&[("sys_vendor", "DigitalOcean")], "egress-blocked");
        assert!(
            ocean
                .explanation
                .starts_with("This machine is at DigitalOcean. DigitalOcean is reported to block")
        );
        assert!(ocean.explanation.contains("2525 is open."), "{}", ocean.explanation);
        assert!(ocean.fix.starts_with("Ask support to lift it") && ocean.fix.ends_with("the way."));
        let port = words(&[("sys_vendor", "DigitalOcean")], "port-filtered");
        let short = "This machine is at DigitalOcean, which is reported to block port 587 outbound. Nothing came back";
        assert!(port.explanation.starts_with(short));
        // Where the company does not block these ports, its own rules are to be looked at, and nothing is lifted.
        let amazon = words(&[("sys_vendor", "Amazon EC2")], "egress-blocked");
        assert!(
            amazon.explanation.contains("not known to block ports 465 and 587: look at the security groups")
        );
        assert!(amazon.fix.starts_with("Ask the hosting company"));
        let unknown = words(&[("sys_vendor", "LENOVO")], "egress-blocked");
        assert!(unknown.explanation.starts_with("The host is alive"));
    }
}
