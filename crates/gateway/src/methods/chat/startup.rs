//! `chat.startup`: the newest messages and everything else a chat page needs.

use wire::ErrorShape;
use wire::methods::chat_history::{HistoryParams, Page};

use super::history::page;
use super::metadata::offered;
use crate::rpc::Cx;

/// The first page with its metadata.
pub(super) async fn startup(cx: Cx, params: HistoryParams) -> Result<Page, ErrorShape> {
    let key = cx.agents.key(&params.session_key, params.agent_id.as_deref())?;
    let page = page(&cx, &key, &params).await?;
    Ok(Page { metadata: Some(offered(&cx).await), ..page })
}
