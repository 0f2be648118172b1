//! `sessions.resolve`: from what a person knows to the key.

use store::{Session, SessionFilter};
use wire::ErrorShape;
use wire::methods::sessions::{ResolveParams, ResolveResult};

use crate::fault;
use crate::rpc::Cx;

/// Finds a session by key, transcript id or label.
pub(super) async fn resolve(cx: Cx, params: ResolveParams) -> Result<ResolveResult, ErrorShape> {
    let given = [&params.key, &params.session_id, &params.label].iter().filter(|given| given.is_some()).count();
    if given != 1 {
        return Err(ErrorShape::invalid("sessions.resolve needs exactly one of `key`, `sessionId` and `label`"));
    }
    match find(&cx, &params).await? {
        Some(session) => {
            let row = cx.rows.row(&session).await;
            Ok(ResolveResult {
                ok: true,
                key: Some(row.key),
                agent_id: Some(row.agent_id),
                display_name: row.display_name,
            })
        }
        None if params.allow_missing == Some(true) => Ok(ResolveResult::default()),
        None => {
            let named = params.key.or(params.session_id).or(params.label).unwrap_or_default();
            Err(ErrorShape::invalid(format!("No session found: {named}")))
        }
    }
}

async fn find(cx: &Cx, params: &ResolveParams) -> Result<Option<Session>, ErrorShape> {
    let agent = params.agent_id.as_deref().map(|id| cx.agents.find(Some(id))).transpose()?;
    let found = if let Some(key) = &params.key {
        let key = cx.agents.key(key, params.agent_id.as_deref())?;
        cx.store.session(&key).await.map_err(fault::store)?
    } else if let Some(id) = &params.session_id {
        cx.store.session_by_id(id).await.map_err(fault::store)?
    } else {
        let filter = SessionFilter {
            label: params.label.clone(),
            agent: agent.clone(),
            archived: store::Archived::Any,
            limit: Some(1),
            ..SessionFilter::default()
        };
        cx.store.sessions(&filter).await.map_err(fault::store)?.rows.into_iter().next()
    };
    Ok(found.filter(|session| agent.is_none_or(|agent| session.agent == agent)))
}
