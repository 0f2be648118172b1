//! Anthropic Messages: `POST {base}/v1/messages` with `stream: true` answers with named events: `message_start`, then
//! each content block as `content_block_start`, `…_delta`s and `content_block_stop`, then `message_delta` with the reason
//! and the token counts, then `message_stop`; `ping`s in between, an `error` at any time. Unknown events are to be
//! passed over. [`request`] writes the question, [`answer`] reads the events.

mod answer;
mod request;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use reqwest::header::{AUTHORIZATION, HeaderName};
use serde_json::Value;
use url::Url;
use wire::message::{Block, Message};

use super::failure::Failure;
use super::http::{self, Decoder, Dialect};
use super::{Endpoint, FailureClass, Http, ListedModel, ModelEvent, ModelRequest, Provider, ProviderError, listing};

/// The dialect's name in configs and transcripts.
pub(super) const API: &str = "anthropic-messages";
const VERSION: &str = "2023-06-01";
/// How tokens of a subscription begin; they go where other vendors expect a key.
const OAUTH_PREFIX: &str = "sk-ant-oat";

/// A provider of this dialect at `endpoint`.
pub(super) fn connect(endpoint: Endpoint, http: Arc<Http>) -> Arc<dyn Provider> {
    Arc::new(Anthropic { endpoint: Arc::new(endpoint), http })
}

struct Anthropic {
    endpoint: Arc<Endpoint>,
    http: Arc<Http>,
}

impl Provider for Anthropic {
    fn api(&self) -> &'static str {
        API
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, Result<ModelEvent, ProviderError>> {
        http::call(Arc::new(Messages), self.endpoint.clone(), self.http.clone(), request)
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<ListedModel>, ProviderError>> {
        listing::ask(Messages, self.endpoint.clone(), self.http.clone())
    }
}

struct Messages;

impl Dialect for Messages {
    fn path(&self) -> &'static str {
        "messages"
    }

    fn url(&self, endpoint: &Endpoint) -> Url {
        endpoint.url("v1", self.path(), true)
    }

    fn headers(&self, endpoint: &Endpoint) -> Vec<(HeaderName, String)> {
        let mut headers = vec![(HeaderName::from_static("anthropic-version"), VERSION.to_owned())];
        if let Some(key) = &endpoint.api_key {
            let key = key.expose();
            headers.push(if key.starts_with(OAUTH_PREFIX) {
                (AUTHORIZATION, format!("Bearer {key}"))
            } else {
                (HeaderName::from_static("x-api-key"), key.to_owned())
            });
        }
        headers
    }

    fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value {
        request::body(endpoint, request)
    }

    fn decoder(&self, _endpoint: &Endpoint) -> Box<dyn Decoder> {
        Box::new(answer::Blocks::default())
    }

    /// Newer models bind their reasoning to everything before it and refuse it once that has changed, as it has after
    /// an old tool result was shortened. The conversation matters more than the reasoning.
    fn concede(&self, failure: &Failure, request: &mut ModelRequest) -> bool {
        let about_thinking = failure.words.contains("thinking") && failure.words.contains("block");
        if failure.class != FailureClass::Format || !about_thinking {
            return false;
        }
        let mut changed = false;
        for message in &mut request.messages {
            if let Message::Assistant(assistant) = message {
                let before = assistant.content.len();
                assistant.content.retain(|block| !matches!(block, Block::Thinking { .. }));
                changed |= assistant.content.len() != before;
            }
        }
        changed
    }
}
