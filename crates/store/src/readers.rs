//! The pool of connections that read. In write-ahead mode a reader sees the last commit and never waits for the writer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{StoreError, open};

/// How many reads run at once. Opened when first needed; two are enough to let a long export run beside short reads.
const READERS: usize = 2;

#[derive(Debug)]
pub(crate) struct Readers {
    file: PathBuf,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(file: PathBuf) -> Arc<Self> {
        Arc::new(Self { file, places: Arc::new(Semaphore::new(READERS)), idle: Mutex::default() })
    }

    /// Runs `work` on one snapshot of the database, away from the async threads.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let place = self.places.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            readers.read_now(work).map_err(|error| error.at(&readers.file))
        });
        reading.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Waits for running reads and closes every connection; later reads get [`StoreError::Closed`].
    pub(crate) async fn close(&self) {
        let everyone = u32::try_from(READERS).expect("a small constant");
        let _all = self.places.acquire_many(everyone).await;
        self.places.close();
        self.lock().clear();
    }

    fn read_now<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let taken = self.lock().pop();
        let conn = taken.map_or_else(|| open::reader(&self.file), Ok)?;
        let snapshot = conn.unchecked_transaction()?;
        let result = work(&snapshot);
        snapshot.finish()?;
        self.lock().push(conn);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
