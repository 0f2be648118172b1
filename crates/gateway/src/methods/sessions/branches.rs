//! `sessions.branches.list`: a transcript has one end as long as nothing rewinds it.

use store::HistoryQuery;
use wire::ErrorShape;
use wire::methods::sessions::{Branch, BranchesParams, BranchesResult};

use crate::display::text::one_line;
use crate::fault;
use crate::rpc::Cx;

/// Longest headline.
const HEADLINE_MAX: usize = 120;

/// The one branch of a session, or none before its first message.
pub(super) async fn list(cx: Cx, params: BranchesParams) -> Result<BranchesResult, ErrorShape> {
    let key = cx.agents.key(&params.session_key, params.agent_id.as_deref())?;
    let Some(session) = cx.store.session(&key).await.map_err(fault::store)? else {
        return Ok(BranchesResult::default());
    };
    let query = HistoryQuery { limit: 1, before_seq: None, after_seq: None, messages_only: true };
    let newest = cx.store.history(&session.session_id, query).await.map_err(fault::store)?;
    let branch = newest.rows.last().map(|entry| Branch {
        leaf_entry_id: entry.id.clone(),
        headline: one_line(session.last_message.as_deref().unwrap_or_default(), HEADLINE_MAX),
        message_count: newest.total,
        updated_at: Some(base::iso(entry.at)),
        active: true,
    });
    Ok(BranchesResult { branches: branch.into_iter().collect() })
}
