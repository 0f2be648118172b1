//! `chat.message.get`: one message whole.

use wire::ErrorShape;
use wire::methods::chat::{MessageGetParams, MessageGetResult};

use crate::display::message::{Limits, Place, project};
use crate::fault;
use crate::rpc::Cx;

/// Most characters of one message (`ChatMessageGetParams`).
const MAX_CHARS: usize = 2_000_000;
/// Largest message to send at all; the answer must fit a frame.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Reads one message.
pub(super) async fn get(cx: Cx, params: MessageGetParams) -> Result<MessageGetResult, ErrorShape> {
    let key = cx.agents.key(&params.session_key, params.agent_id.as_deref())?;
    let max_chars = params.max_chars.unwrap_or(MAX_CHARS);
    if !(1..=MAX_CHARS).contains(&max_chars) {
        return Err(ErrorShape::invalid(format!("`maxChars` must be 1 to {MAX_CHARS}")));
    }
    let gone =
        |reason: &str| MessageGetResult { unavailable_reason: Some(reason.into()), ..MessageGetResult::default() };
    let entry = cx.store.message(&key, &params.message_id).await.map_err(fault::store)?;
    let Some(entry) = entry else { return Ok(gone("not_found")) };
    let place = Place { entry_id: &entry.id, seq: entry.seq, run_id: entry.run_id.as_deref(), at: entry.at };
    let shown = entry.message().and_then(|message| project(message, place, Limits { max_chars, pictures: true }));
    let Some(message) = shown else { return Ok(gone("not_visible")) };
    if message.to_string().len() > MAX_BYTES {
        return Ok(gone("oversized"));
    }
    Ok(MessageGetResult { ok: true, message: Some(message), unavailable_reason: None })
}
