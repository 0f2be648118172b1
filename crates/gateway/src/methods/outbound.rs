//! `send`, `poll` and `message.action` (C-13): what operators say to chats, said once a key, answered with what became of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use channels::{Attached, AttachedFrom, Body, Part, Say};
use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::outbound::{Action, ActionParams, Poll, PollParams, Send, SendParams};

use super::chat::note;
use crate::chats::deed::{self, Deed, Params};
use crate::chats::errand::{self, Done, Named};
use crate::rpc::{Cx, Table};

/// The largest file that comes along in a request, in bytes.
const LARGEST_FILE: usize = 16 * 1024 * 1024;

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<Send>(send).on::<Poll>(poll).on::<Action>(action)
}

async fn send(cx: Cx, params: SendParams) -> Result<Value, ErrorShape> {
    let named = Named {
        channel: params.channel.clone(),
        account: params.account_id.clone(),
        to: not_empty("send", "to", &params.to)?,
        thread: params.thread_id.clone(),
    };
    let (_, route) = errand::place(&cx.chats, &named)?;
    let mut media = Vec::new();
    for url in params.media_url.iter().chain(&params.media_urls) {
        media.push(deed::attached(url).map_err(ErrorShape::invalid)?);
    }
    if let Some(data) = &params.buffer {
        media.push(keep(&cx, data, params.filename.as_deref(), params.content_type.as_deref()).await?);
    }
    let text = params.message.unwrap_or_default();
    if text.trim().is_empty() && media.is_empty() {
        return Err(ErrorShape::invalid("invalid send params: text or media is required"));
    }
    let say = Say {
        text: text.clone(),
        media,
        as_voice: params.as_voice.unwrap_or(false),
        reply_to: params.reply_to_id,
        buttons: Vec::new(),
        silent: params.silent.unwrap_or(false),
    };
    let done = errand::run(&cx.chats, &params.idempotency_key, route, &Body::Say(say)).await?;
    mirror(&cx, params.session_key.as_deref(), &done, text, &params.idempotency_key).await?;
    Ok(done.to_value(&params.idempotency_key))
}

async fn poll(cx: Cx, params: PollParams) -> Result<Value, ErrorShape> {
    let named = Named {
        channel: params.channel.clone(),
        account: params.account_id.clone(),
        to: not_empty("poll", "to", &params.to)?,
        thread: params.thread_id.clone(),
    };
    let (live, route) = errand::place(&cx.chats, &named)?;
    let key = params.idempotency_key.clone();
    let words = serde_json::to_value(&params).unwrap_or_default();
    let deed = deed::read("poll", &words, Vec::new(), live.channel.capabilities()).map_err(ErrorShape::invalid)?;
    let Deed::Out(body) = deed else { return Err(ErrorShape::invalid("a poll is sent")) };
    Ok(errand::run(&cx.chats, &key, route, &body).await?.to_value(&key))
}

async fn action(cx: Cx, params: ActionParams) -> Result<Value, ErrorShape> {
    let (words, key) = (Params(&params.params), params.idempotency_key.as_str());
    let named = Named {
        channel: params.channel.clone(),
        account: params.account_id.clone().or_else(|| words.text(&["accountId"])),
        to: words.text(&["to", "target", "channelId", "chatId"]).unwrap_or_default(),
        thread: words.text(&["threadId"]),
    };
    if named.to.trim().is_empty() {
        return Err(ErrorShape::invalid(format!("Action {} requires a target.", params.action)));
    }
    let (live, route) = errand::place(&cx.chats, &named)?;
    let files = along(&cx, &params).await?;
    let deed = deed::read(&params.action, &params.params, files, live.channel.capabilities());
    let body = match deed.map_err(ErrorShape::invalid)? {
        Deed::Read { limit } => return errand::read(&cx.chats, &route, limit).await,
        Deed::Out(body) => body,
    };
    let done = errand::run(&cx.chats, key, route, &body).await?;
    if let Body::Say(say) = &body {
        mirror(&cx, params.session_key.as_deref(), &done, say.text.clone(), key).await?;
    }
    let mut value = done.to_value(key);
    value["ok"] = json!(true);
    value["action"] = json!(params.action);
    if matches!(&body, Body::Calls { parts } if matches!(parts.as_slice(), [Part::React { .. }])) {
        value["messageId"] = json!(words.text(&["messageId"]));
    }
    Ok(value)
}

/// The file that came along, if one did.
async fn along(cx: &Cx, params: &ActionParams) -> Result<Vec<Attached>, ErrorShape> {
    let words = Params(&params.params);
    let Some(data) = words.text(&["buffer"]) else { return Ok(Vec::new()) };
    let (name, kind) = (words.text(&["filename", "fileName"]), words.text(&["contentType", "mimeType"]));
    Ok(vec![keep(cx, &data, name.as_deref(), kind.as_deref()).await?])
}

/// Puts a file into the workspace, from where it is sent.
async fn keep(cx: &Cx, data: &str, name: Option<&str>, kind: Option<&str>) -> Result<Attached, ErrorShape> {
    let data = data.split_once(";base64,").map_or(data, |(_, data)| data);
    let bytes = STANDARD.decode(data.trim()).map_err(|_| ErrorShape::invalid("`buffer` is not base64"))?;
    if bytes.len() > LARGEST_FILE {
        return Err(ErrorShape::invalid(format!("a file has at most {LARGEST_FILE} bytes")));
    }
    let legal = |c: &char| c.is_ascii_alphanumeric();
    let ending = name.and_then(|name| name.rsplit_once('.')).map_or("bin", |(_, ending)| ending);
    let ending: String = ending.chars().filter(legal).take(8).collect();
    let workspace = cx.agents.workspace(&cx.agents.default_id());
    let kept = tokio::task::spawn_blocking(move || agent::workspace::keep_media(&workspace, &bytes, &ending)).await;
    let path = kept
        .map_err(|error| ErrorShape::unavailable(error.to_string()))?
        .map_err(|error| ErrorShape::unavailable(format!("the file could not be kept: {error}")))?;
    let file = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned();
    Ok(Attached { from: AttachedFrom::Path(path), mime_type: kind.map(str::to_owned), name: name.map(file) })
}

/// C-13.6
async fn mirror(cx: &Cx, session: Option<&str>, done: &Done, text: String, key: &str) -> Result<(), ErrorShape> {
    let Some(session) = session.filter(|session| !session.trim().is_empty() && done.is_new && !text.is_empty()) else {
        return Ok(());
    };
    let session = cx.agents.key(session, None)?;
    note(cx, &session, format!("sent-{key}"), text).await
}

fn not_empty(method: &str, field: &str, value: &str) -> Result<String, ErrorShape> {
    if value.trim().is_empty() {
        let why = format!("invalid {method} params: at /{field}: must NOT have fewer than 1 characters");
        return Err(ErrorShape::invalid(why));
    }
    Ok(value.to_owned())
}
