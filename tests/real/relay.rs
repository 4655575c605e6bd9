//! Delivering to a domain for real: Postfix as its mail server on port 25, a DNS server that says that it has validated
//! its answers, a web server with the policy, and a firewall in between.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, MX, TLSA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use openssl::hash::{MessageDigest, hash};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::X509;
use serde_json::Value;

use crate::authority::{Identity, authority, server};
use crate::internet::{Host, Internet, SERVER_V4};
use crate::postfix::Postfix;
use crate::submission::NAME;
use crate::tools::require_root_or_skip;

pub const DOMAIN: &str = "example.test";

/// A DNS server, whose answers bear the AD bit where `validates` is set. It ends when dropped.
pub struct Dns {
    stop: Arc<AtomicBool>,
    served: Option<thread::JoinHandle<()>>,
}

impl Dns {
    /// Starts it on this machine and address.
    pub fn start(host: &Host, address: &str, records: Vec<(&str, RData)>, validates: bool) -> Self {
        let socket = host.enter(|| UdpSocket::bind((address, 53)).expect("port 53"));
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let records: Vec<(Name, RData)> = records
            .into_iter()
            .map(|(name, data)| (Name::from_ascii(format!("{name}.")).unwrap(), data))
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let served = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let Ok(asked) = Message::from_vec(&buffer[..length]) else { continue };
                let _ = socket.send_to(&answer(&asked, &records, validates), from);
            }
        });
        Self { stop, served: Some(served) }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.served.take().map(thread::JoinHandle::join);
    }
}

fn answer(asked: &Message, records: &[(Name, RData)], validates: bool) -> Vec<u8> {
    let mut message = Message::response(asked.metadata.id, asked.metadata.op_code);
    message.queries.clone_from(&asked.queries);
    let question = &asked.queries[0];
    let kind = |data: &RData| Record::from_rdata(Name::root(), 0, data.clone()).record_type();
    let known: Vec<_> = records.iter().filter(|(owner, _)| owner == question.name()).collect();
    let wanted: RecordType = question.query_type();
    for (owner, data) in known.iter().filter(|(_, data)| kind(data) == wanted) {
        message.answers.push(Record::from_rdata(owner.clone(), 300, data.clone()));
    }
    let exists = !known.is_empty();
    message.metadata.response_code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
    // Who does not ask for it is not told (RFC 6840 §5.8).
    message.metadata.authentic_data = validates && asked.metadata.authentic_data;
    message.to_vec().unwrap()
}

/// The domain's records: its mail server, and a TLSA record with this digest of a key.
pub fn records(digest: &[u8]) -> Vec<(&'static str, RData)> {
    let tlsa = TLSA::new(3.into(), 1.into(), 1.into(), digest.to_vec());
    vec![
        (DOMAIN, RData::MX(MX::new(10, Name::from_ascii(format!("{NAME}.")).unwrap()))),
        (NAME, RData::A(A(SERVER_V4.parse().unwrap()))),
        ("_25._tcp.smtp.example.test", RData::TLSA(tlsa)),
    ]
}

/// SHA-256 of a certificate's public key, as `3 1 1` records hold it.
pub fn digest(identity: &Identity) -> Vec<u8> {
    let certificate = X509::from_pem(&identity.certificate_pem()).unwrap();
    let key = certificate.public_key().unwrap().public_key_to_der().unwrap();
    hash(MessageDigest::sha256(), &key).unwrap().to_vec()
}

/// `ehlo check example.test --goal relay` on the client: the report and the exit status.
fn check(client: &Host, more: &[&str]) -> (Value, i32) {
    let mut line = vec![env!("CARGO_BIN_EXE_ehlo"), "check", DOMAIN, "--goal", "relay", "--json"];
    line.extend(["--dns-server", SERVER_V4, "--connect-timeout", "2"]);
    line.extend(more);
    let output = client.run(&line);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (report, output.status.code().unwrap())
}

pub fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

pub fn has(report: &Value, code: &str) -> bool {
    codes(report).contains(&code)
}

#[test]
fn dane_vouches_for_a_key_that_no_authority_knows_and_for_no_other() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let authority = authority();
    // Nobody trusts the authority here: without DANE the certificate would only be a warning.
    let identity = server(&authority, NAME, (0, 90));
    let _postfix = Postfix::start_with(&internet.server, &authority, &identity, "");
    {
        let _dns = Dns::start(&internet.server, SERVER_V4, records(&digest(&identity)), true);
        let (report, status) = check(&internet.client, &[]);
        assert_eq!(status, 0, "{report:#}");
        assert_eq!(report["routes"][0]["outcome"], "works");
        assert!(has(&report, "dane-match"), "{:?}", codes(&report));
        assert!(!codes(&report).iter().any(|code| code.starts_with("cert-")), "{:?}", codes(&report));
        assert_eq!(report["dns"]["tlsa"][0]["validated"], true);
        assert_eq!(report["dns"]["mx"][0]["host"], NAME);
        // 10.77.1.2 is nobody's name on the internet.
        assert!(has(&report, "ptr-unknown"), "{:?}", codes(&report));
    }
    {
        let other = server(&authority, NAME, (0, 90));
        let _dns = Dns::start(&internet.server, SERVER_V4, records(&digest(&other)), true);
        let (report, status) = check(&internet.client, &[]);
        assert_eq!(status, 2, "{report:#}");
        assert_eq!(report["routes"][0]["outcome"], "cert-invalid");
        assert!(has(&report, "dane-mismatch"), "{:?}", codes(&report));
    }
    {
        // The same records from a resolver that validates nothing: TLS stays opportunistic.
        let other = server(&authority, NAME, (0, 90));
        let _dns = Dns::start(&internet.server, SERVER_V4, records(&digest(&other)), false);
        let (report, status) = check(&internet.client, &[]);
        assert_eq!(status, 0, "{report:#}");
        assert!(has(&report, "dane-not-in-force") && !has(&report, "dane-mismatch"), "{:?}", codes(&report));
        let warned = report["findings"].as_array().unwrap().iter().find(|f| f["code"] == "cert-unknown-ca");
        assert_eq!(warned.unwrap()["severity"], "warning");
    }
}

/// Usage 2: DNS vouches for an authority, whose certificate the server sends along; it must name the server, too.
#[test]
fn dane_vouches_for_an_authority_and_not_for_another() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let own = authority();
    let identity = server(&own, NAME, (0, 90)).with(&own);
    let _postfix = Postfix::start_with(&internet.server, &own, &identity, "");
    let of = |authority: &Identity| {
        let whole = X509::from_pem(&authority.certificate_pem()).unwrap().to_der().unwrap();
        let digest = hash(MessageDigest::sha256(), &whole).unwrap().to_vec();
        let mut all = records(&[]);
        all.retain(|(name, _)| !name.starts_with("_25."));
        let tlsa = RData::TLSA(TLSA::new(2.into(), 0.into(), 1.into(), digest));
        all.push(("_25._tcp.smtp.example.test", tlsa));
        all
    };
    {
        let _dns = Dns::start(&internet.server, SERVER_V4, of(&own), true);
        let (report, status) = check(&internet.client, &[]);
        assert_eq!(status, 0, "{report:#}");
        assert!(has(&report, "dane-match"), "{:?}", codes(&report));
        let found =
            report["findings"].as_array().unwrap().iter().find(|f| f["code"] == "dane-match").unwrap();
        let said = format!("{} {}", found["summary"], found["explanation"]);
        assert!(said.contains("an authority of its chain"), "{said}");
    }
    let _dns = Dns::start(&internet.server, SERVER_V4, of(&authority()), true);
    let (report, status) = check(&internet.client, &[]);
    assert_eq!((status, &report["recommendation"]), (2, &Value::Null), "{report:#}");
    assert!(has(&report, "dane-mismatch"), "{:?}", codes(&report));
}

#[test]
fn port_25_dropped_on_the_way_says_whom_to_ask() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let postfix = Postfix::start(&internet.server);
    let _dns = Dns::start(&internet.server, SERVER_V4, records(&[0; 32]), true);
    internet.router.firewall("forward tcp dport 25 drop");
    let (report, status) = check(&internet.client, &[]);
    assert_eq!(status, 2, "{report:#}");
    assert_eq!(report["routes"][0]["outcome"], "filtered");
    for code in ["mx-unreachable", "all-ports-blocked", "egress-blocked"] {
        assert!(has(&report, code), "{code}: {:?}", codes(&report));
    }
    let found =
        report["findings"].as_array().unwrap().iter().find(|f| f["code"] == "mx-unreachable").unwrap();
    let fix = found["fix"].as_str().unwrap();
    assert!(fix.contains("hosts this machine") && fix.contains("smarthost") && fix.contains("587"), "{fix}");
    drop(postfix);
}

#[test]
fn the_policy_of_mta_sts_is_fetched_over_verified_https() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let authority = authority();
    let identity = server(&authority, NAME, (0, 90));
    let postfix = Postfix::start_with(&internet.server, &authority, &identity, "");
    let trusted = postfix.authority_file();
    let trusted = ["--cacert", trusted.to_str().unwrap()];
    let web = server(&authority, "mta-sts.example.test", (0, 90));
    let mut all = records(&digest(&identity));
    all.retain(|(name, _)| !name.starts_with("_25."));
    all.push(("_mta-sts.example.test", RData::TXT(TXT::new(vec!["v=STSv1; id=1".to_owned()]))));
    all.push(("mta-sts.example.test", RData::A(A(SERVER_V4.parse().unwrap()))));
    let _dns = Dns::start(&internet.server, SERVER_V4, all, false);
    let body = "version: STSv1\r\nmode: enforce\r\nmx: other.example.test\r\nmax_age: 86400\r\n";
    let requests = policy(&internet.server, &web, body);

    let (report, status) = check(&internet.client, &trusted);
    assert_eq!(status, 2, "{report:#}");
    assert_eq!(report["dns"]["mta_sts"]["mode"], "enforce");
    assert!(has(&report, "mta-sts-mismatch"), "{:?}", codes(&report));
    let request = requests.join().unwrap();
    assert!(request.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"), "{request}");
    assert!(request.to_ascii_lowercase().contains("host: mta-sts.example.test\r\n"), "{request}");

    // Whose web server nobody vouches for has no policy.
    let requests = policy(&internet.server, &web, body);
    let (report, status) = check(&internet.client, &[]);
    assert_eq!(status, 0, "{report:#}");
    assert!(has(&report, "mta-sts-unavailable") && !has(&report, "mta-sts-mismatch"), "{:?}", codes(&report));
    assert_eq!(requests.join().unwrap(), "", "not a byte was asked for");
}

/// What the policy demands is there, or only in testing; and a certificate that does not verify is not enough.
#[test]
fn a_policy_that_is_met_one_that_only_tests_and_one_that_is_not_met() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let trusted = authority();
    let (good, web) = (server(&trusted, NAME, (0, 90)), server(&trusted, "mta-sts.example.test", (0, 90)));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), trusted.certificate_pem()).unwrap();
    let more = ["--cacert", file.path().to_str().unwrap()];
    let mut all = records(&[]);
    all.retain(|(name, _)| !name.starts_with("_25."));
    all.push(("_mta-sts.example.test", RData::TXT(TXT::new(vec!["v=STSv1; id=1".to_owned()]))));
    all.push(("mta-sts.example.test", RData::A(A(SERVER_V4.parse().unwrap()))));
    let _dns = Dns::start(&internet.server, SERVER_V4, all, false);
    let run = |mode: &str| {
        let body = format!("version: STSv1\r\nmode: {mode}\r\nmx: {NAME}\r\nmax_age: 86400\r\n");
        let request = policy(&internet.server, &web, &body);
        let (report, status) = check(&internet.client, &more);
        request.join().unwrap();
        assert_eq!(report["dns"]["mta_sts"]["mode"], mode, "{report:#}");
        let severity = |f: &&Value| f["code"] == "mta-sts-mismatch";
        let found = report["findings"].as_array().unwrap().iter().find(severity);
        (status, found.map(|found| found["severity"].as_str().unwrap().to_owned()))
    };
    {
        let _postfix = Postfix::start_with(&internet.server, &trusted, &good, "");
        assert_eq!(run("enforce"), (0, None));
    }
    let other = authority();
    let bad = server(&other, NAME, (0, 90));
    let _postfix = Postfix::start_with(&internet.server, &other, &bad, "");
    assert_eq!(run("enforce"), (2, Some("error".to_owned())));
    assert_eq!(run("testing"), (0, Some("warning".to_owned())));
}

/// Answers one HTTPS connection with this page; gives the request.
pub fn policy(host: &Host, identity: &Identity, body: &str) -> thread::JoinHandle<String> {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    let chain = identity.chain_file();
    acceptor.set_private_key(&openssl::pkey::PKey::private_key_from_pem(&chain).unwrap()).unwrap();
    acceptor.set_certificate(&X509::from_pem(&identity.certificate_pem()).unwrap()).unwrap();
    let acceptor = acceptor.build();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let listener = host.enter(|| TcpListener::bind((SERVER_V4, 443)).expect("port 443"));
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let Ok(mut stream) = acceptor.accept(stream) else { return String::new() };
        let mut request = Vec::new();
        let mut byte = [0; 1];
        while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
            request.push(byte[0]);
        }
        if !request.is_empty() {
            stream.write_all(answer.as_bytes()).unwrap();
            let _ = stream.shutdown();
        }
        String::from_utf8(request).unwrap()
    })
}
