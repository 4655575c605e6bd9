//! What a person reads of a session.

use std::fmt::Write as _;

use crate::session::Session;
use crate::session::testing::{play, stories};
use crate::session::transcript::From;

fn read(session: &Session) -> String {
    let mut text = String::new();
    for line in session.transcript().lines() {
        let who = match line.from {
            From::Client => "->",
            From::Server => "<-",
            From::Probe => "  ",
        };
        let lock = if line.encrypted { "*" } else { " " };
        let port = line.port.map(|port| port.to_string()).unwrap_or_default();
        let _ = writeln!(text, "{:>9.3} {port:>4} {lock}{who} {}", line.at.as_ms(), line.text);
    }
    for route in session.routes() {
        let _ = writeln!(text, "{} {}: {:?} {:?}", route.port, route.tls, route.state, route.outcome);
    }
    text
}

#[test]
fn stories_read_well() {
    for (name, events) in stories() {
        insta::assert_snapshot!(name, read(&play(&events)));
    }
}
