//! One byte stream to a Gateway per transport. A new one is a file here and an arm in [`open`].

pub(crate) mod overheard;
mod shared;
pub(crate) mod ssh;
mod tcp;
pub(crate) mod tls;
#[cfg(unix)]
mod unix;

pub use shared::Streams;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::DialError;
use crate::target::{Route, Target};

/// The stream a WebSocket runs on.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Opens the stream `target` asks for, without TLS. Has no deadline of its own: whoever speaks on it first bounds it.
///
/// # Errors
/// [`DialError`] when there is no way; what goes wrong later is told by the stream, and by [`DialError::broken`].
pub async fn open(target: &Target) -> Result<Box<dyn ByteStream>, DialError> {
    match target.route() {
        Route::Direct => Ok(Box::new(tcp::open(target).await?)),
        Route::Ssh(route) if route.backend == ssh::SshBackend::Builtin => {
            Ok(Box::new(ssh::builtin::open(route, target.port()).await?))
        }
        Route::Ssh(route) => match ssh::open(route, target.port()) {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(DialError::broken(target, error)),
        },
        #[cfg(unix)]
        Route::Unix(path) | Route::Forward(path) => Ok(Box::new(unix::open(target, path).await?)),
        #[cfg(not(unix))]
        Route::Unix(_) | Route::Forward(_) => {
            Err(DialError::NotBuilt { transport: "a Unix socket", target: target.clone() })
        }
    }
}
