//! Messages, edits and posts.

use frankenstein::types::{ChatType, Message};
use serde_json::{Map, Value};

use super::super::start::Me;
use super::{Unread, media, people, words};
use crate::{Event, Kind, Quoted};

/// How much of a quoted message is told (C-7.5), in characters.
const QUOTED: usize = 1000;
/// The topic that every forum has; Telegram names it nowhere.
const GENERAL: i32 = 1;
/// What a message must have to be one, and what is said in it.
const PLAIN: &[&str] = &[
    "message_id",
    "message_thread_id",
    "is_topic_message",
    "from",
    "sender_chat",
    "chat",
    "date",
    "edit_date",
    "media_group_id",
    "text",
    "caption",
];

/// What a message says; nothing for one that only tells of a change (a new member, a new title).
pub(super) fn read(me: &Me, content: &Value, kind: Kind) -> Result<Option<Event>, Unread> {
    let message = typed(content)?;
    let mut event = Event {
        chat: people::chat(&message.chat),
        thread_id: thread(me, &message).map(|thread| thread.to_string()),
        sender: people::author(&message),
        message_id: Some(message.message_id.to_string()),
        at: i64::try_from(message.edit_date.unwrap_or(message.date)).unwrap_or_default() * 1000,
        group_mark: message.media_group_id.clone(),
        kind,
        ..Event::default()
    };
    if let Some(to) = message.migrate_to_chat_id {
        event.kind = Kind::Moved { to: to.to_string() };
        return Ok(Some(event));
    }
    let said = words::of(me, &message);
    event.media = media::of(&message);
    event.text = match event.media.first() {
        Some(file) if said.text.is_empty() => format!("<media:{}>", file.kind.as_str()),
        _ => said.text,
    };
    if event.text.is_empty() {
        return Ok(None);
    }
    event.reply_to = quoted(me, &message);
    event.forwarded_from = message.forward_origin.as_deref().map(people::origin);
    event.mentions_us = said.mentions_us || event.reply_to.as_ref().is_some_and(|quoted| quoted.is_ours);
    event.for_another = said.for_another;
    Ok(Some(event))
}

/// A message as its type has it. From one that a newer or older server sends, what cannot be read is left out, so that
/// what somebody wrote still arrives.
pub(super) fn typed(content: &Value) -> Result<Message, Unread> {
    let error = match serde_json::from_value(content.clone()) {
        Ok(message) => return Ok(message),
        Err(error) => error,
    };
    let whole = content.as_object().ok_or(Unread::Without("chat"))?;
    let (plain, rest): (Vec<_>, Vec<_>) = whole.iter().partition(|(key, _)| PLAIN.contains(&key.as_str()));
    let mut kept: Map<String, Value> = plain.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let reads = |kept: &Map<String, Value>| serde_json::from_value::<Message>(Value::Object(kept.clone()));
    let mut message = reads(&kept).map_err(|_| error)?;
    for (key, value) in rest {
        kept.insert(key.clone(), value.clone());
        match reads(&kept) {
            Ok(more) => message = more,
            Err(_) => {
                kept.remove(key);
            }
        }
    }
    Ok(message)
}

/// The topic (C-7.7). In a group without topics `message_thread_id` only counts replies, and in a direct chat it means
/// something only to a bot with topics.
pub(super) fn thread(me: &Me, message: &Message) -> Option<i32> {
    let is_forum = message.chat.is_forum == Some(true) || message.is_topic_message == Some(true);
    match message.chat.type_field {
        ChatType::Private => message.message_thread_id.filter(|_| me.has_topics),
        ChatType::Supergroup | ChatType::Group if is_forum => Some(message.message_thread_id.unwrap_or(GENERAL)),
        _ => None,
    }
}

fn quoted(me: &Me, message: &Message) -> Option<Quoted> {
    let chosen = message.quote.as_ref().map(|quote| quote.text.clone());
    if let Some(answered) = &message.reply_to_message {
        // In a topic every message answers the one that opened it.
        let opens_topic = answered.forum_topic_created.is_some()
            || (message.is_topic_message == Some(true) && Some(answered.message_id) == message.message_thread_id);
        if opens_topic {
            return None;
        }
        let whole = || match words::of(me, answered).text {
            text if !text.is_empty() => text,
            _ => media::of(answered).first().map(|file| format!("<media:{}>", file.kind.as_str())).unwrap_or_default(),
        };
        let is_ours = answered.from.as_ref().is_some_and(|from| i64::try_from(from.id) == Ok(me.id));
        return Some(Quoted {
            message_id: answered.message_id.to_string(),
            sender: people::author(answered),
            text: shortened(&chosen.unwrap_or_else(whole)),
            is_ours,
        });
    }
    let elsewhere = message.external_reply.as_ref()?;
    Some(Quoted {
        message_id: elsewhere.message_id.map(|id| id.to_string()).unwrap_or_default(),
        sender: Some(people::origin_sender(&elsewhere.origin)),
        text: shortened(&chosen.unwrap_or_default()),
        is_ours: false,
    })
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
