//! TLS of the live probe (native-tls over the tap), and the inspecting handshake (openssl).
//!
//! The live probe uses the TLS stack of this machine, as the user's software most likely does. That stack shows the
//! server's own certificate only, and one reason for a failed verification. Where more must be known, a handshake on
//! a second connection looks on: it trusts the same roots, notes every error by number and keeps the whole chain.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslMethod, SslOptions, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use tokio::io::AsyncWriteExt;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::event::{Micros, TlsOutcome, Verification, VerifyError};
use crate::net::Stream;
use crate::net::tap::{Failure, Sink, Tap, errno};
use crate::wire::sasl::Verified;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verify;

/// SSL_R_CERTIFICATE_VERIFY_FAILED.
const VERIFY_FAILED: i32 = 134;

/// Most errors noted of one chain.
const MAX_NOTES: usize = 100;

/// Most bytes of a file of roots.
const MAX_PEM: usize = 16 * 1024 * 1024;

/// Which roots are trusted.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// PEM of roots trusted beside, or instead of, the system's; may be empty.
    pub extra: Vec<u8>,
    /// False in the lab: only `extra` counts.
    pub without_system: bool,
}

impl Trust {
    /// The system's roots and those of a PEM file, which must hold at least one.
    ///
    /// # Errors
    /// [`TrustError::Pem`].
    pub fn with_pem(pem: Vec<u8>) -> Result<Self, TrustError> {
        read_roots(&pem)?;
        Ok(Self { extra: pem, without_system: false })
    }
}

/// Why connectors cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The PEM holds no certificate, or a broken one.
    #[error("no certificate could be read from the CA file: {0}")]
    Pem(String),
    /// The library failed.
    #[error("the TLS library cannot be set up: {0}")]
    Library(String),
}

/// Reads all certificates of a PEM file.
fn read_roots(pem: &[u8]) -> Result<Vec<X509>, TrustError> {
    let wrong = |text: String| Err(TrustError::Pem(text));
    if pem.len() > MAX_PEM {
        return wrong(format!("it is larger than {} MiB", MAX_PEM >> 20));
    }
    match X509::stack_from_pem(pem) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) if X509::from_der(pem).is_ok() => wrong(
            "it is in DER form; convert it with `openssl x509 -inform der -in FILE -out FILE.pem`".to_owned(),
        ),
        Ok(_) => wrong("it has no line `-----BEGIN CERTIFICATE-----`".to_owned()),
        Err(error) => wrong(format!("a certificate in it is broken ({})", words(&error))),
    }
}

/// What an inspecting handshake offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    /// The same as the live probe: TLS 1.2 and 1.3, the library's own ciphers and security level.
    #[default]
    Usual,
    /// All that the library still can: from TLS 1.0 on, weak ciphers, keys and hashes allowed. It shows whether age
    /// or weakness is why the usual offer failed.
    Oldest,
    /// TLS 1.2 with a few suites and groups, in a ClientHello of some 200 bytes. It shows whether size or newness is
    /// why the usual one got no answer.
    Small,
    /// The usual offer without SNI (RFC 6066 §3), as very old clients make it.
    Unnamed,
}

/// What an inspecting handshake saw.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// DER, in the order sent.
    pub chain: Vec<Vec<u8>>,
    /// All that verification found, each error of a certificate once.
    pub errors: Vec<VerifyError>,
    /// How the handshake ended: a server may send its chain and refuse us afterwards.
    pub outcome: TlsOutcome,
}

/// The connectors: built once, for building costs some 40 ms. Clones share them.
#[derive(Clone)]
pub struct TlsClient {
    shared: Arc<Shared>,
}

struct Shared {
    roots: Vec<X509>,
    without_system: bool,
    strict: tokio_native_tls::TlsConnector,
    /// These are built when they are first needed, which is seldom.
    relaxed: OnceCell<tokio_native_tls::TlsConnector>,
    inspecting: OnceCell<SslConnector>,
    small: OnceCell<SslConnector>,
}

impl TlsClient {
    /// Reads the roots and builds the strict connector. Blocking and slow: call it beside the look-up.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn build(trust: &Trust) -> Result<Self, TrustError> {
        let roots = if trust.extra.is_empty() { Vec::new() } else { read_roots(&trust.extra)? };
        let strict = live_connector(&roots, trust.without_system, Verification::Strict)?;
        Ok(Self {
            shared: Arc::new(Shared {
                roots,
                without_system: trust.without_system,
                strict,
                relaxed: OnceCell::new(),
                inspecting: OnceCell::new(),
                small: OnceCell::new(),
            }),
        })
    }

    /// Name and version of the library, such as `OpenSSL 3.0.19`.
    pub fn library(&self) -> String {
        let version = openssl::version::version();
        version.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// True where the system has roots to trust. Without any, every certificate has an unknown issuer, which says
    /// nothing about the server.
    pub fn has_system_roots() -> bool {
        let found = openssl_probe::probe();
        found.cert_file.is_some() || !found.cert_dir.is_empty()
    }

    /// The handshake of the live probe, within `limit`. `sink` hears the bytes until it ends.
    /// `server_name` is a name without trailing dot, in ASCII, or an address literal (which sends no SNI).
    /// On success: the stream, and the server's certificate (DER). The error is never `Established`.
    ///
    /// # Errors
    /// How it failed.
    pub async fn handshake(
        &self,
        stream: Box<dyn Stream>,
        server_name: &str,
        verification: Verification,
        sink: Sink,
        limit: Duration,
    ) -> Result<(Box<dyn Stream>, Option<Vec<u8>>), TlsOutcome> {
        let connector = match verification {
            Verification::Strict => &self.shared.strict,
            Verification::Relaxed => self.relaxed().await.map_err(setup_failed)?,
        };
        let (stream, leaf) = live(connector, stream, server_name, sink, limit).await?;
        Ok((Box::new(stream), leaf))
    }

    /// [`handshake`](Self::handshake) that insists on the certificate, with the proof that it was verified: without
    /// that proof no secret can be sent.
    ///
    /// # Errors
    /// How it failed.
    pub async fn verified_handshake(
        &self,
        stream: Box<dyn Stream>,
        server_name: &str,
        sink: Sink,
        limit: Duration,
    ) -> Result<(Box<dyn Stream>, Option<Vec<u8>>, Verified), TlsOutcome> {
        let (stream, leaf) = live(&self.shared.strict, stream, server_name, sink, limit).await?;
        let end_point = stream.get_ref().tls_server_end_point().ok().flatten();
        Ok((Box::new(stream), leaf, Verified::by_strict_handshake(end_point)))
    }

    /// An inspecting handshake on a connection of its own: verifies with the same roots, notes every error, goes on.
    /// The connection is closed at the end.
    ///
    /// # Errors
    /// How it failed, where no certificate was seen.
    pub async fn inspect(
        &self,
        stream: Box<dyn Stream>,
        server_name: &str,
        sink: Sink,
        limit: Duration,
    ) -> Result<Inspection, TlsOutcome> {
        self.inspect_with(Offer::Usual, stream, server_name, sink, limit).await
    }

    /// [`inspect`](Self::inspect) with a choice of what is offered.
    ///
    /// # Errors
    /// How it failed, where no certificate was seen.
    pub async fn inspect_with(
        &self,
        offer: Offer,
        stream: Box<dyn Stream>,
        server_name: &str,
        sink: Sink,
        limit: Duration,
    ) -> Result<Inspection, TlsOutcome> {
        let (seen, stream) = self.inspect_and_keep(offer, stream, server_name, sink, limit).await?;
        if let Some(mut stream) = stream {
            // A courtesy; whether it arrives changes nothing.
            let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
        }
        Ok(seen)
    }

    /// [`inspect_with`](Self::inspect_with), and the stream inside TLS where the handshake came to its end. Nothing
    /// vouches for the other end of it.
    ///
    /// # Errors
    /// How it failed, where no certificate was seen.
    pub async fn inspect_and_keep(
        &self,
        offer: Offer,
        stream: Box<dyn Stream>,
        server_name: &str,
        sink: Sink,
        limit: Duration,
    ) -> Result<(Inspection, Option<Box<dyn Stream>>), TlsOutcome> {
        let connector = self.inspecting(offer).await.map_err(setup_failed)?;
        let notes = Arc::new(Mutex::new(Vec::new()));
        let tap = Tap::new(stream, sink);
        let failure = tap.failure();
        let mut stream = inspecting_stream(connector, offer, server_name, &notes, tap)
            .map_err(|error| setup_failed(TrustError::Library(words(&error))))?;

        let outcome = match timeout(limit, std::pin::Pin::new(&mut stream).connect()).await {
            Err(_) => TlsOutcome::TimedOut { limit: Micros::from_duration(limit) },
            Ok(Err(error)) => inspection_failed(&error, stream.ssl().verify_result().as_raw(), &failure),
            Ok(Ok(())) => {
                let leaf = stream.ssl().peer_certificate().and_then(|leaf| leaf.to_der().ok());
                TlsOutcome::Established { leaf: leaf.map(Into::into) }
            }
        };
        let chain: Vec<Vec<u8>> = stream
            .ssl()
            .peer_cert_chain()
            .map(|chain| chain.iter().filter_map(|certificate| certificate.to_der().ok()).collect())
            .unwrap_or_default();
        let up = matches!(outcome, TlsOutcome::Established { .. });
        if !up && chain.is_empty() {
            return Err(outcome);
        }
        stream.get_mut().stop();
        let errors = notes.lock().map(|notes| notes.clone()).unwrap_or_default();
        let stream = up.then(|| Box::new(stream) as Box<dyn Stream>);
        Ok((Inspection { chain, errors, outcome }, stream))
    }

    async fn relaxed(&self) -> Result<&tokio_native_tls::TlsConnector, TrustError> {
        let shared = self.shared.clone();
        let build = move || live_connector(&shared.roots, shared.without_system, Verification::Relaxed);
        self.shared.relaxed.get_or_try_init(|| off_thread(build)).await
    }

    async fn inspecting(&self, offer: Offer) -> Result<&SslConnector, TrustError> {
        let shared = self.shared.clone();
        let build = move || {
            inspecting_connector(&shared.roots, shared.without_system, offer)
                .map_err(|error| TrustError::Library(words(&error)))
        };
        let cell = if offer == Offer::Small { &self.shared.small } else { &self.shared.inspecting };
        cell.get_or_try_init(|| off_thread(build)).await
    }
}

async fn live(
    connector: &tokio_native_tls::TlsConnector,
    stream: Box<dyn Stream>,
    server_name: &str,
    sink: Sink,
    limit: Duration,
) -> Result<(tokio_native_tls::TlsStream<Tap>, Option<Vec<u8>>), TlsOutcome> {
    let tap = Tap::new(stream, sink);
    let failure = tap.failure();
    match timeout(limit, connector.connect(server_name, tap)).await {
        Err(_) => Err(TlsOutcome::TimedOut { limit: Micros::from_duration(limit) }),
        Ok(Err(error)) => Err(live_failed(&error, &failure)),
        Ok(Ok(mut stream)) => {
            stream.get_mut().get_mut().get_mut().stop();
            let leaf = stream.get_ref().peer_certificate().ok().flatten();
            let leaf = leaf.and_then(|certificate| certificate.to_der().ok());
            Ok((stream, leaf))
        }
    }
}

/// Runs something slow beside the async threads.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TrustError> + Send + 'static,
) -> Result<T, TrustError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(TrustError::Library(error.to_string())),
    }
}

/// A connector of native-tls. Both offer the same, so that a handshake that fails strictly and succeeds relaxed
/// proves that the certificate is to blame.
fn live_connector(
    roots: &[X509],
    without_system: bool,
    verification: Verification,
) -> Result<tokio_native_tls::TlsConnector, TrustError> {
    let library = |error: native_tls::Error| TrustError::Library(error.to_string());
    let mut builder = native_tls::TlsConnector::builder();
    builder.min_protocol_version(Some(native_tls::Protocol::Tlsv12));
    builder.disable_built_in_roots(without_system);
    for root in roots {
        let der = root.to_der().map_err(|error| TrustError::Pem(words(&error)))?;
        builder.add_root_certificate(native_tls::Certificate::from_der(&der).map_err(library)?);
    }
    if verification == Verification::Relaxed {
        builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
    }
    Ok(builder.build().map_err(library)?.into())
}

/// The connector of inspections. It trusts what native-tls trusts: on a vendored build the library's own default
/// paths lead nowhere, so the system's bundles are looked for in the same way.
fn inspecting_connector(
    roots: &[X509],
    without_system: bool,
    offer: Offer,
) -> Result<SslConnector, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls())?;
    if offer == Offer::Small {
        builder.set_cipher_list("ECDHE+AESGCM")?;
        builder.set_groups_list("P-256:X25519")?;
        builder.set_sigalgs_list(
            "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA+SHA256:RSA+SHA384",
        )?;
        builder.set_options(SslOptions::NO_TICKET);
    }
    if without_system {
        builder.set_cert_store(X509StoreBuilder::new()?.build());
    } else {
        let found = openssl_probe::probe();
        // Each on its own: a broken file must not hide a good directory.
        if let Some(file) = &found.cert_file {
            let _ = builder.load_verify_locations(Some(file), None);
        }
        for directory in &found.cert_dir {
            let _ = builder.load_verify_locations(None, Some(directory));
        }
    }
    for root in roots {
        // A root that the store has already is no error worth stopping for.
        let _ = builder.cert_store_mut().add_cert(root.clone());
    }
    Ok(builder.build())
}

/// One inspecting handshake, ready to begin.
fn inspecting_stream(
    connector: &SslConnector,
    offer: Offer,
    server_name: &str,
    notes: &Arc<Mutex<Vec<VerifyError>>>,
    tap: Tap,
) -> Result<tokio_openssl::SslStream<Tap>, ErrorStack> {
    let named = offer != Offer::Unnamed;
    let mut ssl = connector.configure()?.use_server_name_indication(named).into_ssl(server_name)?;
    match offer {
        Offer::Usual | Offer::Unnamed => ssl.set_min_proto_version(Some(SslVersion::TLS1_2))?,
        Offer::Small => {
            ssl.set_min_proto_version(Some(SslVersion::TLS1_2))?;
            ssl.set_max_proto_version(Some(SslVersion::TLS1_2))?;
        }
        Offer::Oldest => {
            ssl.set_security_level(0);
            ssl.set_cipher_list("ALL:!aNULL:!eNULL")?;
            ssl.set_min_proto_version(Some(SslVersion::TLS1))?;
        }
    }
    let notes = notes.clone();
    ssl.set_verify_callback(SslVerifyMode::PEER, move |fine, context| {
        if !fine && let Ok(mut notes) = notes.lock() {
            let error = context.error();
            let (depth, code) = (context.error_depth(), error.as_raw());
            let known = notes.iter().any(|n: &VerifyError| n.depth == depth && n.code == code);
            if !known && notes.len() < MAX_NOTES {
                notes.push(VerifyError { depth, code, text: error.error_string().to_owned() });
            }
        }
        // Look on; whether to trust is the live handshake's question.
        true
    });
    tokio_openssl::SslStream::new(ssl, tap)
}

/// An error stack as OpenSSL's own tools print it, without the parts that differ between versions: source file,
/// line and function.
fn words(stack: &ErrorStack) -> String {
    let one = |error: &openssl::error::Error| {
        let mut text = format!("error:{:08X}", error.code());
        for part in [error.library().unwrap_or_default(), "", error.reason().unwrap_or_default()] {
            text.push(':');
            text.push_str(part);
        }
        if let Some(data) = error.data().filter(|data| !data.is_empty()) {
            text.push(':');
            text.push_str(data);
        }
        text
    };
    let all: Vec<String> = stack.errors().iter().map(one).collect();
    if all.is_empty() { "OpenSSL error".to_owned() } else { all.join(", ") }
}

/// The reason by number: that of the first error on the stack, which is where it began.
fn reason(stack: &ErrorStack) -> Option<i32> {
    stack.errors().first().map(openssl::error::Error::reason_code)
}

fn setup_failed(error: TrustError) -> TlsOutcome {
    TlsOutcome::Failed { text: error.to_string(), reason: None, verify: None, errno: None }
}

/// True where a handshake's reason (by OpenSSL's number, sslerr.h) says that the two sides did not agree on what was
/// offered: an alert that came (1000 and more), versions, ciphers.
pub fn is_about_the_offer(reason: i32) -> bool {
    reason >= 1000 || matches!(reason, 181 | 191 | 193 | 258 | 259 | 333 | 394 | 396)
}

/// How a live handshake failed.
fn live_failed(error: &native_tls::Error, failure: &Failure) -> TlsOutcome {
    let mut text = error.to_string();
    let source = std::error::Error::source(error);
    let stack = source.and_then(|source| source.downcast_ref::<ErrorStack>());
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    let Some(stack) = stack else {
        let errno = io.and_then(errno).or_else(|| failure.errno());
        return TlsOutcome::Failed { text, reason: None, verify: None, errno };
    };
    let reason = reason(stack);
    let mut verify = None;
    // The bracket is printed behind every failure once verification has found something, also where it did not matter.
    if reason == Some(VERIFY_FAILED) {
        let bracket = text.strip_suffix(')').and_then(|t| t.split_once(" (")).map(|(_, t)| t.to_owned());
        let short = words(stack);
        verify = bracket.as_deref().and_then(verify::number);
        text = bracket.map_or(short.clone(), |bracket| format!("{short} ({bracket})"));
    } else {
        text = words(stack);
    }
    TlsOutcome::Failed { text, reason, verify, errno: None }
}

/// How an inspecting handshake failed.
fn inspection_failed(error: &openssl::ssl::Error, verified: i32, failure: &Failure) -> TlsOutcome {
    let Some(stack) = error.ssl_error() else {
        let errno = error.io_error().and_then(errno).or_else(|| failure.errno());
        return TlsOutcome::Failed { text: error.to_string(), reason: None, verify: None, errno };
    };
    let reason = reason(stack);
    let verify = (reason == Some(VERIFY_FAILED)).then_some(verified);
    TlsOutcome::Failed { text: words(stack), reason, verify, errno: None }
}
