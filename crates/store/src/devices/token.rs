//! The token of a device in a role: issued, given again, checked, rotated, revoked (PAIR-13).

use std::sync::Arc;

use base::Secret;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use wire::{Role, ScopeSet};

use super::key::{TokenKey, hash};
use super::known::Record;
use super::{Device, DeviceToken, IssuedToken, RotatedToken, TokenCheck, record};
use crate::sql::{Columns, from_json, to_json};
use crate::writer::Flush;
use crate::{Store, StoreError};

/// A use within this time of the last one is not written down again, so that a reconnecting device costs no flush.
const USE_RESOLUTION_MS: i64 = 60_000;

/// A token's row.
#[derive(Debug, Clone)]
pub(super) struct TokenRow {
    pub(super) token: DeviceToken,
    hash: String,
}

impl Store {
    /// The token of an approved device for `hello-ok`: the same one each time, until it is rotated, revoked, or
    /// `scopes` are wider than it allows.
    ///
    /// # Errors
    /// [`StoreError::NoDevice`], [`StoreError::NotApproved`] when the device is not approved in this role with these
    /// scopes, or when a new token could not be made durable.
    pub async fn issue_token(&self, device_id: &str, role: Role, scopes: &ScopeSet) -> Result<IssuedToken, StoreError> {
        let (device_id, scopes, key, now) = (device_id.to_owned(), scopes.clone(), self.token_key(), base::now_ms());
        let known = self.known(&device_id).await?;
        let row = known.as_ref().and_then(|record| record.token(role));
        if let Some(token) = row.and_then(|row| same_token(row, &device_id, &scopes, &key)) {
            return Ok(token);
        }
        self.write_devices(Flush::First, move |conn| {
            let device = record::require(conn, &device_id)?;
            if !device.is_approved(role, &scopes) {
                return Err(StoreError::NotApproved { device_id: device_id.clone(), role });
            }
            let row = load(conn, &device_id, role)?;
            match row.and_then(|row| same_token(&row, &device_id, &scopes, &key)) {
                Some(token) => Ok(token),
                None => replace(conn, &device_id, role, &scopes, &key, now),
            }
        })
        .await
    }

    /// What a presented token is. The comparison takes the same time whatever the token (AUTH-3).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn check_token(&self, device_id: &str, role: Role, token: &Secret) -> Result<TokenCheck, StoreError> {
        let presented = Secret::new(hash(token.expose()));
        let judged =
            |known: Option<Arc<Record>>| check(known.as_ref().and_then(|record| record.token(role)), &presented);
        match judged(self.known(device_id).await?) {
            good @ TokenCheck::Good { .. } => Ok(good),
            // Another process may have made a new one since.
            _ => Ok(judged(self.read_known(device_id).await?)),
        }
    }

    /// Notes that a token was used, without waiting for the disk.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn touch_token(&self, device_id: &str, role: Role) -> Result<(), StoreError> {
        let (device_id, now) = (device_id.to_owned(), base::now_ms());
        let known = self.known(&device_id).await?;
        let used = known.as_ref().and_then(|record| record.token(role)?.token.last_used_at_ms);
        if used.is_some_and(|used| now - used < USE_RESOLUTION_MS) {
            return Ok(());
        }
        self.write_devices(Flush::Later, move |conn| {
            conn.prepare_cached(
                "UPDATE device_tokens SET last_used_at = ?3
                 WHERE device_id = ?1 AND role = ?2 AND coalesce(last_used_at, 0) <= ?3 - ?4",
            )?
            .execute(params![device_id, role.as_str(), now, USE_RESOLUTION_MS])?;
            Ok(())
        })
        .await
    }

    /// Replaces a token; the old one stops working at once. With `scopes` the new one allows exactly those, which must
    /// be approved. `None` when the device has no live token in this role.
    ///
    /// # Errors
    /// [`StoreError::NotApproved`], or when it could not be made durable.
    pub async fn rotate_token(
        &self,
        device_id: &str,
        role: Role,
        scopes: Option<&ScopeSet>,
    ) -> Result<Option<RotatedToken>, StoreError> {
        let (device_id, scopes, key, now) = (device_id.to_owned(), scopes.cloned(), self.token_key(), base::now_ms());
        self.write_devices(Flush::First, move |conn| {
            let live = load(conn, &device_id, role)?.filter(|row| row.token.revoked_at_ms.is_none());
            let Some(row) = live else { return Ok(None) };
            if let Some(asked) = &scopes
                && !record::require(conn, &device_id)?.is_approved(role, asked)
            {
                return Err(StoreError::NotApproved { device_id: device_id.clone(), role });
            }
            let scopes = scopes.clone().unwrap_or(row.token.scopes);
            let issued = put(conn, &device_id, role, scopes, row.token.generation + 1, &key, now)?;
            conn.prepare_cached("UPDATE device_tokens SET rotated_at = ?3 WHERE device_id = ?1 AND role = ?2")?
                .execute(params![device_id, role.as_str(), now])?;
            Ok(Some(RotatedToken { token: issued.token, rotated_at_ms: now, scopes: issued.scopes }))
        })
        .await
    }

    /// Revokes a token and with it the approval of the device in this role: it must be approved again before it gets
    /// another. `None` when the device has no live token in this role, else when it was revoked.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn revoke_token(&self, device_id: &str, role: Role) -> Result<Option<i64>, StoreError> {
        let (device_id, now) = (device_id.to_owned(), base::now_ms());
        self.write_devices(Flush::First, move |conn| {
            let revoked = conn
                .prepare_cached(
                    "UPDATE device_tokens SET revoked_at = ?3
                     WHERE device_id = ?1 AND role = ?2 AND revoked_at IS NULL",
                )?
                .execute(params![device_id, role.as_str(), now])?;
            if revoked == 0 {
                return Ok(None);
            }
            let mut device = record::require(conn, &device_id)?;
            device.roles.retain(|approved| *approved != role);
            if role == Role::Operator {
                device.scopes = ScopeSet::none();
            }
            record::save(conn, &device)?;
            Ok(Some(now))
        })
        .await
    }
}

/// After an approval: makes the role's first token, or replaces one that is narrower or revoked. Answers whether it
/// replaced one.
pub(super) fn grant(
    conn: &Connection,
    device: &Device,
    role: Role,
    key: &TokenKey,
    now: i64,
) -> Result<bool, StoreError> {
    let scopes = if role == Role::Operator { device.scopes.clone() } else { ScopeSet::none() };
    let old = load(conn, &device.device_id, role)?;
    let enough = old.as_ref().is_some_and(|row| row.token.revoked_at_ms.is_none() && row.token.scopes.covers(&scopes));
    if enough {
        return Ok(false);
    }
    replace(conn, &device.device_id, role, &scopes, key, now)?;
    Ok(old.is_some())
}

/// Every token of a device.
pub(super) fn of_device(conn: &Connection, device_id: &str) -> Result<Vec<TokenRow>, StoreError> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {TOKEN} FROM device_tokens WHERE device_id = ? ORDER BY created_at"))?;
    let mut found = statement.query([device_id])?;
    let mut tokens = Vec::new();
    while let Some(row) = found.next()? {
        tokens.push(read(row)?);
    }
    Ok(tokens)
}

/// What a token whose hash is `presented` is beside the one in the row.
fn check(row: Option<&TokenRow>, presented: &Secret) -> TokenCheck {
    let Some(row) = row else { return TokenCheck::Unknown };
    let same = presented.matches(&row.hash);
    match &row.token {
        DeviceToken { revoked_at_ms: Some(_), .. } => TokenCheck::Revoked,
        token if same => TokenCheck::Good { scopes: token.scopes.clone(), issued_at_ms: token.issued_at_ms },
        _ => TokenCheck::Mismatch,
    }
}

/// The live token, if it is wide enough and the key still derives it.
fn same_token(row: &TokenRow, device_id: &str, scopes: &ScopeSet, key: &TokenKey) -> Option<IssuedToken> {
    let TokenRow { token: row, hash: kept } = row;
    if row.revoked_at_ms.is_some() || !row.scopes.covers(scopes) {
        return None;
    }
    let token = key.derive(device_id, row.role, row.generation, row.issued_at_ms);
    let is_same = Secret::new(hash(token.expose())).matches(kept);
    is_same.then(|| IssuedToken { token, issued_at_ms: row.issued_at_ms, scopes: row.scopes.clone() })
}

/// Makes the next generation of a token.
fn replace(
    conn: &Connection,
    device_id: &str,
    role: Role,
    scopes: &ScopeSet,
    key: &TokenKey,
    now: i64,
) -> Result<IssuedToken, StoreError> {
    let old = load(conn, device_id, role)?.map(|row| row.token);
    let generation = old.as_ref().map_or(1, |token| token.generation + 1);
    let kept = old.filter(|token| token.revoked_at_ms.is_none()).map_or_else(ScopeSet::none, |token| token.scopes);
    put(conn, device_id, role, kept.union(scopes), generation, key, now)
}

/// Writes the token of a generation with exactly these scopes.
fn put(
    conn: &Connection,
    device_id: &str,
    role: Role,
    scopes: ScopeSet,
    generation: u32,
    key: &TokenKey,
    now: i64,
) -> Result<IssuedToken, StoreError> {
    let token = key.derive(device_id, role, generation, now);
    conn.prepare_cached(
        "INSERT INTO device_tokens (device_id, role, scopes, generation, hash, created_at, issued_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (device_id, role) DO UPDATE SET scopes = ?3, generation = ?4, hash = ?5, issued_at = ?6,
             revoked_at = NULL, last_used_at = NULL",
    )?
    .execute(params![device_id, role.as_str(), to_json(&scopes), generation, hash(token.expose()), now])?;
    Ok(IssuedToken { token, issued_at_ms: now, scopes })
}

const TOKEN: &str = "role, scopes, generation, created_at, issued_at, rotated_at, revoked_at, last_used_at, hash";

fn load(conn: &Connection, device_id: &str, role: Role) -> Result<Option<TokenRow>, StoreError> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {TOKEN} FROM device_tokens WHERE device_id = ? AND role = ?"))?;
    statement.query_row(params![device_id, role.as_str()], |row| Ok(read(row))).optional()?.transpose()
}

fn read(row: &Row<'_>) -> Result<TokenRow, StoreError> {
    let mut columns = Columns::of(row);
    let role: String = columns.next()?;
    let token = DeviceToken {
        role: Role::parse(&role).ok_or_else(|| StoreError::unreadable("a token's role", role))?,
        scopes: from_json("a token's scopes", &columns.next::<String>()?)?,
        generation: columns.next()?,
        created_at_ms: columns.next()?,
        issued_at_ms: columns.next()?,
        rotated_at_ms: columns.next()?,
        revoked_at_ms: columns.next()?,
        last_used_at_ms: columns.next()?,
    };
    Ok(TokenRow { token, hash: columns.next()? })
}
