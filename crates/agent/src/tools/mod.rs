//! The tools a model may call. A tool is one file and one line in `TABLE`; the file holds its name, its schema, its
//! words for the model and its code together.

mod args;
mod canvas;
mod cap;
mod cron;
mod edit;
mod exec;
mod message;
mod node_call;
mod nodes;
mod paths;
mod picture;
mod process;
mod processes;
mod published;
mod read;
mod session_status;
mod toolbox;
mod write;

pub use exec::{ExecSettings, NodeSettings, Security};
pub use processes::Processes;
pub use session_status::{ModelName, ModelNames};
pub use toolbox::{Make, TABLE, ToolDeps, Toolbox};

use std::path::PathBuf;

use base::Env;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::message::Block;
use wire::{AgentId, SessionKey};

use crate::ports::{Asker, Rights};
use crate::providers::ToolSpec;
use crate::run::Waits;

/// One tool.
pub trait Tool: Send + Sync {
    /// What the model sees of it.
    fn spec(&self) -> ToolSpec;
    /// Whether calls of it may run beside others of the same batch.
    fn parallel_safe(&self) -> bool {
        false
    }
    /// Runs it. `arguments` come from the model: the tool coerces and checks them against its schema first and answers
    /// a mistake as an error output, never a panic. Cancelling `cx.cancel` must end it promptly, children included.
    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput>;
}

/// What a tool may know of the turn it serves.
#[derive(Clone)]
pub struct ToolCx {
    /// The run, for ids of background work.
    pub run_id: String,
    /// The session that asks.
    pub session: SessionKey,
    /// The agent that asks; background processes belong to it.
    pub agent: AgentId,
    /// How far the one who began the run is trusted.
    pub rights: Rights,
    /// The call, as the model named it.
    pub call_id: String,
    /// The default working folder. Not a jail.
    pub workspace: PathBuf,
    /// The Gateway's environment, for children.
    pub env: Env,
    /// Fires on abort, timeout and shutdown.
    pub cancel: CancellationToken,
    /// Held while a person is asked; that time is not the turn's.
    pub waits: Waits,
    /// Output while it runs; a full queue drops updates, never blocks the tool.
    pub progress: mpsc::Sender<String>,
}

impl ToolCx {
    /// On whose behalf the tool asks the rest of the Gateway.
    pub fn asker(&self) -> Asker {
        let (run_id, session, agent) = (self.run_id.clone(), self.session.clone(), self.agent.clone());
        Asker { run_id, session, agent, rights: self.rights, progress: Some(self.progress.clone()) }
    }
}

/// What a tool gives back.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolOutput {
    /// What the model sees, already capped.
    pub content: Vec<Block>,
    /// What clients and the transcript see besides.
    pub details: Option<Value>,
    /// Whether it failed.
    pub is_error: bool,
}

impl ToolOutput {
    /// A plain text result.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Block::text(text)], details: None, is_error: false }
    }

    /// A failure the model can read and act on.
    pub fn error(text: impl Into<String>) -> Self {
        Self { content: vec![Block::text(text)], details: None, is_error: true }
    }
}
