//! Who can mend a finding, where the facts of the case know it better than its code alone.
//!
//! A page of `assets/findings.toml` names the usual owner. Here the names in the facts decide: whether the server is a
//! known provider's, this machine itself, or in a domain that the user's own address is of.

use std::net::IpAddr;

use crate::guide::provider;
use crate::guide::words::Owner;
use crate::session::{Finding, Session};

/// The owner, where the session knows more than the page.
pub(super) fn owner(session: &Session, finding: &Finding, usual: Owner) -> Owner {
    let fact = |name: &str| finding.facts.get(name).map(String::as_str);
    let Some(host) = fact("host") else { return usual };
    if fact("alias").is_some() || finding.code == "dns-cname-dangling" {
        // What is wrong is a record in the zone of the name that was typed.
        return match () {
            () if provider::by_host(host).is_some() => Owner::Provider,
            () if is_own(session, host) => Owner::You,
            () => Owner::Zone,
        };
    }
    match usual {
        Owner::Server | Owner::Provider | Owner::Network if is_here(session, finding, host) => Owner::You,
        Owner::Server if provider::by_host(host).is_some() => Owner::Provider,
        usual => usual,
    }
}

/// True where the server is this machine.
fn is_here(session: &Session, finding: &Finding, host: &str) -> bool {
    // Through a proxy a loopback address is that of the machine behind it.
    if session.carrier().is_some() {
        return false;
    }
    let loopback =
        |text: &str| text.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    let route = finding.route.and_then(|id| session.route(id));
    let attempts = route.map(|route| route.attempts.as_slice()).unwrap_or_default();
    let all_loopback = !attempts.is_empty() && attempts.iter().all(|tried| loopback(&tried.endpoint.host()));
    loopback(host) || host.eq_ignore_ascii_case("localhost") || all_loopback
}

/// True where the host is in the domain of the address that the user signs in or sends as.
fn is_own(session: &Session, host: &str) -> bool {
    let Some(started) = session.started() else { return false };
    let submit = &started.submit;
    let addresses = submit.user.iter().chain(&submit.mail_from);
    let mut domains = addresses.filter_map(|address| address.rsplit_once('@')).map(|(_, domain)| domain);
    domains.any(|domain| is_within(host, domain))
}

fn is_within(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    !domain.is_empty()
        && (host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ConnectOutcome, LookupOutcome, RecordType};
    use crate::guide::words::words_in;
    use crate::session::testing::Tape;
    use crate::target::TlsMode;

    /// Who can mend the dangling alias of this host.
    fn of_alias(host: &str, user: Option<&str>) -> Vec<Owner> {
        let mut tape = Tape::with(|started| {
            started.host = host.to_owned();
            let mut submit = (*started.submit).clone();
            submit.user = user.map(str::to_owned);
            started.submit = submit.into();
        });
        let gone = LookupOutcome::NxDomain { at: "gone.example.net".into() };
        tape.lookup(RecordType::A, gone.clone(), 1).lookup(RecordType::Aaaa, gone, 1);
        let session = tape.session();
        let found = session.findings().iter().filter(|found| found.code.starts_with("dns-"));
        found.map(|found| words_in(&session, found).owner).collect()
    }

    #[test]
    fn a_dangling_alias_is_mended_in_the_zone_of_the_name() {
        assert_eq!(of_alias("mail.example.org", None), [Owner::Zone, Owner::Zone]);
        assert_eq!(of_alias("smtp.sendgrid.net", None), [Owner::Provider, Owner::Provider]);
        assert_eq!(of_alias("mail.example.org", Some("ann@example.org")), [Owner::You, Owner::You]);
        assert_eq!(of_alias("mail.badexample.org", Some("ann@example.org")), [Owner::Zone, Owner::Zone]);
    }

    /// Who can mend a server that turns everybody away.
    fn of_greeting(host: &str, address: &str) -> Owner {
        let mut tape = Tape::with(|started| started.host = host.to_owned());
        let route = tape.route(587, TlsMode::Starttls);
        let probe = tape.probe(route);
        tape.connect(probe, address, ConnectOutcome::Connected, 1).chosen(probe, address);
        tape.server(probe, "554 5.7.1 Go away\r\n").quits(probe).end(probe);
        let session = tape.session();
        let found = session.findings().iter().find(|found| found.code == "greeting-rejected").unwrap();
        words_in(&session, found).owner
    }

    #[test]
    fn a_server_is_a_providers_this_machines_or_somebodys() {
        let usual = of_greeting("mail.example.org", "192.0.2.10");
        assert!(usual != Owner::You && usual != Owner::Provider);
        assert_eq!(of_greeting("smtp.sendgrid.net", "192.0.2.10"), Owner::Provider);
        assert_eq!(of_greeting("localhost", "127.0.0.1"), Owner::You);
        assert_eq!(of_greeting("mail.example.org", "127.0.0.1"), Owner::You);
    }
}
