//! Accepting, running and ending.

use openclaw_store::{Accepted, Finish, InputState, RunStatus, StoreError};
use serde_json::json;

use crate::harness::{answer, asked, done, fresh, key, texts};

///
#[tokio::test]
async fn an_input_is_accepted_once_run_once_and_ended_once() {
    let at = fresh();
    let Accepted::New(input) = at.store.accept_input(asked("r1", "main", "hello")).await.unwrap() else {
        panic!("a new run id is new");
    };
    assert_eq!((input.state, input.attempts), (InputState::Pending, 0));
    let again = at.store.accept_input(asked("r1", "main", "something else")).await.unwrap();
    assert_eq!(again, Accepted::Known(input));

    let (session, entry) = at.store.start_input("r1").await.unwrap();
    assert_eq!((session.status, entry.seq), (RunStatus::Running, 1));
    let last = at.store.finish_input("r1", done("hi")).await.unwrap().unwrap();
    assert_eq!((last.seq, last.parent_id), (2, Some(entry.id)));
    let refused = at.store.finish_input("r1", done("hi again")).await;
    assert!(matches!(refused, Err(StoreError::RunEnded(_))), "{refused:?}");

    assert_eq!(texts(&at.store, &session.session_id).await, ["user: hello", "assistant: hi"]);
    let input = at.store.input("r1").await.unwrap().unwrap();
    assert_eq!(input.outcome, Some(json!({"status": "ok", "summary": "hi"})));
    assert_eq!(input.message.content.text(), "hello");
    let session = at.store.session(&key("main")).await.unwrap().unwrap();
    assert_eq!((session.status, session.message_count), (RunStatus::Done, 2));
    assert_eq!(session.derived_title.as_deref(), Some("hello"));
    assert_eq!(session.last_message.as_deref(), Some("hi"));
}

///
#[tokio::test]
async fn a_run_begun_again_after_a_restart_does_not_repeat_its_message() {
    let at = fresh();
    at.store.accept_input(asked("r1", "main", "one")).await.unwrap();
    at.store.accept_input(asked("r2", "main", "two")).await.unwrap();
    let (session, first) = at.store.start_input("r1").await.unwrap();

    let at = at.reopened().await;
    let left: Vec<_> = at.store.unfinished_inputs().await.unwrap();
    let left: Vec<_> = left.iter().map(|input| (input.run_id.as_str(), input.state, input.attempts)).collect();
    assert_eq!(left, [("r1", InputState::Running, 1), ("r2", InputState::Pending, 0)]);

    let (_, again) = at.store.start_input("r1").await.unwrap();
    assert_eq!(again, first);
    at.store.finish_input("r1", done("answer")).await.unwrap();
    assert_eq!(texts(&at.store, &session.session_id).await, ["user: one", "assistant: answer"]);
    assert_eq!(at.store.pending_inputs(&key("main")).await.unwrap().len(), 1);
}

///
#[tokio::test]
async fn a_run_that_has_ended_cannot_append() {
    let at = fresh();
    at.store.accept_input(asked("r1", "main", "hello")).await.unwrap();
    let (session, _) = at.store.start_input("r1").await.unwrap();
    at.store.append(&session.session_id, Some("r1"), answer("part")).await.unwrap();
    at.store.finish_input("r1", Finish::new(RunStatus::Killed, json!({}))).await.unwrap();
    let late = at.store.append(&session.session_id, Some("r1"), answer("late")).await;
    assert!(matches!(late, Err(StoreError::RunEnded(_))), "{late:?}");
    assert_eq!(texts(&at.store, &session.session_id).await, ["user: hello", "assistant: part"]);
}

#[tokio::test]
async fn a_message_steered_into_a_run_is_said_once_and_ends_with_it() {
    let at = fresh();
    at.store.accept_input(asked("r1", "main", "first")).await.unwrap();
    at.store.accept_input(asked("r2", "main", "and also")).await.unwrap();
    let refused = at.store.absorb_input("r2", "r1", json!({})).await;
    assert!(matches!(refused, Err(StoreError::RunEnded(_))), "the host must be under way: {refused:?}");
    let (session, _) = at.store.start_input("r1").await.unwrap();
    let entry = at.store.absorb_input("r2", "r1", json!({"status": "ok"})).await.unwrap();
    assert_eq!((entry.seq, entry.run_id.as_deref()), (2, Some("r2")));
    assert_eq!(at.store.session(&key("main")).await.unwrap().unwrap().status, RunStatus::Running);
    at.store.finish_input("r1", done("both")).await.unwrap();
    assert_eq!(texts(&at.store, &session.session_id).await, ["user: first", "user: and also", "assistant: both"]);
    assert_eq!(at.store.unfinished_inputs().await.unwrap(), []);
}

///
#[tokio::test]
async fn a_message_aborted_in_the_queue_leaves_the_running_one_alone() {
    let at = fresh();
    at.store.accept_input(asked("r1", "main", "one")).await.unwrap();
    at.store.accept_input(asked("r2", "main", "two")).await.unwrap();
    let (session, _) = at.store.start_input("r1").await.unwrap();
    at.store.finish_input("r2", Finish::new(RunStatus::Killed, json!({"status": "timeout"}))).await.unwrap();
    let row = at.store.session(&key("main")).await.unwrap().unwrap();
    assert_eq!((row.status, row.last_run_id.as_deref()), (RunStatus::Running, Some("r1")));
    assert_eq!(texts(&at.store, &session.session_id).await, ["user: one"]);
    assert!(matches!(at.store.start_input("r2").await, Err(StoreError::RunEnded(_))));
}

/// a command answered while a run is under way.
#[tokio::test]
async fn an_answer_without_a_run_brings_its_question_along() {
    let at = fresh();
    at.store.accept_input(asked("r1", "main", "work")).await.unwrap();
    let (session, _) = at.store.start_input("r1").await.unwrap();
    at.store.accept_input(asked("r2", "main", "/status")).await.unwrap();
    at.store.finish_input("r2", done("all well")).await.unwrap().unwrap();
    assert_eq!(texts(&at.store, &session.session_id).await, ["user: work", "user: /status", "assistant: all well"]);
    let row = at.store.session(&key("main")).await.unwrap().unwrap();
    assert_eq!((row.status, row.last_run_id.as_deref()), (RunStatus::Running, Some("r1")));
}

///
#[tokio::test]
async fn a_run_that_outlives_a_reset_ends_in_its_own_transcript() {
    let at = fresh();
    at.store.accept_input(asked("r1", "main", "old")).await.unwrap();
    let (old, _) = at.store.start_input("r1").await.unwrap();
    at.store.accept_input(asked("r2", "main", "new")).await.unwrap();
    let reset = at.store.reset_session(&key("main"), "new").await.unwrap();
    let stray = at.store.append(&reset.session_id, Some("r1"), answer("stray")).await;
    assert!(matches!(stray, Err(StoreError::RunEnded(_))), "not into the new conversation: {stray:?}");
    at.store.finish_input("r1", done("late")).await.unwrap();
    let row = at.store.session(&key("main")).await.unwrap().unwrap();
    assert_eq!((row.status, row.last_seq), (RunStatus::Idle, 0));
    assert_eq!(texts(&at.store, &old.session_id).await, ["user: old", "assistant: late"]);

    at.store.start_input("r2").await.unwrap();
    assert_eq!(texts(&at.store, &reset.session_id).await, ["user: new"], "what waited runs where the session is now");
}

#[tokio::test]
async fn only_a_person_keeps_a_session_alive() {
    let at = fresh();
    let beat = store_source("r1", "heartbeat");
    at.store.accept_input(beat).await.unwrap();
    assert_eq!(at.store.session(&key("main")).await.unwrap().unwrap().last_interaction_at, None);
    at.store.accept_input(store_source("r2", "telegram")).await.unwrap();
    assert!(at.store.session(&key("main")).await.unwrap().unwrap().last_interaction_at.is_some());
}

fn store_source(run_id: &str, source: &str) -> openclaw_store::NewInput {
    openclaw_store::NewInput { source: source.into(), ..asked(run_id, "main", "x") }
}

///
#[tokio::test]
async fn the_end_of_a_run_leaves_its_tokens_and_model_with_the_session() {
    let at = fresh();
    at.store.accept_input(asked("r1", "main", "x")).await.unwrap();
    at.store.start_input("r1").await.unwrap();
    let usage = wire::message::Usage { input: 10, output: 6, cache_read: 5, ..wire::message::Usage::default() };
    let finish = Finish {
        usage,
        context_tokens: Some(120_000),
        provider: Some("fake".into()),
        model: Some("fake-1".into()),
        error: Some("it broke".into()),
        ..Finish::new(RunStatus::Failed, json!({}))
    };
    at.store.finish_input("r1", finish).await.unwrap();
    let row = at.store.session(&key("main")).await.unwrap().unwrap();
    assert_eq!((row.input_tokens, row.output_tokens, row.total_tokens), (Some(10), Some(6), Some(15)));
    assert_eq!((row.model_provider.as_deref(), row.model.as_deref()), (Some("fake"), Some("fake-1")));
    assert_eq!((row.status, row.last_run_error.as_deref()), (RunStatus::Failed, Some("it broke")));
    assert!(row.ended_at >= row.started_at && row.ended_at.is_some());
}
