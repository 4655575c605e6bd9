//! TLS of the live probe (native-tls over the tap), and the inspecting handshake (openssl).

use std::time::Duration;

use crate::event::{TlsOutcome, Verification, VerifyError};
use crate::net::Stream;
use crate::net::tap::Sink;

/// Which roots are trusted.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// PEM of roots trusted beside, or instead of, the system's.
    pub extra: Vec<u8>,
    /// False in the lab: only `extra` counts.
    pub without_system: bool,
}

/// Why connectors cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The PEM holds no certificate, or a broken one.
    #[error("no certificate could be read from the CA file: {0}")]
    Pem(String),
    /// The library failed.
    #[error("the TLS library cannot be set up: {0}")]
    Library(String),
}

/// Connectors, built once (building costs some 40 ms): strict and relaxed.
#[derive(Clone)]
pub struct TlsClient {
    _trust: Trust,
}

/// What an inspecting handshake saw.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// DER, in the order sent.
    pub chain: Vec<Vec<u8>>,
    /// All that verification found.
    pub errors: Vec<VerifyError>,
}

impl TlsClient {
    /// Builds both connectors. Blocking and slow: call it beside the look-up.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn build(_trust: &Trust) -> Result<Self, TrustError> {
        todo!()
    }

    /// Name and version of the library, such as `OpenSSL 3.0.19`.
    pub fn library(&self) -> String {
        todo!()
    }

    /// The handshake of the live probe, within `limit`. `sink` hears the bytes until it ends.
    /// On success: the stream, and the server's certificate (DER). The error is never `Established`.
    ///
    /// # Errors
    /// How it failed.
    pub async fn handshake(
        &self,
        _stream: Box<dyn Stream>,
        _server_name: &str,
        _verification: Verification,
        _sink: Sink,
        _limit: Duration,
    ) -> Result<(Box<dyn Stream>, Option<Vec<u8>>), TlsOutcome> {
        todo!()
    }

    /// An inspecting handshake on a connection of its own: verifies with the same roots, notes every error, goes on.
    ///
    /// # Errors
    /// How it failed.
    pub async fn inspect(
        &self,
        _stream: Box<dyn Stream>,
        _server_name: &str,
        _sink: Sink,
        _limit: Duration,
    ) -> Result<Inspection, TlsOutcome> {
        todo!()
    }
}
