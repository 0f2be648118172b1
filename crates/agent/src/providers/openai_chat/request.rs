//! Writes the question: one system message, then the conversation, with what this server cannot take turned into
//! something it can.
//!
//! Reasoning goes back only where a vendor needs it: within the current round of tool calls, to the server and model
//! that wrote it, in the field it came in (DeepSeek refuses a round without it; Gemini refuses unsigned tool calls).

use serde_json::{Map, Value, json};
use wire::message::{AssistantMessage, Block, Message, ToolCall, ToolResultMessage, UserContent, text_of};

use super::answer::{FIELD_MARK, GOOGLE_MARK};
use super::manner::Manner;
use crate::providers::{Endpoint, MaxTokensField, ModelRequest, SystemPrompt};

/// Gemini's documented word for "this call was not yours, do not look for a signature".
const UNSIGNED: &str = "skip_thought_signature_validator";
/// What stands for a result without content; some servers refuse an empty one.
const NO_OUTPUT: &str = "(no output)";

/// The whole request.
pub(super) fn body(manner: &Manner, endpoint: &Endpoint, request: &ModelRequest) -> Value {
    let with_tools = manner.tools && !request.tools.is_empty();
    let messages = Writer { manner, endpoint, request, with_tools, out: Vec::new() }.write();
    let mut body = Map::new();
    body.insert("model".into(), request.model.as_str().into());
    body.insert("messages".into(), messages.into());
    body.insert("stream".into(), true.into());
    if manner.usage_in_stream {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Some(max_tokens) = request.max_tokens {
        let field = match manner.max_tokens_field {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        };
        body.insert(field.into(), max_tokens.into());
    }
    if with_tools {
        body.insert("tools".into(), request.tools.iter().map(tool).collect());
        body.insert("tool_choice".into(), "auto".into());
    }
    if let Some((field, value)) = manner.reasoning(request.thinking, with_tools) {
        body.insert(field.into(), value);
    }
    endpoint.params.add_to_chat(&mut body);
    body.into()
}

fn tool(tool: &crate::providers::ToolSpec) -> Value {
    json!({"type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}})
}

struct Writer<'a> {
    manner: &'a Manner,
    endpoint: &'a Endpoint,
    request: &'a ModelRequest,
    with_tools: bool,
    out: Vec<Value>,
}

impl Writer<'_> {
    fn write(mut self) -> Vec<Value> {
        self.system(&self.request.system);
        let messages = &self.request.messages;
        // What comes after the last thing a person said is the current round.
        let round = messages.iter().rposition(|message| matches!(message, Message::User(_))).unwrap_or(0);
        let mut pictures = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            if !matches!(message, Message::ToolResult(_)) {
                self.pictures(std::mem::take(&mut pictures));
            }
            match message {
                Message::User(user) => self.user(&user.content),
                Message::Assistant(assistant) => self.assistant(assistant, at > round),
                Message::ToolResult(result) => pictures.extend(self.tool_result(result)),
            }
        }
        self.pictures(pictures);
        self.out
    }

    fn system(&mut self, system: &SystemPrompt) {
        let parts = [system.stable.trim(), system.volatile.trim()];
        let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
        if !text.is_empty() {
            let role = if self.manner.developer_role { "developer" } else { "system" };
            self.out.push(json!({"role": role, "content": text}));
        }
    }

    fn user(&mut self, content: &UserContent) {
        match content {
            UserContent::Text(text) => self.push_user(text.as_str().into()),
            UserContent::Blocks(blocks) if blocks.iter().all(|block| !matches!(block, Block::Image { .. })) => {
                self.push_user(text_of(blocks).into());
            }
            UserContent::Blocks(blocks) => self.push_user(blocks.iter().filter_map(part).collect()),
        }
    }

    /// Adds a user message; to the one before it, if there is one, since many local models know only strict turns.
    fn push_user(&mut self, content: Value) {
        let after_tool = self.out.last().is_some_and(|last| last["role"] == "tool");
        if after_tool && self.manner.assistant_after_tool_results {
            self.out.push(json!({"role": "assistant", "content": "I have read the results."}));
        }
        match self.out.last_mut() {
            Some(last) if last["role"] == "user" => {
                let joined = join(last["content"].take(), content);
                last["content"] = joined;
            }
            _ => self.out.push(json!({"role": "user", "content": content})),
        }
    }

    fn assistant(&mut self, message: &AssistantMessage, current_round: bool) {
        let text = message.text();
        let calls: Vec<&ToolCall> = message.tool_calls().collect();
        if self.out.iter().all(|before| before["role"] == "system" || before["role"] == "developer") {
            self.push_user("(the conversation goes on)".into());
        }
        if !self.with_tools && !calls.is_empty() {
            let told = calls.iter().map(|call| format!("[called {} with {}]", call.name, call.arguments));
            let lines: Vec<String> = std::iter::once(text).filter(|text| !text.is_empty()).chain(told).collect();
            self.out.push(json!({"role": "assistant", "content": lines.join("\n")}));
            return;
        }
        if text.is_empty() && calls.is_empty() {
            return;
        }
        let ours = message.provider == self.endpoint.provider && message.model == self.request.model;
        let content = if text.is_empty() { Value::Null } else { text.into() };
        let mut out = json!({"role": "assistant", "content": content});
        if ours && current_round {
            for (field, thinking) in reasoning(&message.content) {
                out[field] = thinking.into();
            }
        }
        if !calls.is_empty() {
            out["tool_calls"] = self.calls(&message.content, ours);
        }
        self.out.push(out);
    }

    fn calls(&self, blocks: &[Block], ours: bool) -> Value {
        let mut signature = None;
        let mut out = Vec::new();
        for block in blocks {
            match block {
                Block::Thinking { signature: Some(mark), .. } => signature = mark.strip_prefix(GOOGLE_MARK),
                Block::ToolCall(call) => {
                    let id = self.manner.ids.apply(&call.id);
                    let function = json!({"name": call.name, "arguments": call.arguments.to_string()});
                    let mut written = json!({"id": id, "type": "function", "function": function});
                    if self.manner.signed_tool_calls {
                        // Of calls made at once only the first is signed; a foreign first call says that it is.
                        let sign = signature.take().filter(|_| ours).or_else(|| out.is_empty().then_some(UNSIGNED));
                        if let Some(sign) = sign {
                            written["extra_content"] = json!({"google": {"thought_signature": sign}});
                        }
                    }
                    out.push(written);
                }
                _ => {}
            }
        }
        out.into()
    }

    /// Writes a result and gives back the pictures in it: the dialect has no place for them there.
    fn tool_result(&mut self, result: &ToolResultMessage) -> Vec<Value> {
        let text = Some(text_of(&result.content)).filter(|text| !text.trim().is_empty());
        let text = text.unwrap_or_else(|| NO_OUTPUT.into());
        if !self.with_tools {
            self.push_user(format!("[result of {}]\n{text}", result.tool_name).into());
        } else {
            let mut out =
                json!({"role": "tool", "tool_call_id": self.manner.ids.apply(&result.tool_call_id), "content": text});
            if self.manner.named_tool_results {
                out["name"] = result.tool_name.as_str().into();
            }
            self.out.push(out);
        }
        let pictures: Vec<Value> =
            result.content.iter().filter(|block| matches!(block, Block::Image { .. })).filter_map(part).collect();
        let caption =
            (!pictures.is_empty()).then(|| json!({"type": "text", "text": format!("[from {}]", result.tool_name)}));
        caption.into_iter().chain(pictures).collect()
    }

    fn pictures(&mut self, parts: Vec<Value>) {
        if !parts.is_empty() {
            self.push_user(parts.into());
        }
    }
}

fn part(block: &Block) -> Option<Value> {
    match block {
        Block::Text { text } => Some(json!({"type": "text", "text": text})),
        Block::Image { data, mime_type } => {
            Some(json!({"type": "image_url", "image_url": {"url": format!("data:{mime_type};base64,{data}")}}))
        }
        Block::Thinking { .. } | Block::ToolCall(_) => None,
    }
}

/// Two contents as one: text stays text, parts stay parts.
fn join(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::String(first), Value::String(second)) => format!("{first}\n\n{second}").into(),
        (first, second) => [first, second].into_iter().flat_map(parts).collect(),
    }
}

fn parts(content: Value) -> Vec<Value> {
    match content {
        Value::Array(parts) => parts,
        text => vec![json!({"type": "text", "text": text})],
    }
}

/// Reasoning by the field it came in.
fn reasoning(blocks: &[Block]) -> impl Iterator<Item = (&str, String)> {
    blocks.iter().filter_map(|block| match block {
        Block::Thinking { thinking, signature: Some(mark) } => Some((mark.strip_prefix(FIELD_MARK)?, thinking.clone())),
        _ => None,
    })
}
