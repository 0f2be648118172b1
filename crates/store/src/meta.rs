//! Single values that need no table of their own: the instance id, voice wake triggers and the like.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use crate::sql::{from_json, to_json};
use crate::{Store, StoreError};

impl Store {
    /// The value kept under `key`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn meta_get(&self, key: &str) -> Result<Option<Value>, StoreError> {
        let key = key.to_owned();
        self.read(move |conn| get(conn, &key)).await
    }

    /// Keeps `value` under `key`; `null` forgets it.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn meta_set(&self, key: &str, value: &Value) -> Result<(), StoreError> {
        let (key, value) = (key.to_owned(), value.clone());
        self.write(move |conn| set(conn, &key, &value)).await
    }

    /// The value kept under `key`, or `first` if there was none, which is then kept. Two processes that ask at once
    /// get the same answer.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn meta_init(&self, key: &str, first: &Value) -> Result<Value, StoreError> {
        let (key, first) = (key.to_owned(), first.clone());
        self.write(move |conn| {
            if let Some(value) = get(conn, &key)? {
                return Ok(value);
            }
            set(conn, &key, &first)?;
            Ok(first.clone())
        })
        .await
    }
}

pub(crate) fn get(conn: &Connection, key: &str) -> Result<Option<Value>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT value FROM meta WHERE key = ?")?;
    let text: Option<String> = statement.query_row([key], |row| row.get(0)).optional()?;
    text.map(|text| from_json("a meta value", &text)).transpose()
}

pub(crate) fn set(conn: &Connection, key: &str, value: &Value) -> Result<(), StoreError> {
    if value.is_null() {
        conn.prepare_cached("DELETE FROM meta WHERE key = ?")?.execute([key])?;
    } else {
        conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")?
            .execute(params![key, to_json(value)])?;
    }
    Ok(())
}
