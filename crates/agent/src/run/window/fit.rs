//! Making a conversation small enough for a model's window: old tool output goes first, then old turns. A call and its
//! result stay or go together, and what the person said last always stays.

use std::ops::Range;

use wire::message::{Block, Message, ToolResultMessage, UserContent, UserMessage};

use crate::prompt::cut;

/// Characters of a token, as a rule of thumb that errs on the safe side for English and code.
const CHARS_PER_TOKEN: usize = 4;
/// What a message costs beside its content.
const OVERHEAD: usize = 4;
/// What vendors charge for a picture of the size we send.
const IMAGE: usize = 1_500;
/// What is left of an old tool output at first.
const TRIMMED_CHARS: usize = 1_600;
/// What is left of one in the end.
const DROPPED: &str = "[This output was left out to fit the model's window. Call the tool again if it matters.]";
/// What the model reads where the oldest turns were.
const EARLIER: &str = "[The earlier part of this conversation was left out to fit the model's window.]";
/// The least the newest outputs are cut to when nothing else helps.
const LAST_RESORT_CHARS: usize = 400;

/// Fits `messages` (already cleaned) into `budget` tokens as far as that is possible.
pub fn fit(mut messages: Vec<Message>, budget: usize) -> Vec<Message> {
    let mut over = tokens_of(&messages).saturating_sub(budget);
    let newest = messages.iter().rposition(|message| !matches!(message, Message::ToolResult(_))).unwrap_or(0);
    for shrink in [trim as fn(&mut ToolResultMessage), drop_output] {
        over = shrink_results(&mut messages[..newest], over, shrink);
    }
    if over > 0 {
        over = drop_turns(&mut messages, over);
    }
    if over > 0 {
        over = drop_rounds(&mut messages, over);
    }
    if over > 0 {
        cut_newest(&mut messages, over);
    }
    messages
}

/// What `messages` cost, about.
pub fn tokens_of(messages: &[Message]) -> usize {
    messages.iter().map(message_tokens).sum()
}

/// What `text` costs, about.
pub fn estimate(text: &str) -> usize {
    text.chars().count().div_ceil(CHARS_PER_TOKEN)
}

fn message_tokens(message: &Message) -> usize {
    OVERHEAD
        + match message {
            Message::User(UserMessage { content: UserContent::Text(text), .. }) => estimate(text),
            Message::User(UserMessage { content: UserContent::Blocks(blocks), .. }) => blocks_tokens(blocks),
            Message::Assistant(assistant) => blocks_tokens(&assistant.content),
            Message::ToolResult(result) => blocks_tokens(&result.content),
        }
}

fn blocks_tokens(blocks: &[Block]) -> usize {
    let tokens = blocks.iter().map(|block| match block {
        Block::Text { text } => estimate(text),
        Block::Image { .. } => IMAGE,
        Block::Thinking { thinking, signature } => estimate(thinking) + signature.as_deref().map_or(0, estimate),
        Block::ToolCall(call) => estimate(&call.name) + estimate(&call.arguments.to_string()),
    });
    tokens.sum()
}

/// Shrinks results from the oldest until `over` tokens are saved; returns what is still over.
fn shrink_results(messages: &mut [Message], mut over: usize, shrink: fn(&mut ToolResultMessage)) -> usize {
    for message in messages {
        if over == 0 {
            break;
        }
        let before = message_tokens(message);
        if let Message::ToolResult(result) = message {
            shrink(result);
        }
        over = over.saturating_sub(before - message_tokens(message).min(before));
    }
    over
}

fn trim(result: &mut ToolResultMessage) {
    cut_result(result, TRIMMED_CHARS);
}

fn cut_result(result: &mut ToolResultMessage, chars: usize) {
    for block in &mut result.content {
        match block {
            Block::Text { text } => *text = cut(text, chars, "this output was shortened to fit the model's window"),
            Block::Image { .. } => *block = Block::text(DROPPED),
            Block::Thinking { .. } | Block::ToolCall(_) => {}
        }
    }
}

fn drop_output(result: &mut ToolResultMessage) {
    if blocks_tokens(&result.content) > estimate(DROPPED) {
        result.content = vec![Block::text(DROPPED)];
    }
}

/// Drops whole turns from the oldest, but never the last one.
fn drop_turns(messages: &mut Vec<Message>, over: usize) -> usize {
    let starts: Vec<usize> = (0..messages.len()).filter(|&at| matches!(messages[at], Message::User(_))).collect();
    let Some(&last) = starts.last() else { return over };
    let mut left = over;
    let mut end = 0;
    for &next in starts.iter().skip(1) {
        if left == 0 || end >= last {
            break;
        }
        left = left.saturating_sub(tokens_of(&messages[end..next]));
        end = next;
    }
    if end > 0 {
        messages.drain(..end);
        mark(messages);
    }
    left
}

/// In a turn that is too long by itself: drops its oldest rounds of calls and results, but never the last.
fn drop_rounds(messages: &mut Vec<Message>, over: usize) -> usize {
    let rounds: Vec<Range<usize>> = rounds(messages);
    let mut left = over;
    let mut dropped = 0..0;
    for round in rounds.iter().take(rounds.len().saturating_sub(1)) {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(tokens_of(&messages[round.clone()]));
        dropped = if dropped.is_empty() { round.clone() } else { dropped.start..round.end };
    }
    if !dropped.is_empty() {
        messages.drain(dropped);
        mark(messages);
    }
    left
}

/// Each assistant message with the results that follow it.
fn rounds(messages: &[Message]) -> Vec<Range<usize>> {
    let starts: Vec<usize> = (0..messages.len()).filter(|&at| matches!(messages[at], Message::Assistant(_))).collect();
    let end_of = |start: usize| {
        let results = messages[start + 1..].iter().take_while(|message| matches!(message, Message::ToolResult(_)));
        start + 1 + results.count()
    };
    starts.into_iter().map(|start| start..end_of(start)).collect()
}

/// Nothing else is left: the newest outputs are cut, each by its share.
fn cut_newest(messages: &mut [Message], over: usize) {
    let newest = messages.iter().rposition(|message| !matches!(message, Message::ToolResult(_))).map_or(0, |at| at + 1);
    let size = tokens_of(&messages[newest..]);
    let target = size.saturating_sub(over);
    for message in &mut messages[newest..] {
        let chars = message_tokens(message) * target / size.max(1) * CHARS_PER_TOKEN;
        if let Message::ToolResult(result) = message {
            cut_result(result, chars.max(LAST_RESORT_CHARS));
        }
    }
}

/// Tells the model, in the first thing a person says, that something is missing.
fn mark(messages: &mut [Message]) {
    let Some(Message::User(user)) = messages.first_mut() else { return };
    match &mut user.content {
        UserContent::Text(text) if !text.starts_with(EARLIER) => *text = format!("{EARLIER}\n\n{text}"),
        UserContent::Blocks(blocks) if blocks.first() != Some(&Block::text(EARLIER)) => {
            blocks.insert(0, Block::text(EARLIER));
        }
        _ => {}
    }
}
