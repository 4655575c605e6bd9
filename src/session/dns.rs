//! What the look-ups gave.

use std::net::IpAddr;

use crate::event::{LookupOutcome, LookupSource, Micros, RecordData, RecordType};

/// Most look-ups that are kept, and most addresses of each family.
const MAX: usize = 1_000;

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

/// What the system's own resolver said of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemAnswer {
    /// The name asked for.
    pub host: String,
    /// Its addresses, or the system's words.
    pub result: Result<Vec<IpAddr>, String>,
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
    /// The same of every host that it was asked about, the latest answer of each.
    pub systems: Vec<SystemAnswer>,
    /// The CNAME chain of the target, in order.
    pub cname: Vec<String>,
    /// IPv4 addresses of the target.
    pub a: Vec<IpAddr>,
    /// IPv6 addresses of the target.
    pub aaaa: Vec<IpAddr>,
    /// From the first question about the target to the last answer.
    pub took: Option<Micros>,
    target: String,
    /// When the first question about the target was asked.
    asked: Option<Micros>,
}

impl Dns {
    /// The addresses that look-ups of this name gave, in the order of the answers, each once.
    pub fn addresses(&self, host: &str) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for answer in self.of(host) {
            if let LookupOutcome::Answers(records) = &answer.outcome {
                for record in records {
                    if let RecordData::Address(address) = record.data
                        && found.len() < MAX
                        && !found.contains(&address)
                    {
                        found.push(address);
                    }
                }
            }
        }
        found
    }

    /// The addresses to connect to: what DNS or the hosts file gave; where they gave none, what the system's own resolver
    /// knows from another source, for that is what a mail program would use.
    pub fn reachable(&self, host: &str) -> Vec<IpAddr> {
        let found = self.addresses(host);
        if !found.is_empty() {
            return found;
        }
        match self.system_of(host).map(|answer| &answer.result) {
            Some(Ok(addresses)) => addresses.clone(),
            _ => found,
        }
    }

    /// What the system's own resolver said of this host.
    pub fn system_of(&self, host: &str) -> Option<&SystemAnswer> {
        self.systems.iter().find(|answer| same(&answer.host, host))
    }

    /// The look-ups of this name, in whatever case. Where a question was asked again, only its last answer counts.
    pub fn of(&self, host: &str) -> impl Iterator<Item = &Answer> {
        let mine = self.answers.iter().enumerate().filter(move |(_, answer)| same(&answer.name, host));
        mine.filter(|(index, answer)| {
            let later = self.answers.get(index + 1..).unwrap_or_default();
            !later.iter().any(|other| other.record == answer.record && same(&other.name, &answer.name))
        })
        .map(|(_, answer)| answer)
    }

    /// Names the host that the flat fields are about.
    pub(crate) fn set_target(&mut self, host: &str) {
        if !same(&self.target, host) {
            host.clone_into(&mut self.target);
            self.asked = None;
            self.took = None;
            self.summarise();
        }
    }

    /// The host is looked up once more: the time begins anew.
    pub(crate) fn asked_again(&mut self, host: &str) {
        if same(&self.target, host) {
            self.asked = None;
        }
    }

    pub(crate) fn add(&mut self, answer: Answer, at: Micros) {
        if self.answers.len() >= MAX {
            return;
        }
        let about_target = same(&answer.name, &self.target);
        if about_target && matches!(answer.record, RecordType::A | RecordType::Aaaa) {
            let asked = Micros(at.0.saturating_sub(answer.took.0));
            let first = self.asked.map_or(asked, |first| first.min(asked));
            self.asked = Some(first);
            self.took = Some(at.since(first));
        }
        self.answers.push(answer);
        if about_target {
            self.summarise();
        }
    }

    pub(crate) fn add_system(&mut self, answer: SystemAnswer) {
        self.systems.retain(|other| !same(&other.host, &answer.host));
        if self.systems.len() < MAX {
            self.systems.push(answer);
        }
        self.summarise();
    }

    fn summarise(&mut self) {
        self.system = self.system_of(&self.target).map(|answer| (answer.result.clone(), answer.line));
        let addresses = self.addresses(&self.target);
        (self.aaaa, self.a) = addresses.into_iter().partition(IpAddr::is_ipv6);
        self.cname = self.aliases(&self.target);
    }

    /// The names that a host is an alias of, in the order of the answers, each once.
    pub fn aliases(&self, host: &str) -> Vec<String> {
        let mut chain = Vec::new();
        for answer in self.of(host) {
            if let LookupOutcome::Answers(records) = &answer.outcome {
                for record in records {
                    if let RecordData::Cname(name) = &record.data
                        && !chain.contains(name)
                        && chain.len() < 32
                    {
                        chain.push(name.clone());
                    }
                }
            }
        }
        chain
    }
}

/// Names are compared without case and without the final dot.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}
