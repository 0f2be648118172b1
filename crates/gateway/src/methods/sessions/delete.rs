//! `sessions.delete`.

use agent::run::AbortReason;
use wire::methods::session_edit::{DeleteParams, DeleteResult};
use wire::{ErrorShape, Scope};

use crate::display::rows::classify;
use crate::fault;
use crate::rpc::Cx;

/// Deletes a session and its transcripts. A main session stays; what runs is stopped first. `operator.write` may delete
/// archived sessions only.
pub(super) async fn delete(cx: Cx, params: DeleteParams) -> Result<DeleteResult, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    if classify(&key, &cx.agents.main_key()) == "main" {
        return Err(ErrorShape::invalid(format!("Cannot delete the main session ({key}).")));
    }
    let gone = DeleteResult { ok: true, key: key.to_string(), deleted: false, archived: Vec::new() };
    let Some(session) = cx.store.session(&key).await.map_err(fault::store)? else { return Ok(gone) };
    if session.archived_at.is_none() {
        if params.archived_only == Some(true) {
            return Err(ErrorShape::invalid(format!("session {key} is not archived")));
        }
        cx.who.require(Scope::Admin)?;
    }
    if let Some(expected) = params.expected_session_id.filter(|expected| *expected != session.session_id) {
        return Err(ErrorShape::invalid(format!(
            "session {key} changed: expected session id {expected}, found {}",
            session.session_id
        )));
    }
    cx.lanes.abort(&key, None, AbortReason::Rpc).await;
    let deleted = cx.store.delete_session(&key).await.map_err(fault::store)?;
    cx.news.gone(&session);
    Ok(DeleteResult { deleted, ..gone })
}
