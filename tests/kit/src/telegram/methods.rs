//! The methods a bot calls, each with the checks of the real one.

use serde_json::{Value, json};

use super::chats::{Draft, now};
use super::html::{self, Text};
use super::{SentFile, State};

/// Longest text, in UTF-16 units, entities taken out.
const TEXT: usize = 4096;
/// Longest caption.
const CAPTION: usize = 1024;

/// Why a call has no result.
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) description: String,
    pub(super) parameters: Value,
}

impl Refusal {
    pub(super) fn new(code: u16, description: &str) -> Self {
        Self { code, description: description.into(), parameters: Value::Null }
    }

    fn bad(what: &str) -> Self {
        Self::new(400, &format!("Bad Request: {what}"))
    }
}

/// Does what `method` says.
pub(super) fn carry_out(state: &mut State, method: &str, params: &Value, files: &[SentFile]) -> Result<Value, Refusal> {
    match method {
        "getMe" => Ok(me(state)),
        "deleteWebhook" => Ok(state.updates.delete_webhook(params)),
        "getWebhookInfo" => Ok(state.updates.webhook_info()),
        "setMyCommands" => set_commands(params),
        "deleteMyCommands" => Ok(Value::Bool(true)),
        "sendMessage" => send_message(state, params),
        "sendPhoto" | "sendDocument" | "sendVideo" | "sendAudio" | "sendVoice" | "sendAnimation" => {
            send_file(state, method, params, files)
        }
        "sendMediaGroup" => send_group(state, params, files),
        "sendPoll" => send_poll(state, params),
        "sendChatAction" => state.chats.open(params).map(|_| Value::Bool(true)),
        "editMessageText" => edit(state, params, false),
        "editMessageReplyMarkup" => edit(state, params, true),
        "deleteMessage" => state.chats.delete(params),
        "setMessageReaction" => state.chats.react(params),
        "pinChatMessage" => state.chats.pin(params, true),
        "unpinChatMessage" => state.chats.pin(params, false),
        "createForumTopic" => state.chats.create_topic(params),
        "answerCallbackQuery" => match params["callback_query_id"].as_str() {
            Some(_) => Ok(Value::Bool(true)),
            None => Err(Refusal::bad("query is too old and response timeout expired or query ID is invalid")),
        },
        "getFile" => get_file(state, params),
        _ => Err(Refusal::new(404, "Not Found")),
    }
}

fn me(state: &State) -> Value {
    let mut me = json!({"id": 777_000, "is_bot": true, "first_name": "Test bot", "username": "test_bot",
        "can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false});
    for (key, value) in &state.me {
        me[key] = value.clone();
    }
    me
}

fn set_commands(params: &Value) -> Result<Value, Refusal> {
    let commands = params["commands"].as_array().ok_or_else(|| Refusal::bad("commands are empty"))?;
    if commands.len() > 100 {
        return Err(Refusal::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in commands {
        let (name, about) = (command["command"].as_str().unwrap_or_default(), &command["description"]);
        let is_name = (1..=32).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_name {
            return Err(Refusal::bad("BOT_COMMAND_INVALID"));
        }
        if !(1..=256).contains(&about.as_str().unwrap_or_default().chars().count()) {
            return Err(Refusal::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    Ok(Value::Bool(true))
}

/// The text a person will see, if it may be shown at all.
fn text(params: &Value, name: &str, mode: &Value, longest: usize) -> Result<Text, Refusal> {
    let written = params[name].as_str().unwrap_or_default();
    let text = match mode.as_str() {
        None => Text { shown: written.into(), entities: Vec::new() },
        Some("HTML") => html::read(written).map_err(|why| Refusal::bad(&format!("can't parse entities: {why}")))?,
        Some(_) => return Err(Refusal::bad("unsupported parse_mode")),
    };
    if text.shown.trim().encode_utf16().count() > longest {
        let what = if longest == TEXT { "message is too long" } else { "message caption is too long" };
        return Err(Refusal::bad(what));
    }
    Ok(text)
}

fn send_message(state: &mut State, params: &Value) -> Result<Value, Refusal> {
    state.chats.open(params)?;
    let text = text(params, "text", &params["parse_mode"], TEXT)?;
    if text.shown.trim().is_empty() {
        return Err(Refusal::bad("message text is empty"));
    }
    let mut content = json!({"text": text.shown});
    if !text.entities.is_empty() {
        content["entities"] = text.entities.into();
    }
    state.chats.send(params, Draft::new(content, params["text"].as_str()))
}

/// A file that came along (`attach://`, or a part by the parameter's name), an id, or an address.
fn file_of(named: &Value, field: &str, files: &[SentFile]) -> Result<(Value, String), Refusal> {
    let part = named.as_str().and_then(|text| text.strip_prefix("attach://")).unwrap_or(field);
    if let Some(file) = files.iter().find(|file| file.field == part) {
        let about = json!({"file_id": format!("sent-{}", file.name), "file_unique_id": file.name.clone(), "file_size": file.bytes.len(),
            "file_name": file.name, "mime_type": file.mime});
        return Ok((about, file.name.clone()));
    }
    match named.as_str() {
        Some(text) if !text.is_empty() && !text.starts_with("attach://") => {
            Ok((json!({"file_id": text, "file_unique_id": text}), text.to_owned()))
        }
        _ => Err(Refusal::bad(&format!("there is no {field} in the request"))),
    }
}

fn media(kind: &str, mut about: Value) -> Value {
    match kind {
        "photo" => {
            (about["width"], about["height"]) = (1.into(), 1.into());
            json!({"photo": [about]})
        }
        "video" | "animation" => {
            (about["width"], about["height"], about["duration"]) = (1.into(), 1.into(), 1.into());
            json!({kind: about})
        }
        "audio" | "voice" => {
            about["duration"] = 1.into();
            json!({kind: about})
        }
        _ => json!({"document": about}),
    }
}

fn captioned(mut content: Value, caption: Text) -> Value {
    if !caption.shown.is_empty() {
        content["caption"] = caption.shown.into();
    }
    if !caption.entities.is_empty() {
        content["caption_entities"] = caption.entities.into();
    }
    content
}

fn send_file(state: &mut State, method: &str, params: &Value, files: &[SentFile]) -> Result<Value, Refusal> {
    state.chats.open(params)?;
    let kind = method.trim_start_matches("send").to_ascii_lowercase();
    let (about, name) = file_of(&params[&kind], &kind, files)?;
    let caption = text(params, "caption", &params["parse_mode"], CAPTION)?;
    let mut draft = Draft::new(captioned(media(&kind, about), caption), params["caption"].as_str());
    draft.media.push(format!("{kind}:{name}"));
    state.chats.send(params, draft)
}

fn send_group(state: &mut State, params: &Value, files: &[SentFile]) -> Result<Value, Refusal> {
    state.chats.open(params)?;
    let items = params["media"].as_array().cloned().unwrap_or_default();
    if !(2..=10).contains(&items.len()) {
        return Err(Refusal::bad("media group must include 2-10 items"));
    }
    let mut drafts = Vec::new();
    for item in &items {
        let kind = item["type"].as_str().unwrap_or_default();
        let (about, name) = file_of(&item["media"], kind, files)?;
        let caption = text(item, "caption", &item["parse_mode"], CAPTION)?;
        let mut content = captioned(media(kind, about), caption);
        content["media_group_id"] = "1".into();
        let mut draft = Draft::new(content, item["caption"].as_str());
        draft.media.push(format!("{kind}:{name}"));
        drafts.push(draft);
    }
    drafts.into_iter().map(|draft| state.chats.send(params, draft)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn send_poll(state: &mut State, params: &Value) -> Result<Value, Refusal> {
    state.chats.open(params)?;
    let question = params["question"].as_str().unwrap_or_default();
    let options = params["options"].as_array().cloned().unwrap_or_default();
    if question.is_empty() || question.chars().count() > 300 {
        return Err(Refusal::bad("poll question must be 1-300 characters"));
    }
    if !(2..=12).contains(&options.len()) {
        return Err(Refusal::bad("poll must have 2-12 options"));
    }
    let options: Vec<Value> = options
        .iter()
        .enumerate()
        .map(|(at, option)| {
            let text = option.get("text").unwrap_or(option);
            json!({"persistent_id": at.to_string(), "text": text, "voter_count": 0})
        })
        .collect();
    let poll = json!({"id": format!("poll-{}", state.updates.next_id()), "question": question, "options": options,
        "total_voter_count": 0, "is_closed": false, "is_anonymous": params["is_anonymous"] != false, "type": "regular",
        "allows_multiple_answers": params["allows_multiple_answers"] == true, "allows_revoting": false,
        "members_only": false});
    let mut draft = Draft::new(json!({"poll": poll}), None);
    draft.media.push(format!("poll:{question}"));
    state.chats.send(params, draft)
}

fn edit(state: &mut State, params: &Value, only_buttons: bool) -> Result<Value, Refusal> {
    state.chats.open(params)?;
    if only_buttons {
        return state.chats.edit(params, None);
    }
    let text = text(params, "text", &params["parse_mode"], TEXT)?;
    if text.shown.trim().is_empty() {
        return Err(Refusal::bad("message text is empty"));
    }
    state.chats.edit(params, Some(text))
}

fn get_file(state: &State, params: &Value) -> Result<Value, Refusal> {
    let id = params["file_id"].as_str().unwrap_or_default();
    let (path, bytes) =
        state.files.get(id).ok_or_else(|| Refusal::bad("wrong file_id or the file is temporarily unavailable"))?;
    if bytes.len() > 20 * 1024 * 1024 {
        return Err(Refusal::bad("file is too big"));
    }
    Ok(json!({"file_id": id, "file_unique_id": id, "file_size": bytes.len(), "file_path": path, "date": now()}))
}
