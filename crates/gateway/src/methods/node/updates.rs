//! What a node publishes beside its commands: tools, skills, runners (N-11.6). None of it is offered to an agent yet, so
//! each is answered with what was kept of it: nothing.

use serde_json::{Value, json};
use wire::ErrorShape;

use crate::nodes::invoke::pairing_changed;
use crate::rpc::Cx;

/// `node.pluginTools.update`
pub(super) async fn plugin_tools(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    Ok(json!({"nodeId": speaker(&cx)?, "tools": []}))
}

/// `node.skills.update`
pub(super) async fn skills(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    Ok(json!({"nodeId": speaker(&cx)?, "skills": []}))
}

/// `node.runnerInventory.update`
pub(super) async fn runner_inventory(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    Ok(json!({"nodeId": speaker(&cx)?}))
}

/// The node that speaks; one whose first surface waits is told what its owner has to do (N-3.12).
fn speaker(cx: &Cx) -> Result<String, ErrorShape> {
    let stale = || pairing_changed("node pairing changed before request dispatch");
    let live = cx.nodes.speaking(&cx.who).ok_or_else(stale)?;
    match (&live.approved, &live.request_id) {
        (None, Some(id)) => Err(ErrorShape::unavailable(format!(
            "node capability surface is awaiting operator approval; run `openclaw nodes approve {id}` (see `openclaw nodes \
             pending`), then this node retries automatically"
        ))),
        (None, None) => Err(stale()),
        (Some(_), _) => Ok(live.caller.device_id.clone().unwrap_or_default()),
    }
}
