//! What keepers say of themselves: a file each in the state folder, whose truth the kernel vouches for.
//!
//! A keeper holds a lock file next to its record as long as it lives. A record whose lock is free is of one that was
//! killed, whatever process has its number today.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base::StatePaths;
use serde::{Deserialize, Serialize};

use super::Near;
use crate::exit::Failure;

/// Another `up` or `down` waits for a far host at most this long.
const TURN_WITHIN: Duration = Duration::from_secs(60);
/// Who only looks holds a lock for a moment.
const LOOKS_WITHIN: Duration = Duration::from_secs(5);
/// The lock that is no tunnel's.
const TURN: &str = "turn";
/// How often to look at a lock.
const POLL: Duration = Duration::from_millis(20);

/// One tunnel, as its keeper last wrote it down; nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) pid: u32,
    /// `[user@]host[:port]` as it was written.
    pub(crate) target: String,
    /// The port on that host's loopback.
    pub(crate) remote_port: u16,
    /// The port on ours, unless it is a socket.
    pub(crate) local_port: Option<u16>,
    /// The socket, when that is the local end (SSH-16).
    #[serde(default)]
    pub(crate) socket: Option<PathBuf>,
    /// Whether a service manager keeps its keeper (SSH-15).
    #[serde(default)]
    pub(crate) service: bool,
    /// When the keeper began, in milliseconds of Unix time.
    pub(crate) since_ms: i64,
    /// After so long without a connection it ends by itself.
    pub(crate) keep_ms: Option<u64>,
    /// Connections right now.
    pub(crate) open: u64,
    /// Connections since it began.
    pub(crate) connections: u64,
    /// How many of them SSH did not carry, or not to their end.
    pub(crate) failures: u64,
    /// To the far host.
    pub(crate) bytes_sent: u64,
    /// From the far host.
    pub(crate) bytes_received: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) last_error_at_ms: Option<i64>,
}

impl Record {
    /// The local end.
    pub(crate) fn near(&self) -> Near {
        match &self.socket {
            Some(path) => Near::Socket(path.clone()),
            None => Near::Port(self.local_port.unwrap_or_default()),
        }
    }
}

/// The folder of all records.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    folder: PathBuf,
}

/// Held by whoever starts or ends tunnels; one at a time.
#[derive(Debug)]
pub(crate) struct Turn {
    _lock: File,
}

impl Records {
    /// The records of this state folder; makes their folder.
    pub(crate) fn of(paths: &StatePaths) -> Result<Self, Failure> {
        let folder = paths.tunnels();
        base::ensure_private_dir(&folder).map_err(|error| unusable(&folder, &error))?;
        Ok(Self { folder })
    }

    pub(crate) fn log(&self, near: &Near) -> PathBuf {
        self.file(&near.key(), "log")
    }

    /// Where the socket to `target` is when nobody says otherwise.
    pub(crate) fn socket(&self, target: &str, remote_port: u16) -> PathBuf {
        self.file(&super::near::plain(&format!("{target}-{remote_port}")), "sock")
    }

    fn file(&self, key: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{key}.{kind}"))
    }

    /// Waits for its turn, and takes away what killed keepers left behind (SSH-9).
    pub(crate) fn turn(&self) -> Result<Turn, Failure> {
        let path = self.file(TURN, "lock");
        let lock = open_private(&path).map_err(|error| unusable(&path, &error))?;
        if !wait_for(&lock, TURN_WITHIN).map_err(|error| unusable(&path, &error))? {
            let message = "another `openclaw tunnel` command is at work and does not end";
            return Err(Failure::new("TUNNEL_BUSY", message).run("openclaw tunnel list"));
        }
        self.reap();
        Ok(Turn { _lock: lock })
    }

    /// The tunnels that are up, by port.
    pub(crate) fn live(&self) -> Vec<Record> {
        let path = self.file(TURN, "lock");
        // While somebody starts a tunnel its files are not touched.
        if let Ok(lock) = open_private(&path)
            && lock.try_lock().is_ok()
        {
            self.reap();
        }
        let mut live: Vec<_> = self.keys().iter().filter_map(|key| self.read(key)).collect();
        live.sort_by_key(|record| (record.local_port, record.socket.clone()));
        live
    }

    /// The tunnel at `near`, if its keeper lives.
    pub(crate) fn get(&self, near: &Near) -> Option<Record> {
        self.read(&near.key())
    }

    fn read(&self, key: &str) -> Option<Record> {
        self.holds(key).then(|| self.written(key)).flatten()
    }

    fn written(&self, key: &str) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(self.file(key, "json")).ok()?).ok()
    }

    /// Whether a living keeper has `near`.
    pub(crate) fn is_kept(&self, near: &Near) -> bool {
        self.holds(&near.key())
    }

    fn holds(&self, key: &str) -> bool {
        let lock = File::open(self.file(key, "lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// For the keeper of `near`: says that it lives, until the value is dropped.
    pub(crate) fn hold(&self, near: &Near) -> io::Result<File> {
        let lock = open_private(&self.file(&near.key(), "lock"))?;
        match wait_for(&lock, LOOKS_WITHIN)? {
            true => Ok(lock),
            false => Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{near} has a keeper already"))),
        }
    }

    /// For the keeper of a tunnel.
    pub(crate) fn write(&self, record: &Record) -> io::Result<()> {
        base::write_atomic(&self.file(&record.near().key(), "json"), &serde_json::to_vec(record)?)
    }

    /// Forgets `near`: for its keeper at its end, and for whoever ended it. The log goes with a tunnel that was ended.
    pub(crate) fn forget(&self, near: &Near) {
        self.take_away(&near.key());
    }

    fn take_away(&self, key: &str) {
        if let Some(socket) = self.written(key).and_then(|record| record.socket) {
            remove_dead(&socket);
        }
        for kind in ["json", "lock", "log"] {
            // What is gone already is what was wanted; what stays is taken away by the next command.
            let _gone_already = std::fs::remove_file(self.file(key, kind));
        }
    }

    fn reap(&self) {
        self.keys().iter().filter(|key| !self.holds(key)).for_each(|key| self.take_away(key));
    }

    /// Every local end something is written down about.
    fn keys(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let key = |path: PathBuf| {
            let kind = path.extension()?.to_str()?;
            let key = path.file_stem()?.to_str()?.to_owned();
            (matches!(kind, "json" | "lock" | "log") && key != TURN).then_some(key)
        };
        let mut keys: Vec<String> = entries.filter_map(|entry| key(entry.path())).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// Removes a socket that nobody listens on, and nothing else. Other systems have none.
#[cfg_attr(not(unix), expect(unused_variables, reason = "there are no sockets"))]
fn remove_dead(socket: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let is_socket = std::fs::symlink_metadata(socket).is_ok_and(|found| found.file_type().is_socket());
        if is_socket && std::os::unix::net::UnixStream::connect(socket).is_err() {
            // The next `up` looks again.
            let _gone_already = std::fs::remove_file(socket);
        }
    }
}

/// A file that only its owner can read, made when it is not there.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes the lock within `patience`; whether it did.
fn wait_for(lock: &File, patience: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + patience;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(POLL),
        }
    }
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::new("TUNNEL_FOLDER", format!("`{}` cannot be used: {error}", path.display()))
        .advise("see that this user may write to the state folder")
}
