//! Whether a log line tells of a delivery from server to server, and to which domain.
//!
//! Such a line names a mail server of the recipients. The settings of no application lead there, so that host is not
//! what is to be asked about: the recipients' domain is. Where a smarthost takes all mail, the host is a setting again:
//! one on a port of submission, one of a provider, one that was signed in to.

use std::sync::LazyLock;

use regex::Regex;

use crate::guide::provider;
use crate::target::{Goal, Host};

use super::{Cause, Settings};

const DOMAIN: &str = r"[^\s@<>,;:]{1,64}@(?P<domain>[A-Za-z0-9._-]{1,253})";

/// How Postfix and Exim write down an attempt to deliver.
static LINES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let sources = [
        // postfix/smtp: to=<bob@example.net>, relay=none, …, status=deferred (…)
        format!(r"(?i)\bto=<{DOMAIN}>,[^\n]*\brelay=[^\n]*\bstatus=(?:deferred|bounced)\b"),
        // exim: == bob@example.net R=dnslookup T=remote_smtp defer (110): …
        format!(r"(?:==|\*\*) {DOMAIN}(?: <[^>\n]*>)?[^\n]* R=dnslookup\S* T=remote_smtp"),
    ];
    sources.iter().filter_map(|source| Regex::new(source).ok()).collect()
});

/// Signs that the next server is one that was chosen and signed in to.
static SMARTHOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)relayhost|smarthost|\bSASL\b|authenticat|\]:(?:465|587|2525)\b|\bR=\S*(?:smart|relay)")
        .ok()
});

/// The recipients' domain, where the text is of a server that delivers to it by itself.
pub(super) fn domain(text: &str, settings: &Settings) -> Option<String> {
    if settings.port.is_some_and(|port| port != 25)
        || settings.host.as_deref().is_some_and(|host| provider::by_host(host).is_some())
        || SMARTHOST.as_ref().is_none_or(|signs| signs.is_match(text))
    {
        return None;
    }
    let mut domains = LINES
        .iter()
        .flat_map(|line| line.captures_iter(text).take(32))
        .filter_map(|found| found.name("domain"))
        .filter_map(|domain| match Host::parse(domain.as_str()) {
            Ok(Host::Name(name)) if name.contains('.') => Some(name),
            _ => None,
        });
    domains.next()
}

/// The goal of the walk. Whether a server takes a sign-in or an envelope is asked of that very server.
pub(super) fn goal(cause: Option<&Cause>, domain: Option<&str>) -> Goal {
    let goal = cause.map(|cause| cause.goal).unwrap_or_default();
    let of_a_server = cause.is_some_and(|cause| matches!(cause.start.as_str(), "sign-in" | "envelope"));
    if goal == Goal::Submit && domain.is_some() && cause.is_some() && !of_a_server {
        Goal::Relay
    } else {
        goal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guide::symptom::explain;
    use crate::report::explain::command;

    const POSTFIX: &str = "postfix/smtp[9]: 4F1: to=<bob@example.net>, relay=none, delay=30, dsn=4.4.1, \
                           status=deferred (connect to mx1.example.net[192.0.2.5]:25: Connection timed out)";

    fn call(text: &str) -> String {
        command(&explain(text, &Settings::default()))
    }

    #[test]
    fn a_delivery_is_asked_about_by_the_recipients_domain() {
        let refused = POSTFIX.replace("Connection timed out", "Connection refused");
        let exim =
            "1abcde-000000-00 == bob@example.net R=dnslookup T=remote_smtp defer (110): Connection timed out";
        for text in [POSTFIX, &refused, exim] {
            assert_eq!(call(text), "ehlo check example.net --goal relay", "{text}");
        }
    }

    #[test]
    fn a_smarthost_is_asked_about_by_its_own_name() {
        for text in [
            POSTFIX.replace("]:25", "]:587"),
            POSTFIX.replace("mx1.example.net[192.0.2.5]:25", "smtp.sendgrid.net[192.0.2.5]:25"),
            "== bob@example.net R=smarthost T=remote_smtp_smarthost H=smtp.example.com [192.0.2.7]: Connection timed out"
                .to_owned(),
            "connect to mx1.example.net[192.0.2.5]:25: Connection timed out".to_owned(),
        ] {
            let call = call(&text);
            assert!(!call.contains("--goal relay") && !call.contains(" example.net"), "{text}: {call}");
        }
    }

    #[test]
    fn given_settings_of_an_application_stay_what_is_asked_about() {
        let given = Settings { host: Some("smtp.example.com".into()), port: Some(587), tls: None };
        assert_eq!(explain(POSTFIX, &given).goal, Goal::Submit);
    }
}
