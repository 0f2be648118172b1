//! `sessions.export`: a transcript as JSON lines, a page at a time (A-4.1a).

use store::StoreError;
use wire::ErrorShape;
use wire::methods::session_export::{ExportParams, ExportResult};

use crate::fault;
use crate::rpc::Cx;

/// Reads the next page.
pub(super) async fn export(cx: Cx, params: ExportParams) -> Result<ExportResult, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    let session_id = match params.session_id {
        Some(id) => id,
        None => {
            let session = cx.store.session(&key).await.map_err(fault::store)?;
            session.ok_or_else(|| fault::store(StoreError::NoSession(key)))?.session_id
        }
    };
    let page = cx.store.export_page(&session_id, params.after).await.map_err(fault::store)?;
    Ok(ExportResult { session_id, lines: page.lines, next: page.next })
}
