//! What a stopped Gateway left is finished by the next one.

use kit::vendors::{Gate, Reply};

use super::{Desk, lines, say};
use serde_json::json;
use store::{NewInput, NewSession, Store};
use wire::message::{UserContent, UserMessage};
use wire::{AgentId, SessionKey};

///
#[tokio::test]
async fn what_ran_and_what_waited_is_finished_after_a_restart() {
    let desk = Desk::start().await;
    desk.vendor.then(Reply::text("never").behind(&Gate::closed())).reply_text("one").reply_text("two");
    let mut client = desk.client().await;
    say(&mut client, "main", "a", "first").await;
    say(&mut client, "main", "b", "second").await;
    desk.vendor.requests_reached(1).await;
    let desk = desk.restart().await;
    let mut client = desk.client().await;
    for run in ["a", "b"] {
        let waited = client.request("agent.wait", json!({"runId": run, "timeoutMs": 20000})).await.unwrap();
        assert_eq!(waited["status"], "ok", "{waited}");
    }
    let said = lines(&mut client, "main").await;
    assert_eq!(said, ["user: first", "assistant: one", "user: second", "assistant: two"]);
}

///
#[tokio::test]
async fn a_command_that_was_cut_off_is_not_asked_of_a_model() {
    let desk = Desk::start().await;
    let desk = desk
        .restart_after(async |paths| {
            let store = Store::open(paths).unwrap();
            let content = UserContent::Text("/reset".into());
            let message = UserMessage { content, timestamp: 1, idempotency_key: Some("typed".into()) };
            let accepted = store.accept_input(NewInput {
                run_id: "typed".into(),
                session: SessionKey::main(&AgentId::main(), "main"),
                session_id: None,
                answer: None,
                inbox: Vec::new(),
                message,
                options: json!({}),
                source: "command".into(),
                new_session: NewSession::default(),
            });
            accepted.await.unwrap();
            store.close().await;
        })
        .await;
    let mut client = desk.client().await;
    let waited = client.request("agent.wait", json!({"runId": "typed", "timeoutMs": 20000})).await.unwrap();
    assert_eq!(waited["status"], "error");
    assert!(waited["error"].as_str().unwrap().contains("type it again"), "{waited}");
    assert_eq!(desk.vendor.requests().len(), 0);
}
