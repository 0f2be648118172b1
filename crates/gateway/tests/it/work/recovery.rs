//! What a stopped Gateway left is finished by the next one.

use kit::vendors::{Gate, Reply};

use super::{Desk, lines, say};
use serde_json::json;

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
