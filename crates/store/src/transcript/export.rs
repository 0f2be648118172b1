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
/// About how much a page of an export carries; one entry may be larger.
const PAGE_BYTES: usize = 1024 * 1024;

/// A part of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPage {
    /// Lines without line breaks; the header is the first of the first page.
    pub lines: Vec<String>,
    /// The number of the last entry in it, when more follows.
    pub next: Option<u64>,
}

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
    /// The lines of a transcript after the entry numbered `after`, or from the header on. A transcript only grows, so
    /// the pages together are what [`Store::export_jsonl`] writes.
    ///
    /// # Errors
    /// [`StoreError::NoTranscript`], or when the database cannot be read.
    pub async fn export_page(&self, session_id: &str, after: Option<u64>) -> Result<ExportPage, StoreError> {
        let session_id = session_id.to_owned();
        self.read(move |conn| {
            let header = header(conn, &session_id)?;
            let mut lines = if after.is_none() { vec![text(&header)?] } else { Vec::new() };
            let mut bytes = lines.iter().map(String::len).sum::<usize>();
            let (mut last, entries) =
                (after.unwrap_or(0), entries_after(conn, &session_id, after.unwrap_or(0), CHUNK)?);
            let may_have_more = entries.len() as u64 == CHUNK;
            for entry in entries {
                if bytes >= PAGE_BYTES {
                    return Ok(ExportPage { lines, next: Some(last) });
                }
                lines.push(text(&line(&entry))?);
                bytes += lines.last().map_or(0, String::len);
                last = entry.seq;
            }
            Ok(ExportPage { lines, next: may_have_more.then_some(last) })
        })
        .await
    }

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

fn text(line: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(line).map_err(|error| StoreError::unreadable("a transcript entry", error))
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> Result<(), StoreError> {
    let line = text(line)? + "\n";
    out.write_all(line.as_bytes()).map_err(refused)
}

fn refused(error: std::io::Error) -> StoreError {
    StoreError::io(std::path::Path::new("the export"), error)
}
