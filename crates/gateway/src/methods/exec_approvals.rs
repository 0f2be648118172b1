//! `exec.approvals.*`: what the owner lets agents run on the Gateway's host, and on nodes (N-12.10).

use exec_policy::{Document, Host, ReplaceError, Stored};
use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::exec_approval::{
    DocumentGet, DocumentSet, DocumentSetParams, NODE_GET_COMMAND, NODE_SET_COMMAND, NodeDocumentGet, NodeDocumentSet,
    NodeDocumentSetParams,
};
use wire::methods::node::{InvokeParams, NodeParams};

use crate::nodes::by::By;
use crate::rpc::{Cx, Table};

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<DocumentGet>(get).on::<DocumentSet>(set).on::<NodeDocumentGet>(node_get).on::<NodeDocumentSet>(node_set)
}

type Answer = Result<Value, ErrorShape>;

async fn get(cx: Cx, _: Value) -> Answer {
    let stored = Stored::read(&cx.config.paths().exec_approvals());
    stored.map(|stored| shown(&stored)).map_err(|error| ErrorShape::unavailable(error.to_string()))
}

/// Replaces the document, unless somebody else has changed it meanwhile.
async fn set(cx: Cx, params: DocumentSetParams) -> Answer {
    let invalid = |why| ErrorShape::invalid(format!("invalid exec.approvals.set params: at /file: {why}"));
    let new = Document::from_value(params.file).map_err(invalid)?;
    let (place, base) = (cx.config.paths().exec_approvals(), params.base_hash);
    let replaced = tokio::task::spawn_blocking(move || Stored::replace(&place, new, base.as_deref())).await;
    let replaced = replaced.map_err(|error| ErrorShape::unavailable(error.to_string()))?;
    let stored = replaced.map_err(|error| match error {
        ReplaceError::Stale => ErrorShape::invalid(error.to_string()).with(json!({"code": "STALE_BASE_HASH"})),
        ReplaceError::Malformed(why) => invalid(why),
        ReplaceError::Old(_) | ReplaceError::Io { .. } => ErrorShape::unavailable(error.to_string()),
    })?;
    tracing::info!(file = %stored.path.display(), "what agents may run here was changed");
    Ok(shown(&stored))
}

async fn node_get(cx: Cx, params: NodeParams) -> Answer {
    ask(&cx, params.node_id, NODE_GET_COMMAND, json!({})).await
}

async fn node_set(cx: Cx, params: NodeDocumentSetParams) -> Answer {
    let mut asked = json!({"file": params.file});
    if let Some(base) = params.base_hash {
        asked["baseHash"] = json!(base);
    }
    ask(&cx, params.node_id, NODE_SET_COMMAND, asked).await
}

/// The one way to speak with a node about its document (N-4.11).
async fn ask(cx: &Cx, node_id: String, command: &str, params: Value) -> Answer {
    let asked = InvokeParams {
        node_id,
        command: command.to_owned(),
        params: Some(params),
        timeout_ms: None,
        idempotency_key: uuid::Uuid::new_v4().to_string(),
        session_key: None,
    };
    let answered = cx.nodes.invoke_for_approvals(By::Client(&cx.who), asked).await;
    answered.map(|result| result.payload).map_err(in_its_own_words)
}

/// What a node finds wrong with a document is the caller's to mend, and no fault on the way.
fn in_its_own_words(error: ErrorShape) -> ErrorShape {
    let said = error.details.as_ref().map(|details| details["nodeError"].clone()).unwrap_or_default();
    match (said["code"].as_str(), said["message"].as_str()) {
        (Some("INVALID_REQUEST"), Some(message)) => ErrorShape::invalid(message).with(json!({"nodeError": said})),
        _ => error,
    }
}

fn shown(stored: &Stored) -> Value {
    json!({"path": stored.path, "exists": stored.exists, "hash": stored.hash, "file": stored.document.shown(),
        "resolvedDefaults": stored.document.defaults(Host::Gateway)})
}
