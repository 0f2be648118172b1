//! The `session` section: which conversation a message belongs to, and when one begins anew.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::unit;

/// The `session` section.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Session {
    /// One conversation per sender, or one for all.
    pub scope: SessionScope,
    /// How direct messages are told apart.
    pub dm_scope: DmScope,
    /// How groups are told apart.
    pub group_scope: GroupScope,
    /// The name of the main conversation.
    pub main_key: String,
    /// One person's ids on several channels, by a name for them.
    pub identity_links: BTreeMap<String, Vec<String>>,
    /// When a conversation begins anew.
    pub reset: Reset,
    /// The same per kind of conversation: `direct`, `group`, `thread`.
    pub reset_by_type: BTreeMap<String, Reset>,
    /// The same per channel.
    pub reset_by_channel: BTreeMap<String, Reset>,
    /// January's idle reset.
    pub idle_minutes: Option<u64>,
    /// Who may be written to.
    #[schemars(schema_with = "unit::anything")]
    pub send_policy: Option<Value>,
    /// When old sessions are put away.
    #[schemars(schema_with = "unit::anything")]
    pub maintenance: Option<Value>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            scope: SessionScope::default(),
            dm_scope: DmScope::default(),
            group_scope: GroupScope::default(),
            main_key: String::from("main"),
            identity_links: BTreeMap::new(),
            reset: Reset::default(),
            reset_by_type: BTreeMap::new(),
            reset_by_channel: BTreeMap::new(),
            idle_minutes: None,
            send_policy: None,
            maintenance: None,
        }
    }
}

/// `session.scope`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionScope {
    /// By sender, as `dmScope` says.
    #[default]
    PerSender,
    /// One conversation, key `global`, per agent.
    Global,
}

/// `session.dmScope`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DmScope {
    /// All in the main conversation.
    #[default]
    Main,
    /// One per person.
    PerPeer,
    /// One per person and channel.
    PerChannelPeer,
    /// One per person, channel and account.
    PerAccountChannelPeer,
}

/// `session.groupScope`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupScope {
    /// One per group.
    #[default]
    PerGroup,
    /// All in the main conversation.
    Main,
}

/// When a conversation begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Reset {
    /// What makes it.
    pub mode: ResetMode,
    /// The hour of `daily`.
    #[schemars(range(min = 0, max = 23))]
    pub at_hour: u8,
    /// The silence of `idle`.
    #[schemars(range(min = 1))]
    pub idle_minutes: Option<u64>,
}

impl Default for Reset {
    fn default() -> Self {
        Self { mode: ResetMode::None, at_hour: 4, idle_minutes: None }
    }
}

/// `session.reset.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResetMode {
    /// Only when asked.
    #[default]
    None,
    /// Every day.
    Daily,
    /// After silence.
    Idle,
}
