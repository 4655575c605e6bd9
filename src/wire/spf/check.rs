//! Evaluates SPF records and counts the look-ups that they cost (RFC 7208 §4).
//!
//! The evaluation asks [`Lookups`] for what it needs. What is not known yet it lists as wanted and goes on, so that a
//! caller can look up a whole level at once and evaluate again. The count is of the worst case, a sender that matches
//! nothing: that is what decides whether the record holds for everybody. Single mechanisms stand in `mechanism`.

use std::net::IpAddr;

use super::{Mechanism, Qualifier, Record, is_record, parse};
use mechanism::Match;

mod mechanism;
#[cfg(test)]
mod tests;

/// Most terms that may cost look-ups (RFC 7208 §4.6.4).
pub const MAX_LOOKUPS: usize = 10;

/// Most terms whose look-ups may come to nothing (RFC 7208 §4.6.4).
pub const MAX_VOID: usize = 2;

/// Where counting stops: far beyond what is allowed.
const MAX_COUNTED: usize = 40;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are DNS's own")]
pub enum Kind {
    Txt,
    A,
    Aaaa,
    Mx,
    Ptr,
}

/// What is known of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nobody has asked yet.
    Unknown,
    /// The look-up failed: nothing can be said.
    Failed,
    /// No such name, or no such record.
    Void,
    /// Texts.
    Txt(Vec<String>),
    /// Addresses.
    Addresses(Vec<IpAddr>),
    /// Names: of exchangers, or of an address.
    Names(Vec<String>),
}

/// What DNS has said so far.
pub trait Lookups {
    /// The answer to one question.
    fn answer(&self, name: &str, kind: Kind) -> Answer;
}

/// What a record says of a sender (RFC 7208 §2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It depends on what is not known yet.
    Pending,
    /// There is no record.
    None,
    /// A term matched, or nothing did and nothing is said.
    Said(Qualifier),
    /// The record cannot be evaluated.
    PermError,
    /// DNS failed.
    TempError,
}

/// One term that costs a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The domain in whose record it stands.
    pub domain: String,
    /// The term.
    pub term: String,
}

/// What came of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What the record says of the sender.
    pub verdict: Verdict,
    /// The terms that cost look-ups, in order: their number is what is limited.
    pub counted: Vec<Counted>,
    /// True where counting stopped before the end.
    pub and_more: bool,
    /// Names whose look-up came to nothing, one for each term.
    pub void: Vec<String>,
    /// The same, as far as the sender's evaluation came before it was decided.
    pub void_met: Vec<String>,
    /// Every domain whose record is part of it, the asked one first.
    pub domains: Vec<String>,
    /// What must be looked up before more can be said.
    pub wanted: Vec<(String, Kind)>,
    /// Why the record cannot be evaluated.
    pub problem: Option<String>,
    /// The term that matched, and the domain in whose record it stands.
    pub matched: Option<Counted>,
}

/// Whose mail it is, for macros that name it.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The domain behind the `@`.
    pub domain: &'a str,
    /// What stands before it, where it is known.
    pub local: Option<&'a str>,
}

/// Evaluates the record of a sender's domain for mail from `ip`; without an address it only counts.
pub fn check(sender: Sender<'_>, ip: Option<IpAddr>, lookups: &dyn Lookups) -> Checked {
    let mut walk = Walk { sender, ip, lookups, found: Checked::new(), live: true, counts_void: true };
    walk.found.verdict = walk.domain(sender.domain, 0);
    let met = walk.found.void_met.len();
    if ip.is_some() && met > MAX_VOID && matches!(walk.found.verdict, Verdict::Said(_)) {
        walk.found.verdict = walk.broken(format!(
            "{met} of its look-ups come to nothing for this sender ({}), and receivers accept {MAX_VOID}",
            walk.found.void_met.join(", ")
        ));
    }
    walk.found
}

impl Checked {
    fn new() -> Self {
        Self {
            verdict: Verdict::Pending,
            counted: Vec::new(),
            and_more: false,
            void: Vec::new(),
            void_met: Vec::new(),
            domains: Vec::new(),
            wanted: Vec::new(),
            problem: None,
            matched: None,
        }
    }

    /// True where receivers give up on the record because of its look-ups.
    pub fn too_many(&self) -> bool {
        self.counted.len() > MAX_LOOKUPS
    }
}

struct Walk<'a> {
    sender: Sender<'a>,
    ip: Option<IpAddr>,
    lookups: &'a dyn Lookups,
    found: Checked,
    /// True as long as nothing has decided: what follows a match is only counted.
    live: bool,
    /// True where nothing of the current term has come to nothing yet: it counts once.
    counts_void: bool,
}

impl Walk<'_> {
    fn ask(&mut self, name: &str, kind: Kind) -> Answer {
        let answer = self.lookups.answer(name, kind);
        if answer == Answer::Unknown && !self.found.wanted.iter().any(|(n, k)| n == name && *k == kind) {
            self.found.wanted.push((name.to_owned(), kind));
        }
        answer
    }

    fn nothing(&mut self, name: &str) {
        if std::mem::replace(&mut self.counts_void, false) {
            self.found.void.push(name.to_owned());
            if self.live {
                self.found.void_met.push(name.to_owned());
            }
        }
    }

    fn broken(&mut self, why: String) -> Verdict {
        self.found.problem.get_or_insert(why);
        Verdict::PermError
    }

    /// One more term that costs a look-up; false where counting has gone far enough.
    fn count(&mut self, domain: &str, term: &str) -> bool {
        if self.found.counted.len() >= MAX_COUNTED {
            self.found.and_more = true;
            return false;
        }
        self.counts_void = true;
        self.found.counted.push(Counted { domain: domain.to_owned(), term: term.to_owned() });
        true
    }

    fn record(&mut self, domain: &str) -> Result<Record, Verdict> {
        let texts = match self.ask(domain, Kind::Txt) {
            Answer::Unknown => return Err(Verdict::Pending),
            Answer::Failed => return Err(Verdict::TempError),
            Answer::Txt(texts) => texts,
            _ => Vec::new(),
        };
        let mut records = texts.iter().filter(|text| is_record(text));
        match (records.next(), records.next()) {
            (None, _) => Err(Verdict::None),
            (Some(_), Some(_)) => Err(self.broken(format!("{domain} has more than one SPF record"))),
            (Some(text), None) => parse(text)
                .map_err(|why| self.broken(format!("the record of {domain} cannot be read: {why}"))),
        }
    }

    /// What the record of a domain says. `depth` only guards against endless descent; the count is the real limit.
    fn domain(&mut self, domain: &str, depth: usize) -> Verdict {
        if depth > MAX_COUNTED {
            self.found.and_more = true;
            return Verdict::PermError;
        }
        if !self.found.domains.iter().any(|known| known == domain) {
            self.found.domains.push(domain.to_owned());
        }
        let record = match self.record(domain) {
            Ok(record) => record,
            Err(verdict) => return verdict,
        };
        let mut decided = None;
        let mut ended = false;
        let live = self.live;
        for directive in &record.directives {
            let matches = self.mechanism(domain, directive, depth);
            ended = directive.mechanism == Mechanism::All;
            let verdict = match matches {
                Match::Yes => Some(Verdict::Said(directive.qualifier)),
                Match::No => None,
                Match::Pending => Some(Verdict::Pending),
                Match::Broken(verdict) => Some(verdict),
            };
            if decided.is_none()
                && let Some(verdict) = verdict
            {
                if depth == 0 && matches!(verdict, Verdict::Said(_)) {
                    let (domain, term) = (domain.to_owned(), directive.text.clone());
                    self.found.matched = Some(Counted { domain, term });
                }
                decided = Some(verdict);
                self.live = false;
            }
            // What stands behind all is never looked at (RFC 7208 §5.1).
            if ended {
                break;
            }
        }
        if let Some(redirect) = record.redirect.filter(|_| !ended) {
            let there = self.redirect(domain, &redirect, depth);
            decided = decided.or(Some(there));
        }
        self.live = live;
        // Nothing matched: the record says nothing (RFC 7208 §4.7).
        decided.unwrap_or(Verdict::Said(Qualifier::Neutral))
    }

    fn redirect(&mut self, domain: &str, target: &str, depth: usize) -> Verdict {
        if !self.count(domain, &format!("redirect={target}")) {
            return Verdict::PermError;
        }
        let Some(target) = self.name(domain, target) else { return Verdict::Pending };
        match self.domain(&target, depth + 1) {
            Verdict::None => {
                self.nothing(&target);
                self.broken(format!("redirect leads to {target}, which has no SPF record"))
            }
            verdict => verdict,
        }
    }
}
