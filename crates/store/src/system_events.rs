//! What happened beside a conversation and is told to its next turn: a notification of a phone, a command that
//! ended. Durable, few, and told once.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::SessionKey;

use crate::meta;
use crate::sql::from_json;
use crate::{Store, StoreError};

/// Most events that wait for one session; then the oldest goes.
const WAITING_MAX: usize = 20;
/// Longest text of one, in characters.
const TEXT_MAX_CHARS: usize = 500;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemEvent {
    /// When it happened, in milliseconds.
    pub at: i64,
    /// What it is about: a later event about the same takes its place.
    pub about: String,
    /// In one line.
    pub text: String,
}

/// What is kept of a session.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    waiting: Vec<SystemEvent>,
    /// The run that was told, and what: a resumed run is told the same again.
    told: Option<(String, Vec<SystemEvent>)>,
}

impl Store {
    /// Notes an event for the next turn of a session.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn note_event(&self, session: &SessionKey, about: &str, text: &str) -> Result<(), StoreError> {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_MAX_CHARS).collect();
        let event = SystemEvent { at: base::now_ms(), about: about.to_owned(), text: line.trim().to_owned() };
        let session = session.clone();
        self.write(move |conn| {
            let mut kept = load(conn, &session)?;
            kept.waiting.retain(|waiting| waiting.about != event.about);
            kept.waiting.push(event.clone());
            let over = kept.waiting.len().saturating_sub(WAITING_MAX);
            kept.waiting.drain(..over);
            save(conn, &session, &kept)
        })
        .await
    }

    /// What waits for the next turn of a session.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn waiting_events(&self, session: &SessionKey) -> Result<Vec<SystemEvent>, StoreError> {
        let session = session.clone();
        self.read(move |conn| Ok(load(conn, &session)?.waiting)).await
    }

    /// What a run of a session is told: what has waited until it began, the same each time this run asks.
    ///
    /// # Errors
    /// When it could not be made durable that they were told.
    pub async fn take_events(&self, session: &SessionKey, run_id: &str) -> Result<Vec<SystemEvent>, StoreError> {
        let (asked, session, run_id) = (session.clone(), session.clone(), run_id.to_owned());
        if self.read(move |conn| Ok(meta::get(conn, &key(&asked))?.is_none())).await? {
            return Ok(Vec::new());
        }
        self.write(move |conn| {
            let mut kept = load(conn, &session)?;
            if let Some((told, events)) = &kept.told
                && *told == run_id
            {
                return Ok(events.clone());
            }
            let events = std::mem::take(&mut kept.waiting);
            kept.told = (!events.is_empty()).then(|| (run_id.clone(), events.clone()));
            save(conn, &session, &kept)?;
            Ok(events)
        })
        .await
    }
}

/// A new conversation begins, or none is left: nothing waits for it.
pub(crate) fn forget(conn: &Connection, session: &SessionKey) -> Result<(), StoreError> {
    meta::set(conn, &key(session), &serde_json::Value::Null)
}

fn key(session: &SessionKey) -> String {
    format!("system-events:{session}")
}

fn load(conn: &Connection, session: &SessionKey) -> Result<Kept, StoreError> {
    match meta::get(conn, &key(session))? {
        Some(value) => from_json("system events", &value.to_string()),
        None => Ok(Kept::default()),
    }
}

fn save(conn: &Connection, session: &SessionKey, kept: &Kept) -> Result<(), StoreError> {
    let empty = kept.waiting.is_empty() && kept.told.is_none();
    let value = if empty { serde_json::Value::Null } else { json!(kept) };
    meta::set(conn, &key(session), &value)
}
