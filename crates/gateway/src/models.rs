//! What can answer, as the rest of the Gateway asks about it: one catalog per config, and plain facts about its models.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent::models::{Catalog, Chosen};
use agent::providers::{Http, Sound, Thinking};
use agent::run::NoModel;
use agent::tools::{ModelName, ModelNames};
use base::Env;
use config::Config;
use store::Session;
use wire::methods::models::{ModelChoice, ThinkingLevel};
use wire::{AgentId, ErrorShape};

use crate::agents::Agents;
use crate::fault;

/// The models; cheap to clone.
#[derive(Clone)]
pub(crate) struct Models(Arc<Inner>);

struct Inner {
    agents: Agents,
    env: Env,
    http: Arc<Http>,
    /// The catalog of the config it was built from; a changed config gets a new one.
    built: Mutex<Option<(Arc<Config>, Arc<Catalog>)>>,
}

/// What rows and choices need to know of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelFacts {
    /// The provider's id.
    pub(crate) provider: String,
    /// The model's id there.
    pub(crate) model: String,
    /// Its window in tokens.
    pub(crate) context_window: Option<u64>,
    /// Whether it can think before it answers.
    pub(crate) reasoning: bool,
}

impl ModelFacts {
    /// `provider/model`.
    pub(crate) fn reference(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    /// The levels it can think at.
    pub(crate) fn thinking_levels(&self) -> Vec<ThinkingLevel> {
        ThinkingLevel::of(self.reasoning)
    }

    /// The level in force when nobody set one.
    pub(crate) const fn thinking_default(&self) -> &'static str {
        "off"
    }

    fn of(choice: &ModelChoice) -> Self {
        Self {
            provider: choice.provider.clone(),
            model: choice.id.clone(),
            context_window: choice.context_window,
            reasoning: choice.reasoning,
        }
    }

    fn of_chosen(chosen: &Chosen) -> Self {
        Self {
            provider: chosen.provider_id.clone(),
            model: chosen.model_id.clone(),
            context_window: Some(chosen.context_window),
            reasoning: chosen.reasoning,
        }
    }
}

/// The models of one moment.
pub(crate) struct ModelTable {
    known: Vec<ModelChoice>,
    defaults: HashMap<AgentId, ModelFacts>,
}

impl ModelTable {
    /// The model that answers in a session.
    pub(crate) fn of(&self, session: &Session) -> Option<ModelFacts> {
        let chosen = session.provider_override.as_deref().zip(session.model_override.as_deref());
        match chosen {
            Some((provider, model)) => Some(self.find(provider, model)),
            None => self.default_of(&session.agent),
        }
    }

    /// The model that answers in a session that may not exist yet.
    pub(crate) fn in_session(&self, session: Option<&Session>, agent: &AgentId) -> Option<ModelFacts> {
        session.map_or_else(|| self.default_of(agent), |session| self.of(session))
    }

    /// The model that answers for an agent unless a session says otherwise; `None` when none can.
    pub(crate) fn default_of(&self, agent: &AgentId) -> Option<ModelFacts> {
        self.defaults.get(agent).cloned()
    }

    fn find(&self, provider: &str, model: &str) -> ModelFacts {
        let known = self.known.iter().find(|known| known.provider == provider && known.id == model);
        known.map_or_else(
            || ModelFacts { provider: provider.into(), model: model.into(), context_window: None, reasoning: false },
            ModelFacts::of,
        )
    }
}

impl Models {
    /// The models these agents can use.
    pub(crate) fn new(agents: Agents, env: Env, http: Arc<Http>) -> Self {
        Self(Arc::new(Inner { agents, env, http, built: Mutex::default() }))
    }

    /// The models of this moment.
    pub(crate) async fn now(&self) -> ModelTable {
        let catalog = self.catalog();
        let mut defaults = HashMap::new();
        for agent in self.0.agents.ids() {
            let model = self.0.agents.entry(&agent).and_then(|entry| entry.model);
            if let Ok(chosen) = catalog.choose(None, model.as_ref()).await {
                defaults.insert(agent, ModelFacts::of_chosen(&chosen));
            }
        }
        ModelTable { known: catalog.list(true).await, defaults }
    }

    /// The models a person may choose from; with `all`, also those that only lack a key.
    pub(crate) async fn list(&self, all: bool) -> Vec<ModelChoice> {
        self.catalog().list(all).await
    }

    /// The model a person means.
    ///
    /// # Errors
    /// `INVALID_REQUEST` when there is none or it may not be chosen.
    pub(crate) async fn find(&self, wanted: &str) -> Result<ModelFacts, ErrorShape> {
        let catalog = self.catalog();
        let reference = catalog.check(wanted).await.map_err(|error| fault::invalid(&error))?;
        let chosen = catalog.choose(Some(&reference), None).await.map_err(|error| fault::invalid(&error))?;
        Ok(ModelFacts::of_chosen(&chosen))
    }

    /// The model for a turn: what the message asks for, else the session, else the agent.
    ///
    /// # Errors
    /// When it cannot be called; the words are for the chat.
    pub(crate) async fn choose(
        &self,
        wanted: Option<&str>,
        session: Option<&Session>,
        agent: &AgentId,
    ) -> Result<Chosen, NoModel> {
        let own = session.and_then(|session| {
            let (provider, model) = session.provider_override.as_deref().zip(session.model_override.as_deref())?;
            Some(format!("{provider}/{model}"))
        });
        let model = self.0.agents.entry(agent).and_then(|entry| entry.model);
        let chosen = self.catalog().choose(wanted.or(own.as_deref()), model.as_ref()).await;
        chosen.map_err(|error| NoModel::from(&error))
    }

    /// What `model` of `provider` hears in a sound.
    ///
    /// # Errors
    /// Why not, in a few words without any secret.
    pub(crate) async fn hear(
        &self,
        provider: &str,
        model: &str,
        sound: Sound,
        patience: Duration,
    ) -> Result<String, String> {
        self.catalog().hear(provider, model, sound, patience).await
    }

    fn catalog(&self) -> Arc<Catalog> {
        let config = self.0.agents.config();
        let mut built = self.0.built.lock().unwrap_or_else(PoisonError::into_inner);
        match built.as_ref() {
            Some((from, catalog)) if Arc::ptr_eq(from, &config) => catalog.clone(),
            _ => {
                let catalog = Arc::new(Catalog::new(&config, &self.0.env, self.0.http.clone()));
                *built = Some((config, catalog.clone()));
                catalog
            }
        }
    }
}

/// The names tools know models by.
impl ModelNames for Models {
    fn resolve(&self, wanted: &str) -> Result<ModelName, String> {
        ModelNames::resolve(&*self.catalog(), wanted)
    }

    fn default_of(&self, agent: &AgentId) -> Option<ModelName> {
        ModelNames::default_of(&*self.catalog(), agent)
    }
}

/// The level `wanted` of a model, as sessions keep it.
///
/// # Errors
/// `INVALID_REQUEST` listing the levels the model has.
pub(crate) fn thinking_level(wanted: &str, model: Option<&ModelFacts>) -> Result<String, ErrorShape> {
    let level = match wanted.trim().to_lowercase().as_str() {
        "minimal" | "on" => "low".into(),
        "highest" | "max" | "xhigh" | "x-high" | "ultra" => "high".into(),
        other => other.to_owned(),
    };
    let levels = model.map_or_else(|| ThinkingLevel::of(false), ModelFacts::thinking_levels);
    if levels.iter().any(|known| known.id == level) {
        return Ok(level);
    }
    let name = model.map_or_else(|| "no model".into(), ModelFacts::reference);
    let ids: Vec<&str> = levels.iter().map(|level| level.id.as_str()).collect();
    Err(ErrorShape::invalid(format!("invalid thinkingLevel \"{wanted}\" for {name}: it is one of {}", ids.join(", "))))
}

/// A stored level as a turn takes it; one the model does not have is left to it.
pub(crate) fn thinking(level: Option<&str>) -> Option<Thinking> {
    match level? {
        "off" => Some(Thinking::Off),
        "minimal" | "low" => Some(Thinking::Low),
        "medium" => Some(Thinking::Medium),
        "high" => Some(Thinking::High),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn a_thinking_level_must_be_one_the_model_has() {
        let model = |reasoning| ModelFacts { provider: "p".into(), model: "m".into(), context_window: None, reasoning };
        assert_eq!(thinking_level("High", Some(&model(true))).unwrap(), "high");
        assert_eq!(thinking_level("x-high", Some(&model(true))).unwrap(), "high");
        let refused = thinking_level("low", Some(&model(false))).unwrap_err();
        assert_eq!(refused.message, "invalid thinkingLevel \"low\" for p/m: it is one of off");
    }
}
