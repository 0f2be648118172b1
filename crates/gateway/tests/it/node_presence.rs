//! Which computer is active, and where a new node is told of.

use kit::{Client, Connect};
use serde_json::{Value, json};

use crate::house::{House, TOKEN};
use crate::nodes::{approved, describe};

/// A Mac that can show messages, approved.
async fn mac(house: &House, owner: &mut Client, name: &str) -> (Client, String) {
    let key = kit::device_key();
    let connect = Connect::node(TOKEN, &key)
        .set("/client/id", json!("openclaw-macos"))
        .set("/client/platform", json!("macOS 26.1"))
        .set("/client/deviceFamily", json!("Mac"))
        .set("/client/displayName", json!(name))
        .set("/commands", json!(["system.notify"]));
    let (mac, id) = (house.client(&connect).await, kit::device_id(&key));
    let asked = owner.event_where("node.pair.requested", |asked| asked["nodeId"] == *id).await;
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    (mac, id)
}

async fn says(node: &mut Client, payload: Value) -> Value {
    node.request("node.event", json!({"event": "node.presence.activity", "payload": payload})).await.unwrap()
}

/// The next message a Mac is to show, which it says it did or did not. That the first Mac is new may reach the second one,
/// when that is quick.
async fn shown(mac: &mut Client, ok: bool) -> String {
    loop {
        let request = mac.event("node.invoke.request").await;
        assert_eq!(request["command"], "system.notify");
        let params: Value = serde_json::from_str(request["paramsJSON"].as_str().unwrap()).unwrap();
        let body = params["body"].as_str().unwrap().to_owned();
        let about_the_first = body.starts_with("Desk ");
        let result = json!({"id": request["id"], "nodeId": request["nodeId"], "ok": ok || about_the_first});
        mac.request("node.invoke.result", result).await.unwrap();
        if !about_the_first {
            return body;
        }
    }
}

/// N-7.8, N-9.3, N-6.2
#[tokio::test]
async fn the_mac_that_was_touched_last_is_the_active_one() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut desk, desk_id) = mac(&house, &mut owner, "Desk").await;
    let (mut lap, lap_id) = mac(&house, &mut owner, "Lap").await;
    assert_eq!(describe(&mut owner, &desk_id).await["active"], Value::Null, "nobody has said anything");
    let taken = says(&mut desk, json!({"idleSeconds": 60, "source": "system"})).await;
    assert_eq!((&taken["handled"], &taken["reason"]), (&json!(true), &json!("updated")));
    says(&mut lap, json!({"idleSeconds": 600})).await;
    let row = describe(&mut owner, &desk_id).await;
    assert_eq!(row["active"], json!(true));
    let idle = row["presenceUpdatedAtMs"].as_i64().unwrap() - row["lastActiveAtMs"].as_i64().unwrap();
    assert_eq!(idle, 60_000);
    assert_eq!(describe(&mut owner, &lap_id).await["active"], json!(false));
    says(&mut lap, json!({"idleSeconds": 0})).await;
    assert_eq!(describe(&mut owner, &lap_id).await["active"], json!(true), "somebody sits at it now");
    assert_eq!(says(&mut lap, json!({"action": "clear"})).await["reason"], "cleared");
    assert_eq!(describe(&mut owner, &desk_id).await["active"], json!(true));
    for odd in [json!({"idleSeconds": 2_592_001}), json!({"idleSeconds": -1}), json!({})] {
        assert_eq!(says(&mut desk, odd).await["handled"], json!(false));
    }
    let (mut linux, linux_id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    assert_eq!(says(&mut linux, json!({"idleSeconds": 0})).await["handled"], json!(false), "only Macs say so");
    assert_eq!(describe(&mut owner, &linux_id).await["active"], Value::Null);
}

/// N-3.20, N-9.4: the first time, on the active Mac, on the others when that fails; later never.
#[tokio::test]
async fn a_node_that_is_here_for_the_first_time_is_told_of_on_the_active_mac() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut desk, _) = mac(&house, &mut owner, "Desk").await;
    let (mut lap, _) = mac(&house, &mut owner, "Lap").await;
    assert_eq!(shown(&mut desk, true).await, "Lap is connected for the first time");
    says(&mut desk, json!({"idleSeconds": 60})).await;
    says(&mut lap, json!({"idleSeconds": 0})).await;
    let key = kit::device_key();
    let named = |name: &str| Connect::node(TOKEN, &key).set("/client/displayName", json!(name));
    let first = house.client(&named("Shed")).await;
    assert_eq!(shown(&mut lap, false).await, "Shed is connected for the first time");
    assert_eq!(shown(&mut desk, true).await, "Shed is connected for the first time", "the first one could not");
    drop(first);
    let _again = house.client(&named("Shed")).await;
    let _new = house.client(&Connect::node(TOKEN, &kit::device_key()).set("/client/displayName", json!("Barn"))).await;
    assert_eq!(shown(&mut lap, true).await, "Barn is connected for the first time", "and nothing of the one that was");
}
