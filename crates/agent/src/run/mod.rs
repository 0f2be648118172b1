//! One turn, from an accepted message to a terminal state.

mod event;

pub use event::{Phase, RunEvent, RunOutcome};
