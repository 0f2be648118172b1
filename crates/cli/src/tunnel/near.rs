//! The local end of a tunnel: a port of this machine's loopback, or a socket that only its owner can open (SSH-16).

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use link::ByteStream;

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Near {
    Port(u16),
    Socket(PathBuf),
}

impl Near {
    /// What its files are called, without suffix.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Port(port) => port.to_string(),
            Self::Socket(path) => format!("socket{}", plain(&path.display().to_string())),
        }
    }

    /// Where a Gateway is said to be, for `--url` and `OPENCLAW_GATEWAY_URL`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Port(port) => format!("ws://127.0.0.1:{port}"),
            Self::Socket(path) => format!("unix:{}", path.display()),
        }
    }

    /// Opens a stream to whoever keeps it.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn ByteStream>> {
        match self {
            Self::Port(port) => Ok(Box::new(tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await?)),
            #[cfg(unix)]
            Self::Socket(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Self::Socket(_) => Err(no_sockets()),
        }
    }
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "127.0.0.1:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// `text` as part of a file's name.
pub(crate) fn plain(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-' | '_');
    text.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

/// What takes the connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener, PathBuf),
}

impl Listener {
    /// Binds the socket at `path`, for its owner alone, in place of one that nobody listens on any more.
    #[cfg(unix)]
    pub(crate) fn socket(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
        use std::os::unix::net::{UnixListener, UnixStream};
        let taken = |why: &str| Err(io::Error::new(io::ErrorKind::AddrInUse, why.to_owned()));
        match std::fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return taken("something that is no socket is there"),
            Ok(_) if UnixStream::connect(path).is_ok() => return taken("somebody listens on it"),
            Ok(_) => std::fs::remove_file(path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        // From its first moment nobody else may connect; this process makes no other file meanwhile.
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let bound = UnixListener::bind(path);
        rustix::process::umask(before);
        let listener = bound?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self::Unix(listener, path.to_owned()))
    }

    /// This system has none.
    #[cfg(not(unix))]
    pub(crate) fn socket(_: &Path) -> io::Result<Self> {
        Err(no_sockets())
    }

    /// Where it listens.
    pub(crate) fn near(&self) -> io::Result<Near> {
        match self {
            Self::Tcp(listener) => Ok(Near::Port(listener.local_addr()?.port())),
            #[cfg(unix)]
            Self::Unix(_, path) => Ok(Near::Socket(path.clone())),
        }
    }

    /// The same for the runtime.
    pub(crate) fn open(self) -> io::Result<Door> {
        match self {
            Self::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Ok(Door::Tcp(tokio::net::TcpListener::from_std(listener)?))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                listener.set_nonblocking(true)?;
                Ok(Door::Unix(tokio::net::UnixListener::from_std(listener)?))
            }
        }
    }
}

/// A listener of the runtime.
#[derive(Debug)]
pub(crate) enum Door {
    Tcp(tokio::net::TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

impl Door {
    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn ByteStream>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

#[cfg(not(unix))]
fn no_sockets() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "this system has no such sockets")
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// SSH-16: only a socket that nobody listens on is taken away, and the new one is its owner's alone.
    #[test]
    fn a_socket_replaces_only_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = Listener::socket(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Listener::socket(&path).unwrap_err().to_string().contains("listens"));
        assert_eq!(listener.near().unwrap(), Near::Socket(path));
        let file = folder.path().join("b");
        std::fs::write(&file, "mine").unwrap();
        assert!(Listener::socket(&file).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    }
}
