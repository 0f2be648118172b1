//! Sockets a service manager holds open for us (`LISTEN_FDS`), so that a restart refuses nobody (SVC-6).
//!
//! A descriptor by its number is not ours to own; the kernel gives us a duplicate that is. The original stays open for
//! the life of the process, so that a restart within it finds the same sockets again.

use std::net::{SocketAddr, TcpListener};

/// Every listening socket we were started with, and where it listens.
pub(super) fn sockets() -> Vec<(TcpListener, SocketAddr)> {
    let found = imp::duplicates().unwrap_or_else(|error| {
        tracing::warn!(%error, "the sockets of the service manager cannot be used");
        Vec::new()
    });
    found.into_iter().filter_map(|socket| socket.local_addr().ok().map(|address| (socket, address))).collect()
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::net::TcpListener;

    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    pub(super) fn duplicates() -> io::Result<Vec<TcpListener>> {
        let numbers = sd_notify::listen_fds()?;
        if numbers.len() == 0 {
            return Ok(Vec::new());
        }
        let own = pidfd_open(getpid(), PidfdFlags::empty())?;
        let duplicate = |number| {
            let socket = TcpListener::from(pidfd_getfd(&own, number, PidfdGetfdFlags::empty())?);
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        numbers.map(duplicate).collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    pub(super) fn duplicates() -> std::io::Result<Vec<std::net::TcpListener>> {
        Ok(Vec::new())
    }
}
