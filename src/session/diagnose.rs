//! One rule per finding code, each with its source.
