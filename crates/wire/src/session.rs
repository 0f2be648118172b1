//! A session as every list, description and event shows it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{AgentId, SessionKey};
use crate::methods::models::ThinkingLevel;

/// One session. Absent fields are unknown or unset; nothing here is made up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionRow {
    /// The canonical key.
    pub key: String,
    /// The current transcript's id; `/new` changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The agent it belongs to.
    pub agent_id: String,
    /// `direct`, `group` or `global`.
    pub kind: String,
    /// `main`, `direct`, `group`, `cron`, `hook`, `subagent`, `explicit`.
    pub classification: String,
    /// Whether it is its agent's main session.
    pub is_main: bool,
    /// Whether no person talks in it.
    pub is_background: bool,
    /// `direct`, `group` or `channel`.
    pub chat_type: String,
    /// `shared`: whoever may read this Gateway may read it.
    pub visibility: String,
    /// The name a person gave it; unique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What to call it in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A title taken from the first message, on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derived_title: Option<String>,
    /// The last visible text, shortened, on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message_preview: Option<String>,
    /// The channel it talks over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The session that started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spawned_by: Option<String>,
    /// When it first was there, in milliseconds like every time here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// When the current transcript began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_started_at: Option<i64>,
    /// The last change of any kind.
    pub updated_at: Option<i64>,
    /// The last message of a person or channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_interaction_at: Option<i64>,
    /// The last sign of life, runs included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activity_at: Option<i64>,
    /// Whether it is put away.
    pub archived: bool,
    /// Since when.
    pub archived_at: Option<i64>,
    /// Whether it stays on top.
    pub pinned: bool,
    /// Since when.
    pub pinned_at: Option<i64>,
    /// Whether something in it was not read yet.
    pub unread: bool,
    /// When it was last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_read_at: Option<i64>,
    /// When a person marked it unread.
    pub marked_unread_at: Option<i64>,
    /// `queued`, `running`, `done`, `failed`, `killed`, `timeout`; absent before the first run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether a run is active or waiting right now.
    pub has_active_run: bool,
    /// Which ones, the active first.
    pub active_run_ids: Vec<String>,
    /// When the last run began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// When the last run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// How long the last run took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_ms: Option<i64>,
    /// The last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_id: Option<String>,
    /// Why the last run failed.
    pub last_run_error: Option<String>,
    /// Whether the last run was stopped by somebody.
    pub aborted_last_run: bool,
    /// Whether the model has been told who it is here: it has, from the first run on.
    pub system_sent: bool,
    /// Whether a job of the clock works in it.
    pub has_automation: bool,
    /// Whether a change of what tools may do waits for the next run.
    pub permission_mode_pending: bool,
    /// Whether the session may not choose how it is run.
    pub runtime_selection_locked: bool,
    /// Whether the vendor's faster tier is used.
    pub effective_fast_mode: bool,
    /// Who decided that: `default`.
    pub effective_fast_mode_source: String,
    /// Whether replies end with a line about tokens: `off`.
    pub effective_response_usage: String,
    /// The model that answers here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_provider: Option<String>,
    /// Who chose it: `user`, or nobody.
    pub model_override_source: Option<String>,
    /// The thinking level set here.
    pub thinking_level: Option<String>,
    /// How much of the work is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbose_level: Option<String>,
    /// How much of the reasoning is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_level: Option<String>,
    /// The levels the model can think at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_levels: Option<Vec<ThinkingLevel>>,
    /// Their ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_options: Option<Vec<String>>,
    /// The level in force when none is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_default: Option<String>,
    /// What happens to a message while a run is active.
    pub effective_queue_mode: String,
    /// Tokens read in the last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written in the last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Tokens in the model's window after the last call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Whether `total_tokens` was counted by the vendor.
    pub total_tokens_fresh: bool,
    /// The model's window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// The newest entry of the transcript.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_leaf_entry_id: Option<String>,
    /// When this row was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_at: Option<i64>,
}

/// What a row says with an explicit `null` when it is laid over another: a client that merges rows would otherwise keep
/// what was cleared.
const CLEARED: [&str; 15] = [
    "label",
    "displayName",
    "status",
    "startedAt",
    "endedAt",
    "runtimeMs",
    "lastRunId",
    "lastReadAt",
    "inputTokens",
    "outputTokens",
    "totalTokens",
    "contextTokens",
    "estimatedCostUsd",
    "model",
    "modelProvider",
];
/// What a row of the original may hold and nothing here sets; `null` for the same reason.
const NEVER_SET: [&str; 21] = [
    "activeModel",
    "activeModelProvider",
    "agentStatus",
    "archiveReason",
    "archivedBy",
    "autoLabel",
    "boardPresentation",
    "category",
    "channelAvatarUrl",
    "color",
    "controlOwnerSessionKey",
    "createdActor",
    "goal",
    "icon",
    "observerDigest",
    "owner",
    "permissionMode",
    "providerReview",
    "restartRecoveryStatus",
    "swarm",
    "toolOverrides",
];
/// What an event says itself.
const OWN: [&str; 3] = ["key", "sessionId", "agentId"];

impl SessionRow {
    /// The row as fields of an event about it: clients that keep a list lay them over the row they have.
    #[must_use]
    pub fn merged(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut row)) = serde_json::to_value(self) else { return Map::new() };
        row.retain(|name, _| !OWN.contains(&name.as_str()));
        for name in CLEARED.into_iter().chain(NEVER_SET) {
            row.entry(name).or_insert(Value::Null);
        }
        row
    }
}

/// What a new session starts with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Defaults {
    /// The provider that answers; `null` when none can.
    pub model_provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Its window.
    pub context_tokens: Option<u64>,
    /// The levels it can think at.
    pub thinking_levels: Vec<ThinkingLevel>,
    /// Their ids.
    pub thinking_options: Vec<String>,
    /// The level in force.
    pub thinking_default: String,
    /// Where choosing a model takes effect: `session`.
    pub model_selection_target: String,
}

/// A message of a session with its place, as `session.message` and a history delta carry it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlacedMessage {
    /// Where.
    pub session_key: SessionKey,
    /// Whose.
    pub agent_id: AgentId,
    /// The current transcript.
    pub session_id: String,
    /// The message as `chat.history` shows it.
    pub message: Value,
    /// The transcript entry.
    pub message_id: String,
    /// Its number within the session, from 1.
    pub message_seq: u64,
    /// The session as it is now.
    pub session: SessionRow,
    /// The same once more, [`SessionRow::merged`].
    #[serde(flatten)]
    pub merged: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_row_clears_what_is_unset_and_leaves_the_event_its_own() {
        let row = SessionRow { key: "agent:main:x".into(), status: Some("done".into()), ..SessionRow::default() };
        let merged = row.merged();
        assert_eq!(merged["status"], "done");
        assert_eq!(merged["endedAt"], Value::Null);
        assert_eq!(merged["label"], Value::Null);
        assert!(OWN.iter().all(|name| !merged.contains_key(*name)));
    }
}
