//! Providers that are known by host or id: `assets/providers.toml`.
//!
//! Only facts that stand in a provider's own documentation or in a maintained public list; each says where and when
//! it was checked, for such facts age.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::target::{BadRoute, RouteSpec, TlsMode};

/// A provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// `sendgrid`.
    pub id: String,
    /// `SendGrid`.
    pub name: String,
    /// Submission hosts, the usual one first; `REGION` stands for a part that differs.
    pub hosts: Vec<String>,
    /// Domains of the servers that receive its customers' mail: how a customer's own domain is recognised by its MX.
    #[serde(default)]
    pub mx: Vec<String>,
    /// Routes it offers, written as `587/starttls`.
    pub routes: Vec<ProviderRoute>,
    /// True where these are all that it offers for submission.
    #[serde(default)]
    pub complete: bool,
    /// What to give as user name.
    pub username: Option<String>,
    /// What to give as password.
    pub secret: Option<String>,
    /// Worth knowing.
    pub note: Option<String>,
    /// Where this stands.
    pub source: String,
    /// When it was checked: YYYY-MM.
    pub checked: String,
}

/// A route of a provider, read from `587/starttls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ProviderRoute(pub RouteSpec);

impl TryFrom<String> for ProviderRoute {
    type Error = BadRoute;

    fn try_from(text: String) -> Result<Self, BadRoute> {
        text.parse().map(Self)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    providers: Vec<Provider>,
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/providers.toml")).unwrap_or_default());

/// All of them, in the order of the table.
pub fn all() -> &'static [Provider] {
    &TABLE.providers
}

/// The provider with this id.
pub fn by_id(id: &str) -> Option<&'static Provider> {
    all().iter().find(|provider| provider.id == id)
}

/// The provider that this host belongs to: one of its hosts, or one with another region in it.
pub fn by_host(host: &str) -> Option<&'static Provider> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    all().iter().find(|provider| provider.hosts.iter().any(|pattern| is_match(pattern, &host)))
}

/// The provider whose servers receive a domain's mail, by an MX host of it.
pub fn by_mx(exchange: &str) -> Option<&'static Provider> {
    let exchange = exchange.trim_end_matches('.').to_ascii_lowercase();
    let under = |domain: &String| {
        exchange.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    all().iter().find(|provider| provider.mx.iter().any(under))
}

/// `REGION` stands for one label or a part of one: letters, digits and hyphens.
fn is_match(pattern: &str, host: &str) -> bool {
    let Some((before, after)) = pattern.split_once("REGION") else { return pattern == host };
    host.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).is_some_and(|region| {
        !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

impl Provider {
    /// Its usual host; `None` where it differs by region, so that the user must name it.
    pub fn host(&self) -> Option<&str> {
        self.hosts.iter().map(String::as_str).find(|host| !host.contains("REGION"))
    }

    /// The routes for submission, best first (see [`rank`]). Port 25 is for relaying and left out.
    pub fn in_order(&self) -> Vec<RouteSpec> {
        let mut routes: Vec<RouteSpec> =
            self.routes.iter().map(|route| route.0).filter(|route| route.port != 25).collect();
        routes.sort_by_key(|route| (rank(*route), route.port));
        routes
    }

    /// True where the table says that it offers this route.
    pub fn offers(&self, route: RouteSpec) -> bool {
        self.routes.iter().any(|offered| offered.0 == route)
    }
}

/// Place in the tree's order: 587 with STARTTLS, 465 with implicit TLS, 2525, then a provider's own others, STARTTLS
/// before implicit TLS.
pub fn rank(route: RouteSpec) -> u8 {
    match (route.port, route.tls) {
        (587, TlsMode::Starttls) => 0,
        (465, TlsMode::Implicit) => 1,
        // 587 speaking implicit TLS is odd: behind 465, which is made for it.
        (587 | 465, _) => 2,
        (2525, TlsMode::Starttls) => 3,
        (_, TlsMode::Starttls) => 4,
        (_, TlsMode::Implicit) => 5,
        (_, TlsMode::None) => 6,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::target::{Host, Target};

    #[test]
    fn the_asset_reads() {
        let read: Result<Table, _> = toml::from_str(include_str!("../../assets/providers.toml"));
        assert!(read.is_ok_and(|table| table.providers.len() >= 40));
    }

    #[test]
    fn ids_and_hosts_are_unique_and_can_be_typed() {
        let mut ids = HashSet::new();
        let mut hosts = HashSet::new();
        for provider in all() {
            assert!(ids.insert(&provider.id), "{} stands twice", provider.id);
            assert!(provider.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            assert_eq!(
                Target::parse(&provider.id, &|id| by_id(id).is_some()),
                Ok(Target::Provider(provider.id.clone()))
            );
            assert!(!provider.hosts.is_empty(), "{}", provider.id);
            for host in &provider.hosts {
                assert!(hosts.insert(host), "{host} stands twice");
                let concrete = host.replace("REGION", "eu-west-1");
                assert_eq!(Host::parse(&concrete), Ok(Host::Name(concrete.clone())));
                assert_eq!(by_host(&concrete).map(|found| &found.id), Some(&provider.id), "{host}");
            }
        }
    }

    #[test]
    fn ports_imply_their_modes_and_every_entry_says_where_it_stands() {
        for provider in all() {
            assert!(!provider.in_order().is_empty(), "{} offers no submission", provider.id);
            let distinct: HashSet<_> = provider.routes.iter().map(|route| route.0).collect();
            assert_eq!(distinct.len(), provider.routes.len(), "{}", provider.id);
            for ProviderRoute(route) in &provider.routes {
                match route.port {
                    465 | 2465 | 8465 | 443 => assert_eq!(route.tls, TlsMode::Implicit, "{}", provider.id),
                    25 | 587 | 2525 | 2587 => assert_eq!(route.tls, TlsMode::Starttls, "{}", provider.id),
                    _ => assert_ne!(route.tls, TlsMode::None, "{}", provider.id),
                }
            }
            assert!(!provider.source.is_empty());
            let (year, month) = provider.checked.split_once('-').unwrap();
            assert!(year.parse::<u16>().unwrap() >= 2026 && (1..=12).contains(&month.parse::<u8>().unwrap()));
        }
    }

    #[test]
    fn hosts_are_found_whatever_their_case_and_region_and_look_alikes_are_not() {
        let id = |host: &str| by_host(host).map(|provider| provider.id.as_str());
        assert_eq!(id("SMTP.SendGrid.net."), Some("sendgrid"));
        assert_eq!(id("email-smtp.eu-central-1.amazonaws.com"), Some("amazon-ses"));
        for other in [
            "",
            "sendgrid.net",
            "smtp.sendgrid.net.example.com",
            "evil-smtp.sendgrid.net",
            "email-smtp..amazonaws.com",
            "email-smtp.a.b.amazonaws.com",
        ] {
            assert_eq!(id(other), None, "{other}");
        }
        assert_eq!(by_id("amazon-ses").and_then(Provider::host), None);
        assert_eq!(by_id("mailgun").and_then(Provider::host), Some("smtp.mailgun.org"));
    }

    #[test]
    fn the_order_is_the_trees() {
        let order = |id: &str| {
            by_id(id).unwrap().in_order().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order("sendgrid"), "587/starttls 465/implicit 2525/starttls");
        assert_eq!(order("amazon-ses"), "587/starttls 465/implicit 2587/starttls 2465/implicit");
        assert_eq!(order("postmark"), "587/starttls 2525/starttls");
    }
}
