//! The keeper as a process: started with its listener as stdin, so that no other program can take it in between, out of the
//! reach of the terminal, and asked to end by SIGTERM (SSH-9).

#[cfg(unix)]
mod unix {
    use std::io;
    use std::net::TcpListener;
    use std::os::fd::{AsFd as _, OwnedFd};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process, setsid};
    use tokio::signal::unix::{Signal as Awaited, SignalKind, signal};

    use crate::tunnel::Listener;

    /// Starts the keeper; `log` becomes its stdout and stderr.
    pub(crate) fn start(mut command: Command, listener: Listener, log: std::fs::File) -> io::Result<Child> {
        let listener = match listener {
            Listener::Tcp(port) => OwnedFd::from(port),
            Listener::Unix(socket, _) => OwnedFd::from(socket),
        };
        command.stdin(Stdio::from(listener)).stdout(log.try_clone()?).stderr(log).spawn()
    }

    /// In the keeper: the port it was given, or the socket when that is what it was told, in a session of its own.
    pub(crate) fn given(socket: Option<PathBuf>) -> io::Result<Listener> {
        // Who is a group leader already was started by hand, and keeps its terminal.
        let _started_by_hand = setsid();
        let given = io::stdin().as_fd().try_clone_to_owned()?;
        if let Some(path) = socket {
            return Ok(Listener::Unix(UnixListener::from(given), path));
        }
        let port = TcpListener::from(given);
        port.local_addr()?;
        Ok(Listener::Tcp(port))
    }

    /// Asks the process to end, or makes it.
    pub(crate) fn end(pid: u32, by_force: bool) {
        let signal = if by_force { Signal::KILL } else { Signal::TERM };
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // One that has just left cannot be signalled; whether its lock is free decides.
            let _left_already = kill_process(pid, signal);
        }
    }

    /// The wish of somebody that this process ends.
    #[derive(Debug)]
    pub(crate) struct Ended {
        term: Awaited,
        interrupt: Awaited,
    }

    impl Ended {
        pub(crate) fn listen() -> io::Result<Self> {
            Ok(Self { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
        }

        pub(crate) async fn wait(&mut self) {
            tokio::select! {
                _ = self.term.recv() => {}
                _ = self.interrupt.recv() => {}
            }
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::io;
    use std::path::PathBuf;
    use std::process::{Child, Command};

    use crate::tunnel::Listener;

    fn unsupported() -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, "tunnels are not kept on this system")
    }

    /// No port can be handed on here.
    pub(crate) fn start(_: Command, _: Listener, _: std::fs::File) -> io::Result<Child> {
        Err(unsupported())
    }

    /// No port can be handed on here.
    pub(crate) fn given(_: Option<PathBuf>) -> io::Result<Listener> {
        Err(unsupported())
    }

    /// There is no keeper to end.
    pub(crate) const fn end(_: u32, _: bool) {}

    /// Ctrl-C.
    #[derive(Debug)]
    pub(crate) struct Ended;

    impl Ended {
        pub(crate) const fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) async fn wait(&mut self) {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending().await
            }
        }
    }
}

#[cfg(not(unix))]
pub(crate) use elsewhere::{Ended, end, given, start};
#[cfg(unix)]
pub(crate) use unix::{Ended, end, given, start};
