//! What the look-ups gave.

use std::net::IpAddr;

use crate::event::{LookupOutcome, LookupSource, Micros, RecordType};

/// One look-up and its place in the transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The name asked for.
    pub name: String,
    /// The type asked for.
    pub record: RecordType,
    /// Where the answer came from.
    pub source: LookupSource,
    /// The answer.
    pub outcome: LookupOutcome,
    /// How long it took.
    pub took: Micros,
    /// Its line.
    pub line: usize,
}

/// All look-ups of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dns {
    /// In the order of their answers.
    pub answers: Vec<Answer>,
    /// What the system's own resolver said of the target, and its line.
    pub system: Option<(Result<Vec<IpAddr>, String>, usize)>,
    /// The CNAME chain of the target, in order.
    pub cname: Vec<String>,
    /// IPv4 addresses of the target.
    pub a: Vec<IpAddr>,
    /// IPv6 addresses of the target.
    pub aaaa: Vec<IpAddr>,
    /// From the first question about the target to the last answer.
    pub took: Option<Micros>,
}
