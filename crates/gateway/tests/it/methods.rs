//! Shapes of answers that released clients read (PROBE-2, LOG-1).

use serde_json::json;

use crate::house::{House, TOKEN};

/// PROBE-2
#[tokio::test]
async fn health_has_every_key_the_cli_reads() {
    let house = House::start().await;
    let health = house.owner().await.request("health", json!({"probe": true})).await.unwrap();
    for key in [
        "ok",
        "ts",
        "durationMs",
        "plugins",
        "configReload",
        "channels",
        "channelOrder",
        "channelLabels",
        "heartbeatSeconds",
        "defaultAgentId",
        "agents",
        "sessions",
        "modelRuntime",
        "eventLoop",
    ] {
        assert!(health.get(key).is_some(), "{key}");
    }
    assert_eq!(health["agents"][0]["agentId"], "main");
    assert_eq!(health["sessions"]["count"], 0);
}

#[tokio::test]
async fn families_with_nothing_to_show_answer_in_the_right_shape() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    for method in ["plugin.approval.list", "openclaw.approval.list"] {
        assert_eq!(owner.request(method, json!({})).await.unwrap(), json!([]), "{method}");
    }
    assert_eq!(owner.request("last-heartbeat", json!({})).await.unwrap(), json!(null));
    assert_eq!(owner.request("node.list", json!({})).await.unwrap()["nodes"], json!([]));
    assert_eq!(owner.request("cron.list", json!({"limit": 200})).await.unwrap()["jobs"], json!([]));
    assert!(owner.request("system-presence", json!({})).await.unwrap().is_array());
    assert_eq!(owner.request("status", json!({})).await.unwrap()["runtimeVersion"], "0.0.0-test");
    assert!(owner.request("logs.tail", json!({})).await.unwrap()["file"].is_string());
}

/// CFG-4, CFG-6
#[tokio::test]
async fn the_config_is_read_redacted_and_written_only_over_the_version_it_was_read_from() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let read = owner.request("config.get", json!({})).await.unwrap();
    assert!(!read.to_string().contains(TOKEN), "a read shows no secret");
    assert_eq!((&read["exists"], &read["valid"]), (&json!(true), &json!(true)));
    let patch = json!({"raw": r#"{"logging":{"level":"debug"}}"#});
    let blind = owner.request("config.patch", patch.clone()).await.unwrap_err();
    assert!(blind.message.contains("base hash required"), "{}", blind.message);
    let mut guarded = patch.clone();
    guarded["baseHash"] = read["hash"].clone();
    let written = owner.request("config.patch", guarded.clone()).await.unwrap();
    assert_eq!(written["changedPaths"], json!(["logging.level"]));
    owner.event("config.changed").await;
    assert!(owner.request("config.patch", guarded).await.is_err(), "the hash is stale now");
    let schema = owner.request("config.schema.lookup", json!({"path": "gateway.auth.mode"})).await.unwrap();
    assert_eq!(schema["path"], "gateway.auth.mode");
}
