//! From an update to an [`Event`] (C-7).

use frankenstein::types::Message;
use serde_json::Value;

use super::start::Me;
use crate::{Chat, ChatKind, Event, Sender};

/// What an update says; nothing for one that says nothing we understand.
pub(super) fn update(_: &Me, update: &Value) -> Option<Event> {
    let id = update["update_id"].as_i64()?;
    let message: Message = serde_json::from_value(update["message"].clone())
        .inspect_err(|error| tracing::warn!(update = id, %error, "an update cannot be read and is left out"))
        .ok()?;
    let kind = if message.chat.id > 0 { ChatKind::Direct } else { ChatKind::Group };
    Some(Event {
        event_id: format!("{id}:{}:{}", message.chat.id, message.message_id),
        chat: Chat { kind, id: message.chat.id.to_string(), ..Chat::default() },
        sender: message.from.map(|from| Sender { id: from.id.to_string(), name: from.first_name, ..Sender::default() }),
        message_id: Some(message.message_id.to_string()),
        at: i64::try_from(message.date).unwrap_or_default() * 1000,
        text: message.text.unwrap_or_default(),
        ..Event::default()
    })
}
