//! The `commands` section: what may be typed into a chat, and by whom.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::unit;

/// The `commands` section.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Commands {
    /// Whether the daemon may be restarted by `/restart` and by a signal.
    pub restart: bool,
    /// Menus in the channel's own manner: `auto`, true or false.
    #[schemars(schema_with = "unit::anything")]
    pub native: Option<Value>,
    /// The same for skills.
    #[schemars(schema_with = "unit::anything")]
    pub native_skills: Option<Value>,
    /// Whether commands are read in plain text.
    pub text: Option<bool>,
    /// Whether `!` runs commands.
    pub bash: Option<bool>,
    /// Whether `/config` is there.
    pub config: Option<bool>,
    /// Whether `/debug` is there.
    pub debug: Option<bool>,
    /// Whether the channel's own lists count.
    pub use_access_groups: Option<bool>,
    /// Ids by channel.
    #[schemars(schema_with = "unit::anything")]
    pub allow_from: Option<Value>,
    /// Ids that own this assistant, `telegram:123`.
    #[schemars(schema_with = "unit::anything")]
    pub owner_allow_from: Option<Value>,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            restart: true,
            native: None,
            native_skills: None,
            text: None,
            bash: None,
            config: None,
            debug: None,
            use_access_groups: None,
            allow_from: None,
            owner_allow_from: None,
        }
    }
}
