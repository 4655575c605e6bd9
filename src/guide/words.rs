//! The words of findings: `assets/findings.toml`, with a finding's facts filled in.

use crate::session::Finding;

/// Whose fault it is, and so who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The person at the keyboard: settings, credentials, this machine.
    You,
    /// The network between.
    Network,
    /// The hosting company or access provider of this machine.
    Host,
    /// Who runs the mail server.
    Server,
    /// The mail provider.
    Provider,
}

/// A finding in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// One sentence with the facts of this case.
    pub summary: String,
    /// What it means.
    pub explanation: String,
    /// What to do.
    pub fix: String,
    /// How to confirm it by hand, where a command can.
    pub confirm: Option<String>,
    /// RFC and section, or the measured fact's source.
    pub reference: Option<String>,
    /// Who can mend it.
    pub owner: Owner,
}

/// Puts a finding into words.
pub fn words(_finding: &Finding) -> Words {
    todo!()
}
