//! What answers when nobody said what should.
//!
//! In this order: a provider of the config, whose server is asked for its models when the config names none; a key in
//! the environment; a server on this machine; the offline model. The config is never passed over: a provider in it that
//! cannot answer is an error with a way out, not a reason for a stranger or the offline model to step in.

use super::entry::{CONTEXT_LOCAL, Entry, Model};
use super::error::ModelError;
use super::local::Found;
use super::{Catalog, endpoint, offline};
use crate::providers::{self, FailureClass, ListedModel, ProviderError};

/// What a server lists, or why it does not.
pub(super) type Listing = Result<Vec<ListedModel>, ModelError>;

impl Catalog {
    /// The provider and its model, asking only whom it must.
    pub(super) async fn first(&self) -> Result<(Entry, Model), ModelError> {
        for entry in self.candidates() {
            self.ask(entry).await;
            if self.listed(entry).is_ok() {
                break;
            }
        }
        self.first_known(&self.find_locals().await)
    }

    /// The same from what is known already.
    pub(super) fn first_known(&self, found: &[Found]) -> Result<(Entry, Model), ModelError> {
        let mut failure = None;
        for entry in self.candidates() {
            match (self.listed(entry), &failure) {
                (_, Some(failure)) if !entry.configured => return Err(ModelError::clone(failure)),
                (Ok(entry), _) => return Ok(best(entry)),
                (Err(error), None) => failure = Some(error),
                (Err(_), Some(_)) => {}
            }
        }
        match failure {
            Some(failure) => Err(failure),
            // Without a key: calling it says so.
            None => Ok(match self.entries.iter().find(|entry| entry.configured) {
                Some(entry) => best(entry.clone()),
                None => best(found.first().map_or_else(offline, Entry::of_local)),
            }),
        }
    }

    /// Who can be called without having been asked for, best first.
    fn candidates(&self) -> impl Iterator<Item = &Entry> {
        let ranks = [(true, true), (true, false), (false, true)];
        ranks.into_iter().flat_map(|(configured, lists)| {
            let rank = (configured, lists);
            self.entries
                .iter()
                .filter(move |entry| entry.has_key() && rank == (entry.configured, !entry.models.is_empty()))
        })
    }

    /// Whether something other than a local server or the offline model is to answer.
    pub(super) fn has_default(&self) -> bool {
        self.entries.iter().any(|entry| entry.configured || entry.has_key())
    }

    /// The servers on this machine, which are only looked for when they may answer.
    pub(super) async fn find_locals(&self) -> Vec<Found> {
        if self.has_default() { Vec::new() } else { self.locals.find().await }
    }

    /// Asks every server that knows better than the config which models it has.
    pub(super) async fn ask_all(&self) {
        let callable = self.entries.iter().filter(|entry| entry.has_key());
        futures_util::future::join_all(callable.map(|entry| self.ask(entry))).await;
    }

    async fn ask(&self, entry: &Entry) {
        if entry.asks {
            // A failure is remembered like an answer; `listed` tells them apart.
            let _remembered = self.listings.get(&entry.id, self.fetch(entry)).await;
        }
    }

    async fn fetch(&self, entry: &Entry) -> Listing {
        let provider = self.connect(entry, &Model::default(), endpoint(entry, &Model::default())?)?;
        provider.list().await.map_err(|error| not_listed(entry, error))
    }

    /// A provider with the models it has at this moment, as far as anybody was asked. At an address of its own a vendor
    /// has of the models we know only those the server lists.
    pub(super) fn listed(&self, entry: &Entry) -> Result<Entry, ModelError> {
        let mut entry = entry.clone();
        if !entry.asks {
            return Ok(entry);
        }
        let listed = match self.listings.remembered(&entry.id) {
            Some(Ok(listed)) => listed,
            _ if !entry.models.is_empty() => return Ok(entry),
            Some(Err(error)) => return Err(error),
            None => return Err(not_yet(&entry)),
        };
        entry.models.retain(|model| listed.iter().any(|listed| listed.id == model.id));
        let known: Vec<String> = entry.models.iter().map(|model| model.id.clone()).collect();
        entry.models.extend(listed.into_iter().filter(|listed| !known.contains(&listed.id)).map(Model::of_listed));
        Ok(entry)
    }

    /// Adds what a server of one's own says of a model nobody described.
    pub(super) async fn described(&self, entry: &Entry, mut model: Model) -> Model {
        if model.context_window.is_some() {
            return model;
        }
        let Ok(endpoint) = endpoint(entry, &model) else { return model };
        let about = format!("{}/{}", entry.id, model.id);
        let asked = self.facts.get(&about, providers::describe(&endpoint, &self.http, &model.id)).await;
        let Some(facts) = asked else { return model };
        model.context_window = facts.window.or_else(|| facts.trained_window.map(|most| most.min(CONTEXT_LOCAL)));
        // What the config says of a model counts.
        if entry.models.iter().all(|listed| listed.id != model.id) || !entry.configured || entry.asks {
            model.images = facts.images.unwrap_or(model.images);
            model.reasoning = facts.reasoning.unwrap_or(model.reasoning);
        }
        model.switches.tools = model.switches.tools.or(facts.tools);
        model
    }
}

fn best(entry: Entry) -> (Entry, Model) {
    let model = entry.models.first().cloned().unwrap_or_default();
    (entry, model)
}

fn not_listed(entry: &Entry, error: ProviderError) -> ModelError {
    ModelError::NotListed { provider: entry.id.clone(), class: error.class, why: error.message }
}

fn not_yet(entry: &Entry) -> ModelError {
    let why = format!("`{}` was not asked yet", entry.id);
    ModelError::NotListed { provider: entry.id.clone(), class: FailureClass::Timeout, why }
}
