//! Who deviates from the dialect, and how: by address first, then by what the config says.

use serde_json::{Value, json};

use crate::providers::tool_ids::IdForm;
use crate::providers::{Endpoint, MaxTokensField, Thinking};

/// How one server wants to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) max_tokens_field: MaxTokensField,
    pub(super) usage_in_stream: bool,
    pub(super) developer_role: bool,
    pub(super) tools: bool,
    pub(super) named_tool_results: bool,
    pub(super) assistant_after_tool_results: bool,
    /// Gemini signs its tool calls and wants the signatures back.
    pub(super) signed_tool_calls: bool,
    pub(super) ids: IdForm,
    reasoning: Reasoning,
}

/// How a server is told how hard to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reasoning {
    /// Not at all.
    Untold,
    /// `reasoning_effort`; `off` is the word for not thinking, if there is one.
    Effort { off: Option<&'static str> },
    /// `reasoning: {effort}`.
    OpenRouter,
    /// OpenAI's models from 5.4 on do not think in this dialect while they have tools; from 5.6 on they must be told so.
    NoneWithTools { must_say: bool },
}

/// Who answers, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    OpenAi,
    OpenRouter,
    Mistral,
    Google,
    Groq,
    Ollama,
    Local,
    Other,
}

impl Server {
    fn at(endpoint: &Endpoint) -> Self {
        let host = endpoint.host();
        let under = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
        let named = |name: &str| endpoint.provider.to_lowercase().replace(['-', '.', '_'], "").contains(name);
        match () {
            () if under("openai.com") || under("openai.azure.com") => Self::OpenAi,
            () if under("openrouter.ai") => Self::OpenRouter,
            () if under("mistral.ai") => Self::Mistral,
            () if under("googleapis.com") => Self::Google,
            () if under("groq.com") => Self::Groq,
            () if endpoint.base_url.port() == Some(11434) || named("ollama") => Self::Ollama,
            () if endpoint.base_url.port() == Some(1234)
                || ["lmstudio", "llamacpp", "vllm"].iter().any(|name| named(name)) =>
            {
                Self::Local
            }
            () => Self::Other,
        }
    }
}

impl Manner {
    /// How to ask for `model` at `endpoint`.
    pub(super) fn of(endpoint: &Endpoint, model: &str) -> Self {
        let (server, switches) = (Server::at(endpoint), &endpoint.switches);
        let old_field = matches!(server, Server::Mistral | Server::Ollama | Server::Local);
        let field = if old_field { MaxTokensField::MaxTokens } else { MaxTokensField::MaxCompletionTokens };
        let mistral = server == Server::Mistral;
        Self {
            max_tokens_field: switches.max_tokens_field.unwrap_or(field),
            usage_in_stream: switches.usage_in_stream.unwrap_or(!mistral),
            developer_role: switches.developer_role.unwrap_or(server == Server::OpenAi && endpoint.reasons),
            tools: switches.tools.unwrap_or(true),
            named_tool_results: switches.named_tool_results.unwrap_or(mistral),
            assistant_after_tool_results: switches.assistant_after_tool_results.unwrap_or(mistral),
            signed_tool_calls: server == Server::Google,
            ids: if mistral { IdForm::Nine } else { IdForm::UpTo(40) },
            reasoning: match switches.reasoning_effort {
                Some(false) => Reasoning::Untold,
                Some(true) => Reasoning::Effort { off: None },
                None => reasoning(server, endpoint, model),
            },
        }
    }

    /// The field that says how hard to think, if there is anything to say.
    pub(super) fn reasoning(&self, thinking: Option<Thinking>, with_tools: bool) -> Option<(&'static str, Value)> {
        let effort = thinking.and_then(effort);
        let off = thinking == Some(Thinking::Off);
        match self.reasoning {
            Reasoning::Untold => None,
            Reasoning::NoneWithTools { must_say } if with_tools => {
                must_say.then(|| ("reasoning_effort", "none".into()))
            }
            Reasoning::NoneWithTools { .. } if off => Some(("reasoning_effort", "none".into())),
            Reasoning::Effort { off: word } if off => word.map(|word| ("reasoning_effort", word.into())),
            Reasoning::Effort { .. } | Reasoning::NoneWithTools { .. } => Some(("reasoning_effort", effort?.into())),
            Reasoning::OpenRouter if off => Some(("reasoning", json!({"enabled": false}))),
            Reasoning::OpenRouter => Some(("reasoning", json!({"effort": effort?}))),
        }
    }
}

fn reasoning(server: Server, endpoint: &Endpoint, model: &str) -> Reasoning {
    // Asked of the model's name, not of the catalog: these models refuse the request whether or not anybody listed
    // them as reasoning.
    if server == Server::OpenAi
        && let Some(version) = gpt_version(model)
        && version >= (5, 4)
    {
        return Reasoning::NoneWithTools { must_say: version >= (5, 6) };
    }
    if !endpoint.reasons {
        return Reasoning::Untold;
    }
    match server {
        Server::OpenAi => Reasoning::Effort {
            off: match gpt_version(model) {
                Some((5, 0)) => Some("minimal"),
                Some(_) => Some("none"),
                None => None,
            },
        },
        Server::OpenRouter => Reasoning::OpenRouter,
        Server::Ollama => Reasoning::Effort { off: Some("none") },
        Server::Google => Reasoning::Effort { off: Some("low") },
        Server::Groq if !model.contains("gpt-oss") => Reasoning::Untold,
        Server::Groq | Server::Local | Server::Other => Reasoning::Effort { off: None },
        Server::Mistral => Reasoning::Untold,
    }
}

const fn effort(thinking: Thinking) -> Option<&'static str> {
    match thinking {
        Thinking::Off => None,
        Thinking::Low => Some("low"),
        Thinking::Medium => Some("medium"),
        Thinking::High => Some("high"),
    }
}

/// `gpt-5.6-sol` is (5, 6), `gpt-5-mini` is (5, 0), `gpt-4o` is none of these.
fn gpt_version(model: &str) -> Option<(u32, u32)> {
    let version = model.strip_prefix("gpt-")?.split('-').next()?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let version = (major.parse().ok()?, minor.parse().ok()?);
    (version >= (5, 0)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manner(provider: &str, base: &str, model: &str) -> Manner {
        let mut endpoint = Endpoint::new(provider, base.parse().unwrap());
        endpoint.reasons = true;
        Manner::of(&endpoint, model)
    }

    ///
    #[test]
    fn servers_are_asked_the_way_they_understand() {
        let openai = manner("openai", "https://api.openai.com/v1", "gpt-5.6");
        assert_eq!((openai.max_tokens_field, openai.developer_role), (MaxTokensField::MaxCompletionTokens, true));
        for (provider, base) in [
            ("ollama", "http://127.0.0.1:11434"),
            ("box", "http://10.0.0.2:1234/v1"),
            ("llama.cpp", "http://10.0.0.2:8080"),
            ("vllm", "http://10.0.0.2:8000/v1"),
        ] {
            let local = manner(provider, base, "qwen3");
            assert_eq!(
                (local.max_tokens_field, local.developer_role),
                (MaxTokensField::MaxTokens, false),
                "{provider}"
            );
            assert!(local.usage_in_stream && local.tools, "{provider}");
        }
        let mistral = manner("mistral", "https://api.mistral.ai/v1", "mistral-medium-latest");
        assert!(!mistral.usage_in_stream && mistral.named_tool_results && mistral.assistant_after_tool_results);
        assert_eq!(mistral.ids, IdForm::Nine);
        let other = manner("fake", "http://127.0.0.1:4000/v1", "fake-1");
        assert_eq!((other.max_tokens_field, other.usage_in_stream), (MaxTokensField::MaxCompletionTokens, true));
    }

    ///
    #[test]
    fn each_server_is_told_how_hard_to_think_in_its_own_words() {
        let say = |provider: &str, base: &str, model: &str, thinking, tools| {
            manner(provider, base, model).reasoning(thinking, tools).map(|(field, value)| format!("{field}={value}"))
        };
        let openai = |model: &str, thinking, tools| say("openai", "https://api.openai.com/v1", model, thinking, tools);
        assert_eq!(openai("gpt-5.6-sol", Some(Thinking::High), true).as_deref(), Some("reasoning_effort=\"none\""));
        assert_eq!(openai("gpt-5.6", None, true).as_deref(), Some("reasoning_effort=\"none\""));
        assert_eq!(openai("gpt-5.6", Some(Thinking::High), false).as_deref(), Some("reasoning_effort=\"high\""));
        assert_eq!(openai("gpt-5.4", Some(Thinking::Low), true), None);
        assert_eq!(openai("gpt-5-mini", Some(Thinking::Off), true).as_deref(), Some("reasoning_effort=\"minimal\""));
        assert_eq!(openai("o3", Some(Thinking::Medium), true).as_deref(), Some("reasoning_effort=\"medium\""));
        assert_eq!(openai("o3", None, true), None);
        let router = "https://openrouter.ai/api/v1";
        assert_eq!(
            say("openrouter", router, "x/y", Some(Thinking::Low), true).as_deref(),
            Some("reasoning={\"effort\":\"low\"}")
        );
        assert_eq!(
            say("openrouter", router, "x/y", Some(Thinking::Off), true).as_deref(),
            Some("reasoning={\"enabled\":false}")
        );
        assert_eq!(
            say("ollama", "http://127.0.0.1:11434", "qwen3", Some(Thinking::Off), true).as_deref(),
            Some("reasoning_effort=\"none\"")
        );
        let plain = Endpoint::new("ollama", "http://127.0.0.1:11434".parse().unwrap());
        assert_eq!(Manner::of(&plain, "llama3").reasoning(Some(Thinking::High), true), None, "the model cannot reason");
    }
}
