//! When a conversation begins anew by itself. Pure.

use channels::route::Conversation;
use config::{Reset, ResetMode, Session as Config};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use store::Session;

/// What holds for a conversation: its channel's rule, its kind's, the one for all; January's idle minutes when none says
/// anything.
pub(super) fn rule(config: &Config, channel: &str, kind: Conversation) -> Reset {
    let older = config.idle_minutes.filter(|_| config.reset == Reset::default());
    let general = match older {
        Some(minutes) => Reset { mode: ResetMode::Idle, idle_minutes: Some(minutes), ..Reset::default() },
        None => config.reset.clone(),
    };
    let by_kind = config.reset_by_type.get(kind.as_str());
    // January's word for direct chats.
    let older_word = (kind == Conversation::Direct).then(|| config.reset_by_type.get("dm")).flatten();
    config.reset_by_channel.get(channel).or(by_kind).or(older_word).cloned().unwrap_or(general)
}

/// Why `session` begins anew now, if it does: `daily` goes by when the conversation began, `idle` by when a person last
/// wrote.
pub(super) fn due(rule: &Reset, session: &Session, now_ms: i64, zone: &TimeZone) -> Option<&'static str> {
    let idle = |minutes: u64| {
        let last = session.last_interaction_at.unwrap_or(session.started_session_at);
        let limit = i64::try_from(minutes.saturating_mul(60_000)).unwrap_or(i64::MAX);
        now_ms.saturating_sub(last) > limit
    };
    match rule.mode {
        ResetMode::None => None,
        ResetMode::Idle => rule.idle_minutes.is_some_and(idle).then_some("idle"),
        ResetMode::Daily => {
            if session.started_session_at < boundary(now_ms, rule.at_hour, zone)? {
                return Some("daily");
            }
            // Both may be set; whichever comes first counts.
            rule.idle_minutes.is_some_and(idle).then_some("idle")
        }
    }
}

/// The newest moment at or before now when the clock there showed that hour.
fn boundary(now_ms: i64, hour: u8, zone: &TimeZone) -> Option<i64> {
    let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(zone.clone());
    let hour = i8::try_from(hour.min(23)).ok()?;
    let today = now.date().at(hour, 0, 0, 0);
    let at = today.to_zoned(zone.clone()).ok()?;
    let at = if at > now { today.checked_sub(1.day()).ok()?.to_zoned(zone.clone()).ok()? } else { at };
    Some(at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HOUR: i64 = 3_600_000;
    /// 2026-11-21T06:00:00Z
    const NOW: i64 = 1_795_240_800_000;

    fn session(started: i64, last: Option<i64>) -> Session {
        let mut row = json!({
            "key": "agent:main:main", "agent": "main", "sessionId": "s", "createdAt": 0, "startedSessionAt": started,
            "updatedAt": NOW, "lastActivityAt": NOW,
        });
        row["lastInteractionAt"] = last.into();
        serde_json::from_value(row).unwrap()
    }

    fn reset(mode: ResetMode, at_hour: u8, idle_minutes: Option<u64>) -> Reset {
        Reset { mode, at_hour, idle_minutes }
    }

    ///
    #[test]
    fn daily_goes_by_the_beginning_and_idle_by_what_a_person_did() {
        use ResetMode::{Daily, Idle, None as Never};
        let utc = TimeZone::UTC;
        let old = session(NOW - 48 * HOUR, Some(NOW - HOUR));
        let since_four = session(NOW - HOUR, Some(NOW - HOUR));
        let table = [
            (reset(Never, 4, Some(1)), &old, None),
            (reset(Daily, 4, None), &old, Some("daily")),
            (reset(Daily, 4, None), &since_four, None),
            (reset(Daily, 7, None), &since_four, None),
            (reset(Daily, 7, None), &session(NOW - 24 * HOUR, None), Some("daily")),
            (reset(Daily, 4, Some(30)), &since_four, Some("idle")),
            (reset(Idle, 4, Some(30)), &old, Some("idle")),
            (reset(Idle, 4, Some(90)), &old, None),
            (reset(Idle, 4, None), &old, None),
        ];
        for (rule, session, expected) in table {
            assert_eq!(due(&rule, session, NOW, &utc), expected, "{rule:?}");
        }
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        // There it is 07:00; the conversation began at 06:30.
        assert_eq!(due(&reset(Daily, 7, None), &session(NOW - HOUR / 2, None), NOW, &berlin), Some("daily"));
    }

    ///
    #[test]
    fn the_channels_rule_comes_before_the_kinds_and_the_general_one() {
        let config: Config = serde_json::from_value(json!({
            "reset": {"mode": "daily"}, "resetByType": {"group": {"mode": "idle", "idleMinutes": 5}},
            "resetByChannel": {"discord": {"mode": "none"}},
        }))
        .unwrap();
        assert_eq!(rule(&config, "telegram", Conversation::Direct).mode, ResetMode::Daily);
        assert_eq!(rule(&config, "telegram", Conversation::Group).mode, ResetMode::Idle);
        assert_eq!(rule(&config, "discord", Conversation::Group).mode, ResetMode::None);
        let older: Config = serde_json::from_value(json!({"idleMinutes": 9})).unwrap();
        assert_eq!(rule(&older, "telegram", Conversation::Direct), reset(ResetMode::Idle, 4, Some(9)));
    }
}
