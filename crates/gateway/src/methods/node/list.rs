//! Which nodes there are, and their names.

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::node::{NodeParams, RenameParams};

use crate::rpc::{Cx, unavailable};

/// Longest name of a node.
const NAME_MAX_CHARS: usize = 64;

/// Every node (N-6.1).
pub(super) async fn list(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    let nodes = cx.nodes.rows().await.map_err(unavailable)?;
    Ok(json!({"ts": base::now_ms(), "nodes": nodes}))
}

/// One of them.
pub(super) async fn describe(cx: Cx, params: NodeParams) -> Result<Value, ErrorShape> {
    let row = cx.nodes.row(&params.node_id).await.map_err(unavailable)?;
    let mut row = row.ok_or_else(unknown)?;
    row["ts"] = json!(base::now_ms());
    Ok(row)
}

/// Gives one an operator's name, which wins over its own (N-3.17).
pub(super) async fn rename(cx: Cx, params: RenameParams) -> Result<RenameParams, ErrorShape> {
    let name = params.display_name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX_CHARS {
        return Err(ErrorShape::invalid("invalid node.rename params: at /displayName: must have 1 to 64 characters"));
    }
    let renamed = cx.store.rename_node(&params.node_id, name).await.map_err(unavailable)?;
    renamed.ok_or_else(unknown)?;
    cx.pairing.changed();
    Ok(RenameParams { display_name: name.to_owned(), ..params })
}

fn unknown() -> ErrorShape {
    ErrorShape::invalid("unknown nodeId")
}
