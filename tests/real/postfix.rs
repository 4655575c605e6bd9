//! A real Postfix on the server: 25 and 2525 with optional STARTTLS, 587 where STARTTLS is required, 465 with implicit
//! TLS; AUTH on the submission ports, once TLS is up. It has a configuration, queue and log of its own in a temporary
//! directory, and delivers nothing.

use std::fs::{Permissions, create_dir, set_permissions, write};
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::authority::{Identity, authority, server};
use crate::internet::Host;
use crate::submission::NAME;
use crate::tools::must;

/// The account that it knows, and the password.
pub const USER: &str = "anna@example.test";
pub const PASSWORD: &str = "correct horse battery staple";

/// A running Postfix. It is stopped when dropped.
pub struct Postfix<'a> {
    host: &'a Host,
    directory: TempDir,
    marks: AtomicUsize,
}

impl<'a> Postfix<'a> {
    /// Starts it with a certificate that is good.
    pub fn start(host: &'a Host) -> Self {
        let authority = authority();
        let identity = server(&authority, NAME, (0, 90));
        Self::start_with(host, &authority, &identity, "")
    }

    /// Starts it with this certificate, and with more lines of `main.cf`.
    pub fn start_with(host: &'a Host, authority: &Identity, identity: &Identity, main_cf: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("ehlo-postfix-").tempdir().unwrap();
        let root = directory.path();
        set_permissions(root, Permissions::from_mode(0o755)).unwrap();
        for name in ["etc", "queue", "queue/private", "data"] {
            create_dir(root.join(name)).unwrap();
        }
        must(&["chown", "postfix:", &root.join("data").to_string_lossy()]);
        must(&["chown", "postfix:", &root.join("queue/private").to_string_lossy()]);
        write(root.join("authority.pem"), authority.certificate_pem()).unwrap();
        write(root.join("etc/chain.pem"), identity.chain_file()).unwrap();
        set_permissions(root.join("etc/chain.pem"), Permissions::from_mode(0o600)).unwrap();
        write(root.join("etc/main.cf"), format!("{}{main_cf}\n", main(root))).unwrap();
        write(root.join("etc/master.cf"), MASTER).unwrap();
        accounts(&root.join("queue/private/auth"));
        let postfix = Self { host, directory, marks: AtomicUsize::new(0) };
        postfix.postfix("start");
        postfix
    }

    /// The authority's certificate, for `--cacert`.
    pub fn authority_file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// What it has logged, whole up to the last reply that a client has read.
    ///
    /// Its processes log before they reply, but another one, postlogd, writes it down when it gets round to it. So a
    /// line of our own is put behind theirs and waited for.
    pub fn log(&self) -> String {
        let mark = format!("mark {}", self.marks.fetch_add(1, Ordering::Relaxed));
        let configuration = self.configuration();
        let output = self.host.run(&["postlog", "-c", &configuration.to_string_lossy(), "-t", "test", &mark]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.log_with(&format!(": {mark}\n"))
    }

    /// What it has logged once these words are in it: for what it does after its reply.
    pub fn log_with(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            let log = self.written();
            if log.contains(words) {
                return log;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "without {words:?}: {log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn written(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn configuration(&self) -> PathBuf {
        self.directory.path().join("etc")
    }

    fn postfix(&self, order: &str) {
        let configuration = self.configuration();
        let output = self.host.run(&["postfix", "-c", &configuration.to_string_lossy(), order]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() || thread::panicking(),
            "postfix {order}: {said}\n{}",
            self.written()
        );
    }
}

impl Drop for Postfix<'_> {
    fn drop(&mut self) {
        self.postfix("stop");
    }
}

fn main(root: &Path) -> String {
    let root = root.display();
    format!(
        "compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
mail_owner = postfix
setgid_group = postdrop
myhostname = {NAME}
mydomain = example.test
mydestination = example.test
mynetworks = 127.0.0.0/8
inet_interfaces = all
inet_protocols = all
alias_maps =
alias_database =
local_recipient_maps =
local_transport = discard
default_transport = discard
relay_transport = discard
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_tls_chain_files = {root}/etc/chain.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
"
    )
}

const MASTER: &str = "\
smtp      inet  n - n - - smtpd
587       inet  n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
465       inet  n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
2525      inet  n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
proxymap  unix  - - n - - proxymap
discard   unix  - - n - - discard
error     unix  - - n - - error
retry     unix  - - n - - error
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
";

/// Answers Postfix's questions about passwords, in the words of Dovecot's authentication protocol, version 1.1.
fn accounts(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    set_permissions(socket, Permissions::from_mode(0o666)).unwrap();
    // The thread and its listener end with the process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = converse(stream);
            });
        }
    });
}

fn converse(mut stream: UnixStream) -> std::io::Result<()> {
    let cookie = "0123456789abcdef0123456789abcdef";
    write!(stream, "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t{cookie}\nDONE\n")?;
    let right = STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        let fields: Vec<&str> = line.split('\t').collect();
        if let ["AUTH", id, "PLAIN", parameters @ ..] = fields.as_slice() {
            let response = parameters.iter().find_map(|parameter| parameter.strip_prefix("resp="));
            match response == Some(right.as_str()) {
                true => writeln!(stream, "OK\t{id}\tuser={USER}")?,
                false => writeln!(stream, "FAIL\t{id}")?,
            }
        }
    }
    Ok(())
}

mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;

    use openssl::ssl::{SslConnector, SslMethod};

    use super::{NAME, PASSWORD, Postfix, STANDARD, USER};
    use crate::internet::{Internet, SERVER_V4, SERVER_V6};
    use crate::submission::healthy;
    use crate::tools::require_root_or_skip;
    use base64::Engine as _;

    /// Reads one reply, whole.
    fn reply<S: Read>(stream: &mut BufReader<S>) -> String {
        let mut text = String::new();
        loop {
            let start = text.len();
            assert_ne!(stream.read_line(&mut text).unwrap(), 0, "{text}");
            if text.as_bytes()[start..].get(3) != Some(&b'-') {
                return text;
            }
        }
    }

    fn say<S: Read + Write>(stream: &mut BufReader<S>, line: &str) -> String {
        stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        reply(stream)
    }

    #[test]
    fn the_server_is_what_the_other_tests_take_it_for() {
        if !require_root_or_skip() {
            return;
        }
        let internet = Internet::new();
        let postfix = Postfix::start(&internet.server);
        internet.client.enter(|| {
            for (address, port) in [(SERVER_V4, 25), (SERVER_V6, 587), (SERVER_V4, 587), (SERVER_V4, 2525)] {
                let mut stream = BufReader::new(TcpStream::connect((address, port)).unwrap());
                assert!(reply(&mut stream).starts_with(&format!("220 {NAME} ESMTP Postfix")));
                let capabilities = say(&mut stream, "EHLO client.example.test");
                assert!(capabilities.contains("STARTTLS"), "{port}: {capabilities}");
                assert!(!capabilities.contains("AUTH"), "{port}: {capabilities}");
            }
            let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
            connector.set_ca_file(postfix.authority_file()).unwrap();
            let stream = TcpStream::connect((SERVER_V4, 465)).unwrap();
            let mut stream = BufReader::new(connector.build().connect(NAME, stream).unwrap());
            reply(&mut stream);
            assert!(say(&mut stream, "EHLO client.example.test").contains("AUTH PLAIN"));
            let attempt = |password: &str| STANDARD.encode(format!("\0{USER}\0{password}"));
            assert!(say(&mut stream, &format!("AUTH PLAIN {}", attempt("wrong"))).starts_with("535"));
            assert!(say(&mut stream, &format!("AUTH PLAIN {}", attempt(PASSWORD))).starts_with("235"));
        });
        let log = postfix.log();
        assert!(log.contains("authentication failed") && !log.contains("fatal"), "{log}");
    }

    #[test]
    fn nothing_is_wrong_with_postfix() {
        if !require_root_or_skip() {
            return;
        }
        let internet = Internet::new();
        let postfix = Postfix::start(&internet.server);
        healthy(&internet, &postfix.authority_file(), "postfix");
    }
}
