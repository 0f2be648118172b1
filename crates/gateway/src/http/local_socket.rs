//! The socket in the state folder: clients of this host and user come in by it without a port and without a secret.
//!
//! Who may is decided by the kernel twice: the file is the owner's alone, and each connection tells its user.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// The file of a bound socket; removed when dropped, so that nobody dials a Gateway that is gone.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "the local socket was gone already");
        }
    }
}

/// Binds the socket at `path`, in place of one a killed Gateway left: the caller holds the lock of the state folder, so
/// nobody is behind an old one. A Gateway without it works, so what goes wrong (a path too long for a socket, most
/// often) is a warning.
pub(crate) fn open(path: &Path) -> Option<(UnixListener, SocketFile)> {
    match try_open(path) {
        Ok(opened) => Some(opened),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no local socket; commands of this host use the port");
            None
        }
    }
}

fn try_open(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something that is no socket is in its place"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok((listener, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_the_owners_alone_replaces_a_dead_one_and_goes_with_its_gateway() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a killed Gateway leaves its socket");
        let (_listener, file) = open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(file);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_gateway_goes_on_without_it_and_removes_nothing_that_is_not_a_socket() {
        let folder = tempfile::tempdir().unwrap();
        assert!(open(&folder.path().join("x".repeat(120))).is_none());
        let path = folder.path().join("gateway.sock");
        fs::write(&path, "mine").unwrap();
        assert!(open(&path).is_none());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
