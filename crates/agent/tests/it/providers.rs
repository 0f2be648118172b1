//! What the provider tests share: a conversation with everything in it, and a call whose events are collected.

use std::sync::Arc;

use base::Secret;
use futures_util::StreamExt as _;
use openclaw_agent::providers::{
    Endpoint, Http, ModelEvent, ModelRequest, Provider, ProviderError, SystemPrompt, ToolSpec, connect,
};
use serde_json::json;
use wire::message::{
    AssistantMessage, Block, Message, StopReason, ToolCall, ToolResultMessage, Usage, UserContent, UserMessage,
};

pub(crate) const OPENAI: &str = "openai-completions";
pub(crate) const ANTHROPIC: &str = "anthropic-messages";
pub(crate) const KEY: &str = "sk-test-not-a-real-key";
/// A red dot.
pub(crate) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

pub(crate) fn user(text: &str) -> Message {
    user_blocks(UserContent::Text(text.into()))
}

pub(crate) fn user_blocks(content: UserContent) -> Message {
    Message::User(UserMessage { content, timestamp: 1, idempotency_key: None })
}

/// An answer of `fake-1`, spoken in `api`.
pub(crate) fn assistant(api: &str, content: Vec<Block>) -> Message {
    Message::Assistant(AssistantMessage {
        content,
        api: api.into(),
        provider: "fake".into(),
        model: "fake-1".into(),
        usage: Usage::default(),
        stop_reason: StopReason::ToolUse,
        error_message: None,
        timestamp: 2,
        response_id: None,
    })
}

pub(crate) fn call(id: &str, name: &str, arguments: serde_json::Value) -> Block {
    Block::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments })
}

pub(crate) fn result(id: &str, name: &str, content: Vec<Block>, is_error: bool) -> Message {
    Message::ToolResult(ToolResultMessage {
        tool_call_id: id.into(),
        tool_name: name.into(),
        content,
        details: None,
        is_error,
        timestamp: 3,
    })
}

pub(crate) fn picture() -> Block {
    Block::Image { data: PNG.into(), mime_type: "image/png".into() }
}

pub(crate) fn request(messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        model: "fake-1".into(),
        system: SystemPrompt { stable: "You are an agent.".into(), volatile: "It is Saturday.".into() },
        messages,
        tools: vec![tool("exec", "command"), tool("read", "path")],
        max_tokens: None,
        thinking: None,
    }
}

pub(crate) fn tool(name: &'static str, argument: &str) -> ToolSpec {
    let parameters = json!({"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]});
    ToolSpec { name: name.into(), description: "Does it.".into(), parameters }
}

pub(crate) fn endpoint(base_url: &str) -> Endpoint {
    let mut endpoint = Endpoint::new("fake", base_url.parse().unwrap());
    endpoint.api_key = Some(Secret::new(KEY));
    endpoint
}

pub(crate) fn provider(api: &str, endpoint: Endpoint) -> Arc<dyn Provider> {
    connect(api, endpoint, Arc::new(Http::default())).unwrap()
}

/// What a call gave before it failed, and how it failed.
pub(crate) async fn run(provider: &dyn Provider, request: ModelRequest) -> (Vec<ModelEvent>, Option<ProviderError>) {
    let mut stream = provider.stream(request);
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => events.push(event),
            Err(error) => {
                assert!(stream.next().await.is_none(), "nothing comes after an error");
                return (events, Some(error));
            }
        }
    }
    (events, None)
}

/// The events of a call that must succeed.
pub(crate) async fn events(provider: &dyn Provider, request: ModelRequest) -> Vec<ModelEvent> {
    match run(provider, request).await {
        (events, None) => events,
        (events, Some(error)) => panic!("{error} after {events:?}"),
    }
}

/// All text of `events`.
pub(crate) fn text(events: &[ModelEvent]) -> String {
    events
        .iter()
        .filter_map(|event| if let ModelEvent::Text(text) = event { Some(text.as_str()) } else { None })
        .collect()
}

/// All reasoning of `events`.
pub(crate) fn thinking(events: &[ModelEvent]) -> String {
    let thinking = |event: &ModelEvent| if let ModelEvent::Thinking(text) = event { Some(text.clone()) } else { None };
    events.iter().filter_map(thinking).collect()
}

/// The tool calls of `events`, without their ids.
pub(crate) fn calls(events: &[ModelEvent]) -> Vec<(String, Result<serde_json::Value, String>)> {
    let call = |event: &ModelEvent| match event {
        ModelEvent::ToolCall { name, arguments, .. } => Some((name.clone(), arguments.clone())),
        _ => None,
    };
    events.iter().filter_map(call).collect()
}

/// Why the answer stopped.
pub(crate) fn stop(events: &[ModelEvent]) -> Option<StopReason> {
    match events.last() {
        Some(ModelEvent::Done { stop, .. }) => Some(*stop),
        _ => None,
    }
}
