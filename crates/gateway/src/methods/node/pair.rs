//! What nodes ask to be allowed, and a person's word on it (N-3B).

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::node::{NodeParams, RequestParams};

use crate::nodes::rows::{pair_list, paired_row, scopes_to_approve};
use crate::rpc::{Cx, unavailable};

/// What waits, and what was approved (N-3.14).
pub(super) async fn list(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    pair_list(&cx.store).await.map_err(unavailable)
}

/// Says yes (N-3.15); some commands take more than the pairing scope (N-3.16).
pub(super) async fn approve(cx: Cx, params: RequestParams) -> Result<Value, ErrorShape> {
    let waiting = cx.store.node_of_request(&params.request_id).await.map_err(unavailable)?;
    for scope in scopes_to_approve(&waiting.ok_or_else(unknown)?) {
        cx.who.require(scope)?;
    }
    let node = cx.nodes.approve(&params.request_id).await.map_err(unavailable)?.ok_or_else(unknown)?;
    let device = cx.store.device(&node.node_id).await.map_err(unavailable)?;
    Ok(json!({"requestId": params.request_id, "node": paired_row(&node, device.as_ref())}))
}

/// Says no.
pub(super) async fn reject(cx: Cx, params: RequestParams) -> Result<Value, ErrorShape> {
    let node = cx.nodes.reject(&params.request_id).await.map_err(unavailable)?.ok_or_else(unknown)?;
    Ok(json!({"requestId": params.request_id, "nodeId": node.node_id}))
}

/// Takes the role from a device (N-3.17).
pub(super) async fn remove(cx: Cx, params: NodeParams) -> Result<Value, ErrorShape> {
    if !cx.nodes.remove(&params.node_id).await.map_err(unavailable)? {
        return Err(ErrorShape::invalid("unknown nodeId"));
    }
    cx.pairing.changed();
    Ok(json!({"nodeId": params.node_id}))
}

fn unknown() -> ErrorShape {
    ErrorShape::invalid("unknown requestId")
}
