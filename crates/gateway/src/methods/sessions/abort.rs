//! `sessions.abort`: `chat.abort` by run id or by key.

use agent::run::AbortReason;
use wire::ErrorShape;
use wire::methods::chat::AbortResult;
use wire::methods::session_edit::AbortParams;

use crate::rpc::Cx;

/// Stops a run, or everything of a session.
pub(super) async fn abort(cx: Cx, params: AbortParams) -> Result<AbortResult, ErrorShape> {
    let run = params.run_id.as_deref();
    let session = match (&params.key, run.and_then(|id| cx.lanes.runs().get(id))) {
        (Some(key), _) => cx.agents.key(key, params.agent_id.as_deref())?,
        (None, Some(run)) => run.session.clone(),
        (None, None) if run.is_some() => return Ok(stopped(Vec::new())),
        (None, None) => return Err(ErrorShape::invalid("sessions.abort needs `key` or `runId`")),
    };
    // Without the waiting messages it is the active run alone.
    let only_active = run.is_none() && params.clear_queued == Some(false);
    let active = if only_active { cx.lanes.runs().of(&session) } else { Vec::new() };
    let active = active.iter().find(|run| run.started_at().is_some()).map(|run| run.id.as_str());
    match (only_active, active) {
        (true, None) => Ok(stopped(Vec::new())),
        (_, active) => Ok(stopped(cx.lanes.abort(&session, run.or(active), AbortReason::Rpc).await)),
    }
}

fn stopped(run_ids: Vec<String>) -> AbortResult {
    AbortResult { ok: true, aborted: !run_ids.is_empty(), run_ids }
}
