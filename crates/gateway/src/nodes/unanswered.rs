//! Why a node's answer did not come, and what its caller is told (N-5.5…5.9).

use std::time::Duration;

use serde_json::{Value, json};
use wire::ErrorShape;

/// Why there is no answer.
pub(super) enum Unanswered {
    Refused { code: String, message: String, touched: bool },
    Timeout(Duration),
    Idle,
    Lost(String),
    Unpaired,
    Withdrawn,
    RouteChanged,
}

impl Unanswered {
    /// What the caller is told.
    pub(super) fn into_error(self) -> ErrorShape {
        match self {
            Self::Refused { code, message, .. } => {
                let node_error = json!({"code": code, "message": message});
                failed(&code, &message, true, Some(node_error))
            }
            Self::Timeout(limit) => {
                failed("TIMEOUT", &format!("node did not answer within {} ms", limit.as_millis()), true, None)
            }
            Self::Idle => failed("IDLE_TIMEOUT", "node fell silent in the middle of its answer", true, None),
            Self::Lost(command) => failed("DISCONNECTED", &format!("node disconnected ({command})"), true, None),
            Self::Unpaired => pairing_changed("node pairing changed while invocation was active"),
            Self::Withdrawn => {
                let mut error = failed("POLICY_CHANGED", "the policy does not allow this command any more", true, None);
                if let Some(details) = &mut error.details {
                    details["code"] = json!("POLICY_CHANGED");
                }
                error
            }
            Self::RouteChanged => failed("ROUTE_CHANGED", "node reconnected", false, None).retryable(true),
        }
    }
}

/// The answer when a node is not, or not yet, one that may speak (N-3.12, N-5.8).
pub(crate) fn pairing_changed(message: &str) -> ErrorShape {
    ErrorShape::unavailable(message).retryable(true).with(json!({"code": "PAIRING_CHANGED"}))
}

pub(super) fn failed(code: &str, message: &str, dispatched: bool, node_error: Option<Value>) -> ErrorShape {
    let mut details = json!({"nodeCommandDispatched": dispatched});
    if let Some(error) = node_error {
        details["nodeError"] = error;
    }
    ErrorShape::unavailable(format!("{code}: {message}")).with(details)
}
