//! `link` against a Gateway that says exactly what each test wants it to say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so where it stands")]

extern crate openclaw_link as link;

mod client;
mod connect;
mod server;
mod ssh;
mod ssh_builtin;
mod tls;
