//! One page over HTTPS: the policy of MTA-STS (RFC 8461 §3.3), and nothing else.
//!
//! hyper speaks HTTP over a stream that has been made and verified already, so that the page goes the way that all else
//! goes: through the proxy, to the addresses given, in the lab. No redirect is followed, nothing is cached, and what is
//! read is bounded in time and size.

use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use crate::event::PolicyOutcome;
use crate::net::Stream;

/// Most bytes of the head of an answer, and of what is read at once.
const MAX_BUFFER: usize = 32 * 1024;

/// Most bytes that are read besides the page: a head, and interim answers (RFC 9110 §15.2), which may come without end.
const MAX_BESIDES: u64 = 128 * 1024;

/// Gets `https://HOST/PATH` over a stream on which TLS is up; at most `most` bytes, within `limit`.
pub async fn get(
    stream: Box<dyn Stream>,
    host: &str,
    path: &str,
    limit: Duration,
    most: usize,
) -> PolicyOutcome {
    match timeout(limit, page(stream, host, path, most)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => PolicyOutcome::Failed(words(&error)),
        Err(_) => PolicyOutcome::TimedOut,
    }
}

async fn page(
    stream: Box<dyn Stream>,
    host: &str,
    path: &str,
    most: usize,
) -> Result<PolicyOutcome, hyper::Error> {
    let Ok(request) = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("ehlo/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "text/plain")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
    else {
        return Ok(PolicyOutcome::Failed(format!("{host} cannot be asked for a page")));
    };
    let (read, write) = tokio::io::split(stream);
    // A page in chunks has their lengths beside it.
    let bounded = read.take(MAX_BESIDES + 2 * most as u64);
    let stream = TokioIo::new(tokio::io::join(bounded, write));
    let (mut sender, connection) = http1::Builder::new().max_buf_size(MAX_BUFFER).handshake(stream).await?;
    let talk = async {
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            return Ok(PolicyOutcome::Status(answer.status().as_u16()));
        }
        match Limited::new(answer.into_body(), most).collect().await {
            Ok(body) => Ok(PolicyOutcome::Page(body.to_bytes().as_ref().into())),
            Err(error) if error.is::<LengthLimitError>() => Ok(PolicyOutcome::TooLong),
            Err(error) => Ok(PolicyOutcome::Failed(error.to_string())),
        }
    };
    tokio::pin!(talk, connection);
    // The connection only carries; it may end before all that it brought has been read.
    tokio::select! {
        biased;
        outcome = &mut talk => return outcome,
        _ = &mut connection => {}
    }
    talk.await
}

/// hyper's words with their cause.
fn words(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::net::hostile::{self, meet, then};

    const LIMIT: Duration = Duration::from_secs(3);

    /// What comes of a server that reads the request and says this; and the request.
    async fn said(answer: &[u8]) -> (PolicyOutcome, String) {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let server = async {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let Ok(byte) = far.read_u8().await else { break };
                request.push(byte);
            }
            let _ = far.write_all(answer).await;
            drop(far);
            String::from_utf8(request).unwrap()
        };
        tokio::join!(
            get(Box::new(near), "mta-sts.example.com", "/.well-known/mta-sts.txt", LIMIT, 100),
            server
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_read_and_the_request_is_plain() {
        let (outcome, request) = said(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
        assert_eq!(outcome, PolicyOutcome::Page(b"hello"[..].into()));
        assert!(request.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"), "{request}");
        assert!(request.to_ascii_lowercase().contains("\r\nhost: mta-sts.example.com\r\n"), "{request}");
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(said(chunked).await.0, PolicyOutcome::Page(b"abc"[..].into()));
        assert_eq!(said(b"HTTP/1.0 200 OK\r\n\r\nold").await.0, PolicyOutcome::Page(b"old"[..].into()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_policy_has_a_name() {
        let moved = b"HTTP/1.1 301 Moved\r\nLocation: https://example.net/\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(said(moved).await.0, PolicyOutcome::Status(301), "no redirect is followed");
        let long = [&b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"[..], &[b'a'; 101]].concat();
        assert_eq!(said(&long).await.0, PolicyOutcome::TooLong);
        let endless = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[b'a'; 5000]].concat();
        assert_eq!(said(&endless).await.0, PolicyOutcome::TooLong);
        assert!(matches!(said(b"220 mx ESMTP\r\n").await.0, PolicyOutcome::Failed(_)));
        assert!(matches!(said(b"").await.0, PolicyOutcome::Failed(_)));
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort";
        assert!(matches!(said(cut).await.0, PolicyOutcome::Failed(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn interim_answers_without_end_come_to_one() {
        let much = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(20_000);
        let late = [&much[..], b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"].concat();
        assert!(matches!(said(&late).await.0, PolicyOutcome::Failed(_)));
    }

    fn answers() -> impl Strategy<Value = Vec<u8>> {
        let any_bytes = proptest::collection::vec(any::<u8>(), 0..400);
        let field = "(Content-Length: [0-9]{0,20}|Transfer-Encoding: (chunked|gzip)?|Connection: close|\\PC{0,30}: ?\\PC{0,30})\r\n";
        let head = (
            "HTTP/1\\.[01] (200|100|103|[0-9]{1,4}) ?[ -~]{0,10}\r\n",
            proptest::collection::vec(field, 0..5),
        );
        let chunk = "([0-9a-f]{0,17}(;[ -~]{0,8})?\r\n[ -~]{0,40}\r\n){0,4}";
        prop_oneof![
            any_bytes.clone(),
            (head.clone(), any_bytes).prop_map(|((line, fields), body)| {
                [line.as_bytes(), fields.concat().as_bytes(), b"\r\n", &body].concat()
            }),
            (head, chunk).prop_map(|((line, fields), chunks)| {
                format!("{line}{}Transfer-Encoding: chunked\r\n\r\n{chunks}", fields.concat()).into_bytes()
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_policy_host_may_say_anything(says in answers(), piece in 1_usize..5000, then in then()) {
            const MOST: usize = 100;
            let met = meet(&says, piece, then, |stream| {
                get(stream, "mta-sts.example.com", "/.well-known/mta-sts.txt", hostile::LIMIT, MOST)
            });
            prop_assert!(met.took <= hostile::LIMIT);
            prop_assert!(met.read as u64 <= MAX_BESIDES + 2 * MOST as u64, "{}", met.read);
            match met.outcome {
                PolicyOutcome::Page(page) => prop_assert!(page.0.len() <= MOST),
                PolicyOutcome::Failed(text) => prop_assert!(text.len() < 500 && !text.contains('\x1b'), "{text:?}"),
                other => prop_assert!(!matches!(other, PolicyOutcome::NotReached)),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends() {
        let (near, _far) = tokio::io::duplex(1024);
        let outcome = get(Box::new(near), "mta-sts.example.com", "/", LIMIT, 100).await;
        assert_eq!(outcome, PolicyOutcome::TimedOut);
    }
}
