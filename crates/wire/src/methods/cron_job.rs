//! A job of the clock, as it is kept and told.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// When a job is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Schedule {
    /// Once.
    At {
        /// An ISO time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<String>,
        /// The same in milliseconds, as January wrote it; taken, never told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_ms: Option<i64>,
    },
    /// Again and again.
    Every {
        /// The pause in milliseconds.
        every_ms: u64,
        /// From when the pauses count; from when the job was made if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anchor_ms: Option<i64>,
    },
    /// By a cron expression of five or six fields.
    Cron {
        /// It.
        expr: String,
        /// An IANA time zone; the host's own if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tz: Option<String>,
        /// Within which time after it a job may begin, so that many do not begin at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stagger_ms: Option<u64>,
    },
}

impl Schedule {
    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::At { .. } => "at",
            Self::Every { .. } => "every",
            Self::Cron { .. } => "cron",
        }
    }
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Payload {
    /// Tells a session something.
    SystemEvent {
        /// What.
        text: String,
    },
    /// Gives the agent a task.
    AgentTurn {
        /// The task.
        message: String,
        /// A model for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// How hard to think.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thinking: Option<String>,
        /// How long it may take; 0 for no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_seconds: Option<f64>,
        /// Without the workspace's files.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        light_context: Option<bool>,
        /// Only these tools.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tools_allow: Option<Vec<String>>,
        /// What else its client noted.
        #[serde(flatten)]
        rest: Map<String, Value>,
    },
    /// An agent's own heartbeat; nobody adds one.
    Heartbeat {},
}

/// When a session hears of a system event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WakeMode {
    /// With its next heartbeat, or its next message if that is sooner.
    NextHeartbeat,
    /// At once.
    #[default]
    Now,
}

/// How an answer is handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryMode {
    /// Not at all.
    #[default]
    None,
    /// To a chat.
    Announce,
    /// To a URL.
    Webhook,
}

/// To whom the answer goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// How.
    #[serde(default)]
    pub mode: DeliveryMode,
    /// The channel, or `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The chat there, or the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<Value>,
    /// The account of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// What else its client noted: `bestEffort`, `failureDestination`, `completionDestination`.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Names it across programs; one job has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration_key: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The agent that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The session it was made in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the clock begins it.
    pub enabled: bool,
    /// Whether it goes after it was done once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_run: Option<bool>,
    /// When it was made, in milliseconds.
    #[serde(default)]
    pub created_at_ms: i64,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at_ms: i64,
    /// When it is due.
    pub schedule: Schedule,
    /// `main`, `isolated`, `current` or `session:<key>`.
    pub session_target: String,
    /// When its session hears of it.
    #[serde(default)]
    pub wake_mode: WakeMode,
    /// What it does.
    pub payload: Payload,
    /// To whom the answer goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// When its failures are told; `false` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_alert: Option<Value>,
    /// How it went so far.
    #[serde(default)]
    pub state: JobState,
}

/// How a job went so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the names are those of A-17.4 and say all there is")]
pub struct JobState {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_duration_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_errors: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure_alert_at_ms: Option<i64>,
}
