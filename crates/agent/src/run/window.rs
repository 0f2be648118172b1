//! From a transcript to what the model is sent: repaired, cleaned for the model at hand, and fitted to
//! its window. Pure, and in memory only: history on disk is never rewritten.

mod fit;
mod repair;

use wire::message::{AssistantMessage, Block, Message, ToolResultMessage, UserContent, UserMessage};

pub use fit::{estimate, fit, tokens_of};
pub use repair::repair;

/// What stands in for a picture when the model reads text only.
pub const NO_IMAGE: &str = "[A picture was here; this model reads text only.]";
/// What stands before a conversation that did not begin with a person, as most vendors insist.
pub const BEGAN_WITHOUT_USER: &str = "[The conversation begins with the note below.]";

/// The model the window is for.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The provider's id in the config.
    pub provider: &'a str,
    /// The model's id.
    pub model: &'a str,
    /// Whether it can look at pictures.
    pub images: bool,
}

/// The conversation as `reader` may see it: every call with exactly one result, no reasoning of other models, no
/// pictures for those who cannot see, nothing empty, and people and model taking turns.
pub fn clean(messages: Vec<Message>, reader: Reader<'_>) -> Vec<Message> {
    let cleaned = repair(messages).into_iter().filter_map(|message| match message {
        Message::User(user) => clean_user(user, reader).map(Message::User),
        Message::Assistant(assistant) => clean_assistant(assistant, reader).map(Message::Assistant),
        Message::ToolResult(result) => Some(Message::ToolResult(clean_result(result, reader))),
    });
    let mut turns = take_turns(cleaned);
    if turns.first().is_some_and(|first| !matches!(first, Message::User(_))) {
        turns.insert(0, note(BEGAN_WITHOUT_USER));
    }
    turns
}

fn clean_user(mut user: UserMessage, reader: Reader<'_>) -> Option<UserMessage> {
    match &mut user.content {
        UserContent::Text(text) => (!text.trim().is_empty()).then_some(user),
        UserContent::Blocks(blocks) => {
            clean_blocks(blocks, reader);
            (!blocks.is_empty()).then_some(user)
        }
    }
}

fn clean_assistant(mut message: AssistantMessage, reader: Reader<'_>) -> Option<AssistantMessage> {
    let own = message.provider == reader.provider && message.model == reader.model;
    message.content.retain(|block| match block {
        Block::Text { text } => !text.trim().is_empty(),
        // A vendor refuses reasoning it did not sign, and another model's reasoning is worth nothing to this one.
        Block::Thinking { .. } => own,
        Block::Image { .. } => false,
        Block::ToolCall(_) => true,
    });
    let says = message.content.iter().any(|block| !matches!(block, Block::Thinking { .. }));
    says.then_some(message)
}

fn clean_result(mut result: ToolResultMessage, reader: Reader<'_>) -> ToolResultMessage {
    clean_blocks(&mut result.content, reader);
    if result.content.is_empty() {
        result.content.push(Block::text("(no output)"));
    }
    result
}

fn clean_blocks(blocks: &mut Vec<Block>, reader: Reader<'_>) {
    for block in blocks.iter_mut().filter(|block| matches!(block, Block::Image { .. }) && !reader.images) {
        *block = Block::text(NO_IMAGE);
    }
    blocks.retain(|block| match block {
        Block::Text { text } => !text.trim().is_empty(),
        other => matches!(other, Block::Image { .. }),
    });
}

/// Joins messages of the same side that follow each other, which some vendors refuse.
fn take_turns(messages: impl Iterator<Item = Message>) -> Vec<Message> {
    let mut turns: Vec<Message> = Vec::new();
    for message in messages {
        match (turns.last_mut(), message) {
            (Some(Message::User(before)), Message::User(after)) => join_users(before, after),
            (Some(Message::Assistant(before)), Message::Assistant(after)) => {
                let earlier = std::mem::replace(before, after).content;
                before.content.splice(0..0, earlier);
            }
            (_, message) => turns.push(message),
        }
    }
    turns
}

fn join_users(before: &mut UserMessage, after: UserMessage) {
    let content = std::mem::replace(&mut before.content, UserContent::Text(String::new()));
    before.content = match (content, after.content) {
        (UserContent::Text(first), UserContent::Text(second)) => UserContent::Text(format!("{first}\n\n{second}")),
        (first, second) => UserContent::Blocks(blocks(first).into_iter().chain(blocks(second)).collect()),
    };
}

fn blocks(content: UserContent) -> Vec<Block> {
    match content {
        UserContent::Text(text) => vec![Block::Text { text }],
        UserContent::Blocks(blocks) => blocks,
    }
}

/// A message of ours in the user's place.
pub fn note(text: &str) -> Message {
    Message::User(UserMessage { content: UserContent::Text(text.to_owned()), timestamp: 0, idempotency_key: None })
}
