//! A Gateway without a service: the process that holds the lock of our state folder (SVC-4).
//!
//! The kernel vouches for that lock, so what is signalled is ours, whatever else runs here.

use std::time::{Duration, Instant};

use base::StatePaths;
use store::{GatewayLock, LockOwner};

use crate::exit::Failure;

/// A stop lets runs end and clients leave; the daemon itself gives up after 25 s (SVC-5).
const STOPS_WITHIN: Duration = Duration::from_secs(30);
/// One try to get an answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// How often to look at the lock.
const POLL: Duration = Duration::from_millis(50);

/// The numeric id of this user.
#[cfg(unix)]
pub(crate) fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Elsewhere there is one user to a profile folder.
#[cfg(not(unix))]
pub(crate) const fn uid() -> u32 {
    0
}

/// The Gateway of this state folder, if one runs.
pub(crate) fn running(paths: &StatePaths) -> Result<Option<LockOwner>, Failure> {
    GatewayLock::holder(paths).map_err(|error| Failure::of(&error))
}

/// Asks it to stop and waits until it has let go of its state.
pub(crate) fn stop(paths: &StatePaths, owner: &LockOwner) -> Result<(), Failure> {
    signal(owner, Wish::Stop)?;
    if wait(STOPS_WITHIN, || Ok(running(paths)?.is_none_or(|now| now.pid != owner.pid)))? {
        return Ok(());
    }
    let message = format!("the Gateway with pid {} did not stop within {} seconds", owner.pid, STOPS_WITHIN.as_secs());
    Err(Failure::new("GATEWAY_DID_NOT_STOP", message).run(format!("kill -9 {}", owner.pid)))
}

/// Asks it to restart within its own process; it answers again a moment later.
pub(crate) fn restart(owner: &LockOwner) -> Result<(), Failure> {
    signal(owner, Wish::Restart)
}

/// Waits until `is_so`, at most `patience`; whether it came.
pub(crate) fn wait(patience: Duration, mut is_so: impl FnMut() -> Result<bool, Failure>) -> Result<bool, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        if is_so()? {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(POLL);
    }
}

#[derive(Clone, Copy)]
enum Wish {
    Stop,
    Restart,
}

#[cfg(unix)]
fn signal(owner: &LockOwner, wish: Wish) -> Result<(), Failure> {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match wish {
        Wish::Stop => Signal::TERM,
        Wish::Restart => Signal::USR2,
    };
    let pid = i32::try_from(owner.pid).ok().and_then(Pid::from_raw);
    let sent = pid.ok_or(rustix::io::Errno::SRCH).and_then(|pid| kill_process(pid, signal));
    sent.map_err(|error| {
        let message = format!("the Gateway with pid {} cannot be signalled: {error}", owner.pid);
        Failure::new("GATEWAY_NOT_SIGNALLED", message).run("openclaw gateway status")
    })
}

#[cfg(not(unix))]
fn signal(owner: &LockOwner, wish: Wish) -> Result<(), Failure> {
    let what = match wish {
        Wish::Stop => "stop",
        Wish::Restart => "restart",
    };
    let message = format!("this system has no signal to {what} the Gateway with pid {}", owner.pid);
    Err(Failure::new("GATEWAY_NOT_SIGNALLED", message).advise("press Ctrl-C where it runs"))
}

/// Whether a Gateway on this host says that it has started; one that speaks TLS refuses a plain question with 400, and is
/// taken at its lock's word.
pub(crate) fn answers(port: u16) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), ANSWERS_WITHIN) else {
        return false;
    };
    let request = format!("GET /startupz HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
    let mut head = [0; 12];
    let exchanged = stream
        .set_read_timeout(Some(ANSWERS_WITHIN))
        .and_then(|()| stream.write_all(request.as_bytes()))
        .and_then(|()| stream.read_exact(&mut head));
    exchanged.is_ok() && (head.ends_with(b" 200") || head.ends_with(b" 400") || !head.starts_with(b"HTTP/"))
}
