//! `ehlo lab serve`, met by five clients that have nothing to do with ehlo: swaks, openssl, curl, msmtp and Python's
//! smtplib. They are called by the very lines that it prints. On loopback, on ports that are free.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAMS: [&str; 5] = ["swaks", "openssl", "curl", "msmtp", "python3"];

/// True where a client is missing; in continuous integration that is a failure.
fn skipped(test: &str) -> bool {
    let there = |name: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
    };
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|name| !there(name)).collect();
    if missing.is_empty() {
        return false;
    }
    assert!(std::env::var_os("CI").is_none(), "{test}: these clients are missing: {}", missing.join(", "));
    eprintln!("{test}: skipped, these clients are missing: {}", missing.join(", "));
    true
}

struct Lab {
    child: Child,
    out: BufReader<ChildStdout>,
    said: String,
}

impl Lab {
    fn open(name: &str, ports: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ehlo"))
            .args(["lab", "serve", name, "--ports", ports])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.ends_with("Ctrl-C closes the lab.\n") {
            assert!(out.read_line(&mut said).unwrap() > 0, "it has ended: {said}");
        }
        Self { child, out, said }
    }

    /// The lines under a heading.
    fn calls(&self, heading: &str) -> Vec<String> {
        let lines = self.said.lines().skip_while(|line| !line.starts_with(heading)).skip(1);
        lines.take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
    }

    fn ca_file(&self) -> PathBuf {
        let line = self.said.lines().find_map(|line| line.strip_prefix("CA to trust: "));
        PathBuf::from(line.unwrap())
    }

    /// Where a port of the scenario is.
    fn address(&self, port: u16) -> String {
        let start = format!("  port {port:>5} of ");
        let line = self.said.lines().find(|line| line.starts_with(&start)).unwrap();
        line.split_whitespace().find(|word| word.starts_with("127.0.0.1:")).unwrap().to_owned()
    }

    /// Ends it as Ctrl-C does; its last words.
    fn close(mut self) -> String {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a printed line in a shell. `ehlo` is the one under test; nobody's own settings are read.
fn call(line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_ehlo")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("timeout")
        .args(["60", "sh", "-c", line])
        .env("PATH", format!("{}:{path}", program.display()))
        .env("HOME", std::env::temp_dir().join("ehlo-no-home"))
        .env_remove("PYTHONHTTPSVERIFY")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What each client says once the server has taken a message.
fn taken(line: &str) -> &'static str {
    match line {
        _ if line.starts_with("swaks") => "250 2.0.0 Ok: queued as LAB0001",
        _ if line.contains("curl") => "250 2.0.0 Ok: queued as LAB0001",
        _ if line.contains("msmtp") => "250 2.0.0 Ok: queued as LAB0001",
        _ if line.contains("python3") => "(235, b'2.7.0 Authentication successful')\n{}",
        _ => panic!("{line}"),
    }
}

#[test]
fn five_clients_meet_a_healthy_server() {
    if skipped("five_clients_meet_a_healthy_server") {
        return;
    }
    let lab = Lab::open("healthy", "587=0,465=0,25=0,2525=0");
    for heading in ["To look at port 587 (with STARTTLS)", "To look at port 465 (with implicit TLS)"] {
        let looks = lab.calls(heading);
        assert_eq!(looks.len(), 6, "{}", lab.said);
        for line in &looks {
            let output = call(line);
            assert!(output.status.success(), "{line}\n{}", text(&output));
            // msmtp and ehlo say it in words of their own.
            if !line.starts_with("msmtp") && !line.starts_with("ehlo") {
                assert!(text(&output).contains("SIZE 36700160"), "{line}\n{}", text(&output));
            }
        }
    }
    let sends = lab.said.split("To send a message").skip(1);
    let sends: Vec<&str> =
        sends.flat_map(|part| part.lines().skip(1).take_while(|l| l.starts_with("  "))).collect();
    assert_eq!(sends.len(), 8, "four clients, two ways of TLS: {}", lab.said);
    for line in sends {
        let line = line.trim();
        let output = call(line);
        assert!(output.status.success() && text(&output).contains(taken(line)), "{line}\n{}", text(&output));
        let wrong = call(&line.replace("correct horse battery staple", "no such horse"));
        assert!(!wrong.status.success() && text(&wrong).contains("535"), "{line}\n{}", text(&wrong));
    }
    let ca = lab.ca_file();
    assert!(ca.exists());
    assert_eq!(lab.close(), "The lab is closed.\n");
    assert!(!ca.exists(), "nothing is left behind");
}

#[test]
fn five_clients_without_the_ca_do_not_trust_it() {
    if skipped("five_clients_without_the_ca_do_not_trust_it") {
        return;
    }
    let lab = Lab::open("healthy", "587=0,465=0,25=0,2525=0");
    let ca = lab.ca_file();
    let system = "/etc/ssl/certs/ca-certificates.crt";
    for line in lab.calls("To look at port 587 (with STARTTLS)") {
        if line.starts_with("ehlo") {
            continue;
        }
        let output = call(&line.replace(&*ca.to_string_lossy(), system));
        assert!(!output.status.success(), "{line}\n{}", text(&output));
    }
}

#[test]
fn five_clients_meet_the_fault_of_a_scenario() {
    if skipped("five_clients_meet_the_fault_of_a_scenario") {
        return;
    }
    let lab = Lab::open("wrong-mode-465", "465=0");
    let looks = lab.calls("To look at port 465 (with STARTTLS)");
    assert_eq!(looks.len(), 6, "{}", lab.said);
    for line in &looks {
        assert!(call(line).status.success(), "in the right mode: {line}");
    }
    let implicit = |line: &str| {
        line.replace("--tls ", "--tls-on-connect ")
            .replace("-starttls smtp ", "")
            .replace("--ssl-reqd ", "")
            .replace("smtp://", "smtps://")
            .replace("--tls-starttls=on", "--tls-starttls=off")
            .replace("s = smtplib.SMTP()", "s = smtplib.SMTP_SSL()")
    };
    for line in looks.iter().filter(|line| !line.starts_with("ehlo")) {
        let output = call(&implicit(line));
        assert!(implicit(line) != *line && !output.status.success(), "{line}\n{}", text(&output));
    }
}

#[test]
fn a_silent_port_is_silent_here_too() {
    let lab = Lab::open("587-filtered", "465=0,587=0,2525=0");
    let address = lab.address(587).parse().unwrap();
    let began = Instant::now();
    let error = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(500)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(began.elapsed() >= Duration::from_millis(500));
    let talks = lab.address(465).parse().unwrap();
    std::net::TcpStream::connect_timeout(&talks, Duration::from_secs(5)).unwrap();
}

#[test]
fn what_is_not_loopback_is_refused_unless_it_is_meant() {
    let serve = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ehlo"));
        command.args(["lab", "serve", "healthy"]).args(more).output().unwrap()
    };
    for address in ["0.0.0.0", "::", "192.0.2.1"] {
        let output = serve(&["--bind", address]);
        assert_eq!(output.status.code(), Some(3));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            error.contains("is not a loopback address") && error.contains("--expose-to-network"),
            "{error}"
        );
    }
    // A documentation address is nobody's, so that nothing is exposed here.
    let output = serve(&["--bind", "192.0.2.1", "--expose-to-network"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && error.contains("cannot listen on 192.0.2.1"), "{error}");
    for (wrong, said) in
        [("587", "is not a pair of ports"), ("993=0", "the scenario has no server on port 993")]
    {
        let output = serve(&["--ports", wrong]);
        assert_eq!(output.status.code(), Some(3));
        assert!(String::from_utf8_lossy(&output.stderr).contains(said));
    }
}

/// A client that waits at most this long for a word.
fn visitor(address: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    BufReader::new(stream)
}

fn hear(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    let _ = client.read_line(&mut line);
    line
}

/// The greeting of a server, once there is room for one more.
fn greeted(address: &str) -> BufReader<TcpStream> {
    for _ in 0..200 {
        let mut client = visitor(address);
        if hear(&mut client).starts_with("220 ") {
            return client;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("there is no room");
}

/// Reads to the end of the connection, whichever way it ends.
fn to_the_end(client: &mut BufReader<TcpStream>) -> String {
    let mut said = Vec::new();
    let _ = client.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// Says this and no more; the server may have closed before all of it is there.
fn throw(client: &mut BufReader<TcpStream>, garbage: &[u8]) {
    let _ = client.get_mut().write_all(garbage);
    let _ = client.get_mut().shutdown(Shutdown::Write);
}

#[test]
fn too_many_clients_are_told_so_and_the_next_is_served() {
    let lab = Lab::open("locks-on-demand", "587=0");
    let address = lab.address(587);
    // In the order of the connects: it accepts one after the other.
    let mut clients: Vec<_> = (0..160).map(|_| visitor(&address)).collect();
    let greetings: Vec<String> = clients.iter_mut().map(hear).collect();
    let served = greetings.iter().filter(|line| line.starts_with("220 ")).count();
    let away = greetings.iter().filter(|line| line.starts_with("421 4.3.2 ")).count();
    assert_eq!((served, away), (128, 32), "{greetings:?}");
    drop(clients);
    let mut next = greeted(&address);
    next.get_mut().write_all(b"QUIT\r\n").unwrap();
    assert!(hear(&mut next).starts_with("221 "));
    assert_eq!(lab.close(), "The lab is closed.\n");
}

#[test]
fn clients_that_misbehave_leave_the_next_one_served() {
    let lab = Lab::open("locks-on-demand", "587=0");
    let secured = Lab::open("healthy", "587=0,465=0,25=0,2525=0");
    let (starttls, implicit) = (lab.address(587), secured.address(465));
    let before_message =
        b"EHLO me.example.net\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n";

    // A message that is one line, for ever.
    let mut endless = greeted(&starttls);
    endless.get_mut().write_all(before_message).unwrap();
    while !hear(&mut endless).starts_with("354 ") {}
    let sent =
        (0..).take_while(|_| endless.get_mut().write_all(&[b'a'; 64 * 1024]).is_ok()).take(2000).count();
    assert!(sent < 2000, "it reads on and on");

    // What is no TLS, where TLS is to be.
    for garbage in [&b"\0\xff\x16\x03garbage\r\n"[..], &[0x16, 3, 1, 0xff, 0xff, 1, 0, 0, 0], &[0xff; 9000]] {
        let mut client = visitor(&implicit);
        throw(&mut client, garbage);
        assert!(!to_the_end(&mut client).contains("220 "));
        let mut client = greeted(&starttls);
        client.get_mut().write_all(b"EHLO me.example.net\r\nSTARTTLS\r\n").unwrap();
        while !hear(&mut client).starts_with("220 ") {}
        throw(&mut client, garbage);
        assert!(!to_the_end(&mut client).contains("250"));
    }

    // Gone in the middle of a word, of a message and of a handshake.
    for last in [&b"EHL"[..], b"EHLO me.example.net\r\nSTARTTLS\r\n\x16\x03\x01", before_message] {
        greeted(&starttls).get_mut().write_all(last).unwrap();
    }
    let mut next = greeted(&starttls);
    next.get_mut().write_all(b"NOOP\r\nQUIT\r\n").unwrap();
    assert!(to_the_end(&mut next).contains("250 2.0.0 Ok\r\n221 "));
    // One that is still there does not keep it open.
    let mut waits = greeted(&starttls);
    waits.get_mut().write_all(before_message).unwrap();
    assert_eq!(lab.close(), "The lab is closed.\n");
    to_the_end(&mut waits);
    assert_eq!(secured.close(), "The lab is closed.\n");
}
