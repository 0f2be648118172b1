//! Answers that are repeated when the same request comes again.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, params};
use serde_json::Value;

use crate::sql::{from_json, to_json};
use crate::{Store, StoreError};

/// Answers kept per scope; the ones that would expire first go first.
const PER_SCOPE: i64 = 1000;

impl Store {
    /// Keeps `value` under `key` for `ttl`.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn remember(&self, scope: &str, key: &str, value: &Value, ttl: Duration) -> Result<(), StoreError> {
        let (scope, key, value) = (scope.to_owned(), key.to_owned(), to_json(value));
        let now = base::now_ms();
        let expires = now.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        self.write(move |conn| {
            conn.prepare_cached("DELETE FROM dedupe WHERE scope = ? AND expires_at <= ?")?
                .execute(params![scope, now])?;
            conn.prepare_cached("INSERT OR REPLACE INTO dedupe (scope, key, value, expires_at) VALUES (?, ?, ?, ?)")?
                .execute(params![scope, key, value, expires])?;
            conn.prepare_cached(
                "DELETE FROM dedupe WHERE scope = ?1 AND key IN (
                     SELECT key FROM dedupe WHERE scope = ?1 ORDER BY expires_at DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![scope, PER_SCOPE])?;
            Ok(())
        })
        .await
    }

    /// What was kept under `key`, unless its time is over.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn recall(&self, scope: &str, key: &str) -> Result<Option<Value>, StoreError> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.read(move |conn| {
            let mut statement =
                conn.prepare_cached("SELECT value FROM dedupe WHERE scope = ? AND key = ? AND expires_at > ?")?;
            let found = statement.query_row(params![scope, key, base::now_ms()], |row| row.get::<_, String>(0));
            found.optional()?.map(|text| from_json("a kept answer", &text)).transpose()
        })
        .await
    }
}
