use super::*;
use crate::event::{RouteId, RouteOrigin, RunEnd};
use crate::guide::symptom::{Settings, explain};
use crate::guide::testing::Case;
use crate::target::TlsMode;

fn lead(text: &str) -> Lead {
    of(&explain(text, &Settings::default()))
}

fn spec(text: &str) -> Option<RouteSpec> {
    Some(text.parse().unwrap())
}

/// A case led to by a message.
fn led(text: &str) -> Case {
    let mut case = Case::new("smtp.example.com");
    case.started.lead = Some(Box::new(lead(text)));
    case.answer("sender", "app");
    case
}

/// The same, walked to its end.
fn walked(text: &str, ends: &dyn Fn(RouteSpec) -> Outcome) -> Case {
    let mut case = led(text);
    case.walk(ends);
    case
}

fn judged(case: &Case) -> Judgement {
    judge_of(&case.known()).unwrap()
}

const REFUSED_587: &str = "connect ECONNREFUSED smtp.example.com:587";
const SIGN_IN_465: &str = "535 5.7.8 Error: authentication failed at smtp.example.com:465";
const WRONG_MODE: &str = "ssl://smtp.example.com:587 SSL routines:ssl3_get_record:wrong version number";
const EXPIRED: &str = "smtp.example.com:465 certificate verify failed: certificate has expired";
const NO_SUCH_NAME: &str = "getaddrinfo ENOTFOUND smtp.example.com";

#[test]
fn a_message_leads_to_a_route_and_a_step() {
    for (text, route, start_at) in [
        (REFUSED_587, spec("587/starttls"), "connect"),
        (SIGN_IN_465, spec("465/implicit"), "sign-in"),
        (WRONG_MODE, spec("587/starttls"), "route-587-starttls"),
        (EXPIRED, spec("465/implicit"), "certificate"),
        (NO_SUCH_NAME, None, "host"),
        ("the weather is fine", None, "host"),
    ] {
        let lead = lead(text);
        assert_eq!((lead.route, lead.start_at.as_str(), lead.all), (route, start_at, false), "{text}");
    }
    let relay_port = lead("dial tcp smtp.example.com:25: i/o timeout");
    assert_eq!((relay_port.route, relay_port.all), (None, true), "25 is looked at as --all does");
    assert_eq!(lead("550 5.7.25 does not have a PTR record").route, None);
}

#[test]
fn what_beginning_does_is_said_before() {
    let says = |text: &str, goal| preview(&lead(text), goal, "smtp.example.com");
    assert!(says(NO_SUCH_NAME, Goal::Submit).starts_with("The walk begins with the plan"));
    assert!(says(EXPIRED, Goal::Submit).contains("the plan for port 465 with implicit TLS is shown"));
    assert!(says(SIGN_IN_465, Goal::Submit).contains("port 465 with implicit TLS probed; then it is asked"));
    let envelope = says("554 5.7.1 <bob@example.net>: Relay access denied", Goal::Submit);
    assert!(envelope.contains("port 587 with STARTTLS probed; sender and recipient"), "{envelope}");
    assert!(says("550 5.7.25 does not have a PTR record", Goal::Relay).contains("waits"));
}

#[test]
fn an_address_is_not_said_to_be_looked_up() {
    for host in ["192.0.2.25", "2001:db8::25", "[2001:db8::25]"] {
        let says = |text: &str| preview(&lead(text), Goal::Submit, host);
        assert_eq!(says(EXPIRED), "The plan for port 465 with implicit TLS is shown, and waits.", "{host}");
        let sign_in = says(SIGN_IN_465);
        assert!(
            sign_in.starts_with("Port 465 with implicit TLS is probed; then it is asked"),
            "{host}: {sign_in}"
        );
    }
}

#[test]
fn the_port_of_the_application_is_probed_first_and_the_others_after_it() {
    let steps = walked(EXPIRED, &|_| Outcome::Filtered).steps;
    let steps: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(
        steps,
        ["host", "route-465-implicit", "route-587-starttls", "route-2525-starttls", "way-out", "verdict"]
    );
}

/// The steps that wait for the user, walked as the engine does; a route ends as is said.
fn waits(text: &str, end: Outcome) -> Vec<String> {
    let mut case = led(text);
    let mut waits = Vec::new();
    for _ in 0..20 {
        let next = case.next();
        if let Some(plan) = next.plan()
            && !is_before(&case.known(), &next)
        {
            waits.push(plan.step.clone());
        }
        match next {
            Next::Resolve { .. } => case.resolved(Some("192.0.2.10")),
            Next::AddRoute { port, tls, origin, .. } => drop(case.add(port, tls, origin)),
            Next::Probe { route, .. } => case.end(route, end),
            Next::Control { plan, .. } => case.enter(&plan.step),
            Next::Question { question, default } => case.answer(&question, &default),
            _ => break,
        }
    }
    waits
}

#[test]
fn the_way_to_the_step_is_walked_without_waiting() {
    assert_eq!(waits(NO_SUCH_NAME, Outcome::Works), ["host", "route-587-starttls"]);
    assert_eq!(waits(EXPIRED, Outcome::Works), ["route-465-implicit"]);
    assert_eq!(waits(SIGN_IN_465, Outcome::Works), [""; 0]);
    // The way did not lead there: from here on the user says how it goes on.
    assert_eq!(waits(SIGN_IN_465, Outcome::Refused), ["route-587-starttls", "route-2525-starttls"]);
}

#[test]
fn what_was_stopped_on_the_way_waits() {
    let mut case = led(SIGN_IN_465);
    case.enter("host");
    let id = case.add(465, TlsMode::Implicit, RouteOrigin::Asked);
    let probe = |case: &Case| {
        let plan = crate::guide::plan::route(&case.routes[0]);
        is_before(&case.known(), &Next::Probe { plan, route: id, followers: Vec::new() })
    };
    assert!(!probe(&case), "nothing is known of the host");
    case.resolved(Some("192.0.2.10"));
    assert!(probe(&case));
    case.end(id, Outcome::NotTried);
    assert!(!probe(&case));
    let mut plain = case;
    plain.started.lead = None;
    assert!(!probe(&plain));
}

#[test]
fn a_cause_is_confirmed_by_the_finding_of_its_name_or_one_that_the_book_names() {
    let mut expired = walked(EXPIRED, &|_| Outcome::CertInvalid);
    expired.find(RouteId(0), "cert-expired", Severity::Error);
    let found = judged(&expired);
    assert_eq!((found.held, found.supposed), (Held::Confirmed, Some("The server's certificate has expired")));
    assert!(found.says[0].starts_with("Confirmed. "), "{found:?}");
    let mut refused = walked(REFUSED_587, &|spec| {
        if spec.port == 587 { Outcome::Refused } else { Outcome::Works }
    });
    refused.find(RouteId(0), "port-refused", Severity::Error);
    assert_eq!(judged(&refused).held, Held::Confirmed);
}

#[test]
fn a_finding_on_another_port_confirms_nothing() {
    let mut other = walked(REFUSED_587, &|_| Outcome::Works);
    other.add(2525, TlsMode::Starttls, RouteOrigin::Tree);
    other.routes[1].port = 2525;
    other.find(RouteId(1), "port-refused", Severity::Error);
    let found = judged(&other);
    assert_eq!(found.held, Held::NotFound);
    assert!(found.says.contains(&"Port 587 with STARTTLS works from here.".to_owned()), "{found:?}");
}

#[test]
fn the_right_mode_confirms_that_the_mode_was_wrong() {
    let found = judged(&walked(WRONG_MODE, &|_| Outcome::Works));
    assert_eq!(found.held, Held::Confirmed);
    assert_eq!(found.says, ["Confirmed. Port 587 speaks STARTTLS: that is the setting for it."]);
}

#[test]
fn another_cause_that_fits_is_named() {
    let mut case = walked(REFUSED_587, &|_| Outcome::Works);
    case.started.lead.as_mut().unwrap().causes = vec!["cert-expired".into(), "connection-refused".into()];
    case.find(RouteId(0), "port-refused", Severity::Error);
    let found = judged(&case);
    assert_eq!(found.held, Held::Other);
    assert!(found.says[0].contains("nothing listens on that address and port"), "{found:?}");
}

#[test]
fn what_the_probe_did_not_come_to_is_named_where_the_first_cause_was_not_there() {
    let mut case = walked(REFUSED_587, &|_| Outcome::Works);
    let lead = case.started.lead.as_mut().unwrap();
    lead.causes =
        vec!["connection-refused".into(), "greeting-never-received".into(), "auth-bad-credentials".into()];
    let found = judged(&case);
    assert_eq!(found.held, Held::NotFound);
    let open =
        "Still open: user name or password was not accepted; the probe did not come as far as \"Sign in\".";
    assert!(found.says.iter().any(|says| says == open), "{found:?}");
}

#[test]
fn what_was_not_put_to_the_test_stays_open() {
    let silent = judged(&walked(EXPIRED, &|_| Outcome::Filtered));
    assert_eq!(silent.held, Held::Open);
    assert_eq!(silent.says[0], "Not put to the test: the probe did not come as far as \"Certificate\".");
    // Nobody signed in.
    assert_eq!(judged(&walked(SIGN_IN_465, &|_| Outcome::Works)).held, Held::Open);
    let nothing = judged(&walked("the weather is fine", &|_| Outcome::Works));
    assert_eq!((nothing.held, nothing.supposed), (Held::Open, None));
    let mut quota = walked(SIGN_IN_465, &|_| Outcome::Works);
    quota.started.lead.as_mut().unwrap().causes = vec!["sending-quota-exceeded".into()];
    assert_eq!(
        judged(&quota).says[0],
        "A probe cannot show this by itself. What decides: the provider's console."
    );
}

#[test]
fn without_a_message_or_an_end_there_is_no_judgement() {
    let mut case = walked(EXPIRED, &|_| Outcome::Works);
    case.ended = None;
    assert_eq!(judge_of(&case.known()), None);
    case.ended = Some(RunEnd::Completed);
    case.started.lead = None;
    assert_eq!(judge_of(&case.known()), None);
}

#[test]
fn every_finding_that_the_book_names_has_a_page_and_is_not_the_causes_own() {
    for cause in book().causes() {
        for code in &cause.found {
            assert!(page(code).is_some() && *code != cause.code, "{}: {code}", cause.code);
        }
    }
}
