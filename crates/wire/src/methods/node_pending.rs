//! Work that waits for a node: actions a phone could not do in the background, and requests operators leave for one that
//! is away (`protocol.md` 7, N-8).

use serde::{Deserialize, Serialize};
use serde_json::Value;

methods! {
    /// `node.pending.pull`
    Pull = "node.pending.pull", Value => PullResult;
    /// `node.pending.ack`
    Ack = "node.pending.ack", AckParams => AckResult;
    /// `node.pending.enqueue`
    Enqueue = "node.pending.enqueue", EnqueueParams => EnqueueResult;
    /// `node.pending.drain`
    Drain = "node.pending.drain", DrainParams => DrainResult;
}

/// The shortest and the longest life of a request, and the one of a request that names none, in milliseconds (N-8.2).
pub const EXPIRES_IN_MS: std::ops::RangeInclusive<i64> = 1_000..=86_400_000;
/// How many requests a node may take at once, and how many it takes when it does not say (N-8.3).
pub const DRAIN_MAX: usize = 10;
/// See [`DRAIN_MAX`].
pub const DRAIN_DEFAULT: usize = 4;

/// What a node in the foreground is to do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullResult {
    /// The node.
    pub node_id: String,
    /// Oldest first; each waits until it is acknowledged.
    pub actions: Vec<Action>,
}

/// A call that a node put off because its app was in the background.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Names it in the acknowledgement.
    pub id: String,
    /// The command.
    pub command: String,
    /// Its params as JSON text.
    #[serde(rename = "paramsJSON")]
    pub params_json: Option<String>,
    /// Since when it waits, in milliseconds.
    pub enqueued_at_ms: i64,
}

/// Actions a node has dealt with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AckParams {
    /// Their ids.
    pub ids: Vec<String>,
}

/// What became of an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AckResult {
    /// The node.
    pub node_id: String,
    /// Those that waited.
    pub acked_ids: Vec<String>,
    /// How many still wait.
    pub remaining_count: usize,
}

/// What an operator may ask of a node that is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkType {
    /// How it is.
    #[serde(rename = "status.request")]
    Status,
    /// Where it is.
    #[serde(rename = "location.request")]
    Location,
}

/// How soon, from the least to the most; a node takes the most urgent first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// What every node is asked anyway.
    Default,
    /// As it comes.
    #[default]
    Normal,
    /// Before all others.
    High,
}

/// Leaves a request for a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnqueueParams {
    /// The node.
    pub node_id: String,
    /// What is asked.
    #[serde(rename = "type")]
    pub kind: WorkType,
    /// How soon: `normal` or `high`.
    #[serde(default)]
    pub priority: Priority,
    /// How long it is worth asking, see [`EXPIRES_IN_MS`]; a day when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<i64>,
    /// Whether the node should be woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<bool>,
}

/// A request that waits for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// Its name.
    pub id: String,
    /// What is asked.
    #[serde(rename = "type")]
    pub kind: WorkType,
    /// How soon.
    pub priority: Priority,
    /// Since when, in milliseconds.
    pub created_at_ms: i64,
    /// Until when; without an end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
}

/// What was left for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnqueueResult {
    /// The node.
    pub node_id: String,
    /// Rises with every change of what waits for it.
    pub revision: u32,
    /// The request; the one that waited already when there was one of its kind.
    pub queued: Work,
    /// Whether the node was woken.
    pub wake_triggered: bool,
}

/// How much a node wants to take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainParams {
    /// 1 to [`DRAIN_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<usize>,
}

/// What a node took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainResult {
    /// The node.
    pub node_id: String,
    /// See [`EnqueueResult::revision`].
    pub revision: u32,
    /// The most urgent first.
    pub items: Vec<Work>,
    /// Whether more wait.
    pub has_more: bool,
}
