//! The offline model, `demo/offline`: what answers while no real model is there.
//!
//! It needs no network and pretends nothing. It knows a handful of plain requests by their words ([`intent`]) and
//! carries them out through the same tools and the same loop as a real model, so that a newcomer sees the whole machine
//! move; to everything else it says what it is and how to add a model that understands ([`words`]).

mod intent;
mod vocabulary;
mod words;

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use serde_json::{Value, json};
use wire::message::{Block, Message, StopReason, ToolCall, ToolResultMessage, Usage, UserContent};

use self::intent::Intent;
use super::{ModelEvent, ModelRequest, Provider, ProviderError, tool_ids};

/// The provider's id.
pub const PROVIDER: &str = "demo";
/// The model's id.
pub const MODEL: &str = "offline";
/// The dialect's name in transcripts.
const API: &str = "demo";

/// The offline model.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demo;

impl Demo {
    /// The offline model as any provider.
    pub fn provider() -> Arc<dyn Provider> {
        Arc::new(Self)
    }
}

impl Provider for Demo {
    fn api(&self) -> &'static str {
        API
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, Result<ModelEvent, ProviderError>> {
        // Computed at the first poll, like a call to a vendor; a turn of the executor lies between the words, so that
        // they travel one by one as a model's do.
        let events = stream::once(async move { stream::iter(answer(&request)) }).flatten();
        events
            .then(|event| async move {
                tokio::task::yield_now().await;
                Ok(event)
            })
            .boxed()
    }
}

/// The whole answer. Pure.
fn answer(request: &ModelRequest) -> Vec<ModelEvent> {
    let asked = request.messages.iter().rposition(|message| matches!(message, Message::User(_)));
    let (content, after) = match asked {
        Some(at) => (user_content(&request.messages[at]), &request.messages[at + 1..]),
        None => (None, &request.messages[..]),
    };
    let results: Vec<&ToolResultMessage> = after.iter().filter_map(tool_result).collect();
    if !results.is_empty() {
        let told: Vec<String> =
            results.into_iter().map(|result| words::result(call_of(after, result), result)).collect();
        return say(&told.join("\n\n"));
    }
    let text = content.map(UserContent::text).unwrap_or_default();
    let intent = intent::of(&text);
    match plan(&intent) {
        Some((tool, arguments)) if request.tools.iter().any(|spec| spec.name == tool) => call(tool, arguments),
        Some((tool, _)) => say(&words::without_tool(tool)),
        None => say(&words::talk(&intent, content.is_some_and(has_picture))),
    }
}

/// The tool call that carries out `intent`, if it takes one.
fn plan(intent: &Intent) -> Option<(&'static str, Value)> {
    match intent {
        Intent::Time => Some(("exec", json!({"command": "date"}))),
        Intent::ListWorkspace => Some(("exec", json!({"command": "ls"}))),
        Intent::Read(path) => Some(("read", json!({"path": path}))),
        Intent::Run(command) => Some(("exec", json!({"command": command}))),
        Intent::Nodes => Some(("nodes", json!({"action": "status"}))),
        Intent::Heartbeat | Intent::Thanks | Intent::Hello | Intent::Unknown => None,
    }
}

fn say(text: &str) -> Vec<ModelEvent> {
    let words = text.split_inclusive(' ').map(|word| ModelEvent::Text(word.to_owned()));
    words.chain(end(StopReason::Stop)).collect()
}

fn call(tool: &str, arguments: Value) -> Vec<ModelEvent> {
    let call = ModelEvent::ToolCall { id: tool_ids::new_id(), name: tool.to_owned(), arguments: Ok(arguments) };
    std::iter::once(call).chain(end(StopReason::ToolUse)).collect()
}

/// It reads no tokens and writes none, and says so.
fn end(stop: StopReason) -> [ModelEvent; 2] {
    [ModelEvent::Usage(Usage::default()), ModelEvent::Done { stop, response_id: None }]
}

fn user_content(message: &Message) -> Option<&UserContent> {
    match message {
        Message::User(user) => Some(&user.content),
        _ => None,
    }
}

fn tool_result(message: &Message) -> Option<&ToolResultMessage> {
    match message {
        Message::ToolResult(result) => Some(result),
        _ => None,
    }
}

fn call_of<'a>(messages: &'a [Message], result: &ToolResultMessage) -> Option<&'a ToolCall> {
    let calls = messages.iter().filter_map(|message| match message {
        Message::Assistant(assistant) => Some(assistant.tool_calls()),
        _ => None,
    });
    calls.flatten().find(|call| call.id == result.tool_call_id)
}

fn has_picture(content: &UserContent) -> bool {
    matches!(content, UserContent::Blocks(blocks) if blocks.iter().any(|block| matches!(block, Block::Image { .. })))
}
