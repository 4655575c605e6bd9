//! Nothing panics, nothing grows without bound, nothing depends on where bytes were split.
