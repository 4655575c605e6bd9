//! Sessions told as stories: what each comes to, and that nothing depends on how its bytes were split.

use crate::session::testing::Tape;

mod dialogue;
mod long;
mod names;
mod outcomes;
mod reach;
mod robust;
mod secure;
mod submit;
mod telling;
mod told;

/// The codes found, in their order.
fn codes(tape: &Tape) -> Vec<&'static str> {
    tape.session().findings().iter().map(|finding| finding.code).collect()
}

/// True where the code is found, with evidence.
fn has(tape: &Tape, code: &str) -> bool {
    tape.session().findings().iter().any(|finding| finding.code == code && !finding.evidence.is_empty())
}

/// A fact of a finding, for its words.
fn fact(tape: &Tape, code: &str, name: &str) -> String {
    let session = tape.session();
    let found = session.findings().iter().find(|finding| finding.code == code);
    found.and_then(|finding| finding.facts.get(name)).cloned().unwrap_or_default()
}
