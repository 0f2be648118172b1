//! Adding to a transcript: the only way it ever changes.

use rusqlite::{Connection, OptionalExtension as _, params};
use wire::SessionKey;
use wire::message::Message;

use super::{Body, Entry, NewEntry};
use crate::sessions::{self, Session};
use crate::sql::{Columns, int, new_id};
use crate::{Store, StoreError, inputs, usage};

/// Longest derived title and last-message preview in characters.
const TITLE_MAX: usize = 120;
const PREVIEW_MAX: usize = 240;

impl Store {
    /// Appends an entry to the transcript of `session_id`. With the `run_id` of an accepted message the write is
    /// fenced: it is refused unless that run is under way in this transcript.
    ///
    /// # Errors
    /// [`StoreError::NoTranscript`], [`StoreError::RunEnded`], or when it could not be made durable.
    pub async fn append(&self, session_id: &str, run_id: Option<&str>, entry: NewEntry) -> Result<Entry, StoreError> {
        let (session_id, run_id, now) = (session_id.to_owned(), run_id.map(str::to_owned), base::now_ms());
        self.write(move |conn| {
            if let Some(run_id) = &run_id {
                inputs::fence(conn, run_id, &session_id)?;
            }
            let appended = append(conn, &session_id, run_id.as_deref(), &entry, now)?;
            touch(conn, &session_id, &appended, now)?;
            Ok(appended)
        })
        .await
    }
}

/// Makes the empty transcript of `session`'s current id.
pub(crate) fn begin(
    conn: &Connection,
    session: &Session,
    parent: Option<&str>,
    reason: Option<&str>,
    cwd: Option<&str>,
    now: i64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO transcripts (session_id, session_key, parent, reason, cwd, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![session.session_id, session.key.as_str(), parent, reason, cwd, now])?;
    Ok(())
}

/// The folder a transcript's runs work in.
pub(crate) fn cwd(conn: &Connection, session_id: &str) -> Result<Option<String>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT cwd FROM transcripts WHERE session_id = ?")?;
    Ok(statement.query_row([session_id], |row| row.get(0)).optional()?.flatten())
}

/// Where a transcript ends, and whose it is.
struct Tail {
    key: SessionKey,
    seq: i64,
    leaf: Option<String>,
    has_title: bool,
}

/// Appends an entry and keeps the transcript's counters; the caller keeps the session's row.
pub(crate) fn append(
    conn: &Connection,
    session_id: &str,
    run_id: Option<&str>,
    new: &NewEntry,
    now: i64,
) -> Result<Entry, StoreError> {
    let tail = tail(conn, session_id)?.ok_or_else(|| StoreError::NoTranscript(session_id.to_owned()))?;
    let entry = Entry {
        id: new.id.clone().unwrap_or_else(new_id),
        session_id: session_id.to_owned(),
        seq: tail.seq.unsigned_abs() + 1,
        parent_id: tail.leaf,
        run_id: run_id.map(str::to_owned),
        at: new.at.unwrap_or(now),
        body: new.body.clone(),
    };
    conn.prepare_cached(
        "INSERT INTO entries (id, session_id, seq, parent_id, kind, run_id, at, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        entry.id,
        entry.session_id,
        int(entry.seq),
        entry.parent_id,
        entry.kind(),
        entry.run_id,
        entry.at,
        entry.body.to_text(),
    ])?;
    if let Some(Message::Assistant(said)) = entry.message() {
        usage::note(conn, &entry, &tail.key, said)?;
    }
    let (role, text) = visible(&entry.body);
    let title = text.as_deref().filter(|_| role == Some("user") && !tail.has_title).map(|text| line(text, TITLE_MAX));
    let preview = text.as_deref().map(|text| line(text, PREVIEW_MAX));
    conn.prepare_cached(
        "UPDATE transcripts SET last_seq = ?2, leaf = ?3, message_count = message_count + ?4,
             title = coalesce(title, ?5), last_text = coalesce(?6, last_text),
             last_role = CASE WHEN ?6 IS NULL THEN last_role ELSE ?7 END
         WHERE session_id = ?1",
    )?
    .execute(params![
        entry.session_id,
        int(entry.seq),
        entry.id,
        i64::from(entry.message().is_some()),
        title,
        preview,
        role,
    ])?;
    Ok(entry)
}

fn tail(conn: &Connection, session_id: &str) -> Result<Option<Tail>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT session_key, last_seq, leaf, title IS NOT NULL FROM transcripts WHERE session_id = ?",
    )?;
    let tail = statement.query_row([session_id], |row| {
        let mut columns = Columns::of(row);
        let key = SessionKey::from_store(columns.next::<String>()?);
        Ok(Tail { key, seq: columns.next()?, leaf: columns.next()?, has_title: columns.next()? })
    });
    Ok(tail.optional()?)
}

/// The session's row moves up with what was appended, if this is still its transcript.
fn touch(conn: &Connection, session_id: &str, entry: &Entry, now: i64) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT s.key FROM transcripts t JOIN sessions s ON s.key = t.session_key AND s.session_id = t.session_id
         WHERE t.session_id = ?",
    )?;
    let key: Option<String> = statement.query_row([session_id], |row| row.get(0)).optional()?;
    let Some(key) = key else { return Ok(()) };
    let mut session = sessions::require(conn, &SessionKey::from_store(key))?;
    session.updated_at = session.updated_at.max(now);
    session.last_activity_at = session.last_activity_at.max(entry.at.min(now));
    sessions::save(conn, &session)
}

/// Whose visible text an entry carries.
fn visible(body: &Body) -> (Option<&'static str>, Option<String>) {
    let Body::Message { message } = body else { return (None, None) };
    let (role, text) = match message {
        Message::User(user) => ("user", user.content.text()),
        Message::Assistant(assistant) => ("assistant", assistant.text()),
        Message::ToolResult(_) => return (None, None),
    };
    (Some(role), Some(text).filter(|text| !text.trim().is_empty()))
}

/// `text` on one line, at most `max` characters, cut with an ellipsis.
fn line(text: &str, max: usize) -> String {
    let mut words = text.split_whitespace();
    let mut line = String::from(words.next().unwrap_or_default());
    for word in words {
        if line.len() > max * 4 {
            break;
        }
        line.push(' ');
        line.push_str(word);
    }
    match line.char_indices().nth(max) {
        None => line,
        Some(_) => {
            let mut cut: String = line.chars().take(max - 1).collect();
            cut.push('…');
            cut
        }
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_preview_is_one_line_and_cut_at_a_character() {
        assert_eq!(line("  two\n words ", 20), "two words");
        assert_eq!(line("日本語日本語", 4), "日本語…");
        assert_eq!(line("", 4), "");
        assert_eq!(line(&"x".repeat(9_000), 5), "xxxx…");
    }
}
