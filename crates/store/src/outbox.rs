//! What goes out, and how far it got (C-8.9).
//!
//! One row is one thing to say to one chat: the answer of a run (put here by the transaction that ends the run), a notice,
//! a message somebody sends. Its id is the run id or the idempotency key, so that nothing is said twice. Before anything
//! is sent it is planned as numbered parts, each one call of the vendor; a part is `begun` on disk before its call and
//! `sent` after it. A part that was begun and has no receipt after a crash may have arrived: it is never sent again, and
//! its row ends `unsure`.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};

use crate::sql::{Columns, from_json, to_json};
use crate::{Answer, Route, Store, StoreError};

/// How long what was sent is remembered, so that its key is known (C-13.1).
const KEPT_FOR_MS: i64 = 7 * 24 * 3_600_000;

/// Something to say.
#[derive(Debug, Clone, PartialEq)]
pub struct NewOutgoing {
    /// Its id; one is said once.
    pub id: String,
    /// Where; the account must be named.
    pub route: Route,
    /// What; kept as it is.
    pub body: Value,
    /// The positions in the inbox that this deals with.
    pub inbox: Vec<i64>,
}

/// How something to say ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All of it arrived.
    Sent,
    /// Some of it may or may not have arrived (C-8.5).
    Unsure,
    /// It cannot arrive.
    Failed,
    /// There was nothing to say after all.
    Dropped,
}

impl End {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Unsure => "unsure",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    fn parse(word: &str) -> Result<Option<Self>, StoreError> {
        match word {
            "waiting" => Ok(None),
            "sent" => Ok(Some(Self::Sent)),
            "unsure" => Ok(Some(Self::Unsure)),
            "failed" => Ok(Some(Self::Failed)),
            "dropped" => Ok(Some(Self::Dropped)),
            other => Err(StoreError::unreadable("how a message ended", other)),
        }
    }
}

/// Where one call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// Not made yet.
    Waiting,
    /// Begun; without a receipt after a crash it may have been made.
    Begun,
    /// Made, with a receipt.
    Sent,
    /// Nobody knows.
    Unsure,
    /// The vendor refused it.
    Failed,
}

impl PartState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Begun => "begun",
            Self::Sent => "sent",
            Self::Unsure => "unsure",
            Self::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "waiting" => Ok(Self::Waiting),
            "begun" => Ok(Self::Begun),
            "sent" => Ok(Self::Sent),
            "unsure" => Ok(Self::Unsure),
            "failed" => Ok(Self::Failed),
            other => Err(StoreError::unreadable("a part's state", other)),
        }
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What; kept as it is.
    pub body: Value,
    /// Where it stands.
    pub state: PartState,
    /// What the vendor answered.
    pub receipt: Option<Value>,
}

/// Something to say, and how far it got.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Rises with every row.
    pub position: i64,
    /// Its id.
    pub id: String,
    /// Where.
    pub route: Route,
    /// What.
    pub body: Value,
    /// How it ended; `None` while it waits.
    pub end: Option<End>,
    /// Why not.
    pub error: Option<String>,
    /// The message that showed it while it was made.
    pub preview: Option<Value>,
    /// When it was put here, in milliseconds.
    pub created_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Its calls, in order; empty until it is planned.
    pub parts: Vec<Part>,
}

const COLUMNS: &str = "position, id, channel, account, chat, thread, body, state, error, preview, created_at, ended_at";

impl Store {
    /// Puts something to say into the outbox, and what it answers is done. One that is here already stays as it is; `false`
    /// then.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn put_outgoing(&self, new: NewOutgoing) -> Result<bool, StoreError> {
        let (now, counters) = (base::now_ms(), self.counters());
        self.write(move |conn| {
            counters.outbox_changes();
            crate::inbox::done(conn, &new.inbox, now)?;
            put(conn, &new.id, &new.route, &new.body, None, now)
        })
        .await
    }

    /// What waits, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_outgoing(&self) -> Result<Vec<Outgoing>, StoreError> {
        self.outgoing_after(0).await
    }

    /// What waits and was put here after the row at `position`, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn outgoing_after(&self, position: i64) -> Result<Vec<Outgoing>, StoreError> {
        self.read(move |conn| {
            let sql =
                format!("SELECT {COLUMNS} FROM outbox WHERE state = 'waiting' AND position > ? ORDER BY position");
            let mut statement = conn.prepare_cached(&sql)?;
            let mut rows = statement.query([position])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read(conn, row)?);
            }
            Ok(found)
        })
        .await
    }

    /// One of them, ended or not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn outgoing(&self, id: &str) -> Result<Option<Outgoing>, StoreError> {
        let id = id.to_owned();
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE id = ?"))?;
            statement.query_row([&id], |row| Ok(read(conn, row))).optional()?.transpose()
        })
        .await
    }

    /// Those whose ids begin with `prefix`, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn outgoing_under(&self, prefix: &str) -> Result<Vec<Outgoing>, StoreError> {
        let (from, to) = (prefix.to_owned(), format!("{prefix}\u{10ffff}"));
        self.read(move |conn| {
            let sql = format!("SELECT {COLUMNS} FROM outbox WHERE id >= ? AND id < ? ORDER BY position");
            let mut statement = conn.prepare_cached(&sql)?;
            let mut rows = statement.query([&from, &to])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read(conn, row)?);
            }
            Ok(found)
        })
        .await
    }

    /// Plans it: its calls, the first of which is begun in the same stroke. One that was planned keeps its plan.
    ///
    /// # Errors
    /// When it could not be made durable; nothing may be sent then.
    pub async fn plan_parts(&self, id: &str, parts: Vec<Value>) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            let mut statement = conn.prepare_cached(
                "INSERT INTO outbox_parts (id, number, body, state) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )?;
            for (number, body) in (0_i64..).zip(&parts) {
                let state = if number == 0 { PartState::Begun } else { PartState::Waiting };
                statement.execute(params![id, number, to_json(body), state.as_str()])?;
            }
            Ok(())
        })
        .await
    }

    /// A call begins. Durable before it is made.
    ///
    /// # Errors
    /// When it could not be made durable; nothing may be sent then.
    pub async fn part_begins(&self, id: &str, number: usize) -> Result<(), StoreError> {
        self.mark(id, number, PartState::Begun, None).await
    }

    /// What became of a call; `PartState::Waiting` for one that certainly was not made and is to be made again. `body`
    /// takes the place of what it was, for a call that is made in another way now.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn part_ends(
        &self,
        id: &str,
        number: usize,
        state: PartState,
        receipt: Option<Value>,
        body: Option<Value>,
    ) -> Result<(), StoreError> {
        if let Some(body) = body {
            let (id, number) = (id.to_owned(), number as i64);
            self.write(move |conn| {
                conn.prepare_cached("UPDATE outbox_parts SET body = ?3 WHERE id = ?1 AND number = ?2")?
                    .execute(params![id, number, to_json(&body)])?;
                Ok(())
            })
            .await?;
        }
        self.mark(id, number, state, receipt).await
    }

    /// Plans anew from call `from` on, which was certainly not made: these calls take the place of it and of all behind it.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn replan(&self, id: &str, from: usize, parts: Vec<Value>) -> Result<(), StoreError> {
        let (id, from) = (id.to_owned(), from as i64);
        self.write(move |conn| {
            conn.prepare_cached("DELETE FROM outbox_parts WHERE id = ? AND number >= ?")?.execute(params![id, from])?;
            let mut statement = conn.prepare_cached("INSERT INTO outbox_parts (id, number, body) VALUES (?, ?, ?)")?;
            for (number, body) in (from..).zip(&parts) {
                statement.execute(params![id, number, to_json(body)])?;
            }
            Ok(())
        })
        .await
    }

    /// Puts more calls after those that are planned.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn add_parts(&self, id: &str, parts: Vec<Value>) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            let next: i64 = conn
                .prepare_cached("SELECT coalesce(max(number) + 1, 0) FROM outbox_parts WHERE id = ?")?
                .query_row([&id], |row| row.get(0))?;
            let mut statement = conn.prepare_cached("INSERT INTO outbox_parts (id, number, body) VALUES (?, ?, ?)")?;
            for (number, body) in (next..).zip(&parts) {
                statement.execute(params![id, number, to_json(body)])?;
            }
            Ok(())
        })
        .await
    }

    /// It is over. Does not wait for the disk: its parts say the same.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn outgoing_ends(&self, id: &str, end: End, error: Option<String>) -> Result<(), StoreError> {
        let (id, now, counters) = (id.to_owned(), base::now_ms(), self.counters());
        self.write_soon(move |conn| {
            counters.outbox_ends();
            conn.prepare_cached(
                "UPDATE outbox SET state = ?2, error = ?3, ended_at = ?4 WHERE id = ?1 AND state = 'waiting'",
            )?
            .execute(params![id, end.as_str(), error, now])?;
            conn.prepare_cached("DELETE FROM outbox WHERE ended_at < ?")?.execute([now - KEPT_FOR_MS])?;
            Ok(())
        })
        .await
    }

    /// Remembers the message that shows a run's answer while it is made; `None` when it is gone again. When the answer is
    /// in the outbox already, it is noted there.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn note_preview(&self, run_id: &str, message: Option<Value>) -> Result<(), StoreError> {
        let run_id = run_id.to_owned();
        self.write_soon(move |conn| {
            let text = message.as_ref().map(to_json);
            let waits = conn
                .prepare_cached("UPDATE outbox SET preview = ?2 WHERE id = ?1 AND state = 'waiting'")?
                .execute(params![run_id, text])?;
            if waits > 0 {
                return Ok(());
            }
            match &message {
                Some(message) => conn
                    .prepare_cached("INSERT INTO previews VALUES (?1, ?2) ON CONFLICT DO UPDATE SET message = ?2")?
                    .execute(params![run_id, to_json(message)])?,
                None => conn.prepare_cached("DELETE FROM previews WHERE run_id = ?")?.execute([&run_id])?,
            };
            Ok(())
        })
        .await
    }

    /// The message that shows a run's answer while it is made, as an earlier process left it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn preview(&self, run_id: &str) -> Result<Option<Value>, StoreError> {
        let run_id = run_id.to_owned();
        self.read(move |conn| {
            let mut statement = conn.prepare_cached("SELECT message FROM previews WHERE run_id = ?")?;
            let text: Option<String> = statement.query_row([&run_id], |row| row.get(0)).optional()?;
            text.map(|text| from_json("a preview", &text)).transpose()
        })
        .await
    }

    async fn mark(&self, id: &str, number: usize, state: PartState, receipt: Option<Value>) -> Result<(), StoreError> {
        let (id, number) = (id.to_owned(), number as i64);
        let work = move |conn: &Connection| {
            conn.prepare_cached("UPDATE outbox_parts SET state = ?3, receipt = ?4 WHERE id = ?1 AND number = ?2")?
                .execute(params![id, number, state.as_str(), receipt.as_ref().map(to_json)])?;
            Ok(())
        };
        self.write(work).await
    }
}

/// The answer of a run, in the transaction that ends it. Its preview, if there is one, moves along.
pub(crate) fn put_answer(
    conn: &Connection,
    run_id: &str,
    answer: &Answer,
    outcome: &Value,
    now: i64,
) -> Result<(), StoreError> {
    let preview: Option<String> = conn
        .prepare_cached("DELETE FROM previews WHERE run_id = ? RETURNING message")?
        .query_row([run_id], |row| row.get(0))
        .optional()?;
    let body = json!({"kind": "answer", "replyTo": answer.reply_to, "context": answer.context, "outcome": outcome});
    put(conn, run_id, &answer.route, &body, preview.as_deref(), now)?;
    Ok(())
}

fn put(
    conn: &Connection,
    id: &str,
    route: &Route,
    body: &Value,
    preview: Option<&str>,
    now: i64,
) -> Result<bool, StoreError> {
    let new = conn
        .prepare_cached(
            "INSERT INTO outbox (id, channel, account, chat, thread, body, preview, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            id,
            route.channel,
            route.account_id.as_deref().unwrap_or("default"),
            route.to,
            route.thread_id,
            to_json(body),
            preview,
            now,
        ])?;
    Ok(new > 0)
}

fn read(conn: &Connection, row: &Row<'_>) -> Result<Outgoing, StoreError> {
    let mut columns = Columns::of(row);
    let (position, id) = (columns.next()?, columns.next::<String>()?);
    let (channel, account, to, thread_id) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
    let route = Route { channel, to, account_id: Some(account), thread_id };
    let body = from_json("a message to send", &columns.next::<String>()?)?;
    let end = End::parse(&columns.next::<String>()?)?;
    let error = columns.next()?;
    let preview = columns.next::<Option<String>>()?.map(|text| from_json("a preview", &text)).transpose()?;
    let (created_at, ended_at) = (columns.next()?, columns.next()?);
    let parts = parts(conn, &id)?;
    Ok(Outgoing { position, id, route, body, end, error, preview, created_at, ended_at, parts })
}

fn parts(conn: &Connection, id: &str) -> Result<Vec<Part>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT body, state, receipt FROM outbox_parts WHERE id = ? ORDER BY number")?;
    let mut rows = statement.query([id])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        parts.push(Part {
            body: from_json("a part to send", &columns.next::<String>()?)?,
            state: PartState::parse(&columns.next::<String>()?)?,
            receipt: columns.next::<Option<String>>()?.map(|text| from_json("a receipt", &text)).transpose()?,
        });
    }
    Ok(parts)
}
