//! Work that waits for a node, calls that a new policy ends, and input to calls under way.

use kit::{Client, Connect, SigningKey};
use serde_json::{Value, json};

use crate::house::{House, TOKEN};
use crate::nodes::{approved, call, code, describe};

fn config(allow: &[&str], deny: &[&str]) -> String {
    let nodes = json!({"commands": {"allow": allow, "deny": deny}});
    json!({"gateway": {"mode": "local", "auth": {"mode": "token", "token": TOKEN}, "nodes": nodes}}).to_string()
}

/// A phone with a camera, approved.
async fn phone(house: &House, owner: &mut Client, key: &SigningKey) -> (Client, String) {
    let connect = Connect::node(TOKEN, key)
        .set("/client/platform", json!("iOS 18.4"))
        .set("/client/deviceFamily", json!("iPhone"))
        .set("/commands", json!(["camera.snap", "system.notify"]));
    let (phone, id) = (house.client(&connect).await, kit::device_id(key));
    let asked = owner.event_where("node.pair.requested", |asked| asked["nodeId"] == *id).await;
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    (phone, id)
}

/// Asks, has the node say that its app is in the background, and answers what the caller is told.
async fn in_background(owner: &mut Client, node: &mut Client, call: &Value) -> wire::ErrorShape {
    let asked = owner.send("node.invoke", call).await;
    let request = node.event("node.invoke.request").await;
    let error = json!({"code": "NODE_BACKGROUND_UNAVAILABLE", "message": "the app is in the background"});
    let result = json!({"id": request["id"], "nodeId": call["nodeId"], "ok": false, "error": error});
    node.request("node.invoke.result", result).await.unwrap();
    owner.answer(&asked).await.unwrap_err().unwrap()
}

async fn pulled(node: &mut Client) -> Vec<Value> {
    node.request("node.pending.pull", json!({})).await.unwrap()["actions"].as_array().unwrap().clone()
}

/// N-5.16, N-7.10, N-8.1, N-8.4, N-8.5
#[tokio::test]
async fn what_a_phone_cannot_do_in_the_background_waits_until_its_app_is_in_front() {
    let house = House::with(&config(&["camera.snap"], &[])).await;
    let mut owner = house.owner().await;
    let (mut phone, id) = phone(&house, &mut owner, &kit::device_key()).await;
    let snap = call(&id, "camera.snap", "k1");
    let queued = in_background(&mut owner, &mut phone, &snap).await;
    assert_eq!((code(&queued), queued.retryable), ("QUEUED_UNTIL_FOREGROUND", Some(true)), "{queued:?}");
    let details = queued.details.unwrap();
    assert_eq!((&details["nodeId"], &details["command"]), (&json!(id), &json!("camera.snap")));
    assert_eq!(details["wake"], json!({"available": false, "throttled": false, "path": "no-registration"}));
    assert_eq!(details["nodeError"]["code"], "NODE_BACKGROUND_UNAVAILABLE");
    let waiting = pulled(&mut phone).await;
    assert_eq!((waiting.len(), &waiting[0]["id"]), (1, &details["queuedActionId"]));
    assert_eq!(waiting[0]["paramsJSON"], "{\"bins\":[\"sh\"]}");
    let again = in_background(&mut owner, &mut phone, &snap).await;
    assert_eq!(again.details.unwrap()["queuedActionId"], details["queuedActionId"], "the same key waits once");

    let told = in_background(&mut owner, &mut phone, &call(&id, "system.notify", "k3")).await;
    assert!(code(&told).is_empty() && told.message.starts_with("NODE_BACKGROUND_UNAVAILABLE: "), "{told:?}");
    let acked = json!({"ids": [details["queuedActionId"], "unknown"]});
    let acked = phone.request("node.pending.ack", acked).await.unwrap();
    assert_eq!(acked, json!({"nodeId": id, "ackedIds": [details["queuedActionId"]], "remainingCount": 0}));

    let token = "a1b2c3d4".repeat(8);
    let push = json!({"token": token, "topic": "ai.openclaw.ios", "environment": "sandbox"});
    let register = json!({"event": "push.apns.register", "payloadJSON": push.to_string()});
    assert_eq!(phone.request("node.event", register).await.unwrap()["reason"], "stored");
    let empty = json!({"event": "push.apns.register", "payload": {"token": ""}});
    assert_eq!(phone.request("node.event", empty).await.unwrap()["handled"], json!(false));
    let queued = in_background(&mut owner, &mut phone, &call(&id, "camera.snap", "k4")).await;
    assert_eq!(queued.details.unwrap()["wake"]["path"], "no-auth", "it is known where, and nothing is sent");
    assert!(!describe(&mut owner, &id).await.to_string().contains(&token));
    house.rewrite(&config(&[], &[]));
    owner.event("config.changed").await;
    assert!(pulled(&mut phone).await.is_empty(), "what is not allowed any more is not done");
    drop(phone);
    let away = owner.request("node.invoke", call(&id, "system.notify", "k5")).await.unwrap_err();
    assert_eq!(code(&away), "NOT_CONNECTED", "and nobody is woken");
}

/// N-8.2, N-8.3, N-8.4, N-3.12
#[tokio::test]
async fn operators_leave_requests_and_the_node_takes_the_urgent_ones_first() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut early, early_id) = crate::nodes::node(&house, &kit::device_key(), &["system.which"]).await;
    let leave = |id: &str, kind: &str| json!({"nodeId": id, "type": kind});
    let refused = owner.request("node.pending.enqueue", leave(&early_id, "status.request")).await.unwrap_err();
    assert_eq!(code(&refused), "PAIRING_CHANGED", "nothing of it is approved");
    for method in ["node.pending.pull", "node.pending.drain"] {
        assert_eq!(code(&early.request(method, json!({})).await.unwrap_err()), "PAIRING_CHANGED");
    }
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let baseline = node.request("node.pending.drain", json!({})).await.unwrap();
    assert_eq!(
        (&baseline["items"][0]["type"], &baseline["items"][0]["priority"]),
        (&json!("status.request"), &json!("default"))
    );

    let status = owner.request("node.pending.enqueue", leave(&id, "status.request")).await.unwrap();
    assert_eq!((&status["revision"], &status["wakeTriggered"]), (&json!(1), &json!(false)), "{status}");
    let life = status["queued"]["expiresAtMs"].as_i64().unwrap() - status["queued"]["createdAtMs"].as_i64().unwrap();
    assert_eq!(life, 86_400_000);
    let same = owner.request("node.pending.enqueue", leave(&id, "status.request")).await.unwrap();
    assert_eq!(same["queued"]["id"], status["queued"]["id"]);
    let mut urgent = leave(&id, "location.request");
    urgent["priority"] = json!("high");
    urgent["expiresInMs"] = json!(60_000);
    owner.request("node.pending.enqueue", urgent).await.unwrap();
    let first = node.request("node.pending.drain", json!({"maxItems": 1})).await.unwrap();
    assert_eq!((&first["items"][0]["type"], &first["hasMore"]), (&json!("location.request"), &json!(true)), "{first}");
    let second = node.request("node.pending.drain", json!({})).await.unwrap();
    assert_eq!((&second["items"][0]["id"], &second["hasMore"]), (&status["queued"]["id"], &json!(false)), "{second}");
    assert_eq!(second["items"].as_array().unwrap().len(), 1, "it asks how the node is already");

    let mut brief = leave(&id, "status.request");
    brief["expiresInMs"] = json!(999);
    for wrong in [brief, leave("nobody", "status.request"), leave(&id, "system.run")] {
        let refused = owner.request("node.pending.enqueue", wrong).await.unwrap_err();
        assert_eq!(refused.code, wire::ErrorCode::InvalidRequest, "{refused:?}");
    }
    assert!(node.request("node.pending.drain", json!({"maxItems": 11})).await.is_err());
    let mut reader = house.client(&Connect::backend(TOKEN).scopes(&["operator.read"])).await;
    let refused = reader.request("node.pending.enqueue", leave(&id, "status.request")).await.unwrap_err();
    assert_eq!(code(&refused), "MISSING_SCOPE");
}

/// N-4.13, N-1.2: what a new policy forbids ends, and what it allows needs no reconnect.
#[tokio::test]
async fn a_new_policy_ends_the_calls_it_forbids_and_lets_a_live_node_ask_for_more() {
    let house = House::with(&config(&[], &[])).await;
    let mut owner = house.owner().await;
    let commands = ["system.which", "workspace.open"];
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &commands).await;
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let request = node.event("node.invoke.request").await;
    house.rewrite(&config(&[], &["system.which"]));
    let ended = owner.answer(&asked).await.unwrap_err().unwrap();
    assert_eq!(code(&ended), "POLICY_CHANGED", "{ended:?}");
    assert_eq!(node.event("node.invoke.cancel").await["invokeId"], request["id"]);
    let late = json!({"id": request["id"], "nodeId": id, "ok": true});
    assert_eq!(node.request("node.invoke.result", late).await.unwrap()["ignored"], json!(true));
    let refused = owner.request("node.invoke", call(&id, "system.which", "k2")).await.unwrap_err();
    assert!(refused.message.contains("commands.deny"), "{refused:?}");

    house.rewrite(&config(&["workspace.open"], &[]));
    let asks = owner.event_where("node.pair.requested", |asked| asked["nodeId"] == *id).await;
    assert_eq!(asks["commands"], json!(["system.which", "workspace.open"]));
    owner.request("node.pair.approve", json!({"requestId": asks["requestId"]})).await.unwrap();
    let asked = owner.send("node.invoke", &call(&id, "workspace.open", "k3")).await;
    let request = node.event("node.invoke.request").await;
    node.request("node.invoke.result", json!({"id": request["id"], "nodeId": id, "ok": true})).await.unwrap();
    assert_eq!(owner.answer(&asked).await.unwrap()["ok"], json!(true));
}

/// N-5.13
#[tokio::test]
async fn a_caller_sends_more_to_its_own_running_call_and_nobody_else_does() {
    let house = House::start().await;
    let (mut owner, mut other) = (house.owner().await, house.owner().await);
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let request = node.event("node.invoke.request").await;
    let input = |text: &str| json!({"invokeId": "k1", "nodeId": id, "payloadJSON": text});
    assert_eq!(other.request("node.invoke.input", input("1")).await.unwrap()["ignored"], json!(true));
    for seq in 0..2 {
        assert_eq!(owner.request("node.invoke.input", input("{\"keys\":\"y\"}")).await.unwrap(), json!({"ok": true}));
        let got = node.event("node.invoke.input").await;
        assert_eq!(got, json!({"id": request["id"], "nodeId": id, "seq": seq, "payloadJSON": "{\"keys\":\"y\"}"}));
    }
    for wrong in ["no json".to_owned(), format!("\"{}\"", "x".repeat(16_384))] {
        assert!(owner.request("node.invoke.input", input(&wrong)).await.is_err());
    }
    node.request("node.invoke.result", json!({"id": request["id"], "nodeId": id, "ok": true})).await.unwrap();
    owner.answer(&asked).await.unwrap();
    assert_eq!(owner.request("node.invoke.input", input("1")).await.unwrap()["ignored"], json!(true), "it is over");
}
