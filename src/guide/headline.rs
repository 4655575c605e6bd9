//! The verdict in one sentence, and why: what text, Markdown and screen put first.

use crate::event::{Discover, RunEnd};
use crate::guide::known::{Branch, Known};
use crate::guide::recommendation::{NO_ROUTE, Status, recommend_of, why_not};
use crate::guide::words::words;
use crate::guide::{hosting, tree, walk};
use crate::session::relay::{self, Exchangers};
use crate::session::{Outcome, Session, Severity};

/// How the sentence is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A route is ready.
    Good,
    /// A route is ready after a fix.
    Fix,
    /// There is none.
    Bad,
    /// No port was tried, because the port is not the question.
    Neutral,
}

/// What is said where the run was stopped before anything worked.
pub const STOPPED: &str = "No verdict: the run was stopped before its end";

/// What is said where there was nothing to connect to.
pub const UNTRIED: &str = "No port could be tried";

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// How it is meant.
    pub tone: Tone,
    /// One sentence without its full stop: `Use port 587 with STARTTLS`.
    pub text: String,
    /// Why, each in a sentence or two.
    pub why: Vec<String>,
}

/// The verdict, from what is known so far.
pub fn headline(session: &Session) -> Headline {
    headline_of(&Known::from(session))
}

/// The same, from what is known.
pub(crate) fn headline_of(known: &Known<'_>) -> Headline {
    if let Some(why) = known.started.and_then(|started| started.malformed.as_ref()) {
        let why = sentence(why);
        return Headline { tone: Tone::Bad, text: UNTRIED.to_owned(), why: vec![why] };
    }
    if !walk::probes_routes(known) {
        return no_probe(known);
    }
    match recommend_of(known) {
        Some(found) => {
            let (tone, text) = match found.status {
                Status::Ready => (Tone::Good, found.summary),
                Status::AfterFix => (Tone::Fix, format!("{}, after a fix", found.summary)),
            };
            Headline { tone, text, why: found.reasons }
        }
        None => Headline { tone: Tone::Bad, text: none(known).to_owned(), why: why_none(known) },
    }
}

/// What is said where there is no recommendation: that nothing works is known only once everything was tried.
fn none(known: &Known<'_>) -> &'static str {
    match known.ended {
        Some(RunEnd::Completed) if has_no_host(known) || has_no_address(known) => UNTRIED,
        Some(RunEnd::Completed) => NO_ROUTE,
        _ => STOPPED,
    }
}

/// Whether the hosts were to be found in DNS, and none was.
fn has_no_host(known: &Known<'_>) -> bool {
    known.discovers() == Some(Discover::Submission) && known.routes.is_empty()
}

fn has_no_address(known: &Known<'_>) -> bool {
    walk::has_no_address(known) && known.entered("host").is_some()
}

/// The branches that end without a probe: what was said instead.
fn no_probe(known: &Known<'_>) -> Headline {
    let (text, question) = match known.branch() {
        Some(Branch::Relay) => ("No port was tried: mail servers deliver on port 25", "relay-check"),
        Some(Branch::Message) => ("No port was tried: ehlo explain reads the message", "error-next"),
        _ => ("The port is not the cause", "inbox-next"),
    };
    if let Some(why) = papers(known) {
        return Headline { tone: Tone::Neutral, text: text.to_owned(), why: vec![why] };
    }
    let why = tree::tree().question(question).map(|question| question.lesson.clone());
    Headline { tone: Tone::Neutral, text: text.to_owned(), why: why.into_iter().collect() }
}

/// What came of looking at a sender's domain; `None` where nobody has looked. That the port is not the cause, and what
/// receivers judge by instead, the first finding says.
fn papers(known: &Known<'_>) -> Option<String> {
    known.findings.iter().find(|finding| finding.code == "port-is-not-the-cause")?;
    let domain = known.host();
    let mut codes: Vec<&str> = Vec::new();
    for finding in known.findings.iter().filter(|finding| finding.severity != Severity::Info) {
        if !codes.contains(&finding.code) {
            codes.push(finding.code);
        }
    }
    Some(match codes.as_slice() {
        [] if known.ended == Some(RunEnd::Completed) => format!(
            "What was looked at about {domain} is in order. What is left is the reputation of who sends, and the \
             content."
        ),
        [] => format!("Nothing wrong was seen about {domain}, and not everything was looked at."),
        [one] => format!("What there is to mend about {domain}: {one}."),
        all => format!("What there is to mend about {domain}, most urgent first: {}.", all.join(", ")),
    })
}

fn why_none(known: &Known<'_>) -> Vec<String> {
    if let Some(why) = takes_no_mail(known) {
        return vec![why];
    }
    if has_no_host(known) {
        return vec![format!("No submission host was found for {}.", known.host())];
    }
    if has_no_address(known) {
        return vec![format!("The name {} leads to no address.", known.host())];
    }
    // Where the block as a whole has a name, that comes before the ports one by one: it says whose affair it is.
    let whole =
        known.findings.iter().find(|finding| finding.route.is_none() && finding.code == "egress-blocked");
    let mut why: Vec<String> = whole.map(|finding| sentence(&words(finding).summary)).into_iter().collect();
    let ports = known.ordered().into_iter().filter(|route| route.port != 25 || known.relays());
    why.extend(ports.filter_map(|route| why_not(known, route)));
    let open_25 = known.routes.iter().any(|route| route.port == 25 && route.outcome == Outcome::Works);
    if open_25 && !known.relays() {
        why.push(
            "Port 25 answers, but it is for mail servers among themselves: an app that is set to it works here and \
             fails on the next network."
                .to_owned(),
        );
    }
    if why.is_empty() {
        why.push("No port was tried.".to_owned());
    }
    why.extend(blocked_by(known));
    why
}

/// Where the machine's hosting company is known: what it has to do with the ports that were silent, and what to do.
fn blocked_by(known: &Known<'_>) -> Option<String> {
    let hosting = known.hosting?;
    let silent = hosting::silent_ports(known.routes);
    if silent.is_empty() {
        return None;
    }
    let lift =
        if silent.iter().any(|port| hosting.blocks.contains(port)) { hosting.lift.as_str() } else { "" };
    Some(format!("{} {lift}", hosting.explains(&silent)).trim_end().to_owned())
}

/// Why a domain has no mail server to try.
fn takes_no_mail(known: &Known<'_>) -> Option<String> {
    let domain = known.host();
    if !known.relays() {
        return None;
    }
    Some(match relay::exchangers(known.dns, domain) {
        Exchangers::Null(_) => format!("{domain} says that it takes no mail at all (a null MX)."),
        Exchangers::NoDomain(_) => format!("The domain {domain} does not exist."),
        Exchangers::Failed(_) => format!("The mail servers of {domain} could not be looked up."),
        _ => return None,
    })
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RouteOrigin;
    use crate::guide::testing::Case;
    use crate::target::{Goal, RouteSpec, TlsMode};

    fn walked(goal: Goal, end: impl Fn(RouteSpec) -> Outcome) -> Case {
        let mut case = Case::new("smtp.example.com");
        case.started.goal = goal;
        case.walk(&end);
        case
    }

    #[test]
    fn tones_and_sentences() {
        let ready = headline_of(&walked(Goal::Submit, |_| Outcome::Works).known());
        assert_eq!((ready.tone, ready.text.as_str()), (Tone::Good, "Use port 587 with STARTTLS"));
        let none = headline_of(&walked(Goal::Submit, |_| Outcome::Refused).known());
        assert_eq!((none.tone, none.text.as_str()), (Tone::Bad, NO_ROUTE));
        assert_eq!(
            none.why,
            [
                "Port 587 with STARTTLS refused the connection.",
                "Port 465 with implicit TLS refused the connection.",
                "Port 2525 with STARTTLS refused the connection."
            ]
        );
        let inbox = headline_of(&walked(Goal::Inbox, |_| Outcome::Works).known());
        assert_eq!((inbox.tone, inbox.text.as_str()), (Tone::Neutral, "The port is not the cause"));
        assert!(inbox.why[0].contains("DMARC"));
    }

    #[test]
    fn of_a_sending_domain_the_verdict_says_what_there_is_to_mend_and_not_twice_why_the_port_is_not_it() {
        let mut case = walked(Goal::Inbox, |_| Outcome::Works);
        let said = |case: &Case| headline_of(&case.known()).why.join(" ");
        let found = |code, severity| crate::session::Finding {
            code,
            severity,
            route: None,
            port: None,
            follows: None,
            evidence: vec![0],
            facts: std::collections::BTreeMap::new(),
        };
        case.findings.push(found("port-is-not-the-cause", Severity::Info));
        assert!(said(&case).starts_with("What was looked at about smtp.example.com is in order."));
        case.findings.push(found("spf-multiple", Severity::Error));
        case.findings.push(found("dmarc-missing", Severity::Warning));
        assert_eq!(
            said(&case),
            "What there is to mend about smtp.example.com, most urgent first: spf-multiple, dmarc-missing."
        );
    }

    #[test]
    fn after_a_fix_says_so() {
        let mut fix = walked(Goal::Submit, |_| Outcome::CertInvalid);
        fix.find(crate::event::RouteId(0), "cert-expired", Severity::Error);
        let fix = headline_of(&fix.known());
        assert_eq!((fix.tone, fix.text.as_str()), (Tone::Fix, "Use port 587 with STARTTLS, after a fix"));
    }

    #[test]
    fn a_hosting_company_is_named_where_it_may_be_the_cause() {
        let hosting = |id: &str| hosting::all().iter().find(|hosting| hosting.id == id);
        let mut silent = walked(Goal::Submit, |_| Outcome::Filtered);
        let last = |case: &Case| headline_of(&case.known()).why.pop().unwrap();
        assert!(last(&silent).starts_with("Port 2525"));
        silent.hosting = hosting("digitalocean");
        assert!(
            last(&silent)
                .starts_with("This machine is at DigitalOcean. DigitalOcean is reported to block 25,")
        );
        assert!(last(&silent).contains("Ask support to lift it"));
        // A reset is nobody's egress filter.
        let mut refused = walked(Goal::Submit, |_| Outcome::Refused);
        refused.hosting = hosting("digitalocean");
        assert!(last(&refused).starts_with("Port 2525"));
        // Where 2525 works the reason for the silence of the others is said once.
        let works_2525 = |spec: RouteSpec| if spec.port == 2525 { Outcome::Works } else { Outcome::Filtered };
        let mut fallback = walked(Goal::Submit, works_2525);
        fallback.hosting = hosting("digitalocean");
        let why = headline_of(&fallback.known()).why;
        assert_eq!(why.iter().filter(|why| why.contains("DigitalOcean")).count(), 1, "{why:?}");
        fallback.hosting = hosting("amazon-ec2");
        assert!(!headline_of(&fallback.known()).why.iter().any(|why| why.contains("Amazon")));
    }

    #[test]
    fn without_a_route_the_reason_is_named() {
        let mut malformed = Case::new("");
        malformed.started.malformed = Some("the host is empty: write a host name".into());
        let found = headline_of(&malformed.known());
        assert_eq!((found.text.as_str(), found.why.len()), (UNTRIED, 1));
        assert_eq!(found.why, ["The host is empty: write a host name."]);
        let mut unknown = Case::new("smtp.example.com");
        unknown.answer("sender", "app");
        unknown.resolved(None);
        assert_eq!(headline_of(&unknown.known()).why, ["The name smtp.example.com leads to no address."]);
        let mut relay_port = Case::new("smtp.example.com");
        relay_port.started.routes = vec!["25".parse().unwrap()];
        let id = relay_port.add(25, TlsMode::Starttls, RouteOrigin::Asked);
        relay_port.end(id, Outcome::Works);
        assert!(headline_of(&relay_port.known()).why[0].starts_with("Port 25 answers, but"));
        let stopped = headline_of(&Case::new("h").known());
        assert_eq!((stopped.text.as_str(), stopped.why), (STOPPED, vec!["No port was tried.".to_owned()]));
    }
}
