//! A port or a socket of this machine that leads to a Gateway's host through SSH, kept by a process of its own.
//!
//! The keeper listens, and every connection to it becomes one stream of [`link`]'s SSH transport. There is no forward
//! inside `ssh` that a cut could take away: after a sleep or a restart of the far `sshd` the next connection simply
//! dials anew. Whoever can connect to the port can talk to the far Gateway, which asks them who they are as always.

pub(crate) mod keeper;
pub(crate) mod known_hosts;
pub(crate) mod near;
pub(crate) mod process;
pub(crate) mod ready;
pub(crate) mod record;
mod traffic;

pub(crate) use near::{Listener, Near};
pub(crate) use record::{Record, Records};
