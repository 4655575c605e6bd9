//! From a domain to hosts: which routes the walk begins with, and what must be asked first.
//!
//! For `user@domain`: SRV records (RFC 6186, RFC 8314 §5.1), then the provider that the domain's MX names, then
//! `smtp.DOMAIN`, then `mail.DOMAIN`. For the goal `relay`: the MX hosts (RFC 5321 §5.1).

use crate::event::{Discover, LookupOutcome, RecordData, RecordType, RouteOrigin};
use crate::guide::known::Known;
use crate::guide::walk::{Next, planned as planned_here};
use crate::guide::{delivery, plan, provider, walk};
use crate::session::relay::{self, Exchangers};
use crate::target::{Host, RouteSpec, TlsMode};

/// Most hosts that are taken from DNS.
const MAX_HOSTS: usize = 16;

/// A route that should be on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub host: String,
    pub spec: RouteSpec,
    pub origin: RouteOrigin,
}

/// What the walk begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Planned {
    /// These routes, in order.
    Routes(Vec<Wanted>),
    /// Something must be found out first.
    First(Box<Next>),
    /// There is nothing to try.
    Nothing,
}

/// The routes that the walk begins with, or what must come before.
pub(crate) fn planned(known: &Known<'_>, all: bool) -> Planned {
    let asked_for = known.started.is_some_and(|started| !started.routes.is_empty());
    match known.discovers() {
        None => Planned::Routes(on(known.host(), planned_here(known, all))),
        Some(Discover::Submission) if known.entered("discover").is_none() => {
            Planned::First(Box::new(questions(known)))
        }
        Some(Discover::Submission) => submission(known, asked_for, all),
        Some(Discover::Exchangers) => match delivery::before_routes(known) {
            Some(next) => Planned::First(Box::new(next)),
            None => exchangers(known),
        },
    }
}

fn on(host: &str, routes: Vec<(RouteSpec, RouteOrigin)>) -> Vec<Wanted> {
    routes.into_iter().map(|(spec, origin)| Wanted { host: host.to_owned(), spec, origin }).collect()
}

fn questions(known: &Known<'_>) -> Next {
    let domain = known.host();
    let mut questions = vec![(domain.to_owned(), RecordType::Mx)];
    for service in [SUBMISSION, SUBMISSIONS] {
        questions.push((format!("{service}.{domain}"), RecordType::Srv));
    }
    let plan = plan::discover(domain, &questions, known.carrier());
    Next::Ask { plan, domain: domain.to_owned(), questions }
}

const SUBMISSION: &str = "_submission._tcp";
const SUBMISSIONS: &str = "_submissions._tcp";

fn submission(known: &Known<'_>, asked_for: bool, all: bool) -> Planned {
    let domain = known.host();
    if !asked_for {
        let services = services(known, domain);
        if !services.is_empty() {
            return Planned::Routes(services);
        }
        if let Some(provider) = provider_of(known, domain)
            && let Some(host) = provider.hosts.first()
        {
            return Planned::Routes(on(host, walk::of_provider(provider)));
        }
    }
    for guess in ["smtp", "mail"] {
        let host = format!("{guess}.{domain}");
        // Where a proxy looks names up, nobody here can tell whether this one exists.
        if known.is_remote() {
            return Planned::Routes(on(&host, planned_here(known, all)));
        }
        if known.dns.of(&host).next().is_none() {
            return Planned::First(Box::new(Next::Resolve { plan: plan::host(&host, false, None), host }));
        }
        if !known.dns.reachable(&host).is_empty() {
            return Planned::Routes(on(&host, planned_here(known, all)));
        }
    }
    Planned::Nothing
}

/// SRV records as routes: by priority over both services; where priorities say nothing, in the tree's order; within
/// one priority the heavier first (RFC 2782, RFC 6186 §3.4). A target of `.` says that the service is not offered.
fn services(known: &Known<'_>, domain: &str) -> Vec<Wanted> {
    let mut found = Vec::new();
    for (service, tls) in [(SUBMISSION, TlsMode::Starttls), (SUBMISSIONS, TlsMode::Implicit)] {
        for data in records(known, &format!("{service}.{domain}")) {
            if let RecordData::Srv { priority, weight, port, target } = data
                && *port != 0
                && let Some(host) = host(target)
            {
                let order = (*priority, tls, u16::MAX - *weight);
                found.push((
                    order,
                    Wanted { host, spec: RouteSpec { port: *port, tls }, origin: RouteOrigin::Srv },
                ));
            }
        }
    }
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().map(|(_, wanted)| wanted).take(MAX_HOSTS).collect()
}

/// The MX hosts in order of preference, on port 25 or on the routes asked for. Without MX the domain itself receives
/// (RFC 5321 §5.1); a null MX says that it receives no mail at all (RFC 7505).
fn exchangers(known: &Known<'_>) -> Planned {
    let domain = known.host();
    let asked = known.started.map(|started| started.routes.clone()).unwrap_or_default();
    let specs = match asked.as_slice() {
        [] => vec![RouteSpec { port: 25, tls: TlsMode::Starttls }],
        _ => asked,
    };
    let hosts = match relay::exchangers(known.dns, domain) {
        Exchangers::Hosts { hosts, .. } => hosts.into_iter().filter_map(|(_, name)| host(&name)).collect(),
        Exchangers::Implicit(_) | Exchangers::Unknown => vec![domain.to_owned()],
        Exchangers::Null(_) | Exchangers::NoDomain(_) | Exchangers::Failed(_) => Vec::new(),
    };
    let mut wanted: Vec<Wanted> = Vec::new();
    for host in hosts.into_iter().take(MAX_HOSTS) {
        for spec in &specs {
            let new = Wanted { host: host.clone(), spec: *spec, origin: RouteOrigin::Mx };
            if !wanted.contains(&new) {
                wanted.push(new);
            }
        }
    }
    if wanted.is_empty() { Planned::Nothing } else { Planned::Routes(wanted) }
}

/// The provider whose servers receive the domain's mail.
fn provider_of(known: &Known<'_>, domain: &str) -> Option<&'static provider::Provider> {
    records(known, domain).find_map(|data| match data {
        RecordData::Mx { exchange, .. } => provider::by_mx(exchange),
        _ => None,
    })
}

fn records<'a>(known: &Known<'a>, name: &str) -> impl Iterator<Item = &'a RecordData> {
    let name = name.to_owned();
    let dns = known.dns;
    let answers: Vec<_> = dns.of(&name).collect();
    answers.into_iter().flat_map(|answer| match &answer.outcome {
        LookupOutcome::Answers(records) => records.iter().map(|record| &record.data).collect(),
        _ => Vec::new(),
    })
}

/// A target that can be connected to: not the root, and a name that can be one.
fn host(target: &str) -> Option<String> {
    match Host::parse(target) {
        Ok(Host::Name(name)) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{LookupSource, Micros, Record};
    use crate::guide::testing::Case;
    use crate::session::dns::Answer;

    fn case(discover: Discover) -> Case {
        let mut case = Case::new("example.com");
        case.started.discover = Some(discover);
        case.answer("sender", "app");
        case
    }

    fn answer(case: &mut Case, name: &str, record: RecordType, data: Vec<RecordData>) {
        let records = data.into_iter().map(|data| Record { name: name.into(), ttl: 60, data }).collect();
        let answer = Answer {
            name: name.into(),
            record,
            source: LookupSource::Dns(None),
            outcome: LookupOutcome::Answers(records),
            took: Micros(1),
            line: 0,
        };
        case.dns.add(answer, Micros(1));
    }

    fn srv(priority: u16, weight: u16, port: u16, target: &str) -> RecordData {
        RecordData::Srv { priority, weight, port, target: target.into() }
    }

    fn routes(case: &Case) -> Vec<String> {
        match planned(&case.known(), false) {
            Planned::Routes(routes) => routes.into_iter().map(|w| format!("{} {}", w.host, w.spec)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn dns_is_asked_first() {
        let case = case(Discover::Submission);
        let Planned::First(next) = planned(&case.known(), false) else { panic!() };
        let Next::Ask { questions, plan, .. } = *next else { panic!() };
        let names: Vec<_> = questions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["example.com", "_submission._tcp.example.com", "_submissions._tcp.example.com"]);
        assert_eq!(plan.step, "discover");
    }

    #[test]
    fn services_in_the_trees_order_unless_priorities_say_otherwise() {
        let mut same = case(Discover::Submission);
        same.enter("discover");
        answer(
            &mut same,
            "_submissions._tcp.example.com",
            RecordType::Srv,
            vec![srv(0, 1, 465, "b.example.net")],
        );
        answer(
            &mut same,
            "_submission._tcp.example.com",
            RecordType::Srv,
            vec![srv(0, 1, 587, "a.example.net.")],
        );
        assert_eq!(routes(&same), ["a.example.net 587/starttls", "b.example.net 465/implicit"]);

        let mut preferred = case(Discover::Submission);
        preferred.enter("discover");
        answer(
            &mut preferred,
            "_submissions._tcp.example.com",
            RecordType::Srv,
            vec![srv(0, 1, 465, "b.example.net")],
        );
        let starttls = vec![srv(10, 1, 587, "a.example.net"), srv(10, 9, 1587, "c.example.net")];
        answer(&mut preferred, "_submission._tcp.example.com", RecordType::Srv, starttls);
        assert_eq!(
            routes(&preferred),
            ["b.example.net 465/implicit", "c.example.net 1587/starttls", "a.example.net 587/starttls"]
        );
    }

    #[test]
    fn not_offered_is_not_a_host() {
        let mut none = case(Discover::Submission);
        none.enter("discover");
        answer(&mut none, "_submission._tcp.example.com", RecordType::Srv, vec![srv(0, 0, 0, ".")]);
        let Planned::First(next) = planned(&none.known(), false) else { panic!() };
        assert!(matches!(*next, Next::Resolve { host, .. } if host == "smtp.example.com"));
    }

    #[test]
    fn the_provider_by_its_mx_then_guesses() {
        let mx = |exchange: &str| RecordData::Mx { preference: 1, exchange: exchange.into() };
        let mut google = case(Discover::Submission);
        google.enter("discover");
        answer(&mut google, "example.com", RecordType::Mx, vec![mx("aspmx.l.google.com.")]);
        assert_eq!(routes(&google)[0], "smtp.gmail.com 587/starttls");

        let mut own = case(Discover::Submission);
        own.enter("discover");
        answer(&mut own, "example.com", RecordType::Mx, vec![mx("mx.example.com.")]);
        answer(&mut own, "smtp.example.com", RecordType::A, vec![]);
        let Planned::First(next) = planned(&own.known(), false) else { panic!() };
        assert!(matches!(*next, Next::Resolve { host, .. } if host == "mail.example.com"));
        answer(
            &mut own,
            "mail.example.com",
            RecordType::A,
            vec![RecordData::Address("192.0.2.1".parse().unwrap())],
        );
        assert_eq!(routes(&own)[0], "mail.example.com 587/starttls");
    }

    #[test]
    fn behind_a_proxy_the_first_guess_is_tried() {
        let mut remote = case(Discover::Submission);
        remote.started.vantage = "socks5h://proxy.example.net:1080".into();
        remote.enter("discover");
        assert_eq!(routes(&remote)[0], "smtp.example.com 587/starttls");
    }

    #[test]
    fn exchangers_by_preference_and_the_null_mx() {
        let mx = |preference, exchange: &str| RecordData::Mx { preference, exchange: exchange.into() };
        let relay = |records: Vec<RecordData>| {
            let mut case = case(Discover::Exchangers);
            case.answer("sender", "server");
            let Planned::First(next) = planned(&case.known(), false) else { panic!("MX is asked for first") };
            assert!(matches!(*next, Next::Ask { plan, .. } if plan.step == "mx"));
            case.enter("mx");
            case.enter("mta-sts");
            if !records.is_empty() {
                answer(&mut case, "example.com", RecordType::Mx, records);
            }
            case
        };
        assert_eq!(routes(&relay(vec![])), ["example.com 25/starttls"]);
        let two = relay(vec![mx(20, "b.example.net."), mx(10, "a.example.net.")]);
        assert_eq!(routes(&two), ["a.example.net 25/starttls", "b.example.net 25/starttls"]);
        assert_eq!(planned(&relay(vec![mx(0, ".")]).known(), false), Planned::Nothing);
        // A host with a port, or an address, is the server itself.
        let mut named = two;
        named.started.discover = None;
        named.started.routes = vec!["25".parse().unwrap()];
        assert_eq!(routes(&named), ["example.com 25/starttls"]);
    }
}
