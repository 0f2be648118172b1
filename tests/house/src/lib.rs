//! The house checks itself; see `tests/`.
