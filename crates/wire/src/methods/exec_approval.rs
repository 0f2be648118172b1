//! Approvals of commands: the question, the decision, and the plan that was approved (N-12.11…12.16).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

methods! {
    /// `exec.approval.request`
    Request = "exec.approval.request", RequestParams => Value;
    /// `exec.approval.resolve`
    Resolve = "exec.approval.resolve", ResolveParams => Value;
    /// `exec.approval.get`
    Get = "exec.approval.get", IdParams => Value;
    /// `exec.approval.list`: a bare array.
    List = "exec.approval.list", Value => Value;
    /// `exec.approval.waitDecision`
    WaitDecision = "exec.approval.waitDecision", IdParams => Value;
    /// `exec.approvals.get`: the document of the Gateway's host.
    DocumentGet = "exec.approvals.get", Value => Value;
    /// `exec.approvals.set`
    DocumentSet = "exec.approvals.set", DocumentSetParams => Value;
    /// `exec.approvals.node.get`: the document of a node.
    NodeDocumentGet = "exec.approvals.node.get", super::node::NodeParams => Value;
    /// `exec.approvals.node.set`
    NodeDocumentSet = "exec.approvals.node.set", NodeDocumentSetParams => Value;
    /// `approval.get`
    AnyGet = "approval.get", IdParams => Value;
    /// `approval.resolve`
    AnyResolve = "approval.resolve", AnyResolveParams => Value;
    /// `approval.history`
    History = "approval.history", HistoryParams => Value;
}

/// The node's command that tells what an owner allows; for [`NodeDocumentGet`] only (N-4.11).
pub const NODE_GET_COMMAND: &str = "system.execApprovals.get";
/// The node's command that changes it.
pub const NODE_SET_COMMAND: &str = "system.execApprovals.set";

/// A client that advertises one of these can put the question before a person (N-12.12).
pub const CAPS: [&str; 2] = ["approvals", "exec-approvals"];

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// This time.
    AllowOnce,
    /// From now on.
    AllowAlways,
    /// No.
    Deny,
}

impl Decision {
    /// Whether it lets the command run.
    pub const fn allows(self) -> bool {
        matches!(self, Self::AllowOnce | Self::AllowAlways)
    }

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowOnce => "allow-once",
            Self::AllowAlways => "allow-always",
            Self::Deny => "deny",
        }
    }
}

/// Why a question is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TerminalReason {
    /// A person decided.
    User,
    /// Nobody did in time.
    Timeout,
    /// Nobody could be asked.
    NoRoute,
    /// The run that asked is over.
    RunAborted,
    /// The Gateway went down meanwhile.
    GatewayRestart,
    /// The answer could not be understood.
    MalformedVerdict,
    /// What was kept of it cannot be read.
    StorageCorrupt,
}

/// What exactly is to be run, as the node that will run it prepared it (N-10.16). What was approved is what is sent
/// (N-12.16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemRunPlan {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The working folder.
    pub cwd: Option<String>,
    /// The command as people read it.
    pub command_text: String,
    /// A shorter form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_preview: Option<String>,
    /// The agent on whose behalf.
    pub agent_id: Option<String>,
    /// The session on whose behalf.
    pub session_key: Option<String>,
    /// The rules it was prepared under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_snapshot: Option<Value>,
    /// A script among the arguments, which must still be the same when it runs.
    #[serde(default)]
    pub mutable_file_operand: Option<FileOperand>,
}

/// A file that decides what a command does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileOperand {
    /// Which argument it is.
    pub argv_index: usize,
    /// Where it is.
    pub path: String,
    /// Its SHA-256, in lower-case hex.
    pub sha256: String,
}

/// A question (N-12.11). Members the schema knows and nothing here needs are carried along.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestParams {
    /// A name for it; made up when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The command as people read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The program and its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_argv: Option<Vec<String>>,
    /// What a node prepared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_run_plan: Option<SystemRunPlan>,
    /// Variables it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// The working folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The node it is to run on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_id: Option<String>,
    /// `gateway` or `node`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The security in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<String>,
    /// When a person is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// Something to look out for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_text: Option<String>,
    /// Decisions that make no sense here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable_decisions: Option<Vec<String>>,
    /// The agent that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The program that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_path: Option<String>,
    /// The session that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// Its transcript.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The run that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The call of a tool that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// The channel the message came through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_source_channel: Option<String>,
    /// Whom it came from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_source_to: Option<String>,
    /// By which account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_source_account_id: Option<String>,
    /// In which thread; text or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_source_thread_id: Option<Value>,
    /// How long it lives, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Whether it is answered twice: accepted, then decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_phase: Option<bool>,
}

/// Names a question.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdParams {
    /// Its id.
    pub id: String,
}

/// A decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolveParams {
    /// The question.
    pub id: String,
    /// What is said.
    pub decision: Decision,
}

/// A decision about a question of any kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnyResolveParams {
    /// The question.
    pub id: String,
    /// `exec`, `plugin` or `system-agent`.
    pub kind: String,
    /// What is said.
    pub decision: Decision,
}

/// A page of what was decided.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HistoryParams {
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A new document for the Gateway's host.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentSetParams {
    /// The document (N-12.1).
    pub file: Value,
    /// The hash of the one it replaces; `null` where there was none.
    #[serde(default)]
    pub base_hash: Option<String>,
}

/// A new document for a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeDocumentSetParams {
    /// The node.
    pub node_id: String,
    /// The document (N-12.1).
    pub file: Value,
    /// The hash of the one it replaces.
    #[serde(default)]
    pub base_hash: Option<String>,
}
