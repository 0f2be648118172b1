//! What the store promises, on real files.

mod harness;
mod inputs;
