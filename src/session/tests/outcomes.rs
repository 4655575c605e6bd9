//! One session for every outcome of the contract's table.
