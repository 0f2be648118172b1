//! The wire crate from outside.

mod fuzz;
