//! Calls of the Bot API. Who calls must know more of a failure than that it failed: a message whose request was written
//! may have arrived, one that was not may be sent again (C-8.5). So requests go through our own client.
//!
//! The token is part of every URL. No URL and no error of the HTTP client gets out of this file as it is (C-2.5).

use std::time::Duration;

use base::Secret;
use bytes::{Bytes, BytesMut};
use reqwest::multipart::{Form, Part};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Failure, SendError};

/// Where the Bot API is, unless the config says otherwise.
const TELEGRAM: &str = "https://api.telegram.org";
/// How long a connection may take. Shorter than a call, so that what never connected is known to be unsent.
const CONNECT_WITHIN: Duration = Duration::from_secs(8);
/// How long a call may take, unless the config says otherwise.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long a call with a file may take.
const UPLOAD_WITHIN: Duration = Duration::from_secs(300);
/// How long Telegram may keep a poll open, in seconds (C-3.1).
pub(super) const POLL_SECONDS: u32 = 30;
/// How much longer than that we wait for a poll (C-3.9).
const POLL_GRACE: Duration = Duration::from_secs(15);
/// Largest answer: a hundred updates of the longest messages with all they quote stay well below.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Longest text of Telegram's that is repeated in an error.
const SHOWN: usize = 300;

/// The Bot API of one account.
pub(super) struct Api {
    /// With the token; never shown.
    root: Secret,
    files: Secret,
    token: Secret,
    /// One pool for polls, another for the rest: a poll that hangs keeps nothing from being sent (C-3.9).
    polls: reqwest::Client,
    calls: reqwest::Client,
    patience: Duration,
}

/// Why a call has no result. No text in it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApiError {
    /// Telegram, or what stands before it, said no.
    #[error("Telegram refused: {description} ({code})")]
    Refused { code: u16, description: String, parameters: Parameters },
    /// Nothing was written: it certainly did not happen.
    #[error("Telegram was not reached: {0}")]
    NotSent(String),
    /// It was written, and no answer came.
    #[error("no answer from Telegram: {0}")]
    Ambiguous(String),
    /// It happened, and nobody understands the answer.
    #[error("Telegram's answer makes no sense: {0}")]
    Garbage(String),
}

/// What a refusal says beside its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Parameters {
    /// The chat's new id.
    pub(super) migrate_to_chat_id: Option<i64>,
    /// Seconds to wait.
    pub(super) retry_after: Option<u64>,
}

/// A file to upload, by the name of the parameter that refers to it.
pub(super) struct Upload {
    pub(super) field: String,
    pub(super) file_name: String,
    pub(super) mime_type: Option<String>,
    pub(super) bytes: Bytes,
}

/// What makes an [`Api`].
pub(super) struct Reach<'r> {
    pub(super) token: &'r Secret,
    pub(super) api_root: Option<&'r str>,
    pub(super) proxy: Option<&'r str>,
    pub(super) patience: Option<Duration>,
}

#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error_code: Option<u16>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

impl Api {
    /// Ready to call; nothing is sent.
    ///
    /// # Errors
    /// When no HTTP client can be made of these settings.
    pub(super) fn new(reach: &Reach<'_>) -> Result<Self, Failure> {
        let root = reach.api_root.unwrap_or(TELEGRAM).trim_end_matches('/');
        let token = reach.token.expose();
        let polls = client(reach)?;
        Ok(Self {
            root: Secret::new(format!("{root}/bot{token}")),
            files: Secret::new(format!("{root}/file/bot{token}")),
            token: reach.token.clone(),
            polls,
            calls: client(reach)?,
            patience: reach.patience.unwrap_or(ANSWER_WITHIN),
        })
    }

    /// Calls `method`.
    pub(super) async fn call<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &impl Serialize,
    ) -> Result<R, ApiError> {
        let request = self.calls.post(self.url(method)).timeout(self.patience).json(params);
        self.finish(method, request).await
    }

    /// The same with another patience.
    pub(super) async fn call_within<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &impl Serialize,
        patience: Duration,
    ) -> Result<R, ApiError> {
        let request = self.calls.post(self.url(method)).timeout(patience.min(self.patience)).json(params);
        self.finish(method, request).await
    }

    /// Asks for updates; Telegram answers when there are some, or after `seconds`.
    pub(super) async fn poll<R: DeserializeOwned>(&self, params: &impl Serialize, seconds: u32) -> Result<R, ApiError> {
        let patience = Duration::from_secs(u64::from(seconds)) + POLL_GRACE;
        let request = self.polls.post(self.url("getUpdates")).timeout(patience).json(params);
        self.finish("getUpdates", request).await
    }

    /// Calls `method` with files, each named by a parameter.
    pub(super) async fn upload<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &impl Serialize,
        files: Vec<Upload>,
    ) -> Result<R, ApiError> {
        let mut form = Form::new();
        let params = serde_json::to_value(params).map_err(|error| ApiError::NotSent(error.to_string()))?;
        for (name, value) in params.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            form = form.text(name.clone(), text);
        }
        for file in files {
            let length = file.bytes.len() as u64;
            let mut part = Part::stream_with_length(file.bytes, length).file_name(file.file_name);
            if let Some(mime) = &file.mime_type {
                part = part.mime_str(mime).map_err(|_| ApiError::NotSent(format!("`{mime}` is no media type")))?;
            }
            form = form.part(file.field, part);
        }
        let request = self.calls.post(self.url(method)).timeout(UPLOAD_WITHIN).multipart(form);
        self.finish(method, request).await
    }

    /// A file by the path that `getFile` told (C-7.3), unless it is larger than `limit` bytes.
    pub(super) async fn download(&self, path: &str, limit: u64) -> Result<Bytes, ApiError> {
        let url = format!("{}/{}", self.files.expose(), path.trim_start_matches('/'));
        let response = self.calls.get(url).timeout(UPLOAD_WITHIN).send().await.map_err(|error| self.unsent(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(refused(status));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(response, limit).await
    }

    /// `text` without the token.
    pub(super) fn without_token(&self, text: &str) -> String {
        text.replace(self.token.expose(), "***")
    }

    fn url(&self, method: &str) -> String {
        format!("{}/{method}", self.root.expose())
    }

    async fn finish<R: DeserializeOwned>(
        &self,
        method: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<R, ApiError> {
        let response = request.send().await.map_err(|error| self.unsent(&error))?;
        let status = response.status();
        let body = match self.read(response, ANSWER_BYTES).await {
            // What was refused did not happen, whether or not the reason arrived whole.
            Err(_) if status.is_client_error() => return Err(refused(status)),
            body => body?,
        };
        let answer = serde_json::from_slice::<Envelope>(&body);
        match answer {
            Ok(answer) if answer.ok => serde_json::from_value(answer.result)
                .map_err(|error| ApiError::Garbage(format!("the result of {method}: {error}"))),
            Ok(answer) => Err(ApiError::Refused {
                code: answer.error_code.unwrap_or(status.as_u16()),
                description: self.shown(answer.description.as_deref().unwrap_or("no reason given")),
                parameters: answer.parameters.unwrap_or_default(),
            }),
            Err(_) if !status.is_success() => Err(refused(status)),
            Err(_) if serde_json::from_slice::<IgnoredAny>(&body).is_ok() => {
                Err(ApiError::Garbage(format!("{method} answered with something else than it should")))
            }
            Err(_) => Err(ApiError::Garbage(format!("{method} answered with something that is no JSON"))),
        }
    }

    /// The whole body, at most `limit` bytes of it.
    async fn read(&self, mut response: reqwest::Response, limit: usize) -> Result<Bytes, ApiError> {
        let too_large = || ApiError::Garbage(format!("more than {limit} bytes"));
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        loop {
            let chunk = response.chunk().await.map_err(|error| ApiError::Ambiguous(self.cause(error)))?;
            let Some(chunk) = chunk else { return Ok(body.freeze()) };
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// A request without a response: was it written?
    fn unsent(&self, error: &reqwest::Error) -> ApiError {
        let written = !(error.is_connect() || error.is_builder());
        let what = self.cause_of(error);
        if written { ApiError::Ambiguous(what) } else { ApiError::NotSent(what) }
    }

    fn cause(&self, error: reqwest::Error) -> String {
        self.cause_of(&error.without_url())
    }

    /// The innermost reason, which says most and holds no URL.
    fn cause_of(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            return "it took too long".into();
        }
        let mut inner: &dyn std::error::Error = error;
        while let Some(next) = inner.source() {
            inner = next;
        }
        let is_outermost = std::ptr::addr_eq(inner, error);
        if is_outermost { "the connection broke".into() } else { self.shown(&inner.to_string()) }
    }

    fn shown(&self, text: &str) -> String {
        self.without_token(text).chars().take(SHOWN).collect()
    }
}

impl ApiError {
    /// The status or code of a refusal.
    pub(super) const fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the token is not, or no longer, one (C-3.2). Telegram answers 404 to a token that never was.
    pub(super) const fn is_about_the_token(&self) -> bool {
        matches!(self.code(), Some(401 | 404))
    }
}

/// What a failed call means for something that was to be said.
impl From<ApiError> for SendError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::NotSent(why) => Self::Retry { after: None, why },
            ApiError::Ambiguous(why) | ApiError::Garbage(why) => Self::Ambiguous(why),
            ApiError::Refused { code: 429, description, parameters } => {
                Self::Retry { after: parameters.retry_after.map(Duration::from_secs), why: description }
            }
            ApiError::Refused { code: 401 | 404, .. } => Self::Auth,
            ApiError::Refused { code: 403, description, .. } => Self::Forbidden(description),
            ApiError::Refused { code: 413, description, .. } => Self::TooLarge(description),
            ApiError::Refused { code: 500.., description, .. } => Self::Ambiguous(description),
            ApiError::Refused { description, .. } => Self::Permanent(description),
        }
    }
}

/// A refusal that does not say why.
fn refused(status: reqwest::StatusCode) -> ApiError {
    let description = status.canonical_reason().unwrap_or("an unknown status").to_owned();
    ApiError::Refused { code: status.as_u16(), description, parameters: Parameters::default() }
}

/// No redirects, since the token would travel with them.
fn client(reach: &Reach<'_>) -> Result<reqwest::Client, Failure> {
    let failed = |why: &str, next: &str| Failure { why: why.into(), next: next.into(), passes: false };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("openclaw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_WITHIN)
        .redirect(reqwest::redirect::Policy::none());
    if let Some(proxy) = reach.proxy {
        let proxy = reqwest::Proxy::all(proxy).map_err(|_| {
            failed("`proxy` is no address of an HTTP proxy", "openclaw config get channels.telegram.proxy")
        })?;
        builder = builder.proxy(proxy);
    } else if reach.api_root.is_some_and(is_local) {
        // The proxy of the environment would look for it on itself.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| failed(&format!("no HTTP client: {error}"), "openclaw doctor"))
}

fn is_local(root: &str) -> bool {
    let host = url::Url::parse(root).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]"))
}
