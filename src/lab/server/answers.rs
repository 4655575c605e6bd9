//! What an ordinary server answers to each command, and what the command then does.

use super::{Answer, Effect, Exchange, MAX_RECIPIENTS, Machine};
use crate::lab::signing;
use crate::target::TlsMode;

impl Machine {
    pub(super) fn hello(&self, argument: &str, extended: bool) -> Answer {
        if argument.is_empty() {
            return error("501 5.5.4 Syntax: EHLO hostname");
        }
        let name = &self.server.name;
        if !extended {
            return with(&format!("250 {name}"), Effect::Hello);
        }
        let mut lines = vec![name.clone()];
        lines.extend(self.capabilities().iter().cloned());
        let last = lines.len() - 1;
        let mut bytes = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let separator = if at == last { ' ' } else { '-' };
            bytes.extend_from_slice(format!("250{separator}{line}\r\n").as_bytes());
        }
        Answer { bytes, effect: Effect::Hello }
    }

    fn capabilities(&self) -> &[String] {
        if self.inside { &self.server.capabilities_tls } else { &self.server.capabilities }
    }

    pub(super) fn starttls(&self, argument: &str) -> Answer {
        if self.server.tls != TlsMode::Starttls {
            return error("502 5.5.1 STARTTLS is not offered here");
        }
        if self.inside {
            return error("503 5.5.1 TLS is already active");
        }
        if !argument.is_empty() {
            return error("501 5.5.4 STARTTLS takes no argument");
        }
        with("220 2.0.0 Ready to start TLS", Effect::StartTls)
    }

    /// The mechanisms that are offered now.
    fn mechanisms(&self) -> Vec<String> {
        let lines = self.capabilities().iter().map(|line| line.to_ascii_uppercase());
        lines
            .filter_map(|line| line.strip_prefix("AUTH").map(str::to_owned))
            .flat_map(|rest| {
                rest.split([' ', '=']).filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }

    fn needs_tls(&self) -> bool {
        let wanted = self.server.mail_needs.tls.unwrap_or(self.server.tls == TlsMode::Starttls);
        wanted && !self.inside
    }

    fn needs_auth(&self) -> bool {
        let offers =
            || self.server.capabilities_tls.iter().any(|line| line.to_ascii_uppercase().starts_with("AUTH"));
        self.server.mail_needs.auth.unwrap_or_else(offers) && !self.signed_in
    }

    pub(super) fn auth(&mut self, argument: &str) -> Answer {
        if !self.hello {
            return error("503 5.5.1 Send EHLO first");
        }
        if self.signed_in || self.mail {
            return error("503 5.5.1 AUTH is not permitted now");
        }
        let offered = self.mechanisms();
        if offered.is_empty() {
            return error(if self.needs_tls() {
                "530 5.7.0 Must issue a STARTTLS command first"
            } else {
                "503 5.5.1 AUTH is not available"
            });
        }
        let mut words = argument.split_ascii_whitespace();
        let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
        let initial = words.next();
        let exchange =
            Exchange::new(&mechanism, self.end_point.as_deref()).filter(|_| offered.contains(&mechanism));
        let Some(mut exchange) = exchange else {
            return error("504 5.5.4 Unrecognized authentication type");
        };
        let outcome = match initial {
            // RFC 4954 §4: "=" is an initial response of no bytes.
            Some(response) => {
                exchange.on_line(response.strip_prefix('=').unwrap_or(response).as_bytes(), &self.server.auth)
            }
            None => exchange.prompt(),
        };
        self.signing(outcome)
    }

    pub(super) fn signing(&mut self, outcome: signing::Outcome) -> Answer {
        match outcome {
            signing::Outcome::Challenge(exchange, challenge) => {
                with(&format!("334 {challenge}"), Effect::SignIn(exchange))
            }
            signing::Outcome::Reply(reply) => {
                let effect = if reply.starts_with('2') { Effect::SignedIn } else { Effect::NotSignedIn };
                with(&reply, effect)
            }
        }
    }

    pub(super) fn mail(&self, argument: &str) -> Answer {
        if !self.hello {
            return error("503 5.5.1 Send EHLO first");
        }
        if self.mail {
            return error("503 5.5.1 Nested MAIL command");
        }
        if self.needs_tls() {
            return error("530 5.7.0 Must issue a STARTTLS command first");
        }
        if self.needs_auth() {
            return error("530 5.7.0 Authentication required");
        }
        let Some(parameters) = path(argument, "FROM:") else {
            return error("501 5.5.4 Syntax: MAIL FROM:<address>");
        };
        let size = parameters.split_ascii_whitespace().find_map(|word| {
            let value = word.to_ascii_uppercase().strip_prefix("SIZE=")?.parse::<u64>().ok()?;
            Some(value)
        });
        if self.server.size_limit.zip(size).is_some_and(|(limit, size)| size > limit) {
            return error("552 5.3.4 Message size exceeds fixed limit");
        }
        with("250 2.1.0 Ok", Effect::Mail)
    }

    pub(super) fn rcpt(&self, argument: &str) -> Answer {
        if !self.mail {
            return error("503 5.5.1 Need MAIL command");
        }
        if path(argument, "TO:").is_none() {
            return error("501 5.5.4 Syntax: RCPT TO:<address>");
        }
        if self.recipients >= MAX_RECIPIENTS {
            return error("452 4.5.3 Too many recipients");
        }
        with("250 2.1.5 Ok", Effect::Recipient)
    }

    pub(super) fn data(&self) -> Answer {
        if self.recipients == 0 {
            return error("503 5.5.1 Need RCPT command");
        }
        with("354 End data with <CR><LF>.<CR><LF>", Effect::Message)
    }
}

/// A reply as it goes over the line.
pub(super) fn plain(text: &str) -> Vec<u8> {
    text.lines().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect()
}

pub(super) fn with(text: &str, effect: Effect) -> Answer {
    Answer { bytes: plain(text), effect }
}

pub(super) fn error(text: &str) -> Answer {
    with(text, Effect::Nothing)
}

/// `FROM:<address> parameters`: the parameters, where the rest is well formed.
fn path<'a>(argument: &'a str, keyword: &str) -> Option<&'a str> {
    let head = argument.get(..keyword.len())?;
    let rest = argument.get(keyword.len()..)?.trim_start();
    let (_, parameters) = rest.strip_prefix('<')?.split_once('>')?;
    head.eq_ignore_ascii_case(keyword).then_some(parameters)
}
