//! `exec.approvals.*`: the documents that say what may be run, here and on nodes.

use kit::{Client, Connect};
use serde_json::{Value, json};
use wire::{ErrorCode, ErrorShape};

use crate::house::{House, TOKEN};

const GET: &str = "system.execApprovals.get";
const SET: &str = "system.execApprovals.set";

async fn owner(house: &House) -> Client {
    house.owner().await
}

/// N-12.1, N-12.2, N-12.10: the live shape, and a change that only who has seen the document makes.
#[tokio::test]
async fn the_document_of_this_host_is_read_and_replaced() {
    let house = House::start().await;
    let mut owner = owner(&house).await;
    let first = owner.request("exec.approvals.get", json!({})).await.unwrap();
    assert!(first["path"].as_str().unwrap().ends_with("/exec-approvals.json"), "{first}");
    assert_eq!((&first["exists"], &first["file"]["version"]), (&json!(false), &json!(1)));
    assert_eq!(first["hash"].as_str().unwrap().len(), 64);
    let defaults = json!({"security": "full", "ask": "off", "askFallback": "deny", "autoAllowSkills": false});
    assert_eq!(first["resolvedDefaults"], defaults, "the config has the word");

    let file = json!({"version": 1, "socket": {"path": "/s", "token": "secret"}, "defaults": {"ask": "always"},
        "agents": {"main": {"allowlist": [{"pattern": "git"}]}}});
    let stored = owner.request("exec.approvals.set", json!({"file": file})).await.unwrap();
    assert!(stored["exists"] == true && !stored.to_string().contains("secret"), "{stored}");
    assert_eq!(stored["resolvedDefaults"]["ask"], "always");
    assert!(stored["file"]["agents"]["main"]["allowlist"][0]["id"].is_string(), "{stored}");
    for wrong in [
        json!({"file": {"version": 1}}),
        json!({"file": {"version": 1}, "baseHash": first["hash"]}),
        json!({"file": {"version": 1, "defaults": {"ask": "sometimes"}}, "baseHash": stored["hash"]}),
        json!({"file": {"version": 9}, "baseHash": stored["hash"]}),
        json!({"file": "x", "baseHash": stored["hash"]}),
        json!({}),
    ] {
        let refused = owner.request("exec.approvals.set", wrong.clone()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest, "{wrong}: {refused:?}");
    }
    let stale =
        owner.request("exec.approvals.set", json!({"file": {"version": 1}, "baseHash": "00"})).await.unwrap_err();
    assert!(stale.message.contains("changed; reload"), "{stale:?}");
    assert_eq!(owner.request("exec.approvals.get", json!({})).await.unwrap(), stored, "nothing was applied");
    let path = std::path::Path::new(stored["path"].as_str().unwrap());
    assert!(std::fs::read_to_string(path).unwrap().contains("secret"));
}

/// N-12.10: an administrator's.
#[tokio::test]
async fn only_an_administrator_sees_and_changes_documents() {
    let house = House::start().await;
    let scopes = ["operator.read", "operator.write", "operator.approvals", "operator.pairing"];
    let mut client = house.client(&Connect::backend(TOKEN).scopes(&scopes)).await;
    for (method, params) in [
        ("exec.approvals.get", json!({})),
        ("exec.approvals.set", json!({"file": {"version": 1}})),
        ("exec.approvals.node.get", json!({"nodeId": "x"})),
        ("exec.approvals.node.set", json!({"nodeId": "x", "file": {"version": 1}})),
    ] {
        let refused: ErrorShape = client.request(method, params).await.unwrap_err();
        assert_eq!(refused.detail_code(), Some("MISSING_SCOPE"), "{method}: {refused:?}");
    }
}

/// N-4.11, N-10.19, N-12.10: a node's document goes this way and no other.
#[tokio::test]
async fn a_nodes_document_is_asked_for_at_the_node() {
    let house = House::start().await;
    let mut owner = owner(&house).await;
    let key = kit::device_key();
    let mut node =
        house.client(&Connect::node(TOKEN, &key).caps(&["system"]).set("/commands", json!([GET, SET]))).await;
    let id = kit::device_id(&key);
    let asked = owner.event_where("node.pair.requested", |asked| asked["nodeId"] == *id).await;
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    let by_invoke = json!({"nodeId": id, "command": GET, "idempotencyKey": "k"});
    let refused = owner.request("node.invoke", by_invoke).await.unwrap_err();
    assert!(refused.message.contains("use exec.approvals.node.*"), "{refused:?}");

    let snapshot = json!({"path": "/home/ada/x", "exists": true, "hash": "aa", "file": {"version": 1}});
    let asking = owner.send("exec.approvals.node.get", &json!({"nodeId": id})).await;
    let request = node.event("node.invoke.request").await;
    assert_eq!(request["command"], GET);
    answer(&mut node, &request, json!({"ok": true, "payloadJSON": snapshot.to_string()})).await;
    assert_eq!(owner.answer(&asking).await.unwrap(), snapshot);

    let change = json!({"nodeId": id, "file": {"version": 1, "agents": {}}, "baseHash": "aa"});
    let asking = owner.send("exec.approvals.node.set", &change).await;
    let request = node.event("node.invoke.request").await;
    let params: Value = serde_json::from_str(request["paramsJSON"].as_str().unwrap()).unwrap();
    assert_eq!(params, json!({"file": change["file"], "baseHash": "aa"}), "the node is told no more than it needs");
    let error = json!({"code": "INVALID_REQUEST", "message": "they have changed; reload them"});
    answer(&mut node, &request, json!({"ok": false, "error": error})).await;
    let refused = owner.answer(&asking).await.unwrap_err().unwrap();
    assert_eq!((refused.code, &*refused.message), (ErrorCode::InvalidRequest, "they have changed; reload them"));

    let gone = owner.request("exec.approvals.node.get", json!({"nodeId": "nobody"})).await.unwrap_err();
    assert_eq!(gone.detail_code(), Some("PAIRING_CHANGED"), "{gone:?}");
}

async fn answer(node: &mut Client, request: &Value, mut result: Value) {
    result["id"] = request["id"].clone();
    result["nodeId"] = request["nodeId"].clone();
    node.request("node.invoke.result", result).await.unwrap();
}
