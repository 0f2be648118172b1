//! One kind of connection for everything above, whatever listener it came in by. A new listener is an arm here.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::auth::provenance::{Provenance, Way};

/// The bytes of a connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection that was accepted and has said nothing yet.
pub(crate) struct Incoming {
    /// What it came in by.
    pub(crate) socket: Socket,
    /// What vouches for it.
    pub(crate) from: Provenance,
}

/// A socket as the kernel hands it over; TLS needs to look at its first byte before it takes it.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A listener.
pub(crate) enum Door {
    /// An address of the one port.
    Tcp(TcpListener),
    /// The socket in the state folder, for processes of this user and of root.
    Unix(UnixListener),
    /// Where a route of Tailscale leads (TS-4).
    Tailscale(TcpListener, Way),
}

impl Door {
    /// The next connection; `None` when it is refused at the door.
    ///
    /// # Errors
    /// What the kernel says, such as that there are no more file descriptors.
    pub(crate) async fn accept(&self) -> io::Result<Option<Incoming>> {
        match self {
            Self::Tcp(listener) => tcp(listener, Provenance::Tcp).await.map(Some),
            Self::Tailscale(listener, way) => {
                let from = |peer| Provenance::Tailscale { way: *way, peer };
                tcp(listener, from).await.map(Some)
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let uid = stream.peer_cred()?.uid();
                let ours = rustix::process::geteuid();
                if uid != 0 && uid != ours.as_raw() {
                    tracing::warn!(uid, "another user knocked at the local socket and was refused");
                    return Ok(None);
                }
                Ok(Some(Incoming { socket: Socket::Unix(stream), from: Provenance::Unix { uid } }))
            }
        }
    }
}

async fn tcp(listener: &TcpListener, from: impl FnOnce(SocketAddr) -> Provenance) -> io::Result<Incoming> {
    let (stream, peer) = listener.accept().await?;
    // Frames are small and answered at once; a socket that is cut already says so when it is read.
    let _not_fatal = stream.set_nodelay(true);
    Ok(Incoming { socket: Socket::Tcp(stream), from: from(peer) })
}
