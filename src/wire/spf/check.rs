//! Evaluates SPF records and counts the look-ups that they cost (RFC 7208 §4).
//!
//! The evaluation asks [`Lookups`] for what it needs. What is not known yet it lists as wanted and goes on, so that a
//! caller can look up a whole level at once and evaluate again. The count is of the worst case, a sender that matches
//! nothing: that is what decides whether the record holds for everybody.

use std::net::IpAddr;

use super::macros::{Facts, expand};
use super::{Mechanism, Qualifier, Record, in_network, is_record, parse};

/// Most terms that may cost look-ups (RFC 7208 §4.6.4).
pub const MAX_LOOKUPS: usize = 10;

/// Most look-ups that may come to nothing (RFC 7208 §4.6.4).
pub const MAX_VOID: usize = 2;

/// Most exchangers of an `mx` term (RFC 7208 §4.6.4).
const MAX_EXCHANGERS: usize = 10;

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
    /// Names of exchangers.
    Exchangers(Vec<String>),
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
    /// Names whose look-up came to nothing.
    pub void: Vec<String>,
    /// Every domain whose record is part of it, the asked one first.
    pub domains: Vec<String>,
    /// What must be looked up before more can be said.
    pub wanted: Vec<(String, Kind)>,
    /// Why the record cannot be evaluated.
    pub problem: Option<String>,
    /// The term that matched, and the domain in whose record it stands.
    pub matched: Option<Counted>,
}

/// Evaluates the record of `domain` for a sender at `ip`; without an address it only counts.
pub fn check(domain: &str, ip: Option<IpAddr>, lookups: &dyn Lookups) -> Checked {
    let mut walk = Walk { sender: domain, ip, lookups, found: Checked::new() };
    walk.found.verdict = walk.domain(domain, 0);
    walk.found
}

impl Checked {
    fn new() -> Self {
        Self {
            verdict: Verdict::Pending,
            counted: Vec::new(),
            and_more: false,
            void: Vec::new(),
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
    sender: &'a str,
    ip: Option<IpAddr>,
    lookups: &'a dyn Lookups,
    found: Checked,
}

/// Whether a mechanism matches.
enum Match {
    Yes,
    No,
    Pending,
    Broken(Verdict),
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
        if !self.found.void.iter().any(|known| known == name) {
            self.found.void.push(name.to_owned());
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

    fn name(&self, domain: &str, spec: &str) -> Option<String> {
        expand(spec, &Facts { ip: self.ip, domain, sender: self.sender })
    }

    fn mechanism(&mut self, domain: &str, directive: &super::Directive, depth: usize) -> Match {
        let text = &directive.text;
        match &directive.mechanism {
            Mechanism::All => match self.ip {
                Some(_) => Match::Yes,
                None => Match::No,
            },
            Mechanism::Ip(network, bits) => self.matches(&[*network], (*bits, *bits)),
            Mechanism::Include(spec) => {
                if !self.count(domain, text) {
                    return Match::Broken(Verdict::PermError);
                }
                let Some(target) = self.name(domain, spec) else { return Match::Pending };
                match self.domain(&target, depth + 1) {
                    Verdict::Said(Qualifier::Pass) if self.ip.is_some() => Match::Yes,
                    Verdict::Said(_) => Match::No,
                    Verdict::Pending => Match::Pending,
                    // An include without a record is an error (RFC 7208 §5.2).
                    Verdict::None => {
                        self.nothing(&target);
                        let why = format!("{text} in the record of {domain} leads to no SPF record");
                        Match::Broken(self.broken(why))
                    }
                    verdict => Match::Broken(verdict),
                }
            }
            Mechanism::A(spec, bits) => {
                self.host(domain, text, spec.as_deref(), |walk, name| walk.addresses(name, *bits))
            }
            Mechanism::Mx(spec, bits) => {
                self.host(domain, text, spec.as_deref(), |walk, name| walk.exchangers(name, *bits))
            }
            Mechanism::Exists(spec) => {
                // It asks for A whatever the sender's family is (RFC 7208 §5.7).
                self.host(domain, text, Some(spec), |walk, name| match walk.ask(name, Kind::A) {
                    Answer::Unknown => Match::Pending,
                    Answer::Failed => Match::Broken(Verdict::TempError),
                    Answer::Addresses(_) if walk.ip.is_some() => Match::Yes,
                    Answer::Addresses(_) => Match::No,
                    _ => {
                        walk.nothing(name);
                        Match::No
                    }
                })
            }
            // It costs a look-up, is slow and is not to be used (RFC 7208 §5.5): it is counted and taken not to match.
            Mechanism::Ptr(_) => {
                self.count(domain, text);
                Match::No
            }
        }
    }

    fn host(
        &mut self,
        domain: &str,
        text: &str,
        spec: Option<&str>,
        look: impl FnOnce(&mut Self, &str) -> Match,
    ) -> Match {
        if !self.count(domain, text) {
            return Match::Broken(Verdict::PermError);
        }
        match self.name(domain, spec.unwrap_or(domain)) {
            Some(name) => look(self, &name),
            // Without a sender's address the name cannot be known, and nothing hangs on it.
            None if self.ip.is_none() => Match::No,
            None => Match::Pending,
        }
    }

    fn matches(&self, networks: &[IpAddr], (v4, v6): (u8, u8)) -> Match {
        let Some(ip) = self.ip else { return Match::No };
        let inside = |network: &IpAddr| in_network(ip, *network, if network.is_ipv4() { v4 } else { v6 });
        if networks.iter().any(inside) { Match::Yes } else { Match::No }
    }

    /// The addresses of a name, of the sender's family; of both where no sender is known, for a name that has none.
    fn addresses(&mut self, name: &str, bits: (u8, u8)) -> Match {
        let kinds: &[Kind] = match self.ip.map(|ip| ip.to_canonical().is_ipv4()) {
            Some(true) => &[Kind::A],
            Some(false) => &[Kind::Aaaa],
            None => &[Kind::A, Kind::Aaaa],
        };
        let mut found = Vec::new();
        let mut void = 0;
        // All that is wanted is named at once.
        let answers: Vec<Answer> = kinds.iter().map(|kind| self.ask(name, *kind)).collect();
        for answer in answers {
            match answer {
                Answer::Unknown => return Match::Pending,
                Answer::Failed => return Match::Broken(Verdict::TempError),
                Answer::Addresses(addresses) => found.extend(addresses),
                _ => void += 1,
            }
        }
        if void == kinds.len() {
            self.nothing(name);
        }
        self.matches(&found, bits)
    }

    fn exchangers(&mut self, name: &str, bits: (u8, u8)) -> Match {
        let hosts = match self.ask(name, Kind::Mx) {
            Answer::Unknown => return Match::Pending,
            Answer::Failed => return Match::Broken(Verdict::TempError),
            Answer::Exchangers(hosts) => hosts,
            _ => Vec::new(),
        };
        if hosts.is_empty() {
            self.nothing(name);
        }
        if hosts.len() > MAX_EXCHANGERS {
            let why = format!("{name} has more than {MAX_EXCHANGERS} mail exchangers, too many for mx");
            return Match::Broken(self.broken(why));
        }
        // Their addresses matter only where there is one to compare.
        if self.ip.is_none() {
            return Match::No;
        }
        let mut outcome = Match::No;
        for host in hosts.iter().filter(|host| !matches!(host.as_str(), "" | ".")) {
            match self.addresses(host, bits) {
                Match::Yes => return Match::Yes,
                Match::No => {}
                other => outcome = other,
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A small DNS: whatever is not in it is void.
    #[derive(Default)]
    struct Zone(BTreeMap<(String, Kind), Answer>);

    impl Zone {
        fn txt(mut self, name: &str, text: &str) -> Self {
            let entry = self.0.entry((name.into(), Kind::Txt)).or_insert(Answer::Txt(Vec::new()));
            if let Answer::Txt(texts) = entry {
                texts.push(text.into());
            }
            self
        }

        fn a(mut self, name: &str, address: &str) -> Self {
            self.0.insert((name.into(), Kind::A), Answer::Addresses(vec![address.parse().unwrap()]));
            self
        }

        fn mx(mut self, name: &str, host: &str) -> Self {
            self.0.insert((name.into(), Kind::Mx), Answer::Exchangers(vec![host.into()]));
            self
        }
    }

    impl Lookups for Zone {
        fn answer(&self, name: &str, kind: Kind) -> Answer {
            self.0.get(&(name.to_owned(), kind)).cloned().unwrap_or(Answer::Void)
        }
    }

    /// Nothing has been asked yet.
    struct Nobody;

    impl Lookups for Nobody {
        fn answer(&self, _: &str, _: Kind) -> Answer {
            Answer::Unknown
        }
    }

    fn at(zone: &Zone, ip: &str) -> Verdict {
        check("example.com", Some(ip.parse().unwrap()), zone).verdict
    }

    const PASS: Verdict = Verdict::Said(Qualifier::Pass);
    const FAIL: Verdict = Verdict::Said(Qualifier::Fail);

    /// RFC 7208 appendix A.1, with the zone of its beginning.
    #[test]
    fn the_simple_examples_of_the_rfc() {
        let zone = |record: &str| {
            Zone::default()
                .txt("example.com", record)
                .a("example.com", "192.0.2.10")
                .a("mail-a.example.com", "192.0.2.129")
                .a("mail-c.example.org", "192.0.2.140")
                .mx("example.com", "mail-a.example.com")
                .mx("example.org", "mail-c.example.org")
                .a("example.org", "192.0.2.200")
        };
        for (record, ip, verdict) in [
            ("v=spf1 +all", "203.0.113.1", PASS),
            ("v=spf1 a -all", "192.0.2.10", PASS),
            ("v=spf1 a -all", "192.0.2.129", FAIL),
            ("v=spf1 a:example.org -all", "192.0.2.10", FAIL),
            ("v=spf1 mx -all", "192.0.2.129", PASS),
            ("v=spf1 mx:example.org -all", "192.0.2.140", PASS),
            ("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.131", PASS),
            ("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.143", PASS),
            ("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.144", FAIL),
            ("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.129", PASS),
            ("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.65", FAIL),
            ("v=spf1 ?a", "192.0.2.10", Verdict::Said(Qualifier::Neutral)),
            ("v=spf1 a", "203.0.113.1", Verdict::Said(Qualifier::Neutral)),
        ] {
            assert_eq!(at(&zone(record), ip), verdict, "{record} {ip}");
        }
    }

    #[test]
    fn include_passes_on_a_pass_only_and_redirect_takes_over() {
        let zone = Zone::default()
            .txt("example.com", "v=spf1 include:_spf.example.net ~all")
            .txt("_spf.example.net", "v=spf1 ip4:198.51.100.0/24 -all");
        assert_eq!(at(&zone, "198.51.100.7"), PASS);
        assert_eq!(at(&zone, "203.0.113.7"), Verdict::Said(Qualifier::SoftFail));
        let found = check("example.com", Some("198.51.100.7".parse().unwrap()), &zone);
        assert_eq!(found.matched.unwrap().term, "include:_spf.example.net");
        let zone = Zone::default()
            .txt("example.com", "v=spf1 redirect=_spf.example.net")
            .txt("_spf.example.net", "v=spf1 ip4:198.51.100.0/24 -all");
        assert_eq!(at(&zone, "203.0.113.7"), FAIL);
        assert_eq!(check("example.com", None, &zone).counted.len(), 1);
    }

    #[test]
    fn broken_ends() {
        let include = Zone::default().txt("example.com", "v=spf1 include:gone.example.net -all");
        let found = check("example.com", Some("203.0.113.1".parse().unwrap()), &include);
        assert_eq!((found.verdict, found.void), (Verdict::PermError, vec!["gone.example.net".to_owned()]));
        let twice = Zone::default().txt("example.com", "v=spf1 -all").txt("example.com", "v=spf1 a -all");
        assert_eq!(at(&twice, "192.0.2.1"), Verdict::PermError);
        assert_eq!(at(&Zone::default(), "192.0.2.1"), Verdict::None);
        // A term that matches before the broken one decides.
        let early = Zone::default().txt("example.com", "v=spf1 ip4:192.0.2.1 include:gone.example.net -all");
        assert_eq!(at(&early, "192.0.2.1"), PASS);
        // A record that includes itself comes to an end.
        let circle = Zone::default().txt("example.com", "v=spf1 include:example.com -all");
        let found = check("example.com", None, &circle);
        assert!(found.and_more && found.too_many());
    }

    /// RFC 7208 §4.6.4: include, a, mx, ptr, exists and redirect count; all, ip4 and ip6 do not; nor does what stands
    /// behind all.
    #[test]
    fn what_counts() {
        let zone = Zone::default().txt(
            "example.com",
            "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 a mx ptr exists:e.example.net include:i.example.net -all a:x.example",
        );
        let zone = zone.txt("i.example.net", "v=spf1 a:j.example.net redirect=k.example.net");
        let zone = zone.txt("k.example.net", "v=spf1 ip4:192.0.2.2 ?all");
        let found = check("example.com", None, &zone);
        let terms: Vec<_> = found.counted.iter().map(|c| c.term.as_str()).collect();
        let wanted = ["a", "mx", "ptr", "exists:e.example.net", "include:i.example.net", "a:j.example.net"];
        assert_eq!(terms[..6], wanted);
        assert_eq!(terms[6], "redirect=k.example.net");
        assert_eq!(terms.len(), 7);
        assert_eq!(found.void, ["example.com", "e.example.net", "j.example.net"]);
        let ten = |n: usize| (0..n).map(|i| format!("a:h{i}.example.net ")).collect::<String>();
        let exactly = Zone::default().txt("example.com", &format!("v=spf1 {}-all", ten(10)));
        assert!(!check("example.com", None, &exactly).too_many());
        let beyond = Zone::default().txt("example.com", &format!("v=spf1 {}-all", ten(11)));
        assert!(check("example.com", None, &beyond).too_many());
    }

    #[test]
    fn what_is_not_known_yet_is_wanted() {
        let found = check("example.com", None, &Nobody);
        assert_eq!(
            (found.verdict, found.wanted),
            (Verdict::Pending, vec![("example.com".into(), Kind::Txt)])
        );
    }

    proptest! {
        #[test]
        fn any_record_comes_to_an_end(terms in proptest::collection::vec("[-~?+]?(all|a|mx|ptr|include:example.com|include:b.example|redirect=b.example|exists:%\\{i\\}.example.com|ip4:192.0.2.0/24)", 0..30)) {
            let text = format!("v=spf1 {}", terms.join(" "));
            let zone = Zone::default().txt("example.com", &text).txt("b.example", &text);
            let found = check("example.com", Some("192.0.2.1".parse().unwrap()), &zone);
            prop_assert!(found.counted.len() <= MAX_COUNTED);
        }
    }
}
