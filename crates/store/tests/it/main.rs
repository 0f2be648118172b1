//! What the store promises, on real files.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test, in helpers as well")]

mod approvals;
mod boxes;
mod child;
mod crash;
mod devices;
mod files;
mod harness;
mod inputs;
mod lock;
mod nodes;
mod pairing;
mod sessions;
mod small;
mod transcript;
mod two_processes;
mod usage;
