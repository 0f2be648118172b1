//! What a turn may ask of the rest of the Gateway: its nodes, the people who approve, and the chats. The Gateway stands behind
//! these traits; a turn knows no more of it.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use wire::methods::cron::{AddParams, ListParams, RunMode, RunsParams, WakeMode};
use wire::methods::exec_approval::{Decision, RequestParams, TerminalReason};
use wire::methods::node::{InvokeParams, InvokeResult};
use wire::{AgentId, ErrorShape, SessionKey};

/// All ports.
#[derive(Clone)]
pub struct Ports {
    /// The nodes.
    pub nodes: Arc<dyn Nodes>,
    /// The people who approve.
    pub approvals: Arc<dyn Approvals>,
    /// The chats.
    pub chats: Arc<dyn Chats>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// How far the one who began a run is trusted; kept with the accepted message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rights {
    /// An owner: may decide what the Gateway allows.
    pub owner: bool,
    /// A node's own event, or a hook, which may do less: no commands of the host and no approvals (N-7.12, A-17.7).
    pub from_node: bool,
}

/// On whose behalf a turn asks.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The run.
    pub run_id: String,
    /// Its session.
    pub session: SessionKey,
    /// Its agent.
    pub agent: AgentId,
    /// How far it is trusted.
    pub rights: Rights,
    /// Where pieces of an answer go while it is made; a full queue drops them.
    pub progress: Option<mpsc::Sender<String>>,
}

/// What is done about a node that waits for approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// What it offers may be used.
    Approve,
    /// It may not.
    Reject,
}

/// A tool that a connected node publishes.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedTool {
    /// Whose it is.
    pub node_id: String,
    /// What the model calls it.
    pub name: String,
    /// What it is for, in the node's words: data, not instructions.
    pub description: String,
    /// Its parameters, a JSON Schema of an object.
    pub parameters: Value,
    /// The node's command that runs it.
    pub command: String,
    /// The server and tool behind it, for a tool of an MCP server.
    pub mcp: Option<(String, String)>,
}

/// The nodes, by the same path and under the same policy as for operators (N-1.3).
pub trait Nodes: Send + Sync {
    /// The rows of `node.list`.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Value>, ErrorShape>>;
    /// `node.pair.list`: what waits, and what was approved.
    fn pairing(&self) -> BoxFuture<'_, Result<Value, ErrorShape>>;
    /// Decides about what a node offers; the asker needs the scopes that the request does (N-3.16).
    fn decide<'a>(
        &'a self,
        request_id: &'a str,
        admission: Admission,
        asker: &'a Asker,
    ) -> BoxFuture<'a, Result<Value, ErrorShape>>;
    /// Asks a node (N-5).
    fn invoke<'a>(&'a self, params: InvokeParams, asker: &'a Asker) -> BoxFuture<'a, Result<InvokeResult, ErrorShape>>;
    /// The computer its owner sits at, if one says so (N-9.3).
    fn active(&self) -> Option<String> {
        None
    }
    /// What connected nodes publish, as far as it may be used.
    fn published(&self) -> Vec<PublishedTool>;
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The question's id, which stands for the permission when there is one.
    pub id: String,
    /// What was decided; `None` when nobody did.
    pub decision: Option<Decision>,
    /// Why it is over.
    pub reason: TerminalReason,
}

/// The people who may allow a command (N-12.11).
pub trait Approvals: Send + Sync {
    /// Asks them and waits for their word, at most as long as a question lives (N-12.15). Dropping the future withdraws
    /// the question.
    fn ask<'a>(&'a self, request: RequestParams, asker: &'a Asker) -> BoxFuture<'a, Answer>;
}

/// Something to do in a chat.
#[derive(Debug, Clone)]
pub struct Deed {
    /// The model's call; the same one is carried out once.
    pub call_id: String,
    /// `send`, `react`, `edit`…
    pub action: &'static str,
    /// The channel; the one the run came from when absent.
    pub channel: Option<String>,
    /// Which account of ours.
    pub account: Option<String>,
    /// The chat; the one the run came from when absent.
    pub to: Option<String>,
    /// The topic.
    pub thread: Option<String>,
    /// With what, as in `message.action`.
    pub words: Value,
    /// Files that may leave.
    pub files: Vec<PathBuf>,
}

/// The chats, under the policy of where a run may speak.
pub trait Chats: Send + Sync {
    /// Does it, and waits for what becomes of it.
    fn act<'a>(&'a self, deed: Deed, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>>;
}

/// The jobs of the clock. What plans or begins anything takes an owner.
pub trait Clock: Send + Sync {
    /// How it stands.
    fn status(&self) -> BoxFuture<'_, Result<Value, ErrorShape>>;
    /// The jobs.
    fn list(&self, wish: ListParams) -> BoxFuture<'_, Result<Value, ErrorShape>>;
    /// Makes one; it may never do more than its asker.
    fn add<'a>(&'a self, job: AddParams, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>>;
    /// Changes members of one.
    fn update<'a>(&'a self, id: &'a str, patch: Value, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>>;
    /// Removes one.
    fn remove<'a>(&'a self, id: &'a str, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>>;
    /// Begins one.
    fn run<'a>(&'a self, id: &'a str, mode: RunMode, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>>;
    /// What became of runs.
    fn runs(&self, wish: RunsParams) -> BoxFuture<'_, Result<Value, ErrorShape>>;
    /// Tells the asker's session something, at once or with its next heartbeat.
    fn wake<'a>(&'a self, text: &'a str, mode: WakeMode, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>>;
}

/// Nothing behind any port: there are no nodes and no chats, nobody can be asked, and nothing is planned.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl Ports {
    /// For a turn that stands alone.
    pub fn none() -> Self {
        Self {
            nodes: Arc::new(Nothing),
            approvals: Arc::new(Nothing),
            chats: Arc::new(Nothing),
            clock: Arc::new(Nothing),
        }
    }
}

impl Nodes for Nothing {
    fn list(&self) -> BoxFuture<'_, Result<Vec<Value>, ErrorShape>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn pairing(&self) -> BoxFuture<'_, Result<Value, ErrorShape>> {
        Box::pin(async { Ok(serde_json::json!({"pending": [], "paired": []})) })
    }

    fn decide<'a>(&'a self, _: &'a str, _: Admission, _: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        Box::pin(async { Err(ErrorShape::invalid("unknown requestId")) })
    }

    fn invoke<'a>(&'a self, _: InvokeParams, _: &'a Asker) -> BoxFuture<'a, Result<InvokeResult, ErrorShape>> {
        Box::pin(async { Err(ErrorShape::unavailable("there are no nodes")) })
    }

    fn published(&self) -> Vec<PublishedTool> {
        Vec::new()
    }
}

impl Approvals for Nothing {
    fn ask<'a>(&'a self, request: RequestParams, _: &'a Asker) -> BoxFuture<'a, Answer> {
        let id = request.id.unwrap_or_default();
        Box::pin(async { Answer { id, decision: None, reason: TerminalReason::NoRoute } })
    }
}

impl Chats for Nothing {
    fn act<'a>(&'a self, _: Deed, _: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        Box::pin(async { Err(ErrorShape::unavailable("there are no chats")) })
    }
}

impl Clock for Nothing {
    fn status(&self) -> BoxFuture<'_, Result<Value, ErrorShape>> {
        no_clock()
    }

    fn list(&self, _: ListParams) -> BoxFuture<'_, Result<Value, ErrorShape>> {
        no_clock()
    }

    fn add<'a>(&'a self, _: AddParams, _: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        no_clock()
    }

    fn update<'a>(&'a self, _: &'a str, _: Value, _: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        no_clock()
    }

    fn remove<'a>(&'a self, _: &'a str, _: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        no_clock()
    }

    fn run<'a>(&'a self, _: &'a str, _: RunMode, _: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        no_clock()
    }

    fn runs(&self, _: RunsParams) -> BoxFuture<'_, Result<Value, ErrorShape>> {
        no_clock()
    }

    fn wake<'a>(&'a self, _: &'a str, _: WakeMode, _: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        no_clock()
    }
}

fn no_clock<'a>() -> BoxFuture<'a, Result<Value, ErrorShape>> {
    Box::pin(async { Err(ErrorShape::unavailable("there is no clock")) })
}
