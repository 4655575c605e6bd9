//! The command line: what can be typed, and what comes of it. Ties the ends together; holds no knowledge of mail.

pub mod args;
pub mod check;
pub mod clients;
pub mod explain;
pub mod lab;
pub mod other;
pub mod practice;
pub mod prepare;
pub mod progress;
pub mod screen;
pub mod secrets;
pub mod usage;
pub mod walk;
