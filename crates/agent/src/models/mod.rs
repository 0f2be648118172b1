//! Which model answers: references, aliases and the list of those allowed, providers from the config
//! from the environment and from this machine, and the offline model when there is none.
//!
//! A [`Catalog`] is a snapshot of one config. It costs nothing to build (no file, no socket, no TLS), so that a changed
//! config is served by a new one; turns that run keep the one they began with. Only [`Http`], which owns the
//! connections, is worth handing on from the old to the new.

mod asked;
mod builtin;
mod chosen;
mod entry;
mod error;
mod first;
mod hear;
mod listing;
mod local;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Env;
use config::{Config, ModelChoice, ModelSettings};
use url::Url;
use wire::AgentId;

pub use self::chosen::Chosen;
pub use self::error::ModelError;
pub use self::local::LocalServer;

use self::asked::Answers;
use self::entry::{CONTEXT_HOSTED, CONTEXT_LOCAL, Entry, Model};
use self::first::Listing;
use self::local::{Found, Locals};
use crate::providers::demo::{self, Demo};
use crate::providers::{self, Endpoint, Facts, Http, Params, Provider};
use crate::tools::{ModelName, ModelNames};

/// How long a server's listing is believed.
const LISTING_FOR: Duration = Duration::from_secs(10 * 60);
/// How long what a local server said of a model is believed; it may be loaded anew with another window.
const FACTS_FOR: Duration = Duration::from_secs(60);
/// How long a server that did not answer is left alone; short, since a person is mending it meanwhile.
const SILENCE_FOR: Duration = Duration::from_secs(10);

/// Every model this Gateway knows.
pub struct Catalog {
    entries: Vec<Entry>,
    defaults: Option<ModelChoice>,
    agents: Vec<(AgentId, ModelChoice)>,
    settings: BTreeMap<String, ModelSettings>,
    locals: Locals,
    listings: Answers<Listing>,
    facts: Answers<Option<Facts>>,
    http: Arc<Http>,
}

impl Catalog {
    /// The catalog of `config` in `env`, looking for local servers where they usually are.
    pub fn new(config: &Config, env: &Env, http: Arc<Http>) -> Self {
        Self::with_locals(config, env, http, LocalServer::usual(env))
    }

    /// The same, looking for exactly these local servers.
    pub fn with_locals(config: &Config, env: &Env, http: Arc<Http>, locals: Vec<LocalServer>) -> Self {
        let agents = config.agents.entries.iter();
        for (reference, settings) in &config.agents.defaults.models {
            let unknown = Params::of(&settings.params).unknown;
            if !unknown.is_empty() {
                tracing::warn!(model = %reference, params = ?unknown, "parameters nobody here knows are not sent");
            }
        }
        Self {
            entries: entry::all(&config.models, env),
            defaults: config.agents.defaults.model.clone(),
            agents: agents.filter_map(|entry| Some((AgentId::fold(&entry.id), entry.model.clone()?))).collect(),
            settings: config.agents.defaults.models.clone(),
            locals: Locals::new(locals),
            listings: Answers::new(LISTING_FOR, SILENCE_FOR),
            facts: Answers::new(FACTS_FOR, SILENCE_FOR),
            http,
        }
    }

    /// The model for a turn: the session's own, else the agent's, else the default, else the first that can be called,
    /// else the offline one.
    ///
    /// # Errors
    /// When the model that is asked for cannot be called. The offline model never stands in for one.
    pub async fn choose(&self, session: Option<&str>, agent: Option<&ModelChoice>) -> Result<Chosen, ModelError> {
        if let Some(wanted) = filled(session) {
            let (entry, model) = self.look_up(wanted).await?;
            self.check_allowed(&entry, &model)?;
            let model = self.described(&entry, model).await;
            return self.bind(&entry, model, Vec::new());
        }
        let configured = agent.into_iter().chain(&self.defaults).find(|choice| !choice.primary.trim().is_empty());
        let fallbacks = agent.into_iter().chain(&self.defaults).find(|choice| !choice.fallbacks.is_empty());
        let fallbacks = fallbacks.map(|choice| choice.fallbacks.clone()).unwrap_or_default();
        let (entry, model) = match configured {
            Some(choice) => self.look_up(choice.primary.trim()).await?,
            None => self.first().await?,
        };
        let model = self.described(&entry, model).await;
        self.bind(&entry, model, fallbacks)
    }

    /// Whether a person may choose `wanted` for a session; the canonical `provider/model` if so.
    ///
    /// # Errors
    /// When there is no such model or it is not allowed.
    pub async fn check(&self, wanted: &str) -> Result<String, ModelError> {
        let (entry, model) = self.look_up(wanted).await?;
        self.check_allowed(&entry, &model)?;
        Ok(format!("{}/{}", entry.id, model.id))
    }

    /// The provider and model a reference, alias or bare model id means. Servers are only asked when nothing else has
    /// that name.
    async fn look_up(&self, wanted: &str) -> Result<(Entry, Model), ModelError> {
        match self.resolve_among(wanted, &self.locals.remembered()) {
            Err(ModelError::Unknown { .. }) => {
                self.ask_all().await;
                self.resolve_among(wanted, &self.locals.find().await)
            }
            other => other,
        }
    }

    fn resolve_among(&self, wanted: &str, found: &[Found]) -> Result<(Entry, Model), ModelError> {
        let name = self.without_alias(wanted.trim());
        if let Some((provider, model)) = name.split_once('/')
            && !model.is_empty()
            && let Some(entry) = self.provider(provider, found)
        {
            let model = entry.model(model);
            return Ok((entry, model));
        }
        let known = self.entries_with(found);
        if let Some(entry) = known.iter().find(|entry| entry.models.iter().any(|model| model.id == name)) {
            return Ok((entry.clone(), entry.model(&name)));
        }
        let callable = known.iter().filter(|entry| entry.has_key());
        let references =
            callable.flat_map(|entry| entry.models.iter().map(|model| format!("{}/{}", entry.id, model.id)));
        let similar = |reference: &String| reference.to_lowercase().contains(&name.to_lowercase());
        Err(ModelError::Unknown { wanted: wanted.to_owned(), similar: references.filter(similar).collect() })
    }

    fn without_alias(&self, name: &str) -> String {
        let alias =
            |settings: &ModelSettings| settings.alias.as_deref().is_some_and(|alias| alias.eq_ignore_ascii_case(name));
        let meant = self.settings.iter().find(|(_, settings)| alias(settings));
        meant.map_or_else(|| name.to_owned(), |(reference, _)| reference.clone())
    }

    /// The provider `id`, under any of its names.
    fn provider(&self, id: &str, found: &[Found]) -> Option<Entry> {
        let id = id.trim().to_lowercase();
        let canonical = builtin::vendor(&id).map_or(id.as_str(), |vendor| vendor.id);
        let now = |entry: &Entry| self.listed(entry).unwrap_or_else(|_| entry.clone());
        let named = |name: &str| self.entries.iter().find(|entry| entry.id.eq_ignore_ascii_case(name)).map(now);
        let local = || found.iter().find(|found| found.server.id == id).map(Entry::of_local);
        named(&id).or_else(|| named(canonical)).or_else(|| (id == demo::PROVIDER).then(offline)).or_else(local)
    }

    /// Everything there is, best first: what can be called, or else local servers or the offline model, then the rest.
    fn entries_with(&self, found: &[Found]) -> Vec<Entry> {
        let now = |entry: &Entry| self.listed(entry).unwrap_or_else(|_| entry.clone());
        let mut entries: Vec<Entry> = self.entries.iter().map(now).collect();
        entries.sort_by_key(|entry| !entry.has_key());
        if !self.has_default() {
            let locals: Vec<Entry> = found.iter().map(Entry::of_local).collect();
            let first = if locals.is_empty() { vec![offline()] } else { locals };
            entries.splice(0..0, first);
        }
        entries
    }

    async fn known(&self) -> Vec<Entry> {
        self.ask_all().await;
        self.entries_with(&self.find_locals().await)
    }

    fn is_allowed(&self, reference: &str) -> bool {
        let named =
            || self.defaults.iter().flat_map(|choice| std::iter::once(&choice.primary).chain(&choice.fallbacks));
        self.settings.is_empty()
            || self.settings.contains_key(reference)
            || named().any(|name| self.without_alias(name.trim()) == reference)
    }

    fn check_allowed(&self, entry: &Entry, model: &Model) -> Result<(), ModelError> {
        let reference = format!("{}/{}", entry.id, model.id);
        if self.is_allowed(&reference) { Ok(()) } else { Err(ModelError::NotAllowed { wanted: reference }) }
    }

    fn bind(&self, entry: &Entry, model: Model, fallbacks: Vec<String>) -> Result<Chosen, ModelError> {
        let params = self.params(entry, &model);
        let max_tokens = params.max_tokens.or(model.max_tokens);
        let (provider, local, idle) = if entry.is_offline() {
            (Demo::provider(), false, providers::IDLE_LOCAL)
        } else {
            let endpoint = endpoint(entry, &model)?;
            let (local, idle) = (endpoint.is_local(), endpoint.idle);
            (self.connect(entry, &model, Endpoint { params, max_tokens, ..endpoint })?, local, idle)
        };
        Ok(Chosen {
            provider_id: entry.id.clone(),
            model_id: model.id,
            name: model.name,
            provider,
            context_window: model.context_window.unwrap_or(if local { CONTEXT_LOCAL } else { CONTEXT_HOSTED }),
            max_tokens,
            reasoning: model.reasoning,
            input_images: model.images,
            cost: model.cost,
            idle,
            fallbacks,
        })
    }

    /// What a person adds to every call of a model.
    fn params(&self, entry: &Entry, model: &Model) -> Params {
        let settings = self.settings.get(&format!("{}/{}", entry.id, model.id));
        settings.map(|settings| Params::of(&settings.params)).unwrap_or_default()
    }

    /// A provider over HTTP.
    fn connect(&self, entry: &Entry, model: &Model, endpoint: Endpoint) -> Result<Arc<dyn Provider>, ModelError> {
        let api = entry::dialect(model.api.as_deref().unwrap_or(&entry.api));
        let unknown = || ModelError::NoDialect { provider: entry.id.clone(), api: api.to_owned() };
        providers::connect(api, endpoint, self.http.clone()).ok_or_else(unknown)
    }
}

/// The names tools know models by. Never looks for a local server: what was found before is all there is.
impl ModelNames for Catalog {
    fn resolve(&self, wanted: &str) -> Result<ModelName, String> {
        let found = self.resolve_among(wanted, &self.locals.remembered());
        let allowed = found.and_then(|(entry, model)| self.check_allowed(&entry, &model).map(|()| (entry, model)));
        allowed.map(name_of).map_err(|error| error.to_string())
    }

    fn default_of(&self, agent: &AgentId) -> Option<ModelName> {
        let found = self.locals.remembered();
        let own = self.agents.iter().find(|(id, _)| id == agent).map(|(_, choice)| choice);
        let choice = own.into_iter().chain(&self.defaults).find(|choice| !choice.primary.trim().is_empty());
        match choice {
            Some(choice) => self.resolve_among(&choice.primary, &found).ok().map(name_of),
            None => self.first_known(&found).ok().map(name_of),
        }
    }
}

fn name_of((entry, model): (Entry, Model)) -> ModelName {
    ModelName { provider: entry.id, model: model.id }
}

/// The offline model as an entry.
fn offline() -> Entry {
    let model = Model { id: demo::MODEL.into(), name: "Offline (built in)".into(), ..Model::default() };
    Entry {
        id: demo::PROVIDER.into(),
        api: demo::PROVIDER.into(),
        base_url: String::new(),
        key: None,
        key_variable: None,
        headers: Vec::new(),
        timeout: None,
        models: vec![model],
        vendor: false,
        configured: false,
        asks: false,
    }
}

fn endpoint(entry: &Entry, model: &Model) -> Result<Endpoint, ModelError> {
    let url: Option<Url> = entry.base_url.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| ModelError::NoAddress { provider: entry.id.clone() })?;
    if let (false, Some(variable)) = (entry.has_key(), entry.key_variable) {
        let wanted = format!("{}/{}", entry.id, model.id);
        return Err(ModelError::NoKey { wanted, provider: entry.id.clone(), variable });
    }
    let mut endpoint = Endpoint::new(&*entry.id, url);
    endpoint.api_key.clone_from(&entry.key);
    // Those of the model come last and win.
    endpoint.headers = entry.headers.iter().chain(&model.headers).cloned().collect();
    endpoint.idle = entry.timeout.unwrap_or(endpoint.idle);
    endpoint.sees_images = model.images;
    endpoint.reasons = model.reasoning;
    endpoint.max_tokens = model.max_tokens;
    endpoint.switches = model.switches.clone();
    Ok(endpoint)
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}
