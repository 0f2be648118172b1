//! `agent`, `agent.wait` and `agent.identity.get`: a run with its outcome as the answer (A-6.1…6.3).

use serde::{Deserialize, Serialize};

use super::Method;
use super::chat::Attachment;
use crate::events::agent::TerminalReply;
use crate::ids::{AgentId, SessionKey};
use crate::message::Cost;

/// `agent`: answered twice on the same request id, first [`Accepted`], then [`Outcome`].
pub struct Agent;

impl Method for Agent {
    const NAME: &'static str = "agent";
    type Params = AgentParams;
    type Result = Outcome;
}

/// What to say, to whom.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentParams {
    /// The text.
    pub message: String,
    /// Whose session; with no key, its main one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// Where, by the transcript's id; an unknown id starts a session of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// A peer, whose direct session it is when no key says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The channel `to` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// A model for this run only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A thinking level for this run only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// Whether a channel should get the reply too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver: Option<bool>,
    /// The chat that gets it, when it is not `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The channel of that chat, when it is not `channel`; `last` for where the session was last written from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_channel: Option<String>,
    /// Which account of ours delivers.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "replyAccountId")]
    pub account_id: Option<String>,
    /// The topic that gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// Pictures and files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Attachment>>,
    /// Longest run in seconds, 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Added to the system prompt of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_system_prompt: Option<String>,
    /// The word that woke the device; says where when nothing else does (N-13.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice_wake_trigger: Option<String>,
    /// A name for the session if it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Becomes the run id; the same key never runs twice.
    pub idempotency_key: String,
}

/// The first answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The idempotency key.
    pub run_id: String,
    /// Where.
    pub session_key: SessionKey,
    /// Whose.
    pub agent_id: AgentId,
    /// Always `accepted`.
    pub status: String,
    /// In milliseconds.
    pub accepted_at: i64,
}

/// The second answer, and for ever the answer to the same key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The idempotency key.
    pub run_id: String,
    /// `ok`, `error`, or `timeout` when somebody stopped it.
    pub status: String,
    /// `completed`, `aborted`, or why it failed.
    pub summary: String,
    /// `stop`, `length`, `rpc`, `stop`, `timeout`, `shutdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// In milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// In milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// What was said, unless it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
}

/// What was said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The reply; none when it is silence.
    pub payloads: Vec<Payload>,
    /// How it came about.
    pub meta: RunMeta,
}

/// One message of the reply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    /// The text.
    pub text: String,
    /// A file beside it.
    pub media_url: Option<String>,
}

/// How a reply came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunMeta {
    /// From start to end, waiting excluded.
    pub duration_ms: i64,
    /// Whether somebody stopped it.
    #[serde(default)]
    pub aborted: bool,
    /// Why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// What a person sees of the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_assistant_visible_text: Option<String>,
    /// Who answered.
    pub agent_meta: AgentMeta,
}

/// Who answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentMeta {
    /// The transcript.
    pub session_id: String,
    /// The provider.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Its tokens.
    pub usage: RunUsage,
    /// What it cost, absent when the price is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

/// Tokens of a whole run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunUsage {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens read from the vendor's cache.
    pub cache_read: u64,
    /// Tokens written to the vendor's cache.
    pub cache_write: u64,
    /// All of them.
    pub total: u64,
    /// What they cost, absent when the price is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// `agent.wait`: waiting never cancels.
pub struct Wait;

impl Method for Wait {
    const NAME: &'static str = "agent.wait";
    type Params = WaitParams;
    type Result = WaitResult;
}

/// Which run, and how long.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitParams {
    /// The run.
    pub run_id: String,
    /// 30 000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// How the run stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitResult {
    /// The run.
    pub run_id: String,
    /// `ok`, `error`, or `timeout` when the wait is over, the run unknown, or somebody stopped it.
    pub status: String,
    /// In milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// In milliseconds; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// What the person got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_reply: Option<TerminalReply>,
}

/// `agent.identity.get`
pub struct IdentityGet;

impl Method for IdentityGet {
    const NAME: &'static str = "agent.identity.get";
    type Params = IdentityParams;
    type Result = Identity;
}

/// Which agent; the default one when nothing is said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityParams {
    /// By id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// By a session of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
}

/// What an agent is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The agent.
    pub agent_id: String,
    /// Its name.
    pub name: String,
    /// `config` or `default`.
    pub name_source: String,
    /// A letter to draw.
    pub avatar: String,
}
