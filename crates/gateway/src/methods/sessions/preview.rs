//! `sessions.preview`: the last few lines of several sessions.

use store::HistoryQuery;
use wire::ErrorShape;
use wire::message::Message;
use wire::methods::sessions::{PreviewLine, PreviewParams, PreviewResult, SessionPreview};

use crate::display::message::preview as line_of;
use crate::fault;
use crate::rpc::Cx;

/// Most sessions of one request.
const MAX_KEYS: usize = 64;
/// Lines of each when the client names no number, and most.
const DEFAULT_LINES: u32 = 12;
const MAX_LINES: u32 = 50;
/// Characters of a line when the client names no number, and most.
const DEFAULT_CHARS: usize = 240;
const MAX_CHARS: usize = 2000;

/// The last few lines of each session asked for.
pub(super) async fn preview(cx: Cx, params: PreviewParams) -> Result<PreviewResult, ErrorShape> {
    let lines = u64::from(params.limit.unwrap_or(DEFAULT_LINES).clamp(1, MAX_LINES));
    let max_chars = params.max_chars.unwrap_or(DEFAULT_CHARS).clamp(20, MAX_CHARS);
    let mut previews = Vec::new();
    for key in params.keys.into_iter().take(MAX_KEYS) {
        previews.push(one(&cx, key, lines, max_chars).await?);
    }
    Ok(PreviewResult { ts: base::now_ms(), previews })
}

async fn one(cx: &Cx, asked: String, lines: u64, max_chars: usize) -> Result<SessionPreview, ErrorShape> {
    let key = cx.agents.key(&asked, None)?;
    let Some(session) = cx.store.session(&key).await.map_err(fault::store)? else {
        return Ok(SessionPreview { key: asked, status: "missing".into(), items: Vec::new() });
    };
    let query = HistoryQuery { limit: lines, before_seq: None, after_seq: None, messages_only: true };
    let page = cx.store.history(&session.session_id, query).await.map_err(fault::store)?;
    let messages = page.rows.iter().filter_map(store::Entry::message);
    let items: Vec<PreviewLine> = messages
        .filter_map(|message| {
            let role = match message {
                Message::User(_) => "user",
                Message::Assistant(_) => "assistant",
                Message::ToolResult(_) => return None,
            };
            Some(PreviewLine { role: role.into(), text: line_of(message, max_chars)? })
        })
        .collect();
    let status = if items.is_empty() { "empty" } else { "ok" };
    Ok(SessionPreview { key: asked, status: status.into(), items })
}
