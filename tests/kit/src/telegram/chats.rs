//! What is in the chats: what a person sees.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::html::Text;
use super::methods::Refusal;

/// Every chat that anybody wrote in or a test named.
#[derive(Default)]
pub(super) struct Chats {
    next: i64,
    messages: Vec<Kept>,
    blocked: BTreeSet<i64>,
    closed: BTreeSet<(i64, i64)>,
}

struct Kept {
    wire: Value,
    shown: Shown,
}

/// A message as a person sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    /// Its number in the chat.
    pub message_id: i64,
    /// Whether the bot wrote it.
    pub from_bot: bool,
    /// The text or caption without markup.
    pub text: String,
    /// The same as it was sent.
    pub sent: String,
    /// The topic.
    pub thread: Option<i64>,
    /// The message it answers.
    pub reply_to: Option<i64>,
    /// Files and polls, as `photo:name`.
    pub media: Vec<String>,
    /// What its buttons say and stand for.
    pub buttons: Vec<(String, String)>,
    /// The bot's reactions to it.
    pub reactions: Vec<String>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Whether it came without a sound.
    pub silent: bool,
    /// How often it was changed.
    pub edits: usize,
}

/// A message of the bot before it is in a chat.
pub(super) struct Draft {
    content: Value,
    sent: String,
    pub(super) media: Vec<String>,
}

impl Draft {
    pub(super) fn new(content: Value, sent: Option<&str>) -> Self {
        Self { content, sent: sent.unwrap_or_default().into(), media: Vec::new() }
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs()
}

/// A person.
pub(super) fn user(id: i64) -> Value {
    json!({"id": id, "is_bot": false, "first_name": format!("User {id}"), "username": format!("user_{id}"), "language_code": "en"})
}

fn chat(id: i64) -> Value {
    match id {
        0.. => {
            json!({"id": id, "type": "private", "first_name": format!("User {id}"), "username": format!("user_{id}")})
        }
        -999_999_999_999..0 => json!({"id": id, "type": "group", "title": format!("Group {id}")}),
        _ => json!({"id": id, "type": "supergroup", "title": format!("Group {id}")}),
    }
}

impl Chats {
    fn put(&mut self, chat_id: i64, from: Value, content: &Value, mut shown: Shown) -> Value {
        self.next += 1;
        let mut wire = json!({"message_id": self.next, "from": from, "chat": chat(chat_id), "date": now()});
        for (key, value) in content.as_object().into_iter().flatten() {
            wire[key] = value.clone();
        }
        shown.message_id = wire["message_id"].as_i64().unwrap_or(self.next);
        let text = |key: &str| wire[key].as_str();
        shown.text = text("text").or_else(|| text("caption")).unwrap_or_default().into();
        shown.thread = wire["message_thread_id"].as_i64();
        self.messages.push(Kept { wire: wire.clone(), shown });
        wire
    }

    pub(super) fn written_by(&mut self, chat: i64, from: i64, content: &Value) -> Value {
        self.put(chat, user(from), content, Shown::default())
    }

    pub(super) fn shown(&self, chat: i64) -> Vec<Shown> {
        let there = self.messages.iter().filter(|kept| kept.wire["chat"]["id"] == chat);
        there.map(|kept| kept.shown.clone()).collect()
    }

    pub(super) fn with_button(&self, chat: i64, data: &str) -> Option<Value> {
        let there = self.messages.iter().filter(|kept| kept.wire["chat"]["id"] == chat);
        let mut with = there.filter(|kept| kept.shown.buttons.iter().any(|(_, stands_for)| stands_for == data));
        with.next_back().map(|kept| kept.wire.clone())
    }

    pub(super) fn block(&mut self, chat: i64) {
        self.blocked.insert(chat);
    }

    pub(super) fn close_topic(&mut self, chat: i64, topic: i64) {
        self.closed.insert((chat, topic));
    }

    /// The chat a call names, if the bot may do something there. Chats nobody wrote in are known all the same, but for
    /// those whose number is 404 (`-404`, `404`).
    pub(super) fn open(&self, params: &Value) -> Result<i64, Refusal> {
        let named = &params["chat_id"];
        let id = named.as_i64().or_else(|| named.as_str().and_then(|text| text.parse().ok()));
        let id = match (id, named.as_str()) {
            (Some(id), _) => id,
            (None, Some(name)) if name.starts_with('@') => {
                name[1..].strip_prefix("user_").and_then(|id| id.parse().ok()).unwrap_or(404)
            }
            _ => return Err(Refusal::new(400, "Bad Request: chat_id is empty")),
        };
        if id.abs() == 404 {
            return Err(Refusal::new(400, "Bad Request: chat not found"));
        }
        if self.blocked.contains(&id) {
            let what = if id > 0 { "bot was blocked by the user" } else { "bot was kicked from the group chat" };
            return Err(Refusal::new(403, &format!("Forbidden: {what}")));
        }
        match params["message_thread_id"].as_i64() {
            Some(topic) if self.closed.contains(&(id, topic)) => {
                Err(Refusal::new(400, "Bad Request: message thread not found"))
            }
            _ => Ok(id),
        }
    }

    pub(super) fn send(&mut self, params: &Value, draft: Draft) -> Result<Value, Refusal> {
        let chat = self.open(params)?;
        let reply = &params["reply_parameters"];
        let reply_to = reply["message_id"].as_i64().or_else(|| params["reply_to_message_id"].as_i64());
        let known = reply_to.is_some_and(|id| self.at(chat, id).is_some());
        if reply_to.is_some() && !known && reply["allow_sending_without_reply"] != true {
            return Err(Refusal::new(400, "Bad Request: message to be replied not found"));
        }
        let buttons = buttons(params)?;
        let mut content = draft.content;
        if let Some(topic) = params["message_thread_id"].as_i64() {
            (content["message_thread_id"], content["is_topic_message"]) = (topic.into(), true.into());
        }
        if !params["reply_markup"].is_null() {
            content["reply_markup"] = params["reply_markup"].clone();
        }
        let shown = Shown {
            from_bot: true,
            sent: draft.sent,
            reply_to: reply_to.filter(|_| known),
            media: draft.media,
            buttons,
            silent: params["disable_notification"] == true,
            ..Shown::default()
        };
        let bot = json!({"id": 777_000, "is_bot": true, "first_name": "Test bot", "username": "test_bot"});
        Ok(self.put(chat, bot, &content, shown))
    }

    fn at(&self, chat: i64, message: i64) -> Option<usize> {
        let is_it = |kept: &Kept| kept.wire["chat"]["id"] == chat && kept.shown.message_id == message;
        self.messages.iter().position(is_it)
    }

    fn named(&self, params: &Value, what: &str) -> Result<usize, Refusal> {
        let chat = self.open(params)?;
        let id = params["message_id"].as_i64().unwrap_or_default();
        self.at(chat, id).ok_or_else(|| Refusal::new(400, &format!("Bad Request: {what}")))
    }

    pub(super) fn edit(&mut self, params: &Value, text: Option<Text>) -> Result<Value, Refusal> {
        let at = self.named(params, "message to edit not found")?;
        let buttons = buttons(params)?;
        let kept = &mut self.messages[at];
        if !kept.shown.from_bot {
            return Err(Refusal::new(400, "Bad Request: message can't be edited"));
        }
        let entities = text.as_ref().map(|text| Value::Array(text.entities.clone()));
        let same_text = text.as_ref().is_none_or(|text| {
            kept.shown.text == text.shown
                && kept.wire["entities"].as_array().cloned().unwrap_or_default() == text.entities
        });
        if same_text && kept.shown.buttons == buttons {
            let why = "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message";
            return Err(Refusal::new(400, &format!("Bad Request: {why}")));
        }
        if let Some(text) = text {
            kept.wire["text"] = text.shown.clone().into();
            kept.wire["entities"] = entities.unwrap_or_default();
            kept.shown.text = text.shown;
            kept.shown.sent = params["text"].as_str().unwrap_or_default().into();
        }
        kept.wire["reply_markup"] = params["reply_markup"].clone();
        if params["reply_markup"].is_null() {
            kept.wire.as_object_mut().expect("a message is an object").remove("reply_markup");
        }
        kept.wire["edit_date"] = now().into();
        (kept.shown.buttons, kept.shown.edits) = (buttons, kept.shown.edits + 1);
        Ok(kept.wire.clone())
    }

    pub(super) fn delete(&mut self, params: &Value) -> Result<Value, Refusal> {
        let at = self.named(params, "message to delete not found")?;
        self.messages.remove(at);
        Ok(Value::Bool(true))
    }

    pub(super) fn react(&mut self, params: &Value) -> Result<Value, Refusal> {
        let at = self.named(params, "message to react not found")?;
        let reactions: Vec<&Value> = params["reaction"].as_array().into_iter().flatten().collect();
        if reactions.iter().any(|reaction| reaction["type"] == "emoji" && !is_reaction(&reaction["emoji"])) {
            return Err(Refusal::new(400, "Bad Request: REACTION_INVALID"));
        }
        let emoji = reactions.iter().filter_map(|reaction| reaction["emoji"].as_str());
        self.messages[at].shown.reactions = emoji.map(str::to_owned).collect();
        Ok(Value::Bool(true))
    }

    pub(super) fn pin(&mut self, params: &Value, pinned: bool) -> Result<Value, Refusal> {
        let at = self.named(params, "message to pin not found")?;
        self.messages[at].shown.pinned = pinned;
        Ok(Value::Bool(true))
    }

    pub(super) fn create_topic(&mut self, params: &Value) -> Result<Value, Refusal> {
        let chat = self.open(params)?;
        if chat > 0 {
            return Err(Refusal::new(400, "Bad Request: the chat is not a forum"));
        }
        self.next += 1;
        Ok(json!({"message_thread_id": self.next, "name": params["name"], "icon_color": 7_322_096}))
    }
}

/// The buttons of a message. What they stand for has at most 64 bytes.
fn buttons(params: &Value) -> Result<Vec<(String, String)>, Refusal> {
    let rows = params["reply_markup"]["inline_keyboard"].as_array().into_iter().flatten();
    let mut found = Vec::new();
    for button in rows.flat_map(|row| row.as_array().into_iter().flatten()) {
        let text = |key: &str| button[key].as_str().unwrap_or_default().to_owned();
        if text("callback_data").len() > 64 {
            return Err(Refusal::new(400, "Bad Request: BUTTON_DATA_INVALID"));
        }
        found.push((text("text"), text("callback_data")));
    }
    Ok(found)
}

/// Some of the emoji that may be reactions, by which a wrong one is told from a right one.
fn is_reaction(emoji: &Value) -> bool {
    const SOME: &str = "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 💯 🤣 ⚡ 🏆 💔 🤨 😐 💋 👻 👨‍💻 👀 🎃 😇 🤝 ✍ 🤗 🫡 🤪 🗿 🆒 💘 🦄 😘 😎 👾 🤷 😡";
    emoji.as_str().is_some_and(|emoji| SOME.split(' ').any(|known| known == emoji.trim_end_matches('\u{fe0f}')))
}
