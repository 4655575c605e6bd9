//! What ends a handshake, a connection or a wait. Only values: nothing here looks, waits or decides.

use serde::{Deserialize, Serialize};

use super::Micros;
use crate::wire::bytes::Octets;

/// Whether a handshake verifies the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Chain, dates and name must verify.
    Strict,
    /// Nothing is verified; no secret goes over such a session.
    Relaxed,
}

/// One end of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// ehlo.
    Client,
    /// The other end.
    Server,
}

/// How a handshake ended, as the library says; the tap's bytes say more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsOutcome {
    /// A TLS session is up.
    Established {
        /// The server's own certificate, DER.
        leaf: Option<Octets>,
    },
    /// The library gave up.
    Failed {
        /// The library's words.
        text: String,
        /// The reason by number, where the library is OpenSSL.
        reason: Option<i32>,
        /// The certificate verification result (X509_V_ERR_*), where that was the reason.
        verify: Option<i32>,
        /// errno, where the connection failed beneath.
        errno: Option<i32>,
    },
    /// No end within the limit.
    TimedOut {
        /// The limit, microseconds.
        limit: Micros,
    },
}

/// One finding of the TLS library's own verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyError {
    /// 0 is the server's certificate.
    pub depth: u32,
    /// X509_V_ERR_*.
    pub code: i32,
    /// The library's words.
    pub text: String,
}

/// Who ended the connection and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseKind {
    /// The server closed in order.
    ByServer,
    /// The server, or something on the way, reset the connection.
    Reset,
    /// Reading or writing failed otherwise.
    Failed {
        /// errno, where there is one.
        errno: Option<i32>,
        /// The system's words.
        text: String,
    },
    /// ehlo closed.
    ByUs,
}

/// What a wait was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Awaited {
    /// The greeting.
    Greeting,
    /// The reply to a command.
    Reply,
    /// The end of the handshake.
    Handshake,
}
