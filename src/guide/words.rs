//! The words of findings: `assets/findings.toml`, with a finding's facts filled in.
//!
//! In the texts `{fact}` is filled in, `{fact|words}` has words where the fact is missing, and a part in brackets that
//! names a missing fact is left out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::guide::{hosting, owner, provider};
use crate::session::{Finding, Session, Severity};
use crate::target::meant;
use crate::wire::printable::quoted;

/// Whose fault it is, and so who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The person at the keyboard: settings, credentials, this machine.
    You,
    /// The network between.
    Network,
    /// The hosting company or access provider of this machine.
    Host,
    /// Who runs the mail server.
    Server,
    /// The mail provider.
    Provider,
    /// Who runs the domain in DNS.
    Zone,
}

/// A finding in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// One sentence with the facts of this case.
    pub summary: String,
    /// What it means.
    pub explanation: String,
    /// What to do.
    pub fix: String,
    /// How to confirm it by hand, where a command can.
    pub confirm: Option<String>,
    /// RFC and section, or the measured fact's source.
    pub reference: Option<String>,
    /// Who can mend it.
    pub owner: Owner,
}

/// A text for the middle of a sentence: names that are written in capitals stay.
pub fn lower(text: &str) -> String {
    let capitals = text.chars().take(2).all(|letter| letter.is_ascii_uppercase());
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !capitals => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// A page of the asset.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The code.
    pub code: String,
    /// Its usual severity.
    pub severity: Severity,
    /// Who can mend it.
    pub owner: Owner,
    /// One sentence.
    pub summary: String,
    /// What it means.
    pub explanation: String,
    /// What to do.
    pub fix: String,
    /// A command.
    pub confirm: Option<String>,
    /// Its source.
    pub reference: Option<String>,
    /// What is said instead where the finding names one of these providers.
    #[serde(default)]
    pub by: Vec<ByProvider>,
}

/// What a provider means by it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByProvider {
    /// Ids of the provider table.
    pub providers: Vec<String>,
    /// What it means.
    pub explanation: Option<String>,
    /// What to do.
    pub fix: Option<String>,
}

#[derive(Default, Deserialize)]
struct File {
    finding: Vec<Page>,
}

static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
    // A test proves that the file can be read.
    toml::from_str::<File>(include_str!("../../assets/findings.toml")).unwrap_or_default().finding
});

/// All pages.
pub fn pages() -> &'static [Page] {
    &PAGES
}

/// Puts a finding into words. A code without a page, which tests rule out, is said by its code.
pub fn words(finding: &Finding) -> Words {
    let Some(page) = pages().iter().find(|page| page.code == finding.code) else {
        return Words {
            summary: finding.code.to_owned(),
            explanation: String::new(),
            fix: String::new(),
            confirm: None,
            reference: None,
            owner: Owner::You,
        };
    };
    let fill = |text: &str| fill(text, &finding.facts);
    // Tried by hand from here, a connection would not leave from where the proxy's leave; DNS is asked from here anyway.
    let elsewhere = |command: &String| finding.facts.contains_key("machine") && !command.starts_with("dig ");
    let provider = finding.facts.get("provider");
    let by = page.by.iter().find(|by| provider.is_some_and(|id| by.providers.contains(id)));
    let explanation = by.and_then(|by| by.explanation.as_ref()).unwrap_or(&page.explanation);
    let fix = by.and_then(|by| by.fix.as_ref()).unwrap_or(&page.fix);
    Words {
        summary: fill(&page.summary),
        explanation: fill(explanation),
        fix: fill(fix),
        // A command with a gap in it is worse than none.
        confirm: page
            .confirm
            .as_deref()
            .map(fill)
            .filter(|command| !command.contains("()") && !elsewhere(command)),
        reference: page.reference.clone(),
        owner: match finding.facts.get("owner").map(String::as_str) {
            Some("you") => Owner::You,
            _ => page.owner,
        },
    }
}

/// Codes that a hosting company's policy may explain.
const BLOCKED: [&str; 3] = ["egress-blocked", "all-ports-blocked", "port-filtered"];

/// The same, with what is known of the session besides: whose machine this is and what that company blocks, whose the
/// server is, and what else the name may have been meant for.
pub fn words_in(session: &Session, finding: &Finding) -> Words {
    let mut said = of_session(session, finding);
    said.owner = owner::owner(session, finding, said.owner);
    said
}

fn of_session(session: &Session, finding: &Finding) -> Words {
    // Where both are found, one of them says whose machine this is.
    let said = finding.code == "all-ports-blocked"
        && session.findings().iter().any(|other| other.code == "egress-blocked");
    let Some(hosting) = hosting::of(session).filter(|_| BLOCKED.contains(&finding.code) && !said) else {
        return match meant_for_provider(finding) {
            Some(meant) => {
                let mut finding = finding.clone();
                finding.facts.insert("meant", meant);
                words(&finding)
            }
            None => words(finding),
        };
    };
    let mut finding = finding.clone();
    match finding.port {
        Some(port) if hosting.blocks.contains(&port) => {
            finding.facts.insert("hosting", hosting.explains_one(port));
        }
        Some(_) => {}
        None => {
            let ports = hosting::silent_ports(session.routes());
            finding.facts.insert("hosting", hosting.explains(&ports));
            if ports.iter().any(|port| hosting.blocks.contains(port)) {
                finding.facts.insert("lift", hosting.lift.trim_end_matches('.').to_owned());
            }
        }
    }
    words(&finding)
}

/// A name without a dot that does not exist may have been meant for a provider's id.
fn meant_for_provider(finding: &Finding) -> Option<String> {
    let host =
        finding.facts.get("host").filter(|host| finding.code == "dns-nxdomain" && !host.contains('.'))?;
    let ids = "ehlo explain providers lists the ids";
    Some(match meant(host, provider::all().iter().map(|provider| provider.id.as_str())) {
        Some(id) => format!("If a provider was meant, its id is {id}; {ids}"),
        None => format!("If a provider was meant, {host} is the id of none that ehlo knows; {ids}"),
    })
}

/// A code's page without a case: where a fact would stand, its name stands in capitals. `None` for a code without a page.
pub fn page(code: &str) -> Option<Words> {
    let page = pages().iter().find(|page| page.code == code)?;
    let mut facts: BTreeMap<&'static str, String> = BTreeMap::new();
    for text in [Some(&page.summary), Some(&page.explanation), Some(&page.fix), page.confirm.as_ref()]
        .into_iter()
        .flatten()
    {
        for name in gaps(text) {
            facts.insert(name, name.to_uppercase());
        }
    }
    let fill = |text: &str| fill(text, &facts);
    Some(Words {
        summary: fill(&page.summary),
        explanation: fill(&page.explanation),
        fix: fill(&page.fix),
        confirm: page.confirm.as_deref().map(fill),
        reference: page.reference.clone(),
        owner: page.owner,
    })
}

/// The names that a text must have filled in: those outside brackets that have no words for a missing fact.
fn gaps(text: &'static str) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['[', '{']) {
        let from = &rest[at..];
        let Some(end) = close(from) else { break };
        let inside = &from[1..end];
        if from.starts_with('{') {
            match inside.split_once('|') {
                Some((_, instead)) => names.extend(gaps(instead)),
                None => names.push(inside),
            }
        }
        rest = &from[end + 1..];
    }
    names
}

/// Facts that are somebody else's words. They stand in quotation marks, or a server could go on in ehlo's voice.
const QUOTED: [&str; 5] = ["reply", "issuer", "subject", "location", "extended"];

fn fill(text: &str, facts: &BTreeMap<&'static str, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['[', '{']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let optional = from.starts_with('[');
        let Some(end) = close(from) else {
            out.push_str(from);
            return out;
        };
        let inside = from.get(1..end).unwrap_or_default();
        if optional {
            if let Some(part) = whole(inside, facts) {
                out.push_str(&part);
            }
        } else {
            let (name, instead) = inside.split_once('|').unwrap_or((inside, ""));
            match facts.get(name) {
                Some(value) if !value.is_empty() && QUOTED.contains(&name) => out.push_str(&quoted(value)),
                Some(value) if !value.is_empty() => out.push_str(value),
                _ => out.push_str(&fill(instead, facts)),
            }
        }
        rest = from.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// A part in brackets; `None` where a fact that it names is missing.
fn whole(part: &str, facts: &BTreeMap<&'static str, String>) -> Option<String> {
    let mut names = part.split('{').skip(1).filter_map(|piece| piece.split(['}', '|']).next());
    names.all(|name| facts.get(name).is_some_and(|value| !value.is_empty())).then(|| fill(part, facts))
}

/// Where the bracket or brace at the beginning is closed.
fn close(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn facts_are_filled_in_and_gaps_read_well() {
        let facts = BTreeMap::from([("host", "smtp.example.com".to_owned()), ("seconds", "5".to_owned())]);
        assert_eq!(fill("No answer[ within {seconds} s].", &facts), "No answer within 5 s.");
        assert_eq!(fill("No answer[ from {sender}].", &facts), "No answer.");
        assert_eq!(fill("{name|{host}} is gone.", &facts), "smtp.example.com is gone.");
    }

    #[test]
    fn a_page_can_be_read_without_a_case() {
        assert_eq!(page("no-such-code"), None);
        for known in pages() {
            let words = page(&known.code).unwrap();
            for text in [&words.summary, &words.explanation, &words.fix] {
                assert!(!text.contains(['{', '[', ']']) && !text.contains("  "), "{}: {text}", known.code);
            }
        }
        let words = page("ipv6-broken").unwrap();
        assert_eq!(words.summary, "IPv6 to HOST fails (ADDRESS), IPv4 works.");
    }

    #[test]
    fn every_page_is_whole() {
        let file: Result<File, _> = toml::from_str(include_str!("../../assets/findings.toml"));
        assert!(file.is_ok_and(|file| file.finding.len() >= 50));
        let codes: BTreeSet<_> = pages().iter().map(|page| &page.code).collect();
        assert_eq!(codes.len(), pages().len(), "a code stands twice");
        for page in pages() {
            for text in [&page.summary, &page.explanation, &page.fix] {
                assert!(text.ends_with('.') && !text.chars().any(char::is_control), "{}", page.code);
            }
            for by in &page.by {
                for text in by.explanation.iter().chain(&by.fix) {
                    assert!(text.ends_with('.') && !text.chars().any(char::is_control), "{}", page.code);
                }
                assert!(
                    by.providers.iter().all(|id| crate::guide::provider::by_id(id).is_some()),
                    "{}",
                    page.code
                );
                assert!(by.explanation.is_some() || by.fix.is_some(), "{}", page.code);
            }
            let reference = page.reference.as_deref().unwrap_or("RFC 1");
            assert!(reference.starts_with("RFC "), "{}", page.code);
        }
    }

    /// Every code that a rule can give has a page: the rules' sources are read for their codes.
    #[test]
    fn every_code_of_a_rule_has_a_page() {
        let rules = [
            include_str!("../session/diagnose/mod.rs"),
            include_str!("../session/diagnose/names.rs"),
            include_str!("../session/diagnose/other_end.rs"),
            include_str!("../session/diagnose/reach.rs"),
            include_str!("../session/diagnose/dialogue.rs"),
            include_str!("../session/diagnose/secure.rs"),
            include_str!("../session/diagnose/relay.rs"),
            include_str!("../session/diagnose/inbox.rs"),
            include_str!("../session/diagnose/found.rs"),
            include_str!("../session/diagnose/submit.rs"),
            include_str!("../session/diagnose/refusal.rs"),
            include_str!("../wire/certificate/fault.rs"),
        ];
        let prefixes = [
            "dns-",
            "port-",
            "cert-",
            "tls-",
            "starttls-",
            "greeting-",
            "ipv",
            "local-",
            "all-",
            "egress-",
            "hosts-",
            "mx-",
            "other-",
            "reply-",
            "plaintext-",
            "middlebox-",
            "capabilities-",
            "sni-",
            "ptr-",
            "dane-",
            "mta-sts-",
            "spf-",
            "dkim-",
            "dmarc-",
            "srv-",
            "auth-",
            "sender-",
            "recipient-",
            "relay-",
            "message-",
            "envelope-",
            "smtputf8-",
            "submission-",
            "open-",
            "greylisted",
        ];
        for text in rules.iter().flat_map(|source| source.split('"').skip(1).step_by(2)) {
            if prefixes.iter().any(|prefix| text.starts_with(prefix))
                && !text.ends_with('-')
                && text != "mta-sts-policy"
                && !text.contains('.')
            {
                assert!(pages().iter().any(|page| page.code == text), "{text} has no page");
            }
        }
    }
}
