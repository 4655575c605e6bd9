//! A server that asks for very much hashing, and a user who stops the program meanwhile: by real signals, over loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo::lab::network::LabNetwork;
use ehlo::wire::sasl::MAX_ITERATIONS;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use openssl::ssl::{Ssl, SslContext, SslStream};

use super::scenario;

/// Nothing here takes so long.
const LONG: Duration = Duration::from_secs(120);

#[derive(Debug, PartialEq)]
enum Seen {
    /// The challenge is with the client.
    Asked,
    /// What came then; nothing where the connection ended.
    Answered(String),
}

/// Speaks with one client; of an AUTH it tells what it has seen.
fn speak(context: &SslContext, stream: TcpStream, seen: &Sender<Seen>) -> Option<()> {
    stream.set_read_timeout(Some(LONG)).ok()?;
    let mut tls = SslStream::new(Ssl::new(context).ok()?, stream).ok()?;
    tls.accept().ok()?;
    let mut client = BufReader::new(tls);
    client.get_mut().write_all(b"220 smtp.example.com ESMTP\r\n").ok()?;
    loop {
        let mut line = String::new();
        client.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let Some(first) = line.strip_prefix("AUTH SCRAM-SHA-256 ") else {
            let reply = if line.starts_with("EHLO") {
                &b"250-smtp.example.com\r\n250 AUTH SCRAM-SHA-256\r\n"[..]
            } else {
                b"250 Ok\r\n"
            };
            client.get_mut().write_all(reply).ok()?;
            continue;
        };
        let first = String::from_utf8(STANDARD.decode(first.trim_end()).ok()?).ok()?;
        let (_, nonce) = first.split_once("r=")?;
        let challenge = STANDARD.encode(format!("r={nonce}server,s=c2FsdHNhbHQ=,i={MAX_ITERATIONS}"));
        client.get_mut().write_all(format!("334 {challenge}\r\n").as_bytes()).ok()?;
        seen.send(Seen::Asked).ok()?;
        let mut answer = String::new();
        let _ = client.read_line(&mut answer);
        return seen.send(Seen::Answered(answer)).ok();
    }
}

/// Were the hashing done where orders are heard, the proof would be out before the order to stop is.
#[test]
fn who_stops_it_while_it_hashes_is_obeyed_first() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let lab = LabNetwork::new(scenario(|text| text), i64::try_from(now).unwrap());
    let context = lab.context("smtps").unwrap().unwrap();
    let mut authority = tempfile::NamedTempFile::new().unwrap();
    authority.write_all(&lab.root_pem().unwrap()).unwrap();
    let mut password = tempfile::NamedTempFile::new().unwrap();
    password.write_all(b"correct horse\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let route = format!("{}/implicit", listener.local_addr().unwrap().port());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (send, seen) = channel();
        let server = {
            let (listener, context) = (listener.try_clone().unwrap(), context.clone());
            std::thread::spawn(move || {
                // The first connection looks, the second signs in.
                while speak(&context, listener.accept().unwrap().0, &send).is_none() {}
            })
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_ehlo"))
            .args(["check", "smtp.example.com", "--route", &route, "--user", "ann"])
            .args(["--resolve", "smtp.example.com:127.0.0.1", "--reply-timeout", "100"])
            .args(["--cacert".as_ref(), authority.path().as_os_str()])
            .args(["--password-file".as_ref(), password.path().as_os_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let asked = seen.recv_timeout(LONG);
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(asked, Ok(Seen::Asked), "{said}");
        assert_eq!(seen.recv_timeout(LONG), Ok(Seen::Answered(String::new())), "no proof was sent");
        assert!(!status.success() && said.contains("stopped before the end"), "{status}: {said}");
        server.join().unwrap();
    }
}
