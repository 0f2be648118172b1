//! `agents.list`: who there is.

use serde::{Deserialize, Serialize};

use super::Method;
use super::models::ThinkingLevel;

/// `agents.list`
pub struct List;

impl Method for List {
    const NAME: &'static str = "agents.list";
    type Params = ListParams;
    type Result = ListResult;
}

/// Nothing to say.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct ListParams {}

/// Who there is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResult {
    /// The agent used when none is named.
    pub default_id: String,
    /// `sole`: one person owns this Gateway.
    pub ownership: String,
    /// Whether a client must ask which agent.
    pub selection_required: bool,
    /// The rest of a main session's key.
    pub main_key: String,
    /// `per-sender` or `global`.
    pub scope: String,
    /// The default one first.
    pub agents: Vec<AgentSummary>,
}

/// One agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentSummary {
    /// Its id.
    pub id: String,
    /// `agent`.
    pub kind: String,
    /// Its name, when it was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its working folder.
    pub workspace: String,
    /// Whether that folder is a git repository.
    pub workspace_git: bool,
    /// What it thinks with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<AgentModel>,
    /// The levels its model can think at.
    pub thinking_levels: Vec<ThinkingLevel>,
    /// Their ids.
    pub thinking_options: Vec<String>,
    /// The level in force.
    pub thinking_default: String,
}

/// What an agent thinks with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentModel {
    /// `provider/model`.
    pub primary: String,
    /// Tried in order when it fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<String>,
}
