//! The words that wake a listening device, and where goes what is said after them (N-13).

use serde::{Deserialize, Serialize};
use serde_json::Value;

methods! {
    /// `voicewake.get`
    Get = "voicewake.get", Value => Triggers;
    /// `voicewake.set`
    Set = "voicewake.set", Triggers => Triggers;
    /// `voicewake.routing.get`
    RoutingGet = "voicewake.routing.get", Value => Routed;
    /// `voicewake.routing.set`
    RoutingSet = "voicewake.routing.set", RoutingParams => Routed;
}

/// Words, and routes, at most.
pub const WORDS_MAX: usize = 32;
/// Longest word, in UTF-16 units: what a phone counts.
pub const WORD_MAX_UNITS: usize = 64;

/// The words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggers {
    /// In the order a person gave them.
    pub triggers: Vec<String>,
}

/// Where what was heard goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Routing {
    /// Always 1.
    pub version: u32,
    /// For words without a route.
    pub default_target: Target,
    /// By the word that was heard.
    pub routes: Vec<Route>,
    /// When it was last changed, in milliseconds; 0 for never.
    pub updated_at_ms: i64,
}

impl Default for Routing {
    /// Everything to whoever is current.
    fn default() -> Self {
        let default_target = Target::Current(Current { mode: Mode::Current });
        Self { version: 1, default_target, routes: Vec::new(), updated_at_ms: 0 }
    }
}

/// One word's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The word.
    pub trigger: String,
    /// Where it leads.
    pub target: Target,
}

/// A place for what was heard: exactly one of the three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a target is one of {mode:\"current\"}, {agentId}, {sessionKey}")]
pub enum Target {
    /// The session that is current.
    Current(Current),
    /// An agent's main session.
    Agent(ToAgent),
    /// One session.
    Session(ToSession),
}

/// `{mode:"current"}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    /// Which session that is.
    pub mode: Mode,
}

/// The only mode there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The one that the device shows, or the main one.
    Current,
}

/// `{agentId}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToAgent {
    /// The agent.
    pub agent_id: String,
}

/// `{sessionKey}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToSession {
    /// The session.
    pub session_key: String,
}

/// A new routing; its version and time are the Gateway's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoutingParams {
    /// What it is to be.
    pub config: RoutingWish,
}

/// What a person may say of a routing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutingWish {
    /// For words without a route; whoever is current when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_target: Option<Target>,
    /// By the word that was heard.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// The routing in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// It.
    pub config: Routing,
}

/// A word as words are compared: lower case, without punctuation, blanks collapsed (N-13.2).
pub fn folded(word: &str) -> String {
    let plain: String = word.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    plain.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A word cut to [`WORD_MAX_UNITS`], at a whole character.
pub fn cut(word: &str) -> String {
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= WORD_MAX_UNITS
    };
    word.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// N-13.1, N-13.2
    #[test]
    fn words_are_cut_by_units_and_compared_without_punctuation() {
        assert_eq!(cut(&"🦞".repeat(40)).chars().count(), 32, "two units each");
        assert_eq!(cut(&"a".repeat(70)).len(), 64);
        assert_eq!(folded("  Hey, OPEN-claw!  "), "hey open claw");
        assert_eq!(folded("!?"), "");
    }

    /// N-13.2
    #[test]
    fn a_target_is_exactly_one_place() {
        let read = |value: Value| serde_json::from_value::<Target>(value);
        for good in [json!({"mode": "current"}), json!({"agentId": "a"}), json!({"sessionKey": "main"})] {
            assert_eq!(serde_json::to_value(read(good.clone()).unwrap()).unwrap(), good);
        }
        for bad in [json!({}), json!({"mode": "last"}), json!({"agentId": "a", "sessionKey": "b"}), json!("main")] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
        let first = serde_json::to_value(Routing::default()).unwrap();
        assert_eq!(first, json!({"version": 1, "defaultTarget": {"mode": "current"}, "routes": [], "updatedAtMs": 0}));
    }
}
