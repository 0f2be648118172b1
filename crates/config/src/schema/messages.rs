//! The `messages` section: what happens to messages while a run is busy, and how answers look.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::unit;

/// The `messages` section.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Messages {
    /// Messages that arrive while a run is busy.
    pub queue: Queue,
    /// Text before every answer.
    pub response_prefix: Option<String>,
    /// The reaction that says a message was seen.
    pub ack_reaction: Option<String>,
    /// Where it is given.
    pub ack_reaction_scope: Option<String>,
    /// Whether it is taken back after the answer.
    pub remove_ack_after_reply: Option<bool>,
    /// Messages that come in quick succession.
    #[schemars(schema_with = "unit::anything")]
    pub inbound: Option<Value>,
    /// Behaviour in groups.
    pub group_chat: GroupChat,
}

/// `messages.queue`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Queue {
    /// What is done with them.
    pub mode: QueueMode,
    /// The same per channel.
    pub by_channel: BTreeMap<String, QueueMode>,
    /// `debounceMs`: the silence after which they are taken together.
    #[serde(rename = "debounceMs", deserialize_with = "unit::millis")]
    #[schemars(with = "u64")]
    pub debounce: Duration,
    /// How many may wait.
    #[schemars(range(min = 1))]
    pub cap: usize,
    /// What happens to the ones beyond.
    pub drop: QueueDrop,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            mode: QueueMode::default(),
            by_channel: BTreeMap::new(),
            debounce: Duration::from_millis(500),
            cap: 20,
            drop: QueueDrop::default(),
        }
    }
}

/// `messages.queue.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueueMode {
    /// Told to the running turn before its next step.
    #[default]
    #[serde(alias = "queue")]
    Steer,
    /// A turn of its own afterwards.
    Followup,
    /// One turn for all of them afterwards.
    Collect,
    /// Steered, then followed up: an old mode.
    #[serde(alias = "steer+backlog")]
    SteerBacklog,
    /// Ends the running turn.
    Interrupt,
}

impl QueueMode {
    /// Reads the words of the config and of `/queue`, old ones included.
    pub fn parse(word: &str) -> Option<Self> {
        serde_json::from_value(Value::String(word.trim().to_lowercase())).ok()
    }
}

/// `messages.queue.drop`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QueueDrop {
    /// A line about each is kept.
    #[default]
    Summarize,
    /// The oldest goes.
    Old,
    /// The newest goes.
    New,
}

/// `messages.groupChat`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupChat {
    /// Patterns that count as being spoken to.
    pub mention_patterns: Vec<String>,
    /// Earlier messages shown to the agent.
    pub history_limit: Option<usize>,
}
