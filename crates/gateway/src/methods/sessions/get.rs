//! `sessions.get`: the newest messages as the transcript has them.

use serde_json::Value;
use store::HistoryQuery;
use wire::ErrorShape;
use wire::methods::sessions::{GetParams, GetResult};

use crate::fault;
use crate::rpc::Cx;

/// Messages when the client names no number, and most.
const DEFAULT_LIMIT: u32 = 200;
const MAX_LIMIT: u32 = 1000;

/// Reads a session's messages unshaped.
pub(super) async fn get(cx: Cx, params: GetParams) -> Result<GetResult, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    let Some(session) = cx.store.session(&key).await.map_err(fault::store)? else { return Ok(GetResult::default()) };
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let query = HistoryQuery { limit: u64::from(limit), before_seq: None, after_seq: None, messages_only: true };
    let page = cx.store.history(&session.session_id, query).await.map_err(fault::store)?;
    let messages: Vec<Value> =
        page.rows.iter().filter_map(|entry| serde_json::to_value(entry.message()?).ok()).collect();
    Ok(GetResult { messages })
}
