//! Single values and kept answers.

use std::time::Duration;

use serde_json::{Value, json};

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
