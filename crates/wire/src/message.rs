//! A message of a conversation, as transcripts keep it and `chat.history` shows it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "camelCase")]
pub enum Message {
    /// What a person (or a system event in their name) said.
    User(UserMessage),
    /// What the model said and which tools it called.
    Assistant(AssistantMessage),
    /// What one tool call gave back.
    ToolResult(ToolResultMessage),
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserMessage {
    /// Plain text, or text and images.
    pub content: UserContent,
    /// When it was accepted, in milliseconds.
    pub timestamp: i64,
    /// The key it was accepted under; one message per key, for ever.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub idempotency_key: Option<String>,
}

/// Plain text, or blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UserContent {
    /// The common case.
    Text(String),
    /// Text and images in order.
    Blocks(Vec<Block>),
}

impl UserContent {
    /// All text, blocks joined by a line break.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Blocks(blocks) => text_of(blocks),
        }
    }
}

/// What the model said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssistantMessage {
    /// Text, reasoning and tool calls in the order the model gave them.
    pub content: Vec<Block>,
    /// The vendor dialect, `openai-completions` or `anthropic-messages`.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub api: String,
    /// The provider's id in the config.
    #[serde(default)]
    pub provider: String,
    /// The model's id at that provider.
    #[serde(default)]
    pub model: String,
    /// What it cost.
    #[serde(default)]
    pub usage: Usage,
    /// Why it stopped.
    pub stop_reason: StopReason,
    /// For `error`: one sentence, never the vendor's raw body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error_message: Option<String>,
    /// When it ended, in milliseconds.
    pub timestamp: i64,
    /// The vendor's id of the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub response_id: Option<String>,
}

impl AssistantMessage {
    /// The visible text, blocks joined by a line break.
    pub fn text(&self) -> String {
        text_of(&self.content)
    }

    /// The tool calls in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.content.iter().filter_map(|block| match block {
            Block::ToolCall(call) => Some(call),
            _ => None,
        })
    }
}

/// What one tool call gave back; exactly one follows every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResultMessage {
    /// The call it answers.
    pub tool_call_id: String,
    /// The tool's name.
    pub tool_name: String,
    /// What the model sees: text and images.
    pub content: Vec<Block>,
    /// What only programs see.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub details: Option<Value>,
    /// Whether it failed.
    #[serde(default)]
    pub is_error: bool,
    /// When it ended, in milliseconds.
    pub timestamp: i64,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Block {
    /// Visible text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture, base64 of the whole file.
    Image {
        /// Standard base64.
        data: String,
        /// `image/png` and the like.
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
    /// The model's reasoning; never shown unless asked for.
    Thinking {
        /// The reasoning.
        thinking: String,
        /// The vendor's proof, sent back to the same vendor only.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        signature: Option<String>,
    },
    /// A tool the model wants run.
    ToolCall(ToolCall),
}

impl Block {
    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// A tool the model wants run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Unique within the session.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// As the model gave them, unchecked.
    pub arguments: Value,
}

/// Tokens of one model call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Tokens read, without the cached ones.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens read from the vendor's cache.
    pub cache_read: u64,
    /// Tokens written to the vendor's cache.
    pub cache_write: u64,
    /// All of them.
    pub total_tokens: u64,
    /// In the currency of the catalog, absent when the price is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// The price of one model call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cost {
    /// Of the tokens read.
    pub input: f64,
    /// Of the tokens written.
    pub output: f64,
    /// Of the cached tokens read.
    pub cache_read: f64,
    /// Of the tokens cached.
    pub cache_write: f64,
    /// The sum.
    pub total: f64,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StopReason {
    /// It was done.
    Stop,
    /// It hit its output limit.
    Length,
    /// It wants tools run.
    ToolUse,
    /// The call failed.
    Error,
    /// Somebody stopped it.
    Aborted,
}

/// The visible text of `blocks`, joined by a line break.
pub fn text_of(blocks: &[Block]) -> String {
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    ///
    #[test]
    fn messages_keep_the_shape_of_the_transcript() {
        let cases = [
            json!({"role":"user","content":"hello","timestamp":1,"idempotencyKey":"k"}),
            json!({"role":"user","content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"}],"timestamp":1}),
            json!({"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"hi"},
                {"type":"toolCall","id":"c1","name":"read","arguments":{"path":"x"}}],"api":"openai-completions",
                "provider":"p","model":"m","usage":{"input":1,"output":2,"cacheRead":0,"cacheWrite":0,"totalTokens":3},
                "stopReason":"toolUse","timestamp":2}),
            json!({"role":"toolResult","toolCallId":"c1","toolName":"read","content":[{"type":"text","text":"x"}],
                "isError":false,"timestamp":3}),
        ];
        for case in cases {
            let message: Message = serde_json::from_value(case.clone()).unwrap();
            assert_eq!(serde_json::to_value(&message).unwrap(), case);
        }
    }
}
