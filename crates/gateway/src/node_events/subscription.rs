//! `chat.subscribe`, `chat.unsubscribe`: a node that shows a conversation hears it (N-7.5), until its connection ends.

use serde::Deserialize;
use serde_json::Value;

use super::{Heard, named, read};
use crate::hub::Topic;
use crate::nodes::Live;
use crate::services::Services;

/// Conversations one connection may follow.
const FOLLOWED_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    session_key: String,
}

pub(super) fn begin(services: &Services, node: &Live, details: Value) -> Heard {
    let Some(topic) = topic(services, details) else { return Heard::ignored("invalid_payload") };
    let conn_id = node.caller.conn_id;
    if services.hub.followed_by(conn_id) >= FOLLOWED_MAX {
        return Heard::ignored("too_many_subscriptions");
    }
    services.hub.subscribe(conn_id, topic);
    Heard::done("subscribed")
}

pub(super) fn end(services: &Services, node: &Live, details: Value) -> Heard {
    let Some(topic) = topic(services, details) else { return Heard::ignored("invalid_payload") };
    services.hub.unsubscribe(node.caller.conn_id, &topic);
    Heard::done("unsubscribed")
}

fn topic(services: &Services, details: Value) -> Option<Topic> {
    let Named { session_key } = read(details)?;
    let key = session_key.trim();
    if key.is_empty() { None } else { named(services, key).map(Topic::Chat) }
}
