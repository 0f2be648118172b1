//! What nodes ask to be allowed, and a person's word on it (N-3B).

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::node::{NodeParams, RequestParams};

use crate::nodes::by::By;
use crate::rpc::{Cx, unavailable};

/// What waits, and what was approved (N-3.14).
pub(super) async fn list(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    cx.nodes.pair_list().await.map_err(unavailable)
}

/// Says yes (N-3.15).
pub(super) async fn approve(cx: Cx, params: RequestParams) -> Result<Value, ErrorShape> {
    cx.nodes.approve_as(By::Client(&cx.who), &params.request_id).await
}

/// Says no.
pub(super) async fn reject(cx: Cx, params: RequestParams) -> Result<Value, ErrorShape> {
    cx.nodes.reject_as(By::Client(&cx.who), &params.request_id).await
}

/// Takes the role from a device (N-3.17).
pub(super) async fn remove(cx: Cx, params: NodeParams) -> Result<Value, ErrorShape> {
    if !cx.nodes.remove(&params.node_id).await.map_err(unavailable)? {
        return Err(ErrorShape::invalid("unknown nodeId"));
    }
    cx.pairing.changed();
    Ok(json!({"nodeId": params.node_id}))
}
