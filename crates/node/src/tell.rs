//! What a node tells its Gateway by itself: how its machine is, and what it publishes beside its commands (N-7.9, N-11.6).

use std::path::Path;
use std::time::Duration;

use link::{CallError, Link, LinkState};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;
use wire::ErrorCode;
use wire::methods::Method as _;
use wire::methods::node::{
    Event, EventParams, PluginToolsUpdate, RunnerInventoryUpdate, SkillsParams, SkillsUpdate, ToolDescriptor,
    ToolsParams,
};

use crate::node::DECISION_LOOK;
use crate::stats;

/// How often the machine says how it is (N-7.9).
const STATS_EVERY: Duration = Duration::from_secs(60);
/// Until something that was not taken is told again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// On every connection and every minute from then on, once a person has approved this node.
pub(crate) async fn tell_how_it_is(link: &Link, stats_of: Option<&Path>, tools: &[ToolDescriptor], decided: &Notify) {
    let mut state = link.state();
    let mut has_waited = false;
    // What is published lives as long as the connection.
    let mut published_on = None;
    loop {
        let up = state.wait_for(|state| matches!(state, LinkState::Up { .. })).await.map(|state| since(&state));
        let Ok(up) = up else { return };
        let wait = match tell(link, stats_of).await {
            Ok(()) => {
                if std::mem::take(&mut has_waited) {
                    tracing::info!("approved");
                }
                if published_on == Some(up) || publish(link, tools).await {
                    published_on = Some(up);
                    STATS_EVERY
                } else {
                    AGAIN_AFTER
                }
            }
            Err(NotTold::Awaited(why)) => {
                tracing::warn!("waiting for approval: {why}");
                has_waited = true;
                // Neither is an answer: what it says is asked again.
                let _decided_or_not = timeout(DECISION_LOOK, decided.notified()).await;
                continue;
            }
            Err(NotTold::Failed(error)) => {
                tracing::debug!(%error, "how this machine is was not taken");
                AGAIN_AFTER
            }
        };
        let other = |state: &LinkState| matches!(state, LinkState::Up { .. }) && since(state) != up;
        // Another connection is told at once.
        let _sooner = timeout(wait, state.wait_for(other)).await;
    }
}

/// Why a Gateway has not taken how this machine is.
enum NotTold {
    /// A person has to do something first (N-3.12).
    Awaited(String),
    /// Anything else; it passes.
    Failed(CallError),
}

/// Tells it once. Asked first is what an unapproved node is told in words; a Gateway that does not know the question
/// answers the second one alike.
async fn tell(link: &Link, stats_of: Option<&Path>) -> Result<(), NotTold> {
    let nothing_to_run = Value::Object(serde_json::Map::new());
    match link.request_raw(RunnerInventoryUpdate::NAME, Some(nothing_to_run)).await {
        Err(CallError::Answered { error, .. }) if error.message.contains("approval") => {
            return Err(NotTold::Awaited(error.message.clone()));
        }
        Ok(_) | Err(CallError::Answered { .. }) => {}
        Err(error) => return Err(NotTold::Failed(error)),
    }
    let Some(place) = stats_of else { return Ok(()) };
    let stats = Some(stats::host(place));
    let stats = EventParams { event: "node.host.stats".into(), payload: stats, payload_json: None };
    let told = link.request_raw(Event::NAME, Some(json!(stats))).await;
    told.map(drop).map_err(|error| match error.answered().and_then(|answer| answer.detail_code()) {
        Some("PAIRING_CHANGED") => NotTold::Awaited("see `openclaw nodes pending` at the Gateway".into()),
        _ => NotTold::Failed(error),
    })
}

/// Publishes what there is beside the commands (N-11.6); whether it need not be tried again.
async fn publish(link: &Link, tools: &[ToolDescriptor]) -> bool {
    let skills = link.request_raw(SkillsUpdate::NAME, Some(json!(SkillsParams { skills: Vec::new() }))).await;
    let tools = link.request_raw(PluginToolsUpdate::NAME, Some(json!(ToolsParams { tools: tools.to_vec() }))).await;
    [skills, tools].into_iter().all(|told| match told {
        Ok(_) => true,
        Err(CallError::Answered { error, .. }) if error.code == ErrorCode::InvalidRequest => {
            tracing::warn!("what this node publishes was not taken: {}", error.message);
            true
        }
        Err(error) => {
            tracing::debug!(%error, "what this node publishes was not taken yet");
            false
        }
    })
}

fn since(state: &LinkState) -> Option<std::time::SystemTime> {
    match state {
        LinkState::Up { since, .. } => Some(*since),
        _ => None,
    }
}
