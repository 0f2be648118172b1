//! The one port, which addresses it is bound on, the local socket, HTTP, and the WebSocket upgrade.

mod bearer;
pub(crate) mod bind;
mod doors;
pub(crate) mod incoming;
mod inherited;
mod join_page;
pub(crate) mod listener;
pub(crate) mod local_socket;
pub(crate) mod metrics;
pub(crate) mod occupant;
mod page;
pub(crate) mod probes;
pub(crate) mod reply;
pub(crate) mod router;
pub(crate) mod tailnet;
mod upgrade;
