//! Models, tools and stores that fail.

use openclaw_agent::providers::FailureClass;
use openclaw_agent::run::{Control, RunOutcome};
use store::{Finish, RunStatus};

use super::bench::{Bench, Step, call, done, lines, text};

///
#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_is_sent_again_and_its_text_replaced() {
    let bench = Bench::new([vec![text("Hello wor")], vec![text("Hello "), text("world."), done()]]);
    let (outcome, events) = bench.talk("hi").await;
    assert!(matches!(outcome, RunOutcome::Completed { text, .. } if text == "Hello world."));
    let lines = lines(&events);
    let from = lines.iter().position(|line| line == "text Hello wor").unwrap();
    assert_eq!(lines[from + 1..from + 5], ["retrying 2", "model p/m", "replaced Hello", "text  world."]);
    assert_eq!(bench.transcript().await, ["user: hi", "assistant (Stop): Hello world."]);
    assert_eq!(bench.sent(0), bench.sent(1));
}

///
#[tokio::test(start_paused = true)]
async fn after_three_resubmits_there_is_one_visible_error() {
    let bench = Bench::new(vec![vec![Step::Fail(FailureClass::Overloaded)]; 4]);
    let (outcome, _) = bench.talk("hi").await;
    assert!(matches!(outcome, RunOutcome::Failed { kind: "overloaded", .. }), "{outcome:?}");
    assert_eq!(bench.script.requests.lock().unwrap().len(), 4);
    assert_eq!(bench.transcript().await, ["user: hi", "assistant (Error): "]);
    assert_eq!(bench.session().await.status, RunStatus::Failed);
}

///
#[tokio::test(start_paused = true)]
async fn a_model_that_falls_silent_times_out() {
    let bench = Bench::new(vec![vec![text("Well"), Step::Hang]; 4]);
    let begun = tokio::time::Instant::now();
    let (outcome, _) = bench.talk("hi").await;
    assert!(matches!(outcome, RunOutcome::Failed { kind: "timeout", .. }), "{outcome:?}");
    assert!((480..490).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(bench.transcript().await, ["user: hi", "assistant (Error): Well"]);
}

///
#[tokio::test]
async fn a_tool_that_panics_has_failed_and_the_turn_goes_on() {
    let bench = Bench::new([vec![call("a", "panic"), done()], vec![text("It broke."), done()]]);
    let (outcome, _) = bench.talk("go").await;
    assert!(matches!(outcome, RunOutcome::Completed { text, .. } if text == "It broke."));
    assert!(bench.transcript().await[2].starts_with("result a!: `panic` broke down"));
}

///
#[tokio::test]
async fn a_turn_that_was_superseded_writes_nothing_more() {
    let bench = Bench::new([vec![call("a", "hang"), done()]]);
    bench.accept("r1", "go").await;
    let control = Control::new();
    let supersede = async {
        bench.tool_started.notified().await;
        let finish = Finish::new(RunStatus::Killed, serde_json::json!({"status": "aborted"}));
        bench.deps.store.finish_input("r1", finish).await.unwrap();
        control.abort(openclaw_agent::run::AbortReason::Rpc);
    };
    let ((outcome, _), ()) = tokio::join!(bench.drive(bench.turn("r1"), control.clone()), supersede);
    assert!(matches!(outcome, RunOutcome::Failed { kind: "internal", .. }), "{outcome:?}");
    assert_eq!(bench.transcript().await, ["user: go", "assistant (ToolUse):  [hang a]"]);
    assert_eq!(bench.input("r1").await.outcome.unwrap()["status"], "aborted", "the first end stands");
}

///
#[tokio::test]
async fn a_run_nobody_accepted_fails_without_a_trace() {
    let bench = Bench::new([]);
    let (outcome, events) = bench.drive(bench.turn("nobody"), Control::new()).await;
    assert!(matches!(outcome, RunOutcome::Failed { kind: "internal", .. }));
    assert_eq!(lines(&events).len(), 2, "only the two phases before the message is saved");
}
