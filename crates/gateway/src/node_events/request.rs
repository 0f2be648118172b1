//! `agent.request`: something a person shared with the agent on a device: a link, a picture (N-7.3).

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use wire::methods::chat::Attachment;
use wire::{ErrorShape, SessionKey};

use super::begin::{Wish, begin};
use super::{Heard, given, named, read};
use crate::chats::deliver;
use crate::fault;
use crate::intake::RunOptions;
use crate::models::thinking;
use crate::nodes::Live;
use crate::services::Services;

/// Longest message.
const MESSAGE_MAX_CHARS: usize = 20_000;
/// What the chat is told at once, when the node asks for that.
const RECEIPT: &str = "Received what you shared; working on it.";
/// Longest key of a node's own.
const OWN_KEY_MAX: usize = 128;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    message: String,
    session_key: Option<String>,
    thinking: Option<String>,
    deliver: Option<bool>,
    timeout_seconds: Option<u64>,
    key: Option<String>,
    attachments: Option<Vec<Attachment>>,
    receipt: Option<bool>,
}

pub(super) async fn hear(services: &Services, node: &Live, details: Value) -> Result<Heard, ErrorShape> {
    let Some(asked) = read::<Request>(details) else { return Ok(Heard::ignored("invalid_payload")) };
    let node_id = node.caller.device_id.as_deref().unwrap_or_default();
    let attachments: Vec<Attachment> = asked.attachments.into_iter().flatten().filter(is_picture).collect();
    let text = asked.message.trim();
    if text.is_empty() && attachments.is_empty() {
        return Ok(Heard::ignored("empty_message"));
    }
    if text.chars().nth(MESSAGE_MAX_CHARS).is_some() {
        return Ok(Heard::ignored("message_too_long"));
    }
    let Some(session) = place(services, node_id, given(&asked.session_key)) else {
        return Ok(Heard::ignored("unknown_session"));
    };
    let wants_chat = asked.deliver == Some(true) || asked.receipt == Some(true);
    let home = if wants_chat { deliver::home(services, &session).await.map_err(fault::store)? } else { None };
    if wants_chat && home.is_none() {
        tracing::warn!(node = node_id, session = %session, "a node asked for delivery; the session has no chat to deliver to");
    }
    let own = given(&asked.key).filter(|key| key.len() <= OWN_KEY_MAX);
    let wish = Wish {
        run_id: own.map_or_else(|| format!("node-{}", Uuid::new_v4()), |key| format!("node:{node_id}:{key}")),
        session,
        text: text.to_owned(),
        attachments,
        options: RunOptions {
            thinking: given(&asked.thinking).filter(|level| thinking(Some(level)).is_some()).map(str::to_owned),
            timeout_ms: asked.timeout_seconds.map(|seconds| seconds.saturating_mul(1000)),
            ..RunOptions::default()
        },
        source: "node",
        answer: home.clone().filter(|_| asked.deliver == Some(true)),
    };
    let id = wish.run_id.clone();
    match begin(services, wish).await {
        Ok(heard) => {
            if let Some(home) = home.filter(|_| asked.receipt == Some(true)) {
                // The id is the run's: a repeated request is acknowledged once.
                let id = format!("receipt:{id}");
                deliver::notice(services, id, home.route, RECEIPT).await.map_err(fault::store)?;
            }
            Ok(heard)
        }
        // What the node sent was wrong, which is no reason to send it again.
        Err(error) if error.code == wire::ErrorCode::InvalidRequest => {
            tracing::warn!(node = node_id, error = error.message, "a node's request was not taken");
            Ok(Heard::ignored("invalid_payload"))
        }
        outcome => outcome,
    }
}

/// The session it names, or the node's own.
fn place(services: &Services, node_id: &str, key: Option<&str>) -> Option<SessionKey> {
    match key {
        Some(key) => named(services, key),
        None => named(services, &format!("node-{node_id}")),
    }
}

fn is_picture(attachment: &Attachment) -> bool {
    attachment.mime_type.as_deref().is_some_and(|mime| mime.starts_with("image/"))
}
