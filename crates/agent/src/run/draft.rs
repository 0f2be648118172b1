//! The model's answer while it is being written.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use wire::message::{AssistantMessage, Block, StopReason, ToolCall, Usage};

use super::reply::{Directives, Shaper, Spoke};

/// Longest piece of broken arguments that is quoted back to the model.
const QUOTE_MAX: usize = 300;

/// One answer in the making.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    blocks: Vec<Block>,
    /// Why a call must not run, by its id.
    malformed: HashMap<String, String>,
    shaper: Shaper,
    /// What people have seen of it.
    visible: String,
    /// The vendor's latest count.
    pub(super) usage: Usage,
}

/// An answer that is complete.
pub(super) struct Answer {
    /// What became visible only now.
    pub(super) rest: String,
    /// All that is visible of it.
    pub(super) visible: String,
    /// Whether it says anything.
    pub(super) spoke: Spoke,
    /// What it asks of whoever delivers it.
    pub(super) directives: Directives,
    /// As the transcript keeps it: nothing stripped.
    pub(super) content: Vec<Block>,
    /// Its calls; with a reason, one must not run.
    pub(super) calls: Vec<(ToolCall, Option<String>)>,
}

impl Draft {
    /// What people have seen of it.
    pub(super) fn visible(&self) -> &str {
        &self.visible
    }

    /// More text; returns what became visible by it.
    pub(super) fn text(&mut self, delta: &str) -> String {
        let visible = match self.blocks.last_mut() {
            Some(Block::Text { text }) => {
                text.push_str(delta);
                self.shaper.push(delta)
            }
            _ => {
                // Text blocks are joined by a line break wherever a message is shown.
                let follows = self.blocks.iter().any(|block| matches!(block, Block::Text { .. }));
                self.blocks.push(Block::text(delta));
                self.shaper.push(&if follows { format!("\n{delta}") } else { delta.to_owned() })
            }
        };
        self.visible.push_str(&visible);
        visible
    }

    /// More reasoning.
    pub(super) fn thinking(&mut self, delta: &str) {
        match self.blocks.last_mut() {
            Some(Block::Thinking { thinking, signature: None }) => thinking.push_str(delta),
            _ => self.blocks.push(Block::Thinking { thinking: delta.to_owned(), signature: None }),
        }
    }

    /// The proof of the reasoning just given.
    pub(super) fn signature(&mut self, proof: String) {
        match self.blocks.last_mut() {
            Some(Block::Thinking { signature: signature @ None, .. }) => *signature = Some(proof),
            _ => self.blocks.push(Block::Thinking { thinking: String::new(), signature: Some(proof) }),
        }
    }

    /// A whole call. Its id becomes unique among `used`; arguments that are no JSON object mark it as never to run.
    pub(super) fn call(
        &mut self,
        id: String,
        name: String,
        arguments: Result<Value, String>,
        used: &mut HashSet<String>,
    ) {
        let id = unique(id, used);
        let arguments = match arguments {
            Ok(Value::Object(object)) => Value::Object(object),
            // Some models send nothing, or `null`, for a tool without arguments.
            Ok(Value::Null) => json!({}),
            Err(raw) if raw.trim().is_empty() => json!({}),
            Ok(other) => self.reject(&id, &other.to_string()),
            Err(raw) => self.reject(&id, &raw),
        };
        self.blocks.push(Block::ToolCall(ToolCall { id, name, arguments }));
    }

    fn reject(&mut self, id: &str, raw: &str) -> Value {
        let quote: String = raw.chars().take(QUOTE_MAX).collect();
        let reason = format!("The arguments were not a JSON object, so nothing was run. They began: {quote}");
        self.malformed.insert(id.to_owned(), reason);
        json!({})
    }

    /// The model is done.
    pub(super) fn finish(mut self) -> Answer {
        let (rest, spoke, directives) = self.shaper.finish();
        let mut content = self.blocks;
        content.retain(|block| !matches!(block, Block::Text { text } if text.is_empty()));
        let calls = content.iter().filter_map(|block| match block {
            Block::ToolCall(call) => Some((call.clone(), self.malformed.remove(&call.id))),
            _ => None,
        });
        let calls = calls.collect();
        Answer { visible: self.visible + &rest, rest, spoke, directives, content, calls }
    }

    /// What can be kept of an answer that will never be complete: the text people have seen.
    pub(super) fn salvage(&self) -> Vec<Block> {
        if self.visible.is_empty() { Vec::new() } else { vec![Block::text(&*self.visible)] }
    }
}

/// Who answered, stamped on each message of a turn.
#[derive(Debug, Clone)]
pub(super) struct Author {
    /// The provider's dialect.
    pub(super) api: &'static str,
    /// The provider's id in the config.
    pub(super) provider: String,
    /// The model's id.
    pub(super) model: String,
}

impl Author {
    /// A message by this author.
    pub(super) fn message(
        &self,
        content: Vec<Block>,
        stop_reason: StopReason,
        usage: Usage,
        ms: i64,
    ) -> AssistantMessage {
        AssistantMessage {
            content,
            api: self.api.to_owned(),
            provider: self.provider.clone(),
            model: self.model.clone(),
            usage,
            stop_reason,
            error_message: None,
            timestamp: ms,
            response_id: None,
        }
    }
}

/// `id`, or the first of `id-2`, `id-3`… that is not in `used`; it is then.
fn unique(id: String, used: &mut HashSet<String>) -> String {
    let base = if id.trim().is_empty() { "call".to_owned() } else { id };
    let names = std::iter::once(base.clone()).chain((2u32..).map(|n| format!("{base}-{n}")));
    let free = names.into_iter().find(|name| !used.contains(name)).unwrap_or(base);
    used.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn arguments_that_are_no_object_mark_the_call() {
        let mut draft = Draft::default();
        let mut used = HashSet::new();
        for arguments in [Err("{\"path\": \"a".into()), Ok(json!([1])), Err(String::new()), Ok(Value::Null)] {
            draft.call("c".into(), "read".into(), arguments, &mut used);
        }
        let answer = draft.finish();
        let rejected: Vec<_> = answer.calls.iter().map(|(call, why)| (call.id.as_str(), why.is_some())).collect();
        assert_eq!(rejected, [("c", true), ("c-2", true), ("c-3", false), ("c-4", false)]);
        assert!(answer.calls.iter().all(|(call, _)| call.arguments == json!({})));
        assert!(answer.calls[0].1.as_deref().unwrap().ends_with("They began: {\"path\": \"a"));
    }

    ///
    #[test]
    fn blocks_keep_the_order_the_model_gave_them() {
        let mut draft = Draft::default();
        draft.thinking("h");
        draft.thinking("m");
        draft.signature("proof".into());
        draft.thinking("again");
        assert_eq!(draft.text("One"), "One");
        draft.thinking("x");
        assert_eq!(draft.text("two"), "\ntwo");
        let answer = draft.finish();
        let thinking = |text: &str, signature: Option<&str>| Block::Thinking {
            thinking: text.into(),
            signature: signature.map(str::to_owned),
        };
        let texts = (Block::text("One"), Block::text("two"));
        let expected = [thinking("hm", Some("proof")), thinking("again", None), texts.0, thinking("x", None), texts.1];
        assert_eq!(answer.content, expected);
        assert_eq!(answer.visible, wire::message::text_of(&answer.content));
    }
}
