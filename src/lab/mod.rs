//! A small internet inside the process.
