//! The handle everybody holds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::StatePaths;
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::devices::{Known, TokenKey, Visits};
use crate::readers::Readers;
use crate::writer::{Counters, Flush, Writer};
use crate::{GatewayLock, StoreError, open};

/// A handle to the state of one Gateway; cloning is cheap. Every function that changes something returns after the
/// change is on disk, unless it says otherwise. The last handle that is dropped closes the database; [`Store::close`] also waits for it.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: Writer,
    readers: Arc<Readers>,
    token_key: TokenKey,
    known: Known,
    visits: Visits,
}

/// How much was written since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Changes asked for.
    pub jobs: u64,
    /// Transactions they took; fewer when many came at once.
    pub commits: u64,
}

impl Store {
    /// Opens (or makes) the database of a state folder. Only `state/` in that folder is touched; what an original
    /// install keeps beside it stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Newer`], [`StoreError::Foreign`], [`StoreError::Corrupt`], or an IO error.
    pub fn open(paths: &StatePaths) -> Result<Self, StoreError> {
        if !paths.state_dir.exists() {
            base::ensure_private_dir(&paths.state_dir).map_err(|error| StoreError::io(&paths.state_dir, error))?;
        }
        Self::open_in(&paths.database())
    }

    /// Opens (or makes) the database `file`; its folder becomes private to the user.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_in(file: &Path) -> Result<Self, StoreError> {
        let (conn, token_key) = open::writer(file)?;
        let writer = Writer::start(conn, file.to_owned()).map_err(|error| StoreError::io(file, error))?;
        let readers = Readers::new(file.to_owned());
        let (known, visits) = (Known::default(), Visits::default());
        Ok(Self { inner: Arc::new(Inner { writer, readers, token_key, known, visits }) })
    }

    /// Finishes what waits and closes the database. Other handles get [`StoreError::Closed`] from then on.
    pub async fn close(self) {
        if let Err(error) = self.write_visits().await {
            tracing::debug!(%error, "when devices were last here was not written down");
        }
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    /// Reads every page and every reference; an empty list is a healthy database.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    pub async fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        self.read(integrity).await
    }

    /// Whether the database of `paths` can be used, without making or changing anything; `deep` reads all of it. What is
    /// wrong with its contents comes as a list; there is nothing to find where there is no database yet.
    ///
    /// # Errors
    /// As [`Store::open`], when it cannot be used at all.
    pub fn examine(paths: &StatePaths, deep: bool) -> Result<Vec<String>, StoreError> {
        let file = paths.database();
        if !file.exists() {
            return Ok(Vec::new());
        }
        let is_used = GatewayLock::holder(paths).is_ok_and(|holder| holder.is_some());
        let conn = open::examiner(&file, is_used)?;
        if deep { integrity(&conn).map_err(|error| error.at(&file)) } else { Ok(Vec::new()) }
    }

    /// How much was written since the store was opened.
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.writer.counters;
        Stats { jobs: counters.jobs.load(Ordering::Relaxed), commits: counters.commits.load(Ordering::Relaxed) }
    }

    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.inner.writer.write(Flush::First, work).await
    }

    /// As [`Store::write`], without waiting for the disk: for what may be lost in a power cut without harm.
    pub(crate) async fn write_soon<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.inner.writer.write(Flush::Later, work).await
    }

    /// As [`Store::write`], for what changes devices or their tokens: what is remembered of them is forgotten.
    pub(crate) async fn write_devices<T, F>(&self, flush: Flush, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let counters = self.inner.writer.counters.clone();
        let work = move |conn: &Connection| {
            counters.devices_change();
            work(conn)
        };
        self.inner.writer.write(flush, work).await
    }

    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.inner.readers.read(work).await
    }

    /// Told after each commit that put something into the outbox; one waiter at a time.
    pub fn outbox_news(&self) -> Arc<Notify> {
        self.inner.writer.counters.outbox.clone()
    }

    /// Told after each commit that ended something of the outbox; every waiter.
    pub fn outbox_ends(&self) -> Arc<Notify> {
        self.inner.writer.counters.outbox_ends.clone()
    }

    pub(crate) fn counters(&self) -> Arc<Counters> {
        self.inner.writer.counters.clone()
    }

    /// How many commits have changed devices.
    pub(crate) fn device_changes(&self) -> u64 {
        self.inner.writer.counters.device_changes.load(Ordering::Acquire)
    }

    pub(crate) fn records(&self) -> &Known {
        &self.inner.known
    }

    pub(crate) fn visits(&self) -> &Visits {
        &self.inner.visits
    }

    pub(crate) fn token_key(&self) -> TokenKey {
        self.inner.token_key.clone()
    }
}

/// What SQLite and our own references find wrong.
fn integrity(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = conn.prepare("PRAGMA integrity_check(20)")?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut problems: Vec<String> = found.collect::<Result<_, _>>()?;
    problems.retain(|line| line != "ok");
    let mut statement = conn.prepare("PRAGMA foreign_key_check")?;
    let found = statement.query_map([], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        Ok(format!("a row of {table} refers to a missing row of {parent}"))
    })?;
    for problem in found {
        problems.push(problem?);
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SVC-5: an answer means that the change is on disk, not in a cache.
    #[tokio::test]
    async fn every_commit_is_flushed_and_references_are_enforced() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_in(&folder.path().join("openclaw.db")).unwrap();
        let setting = async |name: &'static str| {
            let ask = move |conn: &Connection| Ok(conn.pragma_query_value(None, name, |row| row.get::<_, String>(0))?);
            store.write(ask).await.unwrap()
        };
        assert_eq!(setting("journal_mode").await, "wal");
        let number = async |name: &'static str| {
            let ask = move |conn: &Connection| Ok(conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0))?);
            store.write(ask).await.unwrap()
        };
        assert_eq!(number("synchronous").await, 2, "FULL");
        assert_eq!(number("foreign_keys").await, 1);
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_in(&folder.path().join("openclaw.db")).unwrap();
        let written = store.read(|conn| Ok(conn.execute("INSERT INTO meta VALUES ('a', '1')", [])?)).await;
        assert!(matches!(written, Err(StoreError::Sqlite(_))), "{written:?}");
    }
}
