//! Which models a server has, as it says itself: `GET {base}/models`, which every dialect we speak knows.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::failure::Failure;
use super::http::{self, Dialect};
use super::{Endpoint, FailureClass, Http, ProviderError};

/// How long a server may take to list its models; somebody waits for an answer meanwhile.
const BUDGET: Duration = Duration::from_secs(2);
/// Longest answer that is read. OpenRouter's listing, the longest there is, has half a megabyte.
const ANSWER_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Parts of names of models that do not talk.
const SILENT: &[&str] =
    &["embed", "rerank", "moderation", "whisper", "transcribe", "tts", "dall-e", "gpt-image", "stable-diffusion"];

/// A model as its server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// Its id.
    pub id: String,
    /// Its window in tokens, when the server says so.
    pub context_window: Option<u64>,
}

/// Asks the server at `endpoint`; at least one model, none of them for embeddings and the like.
pub(super) fn ask<D: Dialect>(
    dialect: D,
    endpoint: Arc<Endpoint>,
    http: Arc<Http>,
) -> BoxFuture<'static, Result<Vec<ListedModel>, ProviderError>> {
    async move {
        let question = Question { url: url(&dialect, &endpoint), headers: dialect.headers(&endpoint), body: None };
        let answer = timeout(BUDGET, question.put(&endpoint, &http)).await;
        let answer = answer.unwrap_or_else(|_| Err(Failure::of(FailureClass::Timeout)));
        answer.and_then(|listing| some(&listing)).map_err(|failure| failure.into_error(&endpoint))
    }
    .boxed()
}

/// Beside the address for calls.
fn url<D: Dialect>(dialect: &D, endpoint: &Endpoint) -> Url {
    let mut url = dialect.url(endpoint);
    let root = url.path().trim_end_matches(dialect.path()).to_owned();
    url.set_path(&format!("{root}models"));
    url
}

fn some(listing: &Value) -> Result<Vec<ListedModel>, Failure> {
    let say = |words| Failure::saying(FailureClass::Format, words);
    let models = read(listing).ok_or_else(|| say("does not list its models"))?;
    if models.is_empty() { Err(say("has no model to talk to yet")) } else { Ok(models) }
}

/// The models of a listing that talk; `None` when it is none.
pub(crate) fn read(listing: &Value) -> Option<Vec<ListedModel>> {
    let rows = [&listing["data"], &listing["models"], listing].into_iter().find_map(Value::as_array)?;
    let models = rows.iter().filter_map(ListedModel::of);
    Some(models.filter(|model| SILENT.iter().all(|part| !model.id.to_lowercase().contains(part))).collect())
}

impl ListedModel {
    /// A row; each server has a name of its own for the window.
    pub(crate) fn of(row: &Value) -> Option<Self> {
        let window = ["max_model_len", "context_length", "context_window", "max_context_length"];
        Some(Self {
            id: row["id"].as_str().filter(|id| !id.is_empty())?.to_owned(),
            context_window: window.iter().find_map(|name| row[name].as_u64()).filter(|tokens| *tokens > 0),
        })
    }
}

/// A small question beside the conversation.
pub(super) struct Question {
    pub(super) url: Url,
    /// The credential; those of the config come on top.
    pub(super) headers: Vec<(HeaderName, String)>,
    /// Posted when there is one.
    pub(super) body: Option<Value>,
}

impl Question {
    /// The answer's JSON.
    pub(super) async fn put(self, endpoint: &Endpoint, http: &Http) -> Result<Value, Failure> {
        let client = http.client(endpoint)?;
        let mut headers = endpoint.headers(self.headers)?;
        let request = match self.body {
            Some(body) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                client.post(self.url).body(body.to_string())
            }
            None => client.get(self.url),
        };
        let mut response = request.headers(headers).send().await.map_err(|error| Failure::of_transport(&error))?;
        if !response.status().is_success() {
            let (status, headers) = (response.status(), response.headers().clone());
            return Err(Failure::of_answer(status, &headers, &http::error_body(response).await));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::of_transport(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_MAX_BYTES {
                return Err(Failure::saying(FailureClass::Format, "sent a listing longer than any there is"));
            }
        }
        let no_json = |_| Failure::saying(FailureClass::Format, "answered with something that is no JSON");
        serde_json::from_slice(&body).map_err(no_json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    ///
    #[test]
    fn listings_are_read_in_the_shapes_servers_send() {
        let ids = |listing: Value| read(&listing).map(|models| models.into_iter().map(|model| model.id).collect());
        let some = |id: &str| Some(vec![id.to_owned()]);
        assert_eq!(ids(json!({"data": [{"id": "nomic-embed-text"}, {"id": "qwen3:8b"}]})), some("qwen3:8b"));
        assert_eq!(ids(json!({"models": [{"id": "a"}, {"name": "b"}, {"id": ""}]})), some("a"));
        assert_eq!(ids(json!([{"id": "a"}])), some("a"));
        assert_eq!(ids(json!({"error": "no"})), None);
        let window = |row: Value| ListedModel::of(&row).and_then(|model| model.context_window);
        assert_eq!(window(json!({"id": "a", "max_model_len": 40_960})), Some(40_960));
        assert_eq!(window(json!({"id": "a", "context_length": 0})), None);
    }
}
