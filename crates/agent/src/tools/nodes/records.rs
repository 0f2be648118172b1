//! What the Gateway itself knows of its nodes, and an owner's word on what a node may do (N-3B).

use serde_json::{Map, Value, json};

use super::calls::required;
use crate::ports::{Admission, Ports};
use crate::prompt::wrap_untrusted;
use crate::tools::cap::{self, RESULT_CHARS};
use crate::tools::node_call::Target;
use crate::tools::{ToolCx, ToolOutput};

/// The members of a row that help to choose a node.
const SHOWN: [&str; 11] = [
    "nodeId",
    "displayName",
    "platform",
    "deviceFamily",
    "connected",
    "active",
    "caps",
    "commands",
    "approvalState",
    "pendingRequestId",
    "lastSeenAtMs",
];
/// Names and platforms are the nodes' own words.
const SOURCE: &str = "the nodes' own descriptions";

/// Every node, in short.
pub(super) async fn status(ports: &Ports) -> Result<ToolOutput, ToolOutput> {
    let rows = ports.nodes.list().await.map_err(|error| ToolOutput::error(error.message))?;
    if rows.is_empty() {
        return Ok(ToolOutput::text("No nodes are paired with this Gateway."));
    }
    let short = rows.iter().map(|row| {
        let shown = SHOWN.iter().filter(|key| !row[**key].is_null());
        Value::Object(shown.map(|key| ((*key).to_owned(), row[*key].clone())).collect::<Map<_, _>>())
    });
    Ok(fenced(&Value::Array(short.collect())))
}

/// One of them, whole but for its search path.
pub(super) async fn describe(ports: &Ports, asked: Option<&str>) -> Result<ToolOutput, ToolOutput> {
    let asked = required(asked.map(str::to_owned), "node")?;
    let node = Target::find(ports, Some(&asked), "").await?;
    let rows = ports.nodes.list().await.map_err(|error| ToolOutput::error(error.message))?;
    let mut row = rows.into_iter().find(|row| row["nodeId"] == *node.id).unwrap_or_default();
    if let Some(row) = row.as_object_mut() {
        row.remove("pathEnv");
    }
    Ok(fenced(&row))
}

/// What waits for an owner's word.
pub(super) async fn pending(ports: &Ports) -> Result<ToolOutput, ToolOutput> {
    let pairing = ports.nodes.pairing().await.map_err(|error| ToolOutput::error(error.message))?;
    match pairing["pending"].as_array() {
        Some(waiting) if !waiting.is_empty() => Ok(fenced(&json!(waiting))),
        _ => Ok(ToolOutput::text("Nothing waits for approval.")),
    }
}

/// Says yes or no, for an owner only.
pub(super) async fn decide(
    ports: &Ports,
    cx: &ToolCx,
    request: Option<&str>,
    admission: Admission,
) -> Result<ToolOutput, ToolOutput> {
    let request = required(request.map(str::to_owned), "requestId")?;
    if !cx.rights.owner {
        return Err(ToolOutput::error(format!(
            "not decided: only an owner of this Gateway decides what a node may do; on its host that is `openclaw nodes \
             approve {request}`"
        )));
    }
    let decided = ports.nodes.decide(&request, admission, &cx.asker()).await;
    let decided = decided.map_err(|error| ToolOutput::error(format!("not decided: {}", error.message)))?;
    let id = decided["nodeId"].as_str().or_else(|| decided["node"]["nodeId"].as_str()).unwrap_or_default();
    Ok(ToolOutput::text(match admission {
        Admission::Approve => format!("Approved: the node {id} may be used for what it asked."),
        Admission::Reject => format!("Rejected: what the node {id} asked for stays closed."),
    }))
}

fn fenced(what: &Value) -> ToolOutput {
    ToolOutput::text(wrap_untrusted(SOURCE, &cap::fit(&what.to_string(), RESULT_CHARS)))
}
