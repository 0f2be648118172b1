//! The wire crate from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod fuzz;
