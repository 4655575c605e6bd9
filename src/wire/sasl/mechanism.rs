//! The mechanisms that ehlo speaks, and which of those offered it takes.

use crate::target::SecretKind;

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the registry's own")]
pub enum Mechanism {
    ScramSha256,
    ScramSha256Plus,
    ScramSha1,
    ScramSha1Plus,
    CramMd5,
    Plain,
    Login,
    OauthBearer,
    Xoauth2,
}

/// Why no mechanism can be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMechanism {
    /// The server offers none at all.
    NotOffered,
    /// It offers some, and none that fits what was given.
    NoneFits,
}

impl Mechanism {
    /// All of them; the passwords' first, the strongest first.
    ///
    /// CRAM-MD5 stands behind PLAIN and LOGIN: inside verified TLS those are as safe, and many servers that list it
    /// cannot check it, because they keep no password in the form that it needs. The forms with channel binding are
    /// taken only by order: the only binding that the live TLS stack gives is `tls-server-end-point`, and a server
    /// that wants another one (RFC 9266 §3) would refuse a password that is right.
    pub const ALL: [Self; 9] = [
        Self::ScramSha256,
        Self::ScramSha1,
        Self::Plain,
        Self::Login,
        Self::CramMd5,
        Self::OauthBearer,
        Self::Xoauth2,
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
    ];

    /// Its name in EHLO and AUTH.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::CramMd5 => "CRAM-MD5",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
        }
    }

    /// The mechanism of this name, in whatever case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// What kind of secret it needs.
    pub fn kind(self) -> SecretKind {
        match self {
            Self::OauthBearer | Self::Xoauth2 => SecretKind::Token,
            _ => SecretKind::Password,
        }
    }

    /// True where it ties the exchange to the TLS session (RFC 5802 §6).
    pub fn binds(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }

    /// True where the client has something to say at once (RFC 4422 §3).
    pub fn client_first(self) -> bool {
        !matches!(self, Self::Login | Self::CramMd5)
    }

    /// The strongest of those offered that fits: the one asked for, or, where none was, one for this kind of secret.
    ///
    /// # Errors
    /// [`NoMechanism`]: nothing is sent then.
    pub fn choose(offered: &[String], kind: SecretKind, asked: Option<Self>) -> Result<Self, NoMechanism> {
        if offered.is_empty() {
            return Err(NoMechanism::NotOffered);
        }
        let fits = |mechanism: &Self| match asked {
            Some(asked) => *mechanism == asked,
            None => mechanism.kind() == kind && !mechanism.binds(),
        };
        let is_offered = |mechanism: &Self| offered.iter().any(|o| o.eq_ignore_ascii_case(mechanism.name()));
        Self::ALL.into_iter().filter(fits).find(is_offered).ok_or(NoMechanism::NoneFits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(offered: &str, kind: SecretKind, asked: Option<&str>) -> Result<&'static str, NoMechanism> {
        let offered: Vec<String> = offered.split_whitespace().map(str::to_owned).collect();
        Mechanism::choose(&offered, kind, asked.and_then(Mechanism::parse)).map(Mechanism::name)
    }

    #[test]
    fn the_strongest_that_both_sides_speak() {
        let password = |offered| choose(offered, SecretKind::Password, None);
        assert_eq!(password("LOGIN PLAIN SCRAM-SHA-1 scram-sha-256"), Ok("SCRAM-SHA-256"));
        assert_eq!(password("LOGIN PLAIN XOAUTH2"), Ok("PLAIN"));
        assert_eq!(password("CRAM-MD5 LOGIN"), Ok("LOGIN"));
        assert_eq!(password("CRAM-MD5 NTLM"), Ok("CRAM-MD5"));
        assert_eq!(password("SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN"), Ok("SCRAM-SHA-256"));
        let token = |offered| choose(offered, SecretKind::Token, None);
        assert_eq!(token("LOGIN XOAUTH2 OAUTHBEARER"), Ok("OAUTHBEARER"));
        assert_eq!(token("LOGIN XOAUTH2"), Ok("XOAUTH2"));
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        assert_eq!(choose("", SecretKind::Password, None), Err(NoMechanism::NotOffered));
        assert_eq!(choose("XOAUTH2 NTLM", SecretKind::Password, None), Err(NoMechanism::NoneFits));
        assert_eq!(choose("PLAIN LOGIN", SecretKind::Token, None), Err(NoMechanism::NoneFits));
        assert_eq!(choose("PLAIN LOGIN", SecretKind::Password, Some("cram-md5")), Err(NoMechanism::NoneFits));
        assert_eq!(choose("PLAIN LOGIN", SecretKind::Password, Some("login")), Ok("LOGIN"));
        let plus = "SCRAM-SHA-1-PLUS";
        assert_eq!(choose(plus, SecretKind::Password, None), Err(NoMechanism::NoneFits));
        assert_eq!(choose(plus, SecretKind::Password, Some(plus)), Ok(plus), "by order only");
    }
}
