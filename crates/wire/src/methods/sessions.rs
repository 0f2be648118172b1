//! `sessions.*` that only look: list, describe, resolve, preview, get, branches, and the subscriptions to changes.
//! What changes a session is in [`super::session_edit`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Method;
use crate::session::{Defaults, SessionRow};

/// `sessions.list`
pub struct List;

impl Method for List {
    const NAME: &'static str = "sessions.list";
    type Params = ListParams;
    type Result = ListResult;
}

/// Which sessions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListParams {
    /// Most rows; 200 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many to skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// Only those that changed in the last so many minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_minutes: Option<u32>,
    /// `updatedAt` (default) or `lastInteractionAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<String>,
    /// Only of this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Only the one with this label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Only those started by this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spawned_by: Option<String>,
    /// Only those whose key, label or name contains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// `false` (default), `true`, or `"all"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<Archived>,
    /// Only those with a run under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_only: Option<bool>,
    /// Whether to add a title from the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_derived_titles: Option<bool>,
    /// Whether to add the last visible text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_last_message: Option<bool>,
}

/// Which side of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Archived {
    /// Only archived ones, or only the others.
    Only(bool),
    /// `"all"`.
    Word(AllWord),
}

/// The word `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AllWord {
    /// `all`
    All,
}

/// The sessions asked for, newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResult {
    /// Now, in milliseconds.
    pub ts: i64,
    /// Where they are kept.
    pub path: String,
    /// Rows here.
    pub count: u64,
    /// Rows that match.
    pub total_count: u64,
    /// The limit in force.
    pub limit_applied: u64,
    /// The `offset` of the next page.
    pub next_offset: Option<u64>,
    /// Whether there are more.
    pub has_more: bool,
    /// People who own sessions; one person owns this Gateway, so none are named.
    pub owners: Vec<Value>,
    /// What a new session starts with.
    pub defaults: Defaults,
    /// The rows.
    pub sessions: Vec<SessionRow>,
}

/// `sessions.describe`
pub struct Describe;

impl Method for Describe {
    const NAME: &'static str = "sessions.describe";
    type Params = DescribeParams;
    type Result = DescribeResult;
}

/// Which session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeParams {
    /// Its key.
    pub key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Whether to add a title from the first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_derived_titles: Option<bool>,
    /// Whether to add the last visible text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_last_message: Option<bool>,
}

/// The session, `null` when there is none under that key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DescribeResult {
    /// The row.
    pub session: Option<SessionRow>,
}

/// `sessions.resolve`: from a key, an id or a label to the key.
pub struct Resolve;

impl Method for Resolve {
    const NAME: &'static str = "sessions.resolve";
    type Params = ResolveParams;
    type Result = ResolveResult;
}

/// What is known of it; exactly one of the first three.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResolveParams {
    /// A key in any form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A transcript's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// A label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Only of this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Whether nothing found is an answer rather than an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_missing: Option<bool>,
}

/// The key, or that there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolveResult {
    /// Whether it was found.
    pub ok: bool,
    /// The canonical key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// What to call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// `sessions.preview`: the last few lines of several sessions.
pub struct Preview;

impl Method for Preview {
    const NAME: &'static str = "sessions.preview";
    type Params = PreviewParams;
    type Result = PreviewResult;
}

/// Which sessions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewParams {
    /// Their keys, at most 64.
    pub keys: Vec<String>,
    /// Most lines of each; 12 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Most characters of each line; 240 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<usize>,
}

/// The lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewResult {
    /// Now, in milliseconds.
    pub ts: i64,
    /// In the order asked.
    pub previews: Vec<SessionPreview>,
}

/// The last few lines of one session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPreview {
    /// The key as asked.
    pub key: String,
    /// `ok`, `empty` or `missing`.
    pub status: String,
    /// Oldest first.
    pub items: Vec<PreviewLine>,
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewLine {
    /// `user`, `assistant` or `tool`.
    pub role: String,
    /// Shortened.
    pub text: String,
}

/// `sessions.get`: the newest messages of a session, as the model sees them.
pub struct Get;

impl Method for Get {
    const NAME: &'static str = "sessions.get";
    type Params = GetParams;
    type Result = GetResult;
}

/// Which session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetParams {
    /// Its key.
    pub key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Most messages; 200 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GetResult {
    /// Oldest first.
    pub messages: Vec<Value>,
}

/// `sessions.branches.list`
pub struct BranchesList;

impl Method for BranchesList {
    const NAME: &'static str = "sessions.branches.list";
    type Params = BranchesParams;
    type Result = BranchesResult;
}

/// Which session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BranchesParams {
    /// Its key.
    pub session_key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// The ends a transcript has; one, as long as nothing rewinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchesResult {
    /// The active one first.
    pub branches: Vec<Branch>,
}

/// One end of a transcript.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// Its newest entry.
    pub leaf_entry_id: String,
    /// The newest visible text, shortened.
    pub headline: String,
    /// Messages on it.
    pub message_count: u64,
    /// When it was last added to, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// Whether new messages go there.
    pub active: bool,
}

/// `sessions.subscribe`: `sessions.changed` and `session.message` of all sessions, on this connection.
pub struct Subscribe;

impl Method for Subscribe {
    const NAME: &'static str = "sessions.subscribe";
    type Params = SubscribeParams;
    type Result = Subscribed;
}

/// Nothing to say.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct SubscribeParams {}

/// Whether the connection is subscribed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// Whether it is.
    pub subscribed: bool,
}

/// `sessions.messages.subscribe`: `session.message` of one session, on this connection.
pub struct MessagesSubscribe;

impl Method for MessagesSubscribe {
    const NAME: &'static str = "sessions.messages.subscribe";
    type Params = MessagesParams;
    type Result = MessagesSubscribed;
}

/// `sessions.messages.unsubscribe`
pub struct MessagesUnsubscribe;

impl Method for MessagesUnsubscribe {
    const NAME: &'static str = "sessions.messages.unsubscribe";
    type Params = MessagesParams;
    type Result = MessagesSubscribed;
}

/// Which session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessagesParams {
    /// Its key.
    pub key: String,
    /// Whose, when the key does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Whether to add the approvals that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_approvals: Option<bool>,
}

/// Whether the connection is subscribed to that session now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessagesSubscribed {
    /// Whether it is.
    pub subscribed: bool,
    /// The canonical key.
    pub key: String,
    /// The approvals that wait, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_replay: Option<ApprovalReplay>,
}

/// The approvals that wait in a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalReplay {
    /// The session.
    pub session_key: String,
    /// In milliseconds.
    pub updated_at_ms: i64,
    /// Oldest first.
    pub approvals: Vec<Value>,
    /// Whether some were left out.
    pub truncated: bool,
}
