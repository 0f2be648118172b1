//! Sessions: one row per key, with what a person set and what its last run left.

mod change;
mod list;
mod patch;
mod row;
mod upkeep;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wire::{AgentId, SessionKey};

pub use list::{Archived, SessionFilter, SessionPage, SortBy};
pub use patch::{Change, SessionPatch};
pub(crate) use row::{create, load, require, save};
pub use upkeep::Upkeep;

/// Longest label in characters.
pub const LABEL_MAX: usize = 64;

/// How a session's last run stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Nothing ran yet.
    #[default]
    Idle,
    /// A run is under way.
    Running,
    /// The last run completed.
    Done,
    /// It failed.
    Failed,
    /// Somebody stopped it.
    Killed,
    /// It took too long.
    Timeout,
}

impl RunStatus {
    /// The word in a session row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::Timeout => "timeout",
        }
    }
}

/// Who chose a session's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelSource {
    /// A person, explicitly; such a choice is strict.
    User,
    /// The Gateway.
    Auto,
    /// The configuration.
    Default,
}

/// Where a session came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the names are those of A-3.2 and say all there is")]
pub struct Origin {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surface: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Where replies go: the channel the last message came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The channel.
    pub channel: String,
    /// The chat there.
    pub to: String,
    /// The account of ours that speaks there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The thread or topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
}

/// One session. Times are milliseconds; absent ones never happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Its canonical key.
    pub key: SessionKey,
    /// The agent it belongs to.
    pub agent: AgentId,
    /// Names the transcript; a reset gives a new one.
    pub session_id: String,
    /// Unique among all sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A name for people; need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// When the key was first used.
    pub created_at: i64,
    /// When this session id began.
    pub started_session_at: i64,
    /// When anything but a read mark changed.
    pub updated_at: i64,
    /// When a person last wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_interaction_at: Option<i64>,
    /// When a run or a person last did something.
    pub last_activity_at: i64,
    /// How the last run stands.
    #[serde(default)]
    pub status: RunStatus,
    /// When the last run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// The last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_id: Option<String>,
    /// Why it failed, one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_error: Option<String>,
    /// Whether somebody stopped it.
    #[serde(default)]
    pub aborted_last_run: bool,
    /// How hard to think, when the session says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<String>,
    /// `/verbose`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbose_level: Option<String>,
    /// `/reasoning`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_level: Option<String>,
    /// The model chosen for this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_override: Option<String>,
    /// Its provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_override: Option<String>,
    /// Who chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_override_source: Option<ModelSource>,
    /// The model that answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_provider: Option<String>,
    /// Tokens the last run read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens the last run wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Tokens of the conversation as the model last saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// The window of the model that answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// When it was put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<i64>,
    /// When it was pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<i64>,
    /// When a person last looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_read_at: Option<i64>,
    /// When a person marked it unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked_unread_at: Option<i64>,
    /// What happens to a message while a run is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_mode: Option<String>,
    /// The session whose run started this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spawned_by: Option<SessionKey>,
    /// `direct`, `group` or `channel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_type: Option<String>,
    /// The channel it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Where replies go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// The rest of, by its name there.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// Messages in the transcript. This and what follows is kept with the transcript, not with the session.
    #[serde(skip)]
    pub message_count: u64,
    /// The number of the transcript's newest entry; 0 when it is empty.
    #[serde(skip)]
    pub last_seq: u64,
    /// The first thing a person said, shortened to one line.
    #[serde(skip)]
    pub derived_title: Option<String>,
    /// The newest visible text, shortened to one line.
    #[serde(skip)]
    pub last_message: Option<String>,
    /// Whose it is: `user` or `assistant`.
    #[serde(skip)]
    pub last_message_role: Option<String>,
}

/// What a new session starts with; everything may be left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewSession {
    /// Its session id; a new one is made when absent.
    pub session_id: Option<String>,
    /// Unique among all sessions.
    pub label: Option<String>,
    /// A name for people.
    pub display_name: Option<String>,
    /// `direct`, `group` or `channel`.
    pub chat_type: Option<String>,
    /// The channel it belongs to.
    pub channel: Option<String>,
    /// The session whose run starts this one.
    pub spawned_by: Option<SessionKey>,
    /// Where it came from.
    pub origin: Option<Origin>,
    /// Where replies go.
    pub route: Option<Route>,
    /// The model to use.
    pub model_override: Option<String>,
    /// Its provider.
    pub provider_override: Option<String>,
    /// Who chose it.
    pub model_override_source: Option<ModelSource>,
    /// How hard to think.
    pub thinking_level: Option<String>,
    /// The folder its runs work in, for the header of an export.
    pub cwd: Option<String>,
    /// The session id this one continues or was forked from.
    pub parent_session: Option<String>,
    /// The rest of, by its name there.
    pub extra: Map<String, Value>,
}
