//! `sessions.*` that change something: create, patch, reset, delete, send, abort.

use serde::{Deserialize, Serialize};

use super::Method;
use super::chat::{AbortResult, Attachment, SendResult};
use crate::nullable;
use crate::session::SessionRow;

/// `sessions.create`
pub struct Create;

impl Method for Create {
    const NAME: &'static str = "sessions.create";
    type Params = CreateParams;
    type Result = CreateResult;
}

/// What the new session is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateParams {
    /// Its key; a random one when absent. An existing session is returned as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// A unique name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What to call it in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A model for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A thinking level for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<String>,
    /// The session that starts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_session_key: Option<String>,
    /// A first message, which runs at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The same under its other name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The first message's run id; a random one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// The new session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateResult {
    /// Always true.
    pub ok: bool,
    /// The canonical key.
    pub key: String,
    /// Its transcript.
    pub session_id: String,
    /// The session.
    pub entry: SessionRow,
    /// Whether a first message runs.
    pub run_started: bool,
    /// Under which id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// `sessions.patch`
pub struct Patch;

impl Method for Patch {
    const NAME: &'static str = "sessions.patch";
    type Params = PatchParams;
    type Result = PatchResult;
}

/// What to change; absent leaves alone, `null` clears. Labels, pins, the archive, read marks, thinking and the model
/// need `operator.write`; everything that decides what runs may do needs `operator.admin`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatchParams {
    /// Which session; it must exist.
    pub key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Change nothing unless this is its transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_session_id: Option<String>,
    /// A unique name, at most 64 characters.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub label: Option<Option<String>>,
    /// Whether it is put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Whether it stays on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Marks it read or unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
    /// A thinking level the model has.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<Option<String>>,
    /// `off`, `on`, `full`.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub verbose_level: Option<Option<String>>,
    /// `off`, `on`, `stream`.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub reasoning_level: Option<Option<String>>,
    /// A model of the catalog.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub model: Option<Option<String>>,
    /// Decides what runs may do; not built, refused by name.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub exec_host: Option<Option<String>>,
    /// Decides what runs may do; not built, refused by name.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub exec_security: Option<Option<String>>,
    /// Decides what runs may do; not built, refused by name.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub exec_ask: Option<Option<String>>,
    /// Decides what runs may do; not built, refused by name.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub exec_node: Option<Option<String>>,
    /// Decides what runs may do; not built, refused by name.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub permission_mode: Option<Option<String>>,
    /// Decides what runs may do; not built, refused by name.
    #[serde(default, deserialize_with = "nullable::read", skip_serializing_if = "Option::is_none")]
    pub elevated_level: Option<Option<String>>,
}

/// The session after the change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PatchResult {
    /// Always true.
    pub ok: bool,
    /// Where it is kept.
    pub path: String,
    /// The canonical key.
    pub key: String,
    /// The session.
    pub entry: SessionRow,
    /// What answers in it now.
    pub resolved: Resolved,
}

/// What answers in a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// The provider; `null` when none can.
    pub model_provider: Option<String>,
    /// The model.
    pub model: Option<String>,
}

/// `sessions.reset`: a new transcript under the same key; the old one is kept.
pub struct Reset;

impl Method for Reset {
    const NAME: &'static str = "sessions.reset";
    type Params = ResetParams;
    type Result = ResetResult;
}

/// Which session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResetParams {
    /// Its key.
    pub key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// `new` or `reset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The session with its new transcript.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ResetResult {
    /// Always true.
    pub ok: bool,
    /// The canonical key.
    pub key: String,
    /// The session.
    pub entry: SessionRow,
}

/// `sessions.delete`
pub struct Delete;

impl Method for Delete {
    const NAME: &'static str = "sessions.delete";
    type Params = DeleteParams;
    type Result = DeleteResult;
}

/// Which session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteParams {
    /// Its key; not a main session's.
    pub key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Delete nothing unless this is its transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_session_id: Option<String>,
    /// Only if it is archived; all that `operator.write` may delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_only: Option<bool>,
}

/// Whether it was there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteResult {
    /// Always true.
    pub ok: bool,
    /// The canonical key.
    pub key: String,
    /// Whether there was anything to delete.
    pub deleted: bool,
    /// Files kept of it; transcripts go with the session, so none.
    pub archived: Vec<String>,
}

/// `sessions.send`: `chat.send` by key, with the key optional.
pub struct Send;

impl Method for Send {
    const NAME: &'static str = "sessions.send";
    type Params = SendParams;
    type Result = SendResult;
}

/// What to say, and where.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendParams {
    /// The session's key.
    pub key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The text.
    pub message: String,
    /// A thinking level for this message only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// Pictures and files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Attachment>>,
    /// Longest run, 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The run id; a random one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// `sessions.abort`
pub struct Abort;

impl Method for Abort {
    const NAME: &'static str = "sessions.abort";
    type Params = AbortParams;
    type Result = AbortResult;
}

/// What to stop: a run, or everything of a session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AbortParams {
    /// The session's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Whose, when the key does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Whether waiting messages go too; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clear_queued: Option<bool>,
}
