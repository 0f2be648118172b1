//! The headless node host: a machine that offers commands to the agent, through a Gateway elsewhere (N-11).
//!
//! [`run`] connects as a node over a [`link::Link`] and answers what it is asked; `serve` takes the questions,
//! `commands` has the answers, one file each. What may be run here is the decision of this machine's owner alone:
//! [`::exec_policy`] reads it from a file of this machine, and nothing a Gateway says widens it. A program that was started
//! has a [`guard`] beside it, so that it does not outlive its call, its time or this process.

mod commands;
mod guard;
mod host;
mod serve;
mod stats;

pub use commands::names as command_names;
pub use guard::guard;
pub use host::{HostError, Options, run};
