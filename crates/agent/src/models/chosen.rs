//! What choosing ends in: a model to call, or the reason why there is none, both as a turn takes them.

use std::sync::Arc;
use std::time::Duration;

use base::Explain as _;

use super::ModelError;
use crate::providers::Provider;
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
        let kind = match error {
            ModelError::NoKey { .. } => "auth",
            ModelError::NotListed { class, .. } => crate::run::fsm::class_name(*class),
            _ => "format",
        };
        Self { hint: format!("{error}{}", step.unwrap_or_default()), kind }
    }
}

impl std::fmt::Debug for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chosen").field("reference", &self.reference()).finish_non_exhaustive()
    }
}
