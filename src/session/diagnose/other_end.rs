//! Who is at the other end, and what lies between: another server, a device that rewrites SMTP, one that re-signs TLS,
//! and what an upright server does not do.

use std::collections::BTreeMap;

use super::{Notes, finding_on};
use crate::event::{InspectReason, LookupSource};
use crate::session::dns::Answer;
use crate::session::probe::Said;
use crate::session::{Finding, Outcome, Route, Session, Severity};
use crate::target::{Goal, Host, TlsMode};
use crate::wire::capability::Capabilities;
use crate::wire::certificate::{self, Certificate};
use crate::wire::printable::printable;
use crate::wire::reply::Quirk;

pub(super) fn rules(notes: &mut Notes<'_, '_>) {
    if !notes.case.probe.connected() {
        return;
    }
    other_server(notes);
    masking(notes);
    plaintext_before_tls(notes);
    injection(notes);
    changed_capabilities(notes);
    quirks(notes);
}

/// `other-server-answers`: the banner names a host of another domain, and the certificate is that host's, not the one
/// asked for (RFC 9525 §6). A host that is an alias of that domain was led there by its own DNS, not by the network.
fn other_server(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let asked = &case.route.host;
    let Ok(Host::Name(_)) = Host::parse(asked) else { return };
    let Some(seen) = case.certificates() else { return };
    let (Some(leaf), Some((banner, line))) = (seen.chain.first(), banner(notes)) else { return };
    let own = domain(&banner);
    let asked_host = Host::Name(asked.clone());
    let foreign = domain(asked) != own && !case.aliases.iter().any(|alias| domain(alias) == own);
    let theirs = names(leaf).iter().any(|name| domain(name.trim_start_matches("*.")) == own);
    if foreign && theirs && !certificate::matches(leaf, &asked_host) && !common_name_fits(leaf, asked) {
        let certificate = seen.certificate_lines.first().copied().flatten();
        let facts = vec![("name", banner), ("names", listed(leaf))];
        notes.add("other-server-answers", Severity::Warning, [Some(line), certificate], facts);
    }
}

/// The host that the greeting names, or else the reply to EHLO (RFC 5321 §4.2, §4.1.1.1), with its line.
fn banner(notes: &Notes<'_, '_>) -> Option<(String, usize)> {
    let probe = notes.case.probe;
    let hello =
        |inside| probe.exchange("EHLO", inside).and_then(|e| e.answer.as_ref()).filter(|s| s.positive());
    let looked = notes.case.inspection(InspectReason::Relaxed);
    let greeting = probe.greeting.as_ref().or_else(|| looked?.greeting.as_ref());
    [greeting, hello(true), hello(false)].into_iter().flatten().find_map(|said| {
        let text = said.reply.lines.first()?.text();
        let word = text.split_ascii_whitespace().next()?.trim_matches(['<', '>', ',', ';', ':']);
        let Ok(Host::Name(name)) = Host::parse(word) else { return None };
        name.contains('.').then_some((name, *said.lines.first()?))
    })
}

/// Second levels below which countries register names.
const SECOND_LEVELS: [&str; 11] = ["ac", "co", "com", "edu", "gob", "go", "gov", "ne", "net", "or", "org"];

/// The part of a name that is registered, by its look: two labels, three below a country's own second level
/// (`example.co.uk`). It only serves to tell names apart that have nothing in common.
fn domain(name: &str) -> String {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let labels: Vec<&str> = name.rsplit('.').collect();
    let country = matches!(
        labels.as_slice(),
        [top, second, _, ..] if top.len() == 2 && SECOND_LEVELS.contains(second)
    );
    let count = if country { 3 } else { 2 };
    let mut kept: Vec<&str> = labels.into_iter().take(count).collect();
    kept.reverse();
    kept.join(".")
}

fn names(leaf: &Certificate) -> Vec<&String> {
    if leaf.has_names { leaf.names.iter().collect() } else { leaf.common_name.iter().collect() }
}

fn common_name_fits(leaf: &Certificate, host: &str) -> bool {
    !leaf.has_names && leaf.common_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(host))
}

fn listed(leaf: &Certificate) -> String {
    names(leaf).into_iter().map(|name| certificate::shown_name(name)).take(4).collect::<Vec<_>>().join(", ")
}

/// `middlebox-masking`: what a device that rewrites SMTP leaves behind, where it has left STARTTLS alone.
fn masking(notes: &mut Notes<'_, '_>) {
    let stripped = notes.found.iter().any(|finding| finding.code == "starttls-stripped");
    if let Some((lines, trace)) = notes.case.masked().filter(|_| !stripped) {
        let lines: Vec<_> = lines.into_iter().map(Some).collect();
        notes.add("middlebox-masking", Severity::Warning, lines, vec![("trace", trace)]);
    }
}

/// `plaintext-before-tls`: bytes behind the reply to STARTTLS belong to nothing that was asked. They are discarded; a
/// client that keeps them takes an attacker's words for the server's (RFC 3207 §4.2).
fn plaintext_before_tls(notes: &mut Notes<'_, '_>) {
    let lines: Vec<_> = notes.case.probe.after_starttls.iter().copied().map(Some).collect();
    notes.add("plaintext-before-tls", Severity::Warning, lines, Vec::new());
}

/// `starttls-injection`: NOOP went out in cleartext behind STARTTLS, and its reply came inside TLS (RFC 3207 §4.2,
/// CVE-2011-0411). QUIT was sent inside TLS, so that 221 alone is the answer of a careful server.
fn injection(notes: &mut Notes<'_, '_>) {
    let Some(probe) = notes.case.inspection(InspectReason::Injection) else { return };
    let Some(injected) = probe.exchange("NOOP", false) else { return };
    let Some(said) = injected.answer.as_ref().filter(|said| said.encrypted) else { return };
    let closing = matches!(said.reply.code(), None | Some(221 | 421));
    if !closing {
        let lines: Vec<_> = injected.lines().into_iter().map(Some).collect();
        notes.add("starttls-injection", Severity::Error, lines, vec![("reply", said.reply.summary())]);
    }
}

/// `capabilities-change-after-tls`: more may be offered inside TLS, AUTH above all; these changes are not in order.
/// RFC 3207 §4.2: STARTTLS must not be offered again.
fn changed_capabilities(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    if case.route.tls != TlsMode::Starttls {
        return;
    }
    let (Some(before), Some(after)) = (&case.probe.before_tls, &case.probe.after_tls) else { return };
    let mut what = Vec::new();
    if after.has("STARTTLS") {
        what.push("STARTTLS is offered once more".to_owned());
    }
    if !before.auth().is_empty() && after.auth().is_empty() {
        what.push(format!("AUTH {} is gone", before.auth().join(" ")));
    }
    if before.entries.len() > 1 && after.entries.is_empty() {
        what.push("nothing is offered any more".to_owned());
    }
    if let (Some(first), Some(second)) = (said_name(before), said_name(after))
        && domain(&first) != domain(&second)
    {
        what.push(format!("the server calls itself {second}, not {first}"));
    }
    if what.is_empty() {
        return;
    }
    let lines = |inside| {
        let said = case.probe.exchange("EHLO", inside).and_then(|exchange| exchange.answer.as_ref());
        said.and_then(|said| said.lines.first()).copied()
    };
    let facts = vec![("what", what.join("; "))];
    notes.add("capabilities-change-after-tls", Severity::Info, [lines(false), lines(true)], facts);
}

/// The full host name in the first line of EHLO's reply.
fn said_name(offered: &Capabilities) -> Option<String> {
    let word = offered.greeting.split_ascii_whitespace().next()?;
    match Host::parse(word) {
        Ok(Host::Name(name)) if name.contains('.') => Some(name),
        _ => None,
    }
}

/// `reply-quirks`: replies that are not as they should be, and could be read all the same (RFC 5321 §4.2, §4.2.1,
/// §4.5.3.1.5, §2.3.8). They never change a verdict.
fn quirks(notes: &mut Notes<'_, '_>) {
    let case = notes.case;
    let unread = matches!(case.route.outcome, Outcome::NotSmtp | Outcome::Closed | Outcome::Silent);
    if unread || notes.found.iter().any(|finding| finding.code == "reply-malformed") {
        return;
    }
    let answers = case.probe.exchanges.iter().filter_map(|exchange| exchange.answer.as_ref());
    let (mut what, mut lines) = (Vec::new(), Vec::new());
    for said in case.probe.greeting.iter().chain(answers) {
        let odd: Vec<&str> = said.reply.quirks.iter().filter_map(|quirk| quirk_name(*quirk, said)).collect();
        if !odd.is_empty() && lines.len() < crate::session::probe::MAX_CITED {
            lines.push(said.lines.first().copied());
        }
        for name in odd {
            if !what.contains(&name) {
                what.push(name);
            }
        }
    }
    if !what.is_empty() {
        notes.add("reply-quirks", Severity::Info, lines, vec![("what", what.join(", "))]);
    }
}

fn quirk_name(quirk: Quirk, said: &Said) -> Option<&'static str> {
    Some(match quirk {
        Quirk::BareLf => "lines that end with LF alone",
        Quirk::MixedCodes => "different codes within one reply",
        Quirk::LongLine => "lines of more than 512 octets",
        Quirk::NoCode if said.reply.code().is_some() => "lines without a code",
        Quirk::BadSeparator => "something other than a blank or a hyphen behind the code",
        Quirk::OddCode => "a code that SMTP does not have",
        Quirk::Binary => "bytes that are not text",
        Quirk::NoCode | Quirk::Cut | Quirk::OverLimit => return None,
    })
}

/// `tls-intercepted` once more: hosts of different domains show certificates of one and the same issuer, which nobody
/// here trusts. Whoever stands on the way signs for all of them.
pub(super) fn one_issuer(session: &Session, found: &[Finding]) -> Vec<Finding> {
    let mut by_issuer: BTreeMap<&str, Vec<(&Route, usize)>> = BTreeMap::new();
    let untrusted = |route: &&Route| {
        let own = |finding: &&Finding| finding.route == Some(route.id);
        let codes: Vec<&str> = found.iter().filter(own).map(|finding| finding.code).collect();
        codes.contains(&"cert-unknown-ca") && !codes.contains(&"tls-intercepted")
    };
    for route in session.routes().iter().filter(untrusted) {
        let evidence =
            |finding: &&Finding| finding.route == Some(route.id) && finding.code == "cert-unknown-ca";
        let line = found.iter().find(evidence).and_then(|finding| finding.evidence.first()).copied();
        if let (Some(leaf), Some(line)) = (route.certificates.first().filter(|leaf| !leaf.self_issued), line)
        {
            by_issuer.entry(leaf.issuer.as_str()).or_default().push((route, line));
        }
    }
    let mut intercepted = Vec::new();
    for (issuer, routes) in by_issuer {
        let mut domains: Vec<String> = routes.iter().map(|(route, _)| domain(&route.host)).collect();
        domains.sort();
        domains.dedup();
        if domains.len() < 2 {
            continue;
        }
        for (route, line) in routes {
            let facts = BTreeMap::from([
                ("host", route.host.clone()),
                ("port", route.port.to_string()),
                ("issuer", printable(issuer, 300)),
                ("domains", domains.join(", ")),
            ]);
            intercepted.push(finding_on(route, "tls-intercepted", Severity::Error, vec![line], facts));
        }
    }
    intercepted
}

/// What the issuers of public authorities call themselves.
const PUBLIC: [&str; 46] = [
    "actalis",
    "amazon",
    "apple",
    "buypass",
    "camerfirma",
    "certsign",
    "certum",
    "cfca",
    "chunghwa",
    "comodo",
    "cybertrust",
    "d-trust",
    "digicert",
    "disig",
    "e-tugra",
    "emsign",
    "entrust",
    "firmaprofesional",
    "gandi",
    "geotrust",
    "globalsign",
    "godaddy",
    "google trust services",
    "harica",
    "identrust",
    "isrg",
    "izenpe",
    "let's encrypt",
    "microsec",
    "microsoft",
    "naver",
    "netlock",
    "network solutions",
    "quovadis",
    "rapidssl",
    "secom",
    "sectigo",
    "securetrust",
    "ssl.com",
    "starfield",
    "swisssign",
    "telekom",
    "telesec",
    "thawte",
    "trustasia",
    "usertrust",
];

/// `tls-intercepted` once more: the host of a known provider, whose certificates come from public authorities, shows a
/// certificate for that very name from an issuer that nobody here trusts and that is none of them. Where only this
/// machine's roots are missing, the issuer is a public one; where the user has given the address, or the hosts file
/// has, it may be another server: then nothing is said.
pub(super) fn resigned(session: &Session, found: &[Finding]) -> Vec<Finding> {
    let known = session.started().is_some_and(|started| started.provider.is_some());
    if !known || session.goal() != Goal::Submit {
        return Vec::new();
    }
    let by_dns = |host: &str| {
        let asked =
            |answer: &Answer| matches!(answer.source, LookupSource::Dns(_) | LookupSource::Validated(_));
        session.dns().of(host).all(asked)
    };
    let suspect = |route: &&Route| {
        let codes =
            found.iter().filter(|finding| finding.route == Some(route.id)).map(|finding| finding.code);
        let codes: Vec<&str> = codes.collect();
        codes.contains(&"cert-unknown-ca") && !codes.contains(&"tls-intercepted") && by_dns(&route.host)
    };
    let of_route = |route: &Route| {
        let leaf = route.certificates.first()?;
        let issuer = leaf.issuer.to_lowercase();
        let public = PUBLIC.iter().any(|name| issuer.contains(name));
        let named = Host::parse(&route.host).is_ok_and(|host| certificate::matches(leaf, &host));
        if public || leaf.self_issued || !named {
            return None;
        }
        let untrusted =
            |finding: &&Finding| finding.route == Some(route.id) && finding.code == "cert-unknown-ca";
        let line = found.iter().find(untrusted)?.evidence.first().copied()?;
        let facts = BTreeMap::from([
            ("host", route.host.clone()),
            ("port", route.port.to_string()),
            ("issuer", printable(&leaf.issuer, 300)),
            ("known", route.host.clone()),
        ]);
        Some(finding_on(route, "tls-intercepted", Severity::Error, vec![line], facts))
    };
    session.routes().iter().filter(suspect).filter_map(of_route).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_parts_of_names() {
        for (name, own) in [
            ("smtp.example.com", "example.com"),
            ("Mail.Hosting.Example.", "hosting.example"),
            ("mx.example.co.uk", "example.co.uk"),
            ("mx.web.de", "web.de"),
            ("a.b.c.example.com.au", "example.com.au"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(domain(name), own, "{name}");
        }
    }
}
