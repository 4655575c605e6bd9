//! The commands that ehlo sends. Each is written in one piece.

use crate::wire::bytes::Bytes;

/// A command, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Upper case verb, for the dialogue and the transcript.
    pub verb: &'static str,
    /// What goes over the line, CR LF included.
    pub bytes: Bytes,
    /// What may be shown, where it differs: secrets replaced.
    pub shown: Option<Bytes>,
}
