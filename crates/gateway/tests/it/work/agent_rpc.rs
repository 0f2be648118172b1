//! `agent`, answered twice, and `agent.wait`.

use kit::vendors::{Fault, Gate, Reply};
use serde_json::{Value, json};

use super::Desk;

/// protocol.md 8, A-6.1, A-6.2
#[tokio::test]
async fn an_agent_run_is_accepted_and_then_answered_and_the_answer_is_kept() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("Hello");
    let mut client = desk.client().await;
    let params = json!({"message": "hi", "sessionId": "cap-1", "idempotencyKey": "k", "deliver": false});
    let id = client.send("agent", &params).await;
    let first = client.answer(&id).await.unwrap();
    assert_eq!(
        (&first["status"], &first["sessionKey"], &first["agentId"]),
        (&json!("accepted"), &json!("agent:main:explicit:cap-1"), &json!("main"))
    );
    let last = client.answer(&id).await.unwrap();
    assert_eq!((&last["status"], &last["summary"]), (&json!("ok"), &json!("completed")));
    assert_eq!(last["result"]["payloads"], json!([{"text": "Hello", "mediaUrl": null}]));
    assert_eq!(last["result"]["meta"]["agentMeta"]["sessionId"], "cap-1");
    let desk = desk.restart().await;
    let mut client = desk.client().await;
    assert_eq!(client.request("agent", params).await.unwrap(), last);
    let waited = client.request("agent.wait", json!({"runId": "k", "timeoutMs": 1000})).await.unwrap();
    assert_eq!(waited["terminalReply"], json!({"disposition": "visible", "text": "Hello"}));
}

///
#[tokio::test]
async fn a_failed_run_has_an_error_and_a_payload_and_its_lane_goes_on() {
    let desk = Desk::start().await;
    desk.vendor.fault(Fault::Status(401)).reply_text("better");
    let mut client = desk.client().await;
    let id = client.send("agent", &json!({"message": "hi", "idempotencyKey": "bad"})).await;
    client.answer(&id).await.unwrap();
    let last = client.take(|frame| frame["id"] == *id && frame["type"] == "res").await.unwrap();
    assert_eq!((&last["ok"], &last["payload"]["status"]), (&json!(false), &json!("error")));
    assert_eq!(
        (&last["error"]["code"], &last["error"]["message"]),
        (&json!("UNAVAILABLE"), &last["payload"]["summary"])
    );
    let id = client.send("agent", &json!({"message": "again", "idempotencyKey": "good"})).await;
    client.answer(&id).await.unwrap();
    assert_eq!(client.answer(&id).await.unwrap()["result"]["payloads"][0]["text"], "better");
}

///
#[tokio::test]
async fn waiting_for_an_unknown_run_ends_with_a_timeout() {
    let desk = Desk::start().await;
    let mut client = desk.client().await;
    let waited: Value = client.request("agent.wait", json!({"runId": "nope", "timeoutMs": 20})).await.unwrap();
    assert_eq!(waited, json!({"runId": "nope", "status": "timeout"}));
}

///
#[tokio::test]
async fn a_wait_that_gives_up_leaves_the_run_alone() {
    let desk = Desk::start().await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("late").behind(&gate));
    let mut client = desk.client().await;
    let id = client.send("agent", &json!({"message": "hi", "idempotencyKey": "k"})).await;
    assert_eq!(client.answer(&id).await.unwrap()["status"], "accepted");
    let early = client.request("agent.wait", json!({"runId": "k", "timeoutMs": 1})).await.unwrap();
    assert_eq!(early["status"], "timeout");
    gate.open();
    let waited = client.request("agent.wait", json!({"runId": "k", "timeoutMs": 20000})).await.unwrap();
    assert_eq!((&waited["status"], &waited["terminalReply"]["text"]), (&json!("ok"), &json!("late")));
}
