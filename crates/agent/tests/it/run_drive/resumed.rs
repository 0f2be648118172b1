//! Turns that a killed process left behind.

use openclaw_agent::run::{Control, RunOutcome};
use serde_json::json;
use wire::message::{AssistantMessage, Block, Message, StopReason, ToolCall, ToolResultMessage, Usage};

use super::bench::{Bench, done, lines, text};

fn calls(ids: &[&str]) -> Message {
    let call =
        |id: &&str| Block::ToolCall(ToolCall { id: (*id).into(), name: "echo".into(), arguments: json!({"n": id}) });
    Message::Assistant(AssistantMessage {
        content: ids.iter().map(call).collect(),
        api: "script".into(),
        provider: "p".into(),
        model: "m".into(),
        usage: Usage::default(),
        stop_reason: StopReason::ToolUse,
        error_message: None,
        timestamp: 1,
        response_id: None,
    })
}

fn result(id: &str) -> Message {
    Message::ToolResult(ToolResultMessage {
        tool_call_id: id.into(),
        tool_name: "echo".into(),
        content: vec![Block::text("done before the crash")],
        details: None,
        is_error: false,
        timestamp: 1,
    })
}

///
#[tokio::test]
async fn a_killed_turn_goes_on_where_it_was_and_runs_no_tool_again() {
    let bench = Bench::new([vec![text("Finished after all."), done()]]);
    bench.accept("r1", "go").await;
    let (session, _) = bench.deps.store.start_input("r1").await.unwrap();
    for message in [calls(&["a", "b"]), result("a")] {
        bench.deps.store.append(&session.session_id, Some("r1"), message.into()).await.unwrap();
    }

    let (outcome, events) = bench.drive(bench.turn("r1"), Control::new()).await;
    assert!(matches!(outcome, RunOutcome::Completed { text, .. } if text == "Finished after all."));
    assert!(bench.tool_calls.lock().unwrap().is_empty(), "no tool ran");
    let transcript = bench.transcript().await;
    assert_eq!(transcript[2], "result a: done before the crash");
    assert!(transcript[3].starts_with("result b!: The Gateway stopped before"), "{transcript:?}");
    assert_eq!(transcript.len(), 5, "the user's message is there once");
    assert_eq!(bench.sent(0)[1..], transcript[1..4]);
    assert!(lines(&events).iter().all(|line| !line.contains("user: go")), "nor is it reported twice");
    assert_eq!(bench.input("r1").await.attempts, 2);
}

///
#[tokio::test]
async fn a_turn_that_kills_the_process_every_time_is_given_up_and_says_so() {
    let bench = Bench::new([]);
    bench.accept("r1", "go").await;
    for _ in 0..4 {
        bench.deps.store.start_input("r1").await.unwrap();
    }
    let (outcome, _) = bench.drive(bench.turn("r1"), Control::new()).await;
    let RunOutcome::Failed { message, kind: "internal", .. } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("cut off 3 times"), "{message}");
    assert_eq!(bench.transcript().await.len(), 2);
}

/// a later turn sees a repaired conversation, and the disk keeps what it had.
#[tokio::test]
async fn what_an_older_turn_left_open_is_repaired_in_memory_only() {
    let bench = Bench::new([vec![text("Hello."), done()]]);
    bench.accept("r0", "first").await;
    let (session, _) = bench.deps.store.start_input("r0").await.unwrap();
    bench.deps.store.append(&session.session_id, Some("r0"), calls(&["x"]).into()).await.unwrap();
    bench.talk("second").await;
    let transcript = bench.transcript().await;
    assert_eq!(transcript.len(), 4, "{transcript:?}");
    assert!(bench.sent(0)[2].starts_with("result x!: The result of this call was lost"), "{:?}", bench.sent(0));
    assert!(bench.sent(0)[3].ends_with("second"));
}
