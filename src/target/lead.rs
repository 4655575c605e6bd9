//! What an application's error message leads to.

use serde::{Deserialize, Serialize};

use super::RouteSpec;

/// What an error message was taken for, and where the walk begins because of it. Of the message itself nothing is
/// kept: it may hold a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lead {
    /// The causes that fit, by their ids, best first.
    pub causes: Vec<String>,
    /// True where the message settles the first of them.
    pub decided: bool,
    /// The step of the tree that shows it.
    pub start_at: String,
    /// The route that the application takes, or should take: it is probed first.
    pub route: Option<RouteSpec>,
    /// True where the application's port is one that is only looked at when every route is.
    pub all: bool,
}
