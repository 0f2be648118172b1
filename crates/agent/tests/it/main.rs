//! The agent through its public API, one binary for all of it.

mod run_reply;
