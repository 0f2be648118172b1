//! The Gateway through its own front door: real sockets, one in-process Gateway per test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod approvals;
mod auth;
mod auth_matrix;
mod bridge;
mod chats;
mod chats_out;
mod clock;
mod exec_approvals;
mod handshake;
mod heartbeat;
mod hooks;
mod house;
mod http;
mod hub;
mod limits;
mod methods;
mod node_browser;
mod node_events;
mod node_faults;
mod node_presence;
mod node_tools;
mod node_work;
mod nodes;
mod pairing;
mod proxy;
mod reload;
mod resume;
mod setup_code;
mod tailnet;
mod throttle;
mod tunnel;
mod work;
