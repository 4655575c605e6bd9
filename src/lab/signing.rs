//! AUTH as the lab's servers do it (RFC 4954): PLAIN (RFC 4616), LOGIN and XOAUTH2, checked against the scenario.
//! The secrets here are the lab's own and open nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::lab::script::Auth;

const REFUSED: &str = "535 5.7.8 Authentication credentials invalid";
const BAD_BASE64: &str = "501 5.5.2 Cannot decode response";

/// An exchange under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// Waits for the one message of PLAIN.
    Plain,
    /// Waits for the user name of LOGIN.
    LoginUser,
    /// Waits for the password of LOGIN.
    LoginPassword(String),
    /// Waits for the one message of XOAUTH2.
    Xoauth2,
    /// Waits for the client to take notice of the error of XOAUTH2; then says this.
    Xoauth2Refused(String),
}

/// What comes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// More is needed: the challenge, in base64.
    Challenge(Exchange, String),
    /// The reply that ends it; 2yz signs in.
    Reply(String),
}

impl Exchange {
    /// Begins; `None` for a mechanism that the lab does not do.
    pub fn new(mechanism: &str) -> Option<Self> {
        match mechanism {
            "PLAIN" => Some(Self::Plain),
            "LOGIN" => Some(Self::LoginUser),
            "XOAUTH2" => Some(Self::Xoauth2),
            _ => None,
        }
    }

    /// Asks for the first response, where the client sent none with the command.
    pub fn prompt(self) -> Outcome {
        let challenge = match self {
            Self::LoginUser => STANDARD.encode("Username:"),
            _ => String::new(),
        };
        Outcome::Challenge(self, challenge)
    }

    /// Takes a line of the client.
    pub fn on_line(&mut self, line: &[u8], auth: &Auth) -> Outcome {
        if let Self::Xoauth2Refused(reply) = self {
            return Outcome::Reply(reply.clone());
        }
        if line == b"*" {
            return Outcome::Reply("501 5.7.0 Authentication cancelled".to_owned());
        }
        let Some(text) = STANDARD.decode(line).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return Outcome::Reply(BAD_BASE64.to_owned());
        };
        match self {
            Self::LoginUser => Outcome::Challenge(Self::LoginPassword(text), STANDARD.encode("Password:")),
            Self::LoginPassword(user) => Outcome::Reply(reply(auth, "LOGIN", user, &text)),
            Self::Plain => {
                // authzid NUL authcid NUL passwd
                let mut parts = text.split('\0').skip(1);
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(user), Some(secret), None) => Outcome::Reply(reply(auth, "PLAIN", user, secret)),
                    _ => Outcome::Reply(BAD_BASE64.to_owned()),
                }
            }
            Self::Xoauth2 => {
                let mut fields = text.split('\u{1}');
                let user = fields.next().and_then(|field| field.strip_prefix("user=")).unwrap_or_default();
                let token =
                    fields.next().and_then(|field| field.strip_prefix("auth=Bearer ")).unwrap_or_default();
                let reply = reply(auth, "XOAUTH2", user, token);
                if reply.starts_with('2') {
                    return Outcome::Reply(reply);
                }
                let error = STANDARD
                    .encode(r#"{"status":"400","schemes":"Bearer","scope":"https://mail.example.com/"}"#);
                Outcome::Challenge(Self::Xoauth2Refused(reply), error)
            }
            Self::Xoauth2Refused(reply) => Outcome::Reply(reply.clone()),
        }
    }
}

fn reply(auth: &Auth, mechanism: &str, user: &str, secret: &str) -> String {
    let same = |wanted: &Option<String>, given: &str| wanted.as_deref().is_none_or(|wanted| wanted == given);
    let answer = auth.answers.iter().find(|answer| {
        same(&answer.user, user)
            && same(&answer.secret, secret)
            && answer.mechanism.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(mechanism))
    });
    let refused = || auth.refused.clone().unwrap_or_else(|| REFUSED.to_owned());
    answer.map_or_else(refused, |answer| answer.reply.clone())
}
