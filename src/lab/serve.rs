//! The driver of the lab's servers: carries bytes between a stream and a server's script, makes the TLS handshake, and
//! ends the connection the way the script wants. Works over any stream, so that the lab can also be served elsewhere.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::ssl::{NameType, SniError, Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, join, split};
use tokio::time::{Instant, sleep, timeout};
use tokio_openssl::SslStream;

use crate::lab::pki::{Pki, PkiError};
use crate::lab::script::{ClientCertificate, Deaf, Http, Raw, Rule, Secure, Smtp, Then, Version};
use crate::lab::server::{Machine, Step};
use crate::net::Stream;
use crate::target::TlsMode;
use crate::wire::tls::{Decoder, Seen};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(120);
/// How long a connection may last. Every silence in the lab outlasts what clients wait, and comes to an end here.
const CONNECTION: Duration = Duration::from_secs(30 * 60);
/// How long a client that is turned away has to take the words.
const FAREWELL: Duration = Duration::from_secs(1);
/// Most bytes of an endless reply.
const ENDLESS: usize = 64 * 1024 * 1024;
/// Most bytes of an HTTP request.
const REQUEST: usize = 16 * 1024;

/// What answers on a port.
#[derive(Clone, Debug)]
pub enum Service {
    /// A mail server.
    Smtp(Arc<Smtp>),
    /// A web server.
    Http(Arc<Http>),
    /// Bytes.
    Raw(Arc<Raw>),
}

impl Service {
    /// How it does TLS, where it does.
    pub fn secure(&self) -> Option<&Secure> {
        match self {
            Self::Smtp(server) => server.secure.as_ref().filter(|_| server.tls != TlsMode::None),
            Self::Http(server) => server.secure.as_ref(),
            Self::Raw(_) => None,
        }
    }
}

/// Resets the connection beneath a stream.
pub type Reset = Box<dyn Fn() + Send + Sync>;

/// Builds the server side of TLS.
///
/// # Errors
/// [`PkiError`] where the library refuses a cipher list or the certificate is missing.
pub fn context(secure: &Secure, pki: &Pki) -> Result<SslContext, PkiError> {
    let version = |version| match version {
        Version::Tls10 => SslVersion::TLS1,
        Version::Tls11 => SslVersion::TLS1_1,
        Version::Tls12 => SslVersion::TLS1_2,
        Version::Tls13 => SslVersion::TLS1_3,
    };
    let mut named = HashMap::new();
    for other in &secure.by_name {
        let certificate = other.certificate.clone();
        // The same in everything but the certificate.
        let own = Secure { certificate, by_name: Vec::new(), ..secure.clone() };
        named.insert(other.name.clone(), context(&own, pki)?);
    }
    let identity = pki.identity(&secure.certificate)?;
    let mut builder = SslContext::builder(SslMethod::tls_server())?;
    // Weak keys and old versions are lessons here: it is the client that must be strict.
    builder.set_security_level(0);
    builder.set_min_proto_version(Some(version(secure.min)))?;
    builder.set_max_proto_version(Some(version(secure.max)))?;
    if let Some(ciphers) = &secure.ciphers {
        builder.set_cipher_list(ciphers)?;
    }
    if let Some(suites) = &secure.ciphersuites {
        builder.set_ciphersuites(suites)?;
    }
    if let Some(groups) = &secure.groups {
        builder.set_groups_list(groups)?;
    }
    builder.set_session_id_context(b"ehlo lab")?;
    builder.set_verify(match secure.client_certificate {
        ClientCertificate::None => SslVerifyMode::NONE,
        ClientCertificate::Optional => SslVerifyMode::PEER,
        ClientCertificate::Required => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
    });
    builder.set_certificate(&identity.certificate)?;
    builder.set_private_key(&identity.key)?;
    for certificate in &identity.chain {
        builder.add_extra_chain_cert(certificate.clone())?;
    }
    builder.check_private_key()?;
    if !named.is_empty() {
        builder.set_servername_callback(move |ssl, _| {
            let name = ssl.servername(NameType::HOST_NAME).unwrap_or_default().to_ascii_lowercase();
            match named.get(&name).map(|context| ssl.set_ssl_context(context)) {
                Some(Err(_)) => Err(SniError::ALERT_FATAL),
                Some(Ok(())) | None => Ok(()),
            }
        });
    }
    Ok(builder.build())
}

/// Serves one connection to its end, which comes after half an hour whatever the client does.
pub async fn serve(service: Service, tls: Option<SslContext>, stream: Box<dyn Stream>, reset: Reset) {
    // A mail server says at the limit that it closes; what cannot be told that is cut off behind it.
    let _ = timeout(CONNECTION + FAREWELL, converse(service, tls, stream, reset)).await;
}

/// Tells a client that there are too many, where that can be told before TLS, and closes.
pub async fn turn_away(service: &Service, mut stream: Box<dyn Stream>) {
    let words = match service {
        Service::Smtp(server) if server.tls != TlsMode::Implicit => {
            format!("421 4.3.2 {} Too many connections, try again later\r\n", server.name)
        }
        Service::Http(server) if server.secure.is_none() => {
            page(server, "503 Service Unavailable", "", "text/plain", "Too many connections\n")
        }
        _ => String::new(),
    };
    let _ = timeout(FAREWELL, async {
        stream.write_all(words.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
}

async fn converse(service: Service, tls: Option<SslContext>, stream: Box<dyn Stream>, reset: Reset) {
    match service {
        Service::Smtp(server) => smtp(server, tls, stream, reset).await,
        Service::Http(server) => match tls {
            Some(tls) => match hear(server.secure.as_ref(), stream).await {
                Ok(stream) => {
                    if let Some((stream, _)) = accept(&tls, stream).await {
                        http(&server, stream).await;
                    }
                }
                Err((how, stream)) => end(how, stream, &reset).await,
            },
            None => http(&server, stream).await,
        },
        Service::Raw(server) => raw(&server, stream, reset).await,
    }
}

enum Ended {
    Upgrade,
    End(Then),
}

async fn smtp(server: Arc<Smtp>, tls: Option<SslContext>, mut stream: Box<dyn Stream>, reset: Reset) {
    let idle = Duration::from_millis(server.idle_ms.unwrap_or(300_000));
    let until = Instant::now() + CONNECTION;
    let mut machine = Machine::new(server.clone());
    loop {
        match talk(&mut machine, &mut stream, idle, until).await {
            Ended::End(how) => return end(how, stream, &reset).await,
            Ended::Upgrade => {
                if let Some(rule) = machine.handshake_rule()
                    && let Some(how) = disturb(&rule, &mut stream).await
                {
                    return end(how, stream, &reset).await;
                }
                let Some(tls) = &tls else { return };
                stream = match hear(server.secure.as_ref(), stream).await {
                    Ok(stream) => stream,
                    Err((how, stream)) => return end(how, stream, &reset).await,
                };
                let Some((secured, end_point)) = accept(tls, stream).await else { return };
                stream = secured;
                machine.set_end_point(end_point);
                machine.on_tls();
            }
        }
    }
}

/// Carries out the machine's steps and feeds it, until it wants TLS or comes to an end.
async fn talk(machine: &mut Machine, stream: &mut Box<dyn Stream>, idle: Duration, until: Instant) -> Ended {
    let mut buffer = vec![0; 4096];
    loop {
        while let Some(step) = machine.next_step() {
            let written = match step {
                Step::Pause(time) => {
                    sleep(time).await;
                    Ok(())
                }
                Step::Write(bytes) => stream.write_all(&bytes).await,
                Step::Drip(bytes, every) => drip(stream, &bytes, every).await,
                Step::Endless(bytes) => endless(stream, &bytes).await,
                Step::StartTls => return Ended::Upgrade,
                Step::End(how) => return Ended::End(how),
            };
            if written.is_err() {
                return Ended::End(Then::Close);
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            machine.on_idle();
            continue;
        }
        match timeout(idle.min(left), stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return Ended::End(Then::Close),
            Ok(Ok(count)) => machine.on_bytes(buffer.get(..count).unwrap_or_default()),
            Err(_) => machine.on_idle(),
        }
    }
}

async fn drip(stream: &mut Box<dyn Stream>, bytes: &[u8], every: Duration) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        sleep(every).await;
    }
    Ok(())
}

async fn endless(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> std::io::Result<()> {
    let mut sent = 0;
    while sent < ENDLESS {
        stream.write_all(bytes).await?;
        sent += bytes.len().max(1);
    }
    Ok(())
}

/// Deviates in the handshake: how the connection ends then; `None` where the handshake is to be made after all.
async fn disturb(rule: &Rule, stream: &mut Box<dyn Stream>) -> Option<Then> {
    let said = rule.raw.as_ref().map(|raw| raw.0.0.clone());
    let said = said.or_else(|| rule.reply.as_ref().map(|reply| format!("{reply}\r\n").into_bytes()));
    if said.is_none() && rule.then == Then::GoOn {
        sleep(Duration::from_millis(rule.delay_ms)).await;
        return None;
    }
    let mut hello = vec![0; REQUEST];
    if !matches!(stream.read(&mut hello).await, Ok(1..)) {
        return Some(Then::Close);
    }
    sleep(Duration::from_millis(rule.delay_ms)).await;
    if let Some(said) = said {
        let _ = stream.write_all(&said).await;
    }
    Some(if rule.then == Then::GoOn { Then::Hang } else { rule.then })
}

/// Reads the ClientHello and gives the stream back with it, where it is one that is heard; otherwise how the
/// connection ends.
async fn hear(
    secure: Option<&Secure>,
    mut stream: Box<dyn Stream>,
) -> Result<Box<dyn Stream>, (Then, Box<dyn Stream>)> {
    let Some(deaf) = secure.and_then(|secure| secure.deaf) else { return Ok(stream) };
    let mut hello = Vec::new();
    let mut buffer = vec![0; 4096];
    while hello.len() < record(&hello) {
        match timeout(HANDSHAKE, stream.read(&mut buffer)).await {
            Ok(Ok(count @ 1..)) => hello.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            _ => return Err((Then::Close, stream)),
        }
    }
    if !hears(&deaf, &hello) {
        return Err((deaf.then, stream));
    }
    let (read, write) = split(stream);
    Ok(Box::new(join(std::io::Cursor::new(hello).chain(read), write)))
}

/// How long the first record is, with its header; the header's length while that is not there.
fn record(bytes: &[u8]) -> usize {
    match *bytes {
        [_, _, _, high, low, ..] => 5 + usize::from(u16::from_be_bytes([high, low])),
        _ => 5,
    }
}

fn hears(deaf: &Deaf, hello: &[u8]) -> bool {
    let newest = Decoder::new().push(hello).into_iter().find_map(|seen| match seen {
        Seen::ClientHello(hello) => hello.versions.iter().filter_map(|name| version(name)).max(),
        _ => None,
    });
    let too_new = deaf.above_version.is_some_and(|limit| newest.is_some_and(|newest| newest > limit));
    !too_new && deaf.above_bytes.is_none_or(|most| hello.len() <= most)
}

fn version(name: &str) -> Option<Version> {
    Some(match name {
        "TLSv1.0" | "TLSv1" => Version::Tls10,
        "TLSv1.1" => Version::Tls11,
        "TLSv1.2" => Version::Tls12,
        "TLSv1.3" => Version::Tls13,
        _ => return None,
    })
}

/// The handshake; where it fails the library has said why on the line, and the connection is over.
/// With it comes the hash of the certificate shown, as clients take it for channel binding (RFC 5929 §4.1).
async fn accept(tls: &SslContext, stream: Box<dyn Stream>) -> Option<(Box<dyn Stream>, Option<Vec<u8>>)> {
    let mut stream = SslStream::new(Ssl::new(tls).ok()?, stream).ok()?;
    timeout(HANDSHAKE, Pin::new(&mut stream).accept()).await.ok()?.ok()?;
    let end_point = stream.ssl().certificate().and_then(|own| own.digest(MessageDigest::sha256()).ok());
    let end_point = end_point.map(|digest| digest.to_vec());
    Some((Box::new(stream), end_point))
}

async fn end(how: Then, mut stream: Box<dyn Stream>, reset: &Reset) {
    match how {
        Then::Close | Then::GoOn => {
            let _ = timeout(HANDSHAKE, stream.shutdown()).await;
        }
        Then::Reset => reset(),
        Then::Hang => {
            let mut ignored = vec![0; 4096];
            while matches!(stream.read(&mut ignored).await, Ok(1..)) {}
        }
    }
}

async fn raw(server: &Raw, mut stream: Box<dyn Stream>, reset: Reset) {
    sleep(Duration::from_millis(server.delay_ms)).await;
    if let Some(says) = &server.says
        && stream.write_all(&says.0.0).await.is_err()
    {
        return;
    }
    if server.then != Then::GoOn {
        return end(server.then, stream, &reset).await;
    }
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let lines = buffer.get(..count).unwrap_or_default().iter().filter(|&&byte| byte == b'\n').count();
        for answer in std::iter::repeat_n(&server.answers, lines).flatten() {
            if stream.write_all(&answer.0.0).await.is_err() {
                return;
            }
        }
    }
}

async fn http(server: &Http, mut stream: Box<dyn Stream>) {
    let idle = Duration::from_millis(server.idle_ms.unwrap_or(60_000));
    let mut request = Vec::new();
    let answer = match timeout(idle, read_request(&mut stream, &mut request)).await {
        Ok(true) => respond(server, &request),
        Ok(false) => return,
        Err(_) => page(server, "408 Request Timeout", "", "text/plain", "Request Timeout\n"),
    };
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        end(Then::Close, stream, &(Box::new(|| {}) as Reset)).await;
    }
}

/// Reads until the request is complete, or plainly none; false where the client has gone.
async fn read_request(stream: &mut Box<dyn Stream>, request: &mut Vec<u8>) -> bool {
    let mut buffer = vec![0; 4096];
    loop {
        let Ok(count @ 1..) = stream.read(&mut buffer).await else { return false };
        request.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let line = request.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let has_line = line.len() < request.len();
        let is_http = line.windows(6).any(|window| window == b" HTTP/");
        let complete = request.windows(4).any(|window| window == b"\r\n\r\n");
        let is_text = request.first().is_some_and(u8::is_ascii_alphabetic);
        if complete || !is_text || (has_line && !is_http) || request.len() > REQUEST {
            return true;
        }
    }
}

fn respond(server: &Http, request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, path, version) = (words.next(), words.next().unwrap_or_default(), words.next());
    if !version.is_some_and(|version| version.starts_with("HTTP/1.")) {
        return page(server, "400 Bad Request", "", "text/plain", "Bad Request\n");
    }
    if !matches!(method, Some("GET" | "HEAD")) {
        return page(
            server,
            "405 Method Not Allowed",
            "Allow: GET, HEAD\r\n",
            "text/plain",
            "Method Not Allowed\n",
        );
    }
    let host =
        lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = host.map(|(_, host)| host.trim().to_ascii_lowercase()).unwrap_or_default();
    let fits = |page: &&crate::lab::script::Page| {
        page.path == path && page.host.as_ref().is_none_or(|wanted| *wanted == host)
    };
    if let Some(found) = server.pages.iter().find(fits) {
        return page(server, "200 OK", "", &found.content_type, &found.body);
    }
    match &server.redirect {
        Some(to) => page(server, "302 Found", &format!("Location: {to}\r\n"), "text/plain", "Found\n"),
        None => page(server, "404 Not Found", "", "text/plain", "Not Found\n"),
    }
}

fn page(server: &Http, status: &str, fields: &str, content_type: &str, body: &str) -> String {
    let (name, length) = (&server.server, body.len());
    format!(
        "HTTP/1.1 {status}\r\nServer: {name}\r\n{fields}Content-Type: {content_type}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
