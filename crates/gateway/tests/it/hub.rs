//! Events: who gets them, their numbers, and what a slow reader costs the others (`protocol.md` 5).

use kit::Connect;
use serde_json::json;

use crate::house::{House, TOKEN, frame};

#[tokio::test]
async fn events_reach_those_who_hold_the_scope_under_numbers_without_gaps() {
    let house = House::start().await;
    let mut reader = house.client(&Connect::backend(TOKEN).scopes(&["operator.read"])).await;
    let mut owner = house.owner().await;
    for n in 0..3 {
        let words = json!({"triggers": [format!("word{n}")]});
        assert_eq!(owner.request("voicewake.set", words.clone()).await.unwrap(), words);
    }
    for n in 1..=3 {
        let event = frame(&mut reader, "voicewake.changed").await;
        assert_eq!((&event["seq"], &event["payload"]["triggers"][0]), (&json!(n), &json!(format!("word{}", n - 1))));
    }
}

/// N-13.3
#[tokio::test]
async fn a_device_is_seen_coming_and_going_and_nodes_hear_their_words() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let mut node = house.client(&Connect::node(TOKEN, &kit::device_key())).await;
    let words = frame(&mut node, "voicewake.changed").await;
    assert!(words.get("seq").is_none(), "targeted events carry no number");
    let here = frame(&mut owner, "presence").await;
    assert_eq!(here["payload"]["presence"][1]["reason"], "connect");
    assert!(here["stateVersion"]["presence"].as_u64().unwrap() > 1);
    node.close().await;
    let gone = owner.event_where("presence", |event| event["presence"][1]["reason"] == "disconnect").await;
    assert_eq!(gone["presence"][1]["mode"], "node");
}

#[tokio::test]
async fn a_client_that_never_reads_costs_the_others_nothing() {
    let house = House::start().await;
    let _deaf = house.client(&Connect::backend(TOKEN).scopes(&["operator.read"])).await;
    let mut owner = house.owner().await;
    let big: Vec<String> = (0..32).map(|n| format!("{n:0>64}")).collect();
    for _ in 0..3_000 {
        owner.request("voicewake.set", json!({"triggers": big})).await.unwrap();
    }
    assert_eq!(owner.request("health", json!({})).await.unwrap()["ok"], true);
}

/// N-13.1
#[tokio::test]
async fn wake_words_are_cleaned_and_none_means_the_first_ones() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let mut set = async |triggers: serde_json::Value| {
        owner.request("voicewake.set", json!({"triggers": triggers})).await.unwrap()["triggers"].clone()
    };
    assert_eq!(set(json!([" hey claw ", "", "  "])).await, json!(["hey claw"]));
    assert_eq!(set(json!(["x".repeat(80)])).await[0].as_str().map(str::len), Some(64));
    assert_eq!(set(json!((0..40).map(|n| n.to_string()).collect::<Vec<_>>())).await.as_array().map(Vec::len), Some(32));
    assert_eq!(set(json!([])).await, json!(["openclaw", "claude", "computer"]));
}
