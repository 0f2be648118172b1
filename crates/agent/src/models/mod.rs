//! Which model answers: references, aliases and the list of those allowed, providers from the config
//! from the environment and from this machine, and the offline model when there is none.
//!
//! A [`Catalog`] is a snapshot of one config. It costs nothing to build (no file, no socket, no TLS), so that a changed
//! config is served by a new one; turns that run keep the one they began with. Only [`Http`], which owns the
//! connections, is worth handing on from the old to the new.

mod builtin;
mod entry;
mod error;
mod listing;
mod local;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Env, Explain as _};
use config::{Config, ModelChoice, ModelSettings};
use url::Url;

pub use self::error::ModelError;
pub use self::local::LocalServer;

use self::entry::{CONTEXT_HOSTED, CONTEXT_LOCAL, Entry, Model};
use self::local::Locals;
use crate::providers::demo::{self, Demo};
use crate::providers::{self, Endpoint, Http, Provider};
use crate::run::usage::Price;

/// A model, bound to its provider and ready to be called.
#[derive(Clone)]
pub struct Chosen {
    /// The provider's id in the config.
    pub provider_id: String,
    /// The model's id at the provider.
    pub model_id: String,
    /// The model's name for people.
    pub name: String,
    /// What to call.
    pub provider: Arc<dyn Provider>,
    /// Tokens it can look at; a careful guess when nobody said.
    pub context_window: u64,
    /// Most tokens it can write, when known.
    pub max_tokens: Option<u64>,
    /// Whether it can reason.
    pub reasoning: bool,
    /// Whether it sees pictures.
    pub input_images: bool,
    /// What it costs, when known.
    pub cost: Option<Price>,
    /// How long it may be silent before a call is given up.
    pub idle: Duration,
    /// References to try when it fails; none when a person chose it, since that choice is strict.
    pub fallbacks: Vec<String>,
}

impl Chosen {
    /// `provider/model`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.provider_id, self.model_id)
    }
}

/// As a turn takes it.
impl From<Chosen> for crate::run::Model {
    fn from(chosen: Chosen) -> Self {
        Self {
            provider_id: chosen.provider_id,
            model_id: chosen.model_id,
            provider: chosen.provider,
            context_window: chosen.context_window,
            max_tokens: chosen.max_tokens,
            images: chosen.input_images,
            price: chosen.cost,
            idle: chosen.idle,
        }
    }
}

/// As a turn says it: what is missing, then what to do.
impl From<&ModelError> for crate::run::NoModel {
    fn from(error: &ModelError) -> Self {
        let step = error.next().into_iter().next().map(|step| match step {
            base::Step::Run(command) => format!("; run `{command}`"),
            base::Step::Do(sentence) => format!("; {sentence}"),
        });
        let kind = if matches!(error, ModelError::NoKey { .. }) { "auth" } else { "format" };
        Self { hint: format!("{error}{}", step.unwrap_or_default()), kind }
    }
}

impl std::fmt::Debug for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chosen").field("reference", &self.reference()).finish_non_exhaustive()
    }
}

/// Every model this Gateway knows.
pub struct Catalog {
    entries: Vec<Entry>,
    defaults: Option<ModelChoice>,
    settings: BTreeMap<String, ModelSettings>,
    locals: Locals,
    http: Arc<Http>,
}

impl Catalog {
    /// The catalog of `config` in `env`, looking for local servers where they usually are.
    pub fn new(config: &Config, env: &Env, http: Arc<Http>) -> Self {
        Self::with_locals(config, env, http, LocalServer::usual(env))
    }

    /// The same, looking for exactly these local servers.
    pub fn with_locals(config: &Config, env: &Env, http: Arc<Http>, locals: Vec<LocalServer>) -> Self {
        Self {
            entries: entry::all(&config.models, env),
            defaults: config.agents.defaults.model.clone(),
            settings: config.agents.defaults.models.clone(),
            locals: Locals::new(locals),
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
            let (entry, model) = self.resolve(wanted).await?;
            self.check_allowed(&entry, &model)?;
            return self.bind(&entry, model, Vec::new());
        }
        let configured = agent.into_iter().chain(&self.defaults).find(|choice| !choice.primary.trim().is_empty());
        let fallbacks = agent.into_iter().chain(&self.defaults).find(|choice| !choice.fallbacks.is_empty());
        let fallbacks = fallbacks.map(|choice| choice.fallbacks.clone()).unwrap_or_default();
        let (entry, model) = match configured {
            Some(choice) => self.resolve(choice.primary.trim()).await?,
            None => self.first().await,
        };
        self.bind(&entry, model, fallbacks)
    }

    /// Whether a person may choose `wanted` for a session; the canonical `provider/model` if so.
    ///
    /// # Errors
    /// When there is no such model or it is not allowed.
    pub async fn check(&self, wanted: &str) -> Result<String, ModelError> {
        let (entry, model) = self.resolve(wanted).await?;
        self.check_allowed(&entry, &model)?;
        Ok(format!("{}/{}", entry.id, model.id))
    }

    /// The provider and model a reference, alias or bare model id means.
    async fn resolve(&self, wanted: &str) -> Result<(Entry, Model), ModelError> {
        let name = self.without_alias(wanted.trim());
        if let Some((provider, model)) = name.split_once('/')
            && !model.is_empty()
            && let Some(entry) = self.provider(provider).await
        {
            return Ok((entry.clone(), entry.model(model)));
        }
        let known = self.known().await;
        let mut bare = known.iter().filter(|entry| entry.models.iter().any(|model| model.id == name));
        if let Some(entry) = bare.next() {
            return Ok((entry.clone(), entry.model(&name)));
        }
        let similar = |reference: &String| reference.to_lowercase().contains(&name.to_lowercase());
        let references = known
            .iter()
            .filter(|entry| entry.has_key())
            .flat_map(|entry| entry.models.iter().map(|model| format!("{}/{}", entry.id, model.id)));
        Err(ModelError::Unknown { wanted: wanted.to_owned(), similar: references.filter(similar).collect() })
    }

    fn without_alias(&self, name: &str) -> String {
        let alias =
            |settings: &ModelSettings| settings.alias.as_deref().is_some_and(|alias| alias.eq_ignore_ascii_case(name));
        let meant = self.settings.iter().find(|(_, settings)| alias(settings));
        meant.map_or_else(|| name.to_owned(), |(reference, _)| reference.clone())
    }

    /// The provider `id`. Local servers are only looked for when nothing else has that name.
    async fn provider(&self, id: &str) -> Option<Entry> {
        let id = id.trim();
        let named = |entry: &&Entry| entry.id.eq_ignore_ascii_case(id);
        let id = builtin::vendor(&id.to_lowercase()).map_or(id, |vendor| vendor.id);
        if let Some(entry) =
            self.entries.iter().find(named).or_else(|| self.entries.iter().find(|entry| entry.id == id))
        {
            return Some(entry.clone());
        }
        if id == demo::PROVIDER {
            return Some(offline());
        }
        let found = self.locals.find().await;
        found.iter().find(|found| found.server.id.eq_ignore_ascii_case(id)).map(Entry::of_local)
    }

    /// Everything there is, best first: what can be called, then local servers if nothing can, then the rest.
    async fn known(&self) -> Vec<Entry> {
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| !entry.has_key());
        if !self.entries.iter().any(can_be_default) {
            let locals: Vec<Entry> = self.locals.find().await.iter().map(Entry::of_local).collect();
            let first = if locals.is_empty() { vec![offline()] } else { locals };
            entries.splice(0..0, first);
        }
        entries
    }

    /// What answers when nobody said what should.
    async fn first(&self) -> (Entry, Model) {
        let known = self.known().await;
        let entry = known.into_iter().find(can_be_default).unwrap_or_else(offline);
        let model = entry.models.first().cloned().unwrap_or_default();
        (entry, model)
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
        let (provider, local, idle) = if entry.id == demo::PROVIDER && entry.base_url.is_empty() {
            (Demo::provider(), false, providers::IDLE_LOCAL)
        } else {
            let endpoint = endpoint(entry, &model)?;
            let (local, idle) = (endpoint.is_local(), endpoint.idle);
            let api = entry::dialect(model.api.as_deref().unwrap_or(&entry.api));
            let unknown = || ModelError::NoDialect { provider: entry.id.clone(), api: api.to_owned() };
            (providers::connect(api, endpoint, self.http.clone()).ok_or_else(unknown)?, local, idle)
        };
        Ok(Chosen {
            provider_id: entry.id.clone(),
            model_id: model.id,
            name: model.name,
            provider,
            context_window: model.context_window.unwrap_or(if local { CONTEXT_LOCAL } else { CONTEXT_HOSTED }),
            max_tokens: model.max_tokens,
            reasoning: model.reasoning,
            input_images: model.images,
            cost: model.cost,
            idle,
            fallbacks,
        })
    }
}

/// Whether a provider can answer without having been asked for.
fn can_be_default(entry: &Entry) -> bool {
    entry.has_key() && !entry.models.is_empty()
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
    endpoint.headers.clone_from(&entry.headers);
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
