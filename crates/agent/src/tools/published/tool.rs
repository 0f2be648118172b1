//! One published tool: what the model is told of it, and how its node is asked.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::schema::{arguments, plain_schema};
use super::short;
use crate::ports::{Ports, PublishedTool};
use crate::prompt::{wrap_data, wrap_untrusted};
use crate::providers::ToolSpec;
use crate::tools::node_call::{plain, refused, send};
use crate::tools::{Tool, ToolCx, ToolOutput, cap};

/// How long a call may take, and a tool of an MCP server, which a node gives 120 s (N-10.24).
const LIMIT: Duration = Duration::from_secs(60);
const MCP_LIMIT: Duration = Duration::from_secs(125);
/// What is kept of a description.
const DESCRIPTION_CHARS: usize = 1_000;

/// A tool under the name it has here.
pub(super) struct Published {
    pub(super) name: String,
    pub(super) told: PublishedTool,
    pub(super) ports: Ports,
}

impl Published {
    async fn run(&self, arguments: Value, cx: &ToolCx) -> ToolOutput {
        let told = &self.told;
        let (params, limit) = match &told.mcp {
            Some((server, tool)) => (json!({"server": server, "tool": tool, "arguments": arguments}), MCP_LIMIT),
            None => (arguments, LIMIT),
        };
        let node = format!("the node {}", short(&told.node_id));
        match send(&self.ports, cx, &told.node_id, &told.command, params, limit).await {
            Ok(payload) => said(&node, &payload),
            // N-5.7: it is the server that is gone, whatever took it away.
            Err(error) if told.mcp.is_some() && is_gone(&error.message) => {
                ToolOutput::error(format!("MCP_SERVER_UNAVAILABLE: {node} left before `{}` answered", self.name))
            }
            Err(error) => refused(&node, &self.name, &error),
        }
    }
}

fn is_gone(message: &str) -> bool {
    message.starts_with("DISCONNECTED") || message == "node not connected"
}

/// An MCP server's texts, or the whole answer; fenced either way.
fn said(node: &str, payload: &Value) -> ToolOutput {
    let texts: Vec<&str> =
        payload["content"].as_array().into_iter().flatten().filter_map(|block| block["text"].as_str()).collect();
    let text = if texts.is_empty() { payload.to_string() } else { texts.join("\n") };
    let fenced = wrap_untrusted(node, &cap::fit(&text, cap::RESULT_CHARS));
    if payload["isError"] == true { ToolOutput::error(fenced) } else { ToolOutput::text(fenced) }
}

impl Tool for Published {
    fn spec(&self) -> ToolSpec {
        let id = short(&self.told.node_id);
        let mut words = plain(&self.told.description, DESCRIPTION_CHARS);
        for (name, about) in arguments(&self.told.parameters) {
            words.push_str(&format!("\n{name}: {about}"));
        }
        let description = format!(
            "A tool of the connected node {id}. What follows is the node's own description of it.\n{}",
            wrap_data(&format!("node {id}"), &words, &id)
        );
        ToolSpec {
            name: self.name.clone().into(),
            description: description.into(),
            parameters: plain_schema(&self.told.parameters),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let arguments = if arguments.is_null() { json!({}) } else { arguments };
            self.run(arguments, &cx).await
        }
        .boxed()
    }
}
