//! What goes out: one call of the Bot API for each part.

use serde_json::{Map, Value, json};
use store::Route;

use super::Bot;
use super::api::ApiError;
use super::refusal::{is_gone, is_unchanged, meaning};
use super::upload;
use crate::{Button, Part, Receipt, SendError, Words};

/// The topic every group with topics has; messages to it name no topic (C-8.6).
const GENERAL: &str = "1";

/// Makes one call.
pub(super) async fn perform(bot: &Bot, route: &Route, part: &Part) -> Result<Receipt, SendError> {
    match part {
        Part::Text { words, reply_to, buttons, silent } => {
            let mut params = message(route, reply_to.as_deref(), *silent);
            put_words(&mut params, ("text", words), buttons);
            put_link_preview(&mut params, bot);
            bot.pace.wait(&route.to).await;
            sent(&call(bot, "sendMessage", params).await?)
        }
        Part::Media { files, caption, as_voice, reply_to, silent } => {
            let params = message(route, reply_to.as_deref(), *silent);
            bot.pace.wait(&route.to).await;
            sent(&upload::send(bot, params, files, caption, *as_voice).await?)
        }
        Part::Edit { message_id, words, buttons } => edit(bot, route, message_id, words, buttons).await,
        Part::Delete { message_id } => {
            let params = about(route, message_id)?;
            match bot.api.call::<Value>("deleteMessage", &params).await {
                Err(error) if !is_gone(&error) => Err(meaning(error)),
                _ => Ok(known(message_id)),
            }
        }
        Part::React { message_id, emoji } => {
            let mut params = about(route, message_id)?;
            let reaction = emoji.iter().map(|emoji| json!({"type": "emoji", "emoji": emoji})).collect();
            params.insert("reaction".into(), Value::Array(reaction));
            call(bot, "setMessageReaction", params).await.map(|_| known(message_id))
        }
        Part::Pin { message_id, pinned } => {
            let method = if *pinned { "pinChatMessage" } else { "unpinChatMessage" };
            call(bot, method, about(route, message_id)?).await.map(|_| known(message_id))
        }
        Part::Poll { question, options, max_selections, seconds, silent } => {
            let mut params = message(route, None, *silent);
            let options: Vec<_> = options.iter().map(|option| json!({"text": option})).collect();
            params.extend(object(json!({
                "question": question, "options": options, "is_anonymous": false,
                "allows_multiple_answers": *max_selections > 1,
            })));
            if let Some(seconds) = seconds {
                params.insert("open_period".into(), json!(seconds));
            }
            bot.pace.wait(&route.to).await;
            let message = call(bot, "sendPoll", params).await?;
            Ok(Receipt { own: json!({"pollId": message["poll"]["id"]}), ..sent(&message)? })
        }
        Part::Topic { name } => {
            let params = object(json!({"chat_id": chat_id(&route.to), "name": name}));
            let topic = call(bot, "createForumTopic", params).await?;
            let id = topic["message_thread_id"].to_string();
            Ok(Receipt { own: json!({"threadId": id, "name": topic["name"]}), ..known(&id) })
        }
    }
}

/// Shows that an answer is on its way (C-8.8).
pub(super) async fn typing(bot: &Bot, route: &Route) -> Result<(), SendError> {
    let mut params = object(json!({"chat_id": chat_id(&route.to), "action": "typing"}));
    if let Some(thread) = route.thread_id.as_deref().and_then(number) {
        params.insert("message_thread_id".into(), thread);
    }
    call(bot, "sendChatAction", params).await.map(|_| ())
}

async fn edit(
    bot: &Bot,
    route: &Route,
    message_id: &str,
    words: &Words,
    buttons: &[Vec<Button>],
) -> Result<Receipt, SendError> {
    let mut params = about(route, message_id)?;
    put_words(&mut params, ("text", words), buttons);
    put_link_preview(&mut params, bot);
    bot.pace.wait(&route.to).await;
    match bot.api.call::<Value>("editMessageText", &params).await {
        Ok(message) => sent(&message).or_else(|_| Ok(known(message_id))),
        Err(error) if is_unchanged(&error) => Ok(known(message_id)),
        Err(error) => Err(meaning(error)),
    }
}

/// Calls `method`; a group that became another chat is found there.
async fn call(bot: &Bot, method: &'static str, mut params: Map<String, Value>) -> Result<Value, SendError> {
    match bot.api.call(method, &params).await {
        Err(ApiError::Refused { parameters, .. }) if parameters.migrate_to_chat_id.is_some() => {
            params.insert("chat_id".into(), json!(parameters.migrate_to_chat_id));
            bot.api.call(method, &params).await.map_err(meaning)
        }
        called => called.map_err(meaning),
    }
}

/// The parameters of every new message.
fn message(route: &Route, reply_to: Option<&str>, silent: bool) -> Map<String, Value> {
    let mut params = object(json!({"chat_id": chat_id(&route.to)}));
    if let Some(thread) = route.thread_id.as_deref().filter(|thread| *thread != GENERAL).and_then(number) {
        params.insert("message_thread_id".into(), thread);
    }
    if let Some(id) = reply_to.and_then(number) {
        let reply = json!({"message_id": id, "allow_sending_without_reply": true});
        params.insert("reply_parameters".into(), reply);
    }
    if silent {
        params.insert("disable_notification".into(), json!(true));
    }
    params
}

/// The parameters of whatever is done to a message.
fn about(route: &Route, message_id: &str) -> Result<Map<String, Value>, SendError> {
    let id =
        number(message_id).ok_or_else(|| SendError::NotFound(format!("`{message_id}` is no message of Telegram's")))?;
    Ok(object(json!({"chat_id": chat_id(&route.to), "message_id": id})))
}

/// Rendered words are HTML; those without a plain form are plain themselves.
pub(super) fn put_words(params: &mut Map<String, Value>, (name, words): (&str, &Words), buttons: &[Vec<Button>]) {
    if !words.text.is_empty() {
        params.insert(name.into(), json!(words.text));
        if words.plain.is_some() {
            params.insert("parse_mode".into(), json!("HTML"));
        }
    }
    if !buttons.is_empty() {
        let button = |button: &Button| json!({"text": button.label, "callback_data": button.data});
        let rows: Vec<Vec<Value>> = buttons.iter().map(|row| row.iter().map(button).collect()).collect();
        params.insert("reply_markup".into(), json!({"inline_keyboard": rows}));
    }
}

fn put_link_preview(params: &mut Map<String, Value>, bot: &Bot) {
    if bot.keys.link_preview == Some(false) {
        params.insert("link_preview_options".into(), json!({"is_disabled": true}));
    }
}

/// A message that is there now; the first of several.
fn sent(message: &Value) -> Result<Receipt, SendError> {
    let message = message.get(0).unwrap_or(message);
    let id = message["message_id"].as_i64();
    // It was said, whatever the answer means.
    let id = id.ok_or_else(|| SendError::Ambiguous("Telegram did not say which message it is".into()))?;
    Ok(Receipt {
        message_id: id.to_string(),
        chat_id: message["chat"]["id"].as_i64().map(|id| id.to_string()),
        at: message["date"].as_i64().unwrap_or_default() * 1000,
        ..Receipt::default()
    })
}

fn known(message_id: &str) -> Receipt {
    Receipt { message_id: message_id.to_owned(), at: base::now_ms(), ..Receipt::default() }
}

/// A chat by number or by name.
fn chat_id(to: &str) -> Value {
    number(to).unwrap_or_else(|| json!(to))
}

fn number(text: &str) -> Option<Value> {
    text.parse::<i64>().ok().map(Value::from)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
