//! Proxies on loopback, and a server behind them.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::net::system::SystemOptions;

const LIMIT: Duration = Duration::from_secs(10);
const GREETING: &[u8] = b"220 mx.example.com ESMTP ready\r\n";

/// What a proxy was asked, in its own words.
type Asked = Arc<Mutex<Vec<u8>>>;

/// How the proxy answers once it knows what is wanted.
#[derive(Clone, Copy)]
enum Manner {
    /// SOCKS5 without a sign-in, with this reply.
    Socks(u8),
    /// SOCKS5 that wants `ann` and `secret`.
    SocksSignIn,
    /// HTTP with this head.
    Http(&'static str),
    /// Nothing at all.
    Silent,
}

/// A proxy that answers one client, and behind it a server that greets.
async fn proxy(manner: Manner) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let connected = match manner {
            Manner::Socks(reply) => socks(&mut client, &heard, None, reply).await,
            Manner::SocksSignIn => socks(&mut client, &heard, Some(b"\x01\x03ann\x06secret"), 0).await,
            Manner::Http(head) => {
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"\r\n\r\n") {
                    bytes.push(client.read_u8().await.unwrap());
                }
                heard.lock().unwrap().extend(bytes);
                client.write_all(head.as_bytes()).await.unwrap();
                head.contains(" 200 ")
            }
            Manner::Silent => std::future::pending().await,
        };
        if connected {
            // With the answer, in one packet: what follows it belongs to the client.
            client.write_all(GREETING).await.unwrap();
            let mut word = [0; 6];
            client.read_exact(&mut word).await.unwrap();
            client.write_all(b"221 ").await.unwrap();
            client.write_all(&word).await.unwrap();
        }
    });
    (address, asked)
}

async fn socks(client: &mut TcpStream, heard: &Asked, sign_in: Option<&[u8]>, reply: u8) -> bool {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.unwrap();
    let mut methods = vec![0; head[1].into()];
    client.read_exact(&mut methods).await.unwrap();
    let method = if sign_in.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        client.write_all(&[5, 0xff]).await.unwrap();
        return false;
    }
    client.write_all(&[5, method]).await.unwrap();
    if let Some(expected) = sign_in {
        let mut said = vec![0; expected.len()];
        client.read_exact(&mut said).await.unwrap();
        client.write_all(&[1, u8::from(said != expected)]).await.unwrap();
        if said != expected {
            return false;
        }
    }
    let mut request = [0; 5];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request[..4], [5, 1, 0, 3], "CONNECT to a name");
    let mut rest = vec![0; usize::from(request[4]) + 2];
    client.read_exact(&mut rest).await.unwrap();
    heard.lock().unwrap().extend(rest);
    client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    reply == 0
}

fn network(url: &str) -> ProxyNetwork {
    ProxyNetwork::new(SystemNetwork::new(SystemOptions::default()), url.parse().unwrap())
}

fn target() -> Endpoint {
    Endpoint::Name("smtp.example.com".into(), 587)
}

async fn fault(url: &str, limit: Duration) -> (ProxyFault, String) {
    match network(url).connect(&target(), limit).await {
        Err(ConnectOutcome::Proxy { fault, text }) => (fault, text),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("connected"),
    }
}

/// Reads the greeting and says a word to the server.
async fn works(url: &str) {
    let connection = network(url).connect(&target(), LIMIT).await;
    let mut stream = connection.unwrap_or_else(|outcome| panic!("{outcome:?}")).stream;
    let mut greeting = vec![0; GREETING.len()];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, GREETING);
    stream.write_all(b"QUIT\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"221 QUIT\r\n");
}

#[tokio::test]
async fn socks_carries_bytes_and_looks_names_up_itself() {
    let (address, asked) = proxy(Manner::Socks(0)).await;
    works(&format!("socks5h://{address}")).await;
    assert_eq!(*asked.lock().unwrap(), b"smtp.example.com\x02\x4b", "the name and port 587");
}

#[tokio::test]
async fn socks_signs_in() {
    let (address, _) = proxy(Manner::SocksSignIn).await;
    works(&format!("socks5h://ann:secret@{address}")).await;
    let (address, _) = proxy(Manner::SocksSignIn).await;
    assert_eq!(fault(&format!("socks5h://ann:secre!@{address}"), LIMIT).await.0, ProxyFault::Denied);
    let (address, _) = proxy(Manner::SocksSignIn).await;
    let (fault, text) = fault(&format!("socks5h://{address}"), LIMIT).await;
    assert!(fault == ProxyFault::Denied && text.contains("user name and password"), "{text}");
}

#[tokio::test]
async fn each_refusal_of_socks_has_its_name() {
    for (reply, expected) in [
        (1, ProxyFault::Unknown),
        (2, ProxyFault::Denied),
        (3, ProxyFault::TargetUnreachable),
        (4, ProxyFault::TargetUnreachable),
        (5, ProxyFault::Refused),
        (6, ProxyFault::TargetUnreachable),
    ] {
        let (address, _) = proxy(Manner::Socks(reply)).await;
        assert_eq!(fault(&format!("socks5h://{address}"), LIMIT).await.0, expected, "{reply}");
    }
}

#[tokio::test]
async fn connect_over_http_leaves_the_greeting_to_its_reader() {
    let (address, asked) = proxy(Manner::Http("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")).await;
    works(&format!("http://ann:secret@{address}")).await;
    let asked = String::from_utf8(asked.lock().unwrap().clone()).unwrap();
    assert!(asked.starts_with("CONNECT smtp.example.com:587 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n"), "{asked}");
}

#[tokio::test]
async fn a_refusal_over_http_is_quoted() {
    let (address, _) = proxy(Manner::Http("HTTP/1.1 403 Forbidden\r\n\r\n")).await;
    let (fault, text) = fault(&format!("http://{address}"), LIMIT).await;
    assert_eq!((fault, text.as_str()), (ProxyFault::Denied, "the proxy answers “HTTP/1.1 403 Forbidden”"));
}

#[tokio::test]
async fn the_wrong_kind_of_proxy_is_noticed() {
    let (address, _) = proxy(Manner::Http("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    // It waits for the end of a request that never comes: silence is all there is.
    let silent = fault(&format!("socks5h://{address}"), Duration::from_millis(300)).await.0;
    assert_eq!(silent, ProxyFault::TimedOut);
    let (address, _) = proxy(Manner::Socks(0)).await;
    let broken = fault(&format!("http://{address}"), Duration::from_millis(300)).await.0;
    assert!(matches!(broken, ProxyFault::Broken | ProxyFault::TimedOut));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_not_the_server() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for scheme in ["socks5h", "http"] {
        let (fault, text) = fault(&format!("{scheme}://{closed}"), LIMIT).await;
        assert_eq!(fault, ProxyFault::Unreachable);
        assert!(text.contains("refused") && text.contains(&closed.to_string()), "{text}");
    }
}

#[tokio::test]
async fn a_silent_proxy_waits_for_a_silent_server() {
    for scheme in ["socks5h", "http"] {
        let (address, _) = proxy(Manner::Silent).await;
        let (fault, _) = fault(&format!("{scheme}://{address}"), Duration::from_millis(200)).await;
        assert_eq!(fault, ProxyFault::TimedOut);
    }
}

#[test]
fn the_vantage_is_the_proxy_without_its_password() {
    let network = network("socks5h://ann:secret@proxy.example.net:1080");
    assert_eq!(network.vantage(), "socks5h://proxy.example.net:1080");
    assert!(network.resolves_remotely() && network.counters().is_none() && network.machine().is_empty());
    assert!(!format!("{network:?}").contains("secret"));
}

/// A program in the place of ssh.
fn fake_ssh(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ssh");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn over(script: &str, limit: Duration) -> Result<Box<dyn Stream>, Failure> {
    let folder = fake_ssh(script);
    let proxy: ProxyUrl = "ssh://ann@vps.example.net".parse().unwrap();
    let program = folder.path().join("ssh");
    loop {
        let end = within(limit, ssh::connect_with(&program, &proxy, &target(), None)).await;
        // Another test's new process may still hold the file that was just written.
        match end {
            Err(failure) if failure.text.contains("Text file busy") => tokio::task::yield_now().await,
            end => return end,
        }
    }
}

#[tokio::test]
async fn ssh_carries_bytes_once_its_log_says_that_the_far_connection_is_there() {
    let script = "echo 'debug2: channel 0: open confirm rwindow 2097152 rmax 32768' >&2
        printf '220 mx.example.com ESMTP ready\\r\\n'
        read -r word
        printf '221 %s\\n' \"$word\"
        echo \"$@\"";
    let mut stream = over(script, LIMIT).await.unwrap();
    let mut greeting = vec![0; GREETING.len()];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, GREETING);
    stream.write_all(b"QUIT\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("221 QUIT\r\n"), "{rest:?}");
    assert!(rest.contains("-W smtp.example.com:587 -- vps.example.net"), "{rest}");
}

#[tokio::test]
async fn ssh_failures_keep_their_words() {
    let behind = "echo 'debug1: Authenticated' >&2
        echo 'channel 0: open failed: connect failed: Connection refused' >&2
        echo 'stdio forwarding failed' >&2
        exit 255";
    let failure = over(behind, LIMIT).await.err().unwrap();
    assert_eq!(failure.fault, ProxyFault::Refused);
    let denied = "echo 'ann@vps.example.net: Permission denied (publickey).' >&2; exit 255";
    let failure = over(denied, LIMIT).await.err().unwrap();
    assert_eq!(failure.fault, ProxyFault::Denied);
    assert!(failure.text.contains("publickey"), "{}", failure.text);
    let silent = over("exec sleep 60", Duration::from_millis(200)).await.err().unwrap();
    assert_eq!(silent.fault, ProxyFault::TimedOut);
}

#[tokio::test]
async fn ssh_that_is_not_installed_is_said() {
    let proxy: ProxyUrl = "ssh://vps.example.net".parse().unwrap();
    let nowhere = std::path::Path::new("/nowhere/ssh");
    let failure = ssh::connect_with(nowhere, &proxy, &target(), None).await.err().unwrap();
    assert_eq!(failure.fault, ProxyFault::Unreachable);
    assert!(failure.text.contains("cannot be started"));
}
