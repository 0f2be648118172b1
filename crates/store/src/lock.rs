//! One process owns a state folder (LOCK-1…4).
//!
//! The truth is an advisory lock of the operating system, which the kernel releases however the owner dies; the JSON in
//! the locked file only says who that is. There are two: one for the state folder and one for the config file, so that
//! two Gateways never serve the same config from two places by accident. The files stay when the owner leaves: removing
//! a lock file while another process opens it would let two owners in.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Code, Env, Explain, Kind, StatePaths, Step};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How long a starting Gateway waits for one that is stopping (LOCK-2).
pub const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How often it looks.
const POLL: Duration = Duration::from_millis(100);
/// Far more than a payload has; a larger file is not one.
const PAYLOAD_MAX: u64 = 64 * 1024;

/// What a lock file says about its owner (LOCK-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockOwner {
    /// The process.
    pub pid: u32,
    /// Unique per start.
    pub owner_id: String,
    /// Since when, ISO 8601.
    pub created_at: String,
    /// The config file it runs on.
    pub config_path: PathBuf,
    /// The state folder it owns.
    pub state_dir: PathBuf,
    /// The port it serves.
    pub port: u16,
    /// What it is; absent for an ordinary Gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When the process began, in the kernel's ticks since boot, to tell it from a later one with the same pid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<u64>,
}

/// Who wants the locks.
#[derive(Debug, Clone)]
pub struct LockRequest<'a> {
    /// The state folder and config file.
    pub paths: &'a StatePaths,
    /// `OPENCLAW_ALLOW_MULTI_GATEWAY` skips the config lock, never the state lock (LOCK-3).
    pub env: &'a Env,
    /// The port to be served.
    pub port: u16,
    /// What it is, when not an ordinary Gateway.
    pub role: Option<&'a str>,
    /// How long to wait for a peer; [`LOCK_WAIT`] normally.
    pub wait: Duration,
}

/// Ownership of a state folder; dropping it lets go.
#[derive(Debug)]
pub struct GatewayLock {
    owner: LockOwner,
    // Held for their kernel locks.
    _files: Vec<Held>,
}

impl GatewayLock {
    /// Takes the locks, waiting up to `request.wait` for a peer that is stopping.
    ///
    /// # Errors
    /// [`LockError::Running`] when somebody else has one of them, [`LockError::Io`] when the files cannot be used.
    pub async fn acquire(request: LockRequest<'_>) -> Result<Self, LockError> {
        let folder = request.paths.locks(uid());
        base::ensure_private_dir(&folder).map_err(|error| LockError::io(&folder, error))?;
        let owner = request.owner();
        let deadline = Instant::now() + request.wait;
        let mut files = Vec::new();
        for file in request.files(&folder) {
            files.push(take(&file, &owner, &request, deadline).await?);
        }
        Ok(Self { owner, _files: files })
    }

    /// Who holds the state folder of `paths` now, as far as its lock file tells; `None` when nobody does.
    ///
    /// # Errors
    /// When the lock file exists and cannot be opened.
    pub fn holder(paths: &StatePaths) -> Result<Option<LockOwner>, LockError> {
        let file = state_lock(&paths.locks(uid()));
        let opened = match File::open(&file) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LockError::io(&file, error)),
        };
        match opened.try_lock_shared() {
            // Free: the kernel lets go of ours when `opened` is dropped.
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(read_owner(&file)),
            Err(TryLockError::Error(error)) => Err(LockError::io(&file, error)),
        }
    }

    /// Who a lock file of `paths` still names although nobody holds it: a Gateway that was killed.
    ///
    /// # Errors
    /// As [`GatewayLock::holder`].
    pub fn left_behind(paths: &StatePaths) -> Result<Option<LockOwner>, LockError> {
        let file = state_lock(&paths.locks(uid()));
        match Self::holder(paths)? {
            Some(_) => Ok(None),
            None => Ok(read_owner(&file)),
        }
    }

    /// Empties a lock file that nobody holds.
    ///
    /// # Errors
    /// [`LockError::Running`] when somebody holds it, [`LockError::Io`] when it cannot be used.
    pub fn sweep(paths: &StatePaths) -> Result<(), LockError> {
        let file = state_lock(&paths.locks(uid()));
        let opened = OpenOptions::new().write(true).open(&file).map_err(|error| LockError::io(&file, error))?;
        match opened.try_lock() {
            // Emptied when it is dropped, like that of an owner who leaves.
            Ok(()) => {
                drop(Held(opened));
                Ok(())
            }
            Err(TryLockError::Error(error)) => Err(LockError::io(&file, error)),
            Err(TryLockError::WouldBlock) => {
                Err(LockError::Running { owner: read_owner(&file).map(Box::new), file, waited: Duration::ZERO })
            }
        }
    }

    /// What the lock files say.
    pub const fn owner(&self) -> &LockOwner {
        &self.owner
    }
}

impl LockRequest<'_> {
    fn owner(&self) -> LockOwner {
        LockOwner {
            pid: std::process::id(),
            owner_id: uuid::Uuid::new_v4().to_string(),
            created_at: base::iso(base::now_ms()),
            config_path: self.paths.config_file.clone(),
            state_dir: self.paths.state_dir.clone(),
            port: self.port,
            role: self.role.map(str::to_owned),
            start_time: start_time(),
        }
    }

    fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let mut files = vec![state_lock(folder)];
        if !self.env.is_on("ALLOW_MULTI_GATEWAY") {
            files.push(config_lock(folder, &self.paths.config_file));
        }
        files
    }
}

fn state_lock(folder: &Path) -> PathBuf {
    folder.join("gateway.state.lock")
}

/// Named after the first 8 hex digits of the SHA-256 of the config file's path (LOCK-1).
fn config_lock(folder: &Path, config_file: &Path) -> PathBuf {
    let hash = Sha256::digest(config_file.as_os_str().as_encoded_bytes());
    let short: String = hash[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("gateway.{short}.lock"))
}

/// A lock file that is ours; emptied when we let go, so that nobody reads of an owner who left.
#[derive(Debug)]
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Only a courtesy: the lock goes with the file handle.
        self.0.set_len(0).ok();
    }
}

async fn take(file: &Path, owner: &LockOwner, request: &LockRequest<'_>, deadline: Instant) -> Result<Held, LockError> {
    loop {
        match try_take(file, owner) {
            Ok(held) => return Ok(held),
            Err(TryLockError::Error(error)) => return Err(LockError::io(file, error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(LockError::Running {
                    owner: read_owner(file).map(Box::new),
                    file: file.to_owned(),
                    waited: request.wait,
                });
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL.min(request.wait)).await,
        }
    }
}

fn try_take(file: &Path, owner: &LockOwner) -> Result<Held, TryLockError> {
    let mut options = OpenOptions::new();
    // Not truncated on opening: until we hold the lock the text is the owner's.
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file).map_err(TryLockError::Error)?;
    opened.try_lock()?;
    write_owner(&mut opened, owner).map_err(TryLockError::Error)?;
    Ok(Held(opened))
}

fn write_owner(file: &mut File, owner: &LockOwner) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec_pretty(owner)?)?;
    file.flush()
}

fn read_owner(file: &Path) -> Option<LockOwner> {
    let mut text = String::new();
    File::open(file).ok()?.take(PAYLOAD_MAX).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Field 22 of `/proc/self/stat`; the name before it may hold spaces, its closing bracket is the last one.
fn start_time() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(unix)]
fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Elsewhere a user's profile folder is theirs alone, and one number will do.
#[cfg(not(unix))]
const fn uid() -> u32 {
    0
}

/// Why a Gateway does not own its state folder.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LockError {
    /// Another Gateway does.
    #[error("{}", running(owner.as_deref(), file, *waited))]
    Running {
        /// Who, if the lock file says so.
        owner: Option<Box<LockOwner>>,
        /// The lock that is taken.
        file: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// The lock files cannot be used.
    #[error("cannot use the lock `{}`: {source}", file.display())]
    Io {
        /// The file or its folder.
        file: PathBuf,
        /// The system's words.
        source: Arc<io::Error>,
    },
}

fn running(owner: Option<&LockOwner>, file: &Path, waited: Duration) -> String {
    let waited = waited.as_millis();
    match owner {
        Some(owner) => format!(
            "gateway already running (pid {}) on port {} since {}; lock timeout after {waited}ms",
            owner.pid, owner.port, owner.created_at
        ),
        None => format!(
            "gateway already running (it holds `{}` but has not said its pid); lock timeout after {waited}ms",
            file.display()
        ),
    }
}

impl LockError {
    fn io(file: &Path, source: io::Error) -> Self {
        Self::Io { file: file.to_owned(), source: Arc::new(source) }
    }
}

impl Explain for LockError {
    fn code(&self) -> Code {
        match self {
            Self::Running { .. } => Code("GATEWAY_ALREADY_RUNNING"),
            Self::Io { .. } => Code("GATEWAY_LOCK_IO"),
        }
    }

    fn kind(&self) -> Kind {
        Kind::Config
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::Running { owner, .. } => {
                let mut steps = vec![Step::run("openclaw gateway stop")];
                steps.extend(owner.as_ref().map(|owner| Step::run(format!("kill {}", owner.pid))));
                steps.push(Step::advise("or give this one its own state: openclaw --profile <name> gateway run"));
                steps
            }
            Self::Io { file, .. } => vec![Step::run(format!("ls -ld {}", file.display()))],
        }
    }
}
