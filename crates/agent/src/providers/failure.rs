//! What went wrong with a call: from a vendor's status and body to a class and one sentence (A-14.5, A-7.10).
//!
//! The vendor's own words decide the class and then stay here: they go to the log at debug level, shortened and without
//! anything that looks like a key, and never into the sentence a chat shows.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{Endpoint, FailureClass, ProviderError};

/// How much of a vendor's error body is read, and logged.
pub(super) const ERROR_BODY_MAX_BYTES: usize = 64 * 1024;
const LOGGED_BODY_MAX_CHARS: usize = 2_000;

/// A failed call before it is put into a sentence.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) class: FailureClass,
    /// The HTTP status, when there was one that says something.
    status: Option<u16>,
    /// What to say instead of the class's usual words; follows the provider's name.
    instead: Option<&'static str>,
    retry_after: Option<Duration>,
    /// The vendor's words, lower case, for the dialect that knows a way around.
    pub(super) words: String,
}

impl Failure {
    pub(super) fn of(class: FailureClass) -> Self {
        Self { class, status: None, instead: None, retry_after: None, words: String::new() }
    }

    /// A class with words of its own, said after the provider's name.
    pub(super) fn saying(class: FailureClass, instead: &'static str) -> Self {
        Self { instead: Some(instead), ..Self::of(class) }
    }

    /// The stream ended or broke before the answer did.
    pub(super) fn broken_off() -> Self {
        Self::saying(FailureClass::Network, "broke off in the middle of its answer")
    }

    /// What reqwest says when a request or a read fails.
    pub(super) fn of_transport(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::of(FailureClass::Timeout);
        }
        if error.is_builder() {
            return Self::saying(FailureClass::Format, "cannot be called like this; check its baseUrl and headers");
        }
        if error.is_connect() {
            return Self::saying(FailureClass::Network, "cannot be reached");
        }
        Self::broken_off()
    }

    /// An answer with a status other than success.
    pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap, body: &str) -> Self {
        let vendor = VendorError::parse(body);
        let words = vendor.words();
        let mut failure = Self::of(classify(status.as_u16(), &words));
        failure.status = Some(status.as_u16());
        failure.retry_after = retry_after(headers);
        failure.instead = remark(status.as_u16(), &words);
        failure.words = words;
        failure
    }

    /// An error inside a stream that began with 200; `error` is the vendor's error object.
    pub(super) fn in_stream(error: &Value) -> Self {
        let vendor = VendorError::of(error);
        let words = vendor.words();
        let mut failure = Self::of(
            vendor
                .status()
                .map_or_else(|| by_words(&words).unwrap_or(FailureClass::Network), |status| classify(status, &words)),
        );
        failure.words = words;
        failure
    }

    /// The error as the turn sees it.
    pub(super) fn into_error(self, endpoint: &Endpoint) -> ProviderError {
        let who = &endpoint.provider;
        let what = self.instead.unwrap_or_else(|| usual_words(self.class));
        let status = self.status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
        let wait = self.retry_after.map(|wait| format!("; it asks to wait {} s", wait.as_secs_f32().ceil()));
        let message = format!("`{who}` {what}{status}{}", wait.unwrap_or_default());
        ProviderError { class: self.class, message, retry_after: self.retry_after }
    }
}

const fn usual_words(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Auth => "did not accept the API key",
        FailureClass::Billing => "says the account has no credit left",
        FailureClass::RateLimit => "is limiting requests",
        FailureClass::Overloaded => "is overloaded",
        FailureClass::ContextOverflow => "cannot read a conversation this long",
        FailureClass::Timeout => "did not answer in time",
        FailureClass::ServerError => "had an error of its own",
        FailureClass::Network => "could not be heard to the end",
        FailureClass::Format => "did not accept the request",
        FailureClass::Refusal => "declined to answer",
    }
}

/// What is worth saying besides the class.
fn remark(status: u16, words: &str) -> Option<&'static str> {
    let model_unknown = words.contains("model")
        && ["not found", "not_found", "does not exist", "unknown model", "pull it"]
            .iter()
            .any(|hint| words.contains(hint));
    match status {
        300..=399 => Some("redirected the call elsewhere, which is not followed with a key; check its baseUrl"),
        400 | 404 if model_unknown => Some("does not know this model"),
        404 | 405 => Some("has no such endpoint; check its baseUrl"),
        _ => None,
    }
}

/// The class of an HTTP answer (A-14.5). Words first where vendors agree on them and the status says less.
pub(super) fn classify(status: u16, words: &str) -> FailureClass {
    let by_status = match status {
        401 => FailureClass::Auth,
        402 => FailureClass::Billing,
        403 if words.contains("flagged") || words.contains("moderation") => FailureClass::Refusal,
        403 => FailureClass::Auth,
        408 | 499 | 504 | 522 | 524 => FailureClass::Timeout,
        413 => FailureClass::ContextOverflow,
        429 => FailureClass::RateLimit,
        529 => FailureClass::Overloaded,
        500.. => FailureClass::ServerError,
        _ => FailureClass::Format,
    };
    match (by_status, by_words(words)) {
        (FailureClass::RateLimit, Some(FailureClass::Billing)) => FailureClass::Billing,
        // A 400 stays one, whatever type some servers (Ollama: `api_error`) give to all of their errors.
        (FailureClass::Format, Some(FailureClass::ServerError | FailureClass::Timeout)) => FailureClass::Format,
        (FailureClass::ServerError, Some(FailureClass::Format)) => FailureClass::ServerError,
        (FailureClass::Format | FailureClass::ServerError, Some(class)) => class,
        _ => by_status,
    }
}

/// Classes by the words vendors use, most telling first.
const WORDS: &[(FailureClass, &[&str])] = &[
    (
        FailureClass::ContextOverflow,
        &[
            "context_length_exceeded",
            "context length",
            "context window",
            "context size",
            "maximum context",
            "prompt is too long",
            "input is too long",
            "too many tokens",
            "exceed_context_size",
            "exceeds the maximum number of tokens",
            "input token count",
            "reduce the length of the messages",
        ],
    ),
    (
        FailureClass::Billing,
        &[
            "insufficient_quota",
            "credit balance",
            "insufficient credits",
            "insufficient_credits",
            "billing_error",
            "billing_not_active",
        ],
    ),
    (
        FailureClass::Auth,
        &[
            "invalid_api_key",
            "incorrect api key",
            "authentication_error",
            "api key not valid",
            "permission_error",
            "unauthorized",
        ],
    ),
    (FailureClass::Overloaded, &["overloaded_error"]),
    (
        FailureClass::RateLimit,
        &["rate_limit", "rate limit", "too many requests", "overloaded", "quota", "resource_exhausted"],
    ),
    (FailureClass::Refusal, &["content_filter", "content_policy", "content management policy", "safety"]),
    (FailureClass::Timeout, &["timed out", "timeout"]),
    (FailureClass::ServerError, &["api_error", "server_error", "internal error", "internal_error"]),
    (FailureClass::Format, &["invalid_request_error"]),
];

fn by_words(words: &str) -> Option<FailureClass> {
    let telling =
        |(class, hints): &(FailureClass, &[&str])| hints.iter().any(|hint| words.contains(hint)).then_some(*class);
    WORDS.iter().find_map(telling)
}

/// The parts of an error body that vendors agree on.
#[derive(Default)]
struct VendorError {
    kind: String,
    code: Value,
    message: String,
}

impl VendorError {
    /// `{"error": {…}}`, `{"error": "…"}`, `[{"error": …}]`, a bare `{"message": …}`, or plain text.
    fn parse(body: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(body) else {
            return Self { message: body.to_owned(), ..Self::default() };
        };
        let value = value.get(0).unwrap_or(&value);
        Self::of(value.get("error").unwrap_or(value))
    }

    fn of(error: &Value) -> Self {
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = [text("type"), text("status")].join(" ");
        let message = error.as_str().map_or_else(|| text("message"), str::to_owned);
        Self { kind, code: error.get("code").cloned().unwrap_or_default(), message }
    }

    /// All of it in lower case.
    fn words(&self) -> String {
        let code = self.code.as_str().unwrap_or_default();
        format!("{} {code} {}", self.kind, self.message).to_lowercase()
    }

    /// The HTTP status some vendors put into `code` (OpenRouter, llama.cpp).
    fn status(&self) -> Option<u16> {
        self.code.as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code))
    }
}

/// `retry-after-ms`, or `Retry-After` in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(ms) = header("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let text = header("retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = at.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or_default())
}

/// Logs a vendor's words, shortened, without our credentials and without anything that looks like one.
pub(super) fn log_body(endpoint: &Endpoint, status: Option<u16>, body: &str) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        let body = redact(endpoint, body);
        tracing::debug!(provider = %endpoint.provider, status, body, "the vendor answered with an error");
    }
}

fn redact(endpoint: &Endpoint, body: &str) -> String {
    let mut text: String = body.chars().take(LOGGED_BODY_MAX_CHARS).collect();
    for secret in endpoint.secrets().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    // Vendors repeat a refused key, often half masked; no word that begins like a key is let through.
    let is_edge = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ':' | '(' | ')' | '{' | '}');
    let like_a_key =
        |word: &str| ["sk-", "sk_", "gsk_", "xai-", "AIza", "key-", "or-"].iter().any(|start| word.starts_with(start));
    text.split_inclusive(is_edge).fold(String::new(), |mut out, word| {
        let bare = word.trim_end_matches(is_edge);
        out.push_str(if like_a_key(bare) { "***" } else { bare });
        out.push_str(&word[bare.len()..]);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Secret;

    /// A-14.5
    #[test]
    fn statuses_and_words_become_classes() {
        use FailureClass::{
            Auth, Billing, ContextOverflow, Format, Overloaded, RateLimit, Refusal, ServerError, Timeout,
        };
        let cases = [
            (401, "", Auth),
            (403, "", Auth),
            (403, "your input was flagged", Refusal),
            (402, "", Billing),
            (429, "", RateLimit),
            (429, "rate_limit_exceeded tokens per min", RateLimit),
            (429, "insufficient_quota you exceeded your current quota", Billing),
            (503, "the engine is currently overloaded", RateLimit),
            (400, "your credit balance is too low to access the api", Billing),
            (400, "api key not valid. please pass a valid api key.", Auth),
            (408, "", Timeout),
            (499, "", Timeout),
            (504, "", Timeout),
            (522, "", Timeout),
            (524, "", Timeout),
            (529, "", Overloaded),
            (500, "", ServerError),
            (503, "", ServerError),
            (400, "api_error this model does not do that", Format),
            (500, "invalid_request_error", ServerError),
            (400, "unknown field", Format),
            (404, "", Format),
            (422, "", Format),
            (413, "", ContextOverflow),
            (400, "this model's maximum context length is 8192 tokens", ContextOverflow),
            (400, "prompt is too long: 345320 tokens > 199999 maximum", ContextOverflow),
            (400, "invalid_request_error context_length_exceeded", ContextOverflow),
            (400, "the request exceeds the available context size", ContextOverflow),
            (500, "exceed_context_size_error", ContextOverflow),
            (400, "the input token count (1048577) exceeds the maximum", ContextOverflow),
            (400, "content_filter triggered", Refusal),
        ];
        for (status, words, class) in cases {
            assert_eq!(classify(status, words), class, "{status} {words:?}");
        }
    }

    #[test]
    fn a_wait_is_read_in_every_spelling() {
        let read = |name: &'static str, value: &str| {
            retry_after(&HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]))
        };
        assert_eq!(read("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(read("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(read("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(read("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(read("retry-after", "Fri, 01 Jan 2100 00:00:00 GMT").unwrap() > Duration::from_secs(1_000_000));
        assert_eq!(read("retry-after", "soon"), None);
        assert_eq!(read("retry-after", "-1"), None);
    }

    /// A-7.10
    #[test]
    fn a_logged_body_keeps_no_key() {
        let mut endpoint = Endpoint::new("openai", "https://api.openai.com/v1".parse().unwrap());
        endpoint.api_key = Some(Secret::new("hunter2hunter2"));
        let body = r#"{"message":"Incorrect API key provided: sk-abc1***9xyz. hunter2hunter2","n":1}"#;
        assert_eq!(redact(&endpoint, body), r#"{"message":"Incorrect API key provided: *** ***","n":1}"#);
        assert!(redact(&endpoint, &"é".repeat(9_000)).chars().count() == LOGGED_BODY_MAX_CHARS);
    }
}
