//! What a snapshot holds.
