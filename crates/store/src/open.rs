//! Opening the database file: who may read it, what SQLite promises, and what to refuse.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::devices::TokenKey;
use crate::{StoreError, migrate};

/// How long one process waits for another that writes (the CLI beside a running Gateway).
const BUSY: Duration = Duration::from_secs(5);
/// Locked while a process opens the database.
const OPENING: &str = "opening.lock";
/// How long to wait for one that does; it may be migrating.
const OPENING_WAIT: Duration = Duration::from_secs(60);
const OPENING_POLL: Duration = Duration::from_millis(5);
/// Prepared statements kept per connection; a little more than the crate has.
const STATEMENTS: usize = 96;
/// Page cache per connection in KiB: small, the system's cache does the rest.
const CACHE_KIB: u32 = 1024;

/// Opens the database for the writer: makes folder and file if missing, private to the user, and migrates. One process
/// at a time: SQLite answers "busy" at once, without waiting, to two that turn on the write-ahead log together.
pub(crate) fn writer(file: &Path) -> Result<(Connection, TokenKey), StoreError> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    base::ensure_private_dir(folder).map_err(|error| StoreError::io(folder, error))?;
    let _alone = alone(&folder.join(OPENING), file)?;
    private_file(file)?;
    let conn = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    prepare(&conn, file).map_err(|error| error.at(file))?;
    let key = TokenKey::load(file)?;
    Ok((conn, key))
}

/// Opens the database for reading only; it must exist.
pub(crate) fn reader(file: &Path) -> Result<Connection, StoreError> {
    connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens the database to look at it and leaves not even SQLite's own files behind, unless others use it just now.
pub(crate) fn examiner(file: &Path, is_used: bool) -> Result<Connection, StoreError> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let conn = if is_used || Path::new(&log).exists() { reader(file)? } else { unchanging(file)? };
    migrate::check(&conn, file, migrate::STEPS).map_err(|error| error.at(file))?;
    Ok(conn)
}

/// Opens a database that nobody writes.
fn unchanging(file: &Path) -> Result<Connection, StoreError> {
    let path = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let mode = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    connect(Path::new(&format!("file:{path}?immutable=1")), mode).map_err(|error| error.at(file))
}

fn connect(file: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    try_connect(file, mode).map_err(|error| StoreError::from(error).at(file))
}

fn try_connect(file: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(file, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.pragma_update(None, "cache_size", -i64::from(CACHE_KIB))?;
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(conn)
}

/// Waits for other processes that are opening the database and keeps further ones waiting until the answer is dropped.
fn alone(lock: &Path, file: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(lock).map_err(|error| StoreError::io(lock, error))?;
    let deadline = Instant::now() + OPENING_WAIT;
    loop {
        match opened.try_lock() {
            Ok(()) => return Ok(opened),
            Err(TryLockError::Error(error)) => return Err(StoreError::io(lock, error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(StoreError::Locked { file: file.to_owned() });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(OPENING_POLL),
        }
    }
}

fn prepare(conn: &Connection, file: &Path) -> Result<(), StoreError> {
    // Looks before it changes anything: a newer or foreign file is left exactly as it was.
    migrate::check(conn, file, migrate::STEPS)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit reaches the disk before it is answered.
    conn.pragma_update(None, "synchronous", "FULL")?;
    migrate::run(conn, file, migrate::STEPS)
}

/// Makes the file, 0600, if it is missing; SQLite gives its `-wal` and `-shm` the mode of the file.
///
/// The file is never opened here: POSIX drops every lock a process has on a file when it closes any handle of it, and
/// SQLite's own might be among them.
fn private_file(file: &Path) -> Result<(), StoreError> {
    if !file.exists() {
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        // Made under another name, 0600, and closed before it gets its own.
        let empty = tempfile::Builder::new().prefix(".new-").tempfile_in(folder);
        let named = empty.and_then(|empty| Ok(empty.into_temp_path().persist_noclobber(file)?));
        named.map_err(|error| StoreError::io(file, error))?;
    }
    #[cfg(unix)]
    {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(file, private).map_err(|error| StoreError::io(file, error))?;
    }
    Ok(())
}
