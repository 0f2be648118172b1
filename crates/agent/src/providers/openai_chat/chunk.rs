//! A chunk as it crosses the wire, with room for what servers leave out, put elsewhere or spell as `null`.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Chunk {
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) choices: Vec<Choice>,
    pub(super) usage: Option<RawUsage>,
    pub(super) x_groq: Option<Groq>,
    pub(super) error: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    // A server that did not stream gives the whole message where the delta would be.
    #[serde(default, alias = "message")]
    pub(super) delta: Option<Delta>,
    pub(super) finish_reason: Option<String>,
    pub(super) usage: Option<RawUsage>,
    pub(super) error: Option<Value>,
}

#[derive(Deserialize, Default)]
pub(super) struct Delta {
    pub(super) content: Option<Content>,
    pub(super) reasoning_content: Option<String>,
    pub(super) reasoning: Option<String>,
    pub(super) refusal: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) tool_calls: Vec<CallDelta>,
}

/// Text, or parts of it (Mistral's reasoning models).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Value>),
}

#[derive(Deserialize)]
pub(super) struct CallDelta {
    pub(super) index: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionDelta>,
    pub(super) extra_content: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct FunctionDelta {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Groq {
    pub(super) usage: Option<RawUsage>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawUsage {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) total_tokens: Option<u64>,
    pub(super) prompt_tokens_details: Option<PromptDetails>,
    pub(super) prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Option<u64>,
    pub(super) cache_write_tokens: Option<u64>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
