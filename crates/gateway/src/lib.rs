//! The Gateway daemon: one TCP port, many clients, one agent.
//!
//! A frame goes `conn::actor` → `rpc::dispatch` → a handler in `methods` and back; an event goes through `hub` to every
//! connection's queue. Who may come in is decided in `auth`; everything is put together once, in order, in `wiring`.

mod auth;
mod conn;
mod hello;
mod http;
mod hub;
mod methods;
mod rpc;
mod services;
mod wiring;

pub use wiring::{Gateway, Options, Running, StartError};
