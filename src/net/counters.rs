//! The kernel's counters of TCP retransmissions, by which a packet that this very machine drops is told from one that
//! is lost on the way.
//!
//! A local firewall that drops TCP packets on their way out gives the connect no error (ip(7) has none for it): it
//! looks as silent as a firewall far away. But the kernel notices that its retransmission did not leave and counts it
//! in `TCPRetransFail`. The files are readable by everybody and belong to the network namespace of the thread.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::event::Retransmissions;

/// Most bytes of a file that are read; the kernel writes some four thousand.
const MAX_FILE: u64 = 64 << 10;

/// The counters of the thread's network namespace; `None` where the system has none.
pub(crate) fn read() -> Option<Retransmissions> {
    read_in(Path::new("/proc/thread-self/net"))
}

fn read_in(folder: &Path) -> Option<Retransmissions> {
    let netstat = text(&folder.join("netstat"))?;
    Some(Retransmissions {
        sent: counter(&text(&folder.join("snmp"))?, "Tcp:", "RetransSegs")?,
        syn: counter(&netstat, "TcpExt:", "TCPSynRetrans")?,
        failed: counter(&netstat, "TcpExt:", "TCPRetransFail")?,
    })
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}

/// One value: a group has a line of names and, behind it, a line of numbers in the same order (proc(5)).
fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(group)).map(str::split_ascii_whitespace);
    let (mut names, mut numbers) = (lines.next()?, lines.next()?);
    let at = names.position(|found| found == name)?;
    numbers.nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_names() {
        let text =
            "TcpExt: SyncookiesSent TCPRetransFail TCPSynRetrans\nTcpExt: 1 22 333\nIpExt: A\nIpExt: 4\n";
        assert_eq!(counter(text, "TcpExt:", "TCPRetransFail"), Some(22));
        assert_eq!(counter(text, "TcpExt:", "TCPSynRetrans"), Some(333));
        assert_eq!(counter(text, "TcpExt:", "TCPRetrans"), None);
        assert_eq!(counter(text, "Tcp:", "RetransSegs"), None);
        assert_eq!(counter("TcpExt: TCPRetransFail\n", "TcpExt:", "TCPRetransFail"), None);
        assert_eq!(counter("TcpExt: A B\nTcpExt: 1\n", "TcpExt:", "B"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_them() {
        assert!(read().is_some());
        assert_eq!(read_in(Path::new("/nowhere")), None);
    }
}
