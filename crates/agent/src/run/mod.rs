//! One turn, from an accepted message to a terminal state.

mod control;
mod event;
pub mod reply;

pub use control::{AbortReason, Control};
pub use event::{Phase, RunEvent, RunOutcome};
