//! Whole sessions.

use super::{EHLO, Tape, V4, V6, certs};
use crate::event::{AnsweredBy, ConnectOutcome, Event, EventKind, ProbeId};
use crate::target::TlsMode;

/// Name and events of every story.
pub fn stories() -> Vec<(&'static str, Vec<Event>)> {
    vec![
        ("healthy-587", healthy_587()),
        ("filtered-587-then-465", filtered_587_then_465()),
        ("certificate-faults", certificate_faults()),
        ("starttls-stripped", starttls_stripped()),
        ("nothing-works", nothing_works()),
    ]
}

fn begin(addresses: &[&str]) -> Tape {
    let mut tape = Tape::new();
    let (question, answer) = ("sender".to_owned(), "app".to_owned());
    tape.event(ProbeId::SESSION, EventKind::Answered { question, answer, by: AnsweredBy::Default });
    tape.step("host", "asks DNS for the IPv6 and IPv4 addresses of smtp.example.com");
    tape.resolves(addresses);
    tape
}

/// Port 587 with STARTTLS works at once.
pub fn healthy_587() -> Vec<Event> {
    let mut tape = begin(&[V4]);
    tape.step("route-587-starttls", "connects to smtp.example.com port 587");
    tape.healthy(587, TlsMode::Starttls);
    tape.finish()
}

/// Port 587 is filtered and one IPv6 address has no route; port 465 works.
pub fn filtered_587_then_465() -> Vec<Event> {
    let mut tape = begin(&[V6, V4]);
    tape.step("route-587-starttls", "connects to smtp.example.com port 587");
    let first = tape.route(587, TlsMode::Starttls);
    let second = tape.route(465, TlsMode::Implicit);
    tape.route(2525, TlsMode::Starttls);
    let blocked = tape.probe(first);
    tape.connecting(blocked, V6)
        .after(1)
        .connect_ends(blocked, V6, ConnectOutcome::NoRoute { errno: 101 }, 1)
        .connecting(blocked, V4)
        .after(250)
        .step("route-465-implicit", "connects to smtp.example.com port 465");
    let works = tape.probe(second);
    tape.connecting(works, V6)
        .after(1)
        .connect_ends(works, V6, ConnectOutcome::NoRoute { errno: 101 }, 1)
        .connecting(works, V4)
        .after(31)
        .connect_ends(works, V4, ConnectOutcome::Connected, 31)
        .chosen(works, V4)
        .tls_12(works, &[certs::GOOD, certs::INTERMEDIATE])
        .server(works, "220 mx.example.com ESMTP ready\r\n")
        .works(works)
        .after(4_500)
        .connect_ends(blocked, V4, ConnectOutcome::TimedOut, 5_000)
        .end(blocked);
    tape.finish()
}

/// Port 587 has a certificate that has expired and is for another host; on port 465 the intermediate is missing;
/// port 2525 refuses.
pub fn certificate_faults() -> Vec<Event> {
    let mut tape = begin(&[V4]);
    tape.step("route-587-starttls", "connects to smtp.example.com port 587");
    let first = tape.route(587, TlsMode::Starttls);
    let second = tape.route(465, TlsMode::Implicit);
    let probe = tape.probe(first);
    tape.up_to_starttls(probe);
    tape.distrusts(first, probe, &[certs::EXPIRED_OTHER_NAME, certs::INTERMEDIATE], &[(0, 10), (0, 62)]);
    tape.step("route-465-implicit", "connects to smtp.example.com port 465");
    let probe = tape.probe(second);
    tape.connected(probe);
    tape.distrusts(second, probe, &[certs::GOOD], &[(0, 20), (0, 21)]);
    tape.step("route-2525-starttls", "connects to smtp.example.com port 2525");
    tape.blocked(2525, TlsMode::Starttls, ConnectOutcome::Reset, 2);
    tape.finish()
}

/// A device on the way has crossed STARTTLS out on 587; 465 works.
pub fn starttls_stripped() -> Vec<Event> {
    let mut tape = begin(&[V4]);
    tape.step("route-587-starttls", "connects to smtp.example.com port 587");
    let first = tape.route(587, TlsMode::Starttls);
    let probe = tape.probe(first);
    let offer = "250-mx.example.com\r\n250-SIZE 35882577\r\n250-XXXXXXXA\r\n250 8BITMIME\r\n";
    tape.connected(probe)
        .server(probe, "220 ****************************\r\n")
        .ask(probe, EHLO, offer)
        .quits(probe);
    tape.step("route-465-implicit", "connects to smtp.example.com port 465");
    tape.healthy(465, TlsMode::Implicit);
    tape.finish()
}

/// All mail ports are silent; port 443 of the same host answers.
pub fn nothing_works() -> Vec<Event> {
    let mut tape = begin(&[V4]);
    let ports = [(587, TlsMode::Starttls), (465, TlsMode::Implicit), (2525, TlsMode::Starttls)];
    for (port, tls) in ports {
        tape.step(&format!("route-{port}-{tls}"), &format!("connects to smtp.example.com port {port}"));
        tape.blocked(port, tls, ConnectOutcome::TimedOut, 5_000);
    }
    tape.step("way-out", "connects to smtp.example.com port 443, then port 80");
    tape.control(443, ConnectOutcome::Connected, 30);
    tape.finish()
}
