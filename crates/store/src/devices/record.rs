//! The record of a paired device: approved, seen, renamed, removed, retired.

use rusqlite::{Connection, OptionalExtension as _, params};
use wire::{Role, ScopeSet};

use super::key::TokenKey;
use super::known::Record;
use super::{Approval, Device, NewDevice, Provenance, SILENT_RETIREMENT_AGE, token, visits};
use crate::sql::{from_json, to_json};
use crate::writer::Flush;
use crate::{Store, StoreError};

impl Store {
    /// Every paired device, the one approved last first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn devices(&self) -> Result<Vec<Device>, StoreError> {
        let devices = self.read(all).await?;
        Ok(devices.into_iter().map(|device| visits::noted(self.visits(), device)).collect())
    }

    /// One paired device.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn device(&self, device_id: &str) -> Result<Option<Device>, StoreError> {
        let record = self.read_known(device_id).await?;
        Ok(record.map(|record| visits::noted(self.visits(), record.device.clone())))
    }

    /// Approves a device, or more roles and scopes of a known one: roles and scopes are merged, what it says about
    /// itself is pinned anew, a pending request of it is done with. Each role it names has a token afterwards; one that
    /// was narrower or revoked is replaced.
    ///
    /// # Errors
    /// [`StoreError::KeyChanged`] when the device is known with another key (PAIR-5), or when it could not be made
    /// durable.
    pub async fn approve_device(&self, new: NewDevice) -> Result<Approval, StoreError> {
        let (key, now) = (self.token_key(), base::now_ms());
        let approved = self.write_devices(Flush::First, move |conn| {
            conn.prepare_cached("DELETE FROM pairing_requests WHERE device_id = ?")?.execute([&new.device_id])?;
            approve(conn, &new, &key, now)
        });
        Ok(approved.await?.seen(self.visits()))
    }

    /// Gives a device a person's name, or with `None` takes it away. `None` when there is no such device.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn rename_device(&self, device_id: &str, label: Option<&str>) -> Result<Option<Device>, StoreError> {
        let (device_id, label) = (device_id.to_owned(), label.map(str::to_owned));
        let renamed = self.write_devices(Flush::First, move |conn| {
            let Some(mut device) = load(conn, &device_id)? else { return Ok(None) };
            device.label.clone_from(&label);
            save(conn, &device)?;
            Ok(Some(device))
        });
        Ok(renamed.await?.map(|device| visits::noted(self.visits(), device)))
    }

    /// Removes a device with its tokens and its pending request. `None` when there is no such device.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn remove_device(&self, device_id: &str) -> Result<Option<Device>, StoreError> {
        let device_id = device_id.to_owned();
        self.write_devices(Flush::First, move |conn| {
            let device = load(conn, &device_id)?;
            remove(conn, &device_id)?;
            Ok(device)
        })
        .await
    }

    /// After a silent approval of `newest`: removes older silent records of the same client (client id, mode and
    /// display name) that are not in `connected` and have been quiet for a minute. Returns the ids removed (PAIR-10).
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn retire_silent_devices(&self, newest: &str, connected: &[String]) -> Result<Vec<String>, StoreError> {
        // How long a record was quiet is judged by what is written down.
        self.write_visits().await?;
        let (newest, connected, now) = (newest.to_owned(), connected.to_vec(), base::now_ms());
        self.write_devices(Flush::First, move |conn| {
            let Some(newest) = load(conn, &newest)? else { return Ok(Vec::new()) };
            let mut retired = Vec::new();
            for device in all(conn)? {
                if is_retired_by(&device, &newest, now) && !connected.contains(&device.device_id) {
                    remove(conn, &device.device_id)?;
                    retired.push(device.device_id);
                }
            }
            Ok(retired)
        })
        .await
    }
}

/// PAIR-10: silent both, the same client, and older than the age.
fn is_retired_by(old: &Device, newest: &Device, now: i64) -> bool {
    let quiet_since = old.last_seen_at_ms.unwrap_or(old.approved_at_ms).max(old.approved_at_ms);
    let age = i64::try_from(SILENT_RETIREMENT_AGE.as_millis()).unwrap_or(i64::MAX);
    old.device_id != newest.device_id
        && old.approved_via == Provenance::Silent
        && newest.approved_via == Provenance::Silent
        && old.facts.client_id == newest.facts.client_id
        && old.facts.client_mode == newest.facts.client_mode
        && old.facts.display_name == newest.facts.display_name
        && now.saturating_sub(quiet_since) > age
}

pub(super) fn approve(conn: &Connection, new: &NewDevice, key: &TokenKey, now: i64) -> Result<Approval, StoreError> {
    let known = load(conn, &new.device_id)?;
    if known.as_ref().is_some_and(|device| device.public_key != new.public_key) {
        return Err(StoreError::KeyChanged(new.device_id.clone()));
    }
    let created = known.is_none();
    let device = merged(known, new, now);
    save(conn, &device)?;
    let mut reissued = false;
    for role in &new.roles {
        reissued |= token::grant(conn, &device, *role, key, now)?;
    }
    Ok(Approval { device: require(conn, &new.device_id)?, created, reissued })
}

fn merged(known: Option<Device>, new: &NewDevice, now: i64) -> Device {
    let before = known.as_ref();
    let mut roles = before.map_or_else(Vec::new, |device| device.roles.clone());
    for role in &new.roles {
        if !roles.contains(role) {
            roles.push(*role);
        }
    }
    // An operator's scopes only: a node has none, whatever it asks for.
    let added = if new.roles.contains(&Role::Operator) { new.scopes.clone() } else { ScopeSet::none() };
    let approved_via = match (before.map(|device| device.approved_via), new.via) {
        (Some(better), Provenance::Silent) => better,
        (_, via) => via,
    };
    Device {
        device_id: new.device_id.clone(),
        public_key: new.public_key.clone(),
        facts: new.facts.clone(),
        label: before.and_then(|device| device.label.clone()),
        role: new.roles.last().copied().unwrap_or(Role::Operator),
        roles,
        scopes: before.map_or_else(ScopeSet::none, |device| device.scopes.clone()).union(&added),
        approved_via,
        created_at_ms: before.map_or(now, |device| device.created_at_ms),
        approved_at_ms: now,
        last_seen_at_ms: before.and_then(|device| device.last_seen_at_ms),
        last_seen_reason: before.and_then(|device| device.last_seen_reason.clone()),
        tokens: Vec::new(),
    }
}

pub(super) fn require(conn: &Connection, device_id: &str) -> Result<Device, StoreError> {
    load(conn, device_id)?.ok_or_else(|| StoreError::NoDevice(device_id.to_owned()))
}

pub(super) fn load(conn: &Connection, device_id: &str) -> Result<Option<Device>, StoreError> {
    Ok(load_whole(conn, device_id)?.map(|record| record.device))
}

pub(super) fn load_whole(conn: &Connection, device_id: &str) -> Result<Option<Record>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT body FROM devices WHERE device_id = ?")?;
    let body: Option<String> = statement.query_row([device_id], |row| row.get(0)).optional()?;
    body.map(|body| with_tokens(conn, &body)).transpose()
}

pub(super) fn save(conn: &Connection, device: &Device) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO devices (device_id, body) VALUES (?1, ?2) ON CONFLICT (device_id) DO UPDATE SET body = ?2",
    )?
    .execute(params![device.device_id, to_json(device)])?;
    Ok(())
}

/// Takes a role and its token from a device; without any role left the device goes. Whether it had the role.
pub(crate) fn drop_role(conn: &Connection, device_id: &str, role: Role) -> Result<bool, StoreError> {
    let Some(mut device) = load(conn, device_id)?.filter(|device| device.roles.contains(&role)) else {
        return Ok(false);
    };
    device.roles.retain(|have| *have != role);
    let Some(left) = device.roles.last() else {
        remove(conn, device_id)?;
        return Ok(true);
    };
    device.role = *left;
    save(conn, &device)?;
    conn.prepare_cached("DELETE FROM device_tokens WHERE device_id = ? AND role = ?")?
        .execute(params![device_id, role.as_str()])?;
    Ok(true)
}

fn all(conn: &Connection) -> Result<Vec<Device>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT body FROM devices")?;
    let bodies: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut devices: Vec<Device> =
        bodies.iter().map(|body| Ok(with_tokens(conn, body)?.device)).collect::<Result<_, StoreError>>()?;
    devices.sort_by(|a, b| b.approved_at_ms.cmp(&a.approved_at_ms).then_with(|| a.device_id.cmp(&b.device_id)));
    Ok(devices)
}

fn with_tokens(conn: &Connection, body: &str) -> Result<Record, StoreError> {
    let mut device: Device = from_json("a paired device", body)?;
    let tokens = token::of_device(conn, &device.device_id)?;
    device.tokens = tokens.iter().map(|row| row.token.clone()).collect();
    Ok(Record { device, tokens })
}

fn remove(conn: &Connection, device_id: &str) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM pairing_requests WHERE device_id = ?")?.execute([device_id])?;
    conn.prepare_cached("DELETE FROM devices WHERE device_id = ?")?.execute([device_id])?;
    Ok(())
}
