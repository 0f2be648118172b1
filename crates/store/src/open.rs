//! Opening the database file: who may read it, what SQLite promises, and what to refuse.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::{StoreError, migrate};

/// How long one process waits for another that writes (the CLI beside a running Gateway).
const BUSY: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection; a little more than the crate has.
const STATEMENTS: usize = 96;
/// Page cache per connection in KiB: small, the system's cache does the rest.
const CACHE_KIB: u32 = 1024;

/// Opens the database for the writer: makes folder and file if missing, private to the user, and migrates.
pub(crate) fn writer(file: &Path) -> Result<Connection, StoreError> {
    private_file(file)?;
    let conn = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    prepare(&conn, file).map_err(|error| error.at(file))?;
    Ok(conn)
}

/// Opens the database for reading only; it must exist.
pub(crate) fn reader(file: &Path) -> Result<Connection, StoreError> {
    connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
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

fn prepare(conn: &Connection, file: &Path) -> Result<(), StoreError> {
    // Looks before it changes anything: a newer or foreign file is left exactly as it was.
    migrate::check(conn, file, migrate::STEPS)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit reaches the disk before it is answered.
    conn.pragma_update(None, "synchronous", "FULL")?;
    migrate::run(conn, file, migrate::STEPS)
}

/// The folder is 0700 and the file 0600; SQLite gives its `-wal` and `-shm` the mode of the file.
fn private_file(file: &Path) -> Result<(), StoreError> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    base::ensure_private_dir(folder).map_err(|error| StoreError::io(folder, error))?;
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map_err(|error| StoreError::io(file, error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(file, private).map_err(|error| StoreError::io(file, error))?;
    }
    Ok(())
}
