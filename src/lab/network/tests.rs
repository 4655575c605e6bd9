use std::pin::Pin;

use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tokio_openssl::SslStream;

use super::*;
use crate::event::{RecordData, TlsOutcome, Verification};
use crate::lab::scenario::{CertificateSpec, Chain};
use crate::net::Stream;
use crate::net::tls::TlsClient;

mod bounds;
mod handshakes;

const NOW: i64 = 1_800_000_000;
const LIMIT: Duration = Duration::from_secs(5);

const HEAD: &str = r#"
    id = "test"
    title = "Test"
    topic = "ports"
    difficulty = 1
    lesson = "A lesson."
    story = "A story."
    task = "A task."
    target = "smtp.example.com"
    closing = "The end."
    expected = { recommendation = "none" }
    [[dns.name]]
    name = "smtp.example.com"
    a = ["192.0.2.10"]
    [[address]]
    ip = "192.0.2.10"
    latency_ms = 20
"#;

const SECURE: &str = r#"
    [[certificate]]
    id = "smtp"
    names = ["smtp.example.com"]
"#;

/// A network with these ports, and what else it needs.
fn network(ports: &str, rest: &str) -> LabNetwork {
    let text = format!("{HEAD}\nports = {{ {ports} }}\n{rest}");
    LabNetwork::new(Scenario::read("test", &text).unwrap(), now())
}

/// The library verifies by the wall clock, so the dates must be true.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A server on port 587, with these rules.
fn submission(more: &str) -> LabNetwork {
    network(
        "587 = { open = 'submission' }",
        &format!(
            "[[smtp]]\nid = 'submission'\nname = 'smtp.example.com'\ntls = 'starttls'\n\
             capabilities = ['STARTTLS']\ncapabilities_tls = ['AUTH PLAIN']\nsecure = {{ certificate = 'smtp' }}\n\
             {more}\n{SECURE}"
        ),
    )
}

/// A server on port 465, with these rules and TLS settings.
fn implicit(secure: &str, more: &str, certificate: &str) -> LabNetwork {
    network(
        "465 = { open = 'smtps' }",
        &format!(
            "[[smtp]]\nid = 'smtps'\nname = 'smtp.example.com'\ntls = 'implicit'\n\
             secure = {{ certificate = 'smtp' {secure} }}\n{more}\n{SECURE}\n{certificate}"
        ),
    )
}

fn to(port: u16) -> Endpoint {
    Endpoint::Address(SocketAddr::new("192.0.2.10".parse().unwrap(), port))
}

async fn connect(network: &LabNetwork, port: u16) -> Box<dyn Stream> {
    match network.connect(&to(port), LIMIT).await {
        Ok(connection) => connection.stream,
        Err(outcome) => panic!("{outcome:?}"),
    }
}

/// One read, as text.
async fn hear(stream: &mut Box<dyn Stream>) -> String {
    let mut buffer = vec![0; 65_536];
    let count = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

async fn say(stream: &mut Box<dyn Stream>, line: &str) -> String {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    hear(stream).await
}

/// A client that trusts the lab's root; `tune` may weaken it.
fn client(network: &LabNetwork, tune: impl FnOnce(&mut openssl::ssl::SslContextBuilder)) -> SslContext {
    let mut roots = X509StoreBuilder::new().unwrap();
    roots.add_cert(X509::from_pem(&network.trust().unwrap().extra).unwrap()).unwrap();
    let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
    builder.set_cert_store(roots.build());
    builder.set_verify(SslVerifyMode::PEER);
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    tune(&mut builder);
    builder.build()
}

async fn handshake(
    context: &SslContext,
    stream: Box<dyn Stream>,
) -> Result<SslStream<Box<dyn Stream>>, String> {
    let mut ssl = Ssl::new(context).unwrap();
    ssl.set_hostname("smtp.example.com").unwrap();
    ssl.param_mut().set_host("smtp.example.com").unwrap();
    let mut stream = SslStream::new(ssl, stream).unwrap();
    match Pin::new(&mut stream).connect().await {
        Ok(()) => Ok(stream),
        Err(error) => Err(format!("{error} / {}", stream.ssl().verify_result())),
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_door_and_how_long_it_takes() {
    let network = network(
        "25 = 'filtered', 26 = 'no-route', 27 = 'local-refusal', \
         28 = { icmp = { type = 3, code = 13, from = '192.0.2.1' } }, \
         29 = { icmp = { type = 3, code = 3, from = '198.51.100.77', from_self = true } }, \
         80 = { open = 'quiet' }",
        "[[raw]]\nid = 'quiet'",
    );
    let knock = async |port| {
        let start = Instant::now();
        (network.connect(&to(port), LIMIT).await.map(|_| ()), start.elapsed().as_millis())
    };
    let icmp = |code, sender: &str, from_self| {
        let sender = Some(sender.parse().unwrap());
        ConnectOutcome::Icmp(IcmpError { v6: false, kind: 3, code, sender, from_self })
    };
    assert_eq!(knock(25).await, (Err(ConnectOutcome::TimedOut), 5000));
    assert_eq!(knock(26).await, (Err(ConnectOutcome::NoRoute { errno: 101 }), 0));
    assert_eq!(knock(27).await, (Err(ConnectOutcome::LocalRefusal { errno: 1 }), 0));
    assert_eq!(knock(28).await, (Err(icmp(13, "192.0.2.1", false)), 40));
    assert_eq!(knock(29).await, (Err(icmp(3, "198.51.100.77", true)), 0));
    assert_eq!(knock(80).await, (Ok(()), 40));
    assert_eq!(knock(443).await, (Err(ConnectOutcome::Reset), 40), "ports that are not listed");

    let elsewhere = Endpoint::Address("203.0.113.1:25".parse().unwrap());
    assert!(matches!(network.connect(&elsewhere, LIMIT).await, Err(ConnectOutcome::TimedOut)));
    let by_name = Endpoint::Name("smtp.example.com".into(), 80);
    assert!(network.connect(&by_name, LIMIT).await.is_ok());
    let short = network.connect(&to(80), Duration::from_millis(39)).await;
    assert!(matches!(short, Err(ConnectOutcome::TimedOut)), "a round trip is longer than the limit");
}

#[tokio::test(start_paused = true)]
async fn a_door_that_changes_takes_turns() {
    let network = network("587 = [{ open = 'quiet' }, 'refused']", "[[raw]]\nid = 'quiet'");
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(network.connect(&to(587), LIMIT).await.is_ok());
    }
    assert_eq!(outcomes, [true, false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn names_are_answered_after_their_time() {
    let network =
        network("587 = 'refused'", "[[dns.name]]\nname = 'slow.example.com'\nfails = { all = 'timeout' }");
    let start = Instant::now();
    let (source, outcome) = network.lookup("smtp.example.com", RecordType::A).await;
    assert_eq!(source, LookupSource::Dns(Some("192.0.2.53:53".parse().unwrap())));
    let LookupOutcome::Answers(records) = outcome else { panic!("{outcome:?}") };
    assert_eq!(records[0].data, RecordData::Address("192.0.2.10".parse().unwrap()));
    assert_eq!(start.elapsed().as_millis(), 4);
    assert_eq!(network.lookup("slow.example.com", RecordType::A).await.1, LookupOutcome::TimedOut);
    assert_eq!(start.elapsed().as_millis(), 5004);
    let system = network.system_lookup("smtp.example.com").await;
    assert_eq!(system, Some(Ok(vec!["192.0.2.10".parse().unwrap()])));
    assert_eq!(network.vantage(), "lab");
}

#[tokio::test(start_paused = true)]
async fn starttls_and_six_round_trips() {
    let network = submission("");
    let start = Instant::now();
    let connection = network.connect(&to(587), LIMIT).await.unwrap_or_else(|outcome| panic!("{outcome:?}"));
    assert_eq!(connection.local.map(|local| local.ip()), Some(HERE_V4));
    let mut stream = connection.stream;
    assert_eq!(hear(&mut stream).await, "220 smtp.example.com ESMTP ready\r\n");
    assert_eq!(say(&mut stream, "EHLO me.example.net").await, "250-smtp.example.com\r\n250 STARTTLS\r\n");
    assert_eq!(say(&mut stream, "STARTTLS").await, "220 2.0.0 Ready to start TLS\r\n");
    let tls = handshake(&client(&network, |_| {}), stream).await.unwrap();
    assert_eq!(tls.ssl().version_str(), "TLSv1.3");
    let mut stream: Box<dyn Stream> = Box::new(tls);
    assert_eq!(say(&mut stream, "EHLO me.example.net").await, "250-smtp.example.com\r\n250 AUTH PLAIN\r\n");
    // SYN, greeting, EHLO, STARTTLS, TLS, EHLO.
    assert_eq!(start.elapsed().as_millis(), 6 * 40);
    assert_eq!(say(&mut stream, "QUIT").await, "221 2.0.0 Bye\r\n");
    assert_eq!(hear(&mut stream).await, "", "closed in order");
}

#[tokio::test(start_paused = true)]
async fn implicit_tls_and_its_versions() {
    for (secure, version) in [("", "TLSv1.3"), (", max = '1.2'", "TLSv1.2"), (", min = '1.3'", "TLSv1.3")] {
        let network = implicit(secure, "", "");
        let tls = handshake(&client(&network, |_| {}), connect(&network, 465).await).await.unwrap();
        assert_eq!(tls.ssl().version_str(), version);
        let mut stream: Box<dyn Stream> = Box::new(tls);
        assert_eq!(hear(&mut stream).await, "220 smtp.example.com ESMTP ready\r\n");
    }
    let old = implicit(", min = '1.0', max = '1.1'", "", "");
    let refused = handshake(&client(&old, |_| {}), connect(&old, 465).await).await;
    let refused = refused.map(|_| ()).unwrap_err();
    assert!(refused.contains("protocol version"), "{refused}");
    let weak = client(&old, |builder| {
        builder.set_security_level(0);
        builder.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
    });
    let tls = handshake(&weak, connect(&old, 465).await).await.unwrap();
    assert_eq!(tls.ssl().version_str(), "TLSv1.1", "an old client would get through");
}

#[tokio::test(start_paused = true)]
async fn no_shared_cipher_and_a_client_certificate() {
    let network = implicit(", max = '1.2', ciphers = 'ECDHE-ECDSA-CAMELLIA128-SHA256'", "", "");
    let plain = client(&network, |builder| builder.set_cipher_list("ECDHE+AESGCM").unwrap());
    let refused = handshake(&plain, connect(&network, 465).await).await;
    assert!(refused.is_err_and(|error| error.contains("handshake failure")));

    let network = implicit(", max = '1.2', client_certificate = 'required'", "", "");
    let refused = handshake(&client(&network, |_| {}), connect(&network, 465).await).await;
    assert!(refused.is_err_and(|error| error.contains("alert")));
}

#[tokio::test(start_paused = true)]
async fn certificates_have_the_faults_that_the_scenario_names() {
    for (certificate, verdict) in [
        ("", None),
        ("issuer = 'lab-ca'", None),
        ("send = 'with-root'", None),
        ("key = 'rsa-2048'", None),
        ("key = 'ec-p384'", None),
        ("key = 'ed25519'", None),
        ("not_after_days = -1", Some("certificate has expired")),
        ("not_before_days = 1", Some("certificate is not yet valid")),
        ("send = 'leaf-only'", Some("unable to get local issuer certificate")),
        ("issuer = 'unknown-ca'", Some("unable to get local issuer certificate")),
        ("issuer = 'unknown-ca'\nsend = 'with-root'", Some("self-signed certificate in certificate chain")),
        ("issuer = 'self'", Some("self-signed certificate")),
        ("issuer = 'self'\nkey = 'ed25519'", Some("self-signed certificate")),
        ("usage = 'client'", Some("unsuitable certificate purpose")),
        ("usage = 'unsaid'", None),
        ("key = 'rsa-1024'", Some("EE certificate key too weak")),
        ("signature = 'sha1'", Some("CA signature digest algorithm too weak")),
        (
            "issuer = 'old'\n[[authority]]\nid = 'old'\nname = 'Old'\nissuer = 'lab-ca'\nnot_after_days = -1",
            Some("certificate has expired"),
        ),
    ] {
        let network = implicit("", "", certificate);
        let strict = handshake(&client(&network, |_| {}), connect(&network, 465).await).await;
        match (strict, verdict) {
            (Ok(_), None) => {}
            (Err(error), Some(verdict)) => assert!(error.contains(verdict), "{certificate}: {error}"),
            (Ok(_), Some(_)) => panic!("{certificate}: verified"),
            (Err(error), None) => panic!("{certificate}: {error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_another_name_and_the_chain_as_sent() {
    let network = implicit("", "", "");
    let text = network.pki.identity("smtp").unwrap();
    assert_eq!(text.chain.len(), 1, "the intermediate, not the root");
    let strict = client(&network, |_| {});
    let mut ssl = Ssl::new(&strict).unwrap();
    ssl.param_mut().set_host("other.example.com").unwrap();
    let mut stream = SslStream::new(ssl, connect(&network, 465).await).unwrap();
    Pin::new(&mut stream).connect().await.unwrap_err();
    assert_eq!(stream.ssl().verify_result().error_string(), "hostname mismatch");
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_a_greeting() {
    let greeting = async |rule: &str| {
        let network = submission(&format!("[[smtp.rule]]\nat = 'greeting'\n{rule}"));
        let mut stream = connect(&network, 587).await;
        let start = Instant::now();
        let mut heard = Vec::new();
        let ended = timeout(Duration::from_secs(60), stream.read_to_end(&mut heard)).await;
        let ended = match ended {
            Ok(Ok(_)) => "closed".to_owned(),
            Ok(Err(error)) => format!("{:?}", error.kind()),
            Err(_) => "open".to_owned(),
        };
        (String::from_utf8(heard).unwrap(), ended, start.elapsed().as_millis())
    };
    let said = |text: &str, ended: &str, ms| (text.to_owned(), ended.to_owned(), ms);
    let usual = "220 smtp.example.com ESMTP ready\r\n";
    assert_eq!(greeting("delay_ms = 8000\nthen = 'close'").await, said(usual, "closed", 8040));
    assert_eq!(greeting("silent = true").await, said("", "open", 60_000));
    assert_eq!(greeting("silent = true\nthen = 'close'").await, said("", "closed", 40));
    assert_eq!(greeting("silent = true\nthen = 'reset'").await, said("", "ConnectionReset", 40));
    assert_eq!(greeting("then = 'reset'").await, said(usual, "ConnectionReset", 40));
    assert_eq!(
        greeting("reply = '421 4.7.0 Too many connections'\nthen = 'close'").await,
        said("421 4.7.0 Too many connections\r\n", "closed", 40)
    );
    assert_eq!(greeting("raw = 'SSH-2.0-x\\n'\nthen = 'hang'").await, said("SSH-2.0-x\n", "open", 60_000));
}

#[tokio::test(start_paused = true)]
async fn dripping_keeps_every_byte_apart() {
    let network = submission("[[smtp.rule]]\nat = 'greeting'\ndrip_ms = 100");
    let mut stream = connect(&network, 587).await;
    let (start, mut all, mut reads) = (Instant::now(), String::new(), 0);
    while !all.ends_with('\n') {
        all.push_str(&hear(&mut stream).await);
        reads += 1;
    }
    assert_eq!(all, "220 smtp.example.com ESMTP ready\r\n");
    assert_eq!(reads, all.len());
    assert_eq!(start.elapsed().as_millis(), 40 + 100 * (all.len() as u128 - 1));
}

#[tokio::test(start_paused = true)]
async fn an_endless_reply_goes_on_and_holds_no_memory() {
    let network = submission("[[smtp.rule]]\nat = 'ehlo'\nendless = '250-and more'");
    let mut stream = connect(&network, 587).await;
    hear(&mut stream).await;
    stream.write_all(b"EHLO me.example.net\r\n").await.unwrap();
    let mut megabytes = vec![0; 4 * 1024 * 1024];
    stream.read_exact(&mut megabytes).await.unwrap();
    assert!(megabytes.starts_with(b"250-and more\r\n250-and more\r\n"));
    drop(stream);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(network.open_connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_a_handshake() {
    let attempt = async |rule: &str| {
        let network = implicit("", &format!("[[smtp.rule]]\nat = 'handshake'\n{rule}"), "");
        let stream = connect(&network, 465).await;
        let start = Instant::now();
        let ended = timeout(Duration::from_secs(60), handshake(&client(&network, |_| {}), stream)).await;
        let ended = match ended {
            Ok(Ok(_)) => "up".to_owned(),
            Ok(Err(error)) => error,
            Err(_) => "silence".to_owned(),
        };
        (ended, start.elapsed().as_millis())
    };
    assert_eq!(attempt("delay_ms = 3000").await, ("up".to_owned(), 3040));
    assert_eq!(attempt("then = 'hang'").await.0, "silence");
    assert!(attempt("then = 'reset'").await.0.contains("reset"));
    assert!(attempt("then = 'close'").await.0.contains("unexpected EOF"));
    let (plain, ms) = attempt("reply = '554 5.7.0 No TLS here'\nthen = 'close'").await;
    assert!(plain.contains("wrong version number"), "{plain}");
    assert_eq!(ms, 40);
    let (alert, _) = attempt(r"raw = '\x15\x03\x03\x00\x02\x02\x28'").await;
    assert!(alert.contains("handshake failure"), "{alert}");
}

#[tokio::test(start_paused = true)]
async fn cleartext_for_a_tls_port_and_tls_for_a_cleartext_port() {
    let network = implicit("", "", "");
    let mut stream = connect(&network, 465).await;
    let mut buffer = [0; 16];
    let nothing = timeout(Duration::from_secs(30), stream.read(&mut buffer)).await;
    assert!(nothing.is_err(), "it waits for a ClientHello");
    stream.write_all(b"EHLO me.example.net\r\n").await.unwrap();
    let ended = stream.read(&mut buffer).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "closed with bytes unread");

    let network = submission("");
    let refused = handshake(&client(&network, |_| {}), connect(&network, 587).await).await;
    assert!(refused.is_err_and(|error| error.contains("wrong version number")), "it met the greeting");
}

#[tokio::test(start_paused = true)]
async fn something_other_than_tls_behind_starttls() {
    let network =
        submission("[[smtp.rule]]\nat = 'handshake'\nreply = '220 mail.example.com'\nthen = 'close'");
    let mut stream = connect(&network, 587).await;
    hear(&mut stream).await;
    say(&mut stream, "EHLO me.example.net").await;
    assert!(say(&mut stream, "STARTTLS").await.starts_with("220 "));
    let refused = handshake(&client(&network, |_| {}), stream).await;
    assert!(refused.is_err_and(|error| error.contains("wrong version number")));
}

#[tokio::test(start_paused = true)]
async fn a_path_that_loses_large_packets_stops_in_the_handshake() {
    let text = format!(
        "{HEAD}\nlargest_packet = 1000\nports = {{ 465 = {{ open = 'smtps' }} }}\n\
        [[smtp]]\nid = 'smtps'\nname = 'smtp.example.com'\ntls = 'implicit'\nsecure = {{ certificate = 'smtp' }}\n{SECURE}"
    );
    let network = LabNetwork::new(Scenario::read("test", &text).unwrap(), now());
    let stream = connect(&network, 465).await;
    let ended = timeout(Duration::from_secs(60), handshake(&client(&network, |_| {}), stream)).await;
    assert!(ended.is_err(), "the ClientHello fits, the certificates do not");
}

#[tokio::test(start_paused = true)]
async fn web_servers_and_bytes() {
    let network = network(
        "80 = { open = 'portal' }, 443 = { open = 'policy' }, 143 = { open = 'imap' }",
        &format!(
            "[[http]]\nid = 'portal'\nredirect = 'http://login.example.net/'\nidle_ms = 10000\n\
             [[http]]\nid = 'policy'\nsecure = {{ certificate = 'smtp' }}\n\
             page = [{{ path = '/.well-known/mta-sts.txt', host = 'mta-sts.example.com', body = 'version: STSv1' }}]\n\
             [[raw]]\nid = 'imap'\nsays = '* OK ready\\r\\n'\nanswers = '* BAD\\r\\n'\n{SECURE}"
        ),
    );
    let portal = async |request: &[u8]| {
        let mut stream = connect(&network, 80).await;
        stream.write_all(request).await.unwrap();
        hear(&mut stream).await
    };
    assert!(portal(b"EHLO me.example.net\r\n").await.starts_with("HTTP/1.1 400 "));
    assert!(portal(b"\x16\x03\x01\x00\x05hello").await.starts_with("HTTP/1.1 400 "));
    assert!(portal(b"POST / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 405 "));
    let found = portal(b"GET / HTTP/1.1\r\nHost: anything\r\n\r\n").await;
    assert!(found.starts_with("HTTP/1.1 302 ") && found.contains("Location: http://login.example.net/\r\n"));
    let mut silent = connect(&network, 80).await;
    let start = Instant::now();
    assert!(hear(&mut silent).await.starts_with("HTTP/1.1 408 "));
    assert_eq!(start.elapsed().as_millis(), 10_040);

    let tls = handshake(&client(&network, |_| {}), connect(&network, 443).await).await.unwrap();
    let mut stream: Box<dyn Stream> = Box::new(tls);
    stream
        .write_all(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.com\r\n\r\n")
        .await
        .unwrap();
    let page = hear(&mut stream).await;
    assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("\r\n\r\nversion: STSv1"));

    let mut stream = connect(&network, 143).await;
    assert_eq!(hear(&mut stream).await, "* OK ready\r\n");
    assert_eq!(say(&mut stream, "EHLO me.example.net").await, "* BAD\r\n");
}

#[tokio::test(start_paused = true)]
async fn servers_end_with_their_connection_and_with_the_network() {
    let network = submission("[[smtp.rule]]\nat = 'ehlo'\nsilent = true\nthen = 'hang'");
    let mut first = connect(&network, 587).await;
    hear(&mut first).await;
    let mut second = connect(&network, 587).await;
    hear(&mut second).await;
    second.write_all(b"EHLO me.example.net\r\n").await.unwrap();
    assert_eq!(network.open_connections(), 2);
    drop(first);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(network.open_connections(), 1, "the one that hangs");
    drop(network);
    assert_eq!(hear(&mut second).await, "", "its server is gone");
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_dismissed() {
    let network = submission("");
    let mut stream = connect(&network, 587).await;
    hear(&mut stream).await;
    let start = Instant::now();
    assert!(hear(&mut stream).await.starts_with("421 4.4.2 "));
    assert_eq!(start.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn tlsa_records_follow_the_certificate() {
    let network = network(
        "25 = { open = 'mx' }",
        &format!(
            "[[dns.name]]\nname = '_25._tcp.smtp.example.com'\ntlsa = ['3 1 1 @smtp', '2 0 1 @smtp']\n\
             [[smtp]]\nid = 'mx'\nname = 'smtp.example.com'\ntls = 'starttls'\nsecure = {{ certificate = 'smtp' }}\n{SECURE}"
        ),
    );
    let (_, outcome) = network.lookup("_25._tcp.smtp.example.com", RecordType::Tlsa).await;
    let LookupOutcome::Answers(records) = outcome else { panic!("{outcome:?}") };
    let identity = network.pki.identity("smtp").unwrap();
    let hex =
        |der: &[u8]| openssl::sha::sha256(der).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = identity.certificate.public_key().unwrap().public_key_to_der().unwrap();
    let association = |usage, selector, data| RecordData::Tlsa { usage, selector, matching: 1, data };
    assert_eq!(records[0].data, association(3, 1, hex(&key)));
    assert_eq!(records[1].data, association(2, 0, hex(&identity.chain[0].to_der().unwrap())));
}

#[test]
fn dates_are_relative_to_now() {
    let text = format!(
        "{HEAD}\nports = {{ 465 = {{ open = 'smtps' }} }}\n[[smtp]]\nid = 'smtps'\nname = 'smtp.example.com'\n\
        tls = 'implicit'\nsecure = {{ certificate = 'smtp' }}\n{SECURE}\nnot_after_days = 3"
    );
    let network = LabNetwork::new(Scenario::read("test", &text).unwrap(), NOW);
    let identity = network.pki.identity("smtp").unwrap();
    let expected = openssl::asn1::Asn1Time::from_unix(NOW + 3 * 86_400).unwrap();
    assert_eq!(identity.certificate.not_after(), &*expected);
    assert!(network.pki.identity("other").is_err());
}

/// The client of the live probe meets the same servers: it trusts the lab's root and nothing else.
#[tokio::test(start_paused = true)]
async fn the_live_probes_own_client() {
    type Spoil = fn(&mut CertificateSpec);
    let cases: [(Spoil, Option<i32>); 5] = [
        (|_| {}, None),
        (|spec| spec.not_after_days = -1, Some(10)),
        (|spec| spec.send = Chain::LeafOnly, Some(20)),
        (|spec| spec.issuer = "self".to_owned(), Some(18)),
        (|spec| spec.names = vec!["mail.example.com".to_owned()], Some(62)),
    ];
    let scenario = implicit("", "", "").scenario().clone();
    for (spoil, verdict) in cases {
        let mut scenario = scenario.clone();
        spoil(&mut scenario.certificates[0]);
        let network = LabNetwork::new(scenario, now());
        let client = TlsClient::build(&network.trust().unwrap()).unwrap();
        let attempt = async |verification| {
            let stream = connect(&network, 465).await;
            let sink = Box::new(|_, _: &[u8]| {});
            client.handshake(stream, "smtp.example.com", verification, sink, LIMIT).await
        };
        match (attempt(Verification::Strict).await, verdict) {
            (Ok((mut stream, leaf)), None) => {
                assert!(leaf.is_some());
                assert!(hear(&mut stream).await.starts_with("220 "));
            }
            (Err(TlsOutcome::Failed { verify, .. }), Some(_)) => assert_eq!(verify, verdict),
            (other, _) => panic!("{verdict:?}: {:?}", other.map(|_| ())),
        }
        assert!(attempt(Verification::Relaxed).await.is_ok(), "{verdict:?}");

        let sink = Box::new(|_, _: &[u8]| {});
        let stream = connect(&network, 465).await;
        let seen = client.inspect(stream, "smtp.example.com", sink, LIMIT).await.unwrap();
        let intermediates = network.pki.identity("smtp").unwrap().chain.len();
        assert_eq!(seen.chain.len(), 1 + intermediates, "{verdict:?}");
    }
}
