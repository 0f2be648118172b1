//! `chat`: what a conversation looks like while a run is under way (A-6.6).

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, SessionKey};
use crate::message::{Block, Usage};

/// One step of a run as a chat shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatEvent {
    /// The run; the sender's idempotency key.
    pub run_id: String,
    /// Where.
    pub session_key: SessionKey,
    /// Whose.
    pub agent_id: AgentId,
    /// The run's own counter, shared with its `agent` events.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub state: ChatState,
}

/// What happened. A run has any number of `status` and `delta`, then exactly one of the others (A-6.9).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ChatState {
    /// Busy before the first word.
    Status {
        /// `preparing_workspace`, `preparing_context`, `starting_model`.
        phase: String,
    },
    /// More text.
    Delta {
        /// Only the new text.
        delta_text: String,
        /// The new text replaces all there was.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        replace: bool,
        /// Everything so far.
        message: ChatMessage,
    },
    /// The reply is complete.
    Final {
        /// `stop` or `length`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop_reason: Option<String>,
        /// The reply; absent when it is silence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<ChatMessage>,
    },
    /// Somebody stopped it.
    Aborted {
        /// `rpc`, `stop`, `timeout`, `shutdown`.
        stop_reason: String,
        /// What had been said by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<ChatMessage>,
    },
    /// It failed.
    Error {
        /// One sentence.
        error_message: String,
        /// What sort of failure.
        error_kind: ErrorKind,
        /// Who failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error_detail: Option<ErrorDetail>,
        /// Always `error`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop_reason: Option<String>,
    },
}

impl ChatState {
    /// Whether no event of the run follows.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Final { .. } | Self::Aborted { .. } | Self::Error { .. })
    }
}

/// What sort of failure ended a run, as chats distinguish them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The model would not answer.
    Refusal,
    /// It took too long.
    Timeout,
    /// The vendor wants fewer requests.
    RateLimit,
    /// The conversation no longer fits.
    ContextLength,
    /// Anything else.
    Unknown,
}

/// Who failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorDetail {
    /// The provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The stable class of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failover_reason: Option<String>,
}

/// An assistant's message as far as a chat shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Always `assistant`.
    pub role: String,
    /// One text block.
    pub content: Vec<Block>,
    /// In milliseconds.
    pub timestamp: i64,
    /// Who answered, once the answer is whole.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Answered>,
}

/// Who answered, and at what cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Tokens of the whole run.
    pub usage: Usage,
    /// Why it stopped.
    pub stop_reason: String,
}

impl ChatMessage {
    /// What the assistant said.
    pub fn assistant(text: impl Into<String>, timestamp: i64) -> Self {
        Self { role: "assistant".into(), content: vec![Block::text(text)], timestamp, by: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A-6.6
    #[test]
    fn chat_events_have_the_published_shape() {
        let event = |seq, state| ChatEvent {
            run_id: "r".into(),
            session_key: SessionKey::main(&AgentId::main(), "main"),
            agent_id: AgentId::main(),
            seq,
            state,
        };
        let head = |seq: u64| json!({"runId": "r", "sessionKey": "agent:main:main", "agentId": "main", "seq": seq});
        let merged = |seq, rest: serde_json::Value| {
            let mut value = head(seq);
            value.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            value
        };
        let message = ChatMessage::assistant("Hello", 5);
        let shown = json!({"role": "assistant", "content": [{"type": "text", "text": "Hello"}], "timestamp": 5});
        let cases = [
            (
                ChatState::Status { phase: "preparing_context".into() },
                json!({"state": "status", "phase": "preparing_context"}),
            ),
            (
                ChatState::Delta { delta_text: "lo".into(), replace: false, message: message.clone() },
                json!({"state": "delta", "deltaText": "lo", "message": shown}),
            ),
            (
                ChatState::Final { stop_reason: Some("stop".into()), message: Some(message.clone()) },
                json!({"state": "final", "stopReason": "stop", "message": shown}),
            ),
            (
                ChatState::Aborted { stop_reason: "rpc".into(), message: None },
                json!({"state": "aborted", "stopReason": "rpc"}),
            ),
        ];
        for (state, rest) in cases {
            assert_eq!(serde_json::to_value(event(3, state)).unwrap(), merged(3, rest));
        }
    }
}
