//! `voicewake.*`: the words that wake a listening device.

use serde_json::{Value, json};
use wire::methods::voicewake::Triggers;
use wire::{ErrorShape, events};

use crate::rpc::{Cx, unavailable};
use crate::services::Services;

const META: &str = "voicewake";
/// What released devices listen for until a person says otherwise.
const FIRST: [&str; 3] = ["openclaw", "claude", "computer"];
/// Words at most, and characters of each.
const MAX_WORDS: usize = 32;
const MAX_CHARS: usize = 64;

/// The words in force.
pub(super) async fn get(cx: Cx, _: Value) -> Result<Triggers, ErrorShape> {
    current(&cx).await
}

/// New words; none at all means the first ones again.
pub(super) async fn set(cx: Cx, params: Triggers) -> Result<Triggers, ErrorShape> {
    let words = params.triggers.iter().map(|word| word.trim()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(|word| word.chars().take(MAX_CHARS).collect()).take(MAX_WORDS).collect();
    let triggers = if words.is_empty() { first() } else { Triggers { triggers: words } };
    cx.store.meta_set(META, &json!(triggers)).await.map_err(unavailable)?;
    cx.hub.broadcast(&events::VOICEWAKE_CHANGED, &triggers);
    for node in cx.hub.callers().iter().filter(|who| who.role == wire::Role::Node) {
        cx.hub.to(node.conn_id, &events::VOICEWAKE_CHANGED, &triggers);
    }
    Ok(triggers)
}

/// Where what was heard goes: to whoever is current.
pub(super) async fn routing_get(_cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    Ok(routing())
}

/// The words in force, for a node that just connected.
pub(crate) async fn current(services: &Services) -> Result<Triggers, ErrorShape> {
    let kept = services.store.meta_get(META).await.map_err(unavailable)?;
    Ok(kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_else(first))
}

/// The routing every Gateway starts with.
pub(crate) fn routing() -> Value {
    json!({"config": {"version": 1, "defaultTarget": {"mode": "current"}, "routes": [], "updatedAtMs": 0}})
}

fn first() -> Triggers {
    Triggers { triggers: FIRST.map(str::to_owned).to_vec() }
}
