//! The agent through its public API, one binary for all of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod models;
mod models_asked;
mod providers;
mod providers_answers;
mod providers_demo;
mod providers_demo_turn;
mod providers_faults;
mod providers_requests;
mod run_drive;
mod run_fsm;
mod run_prompt;
mod run_reply;
mod run_window;
mod tools;
