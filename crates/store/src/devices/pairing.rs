//! Devices that wait for a person (PAIR-6, PAIR-7).
//!
//! A device has at most one request. It keeps its id as long as the device asks for nothing wider, so that an approve
//! command copied from a screen always works; when the device asks for another role, for more scopes, or says it is
//! another machine, a new request takes the place of the old one, because what a person approves must be what they saw.
//! The new one holds everything asked for so far, so that a device which connects in two roles by turns does not
//! replace its own request for ever.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Approval, NewDevice, NewPairing, PAIRING_TTL, Pairing, PairingRequest, Provenance, record};
use crate::sql::{from_json, new_id, to_json};
use crate::writer::Flush;
use crate::{Store, StoreError};

/// Most devices that wait at once; the one that waits longest makes room.
const WAITING_MAX: i64 = 200;

impl Store {
    /// Keeps a device's request to be paired. The same or a narrower one finds the request that waits, with its id; a
    /// wider one supersedes it (PAIR-7).
    ///
    /// # Errors
    /// [`StoreError::KeyChanged`] when the device is paired with another key (PAIR-5), or when it could not be made
    /// durable.
    pub async fn put_pairing_request(&self, new: NewPairing) -> Result<Pairing, StoreError> {
        let (id, now) = (new_id(), base::now_ms());
        self.write(move |conn| put(conn, &new, &id, now)).await
    }

    /// The requests that wait, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pairing_requests(&self) -> Result<Vec<PairingRequest>, StoreError> {
        let now = base::now_ms();
        self.read(move |conn| select(conn, "expires_at > ? ORDER BY created_at, request_id", now)).await
    }

    /// One request that waits.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pairing_request(&self, request_id: &str) -> Result<Option<PairingRequest>, StoreError> {
        let (request_id, now) = (request_id.to_owned(), base::now_ms());
        self.read(move |conn| live(conn, &request_id, now)).await
    }

    /// Approves a request and the device with it, exactly as asked. `None` when it does not wait any more.
    ///
    /// # Errors
    /// [`StoreError::KeyChanged`], or when it could not be made durable.
    pub async fn approve_pairing_request(
        &self,
        request_id: &str,
        via: Provenance,
    ) -> Result<Option<(PairingRequest, Approval)>, StoreError> {
        let (request_id, key, now) = (request_id.to_owned(), self.token_key(), base::now_ms());
        let approved = self.write_devices(Flush::First, move |conn| {
            let Some(request) = live(conn, &request_id, now)? else { return Ok(None) };
            forget(conn, &request_id)?;
            let new = NewDevice {
                device_id: request.device_id.clone(),
                public_key: request.public_key.clone(),
                facts: request.facts.clone(),
                roles: request.roles.clone(),
                scopes: request.scopes.clone(),
                via,
            };
            let approval = record::approve(conn, &new, &key, now)?;
            Ok(Some((request, approval)))
        });
        Ok(approved.await?.map(|(request, approval)| (request, approval.seen(self.visits()))))
    }

    /// Takes a request away, to reject it. `None` when it does not wait any more.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn take_pairing_request(&self, request_id: &str) -> Result<Option<PairingRequest>, StoreError> {
        let (request_id, now) = (request_id.to_owned(), base::now_ms());
        self.write(move |conn| {
            let request = live(conn, &request_id, now)?;
            forget(conn, &request_id)?;
            Ok(request)
        })
        .await
    }

    /// Forgets the requests whose time was over at `now`, and returns them.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn prune_pairing_requests(&self, now: i64) -> Result<Vec<PairingRequest>, StoreError> {
        self.write(move |conn| {
            let expired = select(conn, "expires_at <= ? ORDER BY created_at, request_id", now)?;
            if !expired.is_empty() {
                conn.prepare_cached("DELETE FROM pairing_requests WHERE expires_at <= ?")?.execute([now])?;
            }
            Ok(expired)
        })
        .await
    }
}

fn put(conn: &Connection, new: &NewPairing, id: &str, now: i64) -> Result<Pairing, StoreError> {
    let paired = record::load(conn, &new.device_id)?;
    if paired.as_ref().is_some_and(|device| device.public_key != new.public_key) {
        return Err(StoreError::KeyChanged(new.device_id.clone()));
    }
    let waiting = of_device(conn, &new.device_id, now)?.filter(|waiting| waiting.public_key == new.public_key);
    let ttl = i64::try_from(PAIRING_TTL.as_millis()).unwrap_or(i64::MAX);
    if let Some(mut request) = waiting.clone().filter(|waiting| covers(waiting, new)) {
        // The device is still there. Written down only now and then, so that a retry every second costs no flush.
        if request.expires_at_ms - now < ttl / 2 {
            request.expires_at_ms = now + ttl;
            save(conn, &request)?;
        }
        return Ok(Pairing { request, created: false, superseded: None });
    }
    let superseded = waiting.as_ref().map(|waiting| waiting.request_id.clone());
    let request = widened(waiting, new, id, paired.is_some(), now, ttl);
    conn.prepare_cached("DELETE FROM pairing_requests WHERE device_id = ?")?.execute([&new.device_id])?;
    save(conn, &request)?;
    conn.prepare_cached(
        "DELETE FROM pairing_requests WHERE request_id IN (
             SELECT request_id FROM pairing_requests ORDER BY created_at DESC, request_id LIMIT -1 OFFSET ?)",
    )?
    .execute([WAITING_MAX])?;
    Ok(Pairing { request, created: true, superseded })
}

/// Whether a request that waits already asks for all of this, by the same machine.
fn covers(waiting: &PairingRequest, new: &NewPairing) -> bool {
    waiting.roles.contains(&new.role)
        && waiting.scopes.covers(&new.scopes)
        && waiting.facts.platform == new.facts.platform
        && waiting.facts.device_family == new.facts.device_family
}

fn widened(
    waiting: Option<PairingRequest>,
    new: &NewPairing,
    id: &str,
    is_repair: bool,
    now: i64,
    ttl: i64,
) -> PairingRequest {
    let (mut roles, scopes) = waiting.map(|waiting| (waiting.roles, waiting.scopes)).unwrap_or_default();
    roles.retain(|role| *role != new.role);
    roles.push(new.role);
    PairingRequest {
        request_id: id.to_owned(),
        device_id: new.device_id.clone(),
        public_key: new.public_key.clone(),
        facts: new.facts.clone(),
        role: new.role,
        roles,
        scopes: scopes.union(&new.scopes),
        reason: new.reason.clone(),
        is_repair,
        created_at_ms: now,
        expires_at_ms: now + ttl,
    }
}

fn save(conn: &Connection, request: &PairingRequest) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO pairing_requests (request_id, device_id, created_at, expires_at, body)
         VALUES (?, ?, ?, ?, ?)",
    )?
    .execute(params![
        request.request_id,
        request.device_id,
        request.created_at_ms,
        request.expires_at_ms,
        to_json(request)
    ])?;
    Ok(())
}

fn forget(conn: &Connection, request_id: &str) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM pairing_requests WHERE request_id = ?")?.execute([request_id])?;
    Ok(())
}

fn of_device(conn: &Connection, device_id: &str, now: i64) -> Result<Option<PairingRequest>, StoreError> {
    one(conn, "device_id", device_id, now)
}

fn live(conn: &Connection, request_id: &str, now: i64) -> Result<Option<PairingRequest>, StoreError> {
    one(conn, "request_id", request_id, now)
}

fn one(conn: &Connection, column: &str, id: &str, now: i64) -> Result<Option<PairingRequest>, StoreError> {
    let sql = format!("SELECT expires_at, body FROM pairing_requests WHERE {column} = ? AND expires_at > ?");
    let mut statement = conn.prepare_cached(&sql)?;
    statement.query_row(params![id, now], |row| Ok(read(row))).optional()?.transpose()
}

fn select(conn: &Connection, which: &str, now: i64) -> Result<Vec<PairingRequest>, StoreError> {
    let sql = format!("SELECT expires_at, body FROM pairing_requests WHERE {which}");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query([now])?;
    let mut requests = Vec::new();
    while let Some(row) = found.next()? {
        requests.push(read(row)?);
    }
    Ok(requests)
}

fn read(row: &Row<'_>) -> Result<PairingRequest, StoreError> {
    let mut request: PairingRequest = from_json("a pairing request", &row.get::<_, String>(1)?)?;
    request.expires_at_ms = row.get(0)?;
    Ok(request)
}
