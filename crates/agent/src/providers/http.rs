//! One model call over HTTP, the same for every vendor: send, judge the status, read the event stream under a size and
//! a silence limit, and hand each event to the dialect's [`Decoder`].
//!
//! A call is a state machine that is only polled: nothing is sent before the first poll, and dropping the stream drops
//! the connection, which is how an abort reaches the vendor.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use reqwest::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::failure::{self, Failure};
use super::sse::{self, Event};
use super::{Endpoint, FailureClass, Http, ModelEvent, ModelRequest, ProviderError, images};

/// Longest answer, in bytes as sent. Two hundred thousand tokens, each an event of three hundred bytes, fit.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Once the model has said why it stopped, how long to wait for the token counts that may follow.
const TRAILER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an error's body may take to arrive.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A vendor's way of asking.
pub(super) trait Dialect: Send + Sync + 'static {
    /// What the addresses for calls end in.
    fn path(&self) -> &'static str;
    /// Where to post.
    fn url(&self, endpoint: &Endpoint) -> Url;
    /// Credential and version.
    fn headers(&self, endpoint: &Endpoint) -> Vec<(HeaderName, String)>;
    /// The request in the vendor's words.
    fn body(&self, endpoint: &Endpoint, request: &ModelRequest) -> Value;
    /// A reader for one answer.
    fn decoder(&self, endpoint: &Endpoint) -> Box<dyn Decoder>;
    /// A refusal this dialect knows a way around: changes the request and answers true to have it sent once more.
    fn concede(&self, failure: &Failure, request: &mut ModelRequest) -> bool;
}

/// A vendor's way of answering. Pure: events in, events out.
pub(super) trait Decoder: Send + Sync {
    /// Reads one event.
    fn read(&mut self, event: &Event, out: &mut Vec<ModelEvent>) -> Result<Progress, Failure>;
    /// The body is over; says whether the answer was.
    fn end(&mut self, out: &mut Vec<ModelEvent>) -> Result<(), Failure>;
}

/// How far an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More will come.
    More,
    /// The model is done; token counts or an end marker may follow.
    Trailing,
    /// [`ModelEvent::Done`] was written.
    Over,
}

/// Starts a call; see [`super::Provider::stream`].
pub(super) fn call<D: Dialect>(
    dialect: Arc<D>,
    endpoint: Arc<Endpoint>,
    http: Arc<Http>,
    request: ModelRequest,
) -> BoxStream<'static, Result<ModelEvent, ProviderError>> {
    let call = Call { dialect, endpoint, http, phase: Phase::Unsent(Box::new(request)), ready: VecDeque::new() };
    stream::unfold(call, |mut call| async move { call.next().await.map(|item| (item, call)) }).boxed()
}

struct Call<D> {
    dialect: Arc<D>,
    endpoint: Arc<Endpoint>,
    http: Arc<Http>,
    phase: Phase,
    ready: VecDeque<ModelEvent>,
}

enum Phase {
    Unsent(Box<ModelRequest>),
    Reading(Box<Reading>),
    Failed(Failure),
    Over,
}

impl<D: Dialect> Call<D> {
    async fn next(&mut self) -> Option<Result<ModelEvent, ProviderError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            self.phase = match std::mem::replace(&mut self.phase, Phase::Over) {
                Phase::Over => return None,
                Phase::Failed(failure) => return Some(Err(failure.into_error(&self.endpoint))),
                Phase::Unsent(request) => match self.open(*request).await {
                    Ok(reading) => Phase::Reading(Box::new(reading)),
                    Err(failure) => Phase::Failed(failure),
                },
                Phase::Reading(mut reading) => {
                    let mut events = Vec::new();
                    let progress = reading.step(self.endpoint.idle, &mut events).await;
                    self.ready.extend(events);
                    match progress {
                        Ok(Progress::Over) => Phase::Over,
                        Ok(_) => Phase::Reading(reading),
                        Err(failure) => Phase::Failed(failure),
                    }
                }
            };
        }
    }

    /// Sends the request, once more if the dialect can do without what the vendor refused.
    async fn open(&self, request: ModelRequest) -> Result<Reading, Failure> {
        let mut request = images::fit(request, self.endpoint.sees_images).await?;
        match self.send(&request).await {
            Err(failure) if self.dialect.concede(&failure, &mut request) => self.send(&request).await,
            other => other,
        }
    }

    async fn send(&self, request: &ModelRequest) -> Result<Reading, Failure> {
        let mut headers = self.endpoint.headers(self.dialect.headers(&self.endpoint))?;
        headers.insert(CONTENT_TYPE, reqwest::header::HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, reqwest::header::HeaderValue::from_static("text/event-stream"));
        let body = self.dialect.body(&self.endpoint, request).to_string();
        let client = self.http.client(&self.endpoint)?;
        let sending = client.post(self.dialect.url(&self.endpoint)).headers(headers).body(body).send();
        let response = timeout(self.endpoint.idle, sending).await.map_err(|_| Failure::of(FailureClass::Timeout))?;
        let response = response.map_err(|error| {
            let failure = Failure::of_transport(&error);
            tracing::debug!(provider = %self.endpoint.provider, error = %error.without_url(), "no answer");
            failure
        })?;
        judge(response, &self.endpoint, self.dialect.decoder(&self.endpoint)).await
    }
}

/// Success becomes a reader, everything else a failure.
async fn judge(response: Response, endpoint: &Endpoint, decoder: Box<dyn Decoder>) -> Result<Reading, Failure> {
    let status = response.status();
    if !status.is_success() {
        let headers = response.headers().clone();
        let body = error_body(response).await;
        failure::log_body(endpoint, Some(status.as_u16()), &body);
        return Err(Failure::of_answer(status, &headers, &body));
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let whole = content_type.starts_with("application/json");
    if content_type.starts_with("text/html") {
        failure::log_body(endpoint, Some(status.as_u16()), &error_body(response).await);
        return Err(Failure::saying(
            FailureClass::Format,
            "answered with a web page instead of a model's answer; check its baseUrl",
        ));
    }
    Ok(Reading {
        response,
        decoder,
        parser: sse::Parser::default(),
        whole: whole.then(Vec::new),
        bytes: 0,
        trailing: false,
    })
}

/// What fits of an error's body, in the time it may take.
pub(super) async fn error_body(mut response: Response) -> String {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > failure::ERROR_BODY_MAX_BYTES {
                break;
            }
        }
    };
    // A body that does not end in time is judged by what came of it.
    let _in_time = timeout(ERROR_BODY_TIMEOUT, reading).await;
    body.truncate(failure::ERROR_BODY_MAX_BYTES);
    String::from_utf8_lossy(&body).into_owned()
}

/// An answer on its way.
struct Reading {
    response: Response,
    decoder: Box<dyn Decoder>,
    parser: sse::Parser,
    /// Some servers answer a streaming request with one JSON document; it is collected here and read as one event.
    whole: Option<Vec<u8>>,
    bytes: usize,
    trailing: bool,
}

impl Reading {
    /// Reads the next bytes and what they complete.
    async fn step(&mut self, idle: Duration, out: &mut Vec<ModelEvent>) -> Result<Progress, Failure> {
        let patience = if self.trailing { TRAILER_TIMEOUT.min(idle) } else { idle };
        let chunk = match timeout(patience, self.response.chunk()).await {
            Ok(Ok(chunk)) => chunk,
            // The answer is complete; what is missing is only a trailer.
            Ok(Err(_)) | Err(_) if self.trailing => None,
            Ok(Err(error)) => return Err(Failure::of_transport(&error)),
            Err(_) => return Err(Failure::saying(FailureClass::Timeout, "fell silent in the middle of its answer")),
        };
        let Some(chunk) = chunk else { return self.end(out) };
        self.bytes += chunk.len();
        if self.bytes > ANSWER_MAX_BYTES {
            return Err(too_long());
        }
        if let Some(whole) = &mut self.whole {
            whole.extend_from_slice(&chunk);
            return Ok(Progress::More);
        }
        let mut events = Vec::new();
        let fed = self.parser.feed(&chunk, &mut events);
        for event in &events {
            if self.read(event, out)? == Progress::Over {
                return Ok(Progress::Over);
            }
        }
        fed.map_err(|sse::TooLong| too_long())?;
        Ok(Progress::More)
    }

    fn read(&mut self, event: &Event, out: &mut Vec<ModelEvent>) -> Result<Progress, Failure> {
        let progress = self.decoder.read(event, out)?;
        self.trailing |= progress == Progress::Trailing;
        Ok(progress)
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) -> Result<Progress, Failure> {
        let last = match self.whole.take() {
            Some(whole) => Some(Event { data: String::from_utf8_lossy(&whole).into_owned(), ..Event::default() }),
            None => self.parser.finish(),
        };
        if let Some(event) = last
            && self.read(&event, out)? == Progress::Over
        {
            return Ok(Progress::Over);
        }
        self.decoder.end(out)?;
        Ok(Progress::Over)
    }
}

fn too_long() -> Failure {
    Failure::saying(FailureClass::Format, "sent an answer larger than any model writes")
}
