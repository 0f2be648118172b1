//! The socket a Gateway keeps in its state folder for clients of the same user, or one that leads to a Gateway elsewhere:
//! no port, no other user, no page.

use std::io;
use std::path::Path;

use tokio::net::UnixStream;

use crate::error::DialError;
use crate::target::Target;

/// Connects to the socket at `path`.
pub(super) async fn open(target: &Target, path: &Path) -> Result<UnixStream, DialError> {
    UnixStream::connect(path).await.map_err(|source| match source.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => DialError::Refused { target: target.clone() },
        _ => DialError::Unreachable { target: target.clone(), source },
    })
}
