//! Single values and kept answers.

use std::time::Duration;

use openclaw_store::{NewSession, SystemEvent};
use serde_json::{Value, json};
use wire::{AgentId, SessionKey};

use crate::harness::fresh;

#[tokio::test]
async fn a_value_is_kept_replaced_and_forgotten() {
    let at = fresh();
    assert_eq!(at.store.meta_get("triggers").await.unwrap(), None);
    at.store.meta_set("triggers", &json!(["claw"])).await.unwrap();
    let at = at.reopened().await;
    assert_eq!(at.store.meta_get("triggers").await.unwrap(), Some(json!(["claw"])));
    at.store.meta_set("triggers", &Value::Null).await.unwrap();
    assert_eq!(at.store.meta_get("triggers").await.unwrap(), None);
    let first = at.store.meta_init("instance", &json!("a")).await.unwrap();
    assert_eq!((first, at.store.meta_init("instance", &json!("b")).await.unwrap()), (json!("a"), json!("a")));
}

///
#[tokio::test]
async fn what_happened_is_told_to_one_run_and_a_new_conversation_starts_without_it() {
    let at = fresh();
    let key = SessionKey::main(&AgentId::main(), "main");
    at.store.note_event(&key, "notification:1", "first").await.unwrap();
    at.store.note_event(&key, "exec:a", "make\nended").await.unwrap();
    at.store.note_event(&key, "notification:1", "first, changed").await.unwrap();
    let texts = |events: Vec<SystemEvent>| events.into_iter().map(|event| event.text).collect::<Vec<_>>();
    let at = at.reopened().await;
    let told = texts(at.store.take_events(&key, "run-1").await.unwrap());
    assert_eq!(told, ["make ended", "first, changed"], "one line each, the newest word about each thing");
    at.store.note_event(&key, "late", "late").await.unwrap();
    assert_eq!(texts(at.store.take_events(&key, "run-1").await.unwrap()), told, "a resumed run is told the same");
    assert_eq!(texts(at.store.take_events(&key, "run-2").await.unwrap()), ["late"]);
    assert_eq!(texts(at.store.take_events(&key, "run-3").await.unwrap()), Vec::<String>::new());
    for number in 0..30 {
        at.store.note_event(&key, &number.to_string(), &number.to_string()).await.unwrap();
    }
    assert_eq!(texts(at.store.take_events(&key, "run-4").await.unwrap()).len(), 20, "the newest few");
    at.store.ensure_session(&key, NewSession::default()).await.unwrap();
    at.store.note_event(&key, "old", "old").await.unwrap();
    at.store.reset_session(&key, "new").await.unwrap();
    assert_eq!(texts(at.store.take_events(&key, "run-5").await.unwrap()), Vec::<String>::new());
}

///
#[tokio::test]
async fn an_answer_is_kept_for_its_time_and_a_thousand_per_scope() {
    let at = fresh();
    let minute = Duration::from_secs(60);
    at.store.remember("agent", "gone", &json!(1), Duration::ZERO).await.unwrap();
    assert_eq!(at.store.recall("agent", "gone").await.unwrap(), None);
    at.store.remember("send", "k", &json!("other scope"), minute).await.unwrap();
    for number in 0..1001 {
        let ttl = minute + Duration::from_millis(number);
        at.store.remember("agent", &number.to_string(), &json!(number), ttl).await.unwrap();
    }
    assert_eq!(at.store.recall("agent", "0").await.unwrap(), None, "the one that would go first made room");
    assert_eq!(at.store.recall("agent", "1000").await.unwrap(), Some(json!(1000)));
    assert_eq!(at.store.recall("send", "k").await.unwrap(), Some(json!("other scope")));
}
