//! A session as a row: the one place that reads and writes it.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use wire::SessionKey;

use super::{LABEL_MAX, NewSession, RunStatus, Session};
use crate::StoreError;
use crate::sql::{Columns, from_json, new_id, to_json};
use crate::transcript;

/// What [`read`] reads, in its order.
pub(super) const COLUMNS: &str = "s.body, t.message_count, t.last_seq, t.title, t.last_text, t.last_role
     FROM sessions s LEFT JOIN transcripts t ON t.session_id = s.session_id";

/// The session with this key.
pub(crate) fn load(conn: &Connection, key: &SessionKey) -> Result<Option<Session>, StoreError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} WHERE s.key = ?"))?;
    statement.query_row([key.as_str()], |row| Ok(read(row))).optional()?.transpose()
}

/// The session with this key, which must exist.
pub(crate) fn require(conn: &Connection, key: &SessionKey) -> Result<Session, StoreError> {
    load(conn, key)?.ok_or_else(|| StoreError::NoSession(key.clone()))
}

pub(super) fn read(row: &Row<'_>) -> Result<Session, StoreError> {
    let mut columns = Columns::of(row);
    let mut session: Session = from_json("a session", &columns.next::<String>()?)?;
    session.message_count = columns.next::<Option<i64>>()?.unwrap_or(0).unsigned_abs();
    session.last_seq = columns.next::<Option<i64>>()?.unwrap_or(0).unsigned_abs();
    session.derived_title = columns.next()?;
    session.last_message = columns.next()?;
    session.last_message_role = columns.next()?;
    Ok(session)
}

/// Makes the session and its empty transcript. The key must be free.
pub(crate) fn create(conn: &Connection, key: &SessionKey, new: &NewSession, now: i64) -> Result<Session, StoreError> {
    let session = Session {
        key: key.clone(),
        agent: key.agent(),
        session_id: new.session_id.clone().unwrap_or_else(new_id),
        label: new.label.clone(),
        display_name: new.display_name.clone(),
        created_at: now,
        started_session_at: now,
        updated_at: now,
        last_interaction_at: None,
        last_activity_at: now,
        status: RunStatus::Idle,
        started_at: None,
        ended_at: None,
        last_run_id: None,
        last_run_error: None,
        aborted_last_run: false,
        thinking_level: new.thinking_level.clone(),
        verbose_level: None,
        reasoning_level: None,
        model_override: new.model_override.clone(),
        provider_override: new.provider_override.clone(),
        model_override_source: new.model_override_source,
        model: None,
        model_provider: None,
        input_tokens: None,
        output_tokens: None,
        total_tokens: None,
        context_tokens: None,
        archived_at: None,
        pinned_at: None,
        last_read_at: None,
        marked_unread_at: None,
        queue_mode: None,
        spawned_by: new.spawned_by.clone(),
        chat_type: new.chat_type.clone(),
        channel: new.channel.clone(),
        origin: new.origin.clone(),
        route: new.route.clone(),
        extra: new.extra.clone(),
        message_count: 0,
        last_seq: 0,
        derived_title: None,
        last_message: None,
        last_message_role: None,
    };
    check_label(conn, &session)?;
    save(conn, &session)?;
    let parent = new.parent_session.as_deref();
    transcript::begin(conn, &session, parent, None, new.cwd.as_deref(), now)?;
    Ok(session)
}

/// Writes the whole row.
pub(crate) fn save(conn: &Connection, session: &Session) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO sessions (key, agent, session_id, label, spawned_by, status, created_at, updated_at,
             last_activity_at, archived_at, search, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (key) DO UPDATE SET session_id = ?3, label = ?4, spawned_by = ?5, status = ?6, updated_at = ?8,
             last_activity_at = ?9, archived_at = ?10, search = ?11, body = ?12",
    )?
    .execute(params![
        session.key.as_str(),
        session.agent.as_str(),
        session.session_id,
        session.label,
        session.spawned_by.as_ref().map(SessionKey::as_str),
        session.status.as_str(),
        session.created_at,
        session.updated_at,
        session.last_activity_at,
        session.archived_at,
        search_text(session),
        to_json(session),
    ])?;
    Ok(())
}

/// What `search` looks in, folded to lower case (SQLite alone folds ASCII only). The title is looked at beside it.
fn search_text(session: &Session) -> String {
    let fields = [
        Some(session.key.as_str()),
        Some(&session.session_id),
        session.label.as_deref(),
        session.display_name.as_deref(),
        session.channel.as_deref(),
        session.derived_title.as_deref(),
    ];
    fields.into_iter().flatten().collect::<Vec<_>>().join("\n").to_lowercase()
}

/// A label has 1 to [`LABEL_MAX`] characters and no other session has it.
pub(super) fn check_label(conn: &Connection, session: &Session) -> Result<(), StoreError> {
    let Some(label) = &session.label else { return Ok(()) };
    let length = label.chars().count();
    if length == 0 || length > LABEL_MAX {
        return Err(StoreError::LabelLength { length });
    }
    let mut statement = conn.prepare_cached("SELECT key FROM sessions WHERE label = ? AND key <> ?")?;
    let holder: Option<String> =
        statement.query_row(params![label, session.key.as_str()], |row| row.get(0)).optional()?;
    match holder {
        Some(holder) => Err(StoreError::LabelTaken { label: label.clone(), holder: SessionKey::from_store(holder) }),
        None => Ok(()),
    }
}
