//! A small internet: a client, a router and a server, each in a network namespace of its own.
//!
//! ```text
//! client 10.77.1.2 fd77:1::2 ── 10.77.1.1 fd77:1::1 router 10.77.2.1 fd77:2::1 ── 10.77.2.2 fd77:2::2 server
//! ```

use std::fs::File;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};

use crate::tools::{command, must, run};

/// What the names of all namespaces begin with.
const PREFIX: &str = "ehlo-test-";

/// Addresses of the server.
pub const SERVER_V4: &str = "10.77.2.2";
pub const SERVER_V6: &str = "fd77:2::2";
/// Addresses of the router on the client's side.
pub const ROUTER_V4: &str = "10.77.1.1";
pub const ROUTER_V6: &str = "fd77:1::1";
/// Addresses of the client.
pub const CLIENT_V4: &str = "10.77.1.2";
pub const CLIENT_V6: &str = "fd77:1::2";

/// One machine of it.
pub struct Host {
    name: String,
}

impl Host {
    fn new(number: u32, role: &str) -> Self {
        let name = format!("{PREFIX}{}-{number}-{role}", std::process::id());
        must(&["ip", "netns", "add", &name]);
        let host = Self { name };
        host.ip("link set lo up");
        // Every rejection is to be heard, also in a burst of connects.
        host.sysctl("net/ipv4/icmp_ratelimit", "0");
        host.sysctl("net/ipv6/icmp/ratelimit", "0");
        host
    }

    /// Name of its namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `ip` in it.
    pub fn ip(&self, arguments: &str) {
        let mut line = vec!["ip", "-n", &self.name];
        line.extend(arguments.split_whitespace());
        must(&line);
    }

    /// Sets a kernel parameter of its network.
    pub fn sysctl(&self, key: &str, value: &str) {
        let path = format!("/proc/sys/{key}");
        self.enter(|| std::fs::write(&path, value)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// A rule of its firewall, such as `input tcp dport 587 drop`: the hook, and an nftables rule.
    pub fn firewall(&self, rule: &str) {
        let (hook, rule) = rule.split_once(' ').expect("a hook and a rule");
        self.rules(&format!(
            "table inet ehlo {{\n chain {hook} {{\n type filter hook {hook} priority 0;\n {rule}\n }}\n}}\n"
        ));
    }

    /// The whole table `inet ehlo`, as nftables reads it.
    pub fn rules(&self, rules: &str) {
        let mut nft = self.command(&["nft", "-f", "-"]);
        let mut child = nft.stdin(Stdio::piped()).spawn().expect("nft");
        child.stdin.take().expect("piped").write_all(rules.as_bytes()).expect("nft reads");
        assert!(child.wait().expect("nft ends").success(), "{rules}");
    }

    /// Takes the firewall away.
    pub fn no_firewall(&self) {
        let _ = self.run(&["nft", "delete", "table", "inet", "ehlo"]);
    }

    /// A command that runs in it.
    pub fn command(&self, line: &[&str]) -> Command {
        command(&[&["ip", "netns", "exec", &self.name], line].concat())
    }

    /// Runs it to its end.
    pub fn run(&self, line: &[&str]) -> Output {
        self.command(line).output().unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Runs `work` on a thread whose sockets belong to this machine.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.name)).expect("the namespace");
        thread::scope(|scope| {
            let inside = scope.spawn(move || {
                setns(&namespace, CloneFlags::CLONE_NEWNET).expect("to enter the namespace");
                work()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Ends what still runs in a namespace, and removes it.
fn remove(name: &str) {
    let left = run(&["ip", "netns", "pids", name]);
    for id in String::from_utf8_lossy(&left.stdout).split_whitespace() {
        run(&["kill", "-KILL", id]);
    }
    run(&["ip", "netns", "del", name]);
}

/// Removes what a test run that was killed has left behind.
fn sweep() {
    let names = run(&["ip", "netns", "list"]);
    for line in String::from_utf8_lossy(&names.stdout).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|id| !std::path::Path::new("/proc").join(id).exists()) {
            remove(name);
        }
    }
}

/// The three of them, connected.
pub struct Internet {
    pub client: Host,
    pub router: Host,
    pub server: Host,
    /// The delaying link, where there is one.
    _slow: Option<Slow>,
}

impl Internet {
    /// Connects them without any delay.
    pub fn new() -> Self {
        let mut internet = Self::unconnected();
        let (client, router, server) = (&internet.client, &internet.router, &internet.server);
        for forwarding in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] {
            router.sysctl(forwarding, "1");
        }
        link(client, router, "10.77.1", "fd77:1:");
        link(server, router, "10.77.2", "fd77:2:");
        internet._slow = None;
        internet.wait();
        internet
    }

    /// Client and server on one link of true packets that takes `delay_ms` each way; IPv4 only.
    pub fn slow(delay_ms: u32) -> Self {
        let mut internet = Self::unconnected();
        internet._slow = Some(Slow::new(&internet.client, &internet.server, delay_ms));
        internet
    }

    /// Waits until packets pass in both families: the first ones on a new link may be lost.
    fn wait(&self) {
        for address in [SERVER_V4, SERVER_V6] {
            let target = std::net::SocketAddr::new(address.parse().expect("an address"), 9);
            let answers = || {
                // Nobody listens there: a reset is the answer.
                let result = std::net::TcpStream::connect_timeout(&target, Duration::from_millis(300));
                result.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
            };
            let passes = self.client.enter(|| (0..50).any(|_| answers()));
            assert!(passes, "{address} cannot be reached over links that were just made");
        }
    }

    fn unconnected() -> Self {
        static SWEEP: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        SWEEP.call_once(sweep);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            client: Host::new(number, "client"),
            router: Host::new(number, "router"),
            server: Host::new(number, "server"),
            _slow: None,
        }
    }
}

/// A pair of virtual interfaces: `host` gets address 2 of both networks and the router, at address 1, as its way out.
fn link(host: &Host, router: &Host, v4: &str, v6: &str) {
    let far = format!("to-{}", host.name.rsplit('-').next().expect("a role"));
    host.ip(&format!("link add out type veth peer name {far} netns {}", router.name));
    for (end, device, number) in [(host, "out", 2), (router, far.as_str(), 1)] {
        end.ip(&format!("addr add {v4}.{number}/24 dev {device}"));
        end.ip(&format!("-6 addr add {v6}:{number}/64 dev {device} nodad"));
        end.ip(&format!("link set {device} up"));
    }
    host.ip(&format!("route add default via {v4}.1"));
    host.ip(&format!("-6 route add default via {v6}:1"));
}

/// The program that carries packets with a delay. It ends when its standard input closes.
struct Slow(Child);

impl Slow {
    fn new(client: &Host, server: &Host, delay_ms: u32) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/delay.py");
        let delay = delay_ms.to_string();
        let line = ["python3", program, &client.name, CLIENT_V4, &server.name, SERVER_V4, &delay];
        let mut child = command(&line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 for delay.py");
        let mut ready = String::new();
        let mut said = std::io::BufReader::new(child.stdout.take().expect("piped"));
        std::io::BufRead::read_line(&mut said, &mut ready).expect("delay.py speaks");
        assert_eq!(ready, "ready\n", "delay.py did not start");
        Self(child)
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
