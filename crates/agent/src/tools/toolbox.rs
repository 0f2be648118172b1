//! Every tool there is, in one table, and the set a Gateway hands its turns.

use std::sync::Arc;

use store::Store;

use super::{
    ExecSettings, ModelNames, Processes, Tool, canvas, cron, edit, exec, message, nodes, process, published, read,
    session_status, write,
};
use crate::ports::Ports;
use crate::providers::ToolSpec;

/// Makes one tool.
pub type Make = fn(&ToolDeps) -> Arc<dyn Tool>;

/// One line per tool, in the order a model sees them.
pub const TABLE: &[Make] = &[
    |_| Arc::new(read::Read),
    |_| Arc::new(write::Write),
    |_| Arc::new(edit::Edit),
    |deps| Arc::new(exec::Exec::new(deps)),
    |deps| Arc::new(process::Process::new(deps)),
    |deps| Arc::new(nodes::Nodes::new(deps)),
    |deps| Arc::new(canvas::Canvas::new(deps)),
    |deps| Arc::new(message::Message::new(deps)),
    |deps| Arc::new(cron::Cron::new(deps)),
    |deps| Arc::new(session_status::SessionStatus::new(deps)),
];

/// What tools are made of.
#[derive(Clone)]
pub struct ToolDeps {
    /// What `exec` may run and for how long.
    pub exec: ExecSettings,
    /// The children of all agents.
    pub processes: Processes,
    /// Where sessions are.
    pub store: Store,
    /// What models are called.
    pub models: Arc<dyn ModelNames>,
    /// The rest of the Gateway.
    pub ports: Ports,
    /// The version of the product, for people.
    pub version: String,
}

/// The tools of a Gateway. Cheap to clone; clones share their child processes.
#[derive(Clone)]
pub struct Toolbox {
    tools: Arc<[(ToolSpec, Arc<dyn Tool>)]>,
    deps: Arc<ToolDeps>,
}

impl Toolbox {
    /// Makes every tool of [`TABLE`].
    pub fn new(deps: &ToolDeps) -> Self {
        Self::of(TABLE.iter().map(|make| make(deps)), deps)
    }

    /// Exactly these tools, beside `deps` for the children that [`Toolbox::shutdown`] ends.
    pub fn of(tools: impl IntoIterator<Item = Arc<dyn Tool>>, deps: &ToolDeps) -> Self {
        Self { tools: tools.into_iter().map(|tool| (tool.spec(), tool)).collect(), deps: Arc::new(deps.clone()) }
    }

    /// The same tools and children under another policy, for turns that begin after the config changed.
    #[must_use]
    pub fn with_exec(&self, exec: ExecSettings) -> Self {
        Self::new(&ToolDeps { exec, ..(*self.deps).clone() })
    }

    /// These and what connected nodes publish now.
    #[must_use]
    pub fn with_published(&self) -> Self {
        let names = self.tools.iter().map(|(spec, _)| spec.name.clone().into_owned());
        let more = published::tools(&self.deps.ports, names);
        let own = self.tools.iter().cloned();
        let tools = own.chain(more.into_iter().map(|tool| (tool.spec(), tool))).collect();
        Self { tools, deps: self.deps.clone() }
    }

    /// What a model is told, in table order.
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(|(spec, _)| spec.clone()).collect()
    }

    /// The tool called `name`.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Tool>> {
        self.tools.iter().find(|(spec, _)| spec.name == name).map(|(_, tool)| tool.clone())
    }

    /// Ends every child process and waits until all are gone.
    pub async fn shutdown(&self) {
        self.deps.processes.shutdown().await;
    }
}
