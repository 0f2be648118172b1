//! What the config says of an agent's heartbeat, with its defaults.

use config::{Config, Heartbeat, HeartbeatHours};
use wire::AgentId;

use super::hours::Hours;

/// The pause when nothing is configured.
pub(super) const EVERY_MS: u64 = 30 * 60_000;
/// Characters beside an acknowledgement that are not worth telling.
const ACK_MAX: usize = 300;

/// An agent's heartbeat.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beat {
    /// The pause; `None` for an agent that has no heartbeat.
    pub(super) every_ms: Option<u64>,
    /// Who hears of it.
    pub(super) to: To,
    /// The chat, when one is named.
    pub(super) chat: Option<String>,
    /// The account of ours.
    pub(super) account: Option<String>,
    /// Its session, when it is not the main one.
    pub(super) session: Option<String>,
    /// Whether it begins with an empty transcript each time.
    pub(super) isolated: bool,
    /// Whether it goes without the workspace's files.
    pub(super) light: bool,
    /// Its model.
    pub(super) model: Option<String>,
    /// What it asks.
    pub(super) prompt: Option<String>,
    /// When it may happen.
    pub(super) hours: Option<Hours>,
    /// Characters beside an acknowledgement that are not worth telling.
    pub(super) ack_max: usize,
}

/// Who hears of a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    /// Nobody: it does its work in silence.
    Nobody,
    /// The chat its user last talked in; the owner's, as long as a Gateway has one.
    Last,
    /// A chat of this channel.
    Channel(String),
}

impl Beat {
    /// Of `agent`. When any agent has a heartbeat of its own, only those beat; otherwise the default agent does.
    pub(super) fn of(config: &Config, agent: &AgentId) -> Self {
        let entries = &config.agents.entries;
        let own = entries.iter().find(|entry| AgentId::fold(&entry.id) == *agent);
        let own = own.and_then(|entry| entry.heartbeat.as_ref());
        let first = config.agents.default_entry().map_or_else(AgentId::main, |entry| AgentId::fold(&entry.id));
        let some_have = entries.iter().any(|entry| entry.heartbeat.is_some());
        let beats = if some_have { own.is_some() } else { *agent == first };
        let shared = &config.agents.defaults.heartbeat;
        let zone = config.agents.defaults.user_timezone.clone();
        Self::merged(own.unwrap_or(&Heartbeat::default()), shared, beats, zone)
    }

    fn merged(own: &Heartbeat, shared: &Heartbeat, beats: bool, zone: Option<String>) -> Self {
        let every =
            own.every.or(shared.every).map_or(EVERY_MS, |every| u64::try_from(every.as_millis()).unwrap_or(u64::MAX));
        let to = match own.target.as_deref().or(shared.target.as_deref()).unwrap_or("owner") {
            "none" => To::Nobody,
            "owner" | "last" => To::Last,
            channel => To::Channel(channel.to_owned()),
        };
        let text = |own: &Option<String>, shared: &Option<String>| {
            own.clone().or_else(|| shared.clone()).filter(|text| !text.trim().is_empty())
        };
        let hours = own.active_hours.as_ref().or(shared.active_hours.as_ref());
        Self {
            every_ms: Some(every).filter(|every| beats && *every > 0),
            to,
            chat: text(&own.to, &shared.to),
            account: text(&own.account_id, &shared.account_id),
            session: text(&own.session, &shared.session).filter(|session| session != "main"),
            isolated: own.isolated_session.or(shared.isolated_session).unwrap_or(false),
            light: own.light_context.or(shared.light_context).unwrap_or(false),
            model: text(&own.model, &shared.model),
            prompt: text(&own.prompt, &shared.prompt),
            hours: hours.and_then(|hours| read(hours, zone)),
            ack_max: own.ack_max_chars.or(shared.ack_max_chars).unwrap_or(ACK_MAX),
        }
    }
}

fn read(hours: &HeartbeatHours, zone: Option<String>) -> Option<Hours> {
    let zone = match hours.timezone.as_deref() {
        None | Some("user") => zone,
        Some("local") => None,
        Some(name) => Some(name.to_owned()),
    };
    Hours::read(hours.start.as_deref(), hours.end.as_deref(), zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn beat(agents: serde_json::Value, agent: &str) -> Beat {
        let config: Config = serde_json::from_value(json!({"agents": agents})).unwrap();
        Beat::of(&config, &AgentId::fold(agent))
    }

    ///
    #[test]
    fn the_default_agent_beats_every_half_hour_unless_others_say_so_themselves() {
        assert_eq!(beat(json!({}), "main").every_ms, Some(1_800_000));
        assert_eq!(beat(json!({}), "other").every_ms, None);
        assert_eq!(beat(json!({"defaults": {"heartbeat": {"every": "0m"}}}), "main").every_ms, None, "off");
        let own = json!({"entries": {"a": {}, "b": {"heartbeat": {"every": "5m"}}}});
        assert_eq!((beat(own.clone(), "a").every_ms, beat(own, "b").every_ms), (None, Some(300_000)));
    }

    ///
    #[test]
    fn an_agents_own_words_stand_before_the_shared_ones() {
        let both = json!({
            "defaults": {"heartbeat": {"every": "1h", "target": "none", "model": "shared", "lightContext": true}},
            "entries": {"a": {"heartbeat": {"model": "own", "target": "telegram", "to": "7"}}},
        });
        let beat = beat(both, "a");
        assert_eq!((beat.every_ms, beat.model.as_deref(), beat.light), (Some(3_600_000), Some("own"), true));
        assert_eq!((beat.to, beat.chat.as_deref()), (To::Channel("telegram".into()), Some("7")));
    }
}
