//! Waking the agent, and its heartbeat.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cron::WakeMode;

methods! {
    /// `wake`
    Wake = "wake", WakeParams => Value;
    /// `last-heartbeat`
    LastHeartbeat = "last-heartbeat", Value => Value;
    /// `set-heartbeats`
    SetHeartbeats = "set-heartbeats", SetParams => Value;
}

/// Something the agent is to hear.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WakeParams {
    /// When.
    pub mode: WakeMode,
    /// What.
    pub text: String,
    /// In which session; the agent's main one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// Which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// Whether agents wake by themselves, until the next start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetParams {
    /// Whether.
    pub enabled: bool,
}
