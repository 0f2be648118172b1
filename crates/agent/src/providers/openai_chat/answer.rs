//! Reads the chunks of an answer.
//!
//! What servers get wrong, and what is done about it: tool calls without an index or all with index 0 (Ollama) are told
//! apart by their ids; without an id they get one; arguments may be an object instead of its text; `finish_reason` may
//! be `stop` although tools are called, or missing before `[DONE]`; `[DONE]` may be missing after it; token counts may
//! come in the choice (Moonshot) or under `x_groq`; an error may come inside a stream that began with 200.

use serde_json::Value;
use wire::message::{StopReason, Usage};

use super::chunk::{CallDelta, Choice, Chunk, Content, Delta, FunctionDelta, RawUsage};
use super::think_tags::{Piece, ThinkTags};
use crate::providers::failure::Failure;
use crate::providers::http::{Decoder, Progress};
use crate::providers::sse::Event;
use crate::providers::{CUT_OFF, FailureClass, ModelEvent, tool_ids};

/// Marks a thinking block whose text goes back under this field; see [`super::request`].
pub(super) const FIELD_MARK: &str = "field:";
/// Marks a thinking block that only holds the signature of the tool call after it.
pub(super) const GOOGLE_MARK: &str = "google:";

/// The state between chunks.
#[derive(Default)]
pub(super) struct Chunks {
    tags: ThinkTags,
    calls: Vec<Call>,
    /// The field reasoning came in, until it is marked.
    reasoning_field: Option<&'static str>,
    usage: Option<Usage>,
    response_id: Option<String>,
    stop: Option<StopReason>,
    answered: bool,
}

/// A tool call in the making.
#[derive(Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
    signature: Option<String>,
}

impl Decoder for Chunks {
    fn read(&mut self, event: &Event, out: &mut Vec<ModelEvent>) -> Result<Progress, Failure> {
        let data = event.data.trim();
        if data == "[DONE]" {
            self.close(self.stop.or(Some(StopReason::Stop)), out)?;
            return Ok(Progress::Over);
        }
        if data.is_empty() {
            return Ok(Progress::More);
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|error| unreadable(&error))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(Failure::in_stream(&error));
        }
        self.response_id = self.response_id.take().or(chunk.id.filter(|id| !id.is_empty()));
        self.count(chunk.usage.or(chunk.x_groq.and_then(|groq| groq.usage)));
        if let Some(choice) = chunk.choices.into_iter().next() {
            self.choice(choice, out)?;
        }
        Ok(if self.stop.is_some() { Progress::Trailing } else { Progress::More })
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) -> Result<(), Failure> {
        self.close(self.stop, out)
    }
}

impl Chunks {
    fn choice(&mut self, choice: Choice, out: &mut Vec<ModelEvent>) -> Result<(), Failure> {
        if let Some(error) = choice.error.filter(|error| !error.is_null()) {
            return Err(Failure::in_stream(&error));
        }
        self.answered = true;
        self.count(choice.usage);
        if let Some(delta) = choice.delta {
            self.delta(delta, out);
        }
        self.stop = match choice.finish_reason.as_deref() {
            None | Some("") => self.stop,
            Some("length" | "max_tokens") => Some(StopReason::Length),
            Some("tool_calls" | "function_call") => Some(StopReason::ToolUse),
            Some("content_filter") => return Err(Failure::of(FailureClass::Refusal)),
            Some("error") => return Err(Failure::of(FailureClass::ServerError)),
            Some(_) => Some(StopReason::Stop),
        };
        Ok(())
    }

    fn delta(&mut self, delta: Delta, out: &mut Vec<ModelEvent>) {
        let non_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
        // Some servers send the same reasoning under both names; the first one found is the one.
        if let Some(text) = non_empty(delta.reasoning_content) {
            self.thinking(text, "reasoning_content", out);
        } else if let Some(text) = non_empty(delta.reasoning) {
            self.thinking(text, "reasoning", out);
        }
        match delta.content {
            Some(Content::Text(text)) if !text.is_empty() => self.text(&text, out),
            Some(Content::Parts(parts)) => parts.iter().for_each(|part| self.part(part, out)),
            _ => {}
        }
        if let Some(refusal) = non_empty(delta.refusal) {
            self.text(&refusal, out);
        }
        for call in delta.tool_calls {
            self.call(call);
        }
    }

    fn part(&mut self, part: &Value, out: &mut Vec<ModelEvent>) {
        match part["type"].as_str() {
            Some("text") => self.text(part["text"].as_str().unwrap_or_default(), out),
            Some("thinking") => {
                let inner = part["thinking"].as_array().into_iter().flatten();
                let text: String = inner.filter_map(|piece| piece["text"].as_str()).collect();
                out.push(ModelEvent::Thinking(text));
            }
            _ => {}
        }
    }

    fn thinking(&mut self, text: String, field: &'static str, out: &mut Vec<ModelEvent>) {
        self.reasoning_field = Some(field);
        out.push(ModelEvent::Thinking(text));
    }

    fn text(&mut self, text: &str, out: &mut Vec<ModelEvent>) {
        self.mark_reasoning(out);
        out.extend(self.tags.feed(text).into_iter().map(told_apart));
    }

    /// Says which field the reasoning so far came in, so that it can go back in the same.
    fn mark_reasoning(&mut self, out: &mut Vec<ModelEvent>) {
        let field = self.reasoning_field.take();
        out.extend(field.map(|field| ModelEvent::ThinkingSignature(format!("{FIELD_MARK}{field}"))));
    }

    fn call(&mut self, delta: CallDelta) {
        let id = delta.id.unwrap_or_default();
        let function = delta.function.unwrap_or(FunctionDelta { name: None, arguments: None });
        let name = function.name.unwrap_or_default();
        let call = self.call_for(delta.index, &id, &name);
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
        match function.arguments {
            Some(Value::String(fragment)) => call.arguments.push_str(&fragment),
            Some(Value::Null) | None => {}
            Some(whole) => call.arguments = whole.to_string(),
        }
        let signature = delta.extra_content.as_ref().and_then(|extra| extra["google"]["thought_signature"].as_str());
        call.signature = signature.map(str::to_owned).or(call.signature.take());
    }

    /// The call a fragment belongs to: the one with its index, unless the fragment brings another id; without an index
    /// the last one, unless the fragment begins a new call.
    fn call_for(&mut self, index: Option<u64>, id: &str, name: &str) -> &mut Call {
        let known = match index {
            Some(index) => self.calls.iter().rposition(|call| call.index == Some(index)),
            None => self.calls.len().checked_sub(1),
        };
        let begins = |call: &Call| {
            let other_id = !id.is_empty() && !call.id.is_empty() && call.id != id;
            let other_call = index.is_none() && !name.is_empty() && (id.is_empty() || other_id);
            other_id || other_call
        };
        let at = match known {
            Some(at) if !begins(&self.calls[at]) => at,
            _ => {
                self.calls.push(Call { index, ..Call::default() });
                self.calls.len() - 1
            }
        };
        &mut self.calls[at]
    }

    fn count(&mut self, raw: Option<RawUsage>) {
        let Some(raw) = raw else { return };
        let (Some(prompt), Some(output)) = (raw.prompt_tokens, raw.completion_tokens) else { return };
        let details = raw.prompt_tokens_details.unwrap_or_default();
        let cache_read = details.cached_tokens.or(raw.prompt_cache_hit_tokens).unwrap_or(0);
        let cache_write = details.cache_write_tokens.unwrap_or(0);
        let input = prompt.saturating_sub(cache_read + cache_write);
        let total_tokens = raw.total_tokens.unwrap_or(prompt + output);
        self.usage = Some(Usage { input, output, cache_read, cache_write, total_tokens, cost: None });
    }

    /// The end of the answer, if it is one: `stop` is what was said about why.
    fn close(&mut self, stop: Option<StopReason>, out: &mut Vec<ModelEvent>) -> Result<(), Failure> {
        if !self.answered {
            return Err(Failure::saying(FailureClass::Network, "ended its answer before it began"));
        }
        let stop = stop.ok_or_else(Failure::broken_off)?;
        out.extend(self.tags.finish().map(told_apart));
        self.mark_reasoning(out);
        let stop = self.close_calls(stop, out);
        out.extend(self.usage.take().map(ModelEvent::Usage));
        out.push(ModelEvent::Done { stop, response_id: self.response_id.take() });
        Ok(())
    }

    /// Hands over the calls. A call the output limit cut through is not one, even if what there is happens to parse.
    fn close_calls(&mut self, stop: StopReason, out: &mut Vec<ModelEvent>) -> StopReason {
        let calls: Vec<Call> =
            std::mem::take(&mut self.calls).into_iter().filter(|call| !call.name.is_empty()).collect();
        let last = calls.len().checked_sub(1);
        let cut = stop == StopReason::Length;
        for (at, call) in calls.into_iter().enumerate() {
            out.extend(call.signature.map(|sign| ModelEvent::ThinkingSignature(format!("{GOOGLE_MARK}{sign}"))));
            let id = if call.id.is_empty() { tool_ids::new_id() } else { call.id };
            let cut_here = cut && Some(at) == last;
            out.push(ModelEvent::ToolCall {
                id,
                name: call.name,
                arguments: parse_arguments(call.arguments, cut_here),
            });
        }
        if last.is_some() && !cut {
            StopReason::ToolUse
        } else if last.is_none() && stop == StopReason::ToolUse {
            StopReason::Stop
        } else {
            stop
        }
    }
}

fn told_apart(piece: Piece) -> ModelEvent {
    match piece {
        Piece::Text(text) => ModelEvent::Text(text),
        Piece::Thinking(text) => ModelEvent::Thinking(text),
    }
}

/// A tool without parameters is often called with no arguments at all.
fn parse_arguments(text: String, cut: bool) -> Result<Value, String> {
    if text.trim().is_empty() && !cut {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(arguments) if arguments.is_object() => Ok(arguments),
        _ if text.trim().is_empty() => Err(CUT_OFF.into()),
        _ => Err(text),
    }
}

fn unreadable(error: &serde_json::Error) -> Failure {
    tracing::debug!(%error, "a chunk is not JSON");
    Failure::saying(FailureClass::Network, "sent something garbled in the middle of its answer")
}
