//! What goes out: one call of the Bot API for each part.

use frankenstein::methods::{SendChatActionParams, SendMessageParams};
use frankenstein::types::{ChatAction, ChatId, Message};
use serde_json::json;
use store::Route;

use super::api::{Api, Upload};
use crate::{Attached, AttachedFrom, Part, Receipt, Say, SendError, Words};

/// Text is one message, each file another.
pub(super) fn plan(say: &Say) -> Vec<Part> {
    let silent = say.silent;
    let words = Words { text: say.text.clone(), plain: None };
    let text = (!say.text.trim().is_empty()).then(|| Part::Text { words, reply_to: None, buttons: Vec::new(), silent });
    let file = |file: &Attached| Part::Media {
        files: vec![file.clone()],
        caption: Words::default(),
        as_voice: false,
        reply_to: None,
        silent,
    };
    text.into_iter().chain(say.media.iter().map(file)).collect()
}

/// Makes one call.
pub(super) async fn perform(api: &Api, route: &Route, part: &Part) -> Result<Receipt, SendError> {
    match part {
        Part::Text { words, silent, .. } => {
            let params = SendMessageParams::builder()
                .chat_id(chat_id(&route.to))
                .maybe_message_thread_id(thread_id(route))
                .text(words.text.clone())
                .disable_notification(*silent)
                .build();
            Ok(receipt(&api.call("sendMessage", &params).await?))
        }
        Part::Media { files, .. } if files.len() == 1 => document(api, route, &files[0]).await,
        _ => Err(SendError::Unsupported("only text and single files can be sent so far".into())),
    }
}

/// Shows that an answer is on its way (C-8.8).
pub(super) async fn typing(api: &Api, route: &Route) -> Result<(), SendError> {
    let params = SendChatActionParams::builder()
        .chat_id(chat_id(&route.to))
        .maybe_message_thread_id(thread_id(route))
        .action(ChatAction::Typing)
        .build();
    Ok(api.call("sendChatAction", &params).await.map(|_: bool| ())?)
}

async fn document(api: &Api, route: &Route, file: &Attached) -> Result<Receipt, SendError> {
    let mut params = json!({"chat_id": route.to, "message_thread_id": thread_id(route)});
    let sent: Message = match &file.from {
        AttachedFrom::Url(url) => {
            params["document"] = url.as_str().into();
            api.call("sendDocument", &params).await?
        }
        AttachedFrom::Path(path) => {
            let bytes = tokio::fs::read(path).await.map_err(|error| SendError::NotFound(error.to_string()))?;
            let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let file_name = file.name.clone().or(own).unwrap_or_else(|| "file".into());
            let (field, mime_type) = ("document".into(), file.mime_type.clone());
            api.upload("sendDocument", &params, vec![Upload { field, file_name, mime_type, bytes: bytes.into() }])
                .await?
        }
    };
    Ok(receipt(&sent))
}

fn receipt(sent: &Message) -> Receipt {
    Receipt {
        message_id: sent.message_id.to_string(),
        chat_id: Some(sent.chat.id.to_string()),
        at: i64::try_from(sent.date).unwrap_or_default() * 1000,
        ..Receipt::default()
    }
}

/// A chat by number or by name.
fn chat_id(to: &str) -> ChatId {
    to.parse().map_or_else(|_| ChatId::String(to.to_owned()), ChatId::Integer)
}

fn thread_id(route: &Route) -> Option<i32> {
    route.thread_id.as_deref().and_then(|thread| thread.parse().ok())
}
