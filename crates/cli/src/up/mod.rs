//! Bringing a Gateway up, on this machine or through SSH on another, and taking it down again: a plan of steps, each of
//! which knows whether it is done already, so that a plan that broke off can simply be run again.
//!
//! `here` is this machine. `there` puts this program onto the far host and lets it do `here` over there, so that the
//! host's secret is made where it stays.

mod background;
pub(crate) mod here;
pub(crate) mod plan;
pub(crate) mod there;
