//! What people do beside writing: buttons, reactions, votes; and where we are.

use frankenstein::types::{CallbackQuery, Chat as TheirChat, MaybeInaccessibleMessage, User};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::start::Me;
use super::{Unread, message, people};
use crate::{Event, Kind, Sender};

/// The key of a query's id in [`Event::own`].
const QUERY: &str = "callbackQueryId";

/// A button was pressed (C-10.3).
pub(super) fn button(me: &Me, content: &Value) -> Result<(String, Event), Unread> {
    let query = CallbackQuery::deserialize(content).or_else(|error| {
        // The message may be more than our types know; the press counts all the same.
        let mut plain = content.clone();
        plain["message"] = serde_json::to_value(message::typed(&content["message"])?)?;
        CallbackQuery::deserialize(&plain).map_err(|_| Unread::Odd(error))
    })?;
    let data = query.data.ok_or(Unread::Without("data"))?;
    let under = query.message.ok_or(Unread::Without("message"))?;
    let at = base::now_ms();
    let mut event = match under {
        MaybeInaccessibleMessage::Message(under) => {
            let thread_id = message::thread(me, &under).map(|thread| thread.to_string());
            let message_id = Some(under.message_id.to_string());
            Event { chat: people::chat(&under.chat), message_id, thread_id, ..Event::default() }
        }
        MaybeInaccessibleMessage::InaccessibleMessage(under) => {
            let message_id = Some(under.message_id.to_string());
            Event { chat: people::chat(&under.chat), message_id, ..Event::default() }
        }
    };
    event.text = format!("callback_data: {data}");
    (event.kind, event.sender, event.at) = (Kind::Button { data }, Some(people::sender(&query.from)), at);
    event.mentions_us = true;
    event.own = json!({QUERY: query.id});
    Ok((query.id, event))
}

/// The query a button's event came from.
pub(in super::super) fn query_of(event: &Event) -> Option<&str> {
    event.own[QUERY].as_str()
}

/// Somebody reacted, or took a reaction back (C-10.4).
pub(super) fn reaction(content: &Value) -> Result<Event, Unread> {
    let shown = |reaction: &Value| match reaction["type"].as_str() {
        Some("emoji") => reaction["emoji"].as_str().map(str::to_owned),
        Some("paid") => Some("⭐".to_owned()),
        _ => Some("custom".to_owned()),
    };
    let emoji = content["new_reaction"].as_array().ok_or(Unread::Without("new_reaction"))?.iter().filter_map(shown);
    Ok(Event {
        kind: Kind::Reaction { emoji: emoji.collect() },
        chat: people::chat(&TheirChat::deserialize(&content["chat"])?),
        sender: who(content, "user", "actor_chat")?,
        message_id: Some(content["message_id"].as_i64().ok_or(Unread::Without("message_id"))?.to_string()),
        at: at(content),
        ..Event::default()
    })
}

/// We came to a chat, or went.
pub(super) fn member(content: &Value) -> Result<Event, Unread> {
    let now = &content["new_chat_member"];
    let present = match now["status"].as_str().ok_or(Unread::Without("new_chat_member"))? {
        "restricted" => now["is_member"] == true,
        status => matches!(status, "creator" | "administrator" | "member"),
    };
    Ok(Event {
        kind: Kind::Member { present },
        chat: people::chat(&TheirChat::deserialize(&content["chat"])?),
        sender: who(content, "from", "actor_chat")?,
        at: at(content),
        ..Event::default()
    })
}

/// Somebody voted. Telegram does not say where the poll is: whoever sent it knows.
pub(super) fn vote(content: &Value) -> Result<(String, Event), Unread> {
    let poll = content["poll_id"].as_str().ok_or(Unread::Without("poll_id"))?.to_owned();
    let chosen = content["option_ids"].as_array().ok_or(Unread::Without("option_ids"))?;
    let options = chosen.iter().filter_map(|option| u32::try_from(option.as_u64()?).ok()).collect();
    let sender = who(content, "user", "voter_chat")?;
    let voter = sender.as_ref().map(|sender| sender.id.clone()).unwrap_or_default();
    let about = format!("{poll}:{voter}");
    Ok((about, Event { kind: Kind::Vote { poll, options }, sender, at: base::now_ms(), ..Event::default() }))
}

/// A person, or a chat in whose name somebody acts.
fn who(content: &Value, person: &str, chat: &str) -> Result<Option<Sender>, Unread> {
    if let Some(user) = content.get(person).filter(|user| !user.is_null()) {
        return Ok(Some(people::sender(&User::deserialize(user)?)));
    }
    match content.get(chat).filter(|chat| !chat.is_null()) {
        Some(chat) => Ok(Some(people::in_the_name_of(&TheirChat::deserialize(chat)?))),
        None => Ok(None),
    }
}

fn at(content: &Value) -> i64 {
    content["date"].as_i64().unwrap_or_default() * 1000
}
