//! The options of a run in the lab: those of the scenario, and over them what was typed. `check lab:ID`, the interface
//! and the tests all come by here, so they run the same.

use crate::cli::args::Options;
use crate::lab;
use crate::lab::scenario::Run;
use crate::target::{BadTarget, Secret, Target};

/// The options with which a target is run: what was typed, and for a scenario of the lab what its lesson needs besides.
pub fn options(target: &Result<Target, BadTarget>, typed: &Options) -> Options {
    match target {
        Ok(Target::Lab(id)) => match lab::scenario(id) {
            Some(scenario) => with(&scenario.run, typed),
            None => typed.clone(),
        },
        _ => typed.clone(),
    }
}

/// What was typed goes before what the scenario asks for.
fn with(run: &Run, typed: &Options) -> Options {
    let mut options = typed.clone();
    if options.route.is_empty() {
        options.route = run.routes.iter().map(|route| route.0).collect();
    }
    options.all |= run.all;
    options.check_open_relay |= run.check_open_relay;
    if options.repeat == 1 {
        options.repeat = run.repeat.unwrap_or(1);
    }
    // The scenario's password is the lab's own and opens nothing outside.
    if options.user.is_none() {
        options.user.clone_from(&run.user);
        options.asked = options.asked.or_else(|| run.password.clone().map(Secret::new));
        options.auth = options.auth.or_else(|| run.auth.clone());
    }
    if options.mail_from.is_none() && options.rcpt_to.is_none() {
        options.mail_from.clone_from(&run.mail_from);
        options.rcpt_to.clone_from(&run.rcpt_to);
        options.message_size = options.message_size.or(run.message_size);
    }
    if options.sending_ip.is_empty() {
        options.sending_ip.clone_from(&run.sending_ip);
    }
    if options.dkim_selector.is_empty() {
        options.dkim_selector.clone_from(&run.dkim_selector);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::scenario::Text;

    #[test]
    fn what_was_typed_goes_before_what_the_scenario_asks_for() {
        let route = |text: &str| text.parse().unwrap();
        let run =
            Run { routes: vec![Text(route("25/starttls"))], all: true, repeat: Some(4), ..Run::default() };
        let plain = with(&run, &Options::default());
        assert_eq!((plain.route, plain.all, plain.repeat), (vec![route("25/starttls")], true, 4));
        let typed = Options { route: vec![route("587/starttls")], repeat: 2, ..Options::default() };
        let both = with(&run, &typed);
        assert_eq!((both.route, both.repeat), (vec![route("587/starttls")], 2));
    }

    #[test]
    fn the_credentials_of_a_scenario_are_used_where_none_were_typed() {
        let text = |text: &str| Some(text.to_owned());
        let run = Run {
            user: text("ann"),
            password: text("tiger"),
            mail_from: text("a@example.com"),
            ..Run::default()
        };
        let plain = with(&run, &Options::default());
        assert_eq!((plain.user.as_deref(), plain.mail_from.as_deref()), (Some("ann"), Some("a@example.com")));
        assert_eq!(plain.asked.unwrap().expose(), "tiger");
        let typed = with(&run, &Options { user: text("bob"), ..Options::default() });
        assert!(typed.user.as_deref() == Some("bob") && typed.asked.is_none(), "not another's password");
    }
}
