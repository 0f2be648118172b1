//! Messages that come while a run is at work.

use kit::Client;
use kit::vendors::{Gate, Reply};
use serde_json::{Value, json};

use super::{Desk, ended, say};

async fn send(client: &mut Client, key: &str, mode: &str) {
    let params = json!({"sessionKey": "main", "message": key, "idempotencyKey": key, "queueMode": mode});
    client.request("chat.send", params).await.unwrap();
}

/// What people and tools said in a request to the model, the newest last.
fn said(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().unwrap();
    let told = messages.iter().filter(|message| message["role"] != "system" && message["role"] != "assistant");
    told.map(|message| match &message["content"] {
        Value::Array(blocks) => blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join(" "),
        text => text.as_str().unwrap_or_default().to_owned(),
    })
    .collect()
}

/// what comes while the model is asked is read before its next call; tools that had not begun do not begin.
#[tokio::test]
async fn a_steering_message_is_read_before_the_next_step_and_answered_with_it() {
    let desk = Desk::start().await;
    let gate = Gate::closed();
    let calls = Reply::tool_call("read", json!({"path": "a.md"})).and_tool_call("read", json!({"path": "b.md"}));
    desk.vendor.then(calls.behind(&gate)).reply_text("both done").reply_text("next");
    let mut client = desk.client().await;
    client.request("sessions.subscribe", json!({})).await.unwrap();
    say(&mut client, "main", "first", "first").await;
    gate.reached().await;
    send(&mut client, "second", "steer").await;
    // By then it is with its lane.
    client.event_where("sessions.changed", |event| event["runId"] == "second" && event["reason"] == "send").await;
    gate.open();
    assert_eq!(ended(&mut client, "first").await["message"]["content"][0]["text"], "both done");
    let taken = ended(&mut client, "second").await;
    assert_eq!(taken["state"], "final", "{taken}");
    let requests = desk.vendor.requests_reached(2).await;
    let last = said(&requests[1].body);
    assert!(last.last().unwrap().ends_with("second"), "{last:?}");
    let answers = last.iter().filter(|line| line.contains("a new message came in first")).count();
    assert_eq!(answers, 2, "{last:?}");
    let wait = client.request("agent.wait", json!({"runId": "second"})).await.unwrap();
    assert_eq!(wait["status"], "ok");
    say(&mut client, "main", "third", "third").await;
    assert_eq!(ended(&mut client, "third").await["message"]["content"][0]["text"], "next");
}

/// what comes too late to be read gets a turn of its own.
#[tokio::test]
async fn a_message_that_was_not_read_follows_up() {
    let desk = Desk::start().await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("one").behind(&gate)).reply_text("two");
    let mut client = desk.client().await;
    say(&mut client, "main", "first", "first").await;
    gate.reached().await;
    send(&mut client, "second", "steer").await;
    gate.open();
    assert_eq!(ended(&mut client, "first").await["message"]["content"][0]["text"], "one");
    assert_eq!(ended(&mut client, "second").await["message"]["content"][0]["text"], "two");
}

///
#[tokio::test]
async fn collected_messages_become_one_turn() {
    let desk = Desk::changed(|config| config["messages"] = json!({"queue": {"debounceMs": 50}})).await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("one").behind(&gate)).reply_text("all of it");
    let mut client = desk.client().await;
    say(&mut client, "main", "first", "first").await;
    gate.reached().await;
    for key in ["second", "third", "fourth"] {
        send(&mut client, key, "collect").await;
    }
    gate.open();
    assert_eq!(ended(&mut client, "second").await["message"]["content"][0]["text"], "all of it");
    for key in ["third", "fourth"] {
        assert_eq!(ended(&mut client, key).await["state"], "final");
    }
    let requests = desk.vendor.requests();
    assert_eq!(requests.len(), 2);
    let last = said(&requests[1].body).join("\n");
    for key in ["second", "third", "fourth"] {
        assert!(last.contains(key), "{last}");
    }
}

///
#[tokio::test]
async fn what_is_too_much_is_dropped_and_told_in_a_line() {
    let queue = json!({"queue": {"cap": 1, "mode": "followup"}});
    let desk = Desk::changed(|config| config["messages"] = queue).await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("one").behind(&gate)).reply_text("three");
    let mut client = desk.client().await;
    say(&mut client, "main", "first", "first").await;
    gate.reached().await;
    say(&mut client, "main", "second", "the dropped words").await;
    say(&mut client, "main", "third", "third").await;
    assert_eq!(ended(&mut client, "second").await["state"], "aborted");
    gate.open();
    assert_eq!(ended(&mut client, "third").await["message"]["content"][0]["text"], "three");
    let system = desk.vendor.requests()[1].body["messages"][0]["content"].to_string();
    assert!(system.contains("the dropped words"), "{system}");
}
