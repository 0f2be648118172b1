//! A person's word in a chat.

use kit::vendors::{Gate, Reply};
use serde_json::json;

use super::{Desk, ended, lines, say};

/// W-3.17, A-16.4
#[tokio::test]
async fn a_question_is_answered_in_the_chat_of_a_session_that_is_busy() {
    let desk = Desk::start().await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("later").behind(&gate));
    let (mut chat, mut asker) = (desk.client().await, desk.client().await);
    chat.request("sessions.subscribe", json!({})).await.unwrap();
    say(&mut chat, "main", "a", "talk").await;
    gate.reached().await;
    let question = json!({"command": "make", "sessionKey": "main", "twoPhase": true});
    let asked = asker.send("exec.approval.request", &question).await;
    let accepted = asker.answer(&asked).await.unwrap();
    let id = accepted["id"].as_str().unwrap();
    say(&mut chat, "main", "b", &format!("/approve {id} deny")).await;
    assert_eq!(ended(&mut chat, "b").await["message"]["content"][0]["text"], "Denied: make");
    assert_eq!(asker.answer(&asked).await.unwrap()["decision"], "deny");
    gate.open();
    assert_eq!(ended(&mut chat, "a").await["message"]["content"][0]["text"], "later");
    let kept = lines(&mut chat, "main").await;
    assert!(!kept.iter().any(|line| line.contains("Approval required")), "news, not conversation: {kept:?}");
}
