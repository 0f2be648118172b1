//! What channels brought and nobody has dealt with yet (C-1.2). An event is here, with the cursor that says it was read,
//! before its vendor hears that it was taken; it is done in the transaction that makes it an input, or when it needs
//! none. A repeated event is known by its id (C-3.5).

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use crate::sql::{Columns, from_json, to_json};
use crate::{Store, StoreError};

/// How long events that are done are remembered (C-3.5).
const KEPT_FOR_MS: i64 = 30 * 24 * 3_600_000;
/// How many of each account at most.
const KEPT_OF_ACCOUNT: i64 = 1000;

/// An event as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct NewArrival {
    /// The vendor's id of the event; one is taken once for each account.
    pub event_id: String,
    /// The conversation; its events are handed out in order.
    pub lane: String,
    /// The event; kept as it is.
    pub event: Value,
}

/// An event that was taken and is not done.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// Its place in the inbox.
    pub position: i64,
    /// The channel it came through.
    pub channel: String,
    /// The account of ours it came to.
    pub account: String,
    /// The conversation.
    pub lane: String,
    /// The event.
    pub event: Value,
    /// When it was taken, in milliseconds.
    pub received_at: i64,
}

/// How far a vendor was read, by the account's own id over there (C-3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The account's id at the vendor.
    pub owner: String,
    /// How far.
    pub value: String,
}

impl Store {
    /// Takes events: durable together with the cursor when this returns. Those known already are left out of the answer.
    ///
    /// # Errors
    /// When they could not be made durable; then nothing was taken, and the vendor must not hear otherwise.
    pub async fn take_in(
        &self,
        channel: &str,
        account: &str,
        events: Vec<NewArrival>,
        cursor: Option<Cursor>,
    ) -> Result<Vec<Arrived>, StoreError> {
        let (channel, account, now) = (channel.to_owned(), account.to_owned(), base::now_ms());
        self.write(move |conn| {
            let mut taken = Vec::new();
            for new in &events {
                taken.extend(take(conn, &channel, &account, new, now)?);
            }
            if let Some(cursor) = &cursor {
                conn.prepare_cached(
                    "INSERT INTO cursors VALUES (?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
                )?
                .execute(params![channel, cursor.owner, cursor.value, now])?;
            }
            forget(conn, &channel, &account, now)?;
            Ok(taken)
        })
        .await
    }

    /// How far the vendor was read for `owner`, its id over there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn cursor(&self, channel: &str, owner: &str) -> Result<Option<String>, StoreError> {
        let (channel, owner) = (channel.to_owned(), owner.to_owned());
        self.read(move |conn| {
            let mut statement = conn.prepare_cached("SELECT value FROM cursors WHERE channel = ? AND owner = ?")?;
            Ok(statement.query_row([channel, owner], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// What is not done, oldest first; after a start, what the last process left.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_arrivals(&self) -> Result<Vec<Arrived>, StoreError> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT position, channel, account, lane, event, received_at FROM inbox
                 WHERE done_at IS NULL ORDER BY position",
            )?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let mut columns = Columns::of(row);
                found.push(Arrived {
                    position: columns.next()?,
                    channel: columns.next()?,
                    account: columns.next()?,
                    lane: columns.next()?,
                    event: from_json("an arrived event", &columns.next::<String>()?)?,
                    received_at: columns.next()?,
                });
            }
            Ok(found)
        })
        .await
    }

    /// These are dealt with, for those that become no input. Does not wait for the disk: what is done twice after a power
    /// cut is at most looked at again.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn arrivals_done(&self, positions: Vec<i64>) -> Result<(), StoreError> {
        let now = base::now_ms();
        self.write_soon(move |conn| done(conn, &positions, now)).await
    }
}

/// Marks them; part of the transaction that accepts what they became.
pub(crate) fn done(conn: &Connection, positions: &[i64], now: i64) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached("UPDATE inbox SET done_at = ?2 WHERE position = ?1 AND done_at IS NULL")?;
    for position in positions {
        statement.execute([*position, now])?;
    }
    Ok(())
}

fn take(
    conn: &Connection,
    channel: &str,
    account: &str,
    new: &NewArrival,
    now: i64,
) -> Result<Option<Arrived>, StoreError> {
    let taken = conn
        .prepare_cached(
            "INSERT INTO inbox (channel, account, event_id, lane, event, received_at) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![channel, account, new.event_id, new.lane, to_json(&new.event), now])?;
    Ok((taken > 0).then(|| Arrived {
        position: conn.last_insert_rowid(),
        channel: channel.to_owned(),
        account: account.to_owned(),
        lane: new.lane.clone(),
        event: new.event.clone(),
        received_at: now,
    }))
}

/// Forgets what was done long ago, once in a while.
fn forget(conn: &Connection, channel: &str, account: &str, now: i64) -> Result<(), StoreError> {
    let newest: i64 =
        conn.prepare_cached("SELECT coalesce(max(position), 0) FROM inbox")?.query_row([], |row| row.get(0))?;
    if newest % 64 != 0 {
        return Ok(());
    }
    conn.prepare_cached("DELETE FROM inbox WHERE channel = ?1 AND account = ?2 AND done_at < ?3")?.execute(params![
        channel,
        account,
        now - KEPT_FOR_MS
    ])?;
    conn.prepare_cached(
        "DELETE FROM inbox WHERE channel = ?1 AND account = ?2 AND done_at IS NOT NULL AND position <=
         (SELECT position FROM inbox WHERE channel = ?1 AND account = ?2 AND done_at IS NOT NULL
          ORDER BY position DESC LIMIT 1 OFFSET ?3)",
    )?
    .execute(params![channel, account, KEPT_OF_ACCOUNT])?;
    Ok(())
}
