//! The agent's turn: a pure state machine and its driver, the prompt, model providers, tools.
//!
//! The Gateway's lane for a session calls [`run::drive`]; nothing else does. A turn reads and appends its transcript
//! through `store`, calls one [`providers::Provider`], runs [`tools::Tool`]s, and reports what happens as
//! [`run::RunEvent`]s. It never touches a socket of ours, and reaches nodes, channels and approvals only through the
//! traits in [`ports`].

pub mod models;
pub mod policy;
pub mod ports;
pub mod prompt;
pub mod providers;
pub mod run;
pub mod tools;
pub mod workspace;
