//! Turns that somebody, or the clock, stops.

use std::time::Duration;

use openclaw_agent::run::{AbortReason, Control, RunEvent, RunOutcome, drive};
use store::{InputState, RunStatus};
use tokio::sync::mpsc;

use super::bench::{Bench, Step, call, done, text};

///
#[tokio::test]
async fn an_abort_in_the_middle_of_a_sentence_keeps_the_half() {
    let bench = Bench::new([vec![text("I was about to"), Step::Hang]]);
    bench.accept("r1", "go").await;
    let (control, (sender, mut receiver)) = (Control::new(), mpsc::channel(4));
    let stop = async {
        while let Some(event) = receiver.recv().await {
            if matches!(event, RunEvent::Text { .. }) {
                assert!(control.abort(AbortReason::Rpc));
                assert!(!control.abort(AbortReason::Stop), "the first reason stands");
            }
        }
    };
    let (outcome, ()) = tokio::join!(drive(bench.turn("r1"), &bench.deps, sender, control.clone()), stop);
    assert_eq!(outcome, RunOutcome::Aborted { partial: "I was about to".into(), reason: "rpc" });
    assert_eq!(bench.transcript().await, ["user: go", "assistant (Aborted): I was about to"]);
    assert_eq!(bench.session().await.status, RunStatus::Killed);
}

///
#[tokio::test]
async fn an_abort_in_the_middle_of_a_tool_stops_the_tool_and_keeps_its_words() {
    let bench = Bench::new([vec![call("a", "hang"), call("b", "echo"), done()]]);
    bench.accept("r1", "go").await;
    let control = Control::new();
    let stop = async {
        bench.tool_started.notified().await;
        control.abort(AbortReason::Stop);
    };
    let ((outcome, _), ()) = tokio::join!(bench.drive(bench.turn("r1"), control.clone()), stop);
    assert_eq!(outcome, RunOutcome::Aborted { partial: String::new(), reason: "stop" });
    let transcript = bench.transcript().await;
    assert_eq!(transcript[2..], ["result a!: cancelled", "result b!: Not run: the turn was stopped first."]);
    assert_eq!(*bench.tool_calls.lock().unwrap(), ["a"]);
}

///
#[tokio::test(start_paused = true)]
async fn a_turn_that_uses_up_its_time_is_stopped() {
    let bench = Bench::new([vec![call("a", "hang"), done()]]);
    bench.accept("r1", "go").await;
    let mut turn = bench.turn("r1");
    turn.timeout = Some(Duration::from_secs(600));
    let begun = tokio::time::Instant::now();
    let (outcome, _) = bench.drive(turn, Control::new()).await;
    assert_eq!(outcome, RunOutcome::Aborted { partial: String::new(), reason: "timeout" });
    assert_eq!(begun.elapsed().as_secs(), 600);
    assert_eq!(bench.session().await.status, RunStatus::Timeout);
}

///
#[tokio::test(start_paused = true)]
async fn the_time_a_person_takes_to_answer_is_not_the_turns() {
    let bench = Bench::new([vec![call("a", "ask"), done()], vec![call("b", "hang"), done()]]);
    bench.accept("r1", "go").await;
    let mut turn = bench.turn("r1");
    turn.timeout = Some(Duration::from_secs(600));
    let begun = tokio::time::Instant::now();
    let (outcome, _) = bench.drive(turn, Control::new()).await;
    assert_eq!(outcome, RunOutcome::Aborted { partial: String::new(), reason: "timeout" });
    assert_eq!(begun.elapsed().as_secs(), 3600 + 600, "asked in full, and then its own time");
    assert_eq!(bench.transcript().await[2], "result a: allowed");
}

///
#[tokio::test]
async fn an_abort_before_the_turn_began_still_keeps_the_message() {
    let bench = Bench::new([vec![Step::Hang]]);
    bench.accept("r1", "never mind").await;
    let control = Control::new();
    control.abort(AbortReason::Rpc);
    let (outcome, _) = bench.drive(bench.turn("r1"), control).await;
    assert!(matches!(outcome, RunOutcome::Aborted { reason: "rpc", .. }));
    assert_eq!(bench.transcript().await, ["user: never mind"]);
}

///
#[tokio::test]
async fn a_shutdown_leaves_the_input_to_the_next_start() {
    let bench = Bench::new([vec![call("a", "hang"), done()], vec![text("Back again."), done()]]);
    bench.accept("r1", "go").await;
    let control = Control::new();
    let stop = async {
        bench.tool_started.notified().await;
        control.abort(AbortReason::Shutdown);
    };
    let ((outcome, _), ()) = tokio::join!(bench.drive(bench.turn("r1"), control.clone()), stop);
    assert!(matches!(outcome, RunOutcome::Aborted { reason: "shutdown", .. }));
    assert_eq!(bench.input("r1").await.state, InputState::Running);

    let (outcome, _) = bench.drive(bench.turn("r1"), Control::new()).await;
    assert!(matches!(outcome, RunOutcome::Completed { text, .. } if text == "Back again."));
    assert_eq!(*bench.tool_calls.lock().unwrap(), ["a"], "the tool did not run twice");
}
