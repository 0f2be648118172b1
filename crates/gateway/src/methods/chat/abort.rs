//! `chat.abort`: waiting messages first, then the active run.

use agent::run::AbortReason;
use wire::ErrorShape;
use wire::methods::chat::{AbortParams, AbortResult};

use crate::rpc::Cx;

/// Stops one run of a session, or all of them.
pub(super) async fn abort(cx: Cx, params: AbortParams) -> Result<AbortResult, ErrorShape> {
    let session = cx.agents.key(&params.session_key, params.agent_id.as_deref())?;
    let run_ids = cx.lanes.abort(&session, params.run_id.as_deref(), AbortReason::Rpc).await;
    Ok(AbortResult { ok: true, aborted: !run_ids.is_empty(), run_ids })
}
