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
