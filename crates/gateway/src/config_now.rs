//! The config in force. A change that can apply without a restart replaces it; everybody asks here and keeps no copy.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base::{Env, StatePaths};
use config::{Config, Loaded, SessionScope};
use wire::AgentId;

/// The config in force; cheap to clone.
#[derive(Clone)]
pub(crate) struct ConfigNow(Arc<Inner>);

struct Inner {
    paths: StatePaths,
    env: Env,
    loaded: RwLock<Arc<Loaded>>,
    /// Why the file as it is now is not in force.
    problem: Mutex<Option<String>>,
}

impl ConfigNow {
    /// With what was loaded at the start.
    pub(crate) fn new(paths: StatePaths, env: Env, loaded: Loaded) -> Self {
        Self(Arc::new(Inner { paths, env, loaded: RwLock::new(Arc::new(loaded)), problem: Mutex::default() }))
    }

    /// The values.
    pub(crate) fn current(&self) -> Arc<Config> {
        self.loaded().config.clone()
    }

    /// The values with the file they came from.
    pub(crate) fn loaded(&self) -> Arc<Loaded> {
        self.0.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another config in force.
    pub(crate) fn replace(&self, loaded: Loaded) {
        *self.0.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
    }

    /// Notes why the changed file is not in force, or that nothing is wrong with it; whether that is news.
    pub(crate) fn note_problem(&self, problem: Option<String>) -> bool {
        let mut noted = self.0.problem.lock().unwrap_or_else(PoisonError::into_inner);
        let news = *noted != problem;
        *noted = problem;
        news
    }

    /// Why the file as it is now is not in force.
    pub(crate) fn problem(&self) -> Option<String> {
        self.0.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where config and state live.
    pub(crate) fn paths(&self) -> &StatePaths {
        &self.0.paths
    }

    /// The environment the config is read with.
    pub(crate) fn env(&self) -> &Env {
        &self.0.env
    }

    /// The configured agents, folded; at least `main`.
    pub(crate) fn agents(&self) -> Vec<AgentId> {
        let mut agents: Vec<AgentId> = Vec::new();
        for entry in &self.current().agents.entries {
            let id = AgentId::fold(&entry.id);
            if !agents.contains(&id) {
                agents.push(id);
            }
        }
        if agents.is_empty() { vec![AgentId::main()] } else { agents }
    }

    /// The agent used when none is named: the one marked default, else the first.
    pub(crate) fn default_agent(&self) -> AgentId {
        let config = self.current();
        let entries = &config.agents.entries;
        let chosen = entries.iter().find(|entry| entry.is_default).or_else(|| entries.first());
        chosen.map_or_else(AgentId::main, |entry| AgentId::fold(&entry.id))
    }

    /// The hash of the config in force.
    pub(crate) fn hash(&self) -> Option<String> {
        self.loaded().hash.clone()
    }

    /// The rest of a main session's key.
    pub(crate) fn main_key(&self) -> String {
        self.current().session.main_key.clone()
    }

    /// `per-sender` or `global`.
    pub(crate) fn session_scope(&self) -> &'static str {
        match self.current().session.scope {
            SessionScope::Global => "global",
            SessionScope::PerSender => "per-sender",
        }
    }
}
