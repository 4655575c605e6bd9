//! Handshakes with real servers: in-process acceptors over pipes, and sockets where only a socket can do it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openssl::ssl::{Ssl, SslAcceptor, SslContextBuilder, SslMethod, SslOptions, SslVerifyMode, SslVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

use super::testing::{Forge, Forged};
use super::*;
use crate::event::Side;

const LIMIT: Duration = Duration::from_secs(20);
const ECONNRESET: i32 = nix::errno::Errno::ECONNRESET as i32;

type Heard = Arc<Mutex<Vec<(Side, Vec<u8>)>>>;

fn ears() -> (Heard, Sink) {
    let heard = Heard::default();
    let mine = heard.clone();
    (heard, Box::new(move |side, bytes| mine.lock().unwrap().push((side, bytes.to_vec()))))
}

fn from_server(heard: &Heard) -> Vec<u8> {
    let heard = heard.lock().unwrap();
    heard.iter().filter(|(side, _)| *side == Side::Server).flat_map(|(_, bytes)| bytes.clone()).collect()
}

fn saw_end(heard: &Heard) -> bool {
    heard.lock().unwrap().iter().any(|(side, bytes)| *side == Side::Server && bytes.is_empty())
}

fn trusting(root: &Forged) -> TlsClient {
    TlsClient::build(&Trust { extra: root.pem(), without_system: true }).unwrap()
}

fn nothing(_: &mut SslContextBuilder) {}

fn only_12(server: &mut SslContextBuilder) {
    server.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
}

fn only_13(server: &mut SslContextBuilder) {
    server.set_min_proto_version(Some(SslVersion::TLS1_3)).unwrap();
}

fn only_11(server: &mut SslContextBuilder) {
    server.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
    server.set_security_level(0);
    server.set_cipher_list("ALL@SECLEVEL=0").unwrap();
    server.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
    server.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
}

/// A TLS server that answers one connection, echoes one byte, and waits for the end.
fn server(leaf: &Forged, sent: &[&Forged], set: impl FnOnce(&mut SslContextBuilder)) -> DuplexStream {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    // The tests choose weak keys where they want them.
    builder.set_security_level(0);
    builder.set_private_key(&leaf.key).unwrap();
    builder.set_certificate(&leaf.cert).unwrap();
    for certificate in sent {
        builder.add_extra_chain_cert(certificate.cert.clone()).unwrap();
    }
    set(&mut builder);
    let ssl = Ssl::new(builder.build().context()).unwrap();
    let (ours, theirs) = duplex(1 << 16);
    tokio::spawn(async move {
        let mut stream = tokio_openssl::SslStream::new(ssl, theirs).unwrap();
        if std::pin::Pin::new(&mut stream).accept().await.is_ok() {
            let mut byte = [0];
            if stream.read_exact(&mut byte).await.is_ok() {
                stream.write_all(&byte).await.unwrap();
            }
            while matches!(stream.read(&mut byte).await, Ok(1..)) {}
        }
    });
    ours
}

async fn strict(
    client: &TlsClient,
    stream: impl Stream + 'static,
    name: &str,
) -> (Heard, Option<TlsOutcome>) {
    let (heard, sink) = ears();
    let result = client.handshake(Box::new(stream), name, Verification::Strict, sink, LIMIT).await;
    (heard, result.err())
}

/// Reason and verification result of a failure.
fn numbers(outcome: Option<TlsOutcome>) -> (Option<i32>, Option<i32>) {
    match outcome {
        Some(TlsOutcome::Failed { reason, verify, .. }) => (reason, verify),
        other => panic!("not a failure: {other:?}"),
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

#[tokio::test]
async fn a_healthy_server_is_trusted_and_the_stream_works() {
    let root = Forge::root("Root").issue(None);
    let leaf = Forge::leaf("mail.test").address("192.0.2.7").address("2001:db8::7").issue(Some(&root));
    let client = trusting(&root);
    assert!(client.library().starts_with("OpenSSL "), "{}", client.library());
    for set in [nothing, only_12, only_13] {
        for name in ["mail.test", "192.0.2.7", "2001:db8::7"] {
            let (heard, sink) = ears();
            let stream = Box::new(server(&leaf, &[], set));
            let result = client.handshake(stream, name, Verification::Strict, sink, LIMIT).await;
            let (mut stream, der) = result.map_err(|e| panic!("{name}: {e:?}")).unwrap();
            assert_eq!(der, Some(leaf.der()));
            let seen = heard.lock().unwrap().len();
            assert!(seen >= 3, "hello, answer, finish");
            assert!(from_server(&heard).starts_with(&[22, 3, 3]));
            stream.write_all(b"x").await.unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).await.unwrap();
            assert_eq!(&byte, b"x");
            assert_eq!(heard.lock().unwrap().len(), seen, "nothing is reported after the handshake");
        }
    }
}

#[tokio::test]
async fn verification_failures_come_with_their_number_and_pass_relaxed() {
    let root = Forge::root("Root").issue(None);
    let other = Forge::root("Other").issue(None);
    let middle = Forge::root("Middle").issue(Some(&root));
    let client = trusting(&root);
    let cases: Vec<(&str, Forged, Vec<&Forged>, &str, i32)> = vec![
        (
            "expired",
            Forge::leaf("a.test").valid(1_000_000_000, 1_100_000_000).issue(Some(&root)),
            vec![],
            "a.test",
            10,
        ),
        (
            "early",
            Forge::leaf("a.test").valid(now() + 90_000, now() + 99_000).issue(Some(&root)),
            vec![],
            "a.test",
            9,
        ),
        ("self-signed", Forge::leaf("a.test").issue(None), vec![], "a.test", 18),
        ("unknown root sent", Forge::leaf("a.test").issue(Some(&other)), vec![&other], "a.test", 19),
        ("unknown root not sent", Forge::leaf("a.test").issue(Some(&other)), vec![], "a.test", 20),
        ("intermediate missing", Forge::leaf("a.test").issue(Some(&middle)), vec![], "a.test", 20),
        ("wrong name", Forge::leaf("a.test").issue(Some(&root)), vec![], "b.test", 62),
        ("wrong address", Forge::leaf("a.test").issue(Some(&root)), vec![], "192.0.2.1", 64),
        ("weak key", Forge::leaf("a.test").rsa(1024).issue(Some(&root)), vec![], "a.test", 66),
        ("weak hash", Forge::leaf("a.test").sha1().issue(Some(&root)), vec![], "a.test", 68),
        ("wrong usage", Forge::leaf("a.test").client_only().issue(Some(&root)), vec![], "a.test", 26),
    ];
    for (what, leaf, sent, name, expected) in cases {
        for set in [only_12, only_13] {
            let (_, outcome) = strict(&client, server(&leaf, &sent, set), name).await;
            let Some(TlsOutcome::Failed { text, .. }) = &outcome else { panic!("{what}: {outcome:?}") };
            assert!(text.starts_with("error:0A000086:SSL routines::certificate verify failed ("), "{text}");
            assert_eq!(numbers(outcome), (Some(VERIFY_FAILED), Some(expected)), "{what}");

            let (_, sink) = ears();
            let stream = Box::new(server(&leaf, &sent, set));
            let relaxed = client.handshake(stream, name, Verification::Relaxed, sink, LIMIT).await;
            assert_eq!(relaxed.map(|(_, der)| der).unwrap_or_default(), Some(leaf.der()), "{what}");

            let (_, sink) = ears();
            let stream = Box::new(server(&leaf, &sent, set));
            let seen = client.inspect(stream, name, sink, LIMIT).await.unwrap();
            assert!(seen.errors.iter().any(|e| e.depth <= 1 && e.code == expected), "{what}: {seen:?}");
            let chain: Vec<_> = [&leaf].into_iter().chain(sent.iter().copied()).map(Forged::der).collect();
            assert_eq!(seen.chain, chain, "{what}");
        }
    }
}

#[tokio::test]
async fn an_inspection_lists_all_errors_and_the_chain_as_sent() {
    let root = Forge::root("Root").issue(None);
    let middle = Forge::root("Middle").issue(Some(&root));
    let stray = Forge::root("Stray").issue(None);
    let leaf = Forge::leaf("a.test").valid(1_000_000_000, 1_100_000_000).issue(Some(&middle));
    let client = trusting(&root);
    let (heard, sink) = ears();
    let stream = Box::new(server(&leaf, &[&stray, &middle], only_13));
    let seen = client.inspect(stream, "b.test", sink, LIMIT).await.unwrap();
    assert_eq!(seen.chain, [leaf.der(), stray.der(), middle.der()]);
    let mut codes: Vec<_> = seen.errors.iter().map(|e| (e.depth, e.code)).collect();
    codes.sort_unstable();
    assert_eq!(codes, [(0, 10), (0, 62)], "{:?}", seen.errors);
    assert_eq!(seen.outcome, TlsOutcome::Established { leaf: Some(leaf.der().into()) });
    assert!(!heard.lock().unwrap().is_empty());

    let fine = Forge::leaf("a.test").issue(Some(&middle));
    let (_, sink) = ears();
    let seen =
        client.inspect(Box::new(server(&fine, &[&middle], only_13)), "a.test", sink, LIMIT).await.unwrap();
    assert_eq!(seen.errors, []);
}

#[tokio::test]
async fn a_trusted_self_signed_certificate_is_fine() {
    let leaf = Forge::leaf("a.test").issue(None);
    let (_, outcome) = strict(&trusting(&leaf), server(&leaf, &[], only_13), "a.test").await;
    assert_eq!(outcome, None);
}

#[tokio::test]
async fn old_versions_and_foreign_ciphers_are_named_by_number() {
    let root = Forge::root("Root").issue(None);
    let leaf = Forge::leaf("a.test").rsa(2048).issue(Some(&root));
    let client = trusting(&root);
    let (heard, outcome) = strict(&client, server(&leaf, &[], only_11), "a.test").await;
    assert_eq!(numbers(outcome), (Some(1070), None));
    assert_eq!(from_server(&heard)[..1], [21]);
    assert_eq!(from_server(&heard)[5..], [2, 70]);

    let rare = |server: &mut SslContextBuilder| {
        only_12(server);
        server.set_cipher_list("AECDH-AES256-SHA@SECLEVEL=0").unwrap();
    };
    let (heard, outcome) = strict(&client, server(&leaf, &[], rare), "a.test").await;
    assert_eq!(numbers(outcome.clone()), (Some(1040), None));
    assert_eq!(from_server(&heard)[5..], [2, 40]);
    let Some(TlsOutcome::Failed { text, .. }) = outcome else { unreachable!() };
    assert!(text.contains("handshake failure") && !text.contains(".c:"), "{text}");

    // Where the library still can, the oldest offer shows that age was the reason.
    let (_, sink) = ears();
    let stream = Box::new(server(&leaf, &[], only_11));
    let seen = client.inspect_with(Offer::Oldest, stream, "a.test", sink, LIMIT).await;
    let (_, sink) = ears();
    let stream = Box::new(server(&leaf, &[], only_11));
    assert_eq!(numbers(client.inspect(stream, "a.test", sink, LIMIT).await.err()), (Some(1070), None));
    match seen {
        Ok(seen) => assert_eq!(seen.chain, [leaf.der()]),
        Err(error) => assert!(openssl::version::number() >= 0x3020_0000, "{error:?}"),
    }
}

/// The first message of an inspecting handshake, as a decoder reads it.
async fn hello(client: &TlsClient, leaf: &Forged, offer: Offer) -> crate::wire::tls::ClientHello {
    use crate::wire::tls::{Decoder, Seen};
    let (heard, sink) = ears();
    let seen = client.inspect_with(offer, Box::new(server(leaf, &[], nothing)), "a.test", sink, LIMIT).await;
    assert!(matches!(seen.unwrap().outcome, TlsOutcome::Established { .. }), "{offer:?}");
    let heard = heard.lock().unwrap();
    match Decoder::new().push(&heard[0].1).into_iter().next() {
        Some(Seen::ClientHello(hello)) => hello,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_small_hello_and_one_without_a_name() {
    let root = Forge::root("Root").issue(None);
    let client = trusting(&root);
    for leaf in [Forge::leaf("a.test"), Forge::leaf("a.test").rsa(2048)] {
        let leaf = leaf.issue(Some(&root));
        let usual = hello(&client, &leaf, Offer::Usual).await;
        let small = hello(&client, &leaf, Offer::Small).await;
        assert!(small.length < 200 && usual.length > 250, "{} and {}", small.length, usual.length);
        assert_eq!(small.versions, ["TLSv1.2"]);
        assert_eq!(small.server_name.as_deref(), Some("a.test"));
        assert_eq!(usual.server_name.as_deref(), Some("a.test"));
        let unnamed = hello(&client, &leaf, Offer::Unnamed).await;
        assert_eq!((unnamed.server_name, unnamed.versions), (None, usual.versions));
    }
}

#[tokio::test]
async fn a_client_certificate_that_is_missing() {
    let root = Forge::root("Root").issue(None);
    let leaf = Forge::leaf("a.test").issue(Some(&root));
    let client = trusting(&root);
    let demanding = |server: &mut SslContextBuilder| {
        server.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    };
    let (_, outcome) = strict(
        &client,
        server(&leaf, &[], |s| {
            demanding(s);
            only_12(s);
        }),
        "a.test",
    )
    .await;
    assert_eq!(numbers(outcome), (Some(1040), None));
    // The chain came before the refusal.
    let (_, sink) = ears();
    let stream = server(&leaf, &[], |s| {
        demanding(s);
        only_12(s);
    });
    let seen = client.inspect(Box::new(stream), "a.test", sink, LIMIT).await.unwrap();
    assert_eq!(seen.chain, [leaf.der()]);
    assert_eq!(numbers(Some(seen.outcome)), (Some(1040), None));
    // TLS 1.3 tells only with the first read: alert 116.
    let (_, sink) = ears();
    let stream = Box::new(server(&leaf, &[], |s| {
        demanding(s);
        only_13(s);
    }));
    let (mut stream, _) = client
        .handshake(stream, "a.test", Verification::Strict, sink, LIMIT)
        .await
        .map_err(|e| panic!("{e:?}"))
        .unwrap();
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert!(error.to_string().contains("SSL alert number 116"), "{error}");
}

#[tokio::test]
async fn what_is_not_tls_is_seen_whole() {
    let client = trusting(&Forge::root("Root").issue(None));
    for text in ["220 mail.test ESMTP ready\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let (ours, mut theirs) = duplex(1 << 16);
        theirs.write_all(text.as_bytes()).await.unwrap();
        let (heard, outcome) = strict(&client, ours, "a.test").await;
        assert_eq!(numbers(outcome), (Some(267), None));
        assert_eq!(from_server(&heard), text.as_bytes());
    }
}

#[tokio::test]
async fn an_end_a_reset_and_silence_differ() {
    let client = trusting(&Forge::root("Root").issue(None));

    let (ours, mut theirs) = duplex(1 << 16);
    let peer = tokio::spawn(async move { theirs.read(&mut [0; 4096]).await.unwrap() });
    let (heard, outcome) = strict(&client, ours, "a.test").await;
    let Some(TlsOutcome::Failed { reason: None, verify: None, errno: None, text }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(text, "unexpected EOF");
    assert!(saw_end(&heard));
    assert!(peer.await.unwrap() > 100, "a ClientHello was sent");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut theirs, _) = listener.accept().await.unwrap();
    let peer = tokio::spawn(async move {
        let _ = theirs.read(&mut [0; 5]).await;
        // Bytes are left unread: the kernel resets.
    });
    let (heard, outcome) = strict(&client, stream, "a.test").await;
    peer.await.unwrap();
    assert!(
        matches!(
            outcome,
            Some(TlsOutcome::Failed { reason: None, verify: None, errno: Some(ECONNRESET), .. })
        ),
        "{outcome:?}"
    );
    assert!(!saw_end(&heard));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_limit() {
    let client = trusting(&Forge::root("Root").issue(None));
    let (ours, _theirs) = duplex(1 << 16);
    let (heard, outcome) = strict(&client, ours, "a.test").await;
    assert_eq!(outcome, Some(TlsOutcome::TimedOut { limit: Micros::from_duration(LIMIT) }));
    assert_eq!(from_server(&heard), b"");
    let (ours, _theirs) = duplex(1 << 16);
    let (_, sink) = ears();
    let outcome = client.inspect(Box::new(ours), "a.test", sink, LIMIT).await.err();
    assert_eq!(outcome, Some(TlsOutcome::TimedOut { limit: Micros::from_duration(LIMIT) }));
}

#[tokio::test]
async fn a_name_that_cannot_be_sent_is_an_error() {
    let client = trusting(&Forge::root("Root").issue(None));
    let (ours, _theirs) = duplex(1 << 16);
    let (heard, outcome) = strict(&client, ours, "").await;
    assert!(matches!(outcome, Some(TlsOutcome::Failed { .. })), "{outcome:?}");
    assert_eq!(heard.lock().unwrap().len(), 0);
}

#[test]
fn a_file_of_roots_is_read_or_refused_with_a_reason() {
    let (one, two) = (Forge::root("One").issue(None), Forge::root("Two").issue(None));
    let both = [b"# comment\n".as_slice(), &one.pem(), b"\n", &two.pem()].concat();
    assert_eq!(read_roots(&both).unwrap().len(), 2);
    assert!(Trust::with_pem(both.clone()).is_ok());

    let why = |pem: &[u8]| match TlsClient::build(&Trust { extra: pem.to_vec(), without_system: true }) {
        Err(TrustError::Pem(why)) => why,
        other => panic!("{:?}", other.err()),
    };
    assert!(why(b"hello").contains("BEGIN CERTIFICATE"));
    assert!(why(&one.der()).contains("DER"));
    assert!(why(&one.key.private_key_to_pem_pkcs8().unwrap()).contains("BEGIN CERTIFICATE"));
    let mut broken = both;
    let middle = broken.len() - 200;
    broken[middle] = b'!';
    assert!(why(&broken).contains("broken"));
    assert!(matches!(Trust::with_pem(Vec::new()), Err(TrustError::Pem(_))));
}
