//! ehlo finds out, from the very machine where it runs, which SMTP port and TLS mode work for sending mail, shows
//! why, and teaches it.
//!
//! The rooms and the arrows between them are in `ARCHITECTURE.md`; a test keeps them true.

pub mod cli;
pub mod engine;
pub mod event;
pub mod guide;
pub mod journal;
pub mod lab;
pub mod net;
pub mod order;
pub mod probe;
pub mod report;
pub mod session;
pub mod target;
pub mod tui;
pub mod wire;
