//! Whether a mechanism matches the sender (RFC 7208 §5), with the look-ups that it costs.

use std::net::IpAddr;

use super::{Answer, Kind, Verdict, Walk};
use crate::wire::spf::macros::{Facts, expand, names_validated};
use crate::wire::spf::{Directive, Mechanism, Qualifier, in_network};

/// Most exchangers of an `mx` term, beyond which it is an error; most reverse names of a sender that are looked at
/// (RFC 7208 §4.6.4).
const MAX_NAMES: usize = 10;

/// Whether a mechanism matches.
pub(super) enum Match {
    Yes,
    No,
    Pending,
    Broken(Verdict),
}

/// What is known of the sender's reverse names.
enum Validated {
    /// They have to be looked up first.
    Pending,
    /// Those that lead back to the sender; the rest counts for nothing.
    Names(Vec<String>),
}

impl Walk<'_> {
    pub(super) fn mechanism(&mut self, domain: &str, directive: &Directive, depth: usize) -> Match {
        let text = &directive.text;
        match &directive.mechanism {
            Mechanism::All => match self.ip {
                Some(_) => Match::Yes,
                None => Match::No,
            },
            Mechanism::Ip(network, bits) => self.matches(&[*network], (*bits, *bits)),
            Mechanism::Include(spec) => self.include(domain, text, spec, depth),
            Mechanism::A(spec, bits) => {
                self.host(domain, text, spec.as_deref(), |walk, name| walk.addresses(name, *bits))
            }
            Mechanism::Mx(spec, bits) => {
                self.host(domain, text, spec.as_deref(), |walk, name| walk.exchangers(name, *bits))
            }
            Mechanism::Exists(spec) => self.host(domain, text, Some(spec), Self::exists),
            Mechanism::Ptr(spec) => self.host(domain, text, spec.as_deref(), Self::reverse),
        }
    }

    fn include(&mut self, domain: &str, text: &str, spec: &str, depth: usize) -> Match {
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

    /// The name that a domain-spec stands for; `None` where it depends on what is not known, or not known yet.
    pub(super) fn name(&mut self, domain: &str, spec: &str) -> Option<String> {
        let validated = match names_validated(spec) {
            true => match self.validated() {
                Validated::Pending => return None,
                Validated::Names(names) => Some(preferred(names, domain)),
            },
            false => None,
        };
        let facts = Facts {
            ip: self.ip,
            domain,
            sender: self.sender.domain,
            local: self.sender.local,
            validated: validated.as_deref(),
        };
        expand(spec, &facts)
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
        let kinds: &[Kind] = match self.ip {
            Some(ip) => &[family(ip)],
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
            Answer::Names(hosts) => hosts,
            _ => Vec::new(),
        };
        if hosts.is_empty() {
            self.nothing(name);
        }
        if hosts.len() > MAX_NAMES {
            let why = format!("{name} has more than {MAX_NAMES} mail exchangers, too many for mx");
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

    /// It asks for A whatever the sender's family is (RFC 7208 §5.7).
    fn exists(&mut self, name: &str) -> Match {
        match self.ask(name, Kind::A) {
            Answer::Unknown => Match::Pending,
            Answer::Failed => Match::Broken(Verdict::TempError),
            Answer::Addresses(_) if self.ip.is_some() => Match::Yes,
            Answer::Addresses(_) => Match::No,
            _ => {
                self.nothing(name);
                Match::No
            }
        }
    }

    /// `ptr`: a reverse name of the sender that leads back to it lies in the domain. Not to be used any more, and to be
    /// evaluated all the same (RFC 7208 §5.5).
    fn reverse(&mut self, target: &str) -> Match {
        match self.validated() {
            Validated::Pending => Match::Pending,
            Validated::Names(names) if names.iter().any(|name| lies_in(name, target)) => Match::Yes,
            Validated::Names(_) => Match::No,
        }
    }

    /// The reverse names of the sender that lead back to it. Look-ups that fail count as names that do not
    /// (RFC 7208 §5.5); those of the names are limited, and not counted as terms (RFC 7208 §4.6.4).
    fn validated(&mut self) -> Validated {
        let Some(ip) = self.ip.map(|ip| ip.to_canonical()) else { return Validated::Names(Vec::new()) };
        let names = match self.ask(&ip.to_string(), Kind::Ptr) {
            Answer::Unknown => return Validated::Pending,
            Answer::Failed => return Validated::Names(Vec::new()),
            Answer::Names(names) => names,
            _ => {
                self.nothing(&ip.to_string());
                return Validated::Names(Vec::new());
            }
        };
        let mut pending = false;
        let mut good = Vec::new();
        for name in names.into_iter().take(MAX_NAMES) {
            match self.ask(&name, family(ip)) {
                Answer::Unknown => pending = true,
                Answer::Addresses(addresses) if addresses.contains(&ip) => good.push(name),
                _ => {}
            }
        }
        if pending { Validated::Pending } else { Validated::Names(good) }
    }
}

fn family(ip: IpAddr) -> Kind {
    if ip.to_canonical().is_ipv4() { Kind::A } else { Kind::Aaaa }
}

/// True where a name is the domain, or below it.
fn lies_in(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.trim_end_matches('.').to_ascii_lowercase(), domain.to_ascii_lowercase());
    let before = name.strip_suffix(domain.trim_end_matches('.'));
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The name that `%{p}` stands for: the domain itself, before one below it, before any other (RFC 7208 §7.3).
fn preferred(names: Vec<String>, domain: &str) -> String {
    let rank = |name: &String| match name.trim_end_matches('.').eq_ignore_ascii_case(domain) {
        true => 0,
        false if lies_in(name, domain) => 1,
        false => 2,
    };
    names.into_iter().min_by_key(rank).unwrap_or_else(|| "unknown".to_owned())
}
