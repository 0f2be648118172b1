//! Errors as they cross the wire: `{code, message, details?, retryable?, retryAfterMs?}`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::scope::Scope;

/// The closed list of `error.code` values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The request is wrong, or what it names is unknown.
    InvalidRequest,
    /// The caller lacks a scope.
    Forbidden,
    /// The device must be paired first.
    NotPaired,
    /// It cannot be done now; with `retryable` it may be tried again.
    Unavailable,
    /// The approval named does not exist.
    ApprovalNotFound,
    /// Reserved.
    NotLinked,
    /// Reserved.
    AgentTimeout,
}

/// The `error` member of a response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct ErrorShape {
    /// What clients branch on.
    pub code: ErrorCode,
    /// One sentence for a person.
    pub message: String,
    /// Machine-readable particulars, most often an object with its own `code`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub details: Option<Value>,
    /// Whether the same request may succeed later.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retryable: Option<bool>,
    /// How long to wait before that, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_ms: Option<u64>,
}

impl ErrorShape {
    /// An error with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retryable: None, retry_after_ms: None }
    }

    /// `INVALID_REQUEST`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// `UNAVAILABLE`, not retryable unless [`ErrorShape::retry_after`] says so.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// `FORBIDDEN` for a missing scope; old clients parse the message text.
    pub fn missing_scope(scope: Scope) -> Self {
        Self::new(ErrorCode::Forbidden, format!("missing scope: {scope}"))
            .with(json!({"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": [scope]}))
    }

    /// `INVALID_REQUEST` for a method no table knows.
    pub fn unknown_method(method: &str) -> Self {
        Self::invalid(format!("unknown method: {method}"))
    }

    /// `UNAVAILABLE` for a method the protocol knows and this Gateway does not handle yet.
    pub fn not_built(method: &str) -> Self {
        Self::unavailable(format!("`{method}` is part of the protocol but not built in this Gateway yet"))
            .with(json!({"code": "NOT_BUILT", "method": method}))
            .retryable(false)
    }

    /// Adds `details`.
    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Sets `retryable`.
    #[must_use]
    pub const fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = Some(retryable);
        self
    }

    /// Sets `retryable` and `retryAfterMs`.
    #[must_use]
    pub const fn retry_after(mut self, ms: u64) -> Self {
        self.retryable = Some(true);
        self.retry_after_ms = Some(ms);
        self
    }

    /// `details.code`, the name clients act on.
    pub fn detail_code(&self) -> Option<&str> {
        self.details.as_ref()?.get("code")?.as_str()
    }
}
