//! The one TCP port: HTTP and the WebSocket upgrade.

pub(crate) mod bind;
pub(crate) mod listener;
pub(crate) mod router;
