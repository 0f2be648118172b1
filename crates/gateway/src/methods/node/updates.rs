//! What a node publishes beside its commands: tools, skills, runners (N-11.6). None of it is offered to an agent yet, so
//! each is answered with what was kept of it: nothing.

use serde_json::{Value, json};
use wire::ErrorShape;

use crate::nodes::Live;
use crate::nodes::invoke::pairing_changed;
use crate::rpc::Cx;

/// `node.pluginTools.update`
pub(super) async fn plugin_tools(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    let (node_id, _) = speaker(&cx)?;
    Ok(json!({"nodeId": node_id, "tools": []}))
}

/// `node.skills.update`
pub(super) async fn skills(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    let (node_id, _) = speaker(&cx)?;
    Ok(json!({"nodeId": node_id, "skills": []}))
}

/// `node.runnerInventory.update`: a node whose first surface waits is told what its owner has to do (N-3.12).
pub(super) async fn runner_inventory(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    let (node_id, live) = speaker(&cx)?;
    match (&live.approved, &live.request_id) {
        (Some(_), _) => Ok(json!({"nodeId": node_id})),
        (None, Some(id)) => Err(ErrorShape::unavailable(format!(
            "node capability surface is awaiting operator approval; run `openclaw nodes approve {id}` (see `openclaw nodes \
             pending`), then this node retries automatically"
        ))),
        (None, None) => Err(stale()),
    }
}

/// The node that speaks, on the connection that is its own.
fn speaker(cx: &Cx) -> Result<(String, Live), ErrorShape> {
    let live = cx.nodes.speaking(&cx.who).ok_or_else(stale)?;
    Ok((live.caller.device_id.clone().unwrap_or_default(), live))
}

fn stale() -> ErrorShape {
    pairing_changed("node pairing changed before request dispatch")
}
