//! Providers that are known by host or id: `assets/providers.toml`.
//!
//! Only facts that stand in a provider's own documentation or in a maintained public list; each says where and when
//! it was checked, for such facts age.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::target::{RouteSpec, TlsMode};

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
    /// Routes it offers.
    pub routes: Vec<ProviderRoute>,
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

/// A route of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderRoute {
    /// Port.
    pub port: u16,
    /// TLS mode.
    pub tls: TlsMode,
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

    /// The routes for submission in the order of the tree: 587 with STARTTLS, 465 with implicit TLS, 2525, then the
    /// provider's own others, STARTTLS before implicit TLS. Port 25 is for relaying and left out.
    pub fn in_order(&self) -> Vec<RouteSpec> {
        let mut routes: Vec<RouteSpec> = self
            .routes
            .iter()
            .filter(|route| route.port != 25)
            .map(|route| RouteSpec { port: route.port, tls: route.tls })
            .collect();
        routes.sort_by_key(|route| (rank(*route), route.port));
        routes
    }
}

/// Place in the tree's order.
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
