//! The flags that say what a job does and to whom its answer goes.

use serde_json::{Map, Value, json};

use super::when;
use crate::exit::Failure;

/// What a job does.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct What {
    /// A task for the agent
    #[arg(long, value_name = "TEXT", conflicts_with = "system_event")]
    pub(super) message: Option<String>,
    /// A reminder for the main session
    #[arg(long, value_name = "TEXT")]
    pub(super) system_event: Option<String>,
    /// The model of the task
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<String>,
    /// How hard it thinks: off, low, medium, high
    #[arg(long, value_name = "LEVEL")]
    pub(super) thinking: Option<String>,
    /// How long it may take; 0 for no limit
    #[arg(long, value_name = "SECONDS")]
    pub(super) timeout_seconds: Option<u64>,
    /// Without the workspace's files
    #[arg(long)]
    pub(super) light_context: bool,
    /// Only these tools, with commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) tools: Vec<String>,
}

impl What {
    /// The members of a task that flags name.
    pub(super) fn members(&self) -> Map<String, Value> {
        let named = [
            ("model", json!(self.model)),
            ("thinking", json!(self.thinking)),
            ("timeoutSeconds", json!(self.timeout_seconds)),
            ("lightContext", if self.light_context { json!(true) } else { Value::Null }),
            ("toolsAllow", if self.tools.is_empty() { Value::Null } else { json!(self.tools) }),
        ];
        named.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The payload; `None` when no flag names its text.
    pub(super) fn payload(&self) -> Option<Value> {
        if let Some(text) = &self.system_event {
            return Some(json!({"kind": "systemEvent", "text": text}));
        }
        let mut payload = json!({"kind": "agentTurn", "message": self.message.as_ref()?});
        for (name, value) in self.members() {
            payload[name] = value;
        }
        Some(payload)
    }
}

/// To whom the answer goes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Whither {
    /// To a chat, the one last used unless --channel and --to name one
    #[arg(long, alias = "deliver", group = "how")]
    pub(super) announce: bool,
    /// To nobody
    #[arg(long, group = "how")]
    pub(super) no_deliver: bool,
    /// To a URL, as JSON
    #[arg(long, value_name = "URL", group = "how", conflicts_with_all = ["channel", "to", "account", "thread_id"])]
    pub(super) webhook: Option<String>,
    /// The channel, or `last`
    #[arg(long, value_name = "CHANNEL")]
    pub(super) channel: Option<String>,
    /// The chat
    #[arg(long, value_name = "CHAT")]
    pub(super) to: Option<String>,
    /// The account of ours
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: Option<String>,
    /// The thread or topic
    #[arg(long, value_name = "THREAD")]
    pub(super) thread_id: Option<String>,
    /// A job whose answer does not arrive has not failed
    #[arg(long)]
    pub(super) best_effort_deliver: bool,
}

impl Whither {
    /// The delivery; `None` when no flag says anything of it.
    pub(super) fn delivery(&self) -> Option<Value> {
        let named = [
            ("channel", json!(self.channel)),
            ("to", json!(self.to)),
            ("accountId", json!(self.account)),
            ("threadId", json!(self.thread_id)),
            ("bestEffort", if self.best_effort_deliver { json!(true) } else { Value::Null }),
        ];
        let mut members: Map<String, Value> = named
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        if let Some(url) = &self.webhook {
            return Some(json!({"mode": "webhook", "to": url}));
        }
        let mode = if self.no_deliver { "none" } else { "announce" };
        if members.is_empty() && !self.no_deliver && !self.announce {
            return None;
        }
        members.insert("mode".into(), json!(mode));
        Some(Value::Object(members))
    }
}

/// Where and by whom.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Place {
    /// The agent that does it
    #[arg(long, value_name = "AGENT")]
    pub(super) agent: Option<String>,
    /// Its session: main, isolated, current, or session:KEY
    #[arg(long, value_name = "SESSION")]
    pub(super) session: Option<String>,
    /// The conversation it belongs to
    #[arg(long, value_name = "KEY")]
    pub(super) session_key: Option<String>,
    /// When a reminder is heard: now, or next-heartbeat
    #[arg(long, value_name = "WHEN", value_parser = ["now", "next-heartbeat"])]
    pub(super) wake: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub(super) description: Option<String>,
    /// A name for people
    #[arg(long, value_name = "NAME")]
    pub(super) display_name: Option<String>,
    /// Remove it once it is done
    #[arg(long, conflicts_with = "keep_after_run")]
    pub(super) delete_after_run: bool,
    /// Keep it when it is done
    #[arg(long)]
    pub(super) keep_after_run: bool,
}

impl Place {
    /// The members that flags name.
    pub(super) fn members(&self) -> Map<String, Value> {
        let after = match (self.delete_after_run, self.keep_after_run) {
            (true, _) => json!(true),
            (_, true) => json!(false),
            _ => Value::Null,
        };
        let named = [
            ("agentId", json!(self.agent)),
            ("sessionTarget", json!(self.session)),
            ("sessionKey", json!(self.session_key)),
            ("wakeMode", json!(self.wake)),
            ("description", json!(self.description)),
            ("displayName", json!(self.display_name)),
            ("deleteAfterRun", after),
        ];
        named.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// A limit in seconds that a person wrote as a span.
pub(super) fn seconds(text: &str) -> Result<u64, Failure> {
    Ok(when::span(text)? / 1000)
}
