//! The one recommendation: port, TLS mode, and why (contract: after the routes table).

use crate::event::RouteId;
use crate::session::Session;
use crate::target::TlsMode;

/// Whether it can be used at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Now.
    Ready,
    /// After the blockers are mended.
    AfterFix,
}

/// The recommendation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// Ready or after a fix.
    pub status: Status,
    /// The route.
    pub route: RouteId,
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS mode.
    pub tls: TlsMode,
    /// AUTH mechanisms offered there.
    pub auth: Vec<String>,
    /// Finding codes that must be mended first.
    pub blockers: Vec<&'static str>,
    /// `Use port 587 with STARTTLS`.
    pub summary: String,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// Other routes seen to work.
    pub alternatives: Vec<(u16, TlsMode)>,
}

/// What to say where there is none.
pub const NO_ROUTE: &str = "No port works from here";

/// Recommends, from what is known so far; `None` where no route is to be had.
pub fn recommend(_session: &Session) -> Option<Recommendation> {
    todo!()
}
