//! The small reads and verbs around sessions.

use kit::vendors::{Gate, Reply};
use serde_json::json;

use super::{Desk, ended, say};

///
#[tokio::test]
async fn a_session_is_previewed_read_raw_and_has_one_branch() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("Hello there");
    let mut client = desk.client().await;
    say(&mut client, "main", "k", "what is up").await;
    ended(&mut client, "k").await;
    let shown = client.request("sessions.preview", json!({"keys": ["main", "nobody"]})).await.unwrap();
    let items = json!([{"role": "user", "text": "what is up"}, {"role": "assistant", "text": "Hello there"}]);
    assert_eq!(shown["previews"][0], json!({"key": "main", "status": "ok", "items": items}));
    assert_eq!(shown["previews"][1], json!({"key": "nobody", "status": "missing", "items": []}));
    let raw = client.request("sessions.get", json!({"key": "main", "limit": 1})).await.unwrap();
    let messages = raw["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &messages[0]["role"]), (1, &json!("assistant")));
    assert_eq!(messages[0]["content"], json!([{"type": "text", "text": "Hello there"}]));
    let found = client.request("sessions.branches.list", json!({"sessionKey": "main"})).await.unwrap();
    let branch = &found["branches"][0];
    assert_eq!((&branch["messageCount"], &branch["active"]), (&json!(2), &json!(true)));
    let page = client.request("chat.history", json!({"sessionKey": "main"})).await.unwrap();
    assert_eq!(branch["leafEntryId"], page["sessionInfo"]["activeLeafEntryId"]);
}

///
#[tokio::test]
async fn sessions_send_and_abort_work_by_key_and_by_run() {
    let desk = Desk::start().await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("never").behind(&gate)).reply_text("second");
    let mut client = desk.client().await;
    let sent = json!({"key": "side", "message": "one", "idempotencyKey": "a"});
    assert_eq!(client.request("sessions.send", sent).await.unwrap(), json!({"runId": "a", "status": "started"}));
    gate.reached().await;
    let sent = json!({"key": "side", "message": "two", "idempotencyKey": "b"});
    client.request("sessions.send", sent).await.unwrap();
    let active = client.request("sessions.abort", json!({"key": "side", "clearQueued": false})).await.unwrap();
    assert_eq!(active["runIds"], json!(["a"]), "what waits goes on");
    assert_eq!(ended(&mut client, "b").await["message"]["content"][0]["text"], "second");
    let gone = client.request("sessions.abort", json!({"runId": "b"})).await.unwrap();
    assert_eq!(gone["aborted"], false);
    let empty = client.request("sessions.abort", json!({})).await.unwrap_err();
    assert_eq!(empty.message, "sessions.abort needs `key` or `runId`");
}

///
#[tokio::test]
async fn messages_of_one_session_come_with_its_row_laid_over_until_one_leaves() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("not for you").reply_text("for you").reply_text("too late");
    let mut client = desk.client().await;
    let subscribed = client.request("sessions.messages.subscribe", json!({"key": "mine"})).await.unwrap();
    assert_eq!(subscribed, json!({"subscribed": true, "key": "agent:main:mine"}));
    for (session, key) in [("other", "a"), ("mine", "b")] {
        say(&mut client, session, key, "hello").await;
        ended(&mut client, key).await;
    }
    client.request("sessions.messages.unsubscribe", json!({"key": "mine"})).await.unwrap();
    let mut told = client.drain();
    told.retain(|frame| frame["event"] == "session.message");
    let user = &told[0]["payload"];
    assert!(told.iter().all(|frame| frame["payload"]["sessionKey"] == "agent:main:mine"), "{told:?}");
    assert_eq!((&user["messageSeq"], &user["message"]["role"]), (&json!(1), &json!("user")));
    assert_eq!((&user["status"], &user["endedAt"]), (&json!("running"), &json!(null)), "the row, with what is unset");
    assert_eq!(user["session"]["status"], user["status"]);
    say(&mut client, "mine", "c", "hello").await;
    ended(&mut client, "c").await;
    assert!(client.drain().iter().all(|frame| frame["event"] != "session.message"));
}
