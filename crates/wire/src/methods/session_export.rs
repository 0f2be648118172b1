//! `sessions.export`: a transcript as the lines of its JSON Lines file, a page at a time; a method of ours (A-4.1a).

use serde::{Deserialize, Serialize};

use super::Method;

/// `sessions.export`
#[derive(Debug)]
pub struct Export;

impl Method for Export {
    const NAME: &'static str = "sessions.export";
    type Params = ExportParams;
    type Result = ExportResult;
}

/// Which transcript, and from where.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportParams {
    /// The session's key, or a name of it.
    pub key: String,
    /// The agent a short key belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The `sessionId` of the first page, so that a reset meanwhile does not mix two transcripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// A page of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportResult {
    /// The transcript.
    pub session_id: String,
    /// Its lines without line breaks; the first page begins with the header.
    pub lines: Vec<String>,
    /// Ask on from here; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}
