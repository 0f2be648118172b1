//! The config in force, and where state lives.

use std::sync::Arc;

use base::StatePaths;
use wire::AgentId;

/// The config in force; cheap to clone.
#[derive(Clone)]
pub(crate) struct ConfigNow {
    paths: Arc<StatePaths>,
}

impl ConfigNow {
    /// Over these places.
    pub(crate) fn new(paths: StatePaths) -> Self {
        Self { paths: Arc::new(paths) }
    }

    /// The values.
    pub(crate) fn current(&self) -> Arc<()> {
        Arc::new(())
    }

    /// Where state lives.
    pub(crate) fn paths(&self) -> &StatePaths {
        &self.paths
    }

    /// The configured agents, folded; at least `main`.
    pub(crate) fn agents(&self) -> Vec<AgentId> {
        vec![AgentId::main()]
    }

    /// The agent used when none is named.
    pub(crate) fn default_agent(&self) -> AgentId {
        AgentId::main()
    }

    /// The hash of the config in force.
    pub(crate) fn hash(&self) -> Option<String> {
        None
    }

    /// The rest of a main session's key.
    pub(crate) fn main_key(&self) -> String {
        "main".into()
    }

    /// `per-sender` or `global`.
    pub(crate) fn session_scope(&self) -> &'static str {
        "per-sender"
    }
}
