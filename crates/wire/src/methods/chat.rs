//! `chat.*`: say something, stop it, inject a note, and the small reads around it. What was said before is in
//! [`super::chat_history`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Method;

/// `chat.send`
pub struct Send;

impl Method for Send {
    const NAME: &'static str = "chat.send";
    type Params = SendParams;
    type Result = SendResult;
}

/// What to say, and where. Accepted durably before it is answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendParams {
    /// A full key, a bare rest, or `main`.
    pub session_key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The transcript the client believes is current; another one refuses the message, since it was meant for a
    /// conversation that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The text; may be empty when there are attachments.
    pub message: String,
    /// The newest entry the client knows; when there is a newer one the message is refused, since it was written
    /// without knowing it. While a run is under way any entry of the transcript will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_leaf_entry_id: Option<String>,
    /// What to do while a run is under way; `followup` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_mode: Option<QueueMode>,
    /// A thinking level for this message only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// Whether a channel should get the reply too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver: Option<bool>,
    /// Pictures and files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Attachment>>,
    /// Longest run, 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Whether a leading `/` is just text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress_command_interpretation: Option<bool>,
    /// Becomes the run id; the same key never runs twice.
    pub idempotency_key: String,
}

/// What a message does while a run of its session is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueMode {
    /// It waits for its turn.
    #[default]
    Followup,
    /// The running turn takes it in before its next step; otherwise it waits like `followup`.
    #[serde(alias = "queue", alias = "steer-backlog", alias = "steer+backlog")]
    Steer,
    /// It waits for quiet, and several become one turn.
    Collect,
    /// It stops what runs and what waits, and goes first.
    Interrupt,
}

/// A picture or file beside a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    /// `image`, `file`, …
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Base64, or a `data:` URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
}

/// What became of a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SendResult {
    /// The idempotency key.
    pub run_id: String,
    /// `started`; for a repeated key `in_flight`, or after the end `ok`, `error` or `timeout`.
    pub status: String,
    /// One or two words about an ended run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Why an ended run stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// When it ended, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
}

/// `chat.abort`
pub struct Abort;

impl Method for Abort {
    const NAME: &'static str = "chat.abort";
    type Params = AbortParams;
    type Result = AbortResult;
}

/// What to stop.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AbortParams {
    /// Where.
    pub session_key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// One run; all of the session's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// What was stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AbortResult {
    /// Always true.
    pub ok: bool,
    /// Whether there was anything to stop.
    pub aborted: bool,
    /// The stopped runs, waiting ones first.
    pub run_ids: Vec<String>,
}

/// `chat.inject`
pub struct Inject;

impl Method for Inject {
    const NAME: &'static str = "chat.inject";
    type Params = InjectParams;
    type Result = InjectResult;
}

/// A note to append to a transcript without a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InjectParams {
    /// Where.
    pub session_key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The text.
    pub message: String,
    /// Written before it in brackets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Where the note is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InjectResult {
    /// Always true.
    pub ok: bool,
    /// The transcript entry.
    pub message_id: String,
}

/// `chat.message.get`
pub struct MessageGet;

impl Method for MessageGet {
    const NAME: &'static str = "chat.message.get";
    type Params = MessageGetParams;
    type Result = MessageGetResult;
}

/// Which message to read whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageGetParams {
    /// Where.
    pub session_key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The transcript entry.
    pub message_id: String,
    /// Most characters to send, at most 2 000 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<usize>,
}

/// The message, or why not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageGetResult {
    /// Whether it is here.
    pub ok: bool,
    /// The message as `chat.history` shows it, but whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
    /// `not_found`, `oversized` or `not_visible`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable_reason: Option<String>,
}

/// `chat.metadata`
pub struct Metadata;

impl Method for Metadata {
    const NAME: &'static str = "chat.metadata";
    type Params = MetadataParams;
    type Result = MetadataResult;
}

/// Which chat.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetadataParams {
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
}

/// What a composer offers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataResult {
    /// Models to choose from.
    pub models: Vec<super::models::ModelChoice>,
    /// Commands to type.
    pub commands: Vec<super::commands::CommandEntry>,
    /// Whether several agents can work on one message; not here.
    pub swarm_enabled: bool,
    /// Whether the session may not choose how it is run; it may.
    pub runtime_selection_locked: bool,
}
