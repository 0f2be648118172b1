//! What a person may choose from, as `models.list` shows it.

use wire::methods::models::{ModelChoice, ThinkingLevel};

use super::Catalog;
use super::entry::{Entry, Model};

/// What the config says of the whole catalog.
struct Named {
    primary: Option<String>,
    fallbacks: Vec<String>,
}

impl Catalog {
    /// What a person may choose from; with `all`, also what only lacks a key.
    pub async fn list(&self, all: bool) -> Vec<ModelChoice> {
        let named = self.named().await;
        let mut out: Vec<ModelChoice> = Vec::new();
        for entry in self.known().await {
            for model in self.models_of(&entry, &named) {
                let row = self.row(&entry, &model, &named);
                let may_be_chosen = entry.has_key() && row.manual_selection_allowed;
                if all || may_be_chosen || !row.tags.is_empty() {
                    out.push(row);
                }
            }
        }
        out
    }

    async fn named(&self) -> Named {
        let chosen = self.choose(None, None).await.ok().map(|chosen| chosen.reference());
        let written = || self.defaults.as_ref().map(|choice| self.without_alias(choice.primary.trim()));
        let fallbacks = self.defaults.iter().flat_map(|choice| &choice.fallbacks);
        Named {
            primary: chosen.or_else(written),
            fallbacks: fallbacks.map(|name| self.without_alias(name.trim())).collect(),
        }
    }

    /// The models a provider lists, then those of it the config only names.
    fn models_of(&self, entry: &Entry, named: &Named) -> Vec<Model> {
        let prefix = format!("{}/", entry.id);
        let mut models = entry.models.clone();
        for reference in named.primary.iter().chain(&named.fallbacks).chain(self.settings.keys()) {
            if let Some(id) = reference.strip_prefix(&prefix)
                && models.iter().all(|model| model.id != id)
            {
                models.push(entry.model(id));
            }
        }
        models
    }

    fn row(&self, entry: &Entry, model: &Model, named: &Named) -> ModelChoice {
        let reference = format!("{}/{}", entry.id, model.id);
        let tags = [
            ("default", named.primary.as_ref() == Some(&reference)),
            ("fallback", named.fallbacks.contains(&reference)),
        ];
        let images = model.images.then(|| "image".to_owned());
        ModelChoice {
            id: model.id.clone(),
            name: model.name.clone(),
            provider: entry.id.clone(),
            alias: self.settings.get(&reference).and_then(|settings| settings.alias.clone()),
            tags: tags.into_iter().filter(|(_, on)| *on).map(|(tag, _)| tag.to_owned()).collect(),
            available: entry.has_key(),
            unavailable_reason: (!entry.has_key()).then(|| "missing-auth".to_owned()),
            context_window: model.context_window,
            reasoning: model.reasoning,
            input: std::iter::once("text".to_owned()).chain(images).collect(),
            thinking_levels: ThinkingLevel::of(model.reasoning),
            thinking_default: "off".to_owned(),
            manual_selection_allowed: self.is_allowed(&reference),
        }
    }
}
