//! The `tools` section: what the agent may use, and how commands are run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use base::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::unit;

/// The `tools` section.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tools {
    /// The starting set.
    pub profile: Option<ToolProfile>,
    /// Only these; empty means all of the profile.
    pub allow: Vec<String>,
    /// These besides.
    pub also_allow: Vec<String>,
    /// Never these.
    pub deny: Vec<String>,
    /// The same per provider or `provider/model`.
    pub by_provider: BTreeMap<String, ToolPolicy>,
    /// Commands.
    pub exec: ExecConfig,
    /// Pages and searches.
    pub web: Web,
    /// Who may step out of the limits, by channel.
    pub elevated: Elevated,
    /// How files of messages are understood.
    pub media: MediaTools,
}

/// `tools.media`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaTools {
    /// Spoken words.
    pub audio: Option<AudioTools>,
    /// Pictures.
    #[schemars(schema_with = "unit::anything")]
    pub image: Option<Value>,
    /// Films.
    #[schemars(schema_with = "unit::anything")]
    pub video: Option<Value>,
    /// Models for all of them.
    #[schemars(schema_with = "unit::anything")]
    pub models: Option<Value>,
    /// How many at once.
    pub concurrency: Option<u64>,
}

/// `tools.media.audio`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AudioTools {
    /// Whether voice messages are put into words; they are where models are named, unless this says `false`.
    pub enabled: Option<bool>,
    /// The models, in the order they are asked.
    pub models: Vec<HearingModel>,
    /// The language, when it is always the same.
    pub language: Option<String>,
    /// Longest wait.
    pub timeout_seconds: Option<u64>,
    /// Largest file.
    pub max_bytes: Option<u64>,
    /// Longest text.
    pub max_chars: Option<u64>,
    /// What the original says to the model.
    pub prompt: Option<String>,
    /// Where the original does it.
    #[schemars(schema_with = "unit::anything")]
    pub scope: Option<Value>,
    /// Which of several files it is done for.
    #[schemars(schema_with = "unit::anything")]
    pub attachments: Option<Value>,
}

/// A model that hears.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HearingModel {
    /// The provider, as under `models.providers`.
    pub provider: String,
    /// The model there.
    pub model: String,
    /// `provider` or `cli`; only the first is ours.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What the original lets it be used for.
    pub capabilities: Vec<String>,
}

/// A layer of tool policy; each layer may only narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolPolicy {
    /// The starting set.
    pub profile: Option<ToolProfile>,
    /// Only these.
    pub allow: Vec<String>,
    /// These besides.
    pub also_allow: Vec<String>,
    /// Never these.
    pub deny: Vec<String>,
}

/// `tools.profile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolProfile {
    /// `session_status` only.
    Minimal,
    /// Files, commands, web, sessions, memory, cron, pictures.
    Coding,
    /// Messages and sessions.
    Messaging,
    /// No filter.
    Full,
}

/// `tools.exec`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecConfig {
    /// Where commands run: `auto`, `gateway` or `node`; with `sandbox`, which this version does not have, none run.
    pub host: Option<String>,
    /// Which commands run and when a person is asked, in one word; then `security` and `ask` do not count.
    pub mode: Option<ExecMode>,
    /// Which commands run.
    pub security: ExecSecurity,
    /// When a person is asked.
    pub ask: ExecAsk,
    /// The node of `host=node`.
    pub node: Option<String>,
    /// Programs that `security=allowlist` lets run: names or paths, `*` and `?` allowed.
    pub allowlist: Vec<String>,
    /// Programs that only read what they are given.
    pub safe_bins: Vec<String>,
    /// Folders before `PATH`.
    pub path_prepend: Vec<PathBuf>,
    /// Whether the agent is told how a command ended that ran on a node without it waiting.
    pub notify_on_exit: bool,
    /// `timeoutSec`: longest run of one command.
    #[serde(rename = "timeoutSec", alias = "timeoutSeconds", deserialize_with = "unit::seconds")]
    #[schemars(schema_with = "unit::seconds_schema")]
    pub timeout: Duration,
    /// `backgroundMs`: when a command that still runs is left to itself.
    #[serde(rename = "backgroundMs", deserialize_with = "unit::millis")]
    #[schemars(with = "u64")]
    pub background: Duration,
}

impl ExecConfig {
    /// The configured host, when it is one that this version does not have: `sandbox`, or no host at all. Nothing runs
    /// then.
    pub fn missing_host(&self) -> Option<&str> {
        let host = self.host.as_deref().map(str::trim)?;
        let known = ["", "auto", "gateway", "node"].iter().any(|known| host.eq_ignore_ascii_case(known));
        (!known).then_some(host)
    }
}

impl Default for ExecConfig {
    fn default() -> Self {
        Self {
            host: None,
            mode: None,
            security: ExecSecurity::default(),
            ask: ExecAsk::default(),
            node: None,
            allowlist: Vec::new(),
            safe_bins: Vec::new(),
            path_prepend: Vec::new(),
            notify_on_exit: true,
            timeout: Duration::from_secs(1800),
            background: Duration::from_secs(10),
        }
    }
}

impl ExecConfig {
    /// Which commands run and when a person is asked (N-12.3).
    pub fn wanted(&self) -> (ExecSecurity, ExecAsk) {
        match self.mode {
            None => (self.security, self.ask),
            Some(ExecMode::Deny) => (ExecSecurity::Deny, ExecAsk::Off),
            Some(ExecMode::Allowlist) => (ExecSecurity::Allowlist, ExecAsk::Off),
            Some(ExecMode::Ask | ExecMode::Auto) => (ExecSecurity::Allowlist, ExecAsk::OnMiss),
            Some(ExecMode::Full) => (ExecSecurity::Full, ExecAsk::Off),
        }
    }
}

/// `tools.exec.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecMode {
    /// None run.
    Deny,
    /// Those on the list run, and nobody is asked.
    Allowlist,
    /// A person is asked about others.
    Ask,
    /// As `ask`.
    Auto,
    /// All run.
    Full,
}

/// `tools.exec.security`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecSecurity {
    /// None.
    Deny,
    /// Those on the list.
    #[default]
    Allowlist,
    /// All.
    Full,
}

/// `tools.exec.ask`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExecAsk {
    /// Never; what is not allowed is refused.
    Off,
    /// For what is not on the list.
    #[default]
    OnMiss,
    /// Every time.
    Always,
}

/// `tools.web`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Web {
    /// `web_fetch`.
    pub fetch: WebFetch,
    /// `web_search`.
    pub search: WebSearch,
}

/// `tools.web.fetch`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WebFetch {
    /// Whether the tool is there; it is unless this says `false`.
    pub enabled: Option<bool>,
    /// Characters the model sees.
    pub max_chars: Option<usize>,
    /// Longest wait.
    pub timeout_seconds: Option<u64>,
    /// How long a page is remembered.
    pub cache_ttl_minutes: Option<u64>,
}

/// `tools.web.search`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WebSearch {
    /// Whether the tool is there.
    pub enabled: Option<bool>,
    /// The vendor.
    pub provider: Option<String>,
    /// Its key.
    #[schemars(schema_with = "unit::secret")]
    pub api_key: Option<Secret>,
    /// Results per search.
    pub max_results: Option<usize>,
}

/// `tools.elevated`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Elevated {
    /// Whether anyone may.
    pub enabled: Option<bool>,
    /// Ids by channel.
    #[schemars(schema_with = "unit::anything")]
    pub allow_from: Option<Value>,
}
