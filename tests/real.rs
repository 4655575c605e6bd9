//! ehlo against real servers (Postfix, Exim, Dovecot, OpenSMTPD, smtp-server, aiosmtpd), nftables and the kernel's own
//! TCP, in network namespaces that the tests make and remove themselves. Nothing leaves them.
//!
//! They need root, iproute2, nftables and the servers: `.ci/run` and `tests/real/fetch.sh` say from where. Without root
//! they say that they were skipped and pass; where `EHLO_REAL=required` is set, as in continuous integration, anything
//! missing is a failure.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

#[path = "real/aiosmtpd.rs"]
mod aiosmtpd;
#[path = "real/authority.rs"]
mod authority;
#[path = "real/carried.rs"]
mod carried;
#[path = "real/connects.rs"]
mod connects;
#[path = "real/dovecot.rs"]
mod dovecot;
#[path = "real/exim.rs"]
mod exim;
#[path = "real/faults.rs"]
mod faults;
#[path = "real/internet.rs"]
mod internet;
#[path = "lines/judge.rs"]
mod judge;
#[path = "real/node.rs"]
mod node;
#[path = "real/opensmtpd.rs"]
mod opensmtpd;
#[path = "real/postfix.rs"]
mod postfix;
#[path = "real/proxies.rs"]
mod proxies;
mod pty;
#[path = "real/reach.rs"]
mod reach;
#[path = "real/relay.rs"]
mod relay;
#[path = "real/sign_in.rs"]
mod sign_in;
#[path = "real/submission.rs"]
mod submission;
#[path = "real/tools.rs"]
mod tools;
#[path = "real/walks.rs"]
mod walks;
