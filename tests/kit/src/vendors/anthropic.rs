//! An Anthropic Messages server: `POST /v1/messages` streamed as named events.

use std::ops::Deref;

use serde_json::{Value, json};

use super::reply::{Part, Reply, halves, words};
use super::server::{Dialect, Vendor};

/// A fake Anthropic vendor; see [`Vendor`] for its verbs.
pub struct FakeAnthropic(Vendor);

impl FakeAnthropic {
    /// Listens on a free port of loopback.
    pub async fn start() -> Self {
        Self(Vendor::start(Dialect { base_path: "", render, in_stream, error_body }).await)
    }
}

impl Deref for FakeAnthropic {
    type Target = Vendor;

    fn deref(&self) -> &Vendor {
        &self.0
    }
}

fn render(reply: &Reply, finish: bool) -> Vec<String> {
    let usage = json!({"input_tokens": reply.usage.0, "cache_read_input_tokens": reply.cached,
        "cache_creation_input_tokens": 0, "output_tokens": 1});
    let message = json!({"id": "msg_fake", "type": "message", "role": "assistant", "model": "fake-1", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage});
    let mut events = vec![event("message_start", json!({"message": message})), event("ping", json!({}))];
    for (index, part) in reply.parts.iter().enumerate() {
        events.extend(block(index, part));
    }
    if finish {
        let reason = match (reply.truncated, reply.calls_tools()) {
            (true, _) => "max_tokens",
            (_, true) => "tool_use",
            _ => "end_turn",
        };
        let delta = json!({"stop_reason": reason, "stop_sequence": null});
        events.push(event("message_delta", json!({"delta": delta, "usage": {"output_tokens": reply.usage.1}})));
        events.push(event("message_stop", json!({})));
    }
    events
}

fn block(index: usize, part: &Part) -> Vec<String> {
    let (start, deltas) = match part {
        Part::Thinking { text, signature } => {
            let mut deltas: Vec<Value> =
                words(text).map(|word| json!({"type": "thinking_delta", "thinking": word})).collect();
            deltas.push(json!({"type": "signature_delta", "signature": signature}));
            (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas)
        }
        Part::Text(text) => {
            let deltas = words(text).map(|word| json!({"type": "text_delta", "text": word})).collect();
            (json!({"type": "text", "text": ""}), deltas)
        }
        Part::ToolCall { id, name, arguments } => {
            let halves = halves(arguments).map(|half| json!({"type": "input_json_delta", "partial_json": half}));
            (json!({"type": "tool_use", "id": id, "name": name, "input": {}}), halves.to_vec())
        }
        Part::Raw(_) => return Vec::new(),
    };
    let mut events = vec![event("content_block_start", json!({"index": index, "content_block": start}))];
    events
        .extend(deltas.into_iter().map(|delta| event("content_block_delta", json!({"index": index, "delta": delta}))));
    events.push(event("content_block_stop", json!({"index": index})));
    events
}

fn event(name: &str, mut data: Value) -> String {
    data["type"] = name.into();
    format!("event: {name}\ndata: {data}\n\n")
}

fn in_stream(kind: &str, message: &str) -> String {
    event("error", json!({"error": {"type": kind, "message": message}}))
}

fn error_body(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}})
}
