//! The `agents` section: the defaults, and each agent beside them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::messages::GroupChat;
use super::tools::ToolPolicy;
use super::unit;

/// The `agents` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "AgentsFile")]
pub struct Agents {
    /// What holds for every agent unless its entry says otherwise.
    pub defaults: AgentDefaults,
    /// The agents, in the order of the file: January's `agents.list`, then `agents.entries`.
    pub entries: Vec<AgentEntry>,
}

impl Agents {
    /// The entry of `id`, compared as written.
    pub fn entry(&self, id: &str) -> Option<&AgentEntry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// The entry marked `default`, else the first; `None` when there is no entry at all.
    pub fn default_entry(&self) -> Option<&AgentEntry> {
        self.entries.iter().find(|entry| entry.is_default).or_else(|| self.entries.first())
    }
}

/// The section as it is written.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AgentsFile {
    /// What holds for every agent.
    defaults: AgentDefaults,
    /// Agents by id, in the order they are written.
    #[serde(deserialize_with = "unit::in_order")]
    #[schemars(with = "BTreeMap<String, AgentEntry>")]
    entries: Vec<(String, AgentEntry)>,
    /// Agents as January wrote them.
    list: Vec<AgentEntry>,
}

impl From<AgentsFile> for Agents {
    fn from(file: AgentsFile) -> Self {
        let mapped = file.entries.into_iter().map(|(id, entry)| AgentEntry { id, ..entry });
        Self { defaults: file.defaults, entries: file.list.into_iter().chain(mapped).collect() }
    }
}

/// One agent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentEntry {
    /// The id as written; callers fold it.
    pub id: String,
    /// A name for people.
    pub name: Option<String>,
    /// Its working folder.
    pub workspace: Option<PathBuf>,
    /// Its own state folder.
    pub agent_dir: Option<PathBuf>,
    /// Its model.
    #[schemars(with = "ModelChoiceFile")]
    pub model: Option<ModelChoice>,
    /// Whether it takes what is bound to no agent.
    #[serde(rename = "default")]
    pub is_default: bool,
    /// How hard it thinks unless told otherwise.
    pub thinking_default: Option<String>,
    /// Its tools.
    pub tools: Option<ToolPolicy>,
    /// Who it says it is.
    pub identity: Option<Identity>,
    /// The skills it may use.
    #[schemars(schema_with = "unit::anything")]
    pub skills: Option<Value>,
    /// Its behaviour in groups.
    pub group_chat: GroupChat,
    /// Its own clockwork turn.
    pub heartbeat: Option<Heartbeat>,
}

/// Who an agent says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Identity {
    /// Its name.
    pub name: Option<String>,
    /// Its theme.
    pub theme: Option<String>,
    /// Its emoji.
    pub emoji: Option<String>,
    /// Its picture.
    pub avatar: Option<String>,
}

/// `agents.defaults`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentDefaults {
    /// The working folder.
    pub workspace: Option<PathBuf>,
    /// The model and what to fall back to.
    #[schemars(with = "ModelChoiceFile")]
    pub model: Option<ModelChoice>,
    /// The model that looks at pictures.
    #[schemars(with = "ModelChoiceFile")]
    pub image_model: Option<ModelChoice>,
    /// The models that may be chosen, with their aliases; every model may when empty.
    pub models: BTreeMap<String, ModelSettings>,
    /// `timeoutSeconds`: how long a run may take; zero is without limit.
    #[serde(rename = "timeoutSeconds", deserialize_with = "unit::seconds")]
    #[schemars(schema_with = "unit::seconds_schema")]
    pub timeout: Duration,
    /// Runs at the same time over all sessions.
    #[schemars(range(min = 1))]
    pub max_concurrent: usize,
    /// The time zone the agent is told, an IANA name.
    pub user_timezone: Option<String>,
    /// `auto`, `12` or `24`.
    #[schemars(schema_with = "unit::anything")]
    pub time_format: Option<Value>,
    /// How hard to think unless told otherwise.
    pub thinking_default: Option<String>,
    /// How much to tell unless told otherwise.
    pub verbose_default: Option<String>,
    /// Whether the workspace is left without its first files.
    pub skip_bootstrap: bool,
    /// Characters of one workspace file in the prompt.
    pub bootstrap_max_chars: Option<usize>,
    /// Characters of all workspace files in the prompt.
    pub bootstrap_total_max_chars: Option<usize>,
    /// The model's window, when the catalog is wrong about it.
    pub context_tokens: Option<u64>,
    /// Largest picture or file taken in.
    pub media_max_mb: Option<f64>,
    /// When and how a long conversation is shortened.
    pub compaction: Compaction,
    /// Runs started by other runs.
    pub subagents: Subagents,
    /// The clockwork turn.
    pub heartbeat: Heartbeat,
    /// Where commands are shut in.
    pub sandbox: Sandbox,
}

/// Runs at the same time when nothing is configured: `max(8, 4 × cores)`.
fn default_concurrency() -> usize {
    std::thread::available_parallelism().map_or(8, |cores| (4 * cores.get()).max(8))
}

impl Default for AgentDefaults {
    fn default() -> Self {
        Self {
            workspace: None,
            model: None,
            image_model: None,
            models: BTreeMap::new(),
            timeout: Duration::from_secs(3600),
            max_concurrent: default_concurrency(),
            user_timezone: None,
            time_format: None,
            thinking_default: None,
            verbose_default: None,
            skip_bootstrap: false,
            bootstrap_max_chars: None,
            bootstrap_total_max_chars: None,
            context_tokens: None,
            media_max_mb: None,
            compaction: Compaction::default(),
            subagents: Subagents::default(),
            heartbeat: Heartbeat::default(),
            sandbox: Sandbox::default(),
        }
    }
}

/// A model reference and what to fall back to: a text, or `{primary, fallbacks}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "ModelChoiceFile")]
pub struct ModelChoice {
    /// `provider/model` or an alias; empty when only fallbacks are named.
    pub primary: String,
    /// Tried in order when the primary fails.
    pub fallbacks: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum ModelChoiceFile {
    Text(String),
    Chain(ModelChain),
}

#[derive(Deserialize, JsonSchema)]
struct ModelChain {
    primary: Option<String>,
    #[serde(default)]
    fallbacks: Vec<String>,
}

impl From<ModelChoiceFile> for ModelChoice {
    fn from(file: ModelChoiceFile) -> Self {
        match file {
            ModelChoiceFile::Text(primary) => Self { primary, fallbacks: Vec::new() },
            ModelChoiceFile::Chain(chain) => {
                Self { primary: chain.primary.unwrap_or_default(), fallbacks: chain.fallbacks }
            }
        }
    }
}

/// `agents.defaults.models.<ref>`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelSettings {
    /// A short name for it.
    pub alias: Option<String>,
    /// Parameters for its vendor.
    pub params: BTreeMap<String, Value>,
    /// Whether its answers are streamed.
    pub streaming: Option<bool>,
}

/// `agents.defaults.compaction`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Compaction {
    /// `default` or `safeguard`.
    pub mode: Option<String>,
    /// Tokens kept free for the answer.
    pub reserve_tokens: Option<u64>,
    /// The least that is kept free.
    pub reserve_tokens_floor: Option<u64>,
    /// Recent tokens that are never summarised.
    pub keep_recent_tokens: Option<u64>,
    /// The turn that saves memories first.
    #[schemars(schema_with = "unit::anything")]
    pub memory_flush: Option<Value>,
}

/// `agents.defaults.subagents`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Subagents {
    /// Such runs at the same time.
    #[schemars(range(min = 1))]
    pub max_concurrent: usize,
    /// When their sessions are put away.
    pub archive_after_minutes: u64,
    /// Their model.
    #[schemars(with = "ModelChoiceFile")]
    pub model: Option<ModelChoice>,
}

impl Default for Subagents {
    fn default() -> Self {
        Self { max_concurrent: 8, archive_after_minutes: 60, model: None }
    }
}

/// `agents.defaults.heartbeat`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Heartbeat {
    /// How often, `30m`; `0m` is never.
    #[serde(deserialize_with = "unit::some_span")]
    #[schemars(with = "Option<String>")]
    pub every: Option<Duration>,
    /// Who hears of it: `owner`, `last`, `none`, or a channel.
    pub target: Option<String>,
    /// Which chat of it.
    pub to: Option<String>,
    /// Which account of ours.
    pub account_id: Option<String>,
    /// Its session.
    pub session: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// What it asks.
    pub prompt: Option<String>,
    /// When it may happen.
    pub active_hours: Option<HeartbeatHours>,
    /// Whether it goes without the workspace's files.
    pub light_context: Option<bool>,
    /// Whether it begins with an empty transcript each time.
    pub isolated_session: Option<bool>,
    /// Characters beside an acknowledgement that are not worth telling.
    pub ack_max_chars: Option<usize>,
    /// Kept.
    pub include_reasoning: Option<bool>,
    /// Kept.
    #[schemars(schema_with = "unit::anything")]
    pub direct_policy: Option<Value>,
    /// Kept.
    pub suppress_tool_error_warnings: Option<bool>,
}

/// The hours of the day in which a heartbeat may happen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HeartbeatHours {
    /// `08:00`
    pub start: Option<String>,
    /// `24:00`; one before the start lies in the next morning.
    pub end: Option<String>,
    /// `user`, `local`, or an IANA zone.
    pub timezone: Option<String>,
}

/// `agents.defaults.sandbox`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Sandbox {
    /// Which sessions are shut in.
    pub mode: SandboxMode,
    /// `session`, `agent` or `shared`.
    pub scope: Option<String>,
    /// `none`, `ro` or `rw`.
    pub workspace_access: Option<String>,
}

/// `agents.defaults.sandbox.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// None.
    #[default]
    Off,
    /// All but the main one.
    NonMain,
    /// All.
    All,
}
