//! `sessions.list` and `sessions.describe`.

use store::{Archived as Side, SessionFilter, SortBy};
use wire::ErrorShape;
use wire::methods::sessions::{Archived, DescribeParams, DescribeResult, ListParams, ListResult};

use crate::display::rows::Wants;
use crate::fault;
use crate::rpc::Cx;

/// Rows when the client names no number.
const DEFAULT_LIMIT: u32 = 200;
/// Most rows of one answer.
const MAX_LIMIT: u32 = 10_000;
/// A minute in milliseconds.
const MINUTE_MS: i64 = 60_000;

/// The sessions that match, newest first.
pub(super) async fn list(cx: Cx, params: ListParams) -> Result<ListResult, ErrorShape> {
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 {
        return Err(ErrorShape::invalid("invalid sessions.list params: at /limit: must be >= 1"));
    }
    let limit = u64::from(limit.min(MAX_LIMIT));
    let offset = u64::from(params.offset.unwrap_or(0));
    let now = base::now_ms();
    let page = cx.store.sessions(&filter(&cx, &params, limit, offset, now)?).await.map_err(fault::store)?;
    let wants = Wants {
        title: params.include_derived_titles.unwrap_or(false),
        last_message: params.include_last_message.unwrap_or(false),
    };
    let count = page.rows.len() as u64;
    let next = offset + count;
    let rows = cx.rows.now().await;
    Ok(ListResult {
        ts: now,
        path: cx.agents.database().display().to_string(),
        count,
        total_count: page.total,
        limit_applied: limit,
        next_offset: (next < page.total).then_some(next),
        has_more: next < page.total,
        owners: Vec::new(),
        defaults: rows.defaults(),
        sessions: page.rows.iter().map(|session| rows.row_with(session, wants)).collect(),
    })
}

fn filter(cx: &Cx, params: &ListParams, limit: u64, offset: u64, now: i64) -> Result<SessionFilter, ErrorShape> {
    let agent = params.agent_id.as_deref().map(|id| cx.agents.find(Some(id))).transpose()?;
    let spawned_by = params.spawned_by.as_deref().map(|key| cx.agents.key(key, None)).transpose()?;
    let minutes = params.active_minutes.map(|minutes| i64::from(minutes) * MINUTE_MS);
    Ok(SessionFilter {
        agent,
        label: params.label.clone(),
        spawned_by,
        search: params.search.clone().filter(|text| !text.trim().is_empty()),
        archived: match params.archived {
            None | Some(Archived::Only(false)) => Side::No,
            Some(Archived::Only(true)) => Side::Only,
            Some(Archived::Word(_)) => Side::Any,
        },
        active_since: minutes.map(|span| now - span),
        running: params.active_only.unwrap_or(false),
        sort_by: match params.sort_by.as_deref() {
            Some("lastInteractionAt") => SortBy::Activity,
            None | Some("updatedAt") => SortBy::Updated,
            Some(other) => {
                return Err(ErrorShape::invalid(format!(
                    "invalid sessions.list params: at /sortBy: must be updatedAt or lastInteractionAt, not `{other}`"
                )));
            }
        },
        limit: Some(limit),
        offset,
        ..SessionFilter::default()
    })
}

/// One session; `null` when there is none under that key.
pub(super) async fn describe(cx: Cx, params: DescribeParams) -> Result<DescribeResult, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    let session = cx.store.session(&key).await.map_err(fault::store)?;
    let wants = Wants {
        title: params.include_derived_titles.unwrap_or(false),
        last_message: params.include_last_message.unwrap_or(false),
    };
    let rows = cx.rows.now().await;
    Ok(DescribeResult { session: session.map(|session| rows.row_with(&session, wants)) })
}
