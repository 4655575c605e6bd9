//! Which causes fit: symptoms are found, their weights added up, and what the sum is worth is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::book::{Book, Condition, Depth, Meaning, Place, Sign, Subject, Symptom};
use super::clean::Clean;
use super::phrase::Flat;
use super::settings::Settings;
use crate::guide::provider;
use crate::target::Host;

/// Most writers that are named; words that more of them share tell nothing of who wrote them.
const MOST_WRITERS: usize = 3;

/// What is known of a case when causes are weighed.
#[derive(Debug, Default)]
pub(super) struct Case<'a> {
    pub(super) symptoms: BTreeMap<&'a str, &'a Symptom>,
    /// Who writes so, by symptom.
    pub(super) writers: BTreeMap<&'a str, Vec<&'a str>>,
    pub(super) hosts: BTreeSet<&'a str>,
    pub(super) settings: Settings,
}

/// Finds the symptoms and the kind of host.
pub(super) fn case<'a>(
    book: &'a Book,
    text: &Clean,
    codes: &BTreeSet<String>,
    settings: Settings,
    given_host: bool,
) -> Case<'a> {
    let hosts = kinds(book, text, &settings, given_host);
    let shows = |sign: &Sign| {
        let one = |phrases: &[super::phrase::Phrase]| phrases.iter().any(|phrase| phrase.is_in(&text.flat));
        (sign.host.is_empty() || sign.host.iter().any(|kind| hosts.contains(kind.as_str())))
            && (sign.code.is_empty() || sign.code.iter().any(|code| codes.contains(code)))
            && (sign.say.is_empty() || one(&sign.say))
            && (sign.and.is_empty() || one(&sign.and))
            && !one(&sign.not)
    };
    let mut symptoms: BTreeMap<&str, &Symptom> = BTreeMap::new();
    let mut writers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for symptom in &book.symptom {
        let signs = symptom.signs.iter().filter(|sign| shows(sign));
        let from: Vec<&str> = signs.map(|sign| sign.from.as_str()).collect();
        if !from.is_empty() {
            symptoms.insert(&symptom.id, symptom);
            writers.insert(&symptom.id, from);
        }
    }
    let hidden = hidden(&symptoms);
    symptoms.retain(|id, _| !hidden.contains(id));
    if symptoms.values().any(|symptom| symptom.depth >= Depth::Plain) {
        // An exact wording was found: what its words resemble besides is of no interest.
        symptoms.retain(|_, symptom| symptom.depth != Depth::Loose);
    }
    Case { symptoms, writers, hosts, settings }
}

/// Those that another one hides. Where they hide each other, in a circle, they stay: else nothing would be left.
fn hidden<'a>(symptoms: &BTreeMap<&'a str, &'a Symptom>) -> BTreeSet<&'a str> {
    let reached = |from: &Symptom| {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = from.hides.iter().map(String::as_str).collect();
        while let Some(id) = next.pop() {
            if let Some((id, symptom)) = symptoms.get_key_value(id)
                && reached.insert(id)
            {
                next.extend(symptom.hides.iter().map(String::as_str));
            }
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<&'a str>> =
        symptoms.iter().map(|(id, symptom)| (*id, reached(symptom))).collect();
    let hides = |hider: &str, id: &str| {
        let others = |id: &str| reached.get(id);
        others(hider).is_some_and(|others| others.contains(id))
            && !others(id).is_some_and(|others| others.contains(hider))
    };
    symptoms.keys().filter(|id| symptoms.keys().any(|hider| hides(hider, id))).copied().collect()
}

/// What kind of host it is: the ids of places, and `empty`, `malformed`, `loopback`, `private`, `label` (one label, as
/// containers have), `address`, `provider`, `known` (a host is known at all).
fn kinds<'a>(book: &'a Book, text: &Clean, settings: &Settings, given: bool) -> BTreeSet<&'a str> {
    let mut kinds = BTreeSet::new();
    let host = settings.host.as_deref().map(str::to_ascii_lowercase);
    if let Some(host) = &host {
        kinds.insert("known");
        let form = form(host, given);
        kinds.extend(form);
        if form == Some("described") {
            // Words say whose it is; how it is written, the text may tell.
            let found = super::settings::found(&text.lines).host;
            kinds.extend(found.and_then(|host| self::form(&host, false)));
        }
        let bare = bare(host);
        if bare.parse::<IpAddr>().is_ok() {
            kinds.insert("address");
        }
        if provider::by_host(bare).is_some() {
            kinds.extend(["provider", "listed"]);
        }
        let described = Flat::of(host.split_whitespace().collect::<Vec<_>>().join(" "));
        for place in &book.place {
            if belongs(place, bare) || place.words.iter().any(|phrase| phrase.is_in(&described)) {
                kinds.insert(place.id.as_str());
                if place.provider {
                    kinds.insert("provider");
                    // `Gmail` says who it is, and is no name of a container.
                    kinds.remove("label");
                }
            }
        }
    }
    match families(&text.lines) {
        (true, false) => drop(kinds.insert("ipv4only")),
        (false, true) => drop(kinds.insert("ipv6only")),
        _ => {}
    }
    for place in &book.place {
        if place.marks.iter().any(|phrase| phrase.is_in(&text.flat)) {
            kinds.insert(place.id.as_str());
        }
    }
    kinds
}

fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']']).trim_end_matches('.')
}

/// How a host is written, where that says something.
fn form(host: &str, given: bool) -> Option<&'static str> {
    const PRIVATE: [&str; 7] = [".local", ".lan", ".internal", ".intranet", ".corp", ".home", ".svc"];
    let bare = bare(host);
    if ["", "(empty)", "(none)", "none", "null", "(null)", "nil", "undefined"].contains(&host.trim()) {
        return Some("empty");
    }
    if let Ok(address) = bare.parse::<IpAddr>() {
        let (loopback, private) = match address {
            IpAddr::V4(v4) => {
                (v4.is_loopback() || v4.is_unspecified(), v4.is_private() || v4.is_link_local())
            }
            IpAddr::V6(v6) => (v6.is_loopback() || v6.is_unspecified(), v6.is_unique_local()),
        };
        return Some(if loopback {
            "loopback"
        } else if private {
            "private"
        } else {
            "address"
        });
    }
    if bare == "localhost" || bare.ends_with(".localhost") || bare == "localhost.localdomain" {
        return Some("loopback");
    }
    // Of digits alone it is a port or a password; `your-smtp-host` was copied from a manual.
    let odd =
        bare.contains('_') || bare.starts_with("your") || bare.bytes().all(|byte| byte.is_ascii_digit());
    if !bare.contains('.') && odd && !bare.contains(' ') {
        return Some("malformed");
    }
    if Host::parse(bare).is_err() {
        let written = host.contains(['"', '\'', '@', ',']) || !given;
        return Some(if written { "malformed" } else { "described" });
    }
    if !bare.contains('.') {
        return Some("label");
    }
    PRIVATE.iter().any(|end| bare.ends_with(end)).then_some("private")
}

/// Whether addresses of IPv4, and of IPv6, stand in the text.
fn families(text: &str) -> (bool, bool) {
    let (mut v4, mut v6) = (false, false);
    for word in text.split(|c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.') {
        let word = word.trim_matches('.');
        match word.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => v4 |= !address.is_loopback(),
            Ok(IpAddr::V6(address)) => v6 |= !address.is_loopback() && word.len() > 4,
            // `192.0.2.1:25`
            Err(_) => {
                v4 |= word.split(':').next().is_some_and(|word| word.parse::<std::net::Ipv4Addr>().is_ok())
            }
        }
    }
    (v4, v6)
}

fn belongs(place: &Place, host: &str) -> bool {
    let under = |known: &String| {
        host.strip_suffix(known.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.') || known.starts_with(['.', '-']))
    };
    place.hosts.iter().any(under) || place.networks.iter().any(|network| host.starts_with(network.as_str()))
}

/// A cause and its share of all weight.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weighed<'a> {
    pub(super) cause: &'a str,
    pub(super) share: f64,
}

impl<'a> Weighed<'a> {
    /// Causes with their sums: as shares of all, best first.
    pub(super) fn sorted(sums: BTreeMap<&'a str, f64>) -> Vec<Self> {
        let all: f64 = sums.values().sum();
        let mut weighed: Vec<Self> = sums
            .into_iter()
            .filter(|(_, sum)| *sum > 0.0)
            .map(|(cause, sum)| Self { cause, share: sum / all })
            .collect();
        weighed.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.cause.cmp(b.cause)));
        weighed
    }
}

impl<'a> Case<'a> {
    /// The deepest symptom found.
    pub(super) fn depth(&self) -> Option<Depth> {
        self.symptoms.values().map(|symptom| symptom.depth).max().filter(|depth| *depth > Depth::Hint)
    }

    /// The causes that fit, best first.
    pub(super) fn weigh(&self) -> Vec<Weighed<'a>> {
        let Some(deepest) = self.depth() else { return Vec::new() };
        let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
        for symptom in self.symptoms.values() {
            let factor = match (deepest, symptom.depth) {
                (_, Depth::Hint) => continue,
                (deepest, depth) if deepest == depth => 1.0,
                (Depth::Faint, Depth::Loose) => 1.0,
                (Depth::Telling, Depth::Plain) => 0.08,
                (Depth::Plain, Depth::Faint) => 0.15,
                (_, Depth::Wrapper) => continue,
                _ => 0.02,
            };
            for meaning in symptom.means.iter().filter(|meaning| self.holds(meaning)) {
                *sums.entry(meaning.cause.as_str()).or_default() += factor * f64::from(meaning.weight);
            }
        }
        Weighed::sorted(sums)
    }

    fn holds(&self, meaning: &Meaning) -> bool {
        meaning.conditions.iter().all(|condition| self.has(condition) == condition.holds)
    }

    fn has(&self, condition: &Condition) -> bool {
        let mut values = condition.values.iter().map(String::as_str);
        match condition.subject {
            Subject::Port => values.any(|value| match (value, self.settings.port) {
                ("known", port) => port.is_some(),
                (value, Some(port)) => value.parse() == Ok(port),
                (_, None) => false,
            }),
            Subject::Host => values.any(|value| self.hosts.contains(value)),
            Subject::Tls => values.any(|value| self.settings.tls.is_some_and(|tls| tls.as_str() == value)),
            Subject::With => values.any(|value| self.symptoms.contains_key(value)),
        }
    }

    /// What decides, in the words of the deepest symptom.
    pub(super) fn decides(&self) -> Option<&'a str> {
        let deepest = self.depth()?;
        let mut deep = self.symptoms.values().filter(|symptom| symptom.depth == deepest);
        deep.find_map(|symptom| symptom.decides.as_deref())
    }

    /// Who writes such words, of the deepest symptoms; nobody where the book names nobody.
    pub(super) fn writers(&self) -> Vec<String> {
        let Some(deepest) = self.depth() else { return Vec::new() };
        let mut named: Vec<String> = Vec::new();
        for (id, symptom) in &self.symptoms {
            for from in self.writers.get(id).into_iter().flatten().filter(|_| symptom.depth == deepest) {
                let from = from.strip_suffix(", by code").unwrap_or(from);
                if !from.starts_with("other") && !named.iter().any(|known| known == from) {
                    named.push(from.to_owned());
                }
            }
        }
        if named.len() > 1 {
            named.retain(|from| from != "servers");
        }
        named.truncate(MOST_WRITERS);
        named
    }
}
