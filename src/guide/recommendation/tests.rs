use super::*;
use crate::event::Micros;
use crate::guide::testing::Case;
use crate::session::route::TlsSession;
use crate::target::Goal;

/// A route and how it ended: `587/starttls works`, with finding codes behind it; a warning begins with `~`.
fn case(routes: &[&str]) -> Case {
    let mut case = Case::new("smtp.example.com");
    for text in routes {
        let mut words = text.split(' ');
        let spec: RouteSpec = words.next().unwrap().parse().unwrap();
        let outcome: Outcome =
            serde_json::from_value(serde_json::Value::String(words.next().unwrap().into())).unwrap();
        let id = case.add(spec.port, spec.tls, RouteOrigin::Tree);
        case.end(id, outcome);
        for code in words {
            let (code, severity) = match code.strip_prefix('~') {
                Some(code) => (code, Severity::Warning),
                None => (code, Severity::Error),
            };
            case.find(id, Box::leak(code.to_owned().into_boxed_str()), severity);
        }
    }
    case
}

fn recommend(case: &Case) -> String {
    match recommend_of(&case.known()) {
        None => "none".to_owned(),
        Some(found) => {
            let status = if found.status == Status::Ready { "ready" } else { "after-fix" };
            format!("{status} {}/{} {}", found.port, found.tls, found.blockers.join(" ")).trim().to_owned()
        }
    }
}

#[test]
fn rules() {
    let table: &[(&[&str], &str)] = &[
        (&[], "none"),
        (&["587/starttls works"], "ready 587/starttls"),
        // The server itself has said what is to be used in the place of cleartext.
        (&["587/none works starttls-required"], "after-fix 587/starttls starttls-required"),
        (&["587/none works auth-required"], "after-fix 587/none auth-required"),
        (&["587/starttls works", "465/implicit works", "2525/starttls works"], "ready 587/starttls"),
        // Asked for in another order, the tree's own decides.
        (&["465/implicit works", "587/starttls works"], "ready 587/starttls"),
        (&["587/starttls filtered port-filtered", "465/implicit works"], "ready 465/implicit"),
        (
            &[
                "587/starttls filtered port-filtered",
                "465/implicit refused port-refused",
                "2525/starttls works",
            ],
            "ready 2525/starttls",
        ),
        // Where both speak implicit TLS, 465.
        (
            &["587/starttls mode-mismatch implicit-tls-expected", "465/implicit works", "587/implicit works"],
            "ready 465/implicit",
        ),
        (
            &[
                "587/starttls mode-mismatch implicit-tls-expected",
                "465/implicit refused",
                "587/implicit works",
            ],
            "ready 587/implicit",
        ),
        // Port 25 is never for submission.
        (&["587/starttls filtered", "25/starttls works"], "none"),
        (&["25/starttls cert-invalid cert-expired"], "none"),
        // After a fix: the first in the tree's order whose errors can all be mended.
        (
            &["587/starttls cert-invalid cert-expired cert-name-mismatch"],
            "after-fix 587/starttls cert-expired cert-name-mismatch",
        ),
        (
            &["587/starttls auth-failed auth-bad-credentials", "465/implicit cert-invalid cert-expired"],
            "after-fix 587/starttls auth-bad-credentials",
        ),
        (
            &["587/starttls filtered port-filtered", "465/implicit auth-failed auth-disabled"],
            "after-fix 465/implicit auth-disabled",
        ),
        (
            &[
                "587/starttls cert-invalid cert-expired tls-intercepted",
                "465/implicit cert-invalid cert-expired",
            ],
            "after-fix 465/implicit cert-expired",
        ),
        (&["587/starttls no-starttls starttls-stripped"], "after-fix 587/starttls starttls-stripped"),
        (&["587/starttls starttls-refused starttls-refused"], "after-fix 587/starttls starttls-refused"),
        (&["587/starttls tls-failed tls-version-too-old"], "after-fix 587/starttls tls-version-too-old"),
        (&["587/starttls tls-failed tls-alert"], "none"),
        (&["587/starttls rejected greeting-rejected"], "none"),
        (&["587/starttls refused port-refused", "465/implicit silent greeting-timeout"], "none"),
        // A warning blocks nothing.
        (&["587/starttls works ~cert-expires-soon ~auth-before-tls"], "ready 587/starttls"),
        // A refused envelope leaves the route working, and the recommendation after a fix.
        (&["587/starttls works relay-denied"], "after-fix 587/starttls relay-denied"),
        (&["587/starttls works auth-required", "465/implicit works"], "ready 465/implicit"),
        // A hole in STARTTLS does not stop mail, but another port is better.
        (&["587/starttls works starttls-injection"], "ready 587/starttls"),
        (&["587/starttls works starttls-injection", "465/implicit works"], "ready 465/implicit"),
        // No TLS only where nothing else works.
        (&["1025/none works"], "ready 1025/none"),
        (&["1025/none works", "2525/starttls works"], "ready 2525/starttls"),
    ];
    for (routes, expected) in table {
        assert_eq!(recommend(&case(routes)), *expected, "{routes:?}");
    }
}

#[test]
fn summaries_are_the_contracts_words() {
    for (route, summary) in [
        ("587/starttls works", "Use port 587 with STARTTLS"),
        ("465/implicit works", "Use port 465 with implicit TLS"),
        ("2525/starttls works", "Use port 2525 with STARTTLS"),
        ("587/implicit works", "Use port 587 with implicit TLS"),
    ] {
        assert_eq!(recommend_of(&case(&[route]).known()).unwrap().summary, summary);
    }
}

#[test]
fn alternatives_are_the_other_routes_seen_to_work() {
    let found =
        case(&["587/starttls works", "465/implicit works", "2525/starttls refused", "25/starttls works"]);
    let found = recommend_of(&found.known()).unwrap();
    assert_eq!(found.alternatives, [(465, TlsMode::Implicit)]);
}

#[test]
fn a_relay_is_told_port_25() {
    let mut relay = case(&["25/starttls works ~cert-self-signed"]);
    relay.started.goal = Goal::Relay;
    assert_eq!(recommend(&relay), "ready 25/starttls");
    let reasons = recommend_of(&relay.known()).unwrap().reasons;
    assert!(reasons.iter().any(|reason| reason.contains("Between mail servers")), "{reasons:?}");
}

#[test]
fn what_is_steady_goes_before_what_comes_and_goes() {
    let mut flaky = case(&["587/starttls filtered"]);
    flaky.started.repeat = 2;
    flaky.end(RouteId(0), Outcome::Works);
    let id = flaky.add(465, TlsMode::Implicit, RouteOrigin::Tree);
    flaky.end(id, Outcome::Works);
    flaky.end(id, Outcome::Works);
    assert_eq!(recommend(&flaky), "ready 465/implicit");
    flaky.routes.pop();
    let only = recommend_of(&flaky.known()).unwrap();
    assert!(only.reasons.contains(&"It comes and goes: it worked in 1 of 2 rounds.".to_owned()));
    // Run again by the user, without rounds asked for: the latest counts.
    flaky.started.repeat = 1;
    assert!(flaky.known().is_steady(&flaky.routes[0]));
}

#[test]
fn srv_priorities_stand() {
    let mut srv = case(&["465/implicit works", "587/starttls works"]);
    for route in &mut srv.routes {
        route.origin = RouteOrigin::Srv;
    }
    assert_eq!(recommend(&srv), "ready 465/implicit");
}

#[test]
fn reasons_cite_what_was_seen() {
    let mut seen = case(&["587/starttls filtered port-filtered", "465/implicit works"]);
    let route = &mut seen.routes[1];
    route.timing.total = Some(Micros(184_400));
    route.verified = true;
    route.session = Some(TlsSession {
        version: "TLSv1.3".into(),
        cipher: "TLS_AES_256_GCM_SHA384".into(),
        group: Some("x25519".into()),
    });
    assert_eq!(
        recommend_of(&seen.known()).unwrap().reasons,
        [
            "Port 465 reached the point where mail can be submitted in 184 ms, over TLSv1.3 with a certificate that \
             verifies for smtp.example.com.",
            "Port 465 is encrypted from the first byte, so no upgrade can be left out or stripped (RFC 8314 §3.3).",
            "Port 587 with STARTTLS gave no answer within 5 s: something drops the packets.",
        ]
    );
}

#[test]
fn what_was_refused_on_one_route_is_not_ready_on_another() {
    // With `--all` the others work too, but nobody signed in there.
    let mut signed = case(&["587/starttls auth-failed auth-bad-credentials", "465/implicit works"]);
    signed.routes[0].submission = Some(crate::session::route::Submission::default());
    assert_eq!(recommend(&signed), "after-fix 587/starttls auth-bad-credentials");
    let mut named = case(&["587/starttls works relay-denied", "465/implicit works"]);
    named.routes[0].submission = Some(crate::session::route::Submission::default());
    assert_eq!(recommend(&named), "after-fix 587/starttls relay-denied");
    let mut accepted = case(&["587/starttls works", "465/implicit works"]);
    accepted.routes[0].submission = Some(crate::session::route::Submission::default());
    assert_eq!(recommend(&accepted), "ready 587/starttls");
}
