//! The vendors that need nothing but a key in the environment, as data.
//!
//! A few models each, the first one being the default: a catalog that wants to be complete is out of date. Any other id
//! of these vendors works too when it is asked for by name. Prices are per million tokens and only where all four are
//! known.

use crate::run::usage::Price;

/// A vendor.
#[derive(Debug)]
pub(super) struct Vendor {
    /// The provider's id.
    pub(super) id: &'static str,
    /// Other spellings of it.
    pub(super) aliases: &'static [&'static str],
    /// Its dialect.
    pub(super) api: &'static str,
    /// Where its API begins.
    pub(super) base_url: &'static str,
    /// The variables that may hold a key, best first.
    pub(super) key_env: &'static [&'static str],
    /// The variable that moves `base_url`.
    pub(super) base_url_env: &'static str,
    /// Its models, the default first.
    pub(super) models: &'static [Model],
}

/// A model.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) context_window: u64,
    pub(super) max_tokens: u64,
    pub(super) reasoning: bool,
    pub(super) images: bool,
    pub(super) cost: Option<Price>,
}

const fn model(id: &'static str, name: &'static str, context_window: u64, max_tokens: u64) -> Model {
    Model { id, name, context_window, max_tokens, reasoning: true, images: true, cost: None }
}

/// In the order in which a default is looked for.
pub(super) const VENDORS: &[Vendor] = &[
    Vendor {
        id: "anthropic",
        aliases: &["claude"],
        api: "anthropic-messages",
        base_url: "https://api.anthropic.com",
        key_env: &["ANTHROPIC_API_KEY", "ANTHROPIC_OAUTH_TOKEN"],
        base_url_env: "ANTHROPIC_BASE_URL",
        models: &[
            model("claude-sonnet-5-5", "Claude Sonnet 5.5", 1_000_000, 128_000),
            Model {
                cost: Some(Price { input: 4.0, output: 20.0, cache_read: 0.2, cache_write: 5.0 }),
                ..model("claude-opus-5-5", "Claude Opus 5.5", 1_000_000, 128_000)
            },
            model("claude-haiku-5-5", "Claude Haiku 5.5", 1_000_000, 128_000),
        ],
    },
    Vendor {
        id: "openai",
        aliases: &[],
        api: "openai-completions",
        base_url: "https://api.openai.com/v1",
        key_env: &["OPENAI_API_KEY"],
        base_url_env: "OPENAI_BASE_URL",
        models: &[
            model("gpt-5.6", "GPT-5.6", 1_050_000, 128_000),
            model("gpt-5.6-terra", "GPT-5.6 Terra", 1_050_000, 128_000),
            model("gpt-5.6-luna", "GPT-5.6 Luna", 400_000, 128_000),
        ],
    },
    Vendor {
        id: "google",
        aliases: &["gemini"],
        api: "openai-completions",
        base_url: "https://generativelanguage.googleapis.com/v1beta/openai/",
        key_env: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        base_url_env: "GEMINI_BASE_URL",
        models: &[
            model("gemini-3.8-flash", "Gemini 3.8 Flash", 1_048_576, 65_536),
            model("gemini-3.5-flash", "Gemini 3.5 Flash", 1_048_576, 65_536),
        ],
    },
    Vendor {
        id: "openrouter",
        aliases: &["open-router"],
        api: "openai-completions",
        base_url: "https://openrouter.ai/api/v1",
        key_env: &["OPENROUTER_API_KEY"],
        base_url_env: "OPENROUTER_BASE_URL",
        models: &[
            model("anthropic/claude-sonnet-5.5", "Claude Sonnet 5.5", 1_000_000, 128_000),
            model("anthropic/claude-opus-5.5", "Claude Opus 5.5", 1_000_000, 128_000),
        ],
    },
    Vendor {
        id: "groq",
        aliases: &[],
        api: "openai-completions",
        base_url: "https://api.groq.com/openai/v1",
        key_env: &["GROQ_API_KEY"],
        base_url_env: "GROQ_BASE_URL",
        models: &[
            Model { images: false, ..model("openai/gpt-oss-120b", "GPT-OSS 120B", 131_072, 65_536) },
            Model {
                images: false,
                reasoning: false,
                ..model("llama-3.3-70b-versatile", "Llama 3.3 70B", 131_072, 32_768)
            },
        ],
    },
    Vendor {
        id: "xai",
        aliases: &["grok", "x-ai"],
        api: "openai-completions",
        base_url: "https://api.x.ai/v1",
        key_env: &["XAI_API_KEY"],
        base_url_env: "XAI_BASE_URL",
        models: &[model("grok-4.5", "Grok 4.5", 500_000, 64_000), model("grok-4.3", "Grok 4.3", 1_000_000, 64_000)],
    },
    Vendor {
        id: "mistral",
        aliases: &["mistralai"],
        api: "openai-completions",
        base_url: "https://api.mistral.ai/v1",
        key_env: &["MISTRAL_API_KEY"],
        base_url_env: "MISTRAL_BASE_URL",
        models: &[Model { reasoning: false, ..model("mistral-medium-latest", "Mistral Medium", 262_144, 64_000) }],
    },
];

/// The vendor of that id or alias.
pub(super) fn vendor(id: &str) -> Option<&'static Vendor> {
    VENDORS.iter().find(|vendor| vendor.id == id || vendor.aliases.contains(&id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::TABLE;

    ///
    #[test]
    fn every_vendor_is_one_of_its_kind_and_speaks_a_dialect_we_have() {
        let mut names: Vec<&str> =
            VENDORS.iter().flat_map(|vendor| vendor.aliases.iter().copied().chain([vendor.id])).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for vendor in VENDORS {
            assert!(TABLE.iter().any(|(api, _)| *api == vendor.api), "{}", vendor.id);
            assert!(vendor.base_url.parse::<url::Url>().is_ok() && !vendor.models.is_empty(), "{}", vendor.id);
        }
        for key in [
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "GEMINI_API_KEY",
            "OPENROUTER_API_KEY",
            "GROQ_API_KEY",
            "XAI_API_KEY",
            "MISTRAL_API_KEY",
        ] {
            assert!(VENDORS.iter().any(|vendor| vendor.key_env.contains(&key)), "{key}");
        }
    }
}
