//! Reads the events of an answer.

use serde::Deserialize;
use serde_json::Value;
use wire::message::{StopReason, Usage};

use crate::providers::failure::Failure;
use crate::providers::http::{Decoder, Progress};
use crate::providers::sse::Event;
use crate::providers::{CUT_OFF, FailureClass, ModelEvent};

/// Marks reasoning the vendor keeps to itself; what follows is its sealed form.
pub(super) const REDACTED_MARK: &str = "redacted:";

/// The state between events.
#[derive(Default)]
pub(super) struct Blocks {
    /// Tool calls whose arguments are still coming, by the index of their block.
    calls: Vec<Call>,
    /// A call that ended without arguments.
    bare: Option<Call>,
    usage: Usage,
    response_id: Option<String>,
    stop: Option<StopReason>,
}

struct Call {
    index: u64,
    id: String,
    name: String,
    input: Value,
    json: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Body {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        index: u64,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: Stop,
        usage: Option<Counts>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    id: Option<String>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    RedactedThinking {
        data: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    Json { partial_json: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Stop {
    stop_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

impl Decoder for Blocks {
    fn read(&mut self, event: &Event, out: &mut Vec<ModelEvent>) -> Result<Progress, Failure> {
        if event.data.trim().is_empty() {
            return Ok(Progress::More);
        }
        match serde_json::from_str(&event.data).map_err(|error| unreadable(&error))? {
            Body::MessageStart { message } => {
                self.response_id = message.id;
                self.count(message.usage);
            }
            Body::ContentBlockStart { index, content_block } => {
                self.release_bare(out);
                self.begin(index, content_block, out);
            }
            Body::ContentBlockDelta { index, delta } => self.delta(index, delta, out),
            Body::ContentBlockStop { index } => self.finish_call(index, out),
            Body::MessageDelta { delta, usage } => {
                self.count(usage);
                self.stop = stop_for(delta.stop_reason.as_deref())?.or(self.stop);
            }
            Body::MessageStop => {
                self.end(out)?;
                return Ok(Progress::Over);
            }
            Body::Error { error } => return Err(Failure::in_stream(&error)),
            Body::Other => {}
        }
        Ok(if self.stop.is_some() { Progress::Trailing } else { Progress::More })
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) -> Result<(), Failure> {
        let stop = self.stop.ok_or_else(Failure::broken_off)?;
        self.release_bare(out);
        // A call the output limit cut through never saw its block end.
        for call in std::mem::take(&mut self.calls) {
            out.push(ModelEvent::ToolCall { id: call.id, name: call.name, arguments: Err(call.json) });
        }
        self.usage.total_tokens = self.usage.input + self.usage.output + self.usage.cache_read + self.usage.cache_write;
        out.push(ModelEvent::Usage(self.usage));
        out.push(ModelEvent::Done { stop, response_id: self.response_id.take() });
        Ok(())
    }
}

impl Blocks {
    fn begin(&mut self, index: u64, block: Block, out: &mut Vec<ModelEvent>) {
        match block {
            Block::Text { text } if !text.is_empty() => out.push(ModelEvent::Text(text)),
            Block::ToolUse { id, name, input } => self.calls.push(Call { index, id, name, input, json: String::new() }),
            Block::RedactedThinking { data } => {
                out.push(ModelEvent::ThinkingSignature(format!("{REDACTED_MARK}{data}")))
            }
            Block::Text { .. } | Block::Other => {}
        }
    }

    fn delta(&mut self, index: u64, delta: Delta, out: &mut Vec<ModelEvent>) {
        match delta {
            Delta::Text { text } if !text.is_empty() => out.push(ModelEvent::Text(text)),
            Delta::Thinking { thinking } if !thinking.is_empty() => out.push(ModelEvent::Thinking(thinking)),
            Delta::Signature { signature } if !signature.is_empty() => {
                out.push(ModelEvent::ThinkingSignature(signature));
            }
            Delta::Json { partial_json } => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.index == index) {
                    call.json.push_str(&partial_json);
                }
            }
            _ => {}
        }
    }

    /// A call is complete with its block, except one without any arguments: the output limit may have cut it right
    /// there, which only what comes next can tell.
    fn finish_call(&mut self, index: u64, out: &mut Vec<ModelEvent>) {
        let Some(at) = self.calls.iter().position(|call| call.index == index) else { return };
        let call = self.calls.remove(at);
        if call.json.trim().is_empty() {
            self.bare = Some(call);
            return;
        }
        let arguments = match serde_json::from_str::<Value>(&call.json) {
            Ok(arguments) if arguments.is_object() => Ok(arguments),
            _ => Err(call.json),
        };
        out.push(ModelEvent::ToolCall { id: call.id, name: call.name, arguments });
    }

    fn release_bare(&mut self, out: &mut Vec<ModelEvent>) {
        let Some(call) = self.bare.take() else { return };
        let cut = self.stop == Some(StopReason::Length);
        let input = if call.input.is_object() { call.input } else { Value::Object(serde_json::Map::new()) };
        let arguments = if cut { Err(CUT_OFF.into()) } else { Ok(input) };
        out.push(ModelEvent::ToolCall { id: call.id, name: call.name, arguments });
    }

    fn count(&mut self, counts: Option<Counts>) {
        let Some(counts) = counts else { return };
        let keep = |slot: &mut u64, count: Option<u64>| *slot = count.unwrap_or(*slot);
        keep(&mut self.usage.input, counts.input_tokens);
        keep(&mut self.usage.output, counts.output_tokens);
        keep(&mut self.usage.cache_read, counts.cache_read_input_tokens);
        keep(&mut self.usage.cache_write, counts.cache_creation_input_tokens);
    }
}

fn stop_for(reason: Option<&str>) -> Result<Option<StopReason>, Failure> {
    Ok(match reason {
        None => None,
        Some("tool_use") => Some(StopReason::ToolUse),
        Some("max_tokens") => Some(StopReason::Length),
        Some("model_context_window_exceeded") => return Err(Failure::of(FailureClass::ContextOverflow)),
        Some("refusal") => return Err(Failure::of(FailureClass::Refusal)),
        Some(_) => Some(StopReason::Stop),
    })
}

fn unreadable(error: &serde_json::Error) -> Failure {
    tracing::debug!(%error, "an event is not JSON");
    Failure::saying(FailureClass::Network, "sent something garbled in the middle of its answer")
}
