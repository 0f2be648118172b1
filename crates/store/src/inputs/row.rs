//! An input as a row.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use wire::SessionKey;
use wire::message::{Message, UserMessage};

use super::{Input, InputState};
use crate::StoreError;
use crate::sql::{Columns, from_json};
use crate::transcript::Body;

/// The message is read from the transcript once it is there, so that an image is not kept twice.
const INPUT: &str = "i.run_id, i.session_key, i.session_id, i.state, i.attempts, i.source, i.options, i.message,
     i.entry_id, e.payload, i.answer, i.outcome, i.accepted_at, i.started_at, i.ended_at
     FROM inputs i LEFT JOIN entries e ON e.id = i.entry_id";

pub(super) fn load(conn: &Connection, run_id: &str) -> Result<Option<Input>, StoreError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {INPUT} WHERE i.run_id = ?"))?;
    statement.query_row([run_id], |row| Ok(read(row))).optional()?.transpose()
}

pub(super) fn require(conn: &Connection, run_id: &str) -> Result<Input, StoreError> {
    load(conn, run_id)?.ok_or_else(|| StoreError::NoRun(run_id.to_owned()))
}

pub(super) fn unfinished(conn: &Connection, session: Option<&SessionKey>) -> Result<Vec<Input>, StoreError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {INPUT} WHERE i.state <> 'finished' AND (?1 IS NULL OR i.session_key = ?1) ORDER BY i.position"
    ))?;
    let mut found = statement.query(params![session.map(SessionKey::as_str)])?;
    let mut inputs = Vec::new();
    while let Some(row) = found.next()? {
        inputs.push(read(row)?);
    }
    Ok(inputs)
}

/// Whether a run of this session is under way.
pub(super) fn is_running(conn: &Connection, session: &SessionKey) -> Result<bool, StoreError> {
    // Names the index's own condition, so that finished inputs are not read.
    let mut statement = conn
        .prepare_cached("SELECT 1 FROM inputs WHERE session_key = ? AND state <> 'finished' AND state = 'running'")?;
    Ok(statement.exists([session.as_str()])?)
}

/// Refuses a write by a run that has ended, or that belongs to another transcript. A run id nobody accepted is
/// a note without a run (`chat.inject`) and passes.
pub(crate) fn fence(conn: &Connection, run_id: &str, session_id: &str) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached("SELECT state, session_id FROM inputs WHERE run_id = ?")?;
    let found: Option<(String, String)> =
        statement.query_row([run_id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match found {
        Some((state, home)) if state != InputState::Running.as_str() || home != session_id => {
            Err(StoreError::RunEnded(run_id.to_owned()))
        }
        _ => Ok(()),
    }
}

fn read(row: &Row<'_>) -> Result<Input, StoreError> {
    let mut columns = Columns::of(row);
    let run_id = columns.next()?;
    let session = SessionKey::from_store(columns.next::<String>()?);
    let session_id = columns.next()?;
    let state = InputState::parse(&columns.next::<String>()?)?;
    let attempts = columns.next()?;
    let source = columns.next()?;
    let options = from_json("an input's options", &columns.next::<String>()?)?;
    let kept: Option<String> = columns.next()?;
    let entry_id = columns.next()?;
    let entry: Option<String> = columns.next()?;
    Ok(Input {
        run_id,
        session,
        session_id,
        state,
        attempts,
        source,
        options,
        message: message(kept, entry)?,
        entry_id,
        answer: columns.next::<Option<String>>()?.map(|text| from_json("an answer's route", &text)).transpose()?,
        outcome: columns.next::<Option<String>>()?.map(|text| from_json("an outcome", &text)).transpose()?,
        accepted_at: columns.next()?,
        started_at: columns.next()?,
        ended_at: columns.next()?,
    })
}

/// The message from where it is now; empty when its session was deleted with it.
fn message(kept: Option<String>, entry: Option<String>) -> Result<UserMessage, StoreError> {
    if let Some(text) = kept {
        return from_json("an input's message", &text);
    }
    match entry.map(|text| from_json::<Body>("a transcript entry", &text)).transpose()? {
        Some(Body::Message { message: Message::User(message) }) => Ok(message),
        _ => Ok(UserMessage {
            content: wire::message::UserContent::Text(String::new()),
            timestamp: 0,
            idempotency_key: None,
        }),
    }
}
