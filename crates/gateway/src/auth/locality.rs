//! Where a connection comes from.

use std::net::SocketAddr;

/// The other end of a socket, as the upgrade request described it.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The socket's address.
    pub(crate) addr: SocketAddr,
}
