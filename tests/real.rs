//! ehlo against real servers: Postfix, nftables and the kernel's own TCP, in network namespaces that the tests make
//! and remove themselves. Nothing leaves them.
//!
//! They need root, iproute2, nftables and Postfix. Without root they say that they were skipped and pass; where
//! `EHLO_REAL=required` is set, as in continuous integration, anything missing is a failure.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their tools")]

#[path = "real/authority.rs"]
mod authority;
#[path = "real/connects.rs"]
mod connects;
#[path = "real/internet.rs"]
mod internet;
#[path = "real/postfix.rs"]
mod postfix;
#[path = "real/tools.rs"]
mod tools;
