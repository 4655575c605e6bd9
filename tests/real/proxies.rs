//! Probes that a proxy carries, through the whole program: the router has the proxy, and its firewall lets nothing else
//! through to the server.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;

use crate::internet::{Host, Internet, ROUTER_V4, SERVER_V4};
use crate::postfix::Postfix;
use crate::submission::NAME;
use crate::tools::{must, require_or_skip, require_root_or_skip};

const EHLO: &str = env!("CARGO_BIN_EXE_ehlo");

fn check(client: &Host, postfix: &Postfix<'_>, proxy: &str, path: Option<&Path>) -> (Value, Option<i32>) {
    let authority = postfix.authority_file();
    let authority = authority.to_str().unwrap();
    let line = [EHLO, "check", NAME, "--json", "--proxy", proxy, "--cacert", authority];
    let mut command = client.command(&[&line, ["--connect-timeout", "5"].as_slice()].concat());
    if let Some(path) = path {
        let rest = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{rest}:/usr/sbin:/sbin", path.display()));
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("kf7qz"), "{said}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("kf7qz"), "{text}");
    (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {said}")), output.status.code())
}

/// What must be so where the probe came through.
fn works(report: &Value, status: Option<i32>, vantage: &str) {
    assert_eq!(report["recommendation"]["summary"], "Use port 587 with STARTTLS", "{report}");
    assert_eq!((status, report["vantage"].as_str()), (Some(0), Some(vantage)));
    assert_eq!(report["routes"][0]["address"], NAME, "the name was looked up behind the proxy");
    assert_eq!(report["dns"]["a"], serde_json::json!([]), "nothing was looked up here");
    assert_eq!(report["hosting"], Value::Null);
}

/// A proxy that takes `ann` and `kf7qz3`, and knows the names of one domain. It speaks SOCKS5 where the first byte is 5, else HTTP.
pub fn serve(router: &Host) -> u16 {
    let listener = router.enter(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap());
    let port = listener.local_addr().unwrap().port();
    let namespace = fs::File::open(format!("/run/netns/{}", router.name())).unwrap();
    thread::spawn(move || {
        nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        for client in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = carry(client);
            });
        }
    });
    port
}

fn carry(mut client: TcpStream) -> std::io::Result<()> {
    let mut first = [0; 1];
    client.read_exact(&mut first)?;
    if first == [5] {
        let mut methods = [0; 3];
        client.read_exact(&mut methods[..1])?;
        let count = usize::from(methods[0]).min(3);
        client.read_exact(&mut methods[..count])?;
        client.write_all(&[5, 2])?;
        let mut sign_in = [0; 12];
        client.read_exact(&mut sign_in)?;
        client.write_all(&[1, u8::from(&sign_in != b"\x01\x03ann\x06kf7qz3")])?;
        let mut head = [0; 5];
        client.read_exact(&mut head)?;
        let mut target = vec![0; usize::from(head[4]) + 2];
        client.read_exact(&mut target)?;
        let (name, port) = target.split_at(target.len() - 2);
        let connected = connect(name, u16::from_be_bytes([port[0], port[1]]));
        let reply = if connected.is_ok() { 0 } else { 5 };
        client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0])?;
        return both_ways(client, connected?);
    }
    let mut head = first.to_vec();
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut first)?;
        head.push(first[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let (name, port) = target.rsplit_once(':').unwrap_or_default();
    if !head.contains("Proxy-Authorization: Basic YW5uOmtmN3F6Mw==") {
        return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    }
    let connected = connect(name.as_bytes(), port.parse().unwrap_or(1));
    let line = if connected.is_ok() { "200 Connection established" } else { "502 Bad Gateway" };
    client.write_all(format!("HTTP/1.1 {line}\r\n\r\n").as_bytes())?;
    both_ways(client, connected?)
}

fn connect(name: &[u8], port: u16) -> std::io::Result<TcpStream> {
    let known = [NAME, "mta-sts.example.test", SERVER_V4];
    if !known.iter().any(|known| known.as_bytes() == name) {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    TcpStream::connect((SERVER_V4, port))
}

fn both_ways(client: TcpStream, server: TcpStream) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = (client.try_clone()?, client);
    let (mut from_server, mut to_server) = (server.try_clone()?, server);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Write);
    });
    std::io::copy(&mut from_server, &mut to_client)?;
    to_client.shutdown(std::net::Shutdown::Write)
}

#[test]
fn a_proxy_carries_the_probe_where_the_straight_way_is_closed() {
    if !require_root_or_skip() {
        return;
    }
    let internet = Internet::new();
    let (client, router) = (&internet.client, &internet.router);
    let postfix = Postfix::start(&internet.server);
    router.firewall("forward drop");
    let port = serve(router);
    for scheme in ["socks5h", "http"] {
        let (report, status) =
            check(client, &postfix, &format!("{scheme}://ann:kf7qz3@{ROUTER_V4}:{port}"), None);
        works(&report, status, &format!("{scheme}://{ROUTER_V4}:{port}"));

        let (report, status) =
            check(client, &postfix, &format!("{scheme}://ann:kf7qz9@{ROUTER_V4}:{port}"), None);
        assert_eq!(status, Some(2));
        let codes: Vec<_> = report["findings"].as_array().unwrap().iter().map(|f| &f["code"]).collect();
        assert!(!codes.is_empty() && codes.iter().all(|code| *code == "proxy-denied"), "{report}");
    }
    // Nobody listens there.
    let (report, _) = check(client, &postfix, &format!("socks5h://{ROUTER_V4}:9"), None);
    let codes: Vec<_> = report["findings"].as_array().unwrap().iter().map(|f| &f["code"]).collect();
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == "proxy-unreachable"), "{report}");
}

/// A real sshd on the router, and what a client needs to sign in: a folder with an `ssh` that knows its key.
pub struct Sshd {
    child: Child,
    folder: tempfile::TempDir,
    hosts: PathBuf,
}

pub const SSH_PORT: u16 = 2222;

impl Sshd {
    /// Starts it on a router that knows the server by these names.
    pub fn start(router: &Host, names: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("ehlo-sshd-").tempdir().unwrap();
        let root = folder.path();
        let text = |name: &str| root.join(name).to_str().unwrap().to_owned();
        for key in ["host", "user"] {
            must(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &text(key)]);
        }
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n",
            text("host"),
            text("user.pub")
        );
        fs::write(root.join("sshd_config"), config).unwrap();
        let ssh = format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F none -i {} -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
             -o UserKnownHostsFile={} \"$@\"\n",
            text("user"),
            text("known")
        );
        fs::write(root.join("ssh"), ssh).unwrap();
        fs::set_permissions(root.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
        // `ip netns exec` lays this over the file of that name: so the router, and it alone, knows the server by name.
        let hosts = PathBuf::from("/etc/netns").join(router.name());
        fs::create_dir_all(&hosts).unwrap();
        fs::write(hosts.join("hosts"), format!("{SERVER_V4} {}\n", names.join(" "))).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        let port = SSH_PORT.to_string();
        let line = ["/usr/sbin/sshd", "-D", "-e", "-p", &port, "-f", &text("sshd_config")];
        let log = fs::File::create(root.join("log")).unwrap();
        let child = router.command(&line).stderr(log).spawn().unwrap();
        let sshd = Self { child, folder, hosts };
        let began = Instant::now();
        while !router.enter(|| TcpStream::connect((Ipv4Addr::LOCALHOST, SSH_PORT)).is_ok()) {
            assert!(began.elapsed() < Duration::from_secs(20), "{}", sshd.log());
            thread::sleep(Duration::from_millis(50));
        }
        sshd
    }

    /// Where the `ssh` lies that knows the key.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.hosts);
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

#[test]
fn ssh_carries_the_probe_and_nothing_is_installed_there() {
    if !require_or_skip(&["/usr/sbin/sshd".into(), "/usr/bin/ssh".into()]) {
        return;
    }
    let internet = Internet::new();
    let (client, router) = (&internet.client, &internet.router);
    let postfix = Postfix::start(&internet.server);
    router.firewall("forward drop");
    let sshd = Sshd::start(router, &[NAME]);
    let path = Some(sshd.folder.path());
    let proxy = format!("ssh://root@{ROUTER_V4}:{SSH_PORT}");
    let (report, status) = check(client, &postfix, &proxy, path);
    works(&report, status, &proxy);

    // What became of the connect over there: a reset, and a name that does not exist.
    let codes = |line: &[&str]| -> Vec<String> {
        let mut command = client.command(&[&[EHLO, "check", "--json", "--proxy", &proxy], line].concat());
        let rest = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{rest}", sshd.folder.path().display()));
        let report: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        findings.iter().filter_map(|finding| finding["code"].as_str()).map(str::to_owned).collect()
    };
    assert_eq!(codes(&[NAME, "--route", "9/starttls"]), ["port-refused"]);
    assert_eq!(codes(&["nowhere.example.test", "--route", "587/starttls"]), ["proxy-cannot-resolve"]);
    // Without its key nobody is let in.
    fs::write(sshd.folder.path().join("user.pub"), "").unwrap();
    assert_eq!(codes(&[NAME, "--route", "587/starttls"]), ["proxy-denied"]);
}
