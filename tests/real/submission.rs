//! What all real submission servers have in common: a configuration of their own in a temporary directory, a certificate
//! by the tests' authority, and that ehlo finds nothing wrong with them.

use std::fs::{File, Permissions, read_to_string, set_permissions, write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use ehlo::session::Session;
use serde_json::Value;
use tempfile::TempDir;

use crate::authority::{authority, server};
use crate::internet::{Host, Internet, SERVER_V4};
use crate::judge::Judge;

/// The name of every server here, and the name in its certificate.
pub const NAME: &str = "smtp.example.test";
/// The name that ehlo gives.
pub const CLIENT: &str = "client.example.test";

/// Longest time that a server may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server is started with.
pub struct Place(TempDir);

impl Place {
    /// With the files `authority.pem`, `certificate.pem` and `key.pem`, all of them good.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("ehlo-server-").tempdir().unwrap();
        let place = Self(directory);
        set_permissions(place.0.path(), Permissions::from_mode(0o755)).unwrap();
        let authority = authority();
        let identity = server(&authority, NAME, (0, 90));
        place.put("authority.pem", authority.certificate_pem());
        place.put("certificate.pem", identity.certificate_pem());
        place.put("key.pem", identity.key_pem());
        set_permissions(place.file("key.pem"), Permissions::from_mode(0o600)).unwrap();
        place
    }

    /// One of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The directory as text, for configurations.
    pub fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    /// Writes a file.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        write(self.file(name), content).unwrap();
    }

    /// Starts a server, and waits until it listens on 587 and 465.
    pub fn start<'a>(self, host: &'a Host, line: &[&str]) -> Running<'a> {
        let output = File::create(self.file("output")).unwrap();
        let mut command = host.command(line);
        command.stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().unwrap_or_else(|error| panic!("{line:?}: {error}"));
        let mut running = Running { host, child, place: self };
        running.wait();
        running
    }
}

/// A running server. It is stopped when dropped.
pub struct Running<'a> {
    host: &'a Host,
    child: Child,
    place: Place,
}

impl Running<'_> {
    fn wait(&mut self) {
        let began = Instant::now();
        let listens = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        while !self.host.enter(|| listens(587) && listens(465)) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "{ended:?}: {}", self.output());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        read_to_string(self.place.file("output")).unwrap_or_default()
    }

    /// The authority's certificate, for `--cacert`.
    pub fn authority_file(&self) -> PathBuf {
        self.place.file("authority.pem")
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("{}", self.output());
        }
    }
}

/// What `ehlo check --json` said, and its exit status.
pub struct Report {
    pub status: Option<i32>,
    pub json: Value,
}

impl Report {
    /// Runs `ehlo check` on the client against the server at `address`.
    pub fn of(internet: &Internet, authority: &Path, address: &str, more: &[&str]) -> Self {
        let (authority, resolve) = (authority.to_str().unwrap(), format!("{NAME}:{address}"));
        let ehlo = env!("CARGO_BIN_EXE_ehlo");
        let line = [ehlo, "check", NAME, "--json", "--cacert", authority, "--resolve", &resolve];
        let output = internet.client.run(&[&line, ["--ehlo", CLIENT].as_slice(), more].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        Self { status: output.status.code(), json }
    }

    /// Codes of the findings.
    pub fn codes(&self) -> Vec<&str> {
        let findings = self.json["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
    }

    /// Codes of the findings that are more than information.
    pub fn complaints(&self) -> Vec<&str> {
        let findings = self.json["findings"].as_array().unwrap();
        let grave = findings.iter().filter(|finding| finding["severity"] != "info");
        grave.map(|finding| finding["code"].as_str().unwrap()).collect()
    }
}

/// Nothing is wrong with this server, and ehlo must say so: for the walk, which ends at 587, and for 465. Each line of
/// what it says is explained.
///
/// With `UPDATE_FIXTURES=1` the runs are kept as journals, for the tests that do without root.
pub fn healthy(internet: &Internet, authority: &Path, server: &str) {
    let journals = tempfile::tempdir().unwrap();
    let mut judge = Judge::default();
    for (port, more, summary) in [
        (587, &[][..], "Use port 587 with STARTTLS"),
        (465, &["--route", "465/implicit"], "Use port 465 with implicit TLS"),
    ] {
        let name = format!("{server}-{port}");
        let journal = journals.path().join(&name);
        let more = [more, &["--journal", journal.to_str().unwrap()]].concat();
        let report = Report::of(internet, authority, SERVER_V4, &more);
        let json = &report.json;
        assert_eq!(json["recommendation"]["summary"], summary, "{json:#}");
        assert_eq!(json["recommendation"]["status"], "ready", "{json:#}");
        assert_eq!(report.status, Some(0), "{json:#}");
        assert!(report.complaints().is_empty(), "{:?}: {json:#}", report.complaints());
        assert_ne!(json["recommendation"]["auth"], serde_json::json!([]), "{json:#}");
        let mut session = Session::default();
        for event in ehlo::journal::read(&journal).unwrap().events {
            session.apply(&event);
        }
        judge.look_at(&name, &session);
        keep(&journal, &name);
    }
    assert!(judge.lines > 40 && judge.complaints.is_empty(), "{}", judge.complaints.join("\n"));
    closely(internet, authority, server);
}

/// With `UPDATE_FIXTURES=1`, keeps a journal for the tests that do without root.
pub fn keep(journal: &Path, name: &str) {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/servers");
        std::fs::copy(journal, Path::new(fixtures).join(format!("{name}.jsonl"))).unwrap();
    }
}

/// With `--all` ehlo also looks at the whole chain, at the certificate without SNI, and sends NOOP behind STARTTLS: it
/// must not find anything there either, be it for information.
fn closely(internet: &Internet, authority: &Path, server: &str) {
    let journals = tempfile::tempdir().unwrap();
    let name = format!("{server}-all");
    let journal = journals.path().join(&name);
    let report =
        Report::of(internet, authority, SERVER_V4, &["--all", "--journal", journal.to_str().unwrap()]);
    keep(&journal, &name);
    let json = &report.json;
    let said = json["transcript"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap());
    assert!(said.clone().any(|text| text == "NOOP"), "{json:#}");
    assert!(said.clone().any(|text| text.contains("names no server (no SNI)")), "{json:#}");
    let findings = json["findings"].as_array().unwrap().iter();
    let there: Vec<_> = findings.filter(|f| f["port"] == 587 || f["port"] == 465).collect();
    assert!(there.is_empty(), "{there:#?}");
}
