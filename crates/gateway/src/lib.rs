//! The Gateway daemon: one TCP port, many clients, one agent.
//!
//! A frame goes `conn::actor` → `rpc::dispatch` → a handler in `methods` and back; an event goes through `hub` to every
//! connection's queue. Who may come in is decided in `auth`; everything is put together once, in order, in `wiring`.

mod agents;
mod announcement;
mod approvals;
mod auth;
mod bridge;
mod chats;
mod clock;
mod clockwork;
mod config_now;
mod config_watch;
mod conn;
mod discovery;
mod display;
mod driving;
mod endpoints;
mod fault;
mod health;
mod hello;
mod hooks;
mod http;
mod hub;
mod intake;
mod lanes;
mod machine;
mod methods;
mod models;
mod node_events;
mod nodes;
mod pairing;
mod presence;
mod program;
mod reload;
mod rpc;
mod services;
mod slash;
mod ssh_verify;
mod supervisor;
mod tailscale;
mod tls;
mod typed;
mod voicewake;
mod wiring;
mod work;

pub use announcement::Announcement;
pub use conn::limits::Limits;
pub use http::bind::BindError;
pub use http::occupant::{Occupant, of as occupants};
pub use hub::streams;
pub use nodes::policy::calling_takes_admin as node_call_takes_admin;
pub use nodes::rows::{pair_list as node_pair_list, paired_row as paired_node};
pub use tls::{CertFacts, OVERLAP, Rotated, TlsError, TlsFiles, rotate};
pub use wiring::{Gateway, Options, Running, StartError};
