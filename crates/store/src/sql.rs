//! Small bridges between SQLite's values and ours.

use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// Reads a row's columns in the order the statement names them.
pub(crate) struct Columns<'row, 'statement> {
    row: &'row Row<'statement>,
    at: usize,
}

impl<'row, 'statement> Columns<'row, 'statement> {
    pub(crate) const fn of(row: &'row Row<'statement>) -> Self {
        Self { row, at: 0 }
    }

    /// The next column.
    pub(crate) fn next<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.at += 1;
        self.row.get(self.at - 1)
    }

    /// The next column, a count: never negative in our schema.
    pub(crate) fn count(&mut self) -> rusqlite::Result<u64> {
        self.next::<i64>().map(i64::unsigned_abs)
    }
}

/// A count as SQLite stores it.
pub(crate) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A record as JSON text.
pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our records have text keys and no failing serializer")
}

/// A record from JSON text; `what` names it in the error.
pub(crate) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::unreadable(what, error))
}

/// A new random id.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
