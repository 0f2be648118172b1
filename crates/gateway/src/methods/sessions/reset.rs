//! `sessions.reset`.

use agent::run::AbortReason;
use store::NewSession;
use wire::ErrorShape;
use wire::methods::session_edit::{ResetParams, ResetResult};

use crate::fault;
use crate::rpc::Cx;

/// Begins a new transcript under the same key; what runs in the old one is stopped first.
pub(super) async fn reset(cx: Cx, params: ResetParams) -> Result<ResetResult, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    let reason = match params.reason.as_deref() {
        None | Some("reset") => "reset",
        Some("new") => "new",
        Some(other) => {
            return Err(ErrorShape::invalid(format!(
                "invalid sessions.reset params: at /reason: must be new or reset, not `{other}`"
            )));
        }
    };
    cx.lanes.abort(&key, None, AbortReason::Rpc).await;
    cx.store.ensure_session(&key, NewSession::default()).await.map_err(fault::store)?;
    let session = cx.store.reset_session(&key, reason).await.map_err(fault::store)?;
    cx.news.changed(&key, "reset", None).await;
    Ok(ResetResult { ok: true, key: key.to_string(), entry: cx.rows.row(&session).await })
}
