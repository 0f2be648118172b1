//! Turns in which nothing goes wrong.

use openclaw_agent::policy::Layer;
use openclaw_agent::providers::ModelEvent;
use openclaw_agent::run::effect::Silence;
use openclaw_agent::run::{Control, RunOutcome};
use store::{InputState, RunStatus};
use wire::message::Usage;

use super::bench::{Bench, Step, call, done, lines, text};

/// A-6.8a, A-7.1
#[tokio::test]
async fn a_plain_reply_is_reported_in_order_and_kept() {
    let usage = Usage { input: 1_000_000, output: 2, ..Usage::default() };
    let bench = Bench::new([vec![text("Hi "), text("there."), Step::Event(ModelEvent::Usage(usage)), done()]]);
    let (outcome, events) = bench.talk("hello").await;
    let expected = [
        "status preparing_workspace",
        "status preparing_context",
        "saved 1 user: hello",
        "started",
        "status starting_model",
        "model p/m",
        "text Hi",
        "text  there.",
        "usage 1000002",
        "saved 2 assistant (Stop): Hi there.",
    ];
    assert_eq!(lines(&events), expected);
    let RunOutcome::Completed { text, usage, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((text.as_str(), usage.cost.unwrap().total), ("Hi there.", 1.0));
    assert_eq!(bench.transcript().await, ["user: hello", "assistant (Stop): Hi there."]);
    let (input, session) = (bench.input("r1").await, bench.session().await);
    assert_eq!(input.state, InputState::Finished);
    assert_eq!(RunOutcome::from_value(&input.outcome.unwrap()), Some(outcome));
    assert_eq!((session.status, session.model.as_deref()), (RunStatus::Done, Some("m")));
    assert_eq!((session.total_tokens, session.context_tokens), (Some(1_000_002), Some(100_000)));
}

///
#[tokio::test]
async fn the_model_is_sent_the_prompt_the_files_and_stamped_words() {
    let bench = Bench::new([vec![text("Hi"), done()]]);
    bench.talk("hello").await;
    assert_eq!(bench.sent(0), ["user: [Sat 2026-11-21 06:12 UTC] hello"]);
    let requests = bench.script.requests.lock().unwrap();
    let system = &requests[0].system;
    assert!(system.stable.contains("## AGENTS.md\n") && system.stable.contains("- echo: Does as the test says\n"));
    assert!(system.stable.contains("`BOOTSTRAP.md` below says how to begin"));
    assert!(system.volatile.contains("Runtime: agent=main | session=agent:main:main | sessionId="), "{system:?}");
    assert!(system.volatile.ends_with(" | active_node=unknown"), "{system:?}");
}

///
#[tokio::test]
async fn two_rounds_of_tools_then_an_answer() {
    let bench = Bench::new([
        vec![text("Looking."), call("a", "echo"), call("b", "echo"), done()],
        vec![call("c", "fail"), done()],
        vec![text("All done."), done()],
    ]);
    let (outcome, events) = bench.talk("go").await;
    let transcript = [
        "user: go",
        "assistant (ToolUse): Looking. [echo a] [echo b]",
        "result a: a done",
        "result b: b done",
        "assistant (ToolUse):  [fail c]",
        "result c!: no such thing",
        "assistant (Stop): All done.",
    ];
    assert_eq!(bench.transcript().await, transcript);
    assert_eq!(bench.sent(2)[1..], transcript[1..6]);
    let lines = lines(&events);
    let at = |line: &str| lines.iter().position(|seen| seen == line).unwrap_or_else(|| panic!("{line} in {lines:#?}"));
    assert!(at("tool echo a") < at("progress a: a half") && at("progress a: a half") < at("ended a"));
    assert!(at("ended a") < at("saved 3 result a: a done"));
    assert!(matches!(outcome, RunOutcome::Completed { text, .. } if text == "All done."));
}

///
#[tokio::test]
async fn a_tool_that_policy_takes_away_is_neither_offered_nor_run() {
    let bench = Bench::new([vec![call("a", "echo"), done()], vec![text("No such tool."), done()]]);
    bench.accept("r1", "go").await;
    let mut turn = bench.turn("r1");
    turn.tools = vec![Layer { deny: vec!["ech*".into()], ..Layer::default() }];
    bench.drive(turn, Control::new()).await;
    assert!(bench.tool_calls.lock().unwrap().is_empty());
    assert!(bench.transcript().await[2].starts_with("result a!: There is no tool `echo`"));
    let requests = bench.script.requests.lock().unwrap();
    assert!(requests[0].tools.iter().all(|tool| tool.name != "echo"));
}

/// A-7.8a: report 73838 again, through the whole turn.
#[tokio::test]
async fn silence_split_over_deltas_is_not_shown_and_the_question_is_asked_again() {
    let silent = vec![text("NO"), text("_REP"), text("LY"), done()];
    let bench = Bench::new([silent.clone(), vec![text("Here I am."), done()]]);
    let (outcome, events) = bench.talk("hello?").await;
    assert!(matches!(outcome, RunOutcome::Completed { text, .. } if text == "Here I am."));
    assert!(lines(&events).iter().all(|line| !line.contains("NO")), "{:?}", lines(&events));
    assert_eq!(bench.transcript().await, ["user: hello?", "assistant (Stop): Here I am."]);
    assert!(bench.sent(1)[0].contains("hello?\n\n[Silence is not possible here"), "{:?}", bench.sent(1));

    let bench = Bench::new([silent]);
    bench.accept("r1", "psst").await;
    let mut turn = bench.turn("r1");
    turn.silence = Silence::Allowed;
    let (outcome, _) = bench.drive(turn, Control::new()).await;
    assert!(matches!(outcome, RunOutcome::Completed { text, .. } if text.is_empty()));
}

///
#[tokio::test]
async fn without_a_model_the_turn_says_what_is_missing() {
    let bench = Bench::new([]);
    bench.accept("r1", "hello").await;
    let mut turn = bench.turn("r1");
    let hint = "No model is set up. Run `openclaw models list`.".to_owned();
    turn.model = Err(openclaw_agent::run::NoModel { hint: hint.clone(), kind: "auth" });
    let (outcome, events) = bench.drive(turn, Control::new()).await;
    assert!(matches!(outcome, RunOutcome::Failed { message, kind: "auth", .. } if message == hint));
    assert_eq!(lines(&events).last().unwrap(), "saved 2 assistant (Error): ");
    assert_eq!(bench.session().await.last_run_error, Some(hint));
}

///
#[tokio::test]
async fn a_workspace_that_cannot_be_made_is_a_visible_error() {
    let bench = Bench::new([]);
    std::fs::write(bench.folder.path().join("workspace"), "a file in the way").unwrap();
    let (outcome, _) = bench.talk("hello").await;
    let RunOutcome::Failed { message, kind: "internal", .. } = outcome else { panic!("{outcome:?}") };
    assert!(message.starts_with("The workspace `"), "{message}");
}
