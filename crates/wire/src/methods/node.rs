//! Nodes: devices that offer commands to the agent (`node.*`, `protocol.md` 7).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::connect::ConnectParams;

methods! {
    /// `node.list`
    List = "node.list", Value => Value;
    /// `node.describe`
    Describe = "node.describe", NodeParams => Value;
    /// `node.rename`
    Rename = "node.rename", RenameParams => RenameParams;
    /// `node.invoke`
    Invoke = "node.invoke", InvokeParams => InvokeResult;
    /// `node.invoke.result`
    Answer = "node.invoke.result", AnswerParams => Taken;
    /// `node.invoke.progress`
    Progress = "node.invoke.progress", ProgressParams => Taken;
    /// `node.invoke.input`
    Input = "node.invoke.input", InputParams => Taken;
    /// `node.event`
    Event = "node.event", EventParams => EventResult;
    /// `node.pair.list`
    PairList = "node.pair.list", Value => Value;
    /// `node.pair.approve`
    PairApprove = "node.pair.approve", RequestParams => Value;
    /// `node.pair.reject`
    PairReject = "node.pair.reject", RequestParams => Value;
    /// `node.pair.remove`
    PairRemove = "node.pair.remove", NodeParams => Value;
    /// `node.pluginTools.update`
    PluginToolsUpdate = "node.pluginTools.update", ToolsParams => ToolsKept;
    /// `node.skills.update`
    SkillsUpdate = "node.skills.update", SkillsParams => SkillsKept;
    /// `node.runnerInventory.update`
    RunnerInventoryUpdate = "node.runnerInventory.update", Value => Value;
}

/// What a node offers: a claim when it connects, a permission once a person has approved it (N-1.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Surface {
    /// Families, such as `camera`.
    pub caps: BTreeSet<String>,
    /// Commands, such as `camera.snap`.
    pub commands: BTreeSet<String>,
    /// What its operating system lets it do.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub permissions: BTreeMap<String, bool>,
}

impl Surface {
    /// What a node claims when it connects; blank names are dropped, and permissions that are no booleans.
    pub fn claimed(params: &ConnectParams) -> Self {
        let names = |list: &Option<Vec<String>>| {
            let names = list.iter().flatten().map(|name| name.trim());
            names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let permissions = params.permissions.iter().flatten();
        Self {
            caps: names(&params.caps),
            commands: names(&params.commands),
            permissions: permissions.filter_map(|(name, value)| Some((name.clone(), value.as_bool()?))).collect(),
        }
    }

    /// Whether everything in `other` is in this one; a permission that is off asks for nothing.
    pub fn covers(&self, other: &Self) -> bool {
        let granted = |name: &String| self.permissions.get(name) == Some(&true);
        self.caps.is_superset(&other.caps)
            && self.commands.is_superset(&other.commands)
            && other.permissions.iter().all(|(name, on)| !on || granted(name))
    }

    /// Both together.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut permissions = self.permissions.clone();
        for (name, on) in &other.permissions {
            *permissions.entry(name.clone()).or_default() |= on;
        }
        Self { caps: &self.caps | &other.caps, commands: &self.commands | &other.commands, permissions }
    }
}

/// Names a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeParams {
    /// Its id, which is its device's.
    pub node_id: String,
}

/// Names a waiting request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestParams {
    /// Its id.
    pub request_id: String,
}

/// A node and its new name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenameParams {
    /// The node.
    pub node_id: String,
    /// The name.
    pub display_name: String,
}

/// What a node is asked to do (N-5.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvokeParams {
    /// The node.
    pub node_id: String,
    /// One of its commands.
    pub command: String,
    /// The command's own params.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// How long it may take, in milliseconds; 0 means without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The same key is the same call (N-5.11).
    pub idempotency_key: String,
    /// The session on whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
}

/// What a node did (N-5.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvokeResult {
    /// Always true; a failure is an error.
    pub ok: bool,
    /// The node.
    pub node_id: String,
    /// The command.
    pub command: String,
    /// What it answered.
    #[serde(default)]
    pub payload: Value,
    /// The same as text, when the node sent text.
    #[serde(rename = "payloadJSON")]
    pub payload_json: Option<String>,
}

/// `node.invoke.request`, to a node (N-5.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvokeRequest {
    /// Names this call in its answer.
    pub id: String,
    /// Who is asked.
    pub node_id: String,
    /// What for.
    pub command: String,
    /// The command's params, as JSON text; absent without any.
    #[serde(rename = "paramsJSON")]
    pub params_json: Option<String>,
    /// What is left of the time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The caller's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// `node.invoke.cancel`, to a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvokeCancel {
    /// The call.
    pub invoke_id: String,
    /// Who was asked.
    pub node_id: String,
}

/// A node's answer (N-5.3), as lenient as released nodes need.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerParams {
    /// The call.
    pub id: String,
    /// Who answers.
    pub node_id: String,
    /// Whether it was done.
    pub ok: bool,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// The same as JSON text; anything but text is taken as the payload itself.
    #[serde(default, rename = "payloadJSON", skip_serializing_if = "Option::is_none")]
    pub payload_json: Option<Value>,
    /// Why not.
    #[serde(default, deserialize_with = "null_is_none", skip_serializing_if = "Option::is_none")]
    pub error: Option<NodeError>,
}

/// What went wrong on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeError {
    /// One of the shared codes of N-10.27, or the node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

fn null_is_none<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// A piece of an answer that is not whole yet (N-5.12).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgressParams {
    /// The call.
    pub invoke_id: String,
    /// Who answers.
    pub node_id: String,
    /// From 0, without gaps.
    pub seq: u64,
    /// At most [`CHUNK_MAX_BYTES`] of UTF-8.
    pub chunk: String,
}

/// More for a call under way (N-5.13), from whoever made it; an addition of ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputParams {
    /// The call, by its `idempotencyKey`.
    pub invoke_id: String,
    /// Who was asked.
    pub node_id: String,
    /// JSON text, at most [`CHUNK_MAX_BYTES`].
    #[serde(rename = "payloadJSON")]
    pub payload_json: String,
}

/// `node.invoke.input`, to a node (N-5.13).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvokeInput {
    /// The call.
    pub id: String,
    /// Who was asked.
    pub node_id: String,
    /// From 0, without gaps.
    pub seq: u64,
    /// JSON text.
    #[serde(rename = "payloadJSON")]
    pub payload_json: String,
}

/// Commands that spy, send or spend: never asked for without the config's own word, whatever was approved (N-4.5).
pub const DANGEROUS_COMMANDS: [&str; 10] = [
    "camera.snap",
    "camera.clip",
    "camera.ptz.control",
    "screen.record",
    "contacts.add",
    "calendar.add",
    "reminders.add",
    "health.summary",
    "sms.send",
    "sms.search",
];

/// The command that lists folders of a node; spelled like the Gateway's own method.
pub const LIST_DIR_COMMAND: &str = "fs.listDir";

/// The command that takes a file for a terminal of a node; spelled like the Gateway's own method.
pub const UPLOAD_COMMAND: &str = "terminal.upload";

/// Who advertises this is sent `node.invoke.progress` events about its own calls, named by their keys; an addition of ours.
pub const PROGRESS_CAP: &str = "node-progress";

/// The longest piece of an answer, in bytes.
pub const CHUNK_MAX_BYTES: usize = 16_384;

/// That a node's word was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Always true.
    pub ok: bool,
    /// Whether nobody waits for it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
}

/// A tool that a node publishes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolDescriptor {
    /// The plugin or server it comes from.
    pub plugin_id: String,
    /// A letter, then letters, digits, `_` and `-`; at most 64.
    pub name: String,
    /// What it is for, in the node's words.
    pub description: String,
    /// JSON Schema of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<serde_json::Map<String, Value>>,
    /// The node's command that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The server and tool behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpTool>,
}

/// A tool of an MCP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpTool {
    /// The server, as the node knows it.
    pub server: String,
    /// The tool, as the server knows it.
    pub tool: String,
}

/// The command behind tools of MCP servers (N-10.24).
pub const MCP_COMMAND: &str = "mcp.tools.call.v1";

/// All the tools a node publishes from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolsParams {
    /// In the order they are offered.
    pub tools: Vec<ToolDescriptor>,
}

/// What was kept of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolsKept {
    /// Whose.
    pub node_id: String,
    /// The tools.
    pub tools: Vec<ToolDescriptor>,
}

/// A skill that a node publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkillDescriptor {
    /// Lower-case words joined by single `-`; at most 64 characters.
    pub name: String,
    /// What it is for; at most 1024 characters.
    pub description: String,
    /// Its text; at most 65 536 characters.
    pub content: String,
}

/// All the skills a node publishes from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkillsParams {
    /// At most 64.
    pub skills: Vec<SkillDescriptor>,
}

/// What was kept of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillsKept {
    /// Whose.
    pub node_id: String,
    /// The skills.
    pub skills: Vec<SkillDescriptor>,
}

/// Something that happened on a node (N-7.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventParams {
    /// What.
    pub event: String,
    /// Its details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// The same as JSON text; wins.
    #[serde(default, rename = "payloadJSON", skip_serializing_if = "Option::is_none")]
    pub payload_json: Option<String>,
}

impl EventParams {
    /// The details, however they were sent; text that is no JSON counts as none.
    pub fn details(&self) -> Value {
        let parsed = self.payload_json.as_deref().map(|text| serde_json::from_str(text).unwrap_or_default());
        parsed.or_else(|| self.payload.clone()).unwrap_or_default()
    }
}

/// What became of a node's event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventResult {
    /// Always true.
    pub ok: bool,
    /// Which.
    pub event: String,
    /// Whether anything was done.
    pub handled: bool,
    /// What, or why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// N-1.2, N-3.9
    #[test]
    fn a_surface_covers_what_it_holds_and_nothing_wider() {
        let read = |value: Value| serde_json::from_value::<Surface>(value).unwrap();
        let held = read(json!({"caps": ["system"], "commands": ["system.run"], "permissions": {"camera": true}}));
        assert!(held.covers(&read(json!({}))));
        assert!(held.covers(&read(json!({"commands": ["system.run"], "permissions": {"screen": false}}))));
        assert!(!held.covers(&read(json!({"commands": ["system.which"]}))));
        assert!(!held.covers(&read(json!({"caps": ["browser"]}))));
        assert!(!held.covers(&read(json!({"permissions": {"screen": true}}))));
        let more = read(json!({"caps": ["browser"], "permissions": {"screen": true}}));
        assert!(held.union(&more).covers(&more) && held.union(&more).covers(&held));
    }

    /// N-5.3
    #[test]
    fn an_answer_may_carry_nulls_and_things_that_are_no_text() {
        let read = |value: Value| serde_json::from_value::<AnswerParams>(value).unwrap();
        let odd = read(json!({"id": "1", "nodeId": "n", "ok": true, "payloadJSON": null, "error": null}));
        assert!(odd.payload_json.is_none() && odd.error.is_none());
        let object = read(json!({"id": "1", "nodeId": "n", "ok": true, "payloadJSON": {"a": 1}}));
        assert_eq!(object.payload_json, Some(json!({"a": 1})));
    }
}
