//! Runs one step over a network and records what happened.
