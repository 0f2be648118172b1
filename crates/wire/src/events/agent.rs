//! `agent`: what a run does, stream by stream (A-6.5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{AgentId, SessionKey};
use crate::message::Block;

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentEvent {
    /// The run.
    pub run_id: String,
    /// Where.
    pub session_key: SessionKey,
    /// The transcript it writes.
    pub session_id: String,
    /// Whose.
    pub agent_id: AgentId,
    /// What happened.
    #[serde(flatten)]
    pub stream: Stream,
    /// The run's own counter, shared with its `chat` events.
    pub seq: u64,
    /// In milliseconds.
    pub ts: i64,
    /// Whether nobody asked for this run.
    pub is_heartbeat: bool,
}

/// What happened, by stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stream", content = "data", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Stream {
    /// Busy before the first word.
    RunStatus {
        /// `preparing_workspace`, `preparing_context`, `starting_model`.
        phase: String,
    },
    /// The run's life.
    Lifecycle(Lifecycle),
    /// Visible text.
    Assistant {
        /// Everything this answer said so far.
        text: String,
        /// Only the new text.
        delta: String,
        /// Which answer of the run, `<run id>:<n>`.
        item_id: String,
    },
    /// Reasoning.
    Thinking {
        /// Everything so far.
        text: String,
        /// Only the new part.
        delta: String,
    },
    /// A tool with its arguments and result; only for clients with the cap `tool-events`.
    Tool(ToolStep),
    /// A tool in one line, for everybody.
    Item(Item),
    /// What a command prints, for everybody.
    CommandOutput(CommandOutput),
    /// Tokens of the model call that just ended.
    Usage {
        /// Tokens read.
        input_tokens: u64,
        /// Tokens written.
        output_tokens: u64,
        /// All of them.
        total_tokens: u64,
    },
}

/// The run's life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Lifecycle {
    /// It began.
    Start {
        /// When.
        started_at: i64,
    },
    /// A model was chosen.
    Model {
        /// Its provider.
        provider: String,
        /// Its id.
        model: String,
    },
    /// A transient failure; the call is sent again.
    Retrying {
        /// Which attempt comes next.
        attempt: u32,
        /// Why.
        reason: String,
    },
    /// The reply is complete and durable.
    Finishing {
        /// Why it stopped.
        stop_reason: String,
        /// Whether somebody stopped it.
        aborted: bool,
        /// When.
        ended_at: i64,
    },
    /// It is over.
    End {
        /// `cancelled` when somebody stopped it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        /// When it began.
        started_at: i64,
        /// When it ended.
        ended_at: i64,
        /// Whether somebody stopped it.
        aborted: bool,
        /// Why it stopped.
        stop_reason: String,
        /// Nothing of this run is still executing.
        execution_settled: bool,
        /// What the person got.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terminal_reply: Option<TerminalReply>,
    },
    /// It failed.
    Error {
        /// One sentence.
        error: String,
        /// When it began.
        started_at: i64,
        /// When it ended.
        ended_at: i64,
        /// Always false; a stopped run ends with `end`.
        aborted: bool,
        /// Nothing of this run is still executing.
        execution_settled: bool,
    },
}

/// What the person got from a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalReply {
    /// `visible` or `silent`.
    pub disposition: String,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl TerminalReply {
    /// Visible when there is text.
    pub fn of(text: &str) -> Self {
        match text {
            "" => Self { disposition: "silent".into(), text: None },
            text => Self { disposition: "visible".into(), text: Some(text.into()) },
        }
    }
}

/// A tool with its arguments and result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ToolStep {
    /// It starts.
    Start {
        /// The tool.
        name: String,
        /// The call.
        tool_call_id: String,
        /// Its arguments.
        args: Value,
    },
    /// More output.
    Update {
        /// The tool.
        name: String,
        /// The call.
        tool_call_id: String,
        /// The new output.
        partial_result: ToolResult,
    },
    /// It ended.
    Result {
        /// The tool.
        name: String,
        /// The call.
        tool_call_id: String,
        /// The argument that says most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        meta: Option<String>,
        /// Whether it is a command.
        #[serde(default)]
        command_bearing: bool,
        /// Whether it failed.
        is_error: bool,
        /// What it gave back.
        result: ToolResult,
    },
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// What the model sees.
    pub content: Vec<Block>,
    /// What only programs see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

/// A tool in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// `tool:<call>`.
    pub item_id: String,
    /// The call.
    pub tool_call_id: String,
    /// The tool.
    pub name: String,
    /// Always `tool`.
    pub kind: String,
    /// `start`, `update` or `end`.
    pub phase: String,
    /// A few words for a person.
    pub title: String,
    /// `running`, `completed` or `failed`.
    pub status: String,
    /// The argument that says most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<String>,
    /// Whether it is a command, whose output follows as `command_output`.
    #[serde(default)]
    pub command_bearing: bool,
    /// When it began.
    pub started_at: i64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
}

/// What a command prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandOutput {
    /// `command:<call>`.
    pub item_id: String,
    /// The call.
    pub tool_call_id: String,
    /// The tool.
    pub name: String,
    /// `delta` or `end`.
    pub phase: String,
    /// A few words for a person.
    pub title: String,
    /// With `delta` the new output, with `end` all the model sees.
    pub output: String,
    /// `running`, `completed` or `failed`.
    pub status: String,
    /// The command's exit code, at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// How long it took, at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// The folder it ran in, at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A-6.5
    #[test]
    fn agent_events_have_the_published_shape() {
        let event = |stream| AgentEvent {
            run_id: "r".into(),
            session_key: SessionKey::main(&AgentId::main(), "main"),
            session_id: "s".into(),
            agent_id: AgentId::main(),
            stream,
            seq: 2,
            ts: 9,
            is_heartbeat: false,
        };
        let shown = |stream: &str, data: Value| {
            json!({"runId": "r", "sessionKey": "agent:main:main", "sessionId": "s", "agentId": "main",
                "stream": stream, "data": data, "seq": 2, "ts": 9, "isHeartbeat": false})
        };
        let cases = [
            (Stream::RunStatus { phase: "starting_model".into() }, "run_status", json!({"phase": "starting_model"})),
            (
                Stream::Lifecycle(Lifecycle::Model { provider: "p".into(), model: "m".into() }),
                "lifecycle",
                json!({"phase": "model", "provider": "p", "model": "m"}),
            ),
            (
                Stream::Assistant { text: "ab".into(), delta: "b".into(), item_id: "r:1".into() },
                "assistant",
                json!({"text": "ab", "delta": "b", "itemId": "r:1"}),
            ),
            (
                Stream::Tool(ToolStep::Start { name: "read".into(), tool_call_id: "c".into(), args: json!({}) }),
                "tool",
                json!({"phase": "start", "name": "read", "toolCallId": "c", "args": {}}),
            ),
        ];
        for (stream, name, data) in cases {
            let value = serde_json::to_value(event(stream.clone())).unwrap();
            assert_eq!(value, shown(name, data));
            assert_eq!(serde_json::from_value::<AgentEvent>(value).unwrap().stream, stream);
        }
    }
}
