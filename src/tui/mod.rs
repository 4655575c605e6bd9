//! The terminal interface.

pub mod keys;
pub mod terminal;
pub mod text;
pub mod theme;
