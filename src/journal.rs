//! The journal: events as JSON lines, written and read.
