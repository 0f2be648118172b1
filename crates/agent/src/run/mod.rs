//! One turn, from an accepted message to a terminal state.
//!
//! The lane of a session calls [`drive`] with a [`Turn`] and gets [`RunEvent`]s and one [`RunOutcome`]; a [`Control`]
//! stops it. Inside, [`fsm`] decides and never does ([`effect`] is what goes in and comes out of it), the driver does
//! and never decides. Beside them: [`window`] (what the model is sent of a transcript) and [`reply`] (what people see
//! of what it writes).

mod batch;
mod control;
mod draft;
mod driver;
pub mod effect;
mod event;
pub mod fsm;
mod guard;
mod mailbox;
mod opening;
mod outcome;
pub mod reply;
mod retry;
mod tool_task;
mod turn;
pub mod usage;
mod waits;
pub mod window;

pub use control::{AbortReason, Control};
pub use driver::drive;
pub use event::{Phase, RunEvent, RunOutcome};
pub use mailbox::Mailbox;
pub use turn::{CLOUD_IDLE, Model, NoModel, SELF_HOSTED_IDLE, Turn, TurnDeps};
pub use waits::{Wait, Waits};
