//! Mail that lands in the spam folder: the port is not the cause; SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989)
//! and the reverse name of the sending address may be.

use std::collections::BTreeMap;

use super::finding;
use super::names::unanswered;
use super::relay::of_reverse;
use crate::event::{RecordType, SessionStarted};
use crate::session::relay::{self, is_public};
use crate::session::sender::{self, Asked, Dmarc};
use crate::session::{Finding, Session, Severity};
use crate::target::Goal;
use crate::wire::dkim::{BadKey, Strength};
use crate::wire::spf::check::{Checked, MAX_LOOKUPS, MAX_VOID, Verdict};
use crate::wire::spf::{Qualifier, is_record};

struct Found<'a> {
    session: &'a Session,
    started: &'a SessionStarted,
    list: Vec<Finding>,
}

pub(super) fn findings(session: &Session) -> Vec<Finding> {
    let Some(started) = session.started().filter(|_| session.goal() == Goal::Inbox) else {
        return Vec::new();
    };
    if started.malformed.is_some() {
        return Vec::new();
    }
    let mut found = Found { session, started, list: Vec::new() };
    // Said before anything is looked up: it is what the question is about.
    if let Some(line) = session.goal_line() {
        found.add("port-is-not-the-cause", Severity::Info, [line], []);
    }
    // Where the domain does not exist, or DNS fails, its records are not missing.
    let (dns, host) = (session.dns(), &started.host);
    let own = dns.of(host).find(|answer| answer.record == RecordType::Txt);
    if let Some(failed) = own.and_then(|answer| unanswered(answer, host)) {
        let gone = failed.code == "dns-nxdomain";
        found.list.push(failed);
        if gone {
            return found.list;
        }
    }
    found.spf();
    found.dkim();
    found.dmarc();
    found.reverse();
    found.list
}

impl Found<'_> {
    fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        evidence: impl IntoIterator<Item = usize>,
        facts: impl IntoIterator<Item = (&'static str, String)>,
    ) {
        let mut lines = Vec::new();
        for line in evidence {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        if lines.is_empty() {
            return;
        }
        let mut all =
            BTreeMap::from([("host", self.started.host.clone()), ("domain", self.started.host.clone())]);
        all.extend(facts);
        self.list.push(finding(code, severity, lines, all));
    }

    /// The lines of the look-ups of these names.
    fn lines(&self, names: &[String], record: RecordType) -> Vec<usize> {
        let dns = self.session.dns();
        let of =
            |name: &String| dns.of(name).find(|answer| answer.record == record).map(|answer| answer.line);
        names.iter().filter_map(of).collect()
    }

    fn spf(&mut self) {
        let (dns, domain) = (self.session.dns(), self.started.host.clone());
        let (texts, line) = relay::texts(dns, &domain);
        let own = self.lines(std::slice::from_ref(&domain), RecordType::Txt);
        if own.is_empty() {
            return;
        }
        let records = texts.iter().filter(|text| is_record(text)).count();
        let checked = sender::spf(dns, &domain);
        if records == 0 {
            if checked.verdict == Verdict::None {
                self.add("spf-missing", Severity::Warning, own, []);
            }
            return;
        }
        if records > 1 {
            self.add("spf-multiple", Severity::Error, [line], [("count", records.to_string())]);
            return;
        }
        let lines = self.lines(&checked.domains, RecordType::Txt);
        if checked.too_many() {
            let count = checked.counted.len();
            let count = if checked.and_more { format!("more than {count}") } else { count.to_string() };
            let facts = [("count", count), ("limit", MAX_LOOKUPS.to_string()), ("terms", terms(&checked))];
            self.add("spf-too-many-lookups", Severity::Error, lines.clone(), facts);
        } else if let Some(why) = &checked.problem {
            self.add("spf-invalid", Severity::Error, lines.clone(), [("why", why.clone())]);
        } else if checked.void.len() > MAX_VOID {
            let mut names = checked.void.clone();
            names.dedup();
            let why = format!(
                "{} of its look-ups come to nothing ({}), and receivers accept {MAX_VOID}",
                checked.void.len(),
                names.join(", ")
            );
            self.add("spf-invalid", Severity::Error, lines.clone(), [("why", why)]);
        }
        if allows_everybody(&texts) {
            self.add("spf-allows-everybody", Severity::Warning, [line], []);
        }
        let broken = checked.too_many() || checked.problem.is_some() || checked.void.len() > MAX_VOID;
        for asked in sender::asked(dns, self.started) {
            self.sender(&asked, &lines, broken);
        }
    }

    /// Whether one sender that the user named is allowed to send. What is wrong with the record for everybody (`broken`)
    /// is said already.
    fn sender(&mut self, asked: &Asked, lines: &[usize], broken: bool) {
        if asked.named {
            return;
        }
        let refused = asked.addresses.iter().find_map(|(address, checked)| match checked.verdict {
            Verdict::Said(Qualifier::Pass) | Verdict::Pending | Verdict::TempError => None,
            Verdict::Said(said) => {
                let term = checked.matched.as_ref().map(|matched| matched.term.clone());
                let because = match term {
                    Some(term) => format!("\"{term}\" says that it is {}", said.words()),
                    None => "no term of the record matches it".to_owned(),
                };
                Some((address.to_string(), because))
            }
            Verdict::PermError if !broken => checked.problem.clone().map(|why| (address.to_string(), why)),
            Verdict::None | Verdict::PermError => None,
        });
        let none = asked.addresses.is_empty() && self.session.dns().of(&asked.who).next().is_some();
        let (address, because) = match refused {
            Some(found) => found,
            None if none => (String::new(), "it is not in the record, and leads to no address".to_owned()),
            None => return,
        };
        let mut lines = lines.to_vec();
        lines.extend(self.session.dns().of(&asked.who).map(|answer| answer.line));
        // An address that was named itself is said once.
        let address = if address == asked.who { String::new() } else { address };
        let facts = [("sender", asked.who.clone()), ("address", address), ("because", because)];
        self.add("spf-not-authorised", Severity::Error, lines, facts);
    }

    fn dkim(&mut self) {
        let selectors = sender::selectors(self.started);
        let names: Vec<String> =
            selectors.iter().map(|selector| sender::key_name(selector, &self.started.host)).collect();
        let dns = self.session.dns();
        let answered = |name: &String| {
            dns.of(name).any(|answer| {
                use crate::event::LookupOutcome::{Answers, NoData, NxDomain};
                matches!(answer.outcome, Answers(_) | NoData | NxDomain { .. })
            })
        };
        let keys = sender::keys(dns, self.started);
        let named = !self.started.sending.selectors.is_empty();
        let lines = self.lines(&names, RecordType::Txt);
        // Selectors cannot be listed: of common ones one that is there is enough, of named ones each is needed.
        let missing: Vec<String> = selectors
            .iter()
            .filter(|selector| !keys.iter().any(|key| key.selector == **selector))
            .cloned()
            .collect();
        let all_asked = !names.is_empty() && names.iter().all(answered);
        if all_asked && !missing.is_empty() && (named || keys.is_empty()) {
            let asked = if named { missing.join(", ") } else { String::new() };
            self.add("dkim-missing", Severity::Warning, lines, [("selector", asked)]);
        }
        for found in keys {
            let selector = ("selector", found.selector.clone());
            match found.key {
                Ok(key) => {
                    let facts = [selector.clone(), ("key", key.words())];
                    match key.strength() {
                        Strength::Good => {}
                        Strength::Short => self.add("dkim-weak-key", Severity::Warning, [found.line], facts),
                        Strength::Refused => self.add("dkim-weak-key", Severity::Error, [found.line], facts),
                    }
                    if key.testing {
                        self.add("dkim-testing", Severity::Info, [found.line], [selector]);
                    }
                }
                // Keys are withdrawn on purpose when they are replaced: one of many common selectors may be.
                Err(BadKey::Revoked) if !named => {}
                Err(why) => {
                    let facts = [selector, ("why", why.to_string())];
                    self.add("dkim-key-invalid", Severity::Warning, [found.line], facts);
                }
            }
        }
    }

    fn dmarc(&mut self) {
        match sender::dmarc(self.session.dns(), &self.started.host) {
            Dmarc::Unknown => {}
            Dmarc::Missing(lines) => self.add("dmarc-missing", Severity::Warning, lines, []),
            Dmarc::Found { name, record: Err(why), line } => {
                self.add("dmarc-invalid", Severity::Error, [line], [("name", name), ("why", why)]);
            }
            Dmarc::Found { name, record: Ok(record), line } => {
                use crate::wire::dmarc::Policy;
                if record.policy == Policy::None {
                    self.add("dmarc-monitors-only", Severity::Info, [line], [("name", name)]);
                }
            }
        }
    }

    fn reverse(&mut self) {
        let dns = self.session.dns();
        let mut addresses = self.started.sending.addresses.clone();
        for host in &self.started.sending.hosts {
            addresses.extend(dns.addresses(host));
        }
        for address in addresses.into_iter().filter(|address| is_public(*address)) {
            let facts = BTreeMap::from([("address", address.to_string())]);
            self.list.extend(of_reverse(relay::reverse(dns, address), &facts, None));
        }
    }
}

/// The terms that cost look-ups, a few of them by name.
fn terms(checked: &Checked) -> String {
    let mut names: Vec<&str> = checked.counted.iter().map(|counted| counted.term.as_str()).take(12).collect();
    if checked.counted.len() > names.len() {
        names.push("…");
    }
    names.join(" ")
}

/// True where the record ends in `+all`: whoever sends is allowed to.
fn allows_everybody(texts: &[String]) -> bool {
    let records = texts.iter().filter(|text| is_record(text));
    let parsed = records.filter_map(|text| crate::wire::spf::parse(text).ok());
    parsed.into_iter().any(|record| record.all() == Some(Qualifier::Pass))
}
