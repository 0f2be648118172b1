//! A failed run in the words of the `chat` event.

use wire::events::chat::{ChatState, ErrorDetail, ErrorKind};

/// The terminal state of a failed run.
pub(super) fn chat_error(message: &str, kind: &str, provider: Option<&str>, model: Option<&str>) -> ChatState {
    ChatState::Error {
        error_message: message.into(),
        error_kind: chat_kind(kind),
        error_detail: Some(ErrorDetail {
            provider: provider.map(Into::into),
            model: model.map(Into::into),
            failover_reason: Some(kind.into()),
        }),
        stop_reason: Some("error".into()),
    }
}

/// Chats know fewer kinds than we do; the exact one goes into `errorDetail.failoverReason`.
fn chat_kind(kind: &str) -> ErrorKind {
    match kind {
        "refusal" => ErrorKind::Refusal,
        "timeout" => ErrorKind::Timeout,
        "rate_limit" => ErrorKind::RateLimit,
        "context" => ErrorKind::ContextLength,
        _ => ErrorKind::Unknown,
    }
}
