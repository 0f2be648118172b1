//! Transcripts: an append-only tree of entries per session id.

mod append;
mod body;
mod export;
mod read;

use serde_json::{Map, Value};
use wire::message::Message;

pub(crate) use append::{append, begin, cwd};
pub use body::Body;
pub use export::ExportPage;
pub(crate) use read::entry_by_id;
pub use read::{HISTORY_MAX, HistoryPage, HistoryQuery, Window};

/// One entry of a transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Unique among all entries.
    pub id: String,
    /// The transcript.
    pub session_id: String,
    /// Its number there, from 1 without gaps.
    pub seq: u64,
    /// The entry it follows; `None` for the first.
    pub parent_id: Option<String>,
    /// The run that wrote it.
    pub run_id: Option<String>,
    /// When, in milliseconds.
    pub at: i64,
    /// What it is.
    pub body: Body,
}

impl Entry {
    /// Its type as in an export.
    pub fn kind(&self) -> &str {
        self.body.kind()
    }

    /// What its line in an export has beside type, id, parent and time.
    pub fn payload(&self) -> Map<String, Value> {
        self.body.payload()
    }

    /// The message, if it is one.
    pub const fn message(&self) -> Option<&Message> {
        match &self.body {
            Body::Message { message } => Some(message),
            _ => None,
        }
    }
}

/// An entry to append.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// Its id; a new one is made when absent.
    pub id: Option<String>,
    /// When; now when absent.
    pub at: Option<i64>,
    /// What it is.
    pub body: Body,
}

impl NewEntry {
    /// A message.
    pub const fn message(message: Message) -> Self {
        Self { id: None, at: None, body: Body::Message { message } }
    }
}

impl From<Message> for NewEntry {
    fn from(message: Message) -> Self {
        Self::message(message)
    }
}

impl From<Body> for NewEntry {
    fn from(body: Body) -> Self {
        Self { id: None, at: None, body }
    }
}

/// A message of a transcript with its place there.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMessage {
    /// The entry.
    pub entry_id: String,
    /// Its number in the transcript.
    pub seq: u64,
    /// The run that wrote it.
    pub run_id: Option<String>,
    /// The message.
    pub message: Message,
    /// When, in milliseconds.
    pub at: i64,
}

/// One conversation of a session key: the current one, or one that a reset left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// Its session id.
    pub session_id: String,
    /// The one before it.
    pub parent: Option<String>,
    /// Why it began, when a reset began it.
    pub reason: Option<String>,
    /// When, in milliseconds.
    pub created_at: i64,
    /// The number of its newest entry; 0 when it is empty.
    pub last_seq: u64,
    /// How many of its entries are messages.
    pub message_count: u64,
    /// The first thing a person said.
    pub title: Option<String>,
}
