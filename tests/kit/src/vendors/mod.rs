//! Model vendors that live in the test: real sockets, scripted answers, faults on demand.
//!
//! ```ignore
//! let vendor = FakeOpenAi::start().await;
//! vendor.reply_tool_call("read", json!({"path": "notes.md"})).reply_text("It says hello.");
//! // … point a provider at vendor.base_url(), run a turn …
//! assert_eq!(vendor.requests().len(), 2);
//! ```
//!
//! One scripted [`Reply`] answers one call, in order. A call nothing was scripted for is answered with 400 and says so.
//! A test that must look at a stream half way gives the reply a [`Gate`] and lets chunks through one by one.

mod anthropic;
mod gate;
mod openai;
mod reply;
mod server;

pub use anthropic::FakeAnthropic;
pub use gate::Gate;
pub use openai::FakeOpenAi;
pub use reply::{Fault, Reply};
pub use server::{Request, Vendor};
