//! The agents of this Gateway as the config names them, and the sessions that belong to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Env;
use config::{AgentEntry, Config, ModelChoice};
use wire::{AgentId, ErrorShape, SessionKey};

use crate::config_now::ConfigNow;

/// Reads the agents from the config in force; cheap to clone.
#[derive(Clone)]
pub(crate) struct Agents {
    now: ConfigNow,
    env: Env,
}

impl Agents {
    /// The agents of this config.
    pub(crate) fn new(now: ConfigNow, env: Env) -> Self {
        Self { now, env }
    }

    /// What the owner of this host lets agents run.
    pub(crate) fn exec_approvals(&self) -> PathBuf {
        self.now.paths().exec_approvals()
    }

    /// The config in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.now.current()
    }

    /// The agent used when none is named.
    pub(crate) fn default_id(&self) -> AgentId {
        self.now.default_agent()
    }

    /// Every agent, the default one first. An install without entries has `main`.
    pub(crate) fn ids(&self) -> Vec<AgentId> {
        let mut ids = vec![self.default_id()];
        for id in self.now.agents() {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// What the config says of one agent.
    pub(crate) fn entry(&self, id: &AgentId) -> Option<AgentEntry> {
        self.config().agents.entries.iter().find(|entry| AgentId::fold(&entry.id) == *id).cloned()
    }

    /// The model an agent asks for, and what to fall back to.
    pub(crate) fn model(&self, id: &AgentId) -> Option<ModelChoice> {
        self.entry(id).and_then(|entry| entry.model).or_else(|| self.config().agents.defaults.model.clone())
    }

    /// The rest of a main session's key.
    pub(crate) fn main_key(&self) -> String {
        self.now.main_key()
    }

    /// An agent's working folder.
    pub(crate) fn workspace(&self, id: &AgentId) -> PathBuf {
        let config = self.config();
        let own = self.entry(id).and_then(|entry| entry.workspace);
        let shared = config.agents.defaults.workspace.as_deref().filter(|_| *id == self.default_id());
        agent::workspace::locate(id, own.as_deref().or(shared), self.now.paths(), &self.env)
    }

    /// The agent called `id`; the default one when nothing is named.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for an agent the config does not know.
    pub(crate) fn find(&self, id: Option<&str>) -> Result<AgentId, ErrorShape> {
        let Some(named) = id.map(str::trim).filter(|id| !id.is_empty()) else { return Ok(self.default_id()) };
        let id = AgentId::fold(named);
        if self.ids().contains(&id) {
            Ok(id)
        } else {
            Err(ErrorShape::invalid(format!("unknown agent id \"{named}\"")))
        }
    }

    /// The canonical key of what a request names.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for an agent the config does not know, or a key of another agent than the one named.
    pub(crate) fn key(&self, text: &str, agent_id: Option<&str>) -> Result<SessionKey, ErrorShape> {
        let agent = self.find(agent_id)?;
        let key = SessionKey::canonical(text, &agent, &self.main_key());
        let owner = key.agent();
        if agent_id.is_some_and(|id| !id.trim().is_empty()) && owner != agent {
            return Err(ErrorShape::invalid(format!("session key \"{key}\" does not belong to agent \"{agent}\"")));
        }
        self.find(Some(owner.as_str()))?;
        Ok(key)
    }

    /// The agent's main session.
    pub(crate) fn main_session(&self, agent: &AgentId) -> SessionKey {
        SessionKey::main(agent, &self.main_key())
    }

    /// Where sessions are kept.
    pub(crate) fn database(&self) -> PathBuf {
        self.now.paths().database()
    }

    /// Whether a folder is a git repository.
    pub(crate) fn is_git(folder: &Path) -> bool {
        folder.join(".git").exists()
    }
}
