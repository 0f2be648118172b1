//! Versions of the database. `user_version` says which step was done last; a newer one is refused, an older one is
//! copied to `openclaw.db.v<N>.backup` and then moved forward in one transaction.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::StoreError;

/// Marks a file as ours ("OCLW"), so that another program's database is never migrated.
const APPLICATION: i32 = 0x4F43_4C57;

/// The SQL of each version, in order; the first makes version 1.
pub(crate) const STEPS: &[&str] = &[
    include_str!("../schema/v1.sql"),
    include_str!("../schema/v2.sql"),
    include_str!("../schema/v3.sql"),
    include_str!("../schema/v4.sql"),
    include_str!("../schema/v5.sql"),
];

/// Refuses a database that is newer than `steps` or not ours.
pub(crate) fn check(conn: &Connection, file: &Path, steps: &[&str]) -> Result<u32, StoreError> {
    let found = version(conn)?;
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && (tables > 0 || found > 0) {
        return Err(StoreError::Foreign { file: file.to_owned() });
    }
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::Newer { file: file.to_owned(), found, known });
    }
    Ok(found)
}

/// Brings the database to the newest of `steps`. Another process doing the same at once is waited for.
pub(crate) fn run(conn: &Connection, file: &Path, steps: &[&str]) -> Result<(), StoreError> {
    let found = check(conn, file, steps)?;
    if found as usize == steps.len() {
        return Ok(());
    }
    if found > 0 {
        back_up(conn, &backup_path(file, found))?;
    }
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let done = step_up(conn, file, steps);
    conn.execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

fn step_up(conn: &Connection, file: &Path, steps: &[&str]) -> Result<(), StoreError> {
    // Asked again inside the transaction: another process may have done it meanwhile.
    let found = check(conn, file, steps)?;
    for sql in &steps[found as usize..] {
        conn.execute_batch(sql)?;
    }
    conn.pragma_update(None, "application_id", APPLICATION)?;
    conn.pragma_update(None, "user_version", u32::try_from(steps.len()).unwrap_or(u32::MAX))?;
    if found < version(conn)? {
        tracing::info!(from = found, to = steps.len(), "migrated the state database");
    }
    Ok(())
}

fn version(conn: &Connection) -> rusqlite::Result<u32> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn backup_path(file: &Path, version: u32) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".v{version}.backup"));
    file.with_file_name(name)
}

/// Copies the whole database, log included, beside itself; a half-made copy never has the final name.
fn back_up(conn: &Connection, to: &Path) -> Result<(), StoreError> {
    let folder = to.parent().unwrap_or_else(|| Path::new("."));
    let beside = tempfile::Builder::new().prefix(".backup-").tempfile_in(folder);
    let beside = beside.map_err(|error| StoreError::io(folder, error))?;
    conn.backup("main", beside.path(), None::<fn(rusqlite::backup::Progress)>)?;
    beside.as_file().sync_all().map_err(|error| StoreError::io(to, error))?;
    beside.persist(to).map_err(|error| StoreError::io(to, error.error))?;
    tracing::info!(copy = %to.display(), "copied the state database before migrating it");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Explain as _, Kind};

    fn file_at(folder: &tempfile::TempDir, steps: &[&str]) -> (PathBuf, Connection) {
        let file = folder.path().join("openclaw.db");
        let conn = Connection::open(&file).unwrap();
        run(&conn, &file, steps).unwrap();
        (file, conn)
    }

    #[test]
    fn an_older_database_is_copied_and_then_moved_forward() {
        let folder = tempfile::tempdir().unwrap();
        let old = &["CREATE TABLE a (x INTEGER) STRICT;"];
        let (file, conn) = file_at(&folder, old);
        conn.execute("INSERT INTO a VALUES (7)", []).unwrap();
        assert!(!backup_path(&file, 1).exists(), "a new database needs no copy");

        run(&conn, &file, &[old[0], "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 1;"]).unwrap();
        assert_eq!(version(&conn).unwrap(), 2);
        assert_eq!(conn.query_row("SELECT x + y FROM a", [], |row| row.get::<_, i64>(0)).unwrap(), 8);
        let copy = Connection::open(backup_path(&file, 1)).unwrap();
        assert_eq!(version(&copy).unwrap(), 1);
        assert_eq!(copy.query_row("SELECT x FROM a", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    }

    /// A-15.4
    #[test]
    fn version_2_counts_what_was_used_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, conn) = file_at(&folder, &STEPS[..1]);
        conn.execute_batch(
            r#"INSERT INTO sessions VALUES ('agent:main:main', 'main', 's', NULL, NULL, 'idle', 1, 1, 1, NULL, '', '{}');
               INSERT INTO transcripts (session_id, session_key, created_at) VALUES ('s', 'agent:main:main', 1);
               INSERT INTO entries VALUES ('a', 's', 1, NULL, 'message', NULL, 5, '{"message":{"role":"assistant",
                   "provider":"p","model":"m","usage":{"input":3,"output":2,"cost":{"input":0.5,"output":1,
                   "cacheRead":0,"cacheWrite":0}}}}');
               INSERT INTO entries VALUES ('b', 's', 2, 'a', 'message', NULL, 6, '{"message":{"role":"assistant",
                   "usage":{"input":4,"output":0}}}');
               INSERT INTO entries VALUES ('c', 's', 3, 'b', 'message', NULL, 7, '{"message":{"role":"user"}}');"#,
        )
        .unwrap();
        run(&conn, &file, STEPS).unwrap();
        let row = conn
            .query_row("SELECT count(*), sum(input), sum(output), sum(cost_output) FROM usage", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap();
        assert_eq!(row, (2, 7, 2, 1.0));
    }

    #[test]
    fn a_migration_that_fails_leaves_the_old_version() {
        let folder = tempfile::tempdir().unwrap();
        let old = &["CREATE TABLE a (x INTEGER) STRICT;"];
        let (file, conn) = file_at(&folder, old);
        run(&conn, &file, &[old[0], "ALTER TABLE a ADD COLUMN y INTEGER;", "nonsense"]).unwrap_err();
        assert_eq!(version(&conn).unwrap(), 1);
        assert!(conn.prepare("SELECT y FROM a").is_err());
    }

    #[test]
    fn a_newer_database_is_refused_with_both_versions_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let old = &["CREATE TABLE a (x INTEGER) STRICT;"];
        let (file, conn) = file_at(&folder, &[old[0], "CREATE TABLE b (x INTEGER) STRICT;"]);
        let refused = run(&conn, &file, old).unwrap_err();
        assert!(matches!(refused, StoreError::Newer { found: 2, known: 1, .. }));
        assert!(refused.to_string().contains("state version 2") && refused.to_string().contains("up to 1"));
        assert_eq!(refused.kind(), Kind::Config);
        assert!(refused.next().iter().any(|step| step.text().contains("openclaw.db.v1.backup")));
    }

    #[test]
    fn a_database_of_another_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("openclaw.db");
        let conn = Connection::open(&file).unwrap();
        conn.execute_batch("CREATE TABLE theirs (x);").unwrap();
        assert!(matches!(run(&conn, &file, STEPS), Err(StoreError::Foreign { .. })));
    }
}
