//! Providers that are known by host or id: `assets/providers.toml`.

use serde::Deserialize;

use crate::target::TlsMode;

/// A provider.
#[derive(Clone, Debug, Deserialize)]
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
pub struct ProviderRoute {
    /// Port.
    pub port: u16,
    /// TLS mode.
    pub tls: TlsMode,
}

/// The provider with this id.
pub fn by_id(_id: &str) -> Option<&'static Provider> {
    todo!()
}

/// The provider that this host belongs to.
pub fn by_host(_host: &str) -> Option<&'static Provider> {
    todo!()
}
