//! The sections of `openclaw.json`, one file each, and the JSON Schema that is derived from them.
//!
//! The types are the single source of truth: the published schema, the checker, the lookup by path and the list of
//! secrets all come from their derives. What is not ours yet is in `passed.rs` and passes untouched.

pub(crate) mod agents;
pub(crate) mod bindings;
pub(crate) mod bridge;
pub(crate) mod browser;
mod channels;
pub(crate) mod commands;
pub(crate) mod control_ui;
pub(crate) mod cron;
pub(crate) mod discovery;
pub(crate) mod gateway;
pub(crate) mod gateway_auth;
pub(crate) mod hooks;
pub(crate) mod logging;
pub(crate) mod messages;
pub(crate) mod models;
pub(crate) mod node_host;
pub(crate) mod nodes;
mod passed;
mod published;
pub(crate) mod remote;
pub(crate) mod session;
pub mod telegram;
pub(crate) mod tools;
pub(crate) mod unit;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::secrets::SecretNotes;

pub(crate) use published::{alternatives, descend, schema_ref};
pub use published::{lookup, schema};

/// What the program runs on: every section with its defaults applied and its secrets resolved.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// The daemon and how to reach it.
    pub gateway: gateway::Gateway,
    /// The agents.
    #[schemars(with = "agents::AgentsFile")]
    pub agents: agents::Agents,
    /// Model vendors.
    pub models: models::Models,
    /// Conversations.
    pub session: session::Session,
    /// Tools.
    pub tools: tools::Tools,
    /// Queueing and looks.
    pub messages: messages::Messages,
    /// Logs.
    pub logging: logging::Logging,
    /// Commands in chats.
    pub commands: commands::Commands,
    /// How the Gateway is found.
    pub discovery: discovery::Discovery,
    /// The browser of a node host.
    pub browser: browser::Browser,
    /// What this machine offers as a node.
    pub node_host: node_host::NodeHost,
    /// The listener for the oldest apps.
    pub bridge: bridge::Bridge,
    /// The jobs of the clock.
    pub cron: cron::Cron,
    /// Programs elsewhere that wake the agent.
    pub hooks: hooks::Hooks,
    /// Channels by name, as they are written: an account lies over the root of its channel.
    #[schemars(schema_with = "channels::section")]
    pub channels: Map<String, Value>,
    /// Which agent answers where.
    pub bindings: Vec<bindings::Binding>,
    /// Secrets that are configured but could not be had.
    #[serde(skip)]
    pub secrets: SecretNotes,
}

/// Without the parts that are kept as they are written, which hold secrets that no type knows.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("gateway", &self.gateway)
            .field("agents", &self.agents)
            .field("models", &self.models)
            .field("session", &self.session)
            .field("tools", &self.tools)
            .field("channels", &self.channels.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
