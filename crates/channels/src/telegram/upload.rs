//! Files out (C-10.1): each by the method for its kind, several as one group; ours are uploaded, others' are fetched by
//! Telegram.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Bot;
use super::api::Upload;
use super::file_kind::{FILE_BYTES, FileKind, PHOTO_BYTES, file_name, mime_type};
use super::perform::put_words;
use super::refusal::meaning;
use crate::{Attached, AttachedFrom, SendError, Words};

/// A file that is ready to go.
struct Ready {
    kind: FileKind,
    name: String,
    mime_type: Option<String>,
    from: From,
}

enum From {
    Here(Bytes),
    There(String),
}

/// Sends `files` as one message or group; `params` say where.
pub(super) async fn send(
    bot: &Bot,
    params: Map<String, Value>,
    files: &[Attached],
    caption: &Words,
    as_voice: bool,
) -> Result<Value, SendError> {
    let mut ready = Vec::with_capacity(files.len());
    for file in files {
        ready.push(prepare(file, as_voice).await?);
    }
    if ready.len() < 2 {
        let file = ready.pop().ok_or_else(|| SendError::Permanent("there is no file to send".into()))?;
        return one(bot, params, file, caption).await;
    }
    // Documents go together only with documents.
    if ready.iter().any(|file| !matches!(file.kind, FileKind::Photo | FileKind::Video)) {
        ready.iter_mut().for_each(|file| file.kind = FileKind::Document);
    }
    group(bot, params, ready, caption).await
}

async fn one(bot: &Bot, mut params: Map<String, Value>, file: Ready, caption: &Words) -> Result<Value, SendError> {
    let (method, field) = file.kind.method();
    put_words(&mut params, ("caption", caption), &[]);
    match file.from {
        From::There(url) => {
            params.insert(field.into(), json!(url));
            bot.api.call(method, &params).await.map_err(meaning)
        }
        From::Here(bytes) => {
            let upload = Upload { field: field.into(), file_name: file.name, mime_type: file.mime_type, bytes };
            bot.api.upload(method, &params, vec![upload]).await.map_err(meaning)
        }
    }
}

async fn group(
    bot: &Bot,
    mut params: Map<String, Value>,
    files: Vec<Ready>,
    caption: &Words,
) -> Result<Value, SendError> {
    let (mut media, mut uploads) = (Vec::with_capacity(files.len()), Vec::new());
    for (number, file) in files.into_iter().enumerate() {
        let mut entry = Map::new();
        entry.insert("type".into(), json!(file.kind.method().1));
        let place = match file.from {
            From::There(url) => url,
            From::Here(bytes) => {
                let field = format!("file{number}");
                let place = format!("attach://{field}");
                uploads.push(Upload { field, file_name: file.name, mime_type: file.mime_type, bytes });
                place
            }
        };
        entry.insert("media".into(), json!(place));
        if number == 0 {
            put_words(&mut entry, ("caption", caption), &[]);
        }
        media.push(Value::Object(entry));
    }
    params.insert("media".into(), Value::Array(media));
    bot.api.upload("sendMediaGroup", &params, uploads).await.map_err(meaning)
}

/// Reads a file of ours; one that changed into something else since it was allowed is not read.
async fn prepare(file: &Attached, as_voice: bool) -> Result<Ready, SendError> {
    let (mut kind, name, mime_type) = (FileKind::of(file, as_voice), file_name(file), mime_type(file));
    let from = match &file.from {
        AttachedFrom::Url(url) => From::There(url.clone()),
        AttachedFrom::Path(path) => {
            let unreadable = |_| SendError::Permanent(format!("`{name}` cannot be read"));
            let about = tokio::fs::symlink_metadata(path).await.map_err(unreadable)?;
            if !about.is_file() {
                return Err(SendError::Permanent(format!("`{name}` is no file")));
            }
            if about.len() > FILE_BYTES {
                return Err(SendError::TooLarge(format!("`{name}` is larger than Telegram takes")));
            }
            if kind == FileKind::Photo && about.len() > PHOTO_BYTES {
                kind = FileKind::Document;
            }
            From::Here(tokio::fs::read(path).await.map_err(unreadable)?.into())
        }
    };
    Ok(Ready { kind, name, mime_type, from })
}
