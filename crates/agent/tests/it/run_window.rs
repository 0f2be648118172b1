//! What the model is sent of a transcript.

use openclaw_agent::run::window::{BEGAN_WITHOUT_USER, NO_IMAGE, Reader, clean, fit, tokens_of};
use proptest::prelude::*;
use serde_json::json;
use wire::message::{
    AssistantMessage, Block, Message, StopReason, ToolCall, ToolResultMessage, Usage, UserContent, UserMessage, text_of,
};

const READER: Reader<'static> = Reader { provider: "p", model: "m", images: true };

fn user(text: &str) -> Message {
    Message::User(UserMessage { content: UserContent::Text(text.into()), timestamp: 1, idempotency_key: None })
}

fn assistant(content: Vec<Block>) -> Message {
    Message::Assistant(AssistantMessage {
        content,
        api: "script".into(),
        provider: "p".into(),
        model: "m".into(),
        usage: Usage::default(),
        stop_reason: StopReason::Stop,
        error_message: None,
        timestamp: 1,
        response_id: None,
    })
}

fn calls(ids: &[&str]) -> Message {
    let call = |id: &&str| Block::ToolCall(ToolCall { id: (*id).into(), name: "read".into(), arguments: json!({}) });
    assistant(ids.iter().map(call).collect())
}

fn result(id: &str, text: &str) -> Message {
    Message::ToolResult(ToolResultMessage {
        tool_call_id: id.into(),
        tool_name: "read".into(),
        content: vec![Block::text(text)],
        details: None,
        is_error: false,
        timestamp: 1,
    })
}

fn line(message: &Message) -> String {
    match message {
        Message::User(user) => format!("user {}", user.content.text()),
        Message::Assistant(message) => {
            let calls: Vec<_> = message.tool_calls().map(|call| call.id.as_str()).collect();
            format!("assistant {}{}", message.text(), calls.join(","))
        }
        Message::ToolResult(result) => format!("{} {}", result.tool_call_id, text_of(&result.content)),
    }
}

fn lines(messages: &[Message]) -> Vec<String> {
    messages.iter().map(line).collect()
}

///
#[test]
fn every_call_gets_exactly_one_result_right_behind_it() {
    let messages = vec![
        user("go"),
        calls(&["a", "b", "c"]),
        result("b", "B"),
        result("x", "nobody asked"),
        result("a", "A"),
        result("a", "again"),
        user("next"),
        calls(&["a"]),
        result("a", "the second a"),
    ];
    let lost = "c The result of this call was lost. It may or may not have taken effect.";
    let expected = ["user go", "assistant a,b,c", "a A", "b B", lost, "user next", "assistant a", "a the second a"];
    assert_eq!(lines(&clean(messages, READER)), expected);
}

///
#[test]
fn reasoning_of_another_model_stays_out() {
    let thinking = Block::Thinking { thinking: "hm".into(), signature: Some("proof".into()) };
    let messages = || vec![user("go"), assistant(vec![thinking.clone(), Block::text("ok")])];
    let content = |messages: Vec<Message>| match messages.into_iter().nth(1) {
        Some(Message::Assistant(message)) => message.content,
        other => panic!("{other:?}"),
    };
    assert_eq!(content(clean(messages(), READER)), [thinking.clone(), Block::text("ok")]);
    assert_eq!(content(clean(messages(), Reader { model: "other", ..READER })), [Block::text("ok")]);
    let only_thought = vec![user("go"), assistant(vec![thinking]), user("well?")];
    assert_eq!(lines(&clean(only_thought, Reader { provider: "q", ..READER })), ["user go\n\nwell?"]);
}

///
#[test]
fn a_model_without_eyes_gets_a_note_instead_of_a_picture() {
    let image = Block::Image { data: "AA==".into(), mime_type: "image/png".into() };
    let content = UserContent::Blocks(vec![Block::text("look"), image]);
    let message = Message::User(UserMessage { content, timestamp: 1, idempotency_key: None });
    let blind = clean(vec![message.clone()], Reader { images: false, ..READER });
    assert_eq!(lines(&blind), [format!("user look\n{NO_IMAGE}")]);
    assert_eq!(clean(vec![message.clone()], READER), [message]);
}

///
#[test]
fn people_and_model_take_turns_and_a_person_begins() {
    let messages = vec![
        assistant(vec![Block::text("a note")]),
        assistant(vec![]),
        assistant(vec![Block::text("another")]),
        user("one"),
        user("two"),
        assistant(vec![Block::text(" ")]),
        user("three"),
    ];
    let expected =
        [format!("user {BEGAN_WITHOUT_USER}"), "assistant a note\nanother".into(), "user one\n\ntwo\n\nthree".into()];
    assert_eq!(lines(&clean(messages, READER)), expected);
}

///
#[test]
fn old_output_is_shortened_before_anything_is_dropped() {
    let long = "x".repeat(8_000);
    let messages = vec![user("one"), calls(&["a"]), result("a", &long), user("two"), calls(&["b"]), result("b", &long)];
    let fitted = fit(messages.clone(), tokens_of(&messages) - 1_000);
    assert_eq!((fitted.len(), &fitted[5]), (messages.len(), &messages[5]), "the newest output is whole");
    assert!(line(&fitted[2]).contains("characters left out"));
    let smaller = fit(messages, 2_100);
    assert!(line(&smaller[2]).starts_with("a [This output was left out"), "{}", line(&smaller[2]));
}

///
#[test]
fn then_the_oldest_turns_go_and_the_model_is_told() {
    let mut messages = Vec::new();
    for turn in 0..10 {
        messages.extend([user(&format!("question {turn}")), assistant(vec![Block::text("y".repeat(400))])]);
    }
    messages.push(user("the last one"));
    let fitted = fit(messages, 350);
    assert!(tokens_of(&fitted) <= 400, "{}", tokens_of(&fitted));
    assert!(line(&fitted[0]).starts_with("user [The earlier part of this conversation was left out"));
    assert_eq!(line(fitted.last().unwrap()), "user the last one");
}

///
#[test]
fn in_one_long_turn_the_oldest_rounds_go_and_the_question_stays() {
    let mut messages = vec![user("do it all")];
    for round in 0..20 {
        let id = format!("c{round}");
        messages.extend([calls(&[&id]), result(&id, &"z".repeat(600))]);
    }
    let fitted = fit(messages, 200);
    assert!(line(&fitted[0]).ends_with("do it all"));
    assert!(line(&fitted[fitted.len() - 2]).starts_with("assistant c19"));
    assert!(fitted.len() < 10, "{:?}", lines(&fitted));
}

fn message() -> impl Strategy<Value = Message> {
    let ids = || prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        "[a-z ]{0,200}".prop_map(|text| user(&text)),
        "[a-z ]{0,200}".prop_map(|text| assistant(vec![Block::text(text)])),
        prop::collection::hash_set(ids(), 1..3).prop_map(|ids| calls(&ids.into_iter().collect::<Vec<_>>())),
        (ids(), "[a-z ]{0,900}").prop_map(|(id, text)| result(id, &text)),
    ]
}

proptest! {
    /// whatever is on disk and however small the window, what is sent begins with a person, has each
    /// call followed by its own results and nothing else, and ends as the conversation did.
    #[test]
    fn whatever_is_sent_is_whole(messages in prop::collection::vec(message(), 0..25), budget in 0usize..2_000) {
        let cleaned = clean(messages, READER);
        let fitted = fit(cleaned.clone(), budget);
        for sent in [&cleaned, &fitted] {
            let mut open: Vec<String> = Vec::new();
            for (at, message) in sent.iter().enumerate() {
                prop_assert!(at > 0 || matches!(message, Message::User(_)));
                match message {
                    Message::ToolResult(result) => {
                        prop_assert!(!open.is_empty());
                        prop_assert_eq!(&open.remove(0), &result.tool_call_id);
                    }
                    Message::Assistant(assistant) => {
                        prop_assert!(open.is_empty());
                        open = assistant.tool_calls().map(|call| call.id.clone()).collect();
                    }
                    Message::User(_) => prop_assert!(open.is_empty()),
                }
            }
            prop_assert!(open.is_empty());
        }
        prop_assert_eq!(cleaned.is_empty(), fitted.is_empty());
        prop_assert!(tokens_of(&fitted) <= tokens_of(&cleaned).max(budget) + 30);
    }
}
