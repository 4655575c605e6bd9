//! CONNECT over HTTP (RFC 9110 §9.3.6), with Basic credentials where the URL has them (RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::{Failure, ProxyUrl};
use crate::event::{Endpoint, ProxyFault};
use crate::net::Stream;
use crate::target::Secret;
use crate::wire::printable::quoted;
use crate::wire::sasl::Scrubber;

/// Longest head of a response that is read.
const MAX_HEAD: usize = 16 << 10;

/// Asks the proxy on the other end of `stream` for a connection.
pub(super) async fn connect(
    mut stream: Box<dyn Stream>,
    proxy: &ProxyUrl,
    endpoint: &Endpoint,
) -> Result<Box<dyn Stream>, Failure> {
    stream.write_all(request(proxy, endpoint).as_bytes()).await.map_err(|error| Failure::broken(&error))?;
    // Byte by byte: behind the head comes the server's greeting, which is not ours to read.
    let mut head = Vec::new();
    let is_whole = |head: &[u8]| head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n");
    while !is_whole(&head) {
        if head.len() >= MAX_HEAD {
            return Err(Failure::new(ProxyFault::Broken, "the proxy's answer has no end"));
        }
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if head.is_empty() => return Err(Failure::broken(&error)),
            Err(_) => break,
        }
    }
    let scrubber = proxy.password.as_ref().map(Scrubber::new).unwrap_or_default();
    // It may send back what it was sent.
    answer(&scrubber.text(&head))?;
    if !is_whole(&head) {
        return Err(Failure::new(ProxyFault::Broken, "the proxy's answer breaks off"));
    }
    Ok(stream)
}

fn request(proxy: &ProxyUrl, endpoint: &Endpoint) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!("CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n"));
    if let Some(user) = &proxy.user {
        let password = proxy.password.as_ref().map_or("", Secret::expose);
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        text.push_str("Proxy-Authorization: Basic ");
        text.push_str(&encoded);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text
}

/// Any 2xx means that the connection is there (RFC 9110 §9.3.6).
fn answer(head: &[u8]) -> Result<(), Failure> {
    let head = String::from_utf8_lossy(head);
    let line = head.lines().next().unwrap_or_default();
    let code = line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split_ascii_whitespace().nth(1))
        .and_then(|code| code.parse::<u16>().ok());
    let fault = match code {
        None => return Err(Failure::new(ProxyFault::Broken, "the proxy does not answer in HTTP")),
        Some(200..=299) => return Ok(()),
        Some(401 | 403 | 405 | 407) => ProxyFault::Denied,
        Some(504) => ProxyFault::TimedOut,
        Some(502 | 503) => ProxyFault::TargetUnreachable,
        Some(_) => ProxyFault::Unknown,
    };
    Err(Failure::new(fault, format!("the proxy answers {}", quoted(line))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_an_address_and_a_password_in_a_request() {
        let proxy: ProxyUrl = "http://ann:secret@proxy.example.net:3128".parse().unwrap();
        let endpoint = Endpoint::Name("smtp.example.com".into(), 587);
        assert_eq!(
            request(&proxy, &endpoint).as_str(),
            "CONNECT smtp.example.com:587 HTTP/1.1\r\nHost: smtp.example.com:587\r\n\
             Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n"
        );
        let plain: ProxyUrl = "http://proxy.example.net:3128".parse().unwrap();
        let v6 = Endpoint::Address("[2001:db8::1]:465".parse().unwrap());
        assert!(request(&plain, &v6).starts_with("CONNECT [2001:db8::1]:465 HTTP/1.1\r\n"));
    }

    #[test]
    fn what_is_obeyed_or_secret_is_not_quoted() {
        let told = Scrubber::new(&Secret::new("correct horse".into()));
        let head = format!("HTTP/1.1 407 \x1b[2J {}\r\n\r\n", STANDARD.encode("ann:correct horse"));
        let failure = answer(&told.lines(head.as_bytes())).unwrap_err();
        assert_eq!(failure.fault, ProxyFault::Denied);
        assert_eq!(failure.text, "the proxy answers “HTTP/1.1 407 <1b>[2J YW5uOm[hidden]U=”");
    }

    #[test]
    fn answers_are_told_apart() {
        let fault = |head: &str| answer(head.as_bytes()).err().map(|failure| failure.fault);
        assert_eq!(fault("HTTP/1.1 200 Connection established\r\n\r\n"), None);
        assert_eq!(fault("HTTP/1.0 200 OK\r\nVia: x\r\n\r\n"), None);
        assert_eq!(fault("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), Some(ProxyFault::Denied));
        assert_eq!(fault("HTTP/1.1 403 Forbidden\r\n\r\n"), Some(ProxyFault::Denied));
        assert_eq!(fault("HTTP/1.1 502 Bad Gateway\r\n\r\n"), Some(ProxyFault::TargetUnreachable));
        assert_eq!(fault("HTTP/1.1 504 Gateway Timeout\r\n\r\n"), Some(ProxyFault::TimedOut));
        assert_eq!(fault("HTTP/1.1 418 Teapot\r\n\r\n"), Some(ProxyFault::Unknown));
        for odd in ["", "220 mail ESMTP\r\n", "HTTP/1.1 ok\r\n\r\n", "\x05\x00"] {
            assert_eq!(fault(odd), Some(ProxyFault::Broken), "{odd:?}");
        }
    }
}
