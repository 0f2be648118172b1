//! Waking the agent for what happened on a node: a turn that may end in silence, rarely, and never for a session that
//! nobody uses.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use wire::{ErrorShape, SessionKey};

use super::Heard;
use super::begin::{Wish, begin};
use crate::intake::RunOptions;
use crate::rpc::unavailable;
use crate::services::Services;

/// A session is woken at most once in this time; what happens meanwhile is told in its next turn.
const PAUSE_MS: i64 = 30_000;
/// Not shown in chats, which hide what a heartbeat asks.
const PROMPT: &str = "[OpenClaw heartbeat: something happened on a node or to a command; see \"Since the last turn\". Tell \
    your user what matters to them. If nothing does, answer NO_REPLY.]";

/// The session meant, when it is there, else the main one: a node makes no sessions by telling of things.
pub(super) async fn existing(services: &Services, named: Option<SessionKey>) -> Result<SessionKey, ErrorShape> {
    if let Some(key) = named
        && services.store.session(&key).await.map_err(unavailable)?.is_some()
    {
        return Ok(key);
    }
    Ok(services.agents.main_session(&services.agents.default_id()))
}

/// Whether the owner wants an agent that wakes by itself (`agents.defaults.heartbeat.every`).
pub(super) fn beats(services: &Services) -> bool {
    let config = services.agents.config();
    config.agents.defaults.heartbeat.every.is_some_and(|every| !every.is_zero())
}

/// Begins a turn in `session`, unless it was woken just now.
pub(super) async fn wake(services: &Services, session: &SessionKey) -> Result<Heard, ErrorShape> {
    let mut hasher = DefaultHasher::new();
    session.as_str().hash(&mut hasher);
    let wish = Wish {
        // One id for a while: whoever comes second finds it taken.
        run_id: format!("wake-{:x}-{}", hasher.finish(), base::now_ms() / PAUSE_MS),
        session: session.clone(),
        text: PROMPT.to_owned(),
        attachments: Vec::new(),
        options: RunOptions { may_be_silent: true, ..RunOptions::default() },
        source: "heartbeat",
        answer: None,
    };
    begin(services, wish).await
}
