//! What a run must know beside its message; stored with the input, so that a resumed run knows it too.

use std::time::Duration;

use agent::ports::Rights;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one message asks of its run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RunOptions {
    /// A thinking level for this run only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thinking: Option<String>,
    /// A model for this run only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// Longest run; 0 for no limit; the config's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    /// How far the sender is trusted.
    pub(crate) rights: Rights,
    /// The channel it came through, `webchat` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<String>,
    /// Whether the run may end without a word.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) may_be_silent: bool,
    /// Added to the system prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra_system_prompt: Option<String>,
    /// Layers of tool policy of the chat and the sender it came from, as the config writes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<Value>,
    /// Without the workspace's files.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) light_context: bool,
}

impl RunOptions {
    /// As the store keeps them.
    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Back from the store; what cannot be read is left out.
    pub(crate) fn of(value: &Value) -> Self {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }

    /// The limit in force, `None` for no limit.
    pub(crate) fn timeout(&self, configured: Duration) -> Option<Duration> {
        let limit = self.timeout_ms.map_or(configured, Duration::from_millis);
        Some(limit).filter(|limit| !limit.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn a_limit_of_zero_is_none_and_the_config_stands_in() {
        let of = |timeout_ms| RunOptions { timeout_ms, ..RunOptions::default() };
        let hour = Duration::from_secs(3600);
        assert_eq!(of(None).timeout(hour), Some(hour));
        assert_eq!(of(None).timeout(Duration::ZERO), None);
        assert_eq!(of(Some(0)).timeout(hour), None);
        assert_eq!(of(Some(5)).timeout(hour), Some(Duration::from_millis(5)));
    }

    #[test]
    fn options_survive_the_store() {
        let options = RunOptions { thinking: Some("low".into()), ..RunOptions::default() };
        assert_eq!(RunOptions::of(&options.to_value()), options);
        assert_eq!(RunOptions::of(&serde_json::json!("?")), RunOptions::default());
    }
}
