//! Devices remembered since they were last read, so that a reconnect reads nothing.
//!
//! What this process changes is forgotten at once: the writer counts every commit that touched a device before it answers
//! the change, and a record is only good while that count is the one it was read under. What another process writes
//! beside us is noticed after [`GOOD_FOR`] at the latest; until then a device may still have what it had. So whoever
//! would refuse because of a remembered record reads the database first ([`Store::device`]): what a person has just
//! approved counts at once (PAIR-17).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wire::Role;

use super::record;
use super::token::TokenRow;
use super::{Device, visits};
use crate::{Store, StoreError};

/// How long a record is believed without looking whether another process changed it.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// Records kept; far more devices than a person pairs.
const MOST: usize = 1024;

/// A device with what is kept of its tokens.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(super) device: Device,
    pub(super) tokens: Vec<TokenRow>,
}

impl Record {
    pub(super) fn token(&self, role: Role) -> Option<&TokenRow> {
        self.tokens.iter().find(|row| row.token.role == role)
    }
}

#[derive(Debug)]
struct Kept {
    record: Arc<Record>,
    changes: u64,
    at: Instant,
}

/// The records, by device id.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<String, Kept>>);

impl Known {
    fn get(&self, device_id: &str, changes: u64) -> Option<Arc<Record>> {
        let kept = self.lock();
        let kept = kept.get(device_id).filter(|kept| kept.changes == changes && kept.at.elapsed() < GOOD_FOR)?;
        Some(kept.record.clone())
    }

    fn put(&self, device_id: &str, kept: Kept) {
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(device_id.to_owned(), kept);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// One paired device, as [`Store::device`], from memory when it was read lately. Good enough to let a device in, not
    /// to refuse it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn known_device(&self, device_id: &str) -> Result<Option<Device>, StoreError> {
        let record = self.known(device_id).await?;
        Ok(record.map(|record| visits::noted(self.visits(), record.device.clone())))
    }

    /// The record from memory, or from the database.
    pub(super) async fn known(&self, device_id: &str) -> Result<Option<Arc<Record>>, StoreError> {
        match self.records().get(device_id, self.device_changes()) {
            Some(record) => Ok(Some(record)),
            None => self.read_known(device_id).await,
        }
    }

    /// The record from the database.
    pub(super) async fn read_known(&self, device_id: &str) -> Result<Option<Arc<Record>>, StoreError> {
        // Counted before the look: a change in between makes the record old, never wrong.
        let (changes, at, id) = (self.device_changes(), Instant::now(), device_id.to_owned());
        let Some(record) = self.read(move |conn| record::load_whole(conn, &id)).await? else { return Ok(None) };
        let record = Arc::new(record);
        self.records().put(device_id, Kept { record: record.clone(), changes, at });
        Ok(Some(record))
    }
}
