//! What happens to a message while a run of its session is at work, and whose company it may be answered in.

use std::time::Duration;

use config::{Queue, QueueDrop, QueueMode};
use serde_json::json;
use store::Input;

use crate::intake::RunOptions;

/// How a message waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct How {
    /// What is done with it.
    pub(super) mode: QueueMode,
    /// The silence after which collected messages are taken together.
    pub(super) quiet: Duration,
    /// How many may wait.
    pub(super) cap: usize,
    /// What happens to the ones beyond.
    pub(super) drop: QueueDrop,
}

impl How {
    /// Its turn comes when those before it are over, however many they are: for what no person typed.
    pub(crate) const fn in_turn() -> Self {
        Self { mode: QueueMode::Followup, quiet: Duration::ZERO, cap: usize::MAX, drop: QueueDrop::New }
    }

    /// As the config has it, unless `mode` is wanted.
    pub(crate) fn of(config: &Queue, mode: QueueMode) -> Self {
        Self { mode, quiet: config.debounce, cap: config.cap, drop: config.drop }
    }

    /// For a message of a chat: the session's own word, the channel's, the general one.
    pub(crate) fn of_chat(config: &Queue, session: Option<&str>, channel: &str) -> Self {
        let own = session.and_then(QueueMode::parse);
        let mode = own.or_else(|| config.by_channel.get(channel).copied()).unwrap_or(config.mode);
        Self::of(config, mode)
    }
}

/// Who began a message, with which rights, and where it is answered. Only messages of the same company share a turn:
/// nobody's words run under another's rights, and every answer goes where its question came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Company(String);

impl Company {
    /// Of an accepted message.
    pub(super) fn of(input: &Input) -> Self {
        let options = RunOptions::of(&input.options);
        let route = input.answer.as_ref().map(|answer| &answer.route);
        let shared = RunOptions { timeout_ms: None, ..options };
        Self(json!([route, shared.to_value(), input.source == super::TYPED]).to_string())
    }

    #[cfg(test)]
    pub(super) fn of_text(text: &str) -> Self {
        Self(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn the_sessions_word_comes_before_the_channels_and_the_general_one() {
        let config: Queue = serde_json::from_value(json!({
            "mode": "collect", "byChannel": {"telegram": "interrupt"}, "cap": 5,
        }))
        .unwrap();
        assert_eq!(How::of_chat(&config, None, "discord").mode, QueueMode::Collect);
        assert_eq!(How::of_chat(&config, None, "telegram").mode, QueueMode::Interrupt);
        assert_eq!(How::of_chat(&config, Some("followup"), "telegram").mode, QueueMode::Followup);
        assert_eq!(How::of_chat(&config, Some("?"), "telegram").mode, QueueMode::Interrupt);
        assert_eq!(How::of_chat(&Queue::default(), None, "telegram").mode, QueueMode::Steer);
        assert_eq!(How::of_chat(&config, None, "x").cap, 5);
    }
}
