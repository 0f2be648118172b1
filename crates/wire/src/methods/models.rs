//! `models.list`: what can answer. `models.authStatus`: which providers have a credential.

use serde::{Deserialize, Serialize};

use super::Method;

/// `models.list`
pub struct List;

impl Method for List {
    const NAME: &'static str = "models.list";
    type Params = ListParams;
    type Result = ListResult;
}

/// `models.authStatus`
pub struct AuthStatus;

impl Method for AuthStatus {
    const NAME: &'static str = "models.authStatus";
    type Params = AuthStatusParams;
    type Result = AuthStatusResult;
}

/// For which agent; every agent here uses the same credentials.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthStatusParams {
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// Which providers have a credential; never the credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthStatusResult {
    /// When.
    pub ts: i64,
    /// The providers of the catalog.
    pub providers: Vec<ProviderAuth>,
    /// How a credential could be given to each.
    pub provider_capabilities: Vec<ProviderCapability>,
}

/// One provider's credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderAuth {
    /// Its id.
    pub provider: String,
    /// The provider whose credential it uses.
    pub auth_provider: String,
    /// Its name for people.
    pub display_name: String,
    /// `static`: there is a key, or none is needed; `missing`.
    pub status: String,
    /// Logins; this Gateway knows keys only.
    pub profiles: Vec<serde_json::Value>,
    /// Where its key comes from, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<KeySource>,
}

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySource {
    /// `config` or `env`.
    pub source: String,
}

/// How a provider could be given a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderCapability {
    /// Its id.
    pub provider: String,
    /// By a key.
    pub api_key_supported: bool,
    /// By a key alone, through the page.
    pub quick_api_key_setup: bool,
}

/// Which models.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListParams {
    /// For which agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// For which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// `default` or `configured`: the ones that may be chosen; `all` and `provider-config`: all that are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// What can answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResult {
    /// The default one carries the tag `default`.
    pub models: Vec<ModelChoice>,
}

/// One model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelChoice {
    /// Its id at the provider.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The provider's id in the config.
    pub provider: String,
    /// A short name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// `default`, `fallback`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether it could be called now.
    pub available: bool,
    /// `missing-auth` when not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable_reason: Option<String>,
    /// Its window in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// Whether it can think before it answers.
    pub reasoning: bool,
    /// What it reads: `text`, `image`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<String>,
    /// The levels it can think at.
    pub thinking_levels: Vec<ThinkingLevel>,
    /// The level in force.
    pub thinking_default: String,
    /// Whether a person may choose it for a session.
    pub manual_selection_allowed: bool,
}

/// A level a model can think at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThinkingLevel {
    /// What params carry.
    pub id: String,
    /// What people read.
    pub label: String,
}

impl ThinkingLevel {
    /// The levels of a model, `off` alone when it cannot reason.
    pub fn of(reasoning: bool) -> Vec<Self> {
        let ids: &[&str] = if reasoning { &["off", "low", "medium", "high"] } else { &["off"] };
        ids.iter().map(|id| Self { id: (*id).into(), label: (*id).into() }).collect()
    }
}
