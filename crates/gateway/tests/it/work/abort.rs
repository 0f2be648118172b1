//! Stopping runs.

use kit::vendors::{Gate, Reply};
use serde_json::json;

use super::{Desk, ended, lines, say};

/// protocol.md 8, A-7.7, A-5.10, A-6.9
#[tokio::test]
async fn an_abort_stops_what_waits_and_what_runs_and_keeps_what_was_said() {
    let desk = Desk::start().await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("half a sentence that is never finished").behind(&gate)).reply_text("next");
    let mut client = desk.client().await;
    say(&mut client, "main", "a", "talk").await;
    gate.reached().await;
    gate.release(2);
    client.event_where("chat", |event| event["runId"] == "a" && event["state"] == "delta").await;
    say(&mut client, "main", "b", "and then").await;
    assert_eq!(say(&mut client, "main", "a", "talk").await["status"], "in_flight");
    let aborted = client.request("chat.abort", json!({"sessionKey": "main"})).await.unwrap();
    assert_eq!(aborted, json!({"ok": true, "aborted": true, "runIds": ["b", "a"]}));
    let stopped = ended(&mut client, "a").await;
    assert_eq!((&stopped["state"], &stopped["stopReason"]), (&json!("aborted"), &json!("rpc")));
    assert_eq!(ended(&mut client, "b").await["state"], "aborted");
    let again = say(&mut client, "main", "a", "talk").await;
    assert_eq!(
        (&again["status"], &again["summary"], &again["stopReason"]),
        (&json!("timeout"), &json!("aborted"), &json!("rpc"))
    );
    let nothing = client.request("chat.abort", json!({"sessionKey": "main"})).await.unwrap();
    assert_eq!(nothing, json!({"ok": true, "aborted": false, "runIds": []}));
    say(&mut client, "main", "c", "go on").await;
    assert_eq!(ended(&mut client, "c").await["message"]["content"][0]["text"], "next");
    assert!(lines(&mut client, "main").await[1].starts_with("assistant: half"));
}
