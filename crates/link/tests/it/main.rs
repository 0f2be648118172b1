//! `link` against a Gateway that says exactly what each test wants it to say.

extern crate openclaw_link as link;

mod client;
mod connect;
mod server;
