//! A transcript's message as `chat.history`, `session.message` and `chat.message.get` show it (A-4.7).

use serde_json::{Map, Value, json};
use wire::message::{AssistantMessage, Block, Message, UserContent, UserMessage};

use super::text;

/// Longest text of one message when the client names no limit.
pub(crate) const DEFAULT_MAX_CHARS: usize = 100_000;

/// Where a message is in its transcript.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The entry.
    pub(crate) entry_id: &'a str,
    /// Its number, from 1.
    pub(crate) seq: u64,
    /// The run that wrote it.
    pub(crate) run_id: Option<&'a str>,
    /// When it became durable, in milliseconds.
    pub(crate) at: i64,
}

/// How much of a message to show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Longest text.
    pub(crate) max_chars: usize,
    /// Whether pictures are included or only named.
    pub(crate) pictures: bool,
}

impl Limits {
    /// For a page of many messages.
    pub(crate) fn page(max_chars: Option<usize>) -> Self {
        Self { max_chars: max_chars.unwrap_or(DEFAULT_MAX_CHARS), pictures: false }
    }
}

/// The message as a person may see it; `None` when there is nothing in it for people.
pub(crate) fn project(message: &Message, place: Place<'_>, limits: Limits) -> Option<Value> {
    let mut truncated = false;
    let shown = match message {
        Message::User(user) => project_user(user, limits, &mut truncated)?,
        Message::Assistant(assistant) => project_assistant(assistant, limits, &mut truncated)?,
        Message::ToolResult(result) => {
            let mut result = result.clone();
            result.content = blocks(&result.content, limits, &mut truncated, |text| Some(text.to_owned()));
            Message::ToolResult(result)
        }
    };
    let mut value = serde_json::to_value(shown).ok()?;
    let object = value.as_object_mut()?;
    if !limits.pictures {
        name_pictures(object);
    }
    object.insert("__openclaw".into(), place_value(message, place, truncated));
    Some(value)
}

/// The visible text of a projected message on one line, for previews.
pub(crate) fn preview(message: &Message, max: usize) -> Option<String> {
    let line = match message {
        Message::User(user) => text::one_line(text::user(&user.content.text())?, max),
        Message::Assistant(assistant) => text::one_line(&text::assistant(&assistant.text())?, max),
        Message::ToolResult(_) => return None,
    };
    (!line.is_empty()).then_some(line)
}

fn project_user(user: &UserMessage, limits: Limits, truncated: &mut bool) -> Option<Message> {
    let content = match &user.content {
        UserContent::Text(said) => UserContent::Text(cut(text::user(said)?, limits, truncated)),
        UserContent::Blocks(said) => {
            UserContent::Blocks(blocks(said, limits, truncated, |said| text::user(said).map(Into::into)))
        }
    };
    Some(Message::User(UserMessage { content, ..user.clone() }))
}

fn project_assistant(assistant: &AssistantMessage, limits: Limits, truncated: &mut bool) -> Option<Message> {
    let content = blocks(&assistant.content, limits, truncated, text::assistant);
    let said_nothing = content.is_empty() && assistant.error_message.is_none();
    (!said_nothing).then(|| Message::Assistant(AssistantMessage { content, ..assistant.clone() }))
}

fn blocks(
    blocks: &[Block],
    limits: Limits,
    truncated: &mut bool,
    shown: impl Fn(&str) -> Option<String>,
) -> Vec<Block> {
    let project = |block: &Block| match block {
        Block::Text { text } => shown(text).map(|text| Block::text(cut(&text, limits, truncated))),
        // The vendor's proof is of no use to a person.
        Block::Thinking { thinking, .. } => Some(Block::Thinking { thinking: thinking.clone(), signature: None }),
        other => Some(other.clone()),
    };
    blocks.iter().filter_map(project).collect()
}

fn cut(text: &str, limits: Limits, truncated: &mut bool) -> String {
    let shown = text::shorten(text, limits.max_chars);
    *truncated |= *shown != *text;
    shown.into_owned()
}

/// Pictures are large; a page says only that there is one, and `chat.message.get` has it.
fn name_pictures(message: &mut Map<String, Value>) {
    let Some(Value::Array(blocks)) = message.get_mut("content") else { return };
    for block in blocks.iter_mut().filter(|block| block["type"] == "image") {
        let bytes = block["data"].as_str().map_or(0, |data| data.len() / 4 * 3);
        *block = json!({"type": "image", "mimeType": block["mimeType"], "omitted": true, "bytes": bytes});
    }
}

fn place_value(message: &Message, place: Place<'_>, truncated: bool) -> Value {
    let mut value = json!({"id": place.entry_id, "seq": place.seq, "recordTimestampMs": place.at});
    if let Some(run_id) = place.run_id {
        value["runId"] = run_id.into();
    }
    if let Message::User(UserMessage { idempotency_key: Some(key), .. }) = message {
        value["idempotencyKey"] = key.as_str().into();
    }
    if truncated {
        value["truncated"] = true.into();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::message::{StopReason, Usage};

    const PLACE: Place<'static> = Place { entry_id: "e", seq: 3, run_id: Some("r"), at: 7 };

    fn assistant(content: Vec<Block>) -> Message {
        Message::Assistant(AssistantMessage {
            content,
            api: "demo".into(),
            provider: "p".into(),
            model: "m".into(),
            usage: Usage::default(),
            stop_reason: StopReason::Stop,
            error_message: None,
            timestamp: 5,
            response_id: None,
        })
    }

    fn user(content: UserContent) -> Message {
        Message::User(UserMessage { content, timestamp: 1, idempotency_key: Some("k".into()) })
    }

    /// A-4.7
    #[test]
    fn a_message_carries_its_place() {
        let shown = project(&user(UserContent::Text("hello".into())), PLACE, Limits::page(None)).unwrap();
        assert_eq!(
            shown,
            json!({"role": "user", "content": "hello", "timestamp": 1, "idempotencyKey": "k",
                "__openclaw": {"id": "e", "seq": 3, "recordTimestampMs": 7, "runId": "r", "idempotencyKey": "k"}})
        );
    }

    /// A-4.7
    #[test]
    fn silence_is_not_shown_and_long_text_says_that_it_was_cut() {
        assert_eq!(project(&assistant(vec![Block::text("NO_REPLY")]), PLACE, Limits::page(None)), None);
        let cut = project(&assistant(vec![Block::text("abcdef")]), PLACE, Limits::page(Some(3))).unwrap();
        assert_eq!(cut["content"][0]["text"], "abc…");
        assert_eq!(cut["__openclaw"]["truncated"], true);
    }

    #[test]
    fn a_page_names_pictures_and_a_single_message_has_them() {
        let picture = Block::Image { data: "AAAA".into(), mime_type: "image/png".into() };
        let message = user(UserContent::Blocks(vec![Block::text("see"), picture]));
        let page = project(&message, PLACE, Limits::page(None)).unwrap();
        assert_eq!(page["content"][1], json!({"type": "image", "mimeType": "image/png", "omitted": true, "bytes": 3}));
        let whole = project(&message, PLACE, Limits { max_chars: 9, pictures: true }).unwrap();
        assert_eq!(whole["content"][1]["data"], "AAAA");
    }
}
