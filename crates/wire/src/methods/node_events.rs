//! What a node tells of itself beside its answers: the payloads of `node.event` (N-7).

use serde::{Deserialize, Serialize};

use crate::connect::Credential;

/// The longest idleness somebody may report, in seconds: thirty days.
pub const IDLE_MAX_SECONDS: u64 = 2_592_000;

/// `node.presence.activity`: when somebody last touched a computer (N-7.8).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Activity {
    /// That long ago.
    Idle(Idle),
    /// It does not say any more.
    Cleared(Cleared),
}

/// How long nobody has touched it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Idle {
    /// At most [`IDLE_MAX_SECONDS`].
    pub idle_seconds: u64,
    /// Who counted: the app, or the whole system.
    #[serde(default)]
    pub source: Option<IdleSource>,
    /// Whether it was longer than can be told.
    #[serde(default)]
    pub saturated: Option<bool>,
}

/// Who counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdleSource {
    /// The app, for its own windows.
    App,
    /// The system.
    System,
}

/// Takes back what was said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleared {
    /// `clear`.
    pub action: ClearAction,
}

/// The one word of [`Cleared`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClearAction {
    /// It does not say any more.
    Clear,
}

impl Activity {
    /// What `payload` says; `None` when it says nothing plausible.
    pub fn read(payload: serde_json::Value) -> Option<Self> {
        let activity: Self = serde_json::from_value(payload).ok()?;
        match &activity {
            Self::Idle(idle) if idle.idle_seconds > IDLE_MAX_SECONDS => None,
            _ => Some(activity),
        }
    }
}

/// `push.apns.register`: where a phone can be woken (N-7.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushRegistration {
    /// Names the phone to Apple; never shown.
    pub token: Credential,
    /// The app.
    pub topic: String,
    /// `production` or `sandbox`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// The longest text of a registration, in bytes.
const REGISTRATION_MAX_BYTES: usize = 512;

impl PushRegistration {
    /// What `payload` registers; `None` when it cannot be a registration.
    pub fn read(payload: serde_json::Value) -> Option<Self> {
        let it: Self = serde_json::from_value(payload).ok()?;
        let fits = |text: &str| !text.trim().is_empty() && text.len() <= REGISTRATION_MAX_BYTES;
        let known = it.environment.as_deref().is_none_or(|word| matches!(word, "production" | "sandbox"));
        (fits(it.token.as_str()) && fits(&it.topic) && known).then_some(it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// N-7.8
    #[test]
    fn only_a_plausible_idleness_counts() {
        let idle = |seconds| Activity::Idle(Idle { idle_seconds: seconds, source: None, saturated: None });
        assert_eq!(Activity::read(json!({"idleSeconds": 0})), Some(idle(0)));
        assert_eq!(Activity::read(json!({"idleSeconds": 2_592_000})), Some(idle(2_592_000)));
        assert_eq!(
            Activity::read(json!({"action": "clear"})),
            Some(Activity::Cleared(Cleared { action: ClearAction::Clear }))
        );
        for odd in [json!({"idleSeconds": 2_592_001}), json!({"idleSeconds": -1}), json!({}), json!(null)] {
            assert_eq!(Activity::read(odd.clone()), None, "{odd}");
        }
        assert_eq!(Activity::read(json!({"idleSeconds": 1, "source": "moon"})), None);
    }

    /// N-7.10
    #[test]
    fn a_registration_has_a_token_and_an_app_and_does_not_show_the_token() {
        let good = json!({"token": "ab01", "topic": "ai.openclaw.ios", "environment": "production"});
        let read = PushRegistration::read(good).unwrap();
        assert!(!format!("{read:?}").contains("ab01"));
        for odd in [
            json!({"token": "", "topic": "t"}),
            json!({"token": "a"}),
            json!({"token": "a", "topic": "t", "environment": "x"}),
        ] {
            assert!(PushRegistration::read(odd.clone()).is_none(), "{odd}");
        }
        assert!(PushRegistration::read(json!({"token": "a".repeat(513), "topic": "t"})).is_none());
    }
}
