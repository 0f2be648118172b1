//! `ws://`: plain TCP.

use std::io;

use tokio::net::{TcpStream, lookup_host};

use crate::error::DialError;
use crate::target::Target;

/// Connects to the first address of the target's host that answers.
pub(super) async fn open(target: &Target) -> Result<TcpStream, DialError> {
    let addresses = lookup_host((target.host(), target.port()))
        .await
        .map_err(|source| DialError::Dns { target: target.clone(), source })?;
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Frames are small and answered at once; waiting to fill a segment only adds latency.
                stream.set_nodelay(true).map_err(|source| DialError::Unreachable { target: target.clone(), source })?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(match last.kind() {
        io::ErrorKind::ConnectionRefused => DialError::Refused { target: target.clone() },
        _ => DialError::Unreachable { target: target.clone(), source: last },
    })
}
