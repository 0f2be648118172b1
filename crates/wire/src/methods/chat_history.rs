//! `chat.history` and `chat.startup`: what was said, as a chat shows it (A-4.7).
//!
//! A first call gives the newest messages and an opaque `deltaCursor`. A call with that cursor gives what was added
//! since (`kind: "delta"`), or says that the cursor belongs to another transcript (`kind: "reset"`) and the client
//! starts over.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Method;
use crate::session::{Defaults, PlacedMessage, SessionRow};

/// `chat.history`
pub struct History;

impl Method for History {
    const NAME: &'static str = "chat.history";
    type Params = HistoryParams;
    type Result = HistoryResult;
}

/// `chat.startup`: the first page and everything else a chat page needs, in one answer.
pub struct Startup;

impl Method for Startup {
    const NAME: &'static str = "chat.startup";
    type Params = HistoryParams;
    type Result = Page;
}

/// Which messages.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryParams {
    /// Where.
    pub session_key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// A `deltaCursor` of an earlier answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Most messages, 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many of the newest to skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// Most characters of one message's text, at most 500 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<usize>,
    /// Most bytes of all messages together; the oldest are left out first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<usize>,
}

/// Messages, in one of three forms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HistoryResult {
    /// What was added since the cursor.
    Delta(Box<Delta>),
    /// The cursor is of another transcript.
    Reset(Reset),
    /// The newest messages.
    Page(Box<Page>),
}

/// The newest messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The canonical key.
    pub session_key: String,
    /// The current transcript; absent before the first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Oldest first.
    pub messages: Vec<Value>,
    /// Accepted, but not in the transcript yet.
    pub pending_inputs: PendingInputs,
    /// To ask for what comes after these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_cursor: Option<String>,
    /// The `offset` of the next older page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<u64>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// Messages in the transcript.
    pub total_messages: u64,
    /// What a new session starts with.
    pub defaults: Defaults,
    /// The session; absent before the first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_info: Option<SessionRow>,
    /// The thinking level in force.
    pub thinking_level: String,
    /// The run under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight_run: Option<InFlightRun>,
    /// With `chat.startup` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<super::chat::MetadataResult>,
}

/// What was added since the cursor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delta {
    /// `delta`.
    pub kind: DeltaKind,
    /// Oldest first, each with its place.
    pub messages: Vec<PlacedMessage>,
    /// To ask for what comes after these.
    pub delta_cursor: String,
    /// Accepted, but not in the transcript yet.
    pub pending_inputs: PendingInputs,
    /// The session as it is now.
    pub session_info: SessionRow,
    /// The run under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight_run: Option<InFlightRun>,
}

/// The word `delta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeltaKind {
    /// `delta`
    Delta,
}

/// The client must start over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// `reset`.
    pub kind: ResetKind,
}

/// The word `reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResetKind {
    /// `reset`
    Reset,
}

/// Accepted, but not in the transcript yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PendingInputs {
    /// Oldest first.
    pub items: Vec<PendingInput>,
    /// How many there are.
    pub total: u64,
}

/// One accepted message that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingInput {
    /// The run it will be.
    pub id: String,
    /// The same.
    pub run_id: String,
    /// As it will be in the transcript.
    pub message: Value,
    /// In milliseconds.
    pub accepted_at: i64,
    /// `queued`, or `interrupted` when a stopped Gateway left it.
    pub state: String,
}

/// The run under way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InFlightRun {
    /// Which.
    pub run_id: String,
    /// What it said so far.
    pub text: String,
    /// When it began, in milliseconds.
    pub started_at: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_told_apart() {
        let reset: HistoryResult = serde_json::from_str(r#"{"kind":"reset"}"#).unwrap();
        assert_eq!(reset, HistoryResult::Reset(Reset { kind: ResetKind::Reset }));
        let page = serde_json::to_value(HistoryResult::Page(Box::default())).unwrap();
        assert!(page.get("kind").is_none());
        assert!(matches!(serde_json::from_value(page).unwrap(), HistoryResult::Page(_)));
    }
}
