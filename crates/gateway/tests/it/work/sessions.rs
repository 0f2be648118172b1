//! `sessions.*` and the small lists around them.

use serde_json::{Value, json};

use super::{Desk, ended, say};

///
#[tokio::test]
async fn a_session_is_made_changed_found_and_deleted() {
    let desk = Desk::start().await;
    let mut client = desk.client().await;
    let made = client.request("sessions.create", json!({"key": "Work", "label": "work"})).await.unwrap();
    assert_eq!((&made["key"], &made["runStarted"]), (&json!("agent:main:work"), &json!(false)));
    let taken = client.request("sessions.create", json!({"key": "other", "label": "work"})).await.unwrap_err();
    assert!(taken.message.starts_with("label already in use"), "{taken}");
    let patch = json!({"key": "work", "model": "fake-2", "thinkingLevel": "high", "pinned": true});
    let patched = client.request("sessions.patch", patch).await.unwrap();
    assert_eq!(patched["resolved"], json!({"modelProvider": "fake", "model": "fake-2"}));
    assert_eq!((&patched["entry"]["thinkingLevel"], &patched["entry"]["pinned"]), (&json!("high"), &json!(true)));
    let wrong = client.request("sessions.patch", json!({"key": "work", "model": "nope"})).await.unwrap_err();
    assert_eq!(wrong.detail_code(), Some("MODEL_UNKNOWN"));
    let found = client.request("sessions.resolve", json!({"label": "work"})).await.unwrap();
    assert_eq!(found["key"], "agent:main:work");
    let deleted = client.request("sessions.delete", json!({"key": "work"})).await.unwrap();
    assert_eq!(deleted, json!({"ok": true, "key": "agent:main:work", "deleted": true, "archived": []}));
    assert_eq!(client.request("sessions.describe", json!({"key": "work"})).await.unwrap(), json!({"session": null}));
    let main = client.request("sessions.delete", json!({"key": "main"})).await.unwrap_err();
    assert_eq!(main.message, "Cannot delete the main session (agent:main:main).");
}

///
#[tokio::test]
async fn a_row_tells_how_a_session_stands() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("Hello there");
    let mut client = desk.client().await;
    say(&mut client, "main", "k", "what is up").await;
    ended(&mut client, "k").await;
    let params = json!({"includeLastMessage": true, "includeDerivedTitles": true, "agentId": "main"});
    let list = client.request("sessions.list", params).await.unwrap();
    assert_eq!((&list["count"], &list["totalCount"], &list["hasMore"]), (&json!(1), &json!(1), &json!(false)));
    let row = &list["sessions"][0];
    let expected = json!({"key": "agent:main:main", "classification": "main", "isMain": true, "status": "done",
        "hasActiveRun": false, "unread": true, "modelProvider": "fake", "model": "fake-1", "lastRunId": "k",
        "lastMessagePreview": "Hello there", "contextTokens": 120_000, "archived": false, "kind": "direct"});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&row[key], value, "{key}");
    }
    let read = client.request("sessions.patch", json!({"key": "main", "unread": false})).await.unwrap();
    assert_eq!(read["entry"]["unread"], false);
}

///
#[tokio::test]
async fn the_lists_around_a_chat_are_true() {
    let desk = Desk::start().await;
    let mut client = desk.client().await;
    let agents = client.request("agents.list", json!({})).await.unwrap();
    assert_eq!((&agents["defaultId"], &agents["mainKey"]), (&json!("main"), &json!("main")));
    assert_eq!(agents["agents"][0]["model"], json!({"primary": "fake/fake-1"}));
    let models = client.request("models.list", json!({"view": "configured"})).await.unwrap();
    let default = &models["models"].as_array().unwrap().iter().find(|model| model["id"] == "fake-1").unwrap();
    assert_eq!((&default["tags"], &default["available"]), (&json!(["default"]), &json!(true)));
    let commands = client.request("commands.list", json!({"scope": "text", "includeArgs": false})).await.unwrap();
    assert!(commands["commands"].as_array().unwrap().iter().any(|row: &Value| row["textAliases"] == json!(["/stop"])));
    let tools = client.request("tools.catalog", json!({})).await.unwrap();
    assert_eq!(tools["groups"][0]["id"], "fs");
    let identity = client.request("agent.identity.get", json!({})).await.unwrap();
    assert_eq!(identity, json!({"agentId": "main", "name": "Assistant", "nameSource": "default", "avatar": "A"}));
}

/// PROBE-2: right after a first turn, what was used and who talks is told as it is.
#[tokio::test]
async fn usage_and_health_are_true_right_after_a_first_turn() {
    let desk = Desk::start().await;
    let mut client = desk.client().await;
    assert_eq!(client.request("usage.cost", json!({})).await.unwrap()["daily"], json!([]));
    assert_eq!(client.request("health", json!({})).await.unwrap()["sessions"]["count"], 0);
    desk.vendor.reply_text("Hello");
    say(&mut client, "main", "r1", "hi").await;
    ended(&mut client, "r1").await;
    let health = client.request("health", json!({})).await.unwrap();
    assert_eq!(health["sessions"]["count"], 1);
    assert_eq!(health["agents"][0]["sessions"]["recent"][0]["key"], "agent:main:main");
    let used = client.request("usage.cost", json!({"days": 7})).await.unwrap();
    assert_eq!((&used["days"], used["daily"].as_array().unwrap().len()), (&json!(7), 1), "{used}");
    assert!(used["totals"]["totalTokens"].as_u64().unwrap() > 0, "{used}");
    assert_eq!(used["daily"][0]["totalTokens"], used["totals"]["totalTokens"]);
    assert_eq!(used["totals"]["missingCostEntries"], 1, "a model of a config without prices");
}

/// methods.md `models.authStatus`: the recorded shape, and never a key.
#[tokio::test]
async fn the_status_of_credentials_names_their_source_only() {
    let desk = Desk::start().await;
    let mut client = desk.client().await;
    let status = client.request("models.authStatus", json!({"agentId": "main"})).await.unwrap();
    let expected = json!({"provider": "fake", "authProvider": "fake", "displayName": "fake", "status": "static",
        "profiles": [], "apiKey": {"source": "config"}});
    assert!(status["providers"].as_array().unwrap().contains(&expected), "{status}");
    assert!(status["ts"].is_i64() && status["providerCapabilities"].is_array());
}
