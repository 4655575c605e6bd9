//! The calls that `ehlo lab serve` prints, read from `assets/clients.toml`.

use std::net::SocketAddr;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::target::TlsMode;

/// A client and how it is called.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name.
    pub name: String,
    look_none: Option<String>,
    look_starttls: Option<String>,
    look_implicit: Option<String>,
    send_starttls: Option<String>,
    send_implicit: Option<String>,
}

/// What a call is made of.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The name that the certificate is checked against.
    pub host: &'a str,
    /// Where the server listens.
    pub at: SocketAddr,
    /// When TLS starts.
    pub tls: TlsMode,
    /// The file with the root to trust.
    pub ca: &'a str,
    /// Who signs in, and with what.
    pub credentials: Option<(&'a str, &'a str)>,
}

/// All clients.
pub fn all() -> &'static [Client] {
    #[derive(Deserialize)]
    struct File {
        client: Vec<Client>,
    }
    static ALL: OnceLock<Vec<Client>> = OnceLock::new();
    ALL.get_or_init(|| {
        let file: Result<File, _> = toml::from_str(include_str!("../../assets/clients.toml"));
        // A test proves that the file can be read.
        file.map(|file| file.client).unwrap_or_default()
    })
}

impl Client {
    /// The call that says hello and leaves; `None` where this client has none for the mode.
    pub fn look(&self, call: &Call<'_>) -> Option<String> {
        let template = match call.tls {
            TlsMode::None => &self.look_none,
            TlsMode::Starttls => &self.look_starttls,
            TlsMode::Implicit => &self.look_implicit,
        };
        template.as_deref().map(|template| fill(template, call))
    }

    /// The call that signs in and hands over a message; `None` where there are no credentials, or it has none.
    pub fn send(&self, call: &Call<'_>) -> Option<String> {
        call.credentials?;
        let template = match call.tls {
            TlsMode::None => return None,
            TlsMode::Starttls => &self.send_starttls,
            TlsMode::Implicit => &self.send_implicit,
        };
        template.as_deref().map(|template| fill(template, call))
    }
}

fn fill(template: &str, call: &Call<'_>) -> String {
    let (user, password) = call.credentials.unwrap_or_default();
    template
        .replace("{host}", call.host)
        .replace("{address}", &call.at.ip().to_string())
        .replace("{port}", &call.at.port().to_string())
        .replace("{place}", &call.at.to_string())
        .replace("{ca}", call.ca)
        .replace("{user}", user)
        .replace("{password}", password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_a_call_for_both_ways_of_tls_and_no_hole_is_left() {
        assert_eq!(all().len(), 6);
        for tls in [TlsMode::Starttls, TlsMode::Implicit, TlsMode::None] {
            let call = Call {
                host: "smtp.example.com",
                at: "127.0.0.1:1587".parse().unwrap(),
                tls,
                ca: "/tmp/ca.pem",
                credentials: Some(("ann@example.com", "s3cret")),
            };
            for client in all() {
                let look = client.look(&call);
                assert!(look.is_some() || tls == TlsMode::None, "{}", client.name);
                for text in look.into_iter().chain(client.send(&call)) {
                    let left = ["{host", "{addr", "{port", "{place", "{ca}", "{user", "{pass"];
                    assert!(left.iter().all(|hole| !text.contains(hole)), "{text}");
                    assert!(text.contains("1587"), "{text}");
                }
            }
        }
    }
}
