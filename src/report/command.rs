//! The call that makes the same walk again, for a report to end with.

use std::fmt::Write as _;

use crate::event::SessionStarted;
use crate::session::Session;
use crate::target::{Goal, RouteSpec, Target};

/// `ehlo check …` with the options that the journal knows; `None` where the target cannot be typed into a shell.
pub fn command(session: &Session) -> Option<String> {
    session.started().and_then(of)
}

fn of(started: &SessionStarted) -> Option<String> {
    if started.input.is_empty() || started.input.chars().any(char::is_control) {
        return None;
    }
    let mut call = format!("ehlo check {}", quote(&started.input));
    if started.goal != Goal::Submit {
        let _ = write!(call, " --goal {}", started.goal.as_str());
    }
    let named = Target::parse(&started.input, &|_| false).ok().and_then(|target| target.route());
    let lab = started.input.starts_with("lab:");
    if !lab && started.routes != named.into_iter().collect::<Vec<_>>() {
        for route in &started.routes {
            let _ = write!(call, " --route {route}");
        }
    }
    // A port that a message led to is tried again, where it is none of those that are tried anyway.
    if let Some(route) = started.lead.as_ref().and_then(|lead| lead.route)
        && !lab
        && started.routes.is_empty()
        && !RouteSpec::SUBMISSION.contains(&route)
    {
        for route in [route].into_iter().chain(RouteSpec::SUBMISSION) {
            let _ = write!(call, " --route {route}");
        }
    }
    if started.all {
        call.push_str(" --all");
    }
    if started.repeat > 1 {
        let _ = write!(call, " --repeat {}", started.repeat);
    }
    let wanted = &started.submit;
    if let Some(user) = wanted.user.as_ref().filter(|_| !lab) {
        let _ = write!(call, " --user {} --ask-password", quote(user));
    }
    let texts =
        [("--auth", &wanted.mechanism), ("--mail-from", &wanted.mail_from), ("--rcpt-to", &wanted.rcpt_to)];
    for (option, text) in texts.into_iter().filter(|_| !lab) {
        if let Some(text) = text {
            let _ = write!(call, " {option} {}", quote(if text.is_empty() { "<>" } else { text }));
        }
    }
    if let Some(size) = wanted.message_size {
        let _ = write!(call, " --message-size {size}");
    }
    if wanted.open_relay {
        call.push_str(" --check-open-relay");
    }
    for (option, texts) in [
        ("--sending-host", &started.sending.hosts),
        ("--sending-ip", &started.sending.addresses.iter().map(ToString::to_string).collect()),
        ("--dkim-selector", &started.sending.selectors),
    ] {
        for text in texts {
            let _ = write!(call, " {option} {}", quote(text));
        }
    }
    // The lab has a network of its own.
    if !lab {
        way(&mut call, started);
    }
    for (option, limit, default) in [
        ("--connect-timeout", started.limits.connect_ms, 5_000),
        ("--reply-timeout", started.limits.reply_ms, 30_000),
        ("--max-time", started.limits.total_ms, 120_000),
    ] {
        if limit != default {
            let _ = write!(call, " {option} {}", seconds(limit));
        }
    }
    Some(call)
}

/// The options about the way to the server; a proxy's password is not among what is known of it.
fn way(call: &mut String, started: &SessionStarted) {
    let way = &started.way;
    if let Some(family @ (4 | 6)) = way.family {
        let _ = write!(call, " -{family}");
    }
    for given in &way.resolve {
        let _ = write!(call, " --resolve {}", quote(given));
    }
    let texts = [
        ("--dns-server", way.dns_server.map(|server| server.to_string())),
        ("--interface", way.interface.map(|address| address.to_string())),
        ("--proxy", started.vantage.contains("://").then(|| started.vantage.clone())),
        ("--cacert", way.cacert.clone()),
        ("--ehlo", way.named.then(|| started.ehlo_name.clone())),
    ];
    for (option, text) in texts {
        if let Some(text) = text.filter(|text| !text.chars().any(char::is_control)) {
            let _ = write!(call, " {option} {}", quote(&text));
        }
    }
}

/// Milliseconds as seconds, without needless digits.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The text as one word of a POSIX shell.
pub(super) fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:@[]/%+,".contains(c);
    // Brackets are a pattern to a shell; alone among the plain ones they need quotes.
    if text.chars().all(plain) && !text.contains(['[', ']']) && !text.starts_with('-') {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Way;
    use crate::guide::testing::started;
    use crate::target::Lead;

    #[test]
    fn only_what_differs_from_the_defaults_is_said() {
        let plain = started("smtp.example.com");
        assert_eq!(of(&plain).unwrap(), "ehlo check smtp.example.com");
        let mut port = plain.clone();
        port.input = "smtp.example.com:465".into();
        port.routes = vec!["465".parse().unwrap()];
        assert_eq!(of(&port).unwrap(), "ehlo check smtp.example.com:465");
        let mut all = plain;
        all.goal = Goal::Relay;
        all.routes = vec!["2587/starttls".parse().unwrap(), "465/implicit".parse().unwrap()];
        all.all = true;
        all.repeat = 3;
        all.limits.connect_ms = 2_500;
        all.limits.total_ms = 60_000;
        assert_eq!(
            of(&all).unwrap(),
            "ehlo check smtp.example.com --goal relay --route 2587/starttls --route 465/implicit --all --repeat 3 \
             --connect-timeout 2.5 --max-time 60"
        );
    }

    #[test]
    fn who_signed_in_is_asked_again_for_the_password() {
        let mut given = started("smtp.example.com");
        given.submit.user = Some("ann@example.com".into());
        given.submit.mechanism = Some("LOGIN".into());
        given.submit.mail_from = Some(String::new());
        given.submit.rcpt_to = Some("bob's@example.net".into());
        assert_eq!(
            of(&given).unwrap(),
            "ehlo check smtp.example.com --user ann@example.com --ask-password --auth LOGIN --mail-from '<>' \
             --rcpt-to 'bob'\\''s@example.net'"
        );
    }

    #[test]
    fn the_way_to_the_server_is_said_again() {
        let mut given = started("smtp.example.com");
        *given.way = Way {
            resolve: vec![
                "smtp.example.com:192.0.2.10,2001:db8::10".into(),
                "mail.example.com:192.0.2.11".into(),
            ],
            dns_server: Some("[2001:db8::53]:53".parse().unwrap()),
            interface: Some("192.0.2.9".parse().unwrap()),
            family: Some(6),
            cacert: Some("/etc/ssl/my own.pem".into()),
            named: true,
        };
        assert_eq!(
            of(&given).unwrap(),
            "ehlo check smtp.example.com -6 --resolve smtp.example.com:192.0.2.10,2001:db8::10 \
             --resolve mail.example.com:192.0.2.11 --dns-server '[2001:db8::53]:53' --interface 192.0.2.9 \
             --cacert '/etc/ssl/my own.pem' --ehlo laptop.example.net"
        );
        let mut sending = started("example.com");
        sending.goal = Goal::Inbox;
        sending.sending.hosts = vec!["mail.example.com".into()];
        sending.sending.addresses = vec!["192.0.2.1".parse().unwrap()];
        sending.sending.selectors = vec!["s1".into()];
        assert_eq!(
            of(&sending).unwrap(),
            "ehlo check example.com --goal inbox --sending-host mail.example.com --sending-ip 192.0.2.1 \
             --dkim-selector s1"
        );
    }

    #[test]
    fn a_port_that_a_message_led_to_is_tried_again() {
        let mut led = started("smtp.example.com");
        let mut by = |route: &str| {
            led.lead = Some(Box::new(Lead { route: Some(route.parse().unwrap()), ..Lead::default() }));
            of(&led).unwrap()
        };
        assert_eq!(by("465/implicit"), "ehlo check smtp.example.com");
        assert_eq!(
            by("2587/starttls"),
            "ehlo check smtp.example.com --route 2587/starttls --route 587/starttls --route 465/implicit --route 2525/starttls"
        );
    }

    #[test]
    fn a_target_cannot_leave_its_word() {
        let mut odd = started("");
        for (input, word) in [
            ("$(reboot)", "'$(reboot)'"),
            ("a'b", r"'a'\''b'"),
            ("a b", "'a b'"),
            ("[2001:db8::1]:465", "'[2001:db8::1]:465'"),
            ("--all", "'--all'"),
        ] {
            odd.input = input.into();
            assert_eq!(of(&odd), Some(format!("ehlo check {word}")));
        }
        odd.input = "h".into();
        odd.vantage = "socks5h://proxy.example.net:1080".into();
        assert_eq!(of(&odd).unwrap(), "ehlo check h --proxy socks5h://proxy.example.net:1080");
        odd.input = "a\nb".into();
        assert_eq!(of(&odd), None);
    }
}
