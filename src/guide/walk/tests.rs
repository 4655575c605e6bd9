use super::*;
use crate::event::{ConnectOutcome, Endpoint, IcmpError, Micros};
use crate::guide::testing::Case;
use crate::session::route::{Attempt, Phase};

fn case() -> Case {
    Case::new("smtp.example.com")
}

fn log(case: &mut Case, ends: &[(&str, Outcome)]) -> String {
    let ends = |spec: RouteSpec| {
        ends.iter().find(|(route, _)| *route == spec.to_string()).map_or(Outcome::Filtered, |(_, end)| *end)
    };
    case.walk(&ends).join(" ")
}

#[test]
fn the_submission_branch_stops_at_the_first_route_that_works() {
    let table: [(&[(&str, Outcome)], &str); 5] = [
        (&[("587/starttls", Outcome::Works)], "sender=app host route-587-starttls verdict"),
        (
            &[("465/implicit", Outcome::Works)],
            "sender=app host route-587-starttls route-465-implicit verdict",
        ),
        (
            &[("2525/starttls", Outcome::Works)],
            "sender=app host route-587-starttls route-465-implicit offers-2525=yes route-2525-starttls verdict",
        ),
        (
            &[],
            "sender=app host route-587-starttls route-465-implicit offers-2525=yes route-2525-starttls way-out verdict",
        ),
        (
            &[("587/starttls", Outcome::Refused)],
            "sender=app host route-587-starttls route-465-implicit offers-2525=yes route-2525-starttls verdict",
        ),
    ];
    for (ends, expected) in table {
        assert_eq!(log(&mut case(), ends), expected);
    }
}

#[test]
fn the_other_tls_mode_of_a_port_comes_next() {
    let ends = [("587/starttls", Outcome::ModeMismatch), ("465/implicit", Outcome::Refused)];
    let mut mismatch = case();
    assert_eq!(
        log(&mut mismatch, &ends),
        "sender=app host route-587-starttls route-587-implicit route-465-implicit offers-2525=yes \
         route-2525-starttls verdict"
    );
    assert_eq!(mismatch.routes[3].origin, RouteOrigin::OtherMode(RouteId(0)));
    let ends = [("587/starttls", Outcome::Refused), ("465/implicit", Outcome::ModeMismatch)];
    let ends = [ends[0], ends[1], ("465/starttls", Outcome::Works)];
    assert_eq!(
        log(&mut case(), &ends),
        "sender=app host route-587-starttls route-465-implicit route-465-starttls verdict"
    );
}

#[test]
fn implicit_tls_on_587_does_not_keep_465_from_being_looked_at() {
    let ends = [
        ("587/starttls", Outcome::ModeMismatch),
        ("587/implicit", Outcome::Works),
        ("465/implicit", Outcome::Works),
    ];
    assert_eq!(
        log(&mut case(), &ends),
        "sender=app host route-587-starttls route-587-implicit route-465-implicit verdict"
    );
}

#[test]
fn a_mismatch_both_ways_ends_all_the_same() {
    let always = |_| Outcome::ModeMismatch;
    let steps = case().walk(&always);
    assert_eq!(steps.iter().filter(|step| step.starts_with("route-")).count(), 6);
}

#[test]
fn all_tries_every_route_and_port_25_last() {
    let mut all = case();
    all.started.all = true;
    let works = |_| Outcome::Works;
    assert_eq!(
        all.walk(&works).join(" "),
        "sender=app host route-587-starttls route-465-implicit offers-2525=yes route-2525-starttls route-25-starttls \
         verdict"
    );
    assert_eq!(all.routes[3].origin, RouteOrigin::Information);
}

#[test]
fn each_route_is_repeated_and_what_comes_and_goes_settles_nothing() {
    let mut flaky = case();
    flaky.started.repeat = 2;
    let count = std::cell::Cell::new(0);
    let ends = |spec: RouteSpec| {
        count.set(count.get() + 1);
        if spec.port == 465 || count.get() == 2 { Outcome::Works } else { Outcome::Filtered }
    };
    assert_eq!(
        flaky.walk(&ends).join(" "),
        "sender=app host route-587-starttls route-587-starttls route-465-implicit route-465-implicit verdict"
    );
}

#[test]
fn routes_that_were_asked_for_replace_the_trees_and_nobody_is_asked_about_them() {
    let mut asked = case();
    asked.started.routes = ["2525", "465", "2525"].map(|text| text.parse().unwrap()).to_vec();
    assert_eq!(
        log(&mut asked, &[("2525/starttls", Outcome::Refused)]),
        "sender=app host route-2525-starttls route-465-implicit verdict"
    );
    assert!(asked.routes.iter().all(|route| route.origin == RouteOrigin::Asked));
}

#[test]
fn a_malformed_target_and_a_name_without_address_go_straight_to_the_verdict() {
    let mut malformed = case();
    malformed.started.malformed = Some("it contains white space".into());
    assert!(matches!(malformed.next(), Next::Conclude(plan) if plan.step == "verdict"));
    let mut unknown = case();
    unknown.answer("sender", "app");
    for spec in RouteSpec::SUBMISSION {
        unknown.add(spec.port, spec.tls, RouteOrigin::Tree);
    }
    unknown.resolved(None);
    assert!(matches!(unknown.next(), Next::Conclude(plan) if plan.step == "verdict"));
    // Behind a proxy the name is looked up at the far end: nothing is known here.
    unknown.started.vantage = "socks5h://127.0.0.1:1080".into();
    assert!(matches!(unknown.next(), Next::Probe { .. }));
}

#[test]
fn an_address_is_not_looked_up_but_shown() {
    let mut literal = Case::new("192.0.2.1");
    literal.answer("sender", "app");
    for spec in RouteSpec::SUBMISSION {
        literal.add(spec.port, spec.tls, RouteOrigin::Tree);
    }
    let Next::Resolve { plan, .. } = literal.next() else { panic!() };
    assert!(plan.text.contains("nothing is looked up"));
}

#[test]
fn followers_are_what_would_be_probed_next() {
    let mut racing = case();
    racing.answer("sender", "app");
    for spec in RouteSpec::SUBMISSION {
        racing.add(spec.port, spec.tls, RouteOrigin::Tree);
    }
    racing.resolved(Some("192.0.2.1"));
    let followers = |case: &Case| match case.next() {
        Next::Probe { followers, .. } => followers.iter().map(|id| id.0).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(followers(&racing), [1, 2]);
    racing.answer("offers-2525", "no");
    assert_eq!(followers(&racing), [1]);
    // One that the race has begun is not begun again, and is waited for in its turn.
    racing.routes[1].state = State::Running(Phase::Connect);
    assert_eq!(followers(&racing), [0_u16; 0]);
    racing.end(RouteId(0), Outcome::Filtered);
    assert!(matches!(racing.next(), Next::Probe { route: RouteId(1), .. }));
    // It has answered while 587 was silent: settled.
    racing.end(RouteId(1), Outcome::Works);
    assert!(matches!(racing.next(), Next::Conclude(_)));
}

#[test]
fn no_means_no_2525_and_a_race_that_has_begun_is_not_asked_about() {
    let mut no = case();
    no.answer("offers-2525", "no");
    assert_eq!(
        log(&mut no, &[("587/starttls", Outcome::Refused)]),
        "sender=app host route-587-starttls route-465-implicit verdict"
    );
    let mut begun = case();
    begun.answer("sender", "app");
    for spec in RouteSpec::SUBMISSION {
        begun.add(spec.port, spec.tls, RouteOrigin::Tree);
    }
    begun.resolved(Some("192.0.2.1"));
    begun.end(RouteId(0), Outcome::Filtered);
    begun.end(RouteId(1), Outcome::Filtered);
    assert!(matches!(begun.next(), Next::Question { .. }));
    begun.routes[2].state = State::Running(Phase::Connect);
    assert!(matches!(begun.next(), Next::Probe { route: RouteId(2), .. }));
}

#[test]
fn skipped_steps_stay_skipped_until_they_are_run_again() {
    let mut skipped = case();
    skipped.answer("sender", "app");
    for spec in RouteSpec::SUBMISSION {
        skipped.add(spec.port, spec.tls, RouteOrigin::Tree);
    }
    skipped.resolved(Some("192.0.2.1"));
    skipped.enter("route-587-starttls");
    skipped.steps[1].skipped = true;
    assert!(matches!(skipped.next(), Next::Probe { route: RouteId(1), .. }));
    skipped.end(RouteId(1), Outcome::Refused);
    skipped.answer("offers-2525", "no");
    assert!(matches!(skipped.next(), Next::Conclude(_)));
    // The user goes back to 587, and it works.
    skipped.end(RouteId(0), Outcome::Works);
    assert!(matches!(skipped.next(), Next::Conclude(_)));
    assert_eq!(skipped.routes[0].rounds.len(), 1);
}

#[test]
fn a_prohibited_route_counts_as_blocked_and_a_local_firewall_does_not() {
    let outcome = |from_self| {
        let mut prohibited = case();
        prohibited.answer("sender", "app");
        prohibited.started.routes = vec!["587".parse().unwrap()];
        let id = prohibited.add(587, TlsMode::Starttls, RouteOrigin::Asked);
        prohibited.resolved(Some("192.0.2.1"));
        prohibited.end(id, Outcome::Unreachable);
        let error = IcmpError { v6: false, kind: 3, code: 13, sender: None, from_self };
        prohibited.routes[0].attempts.push(Attempt {
            endpoint: Endpoint::Name("192.0.2.1".into(), 587),
            outcome: Some(ConnectOutcome::Icmp(error)),
            started: Micros(0),
            took: Some(Micros(1)),
            dropped_here: false,
            lines: vec![0],
        });
        prohibited.next()
    };
    assert!(matches!(outcome(false), Next::Control { ports, .. } if ports == [443, 80]));
    assert!(matches!(outcome(true), Next::Conclude(_)));
}

#[test]
fn the_other_branches_lead_somewhere() {
    let mut relay = case();
    relay.started.goal = Goal::Relay;
    assert_eq!(
        log(&mut relay, &[("25/starttls", Outcome::Works)]),
        "sender=server relay-check=check mx mta-sts host dane route-25-starttls@smtp.example.com verdict"
    );
    let mut inbox = case();
    inbox.started.goal = Goal::Inbox;
    assert_eq!(log(&mut inbox, &[]), "sender=spam inbox-next=check spf dkim dmarc verdict");
    assert!(inbox.routes.is_empty());
    let mut walk = case();
    walk.answer("sender", "spam");
    walk.answer("inbox-next", "walk");
    assert_eq!(log(&mut walk, &[("587/starttls", Outcome::Works)]), "host route-587-starttls verdict");
    let mut message = case();
    message.answer("sender", "error");
    assert_eq!(
        log(&mut message, &[("587/starttls", Outcome::Works)]),
        "error-next=walk host route-587-starttls verdict"
    );
}

#[test]
fn plans_say_to_whom_what_and_what_not() {
    let mut plans = case();
    let id = plans.add(587, TlsMode::Starttls, RouteOrigin::Tree);
    let text = route_plan_of(&plans.known(), &plans.routes[usize::from(id.0)]).text;
    assert_eq!(
        text,
        "connects to smtp.example.com port 587, reads the greeting, sends EHLO, STARTTLS, makes TLS, sends EHLO, QUIT; \
         a second connection may look at the certificate; no mail and no password is sent"
    );
}

#[test]
fn the_path_shows_what_was_taken_and_what_lies_ahead() {
    let show = |case: &Case| {
        crate::guide::path::path_of(&case.known())
            .iter()
            .map(|step| format!("{} {:?} {}", step.id, step.state, step.result).trim().to_owned())
            .collect::<Vec<_>>()
    };
    let mut path = case();
    assert_eq!(
        show(&path),
        [
            "sender Current",
            "host Ahead",
            "route-587-starttls Ahead",
            "route-465-implicit Ahead",
            "route-2525-starttls Ahead",
            "verdict Ahead"
        ]
    );
    let _ = log(&mut path, &[("587/starttls", Outcome::ModeMismatch), ("465/implicit", Outcome::Works)]);
    assert_eq!(
        show(&path),
        [
            "sender Good app",
            "host Good 1 address",
            "route-587-starttls Bad mode-mismatch",
            "route-587-implicit Bad filtered",
            "route-465-implicit Good works",
            "route-2525-starttls Skipped not-tried",
            "verdict Good Use port 465 with implicit TLS"
        ]
    );
}

#[test]
fn a_known_provider_gives_its_own_routes() {
    let walk = |host: &str| log(&mut Case::new(host), &[("587/starttls", Outcome::Refused)]);
    assert_eq!(
        walk("email-smtp.eu-west-1.amazonaws.com"),
        "sender=app host route-587-starttls route-465-implicit route-2587-starttls route-2465-implicit verdict"
    );
    assert_eq!(
        walk("smtp.postmarkapp.com"),
        "sender=app host route-587-starttls route-2525-starttls verdict"
    );
    // The table does not claim to know all of this one: the tree's other ports are tried too.
    assert_eq!(
        walk("smtp.mail.me.com"),
        "sender=app host route-587-starttls route-465-implicit offers-2525=yes route-2525-starttls verdict"
    );
    let mut named = case();
    named.started.provider = Some("postmark".into());
    assert_eq!(
        log(&mut named, &[("2525/starttls", Outcome::Works)]),
        "sender=app host route-587-starttls route-2525-starttls verdict"
    );
}
