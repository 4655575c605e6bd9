//! What to do next, what it means, and what to say: the tree, the walk, the recommendation, the words.
//!
//! Reads `assets/` (built into the program) and a [`Session`](crate::session::Session); knows no sockets and no clock.

mod delivery;
mod discover;
mod domain;
pub mod glossary;
pub mod headline;
pub mod hosting;
pub mod known;
pub mod lead;
mod owner;
pub mod path;
pub mod plan;
pub mod provider;
pub mod quiz;
pub mod recommendation;
pub mod request;
pub mod snippet;
pub mod submit;
pub mod symptom;
pub mod tree;
pub mod walk;
pub mod words;

#[cfg(test)]
pub(crate) mod testing;
