//! The Gateway daemon: one TCP port, many clients, one agent.
//!
//! A frame goes `conn::actor` → `rpc::dispatch` → a handler in `methods` and back; an event goes through `hub` to every
//! connection's queue. Who may come in is decided in `auth`; everything is put together once, in order, in `wiring`.

mod auth;
mod clockwork;
mod config_now;
mod conn;
mod health;
mod hello;
mod http;
mod hub;
mod machine;
mod methods;
mod pairing;
mod presence;
mod reload;
mod rpc;
mod services;
mod wiring;

pub use http::bind::BindError;
pub use wiring::{Gateway, Options, Running, StartError};
