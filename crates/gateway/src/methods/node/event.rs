//! `node.event`: what happens on a node, by its name (N-7). A new kind is an arm here.

use serde_json::Value;
use wire::ErrorShape;
use wire::methods::node::{EventParams, EventResult};
use wire::methods::node_events::{Activity, PushRegistration};

use crate::node_events::{self, Heard};
use crate::nodes::Live;
use crate::nodes::invoke::pairing_changed;
use crate::nodes::platform::Platform;
use crate::rpc::{Cx, unavailable};

/// Takes an event in.
pub(super) async fn event(cx: Cx, params: EventParams) -> Result<EventResult, ErrorShape> {
    let Some(live) = cx.nodes.speaking(&cx.who) else { return Ok(done(params, false, "stale_connection")) };
    if live.approved.is_none() {
        return Err(pairing_changed("node pairing changed while invocation was active"));
    }
    let details = params.details();
    let node_id = cx.who.device_id.clone().unwrap_or_default();
    match params.event.as_str() {
        "node.host.stats" if is_host_stats(&details) => {
            cx.nodes.note_host_stats(&node_id, details).await.map_err(unavailable)?;
            Ok(done(params, true, "updated"))
        }
        "node.host.stats" => Ok(done(params, false, "invalid_payload")),
        "node.presence.alive" => {
            cx.store.device_seen(&node_id, "alive", Some(&cx.who.peer.to_string()));
            Ok(done(params, true, "persisted"))
        }
        "node.presence.activity" => Ok(match activity(&cx, &live, details) {
            Some(word) => done(params, true, word),
            None => done(params, false, "invalid_payload"),
        }),
        "push.apns.register" => match PushRegistration::read(details) {
            Some(push) => {
                let known = cx.nodes.note_push(&node_id, push).await.map_err(unavailable)?;
                Ok(done(params, known, if known { "stored" } else { "pairing_changed" }))
            }
            None => Ok(done(params, false, "invalid_payload")),
        },
        _ => {
            let heard = node_events::take(&cx, &live, &params.event, details).await?;
            let heard = heard.unwrap_or(Heard { handled: false, reason: "unsupported_event" });
            Ok(done(params, heard.handled, heard.reason))
        }
    }
}

/// N-7.8: only of a Mac's app, and what became of it.
fn activity(cx: &Cx, live: &Live, details: Value) -> Option<&'static str> {
    if live.platform() != Platform::Macos {
        return None;
    }
    let activity = Activity::read(details)?;
    let word = if matches!(activity, Activity::Idle(_)) { "updated" } else { "cleared" };
    cx.nodes.note_activity(&cx.who, &activity);
    Some(word)
}

/// N-7.9: numbers of a plausible machine, and nothing else worth keeping.
fn is_host_stats(details: &Value) -> bool {
    let known =
        ["cpuCount", "loadAverage", "memoryTotalBytes", "memoryFreeBytes", "diskTotalBytes", "diskAvailableBytes"];
    let is_number = |value: &Value| value.as_f64().is_some_and(|number| number >= 0.0);
    details.as_object().is_some_and(|stats| {
        stats.iter().all(|(name, value)| {
            known.contains(&name.as_str())
                && match value {
                    Value::Array(numbers) => {
                        name == "loadAverage" && numbers.len() <= 3 && numbers.iter().all(is_number)
                    }
                    value => name != "loadAverage" && is_number(value),
                }
        }) && stats.contains_key("cpuCount")
    })
}

fn done(params: EventParams, handled: bool, reason: &str) -> EventResult {
    EventResult { ok: true, event: params.event, handled, reason: Some(reason.to_owned()) }
}
