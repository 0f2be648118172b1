//! Writes the question.
//!
//! Turns alternate strictly and the first and last are the user's (A-4.6), so neighbours merge: tool results and what a
//! person said after them are one user turn, results first. The cache markers stand after the tools, after the stable
//! system part and at the end of the conversation; the volatile part of the prompt comes after the second and so never
//! spoils the first two.
//!
//! Reasoning goes back only within the current round of tool calls and only to the model that wrote it: the vendor
//! needs it there, ignores it elsewhere, and refuses it when anything before it has changed, as the volatile part of
//! the prompt does from round to round.

use serde_json::{Map, Value, json};
use wire::message::{AssistantMessage, Block, Message, ToolResultMessage, UserContent};

use super::API;
use super::answer::REDACTED_MARK;
use crate::providers::tool_ids::IdForm;
use crate::providers::{Endpoint, ModelRequest, SystemPrompt, Thinking, ToolSpec};

const IDS: IdForm = IdForm::UpTo(64);
/// The dialect demands a limit; this one is taken by every model there ever was, and by newer ones for more.
const MAX_TOKENS_ANY: u64 = 8_192;
const MAX_TOKENS_ADAPTIVE: u64 = 32_000;

/// The whole request.
pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Value {
    let generation = Generation::of(&request.model);
    let mut body = Map::new();
    body.insert("model".into(), request.model.as_str().into());
    body.insert("max_tokens".into(), max_tokens(endpoint, request, generation).into());
    body.insert("stream".into(), true.into());
    let system = system(&request.system);
    if !system.is_empty() {
        body.insert("system".into(), system.into());
    }
    if endpoint.switches.tools != Some(false) && !request.tools.is_empty() {
        body.insert("tools".into(), tools(&request.tools));
    }
    body.insert("messages".into(), messages(endpoint, request));
    if endpoint.reasons {
        body.extend(thinking(request.thinking, generation));
    }
    endpoint.params.add_to_messages(&mut body);
    body.into()
}

/// How a model is told to think: by a budget of tokens, or by effort since 4.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Generation {
    Budget,
    Adaptive,
    /// Since 4.7 a summary of the reasoning is sent only on request, and since 5 models think unless told how little.
    AdaptiveSilent,
}

impl Generation {
    /// From ids such as `claude-opus-5-5`, `claude-haiku-4-5-20251001`, `claude-3-7-sonnet-latest`; a name that is none
    /// of these belongs to somebody who copied the older way.
    fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let Some(rest) = name.strip_prefix("claude-") else { return Self::Budget };
        let mut numbers =
            rest.split(['-', '.']).filter_map(|part| part.parse::<u32>().ok().filter(|number| *number < 100));
        match (numbers.next(), numbers.next().unwrap_or(0)) {
            (Some(major), minor) if (major, minor) >= (4, 7) => Self::AdaptiveSilent,
            (Some(4), 6) => Self::Adaptive,
            _ => Self::Budget,
        }
    }
}

const fn budget(thinking: Thinking) -> Option<u64> {
    match thinking {
        Thinking::Off => None,
        Thinking::Low => Some(2_048),
        Thinking::Medium => Some(8_192),
        Thinking::High => Some(16_384),
    }
}

fn max_tokens(endpoint: &Endpoint, request: &ModelRequest, generation: Generation) -> u64 {
    let usual = if generation == Generation::Budget { MAX_TOKENS_ANY } else { MAX_TOKENS_ADAPTIVE };
    let asked =
        request.max_tokens.unwrap_or_else(|| endpoint.max_tokens.map_or(usual, |most| most.min(MAX_TOKENS_ADAPTIVE)));
    // A budget must leave room for the answer.
    let thinks = endpoint.reasons && generation == Generation::Budget;
    match request.thinking.and_then(budget).filter(|_| thinks) {
        Some(budget) if asked <= budget => budget + asked.max(1_024),
        _ => asked.max(1),
    }
}

/// The fields for A-15.2. Not thinking cannot be had from the newest models; the least effort is what comes closest.
fn thinking(thinking: Option<Thinking>, generation: Generation) -> Vec<(String, Value)> {
    let Some(thinking) = thinking else { return Vec::new() };
    let effort = match thinking {
        Thinking::Off | Thinking::Low => "low",
        Thinking::Medium => "medium",
        Thinking::High => "high",
    };
    let effort = ("output_config".to_owned(), json!({"effort": effort}));
    let how = |how: Value| ("thinking".to_owned(), how);
    match (generation, budget(thinking)) {
        (Generation::Budget, Some(budget)) => vec![how(json!({"type": "enabled", "budget_tokens": budget}))],
        (Generation::Adaptive, Some(_)) => vec![how(json!({"type": "adaptive"})), effort],
        (Generation::AdaptiveSilent, Some(_)) => {
            vec![how(json!({"type": "adaptive", "display": "summarized"})), effort]
        }
        (Generation::AdaptiveSilent, None) => vec![effort],
        (Generation::Budget | Generation::Adaptive, None) => Vec::new(),
    }
}

fn cached(mut block: Value) -> Value {
    block["cache_control"] = json!({"type": "ephemeral"});
    block
}

fn text_block(text: &str) -> Option<Value> {
    // The vendor refuses a block of nothing but white space.
    (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
}

fn system(system: &SystemPrompt) -> Vec<Value> {
    text_block(&system.stable).map(cached).into_iter().chain(text_block(&system.volatile)).collect()
}

fn tools(tools: &[ToolSpec]) -> Value {
    let mut out: Vec<Value> = tools
        .iter()
        .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters}))
        .collect();
    if let Some(last) = out.last_mut() {
        *last = cached(last.take());
    }
    out.into()
}

fn messages(endpoint: &Endpoint, request: &ModelRequest) -> Value {
    let round = request.messages.iter().rposition(|message| matches!(message, Message::User(_))).unwrap_or(0);
    let mut turns = Turns::default();
    for (at, message) in request.messages.iter().enumerate() {
        match message {
            Message::User(user) => turns.push("user", user_blocks(&user.content)),
            Message::Assistant(assistant) => {
                let ours =
                    assistant.api == API && assistant.provider == endpoint.provider && assistant.model == request.model;
                turns.push("assistant", assistant_blocks(assistant, ours && at > round));
            }
            Message::ToolResult(result) => turns.push("user", vec![tool_result(result)]),
        }
    }
    turns.finish()
}

/// Turns of one role each.
#[derive(Default)]
struct Turns(Vec<(&'static str, Vec<Value>)>);

impl Turns {
    fn push(&mut self, role: &'static str, blocks: Vec<Value>) {
        if blocks.is_empty() {
            return;
        }
        if self.0.is_empty() && role == "assistant" {
            self.0.push(("user", text_block("(the conversation goes on)").into_iter().collect()));
        }
        match self.0.last_mut() {
            Some((last, content)) if *last == role => content.extend(blocks),
            _ => self.0.push((role, blocks)),
        }
    }

    fn finish(mut self) -> Value {
        // A request may not end in the assistant's words, nor be empty.
        if self.0.last().is_none_or(|(role, _)| *role == "assistant") {
            self.push("user", text_block("(go on)").into_iter().collect());
        }
        for (_, content) in &mut self.0 {
            // Results must come before anything else in their turn; the sort keeps the order otherwise.
            content.sort_by_key(|block| block["type"] != "tool_result");
        }
        if let Some(last) = self.0.last_mut().and_then(|(_, content)| content.last_mut()) {
            *last = cached(last.take());
        }
        self.0.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect()
    }
}

fn user_blocks(content: &UserContent) -> Vec<Value> {
    match content {
        UserContent::Text(text) => text_block(text).into_iter().collect(),
        UserContent::Blocks(blocks) => blocks.iter().filter_map(block).collect(),
    }
}

fn block(block: &Block) -> Option<Value> {
    match block {
        Block::Text { text } => text_block(text),
        Block::Image { data, mime_type } => {
            Some(json!({"type": "image", "source": {"type": "base64", "media_type": mime_type, "data": data}}))
        }
        Block::Thinking { .. } | Block::ToolCall(_) => None,
    }
}

fn assistant_blocks(message: &AssistantMessage, with_thinking: bool) -> Vec<Value> {
    let write = |block: &Block| match block {
        Block::Text { text } => text_block(text),
        Block::Thinking { thinking, signature: Some(signature) } if with_thinking => {
            Some(match signature.strip_prefix(REDACTED_MARK) {
                Some(data) => json!({"type": "redacted_thinking", "data": data}),
                None => json!({"type": "thinking", "thinking": thinking, "signature": signature}),
            })
        }
        Block::ToolCall(call) => {
            let input = if call.arguments.is_object() { call.arguments.clone() } else { json!({}) };
            Some(json!({"type": "tool_use", "id": IDS.apply(&call.id), "name": call.name, "input": input}))
        }
        Block::Thinking { .. } | Block::Image { .. } => None,
    };
    let blocks: Vec<Value> = message.content.iter().filter_map(write).collect();
    let says_something = |block: &Value| block["type"] == "text" || block["type"] == "tool_use";
    if blocks.iter().any(says_something) { blocks } else { Vec::new() }
}

fn tool_result(result: &ToolResultMessage) -> Value {
    let mut content: Vec<Value> = result.content.iter().filter_map(block).collect();
    if content.is_empty() {
        content.extend(text_block("(no output)"));
    }
    let mut out = json!({"type": "tool_result", "tool_use_id": IDS.apply(&result.tool_call_id), "content": content});
    if result.is_error {
        out["is_error"] = true.into();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A-15.2
    #[test]
    fn each_generation_is_told_to_think_its_own_way() {
        let cases = [
            ("claude-opus-5-5", Generation::AdaptiveSilent),
            ("claude-sonnet-5", Generation::AdaptiveSilent),
            ("anthropic/claude-opus-4.8", Generation::AdaptiveSilent),
            ("claude-sonnet-4-6", Generation::Adaptive),
            ("claude-haiku-4-5-20251001", Generation::Budget),
            ("claude-sonnet-4-20250514", Generation::Budget),
            ("claude-3-7-sonnet-latest", Generation::Budget),
            ("kimi-k2", Generation::Budget),
        ];
        for (model, generation) in cases {
            assert_eq!(Generation::of(model), generation, "{model}");
        }
        let say = |level, generation| serde_json::to_string(&thinking(level, generation)).unwrap();
        assert_eq!(say(None, Generation::AdaptiveSilent), "[]");
        assert_eq!(say(Some(Thinking::Off), Generation::Budget), "[]");
        assert_eq!(say(Some(Thinking::Off), Generation::AdaptiveSilent), r#"[["output_config",{"effort":"low"}]]"#);
        assert_eq!(
            say(Some(Thinking::High), Generation::Budget),
            r#"[["thinking",{"type":"enabled","budget_tokens":16384}]]"#
        );
        assert!(say(Some(Thinking::High), Generation::AdaptiveSilent).contains(r#""display":"summarized""#));
    }
}
