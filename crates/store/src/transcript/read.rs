//! Reading a transcript: a page for people, a window for the model.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use wire::SessionKey;
use wire::message::Message;

use super::{Body, Entry, StoredMessage, Transcript};
use crate::sql::{Columns, int};
use crate::{Store, StoreError};

/// Most rows of one history page.
pub const HISTORY_MAX: u64 = 1000;

const ENTRY: &str = "id, session_id, seq, parent_id, run_id, at, payload";

/// Which part of a transcript to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Most rows, at most [`HISTORY_MAX`].
    pub limit: u64,
    /// Only entries before this number: the newest of them.
    pub before_seq: Option<u64>,
    /// Only entries after this number: the oldest of them, unless `before_seq` is given too.
    pub after_seq: Option<u64>,
    /// Leave out everything that is not a message.
    pub messages_only: bool,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self { limit: 200, before_seq: None, after_seq: None, messages_only: true }
    }
}

/// A page of a transcript, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPage {
    /// The entries.
    pub rows: Vec<Entry>,
    /// Whether there are more in the direction of reading: older ones, or with `after_seq` alone newer ones.
    pub has_more: bool,
    /// Messages in the whole transcript.
    pub total: u64,
    /// The number of its newest entry.
    pub last_seq: u64,
}

/// What a model should see of a transcript: the last summary, if any, and the messages since.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Window {
    /// What the last compaction says of everything before.
    pub summary: Option<String>,
    /// The messages since, oldest first.
    pub messages: Vec<StoredMessage>,
}

impl Store {
    /// Every message of a transcript, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn messages(&self, session_id: &str) -> Result<Vec<StoredMessage>, StoreError> {
        let session_id = session_id.to_owned();
        self.read(move |conn| messages_from(conn, &session_id, 0)).await
    }

    /// What a model should see of a transcript: everything since the last compaction or reset in it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn window(&self, session_id: &str) -> Result<Window, StoreError> {
        let session_id = session_id.to_owned();
        self.read(move |conn| {
            let (summary, first) = match last_mark(conn, &session_id)? {
                None => (None, 0),
                Some((seq, Body::Compaction { summary, first_kept_entry_id, .. })) => {
                    (Some(summary), seq_of(conn, &session_id, Some(&first_kept_entry_id), seq)?)
                }
                Some((seq, Body::Reset { first_kept_entry_id })) => {
                    (None, seq_of(conn, &session_id, first_kept_entry_id.as_deref(), seq)?)
                }
                Some((seq, _)) => (None, seq),
            };
            Ok(Window { summary, messages: messages_from(conn, &session_id, first)? })
        })
        .await
    }

    /// A page of a transcript.
    ///
    /// # Errors
    /// [`StoreError::NoTranscript`], or when the database cannot be read.
    pub async fn history(&self, session_id: &str, query: HistoryQuery) -> Result<HistoryPage, StoreError> {
        let session_id = session_id.to_owned();
        self.read(move |conn| page(conn, &session_id, query)).await
    }

    /// One entry of a session by its id, in the current transcript or an older one of the same key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn message(&self, session_key: &SessionKey, entry_id: &str) -> Result<Option<Entry>, StoreError> {
        let (key, id) = (session_key.clone(), entry_id.to_owned());
        self.read(move |conn| {
            let mut owner = conn.prepare_cached(
                "SELECT 1 FROM entries e JOIN transcripts t USING (session_id) WHERE e.id = ? AND t.session_key = ?",
            )?;
            if owner.exists(params![id, key.as_str()])? { entry_by_id(conn, &id) } else { Ok(None) }
        })
        .await
    }

    /// The transcripts of a key, newest first; the first is the current one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn transcripts(&self, session_key: &SessionKey) -> Result<Vec<Transcript>, StoreError> {
        let key = session_key.clone();
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT t.session_id, t.parent, t.reason, t.created_at, t.last_seq, t.message_count, t.title
                 FROM transcripts t JOIN sessions s ON s.key = t.session_key WHERE t.session_key = ?
                 ORDER BY t.session_id = s.session_id DESC, t.created_at DESC, t.session_id",
            )?;
            let found = statement.query_map([key.as_str()], |row| {
                let mut columns = Columns::of(row);
                Ok(Transcript {
                    session_id: columns.next()?,
                    parent: columns.next()?,
                    reason: columns.next()?,
                    created_at: columns.next()?,
                    last_seq: columns.count()?,
                    message_count: columns.count()?,
                    title: columns.next()?,
                })
            })?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// The entry with this id.
pub(crate) fn entry_by_id(conn: &Connection, id: &str) -> Result<Option<Entry>, StoreError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {ENTRY} FROM entries WHERE id = ?"))?;
    statement.query_row([id], |row| Ok(read(row))).optional()?.transpose()
}

/// Entries of a transcript in order, from `after` (exclusive), at most `limit`; for an export.
pub(super) fn entries_after(
    conn: &Connection,
    session_id: &str,
    after: u64,
    limit: u64,
) -> Result<Vec<Entry>, StoreError> {
    let sql = format!("SELECT {ENTRY} FROM entries WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT ?");
    let mut statement = conn.prepare_cached(&sql)?;
    collect(statement.query(params![session_id, int(after), int(limit)])?)
}

fn read(row: &Row<'_>) -> Result<Entry, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Entry {
        id: columns.next()?,
        session_id: columns.next()?,
        seq: columns.count()?,
        parent_id: columns.next()?,
        run_id: columns.next()?,
        at: columns.next()?,
        body: Body::from_text(&columns.next::<String>()?)?,
    })
}

fn collect(mut found: rusqlite::Rows<'_>) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    while let Some(row) = found.next()? {
        entries.push(read(row)?);
    }
    Ok(entries)
}

/// The statement of one page; both directions are a range of one index, whatever the transcript's length.
pub(super) fn page_sql(query: HistoryQuery) -> String {
    let kind = if query.messages_only { "AND kind = 'message'" } else { "" };
    let order = if is_forward(query) { "ASC" } else { "DESC" };
    format!(
        "SELECT {ENTRY} FROM entries WHERE session_id = ?1 AND seq > ?2 AND seq < ?3 {kind} ORDER BY seq {order} LIMIT ?4"
    )
}

const fn is_forward(query: HistoryQuery) -> bool {
    query.after_seq.is_some() && query.before_seq.is_none()
}

fn page(conn: &Connection, session_id: &str, query: HistoryQuery) -> Result<HistoryPage, StoreError> {
    let mut counters = conn.prepare_cached("SELECT message_count, last_seq FROM transcripts WHERE session_id = ?")?;
    let counted = counters.query_row([session_id], |row| {
        let mut columns = Columns::of(row);
        Ok((columns.count()?, columns.count()?))
    });
    let (total, last_seq) = counted.optional()?.ok_or_else(|| StoreError::NoTranscript(session_id.to_owned()))?;

    let limit = query.limit.clamp(1, HISTORY_MAX);
    let (after, before) = (query.after_seq.unwrap_or(0), query.before_seq.unwrap_or(u64::MAX));
    let mut statement = conn.prepare_cached(&page_sql(query))?;
    // One more than asked for tells whether there is more.
    let mut rows = collect(statement.query(params![session_id, int(after), int(before), int(limit + 1)])?)?;
    let has_more = rows.len() as u64 > limit;
    if has_more {
        rows.pop();
    }
    if !is_forward(query) {
        rows.reverse();
    }
    Ok(HistoryPage { rows, has_more, total, last_seq })
}

fn messages_from(conn: &Connection, session_id: &str, first: u64) -> Result<Vec<StoredMessage>, StoreError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {ENTRY} FROM entries WHERE session_id = ? AND seq >= ? AND kind = 'message' ORDER BY seq"
    ))?;
    let entries = collect(statement.query(params![session_id, int(first)])?)?;
    Ok(entries.into_iter().filter_map(stored).collect())
}

fn stored(entry: Entry) -> Option<StoredMessage> {
    let Body::Message { message } = entry.body else { return None };
    let message: Message = message;
    Some(StoredMessage { entry_id: entry.id, seq: entry.seq, run_id: entry.run_id, message, at: entry.at })
}

/// The newest compaction or reset in a transcript.
fn last_mark(conn: &Connection, session_id: &str) -> Result<Option<(u64, Body)>, StoreError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {ENTRY} FROM entries WHERE session_id = ? AND kind IN ('compaction', 'reset') ORDER BY seq DESC LIMIT 1"
    ))?;
    let found = statement.query_row([session_id], |row| Ok(read(row))).optional()?.transpose()?;
    Ok(found.map(|entry| (entry.seq, entry.body)))
}

/// The number of an entry of this transcript, or `otherwise` when it names none.
fn seq_of(conn: &Connection, session_id: &str, id: Option<&str>, otherwise: u64) -> Result<u64, StoreError> {
    let mut statement = conn.prepare_cached("SELECT seq FROM entries WHERE id = ? AND session_id = ?")?;
    let seq = statement.query_row(params![id, session_id], |row| Columns::of(row).count());
    Ok(seq.optional()?.unwrap_or(otherwise))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// a page of a long transcript reads its rows and no others.
    #[test]
    fn every_page_is_a_range_of_one_index() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("../../schema/v1.sql")).unwrap();
        for messages_only in [true, false] {
            for (before_seq, after_seq) in [(None, None), (Some(9), None), (None, Some(9)), (Some(9), Some(5))] {
                let sql = page_sql(HistoryQuery { limit: 200, before_seq, after_seq, messages_only });
                let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let steps = plan.query_map(params!["s", 0, 9, 201], |row| row.get::<_, String>(3)).unwrap();
                let steps: Vec<String> = steps.map(Result::unwrap).collect();
                let [step] = steps.as_slice() else { panic!("more than one step: {steps:?}") };
                assert!(step.starts_with("SEARCH entries USING INDEX entries_"), "{step}");
                assert!(step.ends_with("(session_id=? AND seq>? AND seq<?)"), "{step}");
            }
        }
    }
}
