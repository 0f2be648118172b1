//! An OpenAI chat-completions server: `POST /v1/chat/completions` streamed as chunks, `GET /v1/models`.

use std::ops::Deref;

use serde_json::{Value, json};

use super::reply::{Part, Reply, halves, words};
use super::server::{Dialect, Vendor};

/// A fake OpenAI-compatible vendor; see [`Vendor`] for its verbs.
pub struct FakeOpenAi(Vendor);

impl FakeOpenAi {
    /// Listens on a free port of loopback.
    pub async fn start() -> Self {
        Self(Vendor::start(Dialect { base_path: "/v1", render, in_stream, error_body }).await)
    }
}

impl Deref for FakeOpenAi {
    type Target = Vendor;

    fn deref(&self) -> &Vendor {
        &self.0
    }
}

const ID: &str = "chatcmpl-fake";

fn render(reply: &Reply, finish: bool) -> Vec<String> {
    let mut events = vec![delta(json!({"role": "assistant", "content": ""}))];
    let mut calls = 0;
    for part in &reply.parts {
        match part {
            Part::Thinking { text, .. } => {
                events.extend(words(text).map(|word| delta(json!({"reasoning_content": word}))));
            }
            Part::Text(text) => events.extend(words(text).map(|word| delta(json!({"content": word})))),
            Part::ToolCall { id, name, arguments } => {
                events.extend(tool_call(calls, id.as_deref(), name, arguments));
                calls += 1;
            }
            Part::Raw(_) => {}
        }
    }
    if finish {
        let reason = match (reply.truncated, reply.calls_tools()) {
            (true, _) => "length",
            (_, true) => "tool_calls",
            _ => "stop",
        };
        events.push(chunk(json!([{"index": 0, "delta": {}, "finish_reason": reason}]), Value::Null));
        let (input, output) = reply.usage;
        let prompt = input + reply.cached;
        let usage = json!({"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": reply.cached}});
        events.push(chunk(json!([]), usage));
        events.push("data: [DONE]\n\n".into());
    }
    events
}

fn tool_call(index: usize, id: Option<&str>, name: &str, arguments: &str) -> Vec<String> {
    let [first, second] = halves(arguments);
    let mut head = json!({"index": index, "type": "function", "function": {"name": name, "arguments": ""}});
    if let Some(id) = id {
        head["id"] = id.into();
    }
    let fragment = |text: &str| json!({"index": index, "function": {"arguments": text}});
    [head, fragment(first), fragment(second)].map(|call| delta(json!({"tool_calls": [call]}))).to_vec()
}

fn delta(delta: Value) -> String {
    chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]), Value::Null)
}

fn chunk(choices: Value, usage: Value) -> String {
    let chunk = json!({"id": ID, "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "fake-1",
        "choices": choices, "usage": usage});
    format!("data: {chunk}\n\n")
}

fn in_stream(kind: &str, message: &str) -> String {
    format!("data: {}\n\n", json!({"error": {"message": message, "type": kind, "code": kind}}))
}

fn error_body(status: u16, message: &str) -> Value {
    let kind = match status {
        401 | 403 => "invalid_api_key",
        402 => "insufficient_credits",
        429 => "rate_limit_exceeded",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": kind}})
}
