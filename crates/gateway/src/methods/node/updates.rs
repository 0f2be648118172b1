//! What a node publishes beside its commands: tools, skills, runners (N-11.6). It counts once the surface is approved.

use std::sync::Arc;

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::node::{SkillsKept, SkillsParams, ToolsKept, ToolsParams};

use crate::nodes::Live;
use crate::nodes::invoke::pairing_changed;
use crate::rpc::Cx;

/// `node.pluginTools.update`
pub(super) async fn plugin_tools(cx: Cx, params: ToolsParams) -> Result<ToolsKept, ErrorShape> {
    let (node_id, node) = speaker(&cx)?;
    Ok(ToolsKept { node_id, tools: cx.nodes.publish_tools(&node, params.tools)? })
}

/// `node.skills.update`
pub(super) async fn skills(cx: Cx, params: SkillsParams) -> Result<SkillsKept, ErrorShape> {
    let (node_id, node) = speaker(&cx)?;
    Ok(SkillsKept { node_id, skills: cx.nodes.publish_skills(&node, params.skills)? })
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
pub(super) fn speaker(cx: &Cx) -> Result<(String, Arc<Live>), ErrorShape> {
    let live = cx.nodes.speaking(&cx.who).ok_or_else(stale)?;
    Ok((live.caller.device_id.clone().unwrap_or_default(), live))
}

/// The answer to one that is not a node any more.
pub(super) fn stale() -> ErrorShape {
    pairing_changed("node pairing changed before request dispatch")
}
