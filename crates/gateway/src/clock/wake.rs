//! `wake`: something an agent is to hear, at once or with its next heartbeat.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use agent::ports::Rights;
use uuid::Uuid;
use wire::methods::cron::WakeMode;
use wire::{ErrorShape, SessionKey};

use super::Clock;
use super::heartbeat;
use super::kept::Woken;
use crate::fault;

/// How the names of events begin that the owner noted.
pub(super) const OWNERS: &str = "owner:";

/// Notes `text` for a session, its agent's main one if absent, and wakes the agent for it if that is wanted. The same
/// text that still waits is noted once.
///
/// # Errors
/// `INVALID_REQUEST` for an agent or session that cannot be; `UNAVAILABLE` when it could not be made durable.
pub(crate) async fn wake(
    clock: &Clock,
    (mode, reason, rights): (WakeMode, &str, Rights),
    text: &str,
    session_key: Option<&str>,
    agent_id: Option<&str>,
) -> Result<SessionKey, ErrorShape> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ErrorShape::invalid("invalid wake params: text must not be blank"));
    }
    let agents = &clock.0.agents;
    let agent = agents.find(agent_id)?;
    let session = match session_key.map(str::trim).filter(|key| !key.is_empty()) {
        Some(key) => agents.key(key, agent_id)?,
        None => agents.main_session(&agent),
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let whose = if rights.owner && !rights.from_node { OWNERS } else { "wake:" };
    let about = format!("{whose}{:x}", hasher.finish());
    clock.0.store.note_event(&session, &about, text).await.map_err(fault::store)?;
    if mode == WakeMode::Now {
        heartbeat::sync(clock).await?;
        let id = heartbeat::id_of(&session.agent());
        let woken = Woken { reason: reason.to_owned(), session: Some(session.clone()), rights };
        clock.promise(&id, format!("{id}:{}", Uuid::new_v4()), Some(woken)).await?;
    }
    Ok(session)
}
