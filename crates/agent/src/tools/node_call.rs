//! Which node a tool means, and asking it: what `nodes`, `canvas`, `exec` and published tools have in common. A node's
//! words are data: they come back fenced.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;
use wire::ErrorShape;
use wire::methods::node::InvokeParams;
use wire::target::{self, Unresolved};

use super::cap::{self, RESULT_CHARS};
use super::{ToolCx, ToolOutput};
use crate::ports::Ports;
use crate::prompt::wrap_untrusted;

/// How much of a node's own name is repeated.
const NAME_CHARS: usize = 40;
/// How much of an id names a node for people.
const ID_CHARS: usize = 12;

/// A node, as its row of `node.list` shows it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) id: String,
    row: Value,
}

impl Target {
    /// The node that `asked` means; without a name the only connected one that offers `command`.
    ///
    /// # Errors
    /// The output for the model, which lists the nodes there are (N-12.17).
    pub(super) async fn find(ports: &Ports, asked: Option<&str>, command: &str) -> Result<Self, ToolOutput> {
        let rows = ports.nodes.list().await.map_err(|error| ToolOutput::error(error.message))?;
        let asked = asked.map(str::trim).filter(|asked| !asked.is_empty());
        let found = match asked {
            Some(asked) => target::resolve(&rows, asked).map_err(|why| match why {
                Unresolved::Unknown => format!("unknown node `{}`", plain(asked, NAME_CHARS)),
                Unresolved::Ambiguous(_) => format!("`{}` fits several nodes", plain(asked, NAME_CHARS)),
            }),
            None => only(&rows, command),
        };
        match found {
            Ok(row) => Ok(Self { id: row["nodeId"].as_str().unwrap_or_default().to_owned(), row: row.clone() }),
            Err(why) => Err(ToolOutput::error(format!("{why}; {}", known(&rows)))),
        }
    }

    /// Whether it may be asked for `command` now.
    pub(super) fn offers(&self, command: &str) -> bool {
        offers(&self.row, command)
    }

    /// Whether its shell is another one.
    pub(super) fn is_windows(&self) -> bool {
        self.row["platform"].as_str().is_some_and(|platform| platform.to_lowercase().starts_with("win"))
    }

    /// Name and the beginning of its id, for people and the model.
    pub(super) fn called(&self) -> String {
        called(&self.row)
    }

    /// What it said, as data.
    pub(super) fn says(&self, payload: &Value) -> ToolOutput {
        let text = cap::fit(&payload.to_string(), RESULT_CHARS);
        ToolOutput::text(wrap_untrusted(&format!("node {}", self.called()), &text))
    }
}

/// Asks a node and waits, until the answer, its deadline or the turn's abort (which the node is told).
///
/// # Errors
/// The output for the model: which gate it was, or what the node said.
pub(super) async fn ask(
    ports: &Ports,
    cx: &ToolCx,
    node: &Target,
    command: &str,
    params: Value,
    limit: Duration,
) -> Result<Value, ToolOutput> {
    send(ports, cx, &node.id, command, params, limit).await.map_err(|error| refused(&node.called(), command, &error))
}

/// The same, with the refusal as it came.
pub(super) async fn send(
    ports: &Ports,
    cx: &ToolCx,
    node_id: &str,
    command: &str,
    params: Value,
    limit: Duration,
) -> Result<Value, ErrorShape> {
    let asked = InvokeParams {
        node_id: node_id.to_owned(),
        command: command.to_owned(),
        params: Some(params),
        timeout_ms: Some(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
        idempotency_key: Uuid::new_v4().to_string(),
        session_key: Some(cx.session.to_string()),
    };
    let asker = cx.asker();
    tokio::select! {
        biased;
        () = cx.cancel.cancelled() => Err(ErrorShape::unavailable("ABORTED: the turn was stopped")),
        answer = ports.nodes.invoke(asked, &asker) => answer.map(|answer| answer.payload),
    }
}

/// One sentence for the model; what a node says is kept short and on one line.
pub(super) fn refused(node: &str, command: &str, error: &ErrorShape) -> ToolOutput {
    ToolOutput::error(format!("`{command}` was not done by {node}: {}", plain(&error.message, 600)))
}

/// The one connected node that offers `command`.
fn only<'a>(rows: &'a [Value], command: &str) -> Result<&'a Value, String> {
    let able: Vec<&Value> = rows.iter().filter(|row| offers(row, command)).collect();
    match able.as_slice() {
        [row] => Ok(row),
        [] => Err(format!("no connected node offers `{command}`")),
        _ => Err(format!("several nodes offer `{command}`; say which `node`")),
    }
}

fn offers(row: &Value, command: &str) -> bool {
    let commands = row["commands"].as_array();
    row["connected"] == true && commands.is_some_and(|commands| commands.iter().any(|one| one == command))
}

fn known(rows: &[Value]) -> String {
    if rows.is_empty() {
        return "there are no nodes; `openclaw nodes` says how one is added".into();
    }
    let names: Vec<String> = rows
        .iter()
        .take(20)
        .map(|row| format!("{}{}", called(row), if row["connected"] == true { "" } else { ", not connected" }))
        .collect();
    format!("known nodes: {}", names.join("; "))
}

fn called(row: &Value) -> String {
    let id: String = row["nodeId"].as_str().unwrap_or_default().chars().take(ID_CHARS).collect();
    match row["displayName"].as_str().map(|name| plain(name, NAME_CHARS)).filter(|name| !name.is_empty()) {
        Some(name) => format!("{name} ({id})"),
        None => id,
    }
}

/// Text of somebody else's, on one line and no longer than `limit` characters.
pub(super) fn plain(text: &str, limit: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).take(limit).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// N-5.18
    #[test]
    fn without_a_name_the_only_able_node_is_meant() {
        let row = |id: &str, connected: bool, commands: &[&str]| {
            json!({"nodeId": id, "displayName": format!("N\n{id}"),
            "connected": connected, "commands": commands})
        };
        let rows = [row("a", true, &["x"]), row("b", true, &["y"]), row("c", false, &["x"]), row("d", true, &["y"])];
        assert_eq!(only(&rows, "x").unwrap()["nodeId"], "a");
        assert!(only(&rows, "y").unwrap_err().contains("several"));
        assert!(only(&rows, "z").unwrap_err().contains("no connected node"));
        assert_eq!(known(&rows[1..3]), "known nodes: N b (b); N c (c), not connected", "on one line");
    }
}
