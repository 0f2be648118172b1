//! Every call is followed by exactly one result.

use std::collections::HashMap;

use wire::message::{Block, Message, ToolCall, ToolResultMessage};

/// What the model reads in place of a result that never came.
const LOST: &str = "The result of this call was lost. It may or may not have taken effect.";

/// Puts each call's result right behind it, makes up an error for one that is missing, and drops results nobody asked
/// for, or that came twice.
pub fn repair(messages: Vec<Message>) -> Vec<Message> {
    let mut answers = Answers::of(&messages);
    let mut repaired = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        match message {
            Message::Assistant(assistant) => {
                let calls: Vec<ToolCall> = assistant.tool_calls().cloned().collect();
                repaired.push(Message::Assistant(assistant));
                let results = calls.into_iter().map(|call| answers.take(index, &call).unwrap_or_else(|| lost(&call)));
                repaired.extend(results.map(Message::ToolResult));
            }
            Message::ToolResult(_) => {}
            user @ Message::User(_) => repaired.push(user),
        }
    }
    repaired
}

/// The results of a transcript by the place of the call they answer: the nearest call of that id before them.
struct Answers(HashMap<(usize, String), ToolResultMessage>);

impl Answers {
    fn of(messages: &[Message]) -> Self {
        let mut asked: HashMap<&str, usize> = HashMap::new();
        let mut answers = HashMap::new();
        for (index, message) in messages.iter().enumerate() {
            match message {
                Message::Assistant(assistant) => {
                    asked.extend(assistant.tool_calls().map(|call| (call.id.as_str(), index)));
                }
                Message::ToolResult(result) => {
                    if let Some(place) = asked.get(result.tool_call_id.as_str()) {
                        answers.entry((*place, result.tool_call_id.clone())).or_insert_with(|| result.clone());
                    }
                }
                Message::User(_) => {}
            }
        }
        Self(answers)
    }

    fn take(&mut self, place: usize, call: &ToolCall) -> Option<ToolResultMessage> {
        self.0.remove(&(place, call.id.clone()))
    }
}

fn lost(call: &ToolCall) -> ToolResultMessage {
    ToolResultMessage {
        tool_call_id: call.id.clone(),
        tool_name: call.name.clone(),
        content: vec![Block::text(LOST)],
        details: None,
        is_error: true,
        timestamp: 0,
    }
}
