//! What a domain's records came to, in a few words each: for the path, the steps' facts and the report.

use crate::guide::known::Known;
use crate::session::Severity;
use crate::session::relay::{self, Announced, Exchangers, Reverse};
use crate::session::sender::{self, Dmarc};
use crate::wire::spf::check::Verdict;

/// Whether a step about the domain ended well, and how, in a few words.
pub(crate) fn result(known: &Known<'_>, step: &str) -> (bool, String) {
    match step {
        "mx" => mx(known),
        "mta-sts" => match relay::announced(known.dns, known.host()) {
            Announced::No => (true, "no policy".to_owned()),
            Announced::Yes(_) => (true, "a policy is announced".to_owned()),
            Announced::Broken(..) => (false, "the record is broken".to_owned()),
        },
        "mta-sts-policy" => match known.policy.map(|fetched| &fetched.policy) {
            Some(Ok(policy)) => (true, format!("mode {}", policy.mode.word())),
            Some(Err(_)) => (false, "no policy".to_owned()),
            None => (false, "not fetched".to_owned()),
        },
        "dane" => dane(known),
        "spf" => spf(known),
        "dkim" => dkim(known),
        "dmarc" => match sender::dmarc(known.dns, known.host()) {
            Dmarc::Unknown => (false, "no answer".to_owned()),
            Dmarc::Missing(_) => (false, "no record".to_owned()),
            Dmarc::Found { record: Ok(record), .. } => (true, format!("p={}", record.policy.word())),
            Dmarc::Found { record: Err(_), .. } => (false, "the record is broken".to_owned()),
        },
        "reverse" => reverse(known),
        _ => (true, String::new()),
    }
}

fn mx(known: &Known<'_>) -> (bool, String) {
    match relay::exchangers(known.dns, known.host()) {
        Exchangers::Hosts { hosts, .. } if hosts.len() == 1 => (true, "1 server".to_owned()),
        Exchangers::Hosts { hosts, .. } => (true, format!("{} servers", hosts.len())),
        Exchangers::Implicit(_) => (true, "none, the domain itself".to_owned()),
        Exchangers::Null(_) => (false, "takes no mail".to_owned()),
        Exchangers::NoDomain(_) => (false, "no such domain".to_owned()),
        Exchangers::Failed(_) => (false, "DNS failed".to_owned()),
        Exchangers::Unknown => (false, "no answer".to_owned()),
    }
}

fn dane(known: &Known<'_>) -> (bool, String) {
    let found = known.routes.iter().filter_map(|r| relay::association(known.dns, &r.host, r.port));
    let found: Vec<_> = found.collect();
    match (found.len(), found.iter().filter(|found| found.validated).count()) {
        (0, _) => (true, "no records".to_owned()),
        (_, 0) => (true, "records, not validated".to_owned()),
        (_, 1) => (true, "records for 1 server".to_owned()),
        (_, servers) => (true, format!("records for {servers} servers")),
    }
}

fn spf(known: &Known<'_>) -> (bool, String) {
    let checked = sender::spf(known.dns, known.host());
    if checked.verdict == Verdict::None {
        return (false, "no record".to_owned());
    }
    let wrong = known.findings.iter().any(|f| f.severity == Severity::Error && f.code.starts_with("spf-"));
    let more = if checked.and_more { "more than " } else { "" };
    match checked.counted.len() {
        1 => (!wrong, format!("{more}1 look-up")),
        count => (!wrong, format!("{more}{count} look-ups")),
    }
}

fn dkim(known: &Known<'_>) -> (bool, String) {
    let Some(started) = known.started else { return (false, String::new()) };
    let keys = sender::keys(known.dns, started);
    let good: Vec<&str> =
        keys.iter().filter(|found| found.key.is_ok()).map(|found| found.selector.as_str()).collect();
    match good.as_slice() {
        [] => (false, "no key found".to_owned()),
        selectors => (true, format!("selector {}", selectors.join(", "))),
    }
}

fn reverse(known: &Known<'_>) -> (bool, String) {
    let mut addresses: Vec<_> = known.left_from.iter().map(|(address, _)| *address).collect();
    addresses.extend(known.started.into_iter().flat_map(|started| started.sending.addresses.iter().copied()));
    let mut found = addresses.into_iter().map(|address| relay::reverse(known.dns, address));
    let told = found.rfind(|found| *found != Reverse::Unknown);
    match told {
        Some(Reverse::Confirmed(name)) => (true, name),
        Some(Reverse::Missing(_)) => (false, "no name".to_owned()),
        Some(Reverse::Unconfirmed(..)) => (false, "does not lead back".to_owned()),
        Some(Reverse::Named(_) | Reverse::Unknown) | None => (false, "no answer".to_owned()),
    }
}
