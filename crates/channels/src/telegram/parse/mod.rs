//! From an update to an [`Event`] (C-7). Each update is read by itself: one that cannot be read is left out with its
//! number in the log, and keeps no other from coming.

mod media;
mod message;
mod other;
mod people;
mod words;

use serde_json::Value;

pub(super) use other::query_of;

use super::start::Me;
use crate::{Event, Kind};

/// Why an update says nothing.
#[derive(Debug, thiserror::Error)]
enum Unread {
    /// It is not what Telegram's documentation says.
    #[error("it is not as Telegram documents it: {0}")]
    Odd(#[from] serde_json::Error),
    /// Something that has to be there is not.
    #[error("it has no `{0}`")]
    Without(&'static str),
}

/// What an update says; nothing for one that says nothing to us.
pub(super) fn update(me: &Me, update: &Value) -> Option<Event> {
    let Some(id) = update["update_id"].as_i64() else {
        tracing::warn!("an update without a number is left out");
        return None;
    };
    let read = content(me, update);
    read.inspect_err(|why| tracing::warn!(update = id, %why, "an update is left out"))
        .ok()
        .flatten()
        .map(|(about, event)| Event { event_id: format!("{id}:{about}"), ..event })
}

/// The event, and what tells it from one that a server which lost its counter gives the same number (C-3.5).
fn content(me: &Me, update: &Value) -> Result<Option<(String, Event)>, Unread> {
    let said = |name: &str| update.get(name).filter(|content| !content.is_null());
    let message = |content: &Value, kind: Kind| {
        let event = message::read(me, content, kind)?;
        Ok(event.map(|event| (about(&event), event)))
    };
    if let Some(content) = said("message").or_else(|| said("channel_post")) {
        return message(content, Kind::Message);
    }
    if let Some(content) = said("edited_message").or_else(|| said("edited_channel_post")) {
        return message(content, Kind::Edit);
    }
    if let Some(content) = said("callback_query") {
        return other::button(me, content).map(Some);
    }
    if let Some(content) = said("message_reaction") {
        return other::reaction(content).map(|event| Some((about(&event), event)));
    }
    if let Some(content) = said("my_chat_member") {
        return other::member(content).map(|event| Some((about(&event), event)));
    }
    if let Some(content) = said("poll_answer") {
        return other::vote(content).map(Some);
    }
    Ok(None)
}

fn about(event: &Event) -> String {
    format!("{}:{}", event.chat.id, event.message_id.as_deref().unwrap_or_default())
}
