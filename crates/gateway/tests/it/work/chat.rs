//! `chat.send` and what everybody sees of it.

use kit::Connect;
use serde_json::{Value, json};

use super::{Desk, TOKEN, ended, lines, say};

fn brief(frame: &Value) -> Option<String> {
    let payload = &frame["payload"];
    Some(match (frame["type"].as_str()?, frame["event"].as_str()) {
        ("res", _) => format!("res {}", payload["status"].as_str().unwrap_or("?")),
        (_, Some("chat")) => {
            let words = [payload["state"].as_str(), payload["phase"].as_str(), payload["deltaText"].as_str()];
            format!("chat {}", words.into_iter().flatten().collect::<Vec<_>>().join(" "))
        }
        (_, Some("agent")) => {
            let words = [payload["stream"].as_str(), payload["data"]["phase"].as_str()];
            format!("agent {}", words.into_iter().flatten().collect::<Vec<_>>().join(" "))
        }
        (_, Some("session.message")) => format!("message {}", payload["message"]["role"].as_str()?),
        (_, Some("sessions.changed")) => format!("changed {}", payload["reason"].as_str()?),
        _ => return None,
    })
}

/// protocol.md 8, A-6.8a, A-6.5, A-6.6, A-6.7, A-6.8, A-6.9
#[tokio::test]
async fn a_turn_is_told_in_the_published_order() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("Hello");
    let mut client = desk.client().await;
    client.request("sessions.subscribe", json!({})).await.unwrap();
    client.drain();
    client.send("chat.send", &json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "r1"})).await;
    let mut frames = Vec::new();
    loop {
        let frame = client.take(|_| true).await.unwrap();
        let settled = frame["payload"]["reason"] == "agent.input.settled";
        frames.push(frame);
        if settled {
            break;
        }
    }
    let told: Vec<String> = frames.iter().filter_map(brief).filter(|line| line != "changed send").collect();
    assert_eq!(
        told,
        [
            "res started",
            "chat status preparing_workspace",
            "agent run_status preparing_workspace",
            "chat status preparing_context",
            "agent run_status preparing_context",
            "message user",
            "agent lifecycle start",
            "changed agent.run.started",
            "chat status starting_model",
            "agent run_status starting_model",
            "agent lifecycle model",
            "agent assistant",
            "chat delta Hello",
            "agent usage",
            "message assistant",
            "agent lifecycle finishing",
            "agent lifecycle end",
            "chat final",
            "changed agent.input.settled",
        ]
    );
    let of_run = frames.iter().filter(|frame| ["chat", "agent"].contains(&frame["event"].as_str().unwrap_or_default()));
    let numbers: Vec<u64> = of_run.map(|frame| frame["payload"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

/// protocol.md 8, A-6.2, A-6.4
#[tokio::test]
async fn one_key_is_one_run() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("once");
    let mut client = desk.client().await;
    assert_eq!(say(&mut client, "main", "k", "hi").await, json!({"runId": "k", "status": "started"}));
    ended(&mut client, "k").await;
    let again = say(&mut client, "main", "k", "hi").await;
    assert_eq!((&again["status"], &again["summary"]), (&json!("ok"), &json!("completed")));
    assert_eq!(desk.vendor.requests().len(), 1);
    let desk = desk.restart().await;
    let mut client = desk.client().await;
    assert_eq!(say(&mut client, "main", "k", "hi").await["status"], "ok");
    assert_eq!(lines(&mut client, "main").await, ["user: hi", "assistant: once"]);
}

#[tokio::test]
async fn two_clients_see_the_same_chat_and_nodes_of_read_scope_need_no_subscription() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("to all");
    let (mut speaker, mut reader) =
        (desk.client().await, desk.connect(&Connect::backend(TOKEN).scopes(&["operator.read"])).await);
    say(&mut speaker, "main", "k", "hi").await;
    let (one, other) = (ended(&mut speaker, "k").await, ended(&mut reader, "k").await);
    assert_eq!(one, other);
    assert_eq!(one["message"]["content"][0]["text"], "to all");
}

///
#[tokio::test]
async fn a_client_that_leaves_does_not_stop_its_run() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("still here");
    let mut speaker = desk.client().await;
    let mut other = desk.client().await;
    say(&mut speaker, "main", "k", "hi").await;
    speaker.close().await;
    assert_eq!(ended(&mut other, "k").await["state"], "final");
}

///
#[tokio::test]
async fn a_bare_key_becomes_the_full_one_everywhere() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("ok");
    let mut client = desk.client().await;
    say(&mut client, "acp-bridge:1F", "k", "hi").await;
    assert_eq!(ended(&mut client, "k").await["sessionKey"], "agent:main:acp-bridge:1f");
    let list = client.request("sessions.list", json!({"search": "acp-bridge:1f"})).await.unwrap();
    assert_eq!(list["sessions"][0]["key"], "agent:main:acp-bridge:1f");
}

///
#[tokio::test]
async fn a_cursor_gives_what_was_added_and_says_when_it_is_stale() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("one").reply_text("two");
    let mut client = desk.client().await;
    say(&mut client, "main", "a", "first").await;
    ended(&mut client, "a").await;
    let page = client.request("chat.startup", json!({"sessionKey": "main", "limit": 80})).await.unwrap();
    assert!(page["metadata"]["commands"].as_array().is_some_and(|commands| !commands.is_empty()));
    let since = json!({"sessionKey": "main", "cursor": page["deltaCursor"]});
    let empty = client.request("chat.history", since.clone()).await.unwrap();
    assert_eq!((&empty["kind"], &empty["messages"]), (&json!("delta"), &json!([])));
    say(&mut client, "main", "b", "second").await;
    ended(&mut client, "b").await;
    let delta = client.request("chat.history", since.clone()).await.unwrap();
    let roles: Vec<_> =
        delta["messages"].as_array().unwrap().iter().map(|row| row["message"]["role"].clone()).collect();
    assert_eq!(roles, ["user", "assistant"]);
    client.request("sessions.reset", json!({"key": "main"})).await.unwrap();
    assert_eq!(client.request("chat.history", since).await.unwrap(), json!({"kind": "reset"}));
}

///
#[tokio::test]
async fn an_injected_note_is_shown_and_kept_without_a_run() {
    let desk = Desk::start().await;
    let mut client = desk.client().await;
    let params = json!({"sessionKey": "main", "message": "injected note", "label": "note"});
    let id = client.request("chat.inject", params).await.unwrap()["messageId"].clone();
    let shown = client.event("chat").await;
    assert_eq!((&shown["state"], &shown["seq"]), (&json!("final"), &json!(0)));
    let got = client.request("chat.message.get", json!({"sessionKey": "main", "messageId": id})).await.unwrap();
    assert_eq!(got["message"]["content"][0]["text"], "[note]\n\ninjected note");
    assert!(desk.vendor.requests().is_empty());
}

/// A-17.4a
#[tokio::test]
async fn a_command_is_answered_without_a_model() {
    let desk = Desk::start().await;
    let mut client = desk.client().await;
    assert_eq!(say(&mut client, "main", "k", "/status").await["status"], "started");
    let shown = ended(&mut client, "k").await;
    let text = shown["message"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("Model: fake/fake-1") && text.contains("agent:main:main"), "{text}");
    assert!(desk.vendor.requests().is_empty());
    let mut writer = desk.connect(&Connect::backend(TOKEN).scopes(&["operator.write"])).await;
    let params = json!({"sessionKey": "main", "message": "/new", "idempotencyKey": "n"});
    assert_eq!(writer.request("chat.send", params).await.unwrap_err().message, "missing scope: operator.admin");
}
