//! The offline model through the provider trait, as a turn uses it.

use openclaw_agent::providers::demo::Demo;
use openclaw_agent::providers::{ModelEvent, ModelRequest};
use proptest::prelude::*;
use serde_json::json;
use wire::message::{Block, Message, StopReason};

use crate::providers::{assistant, calls, events, picture, request, result, stop, text, tool, user, user_blocks};

async fn ask(messages: Vec<Message>) -> Vec<ModelEvent> {
    events(&*Demo::provider(), request(messages)).await
}

/// One wish, one tool call, one answer.
async fn round(wish: &str, output: &str, is_error: bool) -> (Vec<(String, Result<serde_json::Value, String>)>, String) {
    let asked = ask(vec![user(wish)]).await;
    let called = calls(&asked);
    let Some(ModelEvent::ToolCall { id, name, arguments }) = asked.first() else { return (called, text(&asked)) };
    assert_eq!(stop(&asked), Some(StopReason::ToolUse));
    let spoken = assistant("demo", vec![crate::providers::call(id, name, arguments.clone().unwrap())]);
    let answered = ask(vec![user(wish), spoken, result(id, name, vec![Block::text(output)], is_error)]).await;
    assert_eq!((calls(&answered), stop(&answered)), (vec![], Some(StopReason::Stop)), "one tool per wish");
    (called, text(&answered))
}

#[tokio::test]
async fn plain_requests_go_through_the_tools_and_come_back_in_words() {
    let cases = [
        (
            "what time is it?",
            "exec",
            json!({"command": "date"}),
            "Sat Nov 21 09:00:00 UTC 2026",
            "On this machine it is now Sat Nov 21 09:00:00 UTC 2026.",
        ),
        (
            "list the workspace",
            "exec",
            json!({"command": "ls"}),
            "AGENTS.md\nmemory",
            "This is in the workspace:\n\n```\nAGENTS.md\nmemory\n```",
        ),
        ("read AGENTS.md", "read", json!({"path": "AGENTS.md"}), "Be kind.", "`AGENTS.md` says:\n\n```\nBe kind.\n```"),
        (
            "run `uname`",
            "exec",
            json!({"command": "uname"}),
            "Linux",
            "I ran `uname`, and it answered:\n\n```\nLinux\n```",
        ),
    ];
    for (wish, tool, arguments, output, answer) in cases {
        let (called, said) = round(wish, output, false).await;
        assert_eq!((called, said.as_str()), (vec![(tool.to_owned(), Ok(arguments))], answer), "{wish}");
    }
}

#[tokio::test]
async fn a_tool_that_fails_is_told_as_it_is() {
    let (_, said) = round("run rm -rf x", "`rm` is not allowed", true).await;
    assert_eq!(said, "That didn't work, sorry. This is what came back:\n\n```\n`rm` is not allowed\n```");
}

#[tokio::test]
async fn it_says_what_it_is_and_how_to_add_a_real_model() {
    for wish in ["hello", "write me a poem about the sea", "напиши стихи", ""] {
        let heard = ask(vec![user(wish)]).await;
        let said = text(&heard);
        assert!(said.contains("offline model") && said.contains("openclaw models list"), "{wish}: {said}");
        assert!(said.contains("Ctrl-C") && said.contains("`make run` or `openclaw gateway run`"), "{wish}: {said}");
        assert!(heard.len() > 20, "it streams word by word");
    }
    let seen = ask(vec![user_blocks(wire::message::UserContent::Blocks(vec![picture()]))]).await;
    assert!(text(&seen).contains("can't see"));
}

#[tokio::test]
async fn without_the_tool_it_says_so() {
    let bare = ModelRequest { tools: vec![tool("read", "path")], ..request(vec![user("what time is it?")]) };
    let heard = events(&*Demo::provider(), bare).await;
    assert_eq!((calls(&heard), text(&heard).contains("`exec`, is not available")), (vec![], true));
    let empty = ModelRequest { messages: Vec::new(), ..request(Vec::new()) };
    assert_eq!(stop(&events(&*Demo::provider(), empty).await), Some(StopReason::Stop));
}

#[test]
fn any_message_gets_an_answer_or_a_call() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    proptest!(|(wish in "\\PC{0,80}|(run |read |`|ls|\n|日本|/etc/x ){0,8}")| {
        let heard = runtime.block_on(ask(vec![user(&wish)]));
        prop_assert!(stop(&heard).is_some() && (!text(&heard).is_empty() || !calls(&heard).is_empty()));
    });
}
