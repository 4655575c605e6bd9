//! `ssh -W`: the connection is made by the host signed in to, and nothing is installed there.
//!
//! ssh says only in its log whether the far connection came about: the log is read for that, and for why it did not.
//! It never asks anything (BatchMode): who signs in with a password or has not seen the host's key signs in by hand once.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, BufReader, Join, ReadBuf, join,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::{Failure, ProxyUrl};
use crate::event::{Endpoint, ProxyFault};
use crate::net::Stream;

/// Most of the log that is read before the connection is there.
const MAX_LOG: u64 = 256 << 10;

/// Words in the log that say that the far connection is there.
const OPEN: &str = "open confirm";

/// Signs in and asks for a connection from there.
pub(super) async fn connect(
    proxy: &ProxyUrl,
    endpoint: &Endpoint,
    bind: Option<IpAddr>,
) -> Result<Box<dyn Stream>, Failure> {
    connect_with(Path::new("ssh"), proxy, endpoint, bind).await
}

/// The same with the program given.
pub(super) async fn connect_with(
    program: &Path,
    proxy: &ProxyUrl,
    endpoint: &Endpoint,
    bind: Option<IpAddr>,
) -> Result<Box<dyn Stream>, Failure> {
    let mut child = command(program, proxy, endpoint, bind).spawn().map_err(|error| {
        Failure::new(ProxyFault::Unreachable, format!("ssh cannot be started on this machine: {error}"))
    })?;
    let ends = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = ends else {
        return Err(Failure::new(ProxyFault::Unreachable, "ssh has no pipes"));
    };
    let mut log = BufReader::new(stderr).take(MAX_LOG);
    let mut said = Vec::new();
    loop {
        let mut line = Vec::new();
        match log.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return Err(failure(&said)),
            Ok(_) => {
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if line.contains(OPEN) {
                    break;
                }
                if !line.starts_with("debug") && !line.is_empty() {
                    said.push(line);
                    if said.len() > 20 {
                        said.remove(0);
                    }
                }
            }
        }
    }
    Ok(Box::new(Carried::new(child, stdout, stdin, log.into_inner())))
}

fn command(program: &Path, proxy: &ProxyUrl, endpoint: &Endpoint, bind: Option<IpAddr>) -> Command {
    let mut command = Command::new(program);
    // A shared connection (ControlMaster) would keep the log to itself.
    for option in ["BatchMode=yes", "LogLevel=DEBUG2", "ControlPath=none", "ClearAllForwardings=no"] {
        command.args(["-o", option]);
    }
    if let Some(port) = proxy.port {
        command.args(["-p", &port.to_string()]);
    }
    if let Some(user) = &proxy.user {
        command.args(["-l", user]);
    }
    if let Some(bind) = bind {
        command.args(["-b", &bind.to_string()]);
    }
    command.args(["-T", "-W", &endpoint.to_string(), "--", &proxy.host.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Why there is no connection: ssh's own last words tell whether it is the host signed in to, or the one behind it.
fn failure(said: &[String]) -> Failure {
    let behind = said.iter().rev().find(|line| line.contains("open failed:"));
    if let Some(line) = behind {
        let words = line.to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        let fault = match () {
            () if has(&["connection refused"]) => ProxyFault::Refused,
            () if has(&["timed out", "timeout"]) => ProxyFault::TimedOut,
            () if has(&["not known", "name resolution", "no address associated", "could not resolve"]) => {
                ProxyFault::Name
            }
            () if has(&["administratively prohibited", "forwarding disabled"]) => ProxyFault::Denied,
            () if has(&["no route", "unreachable"]) => ProxyFault::TargetUnreachable,
            () => ProxyFault::Unknown,
        };
        return Failure::new(fault, line.clone());
    }
    let text = said.join(" · ");
    let words = text.to_ascii_lowercase();
    let denied = ["permission denied", "host key verification failed", "too many authentication failures"];
    let fault = if denied.iter().any(|part| words.contains(part)) {
        ProxyFault::Denied
    } else {
        ProxyFault::Unreachable
    };
    let last = said.last().cloned().unwrap_or_else(|| "ssh ended without a word".to_owned());
    Failure::new(fault, if fault == ProxyFault::Denied { text } else { last })
}

/// The bytes that ssh carries. Dropping it ends ssh.
struct Carried {
    bytes: Join<ChildStdout, ChildStdin>,
    _child: Child,
    log: tokio::task::JoinHandle<()>,
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.log.abort();
    }
}

impl AsyncRead for Carried {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_read(context, buffer)
    }
}

impl AsyncWrite for Carried {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(context)
    }
}

impl Carried {
    fn new(child: Child, stdout: ChildStdout, stdin: ChildStdin, mut log: BufReader<ChildStderr>) -> Self {
        // ssh would stop where nobody reads its log.
        let log = tokio::spawn(async move {
            let mut bytes = [0; 4096];
            while matches!(log.read(&mut bytes).await, Ok(count) if count > 0) {}
        });
        Self { bytes: join(stdout, stdin), _child: child, log }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_cannot_become_options() {
        let proxy: ProxyUrl = "ssh://ann@vps.example.net:2222".parse().unwrap();
        let endpoint = Endpoint::Address("[2001:db8::1]:587".parse().unwrap());
        let bind = Some("192.0.2.7".parse().unwrap());
        let command = command(Path::new("ssh"), &proxy, &endpoint, bind);
        let line: Vec<_> = command.as_std().get_args().filter_map(|word| word.to_str()).collect();
        let line = line.join(" ");
        assert!(line.contains("-o BatchMode=yes"), "{line}");
        assert!(
            line.ends_with("-p 2222 -l ann -b 192.0.2.7 -T -W [2001:db8::1]:587 -- vps.example.net"),
            "{line}"
        );
    }

    #[test]
    fn the_last_words_of_ssh_are_told_apart() {
        let of = |lines: &[&str]| failure(&lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>()).fault;
        let behind = |why: &str| {
            of(&[&format!("channel 0: open failed: connect failed: {why}"), "stdio forwarding failed"])
        };
        assert_eq!(behind("Connection refused"), ProxyFault::Refused);
        assert_eq!(behind("Connection timed out"), ProxyFault::TimedOut);
        assert_eq!(behind("Name or service not known"), ProxyFault::Name);
        assert_eq!(behind("No route to host"), ProxyFault::TargetUnreachable);
        assert_eq!(
            of(&["channel 0: open failed: administratively prohibited: open failed"]),
            ProxyFault::Denied
        );
        assert_eq!(of(&["ann@vps.example.net: Permission denied (publickey)."]), ProxyFault::Denied);
        assert_eq!(of(&["Host key verification failed."]), ProxyFault::Denied);
        let nowhere = "ssh: connect to host vps.example.net port 22: Connection timed out";
        assert_eq!(of(&[nowhere]), ProxyFault::Unreachable);
        assert_eq!(of(&[]), ProxyFault::Unreachable);
    }
}
