//! Hostile bytes become visible text: no control character, no direction override, nothing that a terminal obeys.

/// Makes text safe and visible, on one line, cut to `max` characters with a mark.
/// Control characters become `<1b>`, invisible and direction-changing characters `<u+202e>`.
pub fn printable(_text: &str, _max: usize) -> String {
    todo!()
}

/// The same for bytes: valid UTF-8 stays, other bytes become `<ff>`.
pub fn printable_bytes(_bytes: &[u8], _max: usize) -> String {
    todo!()
}
