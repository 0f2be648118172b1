//! When each device was last here: noted in memory, written down now and then, lost by a crash without harm.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Approval, Device, record};
use crate::{Store, StoreError};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Visit {
    at_ms: i64,
    reason: String,
    ip: Option<String>,
}

impl Visit {
    fn apply(&self, device: &mut Device) {
        device.last_seen_at_ms = Some(self.at_ms);
        device.last_seen_reason = Some(self.reason.clone());
        if self.ip.is_some() {
            device.facts.remote_ip.clone_from(&self.ip);
        }
    }
}

/// What is not written down yet, by device id.
#[derive(Debug, Default)]
pub(crate) struct Visits(Mutex<HashMap<String, Visit>>);

impl Visits {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Visit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The device with its last visit.
pub(super) fn noted(visits: &Visits, mut device: Device) -> Device {
    if let Some(visit) = visits.lock().get(&device.device_id) {
        visit.apply(&mut device);
    }
    device
}

impl Approval {
    /// The approval of a device with its last visit.
    pub(super) fn seen(self, visits: &Visits) -> Self {
        Self { device: noted(visits, self.device), ..self }
    }
}

impl Store {
    /// Notes that a device connected or disconnected (`reason`). Readers of this store see it at once; it is on disk
    /// after [`Store::write_visits`] or [`Store::close`].
    pub fn device_seen(&self, device_id: &str, reason: &str, ip: Option<&str>) {
        let visit = Visit { at_ms: base::now_ms(), reason: reason.to_owned(), ip: ip.map(str::to_owned) };
        self.visits().lock().insert(device_id.to_owned(), visit);
    }

    /// Writes down every visit noted since the last time, in one transaction, without waiting for the disk. A device
    /// that is gone by now is passed over.
    ///
    /// # Errors
    /// When it could not be written; what was noted is kept for the next time.
    pub async fn write_visits(&self) -> Result<(), StoreError> {
        let noted = self.visits().lock().clone();
        if noted.is_empty() {
            return Ok(());
        }
        let written = noted.clone();
        self.write_soon(move |conn| {
            for (device_id, visit) in &noted {
                if let Some(mut device) = record::load(conn, device_id)? {
                    visit.apply(&mut device);
                    record::save(conn, &device)?;
                }
            }
            Ok(())
        })
        .await?;
        self.visits().lock().retain(|device_id, visit| written.get(device_id) != Some(visit));
        Ok(())
    }
}
