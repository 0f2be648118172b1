//! The `models` section: vendors beyond, or instead of, the ones built in.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::unit;

/// The `models` section.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Models {
    /// Whether the providers here join the built-in ones or stand alone.
    pub mode: ModelsMode,
    /// Vendors by id.
    pub providers: BTreeMap<String, ProviderConfig>,
}

/// `models.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelsMode {
    /// Beside the built-in ones.
    #[default]
    Merge,
    /// Instead of them.
    Replace,
}

/// One vendor.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderConfig {
    /// Where its API begins; empty when a built-in vendor's own address is meant.
    pub base_url: String,
    /// Its key.
    #[schemars(schema_with = "unit::secret")]
    pub api_key: Option<Secret>,
    /// Its dialect, `openai-completions` and the like.
    pub api: Option<String>,
    /// Headers of every request.
    #[schemars(schema_with = "unit::secrets")]
    pub headers: BTreeMap<String, Secret>,
    /// `timeoutSeconds`: longest silence.
    #[serde(rename = "timeoutSeconds", deserialize_with = "unit::some_seconds")]
    #[schemars(schema_with = "unit::seconds_schema")]
    pub timeout: Option<Duration>,
    /// Its models.
    pub models: Vec<ModelEntry>,
    /// How the key is sent; the original's words.
    #[schemars(schema_with = "unit::anything")]
    pub auth: Option<Value>,
}

/// One model.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelEntry {
    /// Its id at the vendor.
    pub id: String,
    /// A name for people; the id when empty.
    pub name: String,
    /// Its dialect, when it differs from its vendor's.
    pub api: Option<String>,
    /// Whether it reasons.
    pub reasoning: bool,
    /// What it takes in: `text`, `image`.
    pub input: Vec<String>,
    /// Dollars per million tokens.
    pub cost: Option<Cost>,
    /// Tokens it can look at.
    pub context_window: Option<u64>,
    /// Tokens it can write.
    pub max_tokens: Option<u64>,
    /// Where it departs from its dialect.
    pub compat: Compat,
    /// Headers of requests to it.
    #[schemars(schema_with = "unit::secrets")]
    pub headers: BTreeMap<String, Secret>,
}

/// Dollars per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Cost {
    /// Read.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from the vendor's cache.
    pub cache_read: f64,
    /// Written to the vendor's cache.
    pub cache_write: f64,
}

/// Where a server departs from the dialect it claims. Absent: as the dialect says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Compat {
    /// `max_tokens` or `max_completion_tokens`.
    pub max_tokens_field: Option<String>,
    /// Whether usage comes with the stream.
    pub supports_usage_in_streaming: Option<bool>,
    /// Whether it knows the developer role.
    pub supports_developer_role: Option<bool>,
    /// Whether it calls tools.
    pub supports_tools: Option<bool>,
    /// Whether it takes `store`.
    pub supports_store: Option<bool>,
    /// Whether it takes `reasoning_effort`.
    pub supports_reasoning_effort: Option<bool>,
    /// Whether it takes strict tool schemas.
    pub supports_strict_mode: Option<bool>,
    /// Whether a tool's result must carry the tool's name.
    pub requires_tool_result_name: Option<bool>,
    /// Whether an assistant message must follow a tool's result.
    pub requires_assistant_after_tool_result: Option<bool>,
    /// Whether reasoning must be sent back as text.
    pub requires_thinking_as_text: Option<bool>,
    /// How reasoning is asked for.
    pub thinking_format: Option<String>,
}
