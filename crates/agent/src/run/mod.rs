//! One turn, from an accepted message to a terminal state.
//!
//! [`fsm`] decides and never does; [`effect`] is what goes in and comes out of it. Beside it: [`reply`] (what people
//! see of what the model writes).

mod batch;
mod control;
mod draft;
pub mod effect;
mod event;
pub mod fsm;
mod guard;
pub mod reply;
mod retry;
pub mod usage;
pub mod window;

pub use control::{AbortReason, Control};
pub use event::{Phase, RunEvent, RunOutcome};
