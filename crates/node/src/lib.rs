//! Nodes: devices and programs that offer commands to the agent of a Gateway elsewhere (N-2, N-11).
//!
//! [`Node`] is the library: name what you offer, and it connects, waits to be approved, answers, and comes back by itself;
//! `examples/thermometer.rs` is a whole node. [`run`] is the headless host on top of it, which offers this machine:
//! `commands` has its answers, one file each. What may be run here is the decision of this machine's owner alone:
//! [`::exec_policy`] reads it from a file of this machine, and nothing a Gateway says widens it. A program that was started
//! has a [`guard`] beside it, so that it does not outlive its call, its time or this process.

mod browser;
mod commands;
mod files;
mod guard;
mod host;
mod node;
mod offer;
mod serve;
mod stats;
mod tell;
mod watchdog;

pub use commands::names as command_names;
pub use guard::guard;
pub use host::{Options, enrol, run};
pub use node::{HostError, Node, NodeError};
pub use offer::{Call, Refusal, Voice};
