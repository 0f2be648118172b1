//! What a turn is told beside the words (C-7.5, C-7.8, A-10.5): who wrote, where, what it answers, and what was said
//! meanwhile without being meant for us (C-6.2). Pure.

use channels::{ChatKind, Event, Quoted, Sender};
use serde_json::{Map, Value, json};
use store::ChatMessage;

/// Longest quoted text, in characters (C-7.5).
const QUOTE_MAX: usize = 1000;
/// Longest name or title.
const NAME_MAX: usize = 128;

/// A message as it is kept.
pub(super) fn kept(event: &Event) -> Value {
    let mut kept = sender(event.sender.as_ref());
    kept.insert("text".into(), cut(&event.text, QUOTE_MAX).into());
    Value::Object(kept)
}

/// What goes beside the words of `event`.
pub(super) fn of(channel: &str, account: &str, event: &Event, mentioned: bool, earlier: &[ChatMessage]) -> Value {
    let mut chat = Map::new();
    chat.insert("type".into(), event.chat.kind.as_str().into());
    chat.insert("id".into(), event.chat.id.as_str().into());
    put(&mut chat, "title", event.chat.title.as_deref().map(|title| cut(title, NAME_MAX)));
    put(&mut chat, "topic", event.thread_id.clone());
    let mut told = Map::new();
    told.insert("channel".into(), channel.into());
    told.insert("account".into(), account.into());
    told.insert("chat".into(), Value::Object(chat));
    told.insert("sender".into(), Value::Object(sender(event.sender.as_ref())));
    put(&mut told, "messageId", event.message_id.clone());
    told.insert("timestamp".into(), base::iso(event.at).into());
    if event.chat.kind != ChatKind::Direct {
        told.insert("mentionsYou".into(), mentioned.into());
    }
    if let Some(quoted) = &event.reply_to {
        told.insert("replyTo".into(), quote(quoted));
    }
    put(&mut told, "forwardedFrom", event.forwarded_from.as_deref().map(|from| cut(from, NAME_MAX)));
    if !earlier.is_empty() {
        let lines = earlier.iter().map(|message| {
            let mut line = message.body.clone();
            line["at"] = base::iso(message.at).into();
            line["messageId"] = message.message.as_str().into();
            line
        });
        told.insert("earlierInThisChat".into(), lines.collect());
    }
    Value::Object(told)
}

/// A name for people.
pub(super) fn called(who: &Sender) -> String {
    let name = who.name.trim();
    match (&who.username, name.is_empty()) {
        (Some(username), true) => format!("@{username}"),
        (_, true) => who.id.clone(),
        (_, false) => cut(name, NAME_MAX),
    }
}

fn quote(quoted: &Quoted) -> Value {
    let mut told = sender(quoted.sender.as_ref());
    told.insert("messageId".into(), quoted.message_id.as_str().into());
    told.insert("text".into(), cut(&quoted.text, QUOTE_MAX).into());
    if quoted.is_ours {
        told.insert("writtenByYou".into(), true.into());
    }
    Value::Object(told)
}

fn sender(who: Option<&Sender>) -> Map<String, Value> {
    let mut told = Map::new();
    let Some(who) = who else { return told };
    told.insert("id".into(), who.id.as_str().into());
    told.insert("name".into(), cut(&who.name, NAME_MAX).into());
    put(&mut told, "username", who.username.as_deref().map(|name| cut(name, NAME_MAX)));
    if who.is_bot {
        told.insert("isBot".into(), json!(true));
    }
    told
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<String>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}

fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use channels::Chat;

    /// C-7.5, C-7.8, C-6.2
    #[test]
    fn a_turn_is_told_who_wrote_where_and_what_was_said_around_it() {
        let who = Sender {
            id: "5".into(),
            name: "Ann".into(),
            username: Some("ann".into()),
            is_bot: false,
            is_anonymous: false,
        };
        let event = Event {
            chat: Chat { kind: ChatKind::Group, id: "-100".into(), title: Some("t".repeat(500)), has_topics: true },
            thread_id: Some("9".into()),
            sender: Some(who.clone()),
            message_id: Some("12".into()),
            reply_to: Some(Quoted {
                message_id: "11".into(),
                sender: Some(who.clone()),
                text: "q".repeat(2000),
                is_ours: true,
            }),
            forwarded_from: Some("News".into()),
            at: 0,
            ..Event::default()
        };
        let heard = Event { text: "before".into(), ..event.clone() };
        let earlier = [ChatMessage { message: "10".into(), body: kept(&heard), told: false, at: 0 }];
        let told = of("telegram", "default", &event, true, &earlier);
        assert_eq!(told["sender"], json!({"id": "5", "name": "Ann", "username": "ann"}));
        assert_eq!(told["chat"]["topic"], "9");
        assert_eq!(told["chat"]["title"].as_str().unwrap().chars().count(), NAME_MAX + 1);
        assert_eq!((&told["messageId"], &told["mentionsYou"]), (&json!("12"), &json!(true)));
        assert_eq!(told["timestamp"], "1970-01-01T00:00:00.000Z");
        assert_eq!(told["replyTo"]["writtenByYou"], true);
        assert_eq!(told["replyTo"]["text"].as_str().unwrap().chars().count(), QUOTE_MAX + 1);
        assert_eq!(told["forwardedFrom"], "News");
        assert_eq!(told["earlierInThisChat"][0]["text"], "before");
        assert_eq!(called(&Sender { name: " ".into(), ..who }), "@ann");
    }
}
