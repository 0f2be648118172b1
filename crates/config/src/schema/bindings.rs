//! The `bindings` section: which agent answers where.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::session::{DmScope, GroupScope};
use super::unit;

/// One binding.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// The agent.
    pub agent_id: String,
    /// Where it answers.
    #[serde(default, rename = "match")]
    pub matches: BindingMatch,
    /// Scopes of its own.
    #[serde(default)]
    pub session: Option<BindingScopes>,
    /// `route`, or what the original has besides.
    #[serde(default, rename = "type")]
    #[schemars(schema_with = "unit::anything")]
    pub kind: Option<Value>,
    /// For people.
    #[serde(default)]
    pub comment: Option<String>,
    /// Of the original's other kind.
    #[serde(default)]
    #[schemars(schema_with = "unit::anything")]
    pub acp: Option<Value>,
}

/// Where a binding holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BindingMatch {
    /// The channel.
    pub channel: String,
    /// The account; absent is the default one, `*` is each.
    pub account_id: Option<String>,
    /// One chat.
    pub peer: Option<PeerMatch>,
    /// A server of a channel that has them.
    pub guild_id: Option<String>,
    /// A team of a channel that has them.
    pub team_id: Option<String>,
    /// Roles on such a server.
    pub roles: Vec<String>,
}

/// One chat of a binding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PeerMatch {
    /// `direct` (or `dm`), `group`, `channel`.
    pub kind: String,
    /// Its id; `*` is each of the kind, `<chat>:topic:<id>` a topic.
    pub id: String,
}

/// Scopes of a binding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BindingScopes {
    /// As `session.dmScope`.
    pub dm_scope: Option<DmScope>,
    /// As `session.groupScope`.
    pub group_scope: Option<GroupScope>,
}
