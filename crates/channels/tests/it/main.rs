//! Channels from outside: a vendor on a real socket, a real store, and what becomes of what is said.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

extern crate openclaw_channels as channels;

mod telegram;
