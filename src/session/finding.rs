//! What is wrong, or worth knowing: a code, where it was seen, and the lines that show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::RouteId;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It stops mail.
    Error,
    /// It will, or it does for others.
    Warning,
    /// Good to know.
    Info,
}

/// One finding. Its words are made by the guide from `assets/findings.toml`, with the facts filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Its stable code, such as `cert-expired`.
    pub code: &'static str,
    /// How bad it is here.
    pub severity: Severity,
    /// The route it was seen on.
    pub route: Option<RouteId>,
    /// The port it was seen on.
    pub port: Option<u16>,
    /// The code of the finding that this one only follows from, and behind which it stands.
    pub follows: Option<&'static str>,
    /// Indexes of the transcript lines that show it; never empty.
    pub evidence: Vec<usize>,
    /// What the texts may name: `host`, `port`, `address`, `seconds`, `days`, `name`, `reply`, …
    pub facts: BTreeMap<&'static str, String>,
}
