//! What is posted to the other program: one call a part, signed, under a key that stays the same when it is repeated. The
//! program answers any 2xx, and may name the message (`{"messageId": "…"}`).

use std::time::Duration;

use base::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};
use store::Route;
use url::Url;

use super::signature;
use crate::{Attached, AttachedFrom, Part, Receipt, SendError};

/// One attempt gets this long.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pauses between attempts; the key makes repeating harmless even when nobody knows what became of the last.
const PAUSES: [Duration; 2] = [Duration::from_millis(400), Duration::from_secs(2)];
/// The longest answer that is read.
const LONGEST_ANSWER: usize = 64 * 1024;
/// The largest file that is sent along.
const LARGEST_FILE: u64 = 20 * 1024 * 1024;

/// Redirects are not followed: what is signed is meant for one address.
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(concat!("openclaw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

/// The body of a call.
pub(super) async fn body(account: &str, key: &str, route: &Route, part: &Part) -> Result<Value, SendError> {
    let mut body = match part {
        Part::Text { words, reply_to, buttons, silent } => {
            json!({"kind": "message", "text": words.text, "replyTo": reply_to, "buttons": buttons, "silent": silent})
        }
        Part::Media { files, caption, as_voice, reply_to, silent } => {
            let mut media = Vec::new();
            for file in files {
                media.push(attached(file).await?);
            }
            json!({"kind": "message", "text": caption.text, "media": media, "asVoice": as_voice, "replyTo": reply_to,
                "silent": silent})
        }
        Part::Edit { message_id, words, buttons } => {
            json!({"kind": "edit", "messageId": message_id, "text": words.text, "buttons": buttons})
        }
        Part::Delete { message_id } => json!({"kind": "delete", "messageId": message_id}),
        Part::React { message_id, emoji } => json!({"kind": "reaction", "messageId": message_id, "emoji": emoji}),
        Part::Pin { message_id, pinned } => json!({"kind": "pin", "messageId": message_id, "pinned": pinned}),
        Part::Poll { question, options, max_selections, seconds, silent } => {
            json!({"kind": "poll", "question": question, "options": options, "maxSelections": max_selections,
                "seconds": seconds, "silent": silent})
        }
        Part::Topic { name } => json!({"kind": "topic", "name": name}),
    };
    body["id"] = json!(key);
    body["account"] = json!(account);
    body["chat"] = json!({"id": route.to});
    body["threadId"] = json!(route.thread_id);
    body["at"] = json!(base::now_ms());
    Ok(body)
}

async fn attached(file: &Attached) -> Result<Value, SendError> {
    let mut media = json!({"mimeType": file.mime_type, "name": file.name});
    match &file.from {
        AttachedFrom::Url(url) => media["url"] = json!(url),
        AttachedFrom::Path(path) => {
            let unreadable = |error: std::io::Error| SendError::Permanent(format!("a file cannot be read: {error}"));
            let size = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
            if size > LARGEST_FILE {
                return Err(SendError::TooLarge(format!("a file is larger than {LARGEST_FILE} bytes")));
            }
            let bytes = tokio::fs::read(path).await.map_err(unreadable)?;
            media["dataBase64"] = json!(STANDARD.encode(bytes));
        }
    }
    Ok(media)
}

/// Posts it, again after a pause where that may help.
pub(super) async fn post(
    client: &reqwest::Client,
    url: &Url,
    secret: &Secret,
    key: &str,
    body: &Value,
) -> Result<Receipt, SendError> {
    let text = body.to_string();
    let mut unsure = false;
    let mut pauses = PAUSES.into_iter();
    loop {
        let error = match once(client, url, secret, key, &text).await {
            Ok(receipt) => return Ok(receipt),
            Err(error) => error,
        };
        unsure |= matches!(error, SendError::Ambiguous(_));
        let wait = match &error {
            SendError::Retry { after, .. } => after.unwrap_or_default(),
            SendError::Ambiguous(_) => Duration::ZERO,
            _ => return Err(error),
        };
        match pauses.next() {
            Some(pause) if wait <= PATIENCE => tokio::time::sleep(pause.max(wait)).await,
            _ if unsure => return Err(SendError::Ambiguous(error.to_string())),
            _ => return Err(error),
        }
    }
}

async fn once(
    client: &reqwest::Client,
    url: &Url,
    secret: &Secret,
    key: &str,
    text: &str,
) -> Result<Receipt, SendError> {
    let timestamp = base::now_ms() / 1000;
    let answer = client
        .post(url.clone())
        .header(CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .header(signature::TIMESTAMP, timestamp.to_string())
        .header(signature::SIGNATURE, signature::sign(secret, timestamp, text.as_bytes()))
        .body(text.to_owned())
        .send()
        .await
        .map_err(|error| transport_error(&error))?;
    let status = answer.status();
    if !status.is_success() {
        let after = answer.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
        return Err(refused(status, after.map(Duration::from_secs)));
    }
    let named = read(answer).await.and_then(|body| serde_json::from_slice::<Value>(&body).ok());
    let named = named.and_then(|body| body["messageId"].as_str().map(str::to_owned));
    Ok(Receipt { message_id: named.unwrap_or_else(|| key.to_owned()), at: base::now_ms(), ..Receipt::default() })
}

/// What of the answer matters; one that is cut or too long still says that the call was taken.
async fn read(answer: reqwest::Response) -> Option<Vec<u8>> {
    let (mut read, mut chunks) = (Vec::new(), answer.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        read.extend_from_slice(&chunk.ok()?);
        if read.len() > LONGEST_ANSWER {
            return None;
        }
    }
    Some(read)
}

/// No URL in it: the path of a webhook is often a secret.
fn transport_error(error: &reqwest::Error) -> SendError {
    if error.is_connect() {
        return SendError::Retry { after: None, why: "the webhook's url cannot be reached".into() };
    }
    let why = if error.is_timeout() { "the webhook did not answer in time" } else { "the connection broke" };
    SendError::Ambiguous(why.into())
}

fn refused(status: StatusCode, after: Option<Duration>) -> SendError {
    let why = format!("the webhook answered {status}");
    match status.as_u16() {
        401 | 403 => SendError::Forbidden(why),
        404 | 410 => SendError::NotFound(why),
        413 => SendError::TooLarge(why),
        408 | 425 | 429 | 500..=599 => SendError::Retry { after, why },
        _ => SendError::Permanent(why),
    }
}
