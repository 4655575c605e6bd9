//! `--proxy URL`: what was typed, understood. Its user and password are never shown again.

use std::fmt;
use std::str::FromStr;

use crate::target::{Host, Secret, without_password};

/// How the proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// SOCKS5, names resolved by the proxy (RFC 1928).
    Socks5h,
    /// CONNECT over HTTP (RFC 9110 §9.3.6).
    Http,
    /// `ssh -W`: the connection leaves from the host signed in to.
    Ssh,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Socks5h => "socks5h",
            Self::Http => "http",
            Self::Ssh => "ssh",
        }
    }
}

/// A proxy.
///
/// ```
/// use ehlo::net::proxy::ProxyUrl;
///
/// let proxy: ProxyUrl = "socks5h://ann:secret@proxy.example.net:1080".parse().unwrap();
/// assert_eq!(proxy.to_string(), "socks5h://proxy.example.net:1080");
/// ```
#[derive(Clone, Debug)]
pub struct ProxyUrl {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Where it is.
    pub host: Host,
    /// Its port; for ssh only where one was typed.
    pub port: Option<u16>,
    /// Whom to sign in as.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

/// Why a proxy could not be understood. The text never holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--proxy '{shown}': {what}; write socks5h://HOST:PORT, http://HOST:PORT or ssh://USER@HOST")]
pub struct BadProxy {
    shown: String,
    what: String,
}

/// `--proxy` as it was typed, understood or not: the argument parser would show a bad value again, password and all.
#[derive(Clone, Debug)]
pub struct ProxyArgument(pub Result<ProxyUrl, BadProxy>);

impl FromStr for ProxyArgument {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse()))
    }
}

impl FromStr for ProxyUrl {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        let bad = |what: &str| {
            let shown = without_password(text).chars().filter(|c| !c.is_control()).take(100).collect();
            BadProxy { shown, what: what.to_owned() }
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| bad("this is not a URL"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "socks5h" => Scheme::Socks5h,
            "http" => Scheme::Http,
            "ssh" => Scheme::Ssh,
            "socks5" => return Err(bad("ehlo lets the proxy look names up, so its scheme is socks5h")),
            "https" => return Err(bad("a proxy that is itself spoken to in TLS is not supported")),
            _ => return Err(bad("this kind of proxy is not known")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (sign_in, place) = match rest.rsplit_once('@') {
            Some((sign_in, place)) => (Some(sign_in), place),
            None => (None, rest),
        };
        let (user, password) =
            match sign_in.map(|text| text.split_once(':').map_or((text, None), |(u, p)| (u, Some(p)))) {
                Some((user, password)) => {
                    let user = decoded(user).ok_or_else(|| bad("the user name is not well formed"))?;
                    let password = match password {
                        Some(text) => Some(Secret::new(
                            decoded(text).ok_or_else(|| bad("the password is not well formed"))?,
                        )),
                        None => None,
                    };
                    (Some(user).filter(|user| !user.is_empty()), password)
                }
                None => (None, None),
            };
        let (host, port) = host_and_port(place).ok_or_else(|| bad("its host and port cannot be read"))?;
        match scheme {
            Scheme::Ssh if password.is_some() => {
                return Err(bad("ssh signs in with keys or an agent, not with a password in the URL"));
            }
            // It would be an option of ssh, not a user.
            Scheme::Ssh if user.as_ref().is_some_and(|user| !is_ssh_user(user)) => {
                return Err(bad("the user name is not well formed"));
            }
            Scheme::Socks5h | Scheme::Http if port.is_none() => return Err(bad("its port is missing")),
            Scheme::Socks5h
                if too_long(user.as_deref()) || too_long(password.as_ref().map(Secret::expose)) =>
            {
                return Err(bad("SOCKS5 takes no user name or password of more than 255 bytes"));
            }
            _ => {}
        }
        Ok(Self { scheme, host, port, user, password })
    }
}

impl fmt::Display for ProxyUrl {
    /// As the report shows it. For ssh the user says which account the probe leaves from; elsewhere it is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.as_str())?;
        if let Some(user) = self.user.as_ref().filter(|_| self.scheme == Scheme::Ssh) {
            write!(f, "{user}@")?;
        }
        match &self.host {
            Host::Address(address) if address.is_ipv6() => write!(f, "[{address}]")?,
            host => write!(f, "{host}")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

fn too_long(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.len() > 255)
}

fn is_ssh_user(user: &str) -> bool {
    !user.starts_with('-') && user.chars().all(|c| c.is_alphanumeric() || "._-+@\\".contains(c))
}

fn host_and_port(place: &str) -> Option<(Host, Option<u16>)> {
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            (host, Some(port.parse().ok().filter(|port: &u16| *port != 0)?))
        }
        _ => (place, None),
    };
    Some((Host::parse(host).ok()?, port))
}

/// Percent-decoded (RFC 3986 §2.1); `None` where that is not possible.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let (digits, tail) = tail.split_first_chunk::<2>()?;
            let digits =
                std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> ProxyUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn three_kinds_are_understood() {
        let socks = proxy("SOCKS5H://proxy.example.net:1080/");
        assert_eq!((socks.scheme, socks.port, socks.user), (Scheme::Socks5h, Some(1080), None));
        let http = proxy("http://ann:p%40ss%3Aword@[2001:db8::1]:3128");
        assert_eq!(http.user.as_deref(), Some("ann"));
        assert_eq!(http.password.as_ref().map(Secret::expose), Some("p@ss:word"));
        assert_eq!(http.to_string(), "http://[2001:db8::1]:3128");
        let ssh = proxy("ssh://ann@vps.example.net");
        assert_eq!((ssh.user.as_deref(), ssh.port), (Some("ann"), None));
        assert_eq!(ssh.to_string(), "ssh://ann@vps.example.net");
        assert_eq!(proxy("ssh://vps.example.net:2222").to_string(), "ssh://vps.example.net:2222");
    }

    #[test]
    fn what_is_wrong_is_said_and_no_password_is_shown() {
        for (text, what) in [
            ("proxy.example.net:1080", "not a URL"),
            ("socks5://proxy.example.net:1080", "socks5h"),
            ("https://ann:hunter2@proxy.example.net:443", "in TLS"),
            ("ftp://ann:hunter2@proxy.example.net", "not known"),
            ("http://ann:hunter2@proxy.example.net", "port is missing"),
            ("http://ann:hunter2@proxy.example.net:0", "cannot be read"),
            ("http://ann:hunter2@:3128", "cannot be read"),
            ("http://ann:hunter2%@proxy.example.net:1", "password is not well formed"),
            ("ssh://ann:hunter2@vps.example.net", "keys"),
            ("ssh://-oProxyCommand=x@vps.example.net", "user name"),
            ("ssh://-oProxyCommand=x", "cannot be read"),
        ] {
            let error = text.parse::<ProxyUrl>().expect_err(text).to_string();
            assert!(error.contains(what) && !error.contains("hunter2"), "{error}");
        }
        assert!(!format!("{:?}", proxy("http://ann:hunter2@proxy.example.net:3128")).contains("hunter2"));
        let long = format!("socks5h://ann:{}@proxy.example.net:1080", "x".repeat(256));
        assert!(long.parse::<ProxyUrl>().is_err());
    }
}
