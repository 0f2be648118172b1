//! `sessions.changed` and `session.message`: for those who subscribed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{AgentId, SessionKey};
use crate::session::SessionRow;

pub use crate::session::PlacedMessage as SessionMessage;

/// A session is not what it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsChanged {
    /// Which.
    pub session_key: SessionKey,
    /// Whose.
    pub agent_id: AgentId,
    /// Its transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// `send`, `agent.run.started`, `agent.input.settled`, `create`, `patch`, `reset`, `delete`, `inject`.
    pub reason: String,
    /// The run that changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// In milliseconds.
    pub ts: i64,
    /// What it is now; absent when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionRow>,
    /// The same once more, [`SessionRow::merged`].
    #[serde(flatten)]
    pub merged: Map<String, Value>,
}
