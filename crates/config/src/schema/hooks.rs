//! The `hooks` section: programs elsewhere that wake the agent over HTTP.

use base::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::unit;

/// The `hooks` section.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Hooks {
    /// Whether they are answered; takes a token.
    pub enabled: bool,
    /// What a caller shows; never the Gateway's own.
    #[schemars(schema_with = "unit::secret")]
    pub token: Option<Secret>,
    /// Where they are, `/hooks` if absent.
    pub path: Option<String>,
    /// The agents they may wake; all if absent, none if empty.
    pub allowed_agent_ids: Option<Vec<String>>,
    /// The session of a hook that names none; one of its own each time if absent.
    pub default_session_key: Option<String>,
    /// Whether a caller may name the session.
    pub allow_request_session_key: bool,
    /// How such a session's key must begin.
    pub allowed_session_key_prefixes: Vec<String>,
    /// Paths of your own, the first that matches.
    pub mappings: Vec<HookMapping>,
    /// Kept; there are none.
    pub presets: Vec<String>,
    /// Kept.
    pub transforms_dir: Option<String>,
    /// Kept.
    pub max_body_bytes: Option<u64>,
    /// Kept.
    #[schemars(schema_with = "unit::anything")]
    pub gmail: Option<Value>,
    /// Kept.
    #[schemars(schema_with = "unit::anything")]
    pub internal: Option<Value>,
}

/// What becomes of a path of yours.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HookMapping {
    /// A name for it.
    pub id: Option<String>,
    /// For which requests.
    #[serde(rename = "match")]
    pub matches: HookMatch,
    /// What it does.
    pub action: HookAction,
    /// When the agent hears of a `wake`.
    pub wake_mode: HookWake,
    /// A name for people.
    pub name: Option<String>,
    /// Which agent.
    pub agent_id: Option<String>,
    /// Which session; may hold `{{field}}`.
    pub session_key: Option<String>,
    /// What the agent is asked; may hold `{{field}}`.
    pub message_template: Option<String>,
    /// What it is told; may hold `{{field}}`.
    pub text_template: Option<String>,
    /// Whether the answer goes to a chat.
    pub deliver: Option<bool>,
    /// Which channel, or `last`.
    pub channel: Option<String>,
    /// Which chat.
    pub to: Option<String>,
    /// Which model.
    pub model: Option<String>,
    /// How hard to think.
    pub thinking: Option<String>,
    /// How long it may take.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u64>,
    /// Kept: what comes from outside is always told apart here.
    pub allow_unsafe_external_content: Option<bool>,
    /// Kept.
    pub session_mode: Option<String>,
    /// Kept.
    pub for_each: Option<String>,
    /// Code of the original's; a mapping that has some is refused.
    #[schemars(schema_with = "unit::anything")]
    pub transform: Option<Value>,
}

/// `hooks.mappings[].match`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HookMatch {
    /// The path below the hooks' own.
    pub path: Option<String>,
    /// What the body's `source` says.
    pub source: Option<String>,
}

/// `hooks.mappings[].action`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookAction {
    /// Gives the agent a task.
    #[default]
    Agent,
    /// Tells it something.
    Wake,
}

/// `hooks.mappings[].wakeMode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookWake {
    /// At once.
    #[default]
    Now,
    /// With the next heartbeat.
    NextHeartbeat,
}
