//! What the look-ups gave.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::event::{LookupOutcome, LookupSource, Micros, RecordData, RecordType};

/// Most look-ups that are kept, and most addresses of each family.
const MAX: usize = 1_000;

/// Most hosts of which the system's own answer is kept: it is asked about hosts to connect to.
const MAX_SYSTEMS: usize = 100;

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
    /// Which answers count, by name: of each type the last. So that a look-up costs the same however many there were.
    last: HashMap<String, Vec<usize>>,
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
        let mine = self.last.get(&plain(host)).map(Vec::as_slice).unwrap_or_default();
        mine.iter().filter_map(|index| self.answers.get(*index))
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
        let mine = self.last.entry(plain(&answer.name)).or_default();
        mine.retain(|index| self.answers.get(*index).is_some_and(|other| other.record != answer.record));
        mine.push(self.answers.len());
        self.answers.push(answer);
        if about_target {
            self.summarise();
        }
    }

    pub(crate) fn add_system(&mut self, answer: SystemAnswer) {
        let about_target = same(&answer.host, &self.target);
        let room = self.systems.len() < MAX_SYSTEMS;
        match self.systems.iter_mut().find(|other| same(&other.host, &answer.host)) {
            Some(other) => *other = answer,
            None if room => self.systems.push(answer),
            None => return,
        }
        if about_target {
            self.summarise();
        }
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

/// A name as it is looked for: names that are the [`same`] are equal here.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(name: &str, record: RecordType, line: usize) -> Answer {
        let (source, outcome) = (LookupSource::Dns(None), LookupOutcome::NoData);
        Answer { name: name.to_owned(), record, source, outcome, took: Micros(1), line }
    }

    fn known(asked: &[(&str, RecordType)]) -> Dns {
        let mut dns = Dns::default();
        for (line, (name, record)) in asked.iter().enumerate() {
            dns.add(answer(name, *record, line), Micros(1));
        }
        dns
    }

    proptest! {
        #[test]
        fn of_each_question_the_last_answer_counts(
            asked in proptest::collection::vec((
                proptest::sample::select(vec!["a.example", "A.example.", "b.example", "b.EXAMPLE", ""]),
                proptest::sample::select(vec![RecordType::A, RecordType::Aaaa, RecordType::Mx]),
            ), 0..40),
            host in proptest::sample::select(vec!["a.example.", "B.example", "c.example", "."]),
        ) {
            let dns = known(&asked);
            let is_last = |at: usize| {
                let later = &dns.answers[at + 1..];
                !later.iter().any(|o| o.record == dns.answers[at].record && same(&o.name, &dns.answers[at].name))
            };
            let all = dns.answers.iter().enumerate();
            let expected: Vec<usize> =
                all.filter(|(at, a)| same(&a.name, host) && is_last(*at)).map(|(_, a)| a.line).collect();
            prop_assert_eq!(dns.of(host).map(|a| a.line).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn one_question_asked_ever_again_is_looked_at_once() {
        let dns = known(&[("a.example", RecordType::A); 500]);
        assert_eq!(dns.answers.len(), 500);
        assert_eq!(dns.last.values().map(Vec::len).collect::<Vec<_>>(), [1], "what is read to find the last");
        assert_eq!(dns.of("a.example").map(|answer| answer.line).collect::<Vec<_>>(), [499]);
    }

    #[test]
    fn what_the_system_says_is_kept_of_so_many_hosts() {
        let mut dns = Dns::default();
        dns.set_target("h0");
        for round in 0..2 {
            for number in 0..2 * MAX_SYSTEMS {
                let (host, result) = (format!("h{number}"), Err(format!("round {round}")));
                dns.add_system(SystemAnswer { host, result, line: number });
            }
        }
        assert_eq!(dns.systems.len(), MAX_SYSTEMS);
        assert_eq!(dns.system, Some((Err("round 1".to_owned()), 0)), "the latest answer");
        assert!(dns.system_of(&format!("h{MAX_SYSTEMS}")).is_none());
    }
}
