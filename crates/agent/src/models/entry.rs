//! Providers as the catalog knows them, from three sources: the config, the environment, and this machine.

use std::time::Duration;

use base::{Env, Secret};
use config::{Compat, ModelEntry, ModelsMode, ProviderConfig};

use super::builtin::{self, VENDORS, Vendor};
use super::local::Found;
use crate::providers::{ListedModel, MaxTokensField, Switches, demo};
use crate::run::usage::Price;

/// The window of a model nobody described: what today's hosted models have at least, and what a local server can be
/// expected to hold in memory.
pub(super) const CONTEXT_HOSTED: u64 = 128_000;
pub(super) const CONTEXT_LOCAL: u64 = 32_768;

/// A provider.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) api: String,
    pub(super) base_url: String,
    pub(super) key: Option<Secret>,
    /// The variable to set when a key is missing and needed.
    pub(super) key_variable: Option<&'static str>,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) timeout: Option<Duration>,
    pub(super) models: Vec<Model>,
    /// Whether it is built in, and so its models can be more than are listed and all of them see.
    pub(super) vendor: bool,
    /// Whether the config has it.
    pub(super) configured: bool,
    /// Whether its server knows better than `models` which models there are.
    pub(super) asks: bool,
}

/// A model of a provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) api: Option<String>,
    pub(super) context_window: Option<u64>,
    pub(super) max_tokens: Option<u64>,
    pub(super) reasoning: bool,
    pub(super) images: bool,
    pub(super) cost: Option<Price>,
    pub(super) switches: Switches,
    pub(super) headers: Vec<(String, Secret)>,
}

impl Entry {
    /// Whether a call could be tried.
    pub(super) fn has_key(&self) -> bool {
        self.key.is_some() || self.key_variable.is_none() || !self.headers.is_empty()
    }

    /// Whether it is the offline model, and no server of that name.
    pub(super) fn is_offline(&self) -> bool {
        self.id == demo::PROVIDER && self.base_url.is_empty()
    }

    /// The model `id`, described if it is listed.
    pub(super) fn model(&self, id: &str) -> Model {
        let listed = self.models.iter().find(|model| model.id == id);
        listed.cloned().unwrap_or_else(|| Model {
            id: id.into(),
            name: id.into(),
            images: self.vendor,
            ..Model::default()
        })
    }

    fn of_vendor(vendor: &'static Vendor, env: &Env) -> Self {
        let moved = env.raw(vendor.base_url_env);
        Self {
            id: vendor.id.into(),
            api: vendor.api.into(),
            asks: moved.is_some(),
            base_url: moved.unwrap_or_else(|| vendor.base_url.into()),
            key: vendor.key_env.iter().find_map(|name| env.raw(name)).map(Secret::new),
            key_variable: vendor.key_env.first().copied(),
            headers: Vec::new(),
            timeout: None,
            models: vendor.models.iter().map(Model::of_vendor).collect(),
            vendor: true,
            configured: false,
        }
    }

    fn of_config(id: &str, config: &ProviderConfig, env: &Env, merge: bool) -> Self {
        let vendor = builtin::vendor(id);
        let base = vendor.map(|vendor| Self::of_vendor(vendor, env));
        let own_address = !config.base_url.trim().is_empty();
        let named: Vec<Model> = config.models.iter().map(Model::of_config).collect();
        let unnamed = base.iter().filter(|_| merge).flat_map(|base| base.models.clone());
        let unnamed: Vec<Model> = unnamed.filter(|model| named.iter().all(|named| named.id != model.id)).collect();
        let models: Vec<Model> = named.into_iter().chain(unnamed).collect();
        let moved = own_address || base.as_ref().is_some_and(|base| base.asks);
        let key = config.api_key.clone().filter(|key| !key.expose().trim().is_empty());
        Self {
            id: id.into(),
            api: config.api.clone().or(base.as_ref().map(|base| base.api.clone())).unwrap_or_else(|| OPENAI.into()),
            base_url: if own_address {
                config.base_url.trim().into()
            } else {
                base.as_ref().map(|base| base.base_url.clone()).unwrap_or_default()
            },
            key: key.or_else(|| base.as_ref().and_then(|base| base.key.clone())),
            // Somebody else's address may well need no key.
            key_variable: base.filter(|_| !own_address).and_then(|base| base.key_variable),
            headers: config.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            timeout: config.timeout.filter(|timeout| !timeout.is_zero()),
            asks: config.models.is_empty() && (moved || models.is_empty()),
            models,
            vendor: vendor.is_some(),
            configured: true,
        }
    }

    /// A server found on this machine.
    pub(super) fn of_local(found: &Found) -> Self {
        Self {
            id: found.server.id.clone(),
            api: OPENAI.into(),
            base_url: found.server.base_url.to_string(),
            key: None,
            key_variable: None,
            headers: Vec::new(),
            timeout: None,
            models: found.models.iter().cloned().map(Model::of_listed).collect(),
            vendor: false,
            configured: false,
            asks: false,
        }
    }
}

const OPENAI: &str = "openai-completions";

/// The name in `providers::TABLE` of what a config calls `api`. Some of the original's dialects are spoken by the same
/// servers at the same address as one we have.
pub(super) fn dialect(api: &str) -> &str {
    match api {
        "openai-responses" | "ollama" | "openai" => OPENAI,
        "anthropic" => "anthropic-messages",
        other => other,
    }
}

/// Every provider of the config, then the built-in ones it does not mention.
pub(super) fn all(models: &config::Models, env: &Env) -> Vec<Entry> {
    let merge = models.mode == ModelsMode::Merge;
    let mut entries: Vec<Entry> =
        models.providers.iter().map(|(id, provider)| Entry::of_config(id, provider, env, merge)).collect();
    if merge {
        let unmentioned = VENDORS.iter().filter(|vendor| !models.providers.contains_key(vendor.id));
        entries.extend(unmentioned.map(|vendor| Entry::of_vendor(vendor, env)));
    }
    entries
}

impl Model {
    /// A model of which nothing is known but what its server lists.
    pub(super) fn of_listed(listed: ListedModel) -> Self {
        Self { name: listed.id.clone(), id: listed.id, context_window: listed.context_window, ..Self::default() }
    }

    fn of_vendor(model: &builtin::Model) -> Self {
        Self {
            id: model.id.into(),
            name: model.name.into(),
            api: None,
            context_window: Some(model.context_window),
            max_tokens: Some(model.max_tokens),
            reasoning: model.reasoning,
            images: model.images,
            cost: model.cost,
            switches: Switches::default(),
            headers: Vec::new(),
        }
    }

    fn of_config(entry: &ModelEntry) -> Self {
        let cost = |cost: config::Cost| Price {
            input: cost.input,
            output: cost.output,
            cache_read: cost.cache_read,
            cache_write: cost.cache_write,
        };
        Self {
            id: entry.id.clone(),
            name: if entry.name.is_empty() { entry.id.clone() } else { entry.name.clone() },
            api: entry.api.clone(),
            context_window: entry.context_window.filter(|tokens| *tokens > 0),
            max_tokens: entry.max_tokens.filter(|tokens| *tokens > 0),
            reasoning: entry.reasoning,
            images: entry.input.iter().any(|kind| kind == "image"),
            cost: entry.cost.map(cost),
            switches: switches(&entry.compat),
            headers: entry.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        }
    }
}

fn switches(compat: &Compat) -> Switches {
    Switches {
        max_tokens_field: match compat.max_tokens_field.as_deref() {
            Some("max_tokens") => Some(MaxTokensField::MaxTokens),
            Some("max_completion_tokens") => Some(MaxTokensField::MaxCompletionTokens),
            _ => None,
        },
        usage_in_stream: compat.supports_usage_in_streaming,
        developer_role: compat.supports_developer_role,
        tools: compat.supports_tools,
        reasoning_effort: compat.supports_reasoning_effort,
        named_tool_results: compat.requires_tool_result_name,
        assistant_after_tool_results: compat.requires_assistant_after_tool_result,
    }
}
