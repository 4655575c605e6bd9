//! What goes over the line: replies, commands, capabilities, the dialogue, TLS records, certificates.
//!
//! Bytes in, values out: no sockets, no clock, no async. Parsing is lossless first and judged second: malformed
//! input becomes a quirk, not an error, while anything can be read.

pub mod bytes;
pub mod capability;
pub mod certificate;
pub mod command;
pub mod dialogue;
pub mod enhanced;
pub mod printable;
pub mod reply;
pub mod tls;
