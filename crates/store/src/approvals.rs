//! What people were asked to allow, and what became of it (N-12.18). Only what may be shown is kept: no environment and
//! no plan. The one that ends a question here is the one that decided it (N-12.14).

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::methods::exec_approval::{Decision, TerminalReason};

use crate::sql::{from_json, to_json};
use crate::{Store, StoreError};

/// How long what has ended is kept, in milliseconds.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// How many of those are kept; who asks all day long does not fill the disk.
const KEPT_MAX: i64 = 10_000;

/// A question as it is remembered. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRecord {
    /// Its id.
    pub id: String,
    /// `exec`.
    pub kind: String,
    /// When it was asked.
    pub created_at_ms: i64,
    /// Until when it waits.
    pub expires_at_ms: i64,
    /// What is shown of it.
    pub presentation: Value,
    /// The agent that asked.
    pub agent_id: Option<String>,
    /// The session that asked.
    pub session_key: Option<String>,
    /// What became of it; `None` while it waits.
    pub end: Option<ApprovalEnd>,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalEnd {
    /// When.
    pub at_ms: i64,
    /// Why.
    pub reason: TerminalReason,
    /// What a person said, if one did.
    pub decision: Option<Decision>,
    /// Who ended it.
    pub resolver: Resolver,
    /// What that one is called.
    pub name: Option<String>,
}

/// Who ended a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolver {
    /// `device`, `channel`, `runtime` or `system`.
    pub kind: String,
    /// Which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What an attempt to end a question came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// It ends with this attempt.
    Now(ApprovalRecord),
    /// Somebody else was first.
    Before(ApprovalRecord),
    /// There is no such question, or not any more.
    Unknown,
}

/// A page of what has ended, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovalQuery {
    /// What ended before this: when, and the id that was last on the page before.
    pub before: Option<(i64, String)>,
    /// How many at most.
    pub limit: u32,
    /// Only this kind.
    pub kind: Option<String>,
}

impl Store {
    /// Keeps a question; `false`, and nothing is kept, when its id was used before. Forgets what ended long ago.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn put_approval(&self, record: ApprovalRecord) -> Result<bool, StoreError> {
        let since = base::now_ms().saturating_sub(KEPT_MS);
        self.write(move |conn| {
            prune(conn, since)?;
            let ended_at = record.end.as_ref().map(|end| end.at_ms);
            let added = conn
                .prepare_cached("INSERT OR IGNORE INTO approvals (id, kind, ended_at, body) VALUES (?, ?, ?, ?)")?
                .execute(params![record.id, record.kind, ended_at, to_json(&record)])?;
            Ok(added > 0)
        })
        .await
    }

    /// Ends a question, unless it has ended.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn settle_approval(&self, id: &str, end: ApprovalEnd) -> Result<Settled, StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            let Some(mut record) = load(conn, &id)? else { return Ok(Settled::Unknown) };
            if record.end.is_some() {
                return Ok(Settled::Before(record));
            }
            record.end = Some(end.clone());
            save(conn, &record)?;
            Ok(Settled::Now(record))
        })
        .await
    }

    /// Ends every question that waits in the same way; how many there were.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn settle_waiting_approvals(&self, end: ApprovalEnd) -> Result<usize, StoreError> {
        self.write(move |conn| {
            let mut statement = conn.prepare_cached("SELECT body FROM approvals WHERE ended_at IS NULL")?;
            let bodies: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            for body in &bodies {
                let record: ApprovalRecord = from_json("an approval", body)?;
                save(conn, &ApprovalRecord { end: Some(end.clone()), ..record })?;
            }
            Ok(bodies.len())
        })
        .await
    }

    /// One question, waiting or ended.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn approval(&self, id: &str) -> Result<Option<ApprovalRecord>, StoreError> {
        let id = id.to_owned();
        self.read(move |conn| load(conn, &id)).await
    }

    /// What ended within the last 30 days, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn ended_approvals(&self, query: ApprovalQuery) -> Result<Vec<ApprovalRecord>, StoreError> {
        let since = base::now_ms().saturating_sub(KEPT_MS);
        let ApprovalQuery { before, limit, kind } = query;
        let (at, id) = before.unwrap_or((i64::MAX, String::new()));
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT body FROM approvals
                 WHERE ended_at >= ?1 AND (ended_at, id) < (?2, ?3) AND (?4 IS NULL OR kind = ?4)
                 ORDER BY ended_at DESC, id DESC LIMIT ?5",
            )?;
            let bodies = statement.query_map(params![since, at, id, kind, limit], |row| row.get(0))?;
            let bodies: Vec<String> = bodies.collect::<Result<_, _>>()?;
            bodies.iter().map(|body| from_json("an approval", body)).collect()
        })
        .await
    }
}

fn prune(conn: &Connection, since: i64) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM approvals WHERE ended_at < ?")?.execute([since])?;
    conn.prepare_cached(
        "DELETE FROM approvals WHERE id IN (
             SELECT id FROM approvals WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT -1 OFFSET ?)",
    )?
    .execute([KEPT_MAX])?;
    Ok(())
}

fn load(conn: &Connection, id: &str) -> Result<Option<ApprovalRecord>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT body FROM approvals WHERE id = ?")?;
    let body: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
    body.map(|body| from_json("an approval", &body)).transpose()
}

fn save(conn: &Connection, record: &ApprovalRecord) -> Result<(), StoreError> {
    let ended_at = record.end.as_ref().map(|end| end.at_ms);
    conn.prepare_cached("UPDATE approvals SET ended_at = ?2, body = ?3 WHERE id = ?1")?.execute(params![
        record.id,
        ended_at,
        to_json(record)
    ])?;
    Ok(())
}
