//! A transcript as JSON lines, for people to keep and other programs to read (A-4.1a, A-4.2).

use std::io::Write;

use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Entry;
use super::read::entries_after;
use crate::{Store, StoreError};

/// The version of the header that 2026.9 writes (A-4.1a).
const VERSION: u32 = 4;
/// Entries in memory at once.
const CHUNK: u64 = 500;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    r#type: &'static str,
    version: u32,
    id: &'a str,
    timestamp: String,
    cwd: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_session: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    r#type: &'a str,
    id: &'a str,
    parent_id: Option<&'a str>,
    timestamp: String,
    #[serde(flatten)]
    payload: Map<String, Value>,
}

impl Store {
    /// Writes a transcript as JSON lines, the header first, and gives `out` back. It is one snapshot: what is appended
    /// meanwhile is not in it.
    ///
    /// # Errors
    /// [`StoreError::NoTranscript`], [`StoreError::Io`] when `out` refuses, or when the database cannot be read.
    pub async fn export_jsonl<W: Write + Send + 'static>(&self, session_id: &str, mut out: W) -> Result<W, StoreError> {
        let session_id = session_id.to_owned();
        self.read(move |conn| {
            write_line(&mut out, &header(conn, &session_id)?)?;
            let mut after = 0;
            loop {
                let entries = entries_after(conn, &session_id, after, CHUNK)?;
                let Some(last) = entries.last() else { break };
                after = last.seq;
                for entry in &entries {
                    write_line(&mut out, &line(entry))?;
                }
            }
            out.flush().map_err(refused)?;
            Ok(out)
        })
        .await
    }
}

fn header<'a>(conn: &Connection, session_id: &'a str) -> Result<Header<'a>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT created_at, cwd, parent FROM transcripts WHERE session_id = ?")?;
    let found = statement.query_row([session_id], |row| {
        Ok(Header {
            r#type: "session",
            version: VERSION,
            id: session_id,
            timestamp: base::iso(row.get(0)?),
            cwd: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            parent_session: row.get(2)?,
        })
    });
    found.optional()?.ok_or_else(|| StoreError::NoTranscript(session_id.to_owned()))
}

fn line(entry: &Entry) -> Line<'_> {
    Line {
        r#type: entry.kind(),
        id: &entry.id,
        parent_id: entry.parent_id.as_deref(),
        timestamp: base::iso(entry.at),
        payload: entry.payload(),
    }
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> Result<(), StoreError> {
    let mut bytes = serde_json::to_vec(line).map_err(|error| StoreError::unreadable("a transcript entry", error))?;
    bytes.push(b'\n');
    out.write_all(&bytes).map_err(refused)
}

fn refused(error: std::io::Error) -> StoreError {
    StoreError::io(std::path::Path::new("the export"), error)
}
