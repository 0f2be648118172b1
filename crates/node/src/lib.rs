//! The headless node host: a machine that offers commands to the agent, through a Gateway elsewhere.
//!
//! What may be run here is the decision of this machine's owner alone: [`exec_policy`] reads it from a file of this
//! machine, and nothing a Gateway says widens it.

pub mod exec_policy;
