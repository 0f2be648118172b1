//! OpenAI chat completions, the dialect most of the world speaks: OpenAI, OpenRouter, Groq, xAI, Mistral, Gemini's
//! compatible endpoint, and the servers people run themselves (Ollama, LM Studio, llama.cpp, vLLM).
//!
//! `POST {base}/chat/completions` with `stream: true` answers with `data:` events, each a chunk whose
//! `choices[0].delta` adds to the answer; `finish_reason` ends it, a chunk without choices may bring the token counts,
//! and `data: [DONE]` closes. [`request`] writes the question, [`answer`] reads the chunks, [`manner`] knows who deviates.

mod answer;
mod chunk;
mod manner;
mod request;
mod think_tags;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use reqwest::header::{AUTHORIZATION, HeaderName};
use serde_json::Value;
use url::Url;

use self::manner::Manner;
use super::failure::Failure;
use super::http::{self, Decoder, Dialect};
use super::{Endpoint, FailureClass, Http, ListedModel, ModelEvent, ModelRequest, Provider, ProviderError, listing};

/// The dialect's name in configs and transcripts.
pub(super) const API: &str = "openai-completions";

/// A provider of this dialect at `endpoint`.
pub(super) fn connect(endpoint: Endpoint, http: Arc<Http>) -> Arc<dyn Provider> {
    Arc::new(OpenAiChat { endpoint: Arc::new(endpoint), http })
}

struct OpenAiChat {
    endpoint: Arc<Endpoint>,
    http: Arc<Http>,
}

impl Provider for OpenAiChat {
    fn api(&self) -> &'static str {
        API
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, Result<ModelEvent, ProviderError>> {
        http::call(Arc::new(ChatCompletions), self.endpoint.clone(), self.http.clone(), request)
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<ListedModel>, ProviderError>> {
        listing::ask(ChatCompletions, self.endpoint.clone(), self.http.clone())
    }
}

struct ChatCompletions;

impl Dialect for ChatCompletions {
    fn path(&self) -> &'static str {
        "chat/completions"
    }

    fn url(&self, endpoint: &Endpoint) -> Url {
        endpoint.url("v1", self.path(), false)
    }

    fn headers(&self, endpoint: &Endpoint) -> Vec<(HeaderName, String)> {
        let bearer = |key: &base::Secret| (AUTHORIZATION, format!("Bearer {}", key.expose()));
        endpoint.api_key.iter().map(bearer).collect()
    }

    fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        request::body(&Manner::of(endpoint, &request.model), endpoint, request)
    }

    fn decoder(&self, _endpoint: &Endpoint) -> Box<dyn Decoder> {
        Box::new(answer::Chunks::default())
    }

    /// Small local models often cannot call tools and their servers refuse the whole request for it; talking without
    /// tools is better than not talking.
    fn concede(&self, failure: &Failure, request: &mut ModelRequest) -> bool {
        let no_tools = failure.class == FailureClass::Format && failure.words.contains("does not support tools");
        let changed = no_tools && !request.tools.is_empty();
        if changed {
            request.tools.clear();
        }
        changed
    }
}
