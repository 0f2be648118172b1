//! Who may steer a node's browser (N-4.10, N-4.11).

use kit::Connect;
use serde_json::{Value, json};

use crate::house::{House, TOKEN};

fn config(public_too: bool) -> String {
    json!({"gateway": {"mode": "local", "trustedProxies": ["127.0.0.1"], "auth": {"mode": "token", "token": TOKEN},
        "nodes": {"browser": {"allowPublicPeers": public_too}}}})
    .to_string()
}

/// What becomes of a call of a node's browser by an administrator behind a proxy, at this address.
async fn called_from(house: &House, address: &str, path: &str) -> Result<Value, String> {
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let node = Connect::node(TOKEN, &key).caps(&["browser"]).set("/commands", json!(["browser.proxy"]));
    let mut node = house.client(&node).await;
    let id = kit::device_id(&key);
    let asked = owner.event_where("node.pair.requested", |asked| asked["nodeId"] == *id).await;
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();

    let far = Connect::device(TOKEN, &kit::device_key()).scopes(&["operator.admin", "operator.write"]);
    let far = far.header("x-forwarded-for", address);
    house.refused(&far).await;
    let waits = owner.event("device.pair.requested").await;
    owner.request("device.pair.approve", json!({"requestId": waits["requestId"]})).await.unwrap();
    let mut far = house.client(&far).await;
    let call = json!({"nodeId": id, "command": "browser.proxy", "params": {"method": "POST", "path": path},
        "idempotencyKey": "k"});
    let sent = far.send("node.invoke", &call).await;
    tokio::select! {
        refused = far.answer(&sent) => Err(refused.unwrap_err().unwrap().message),
        request = node.event("node.invoke.request") => Ok(request),
    }
}

/// N-4.10
#[tokio::test]
async fn a_public_address_steers_no_browser_unless_the_config_says_so() {
    let house = House::with(&config(false)).await;
    let refused = called_from(&house, "203.0.113.9", "/act").await.unwrap_err();
    assert!(refused.contains("203.0.113.9") && refused.contains("gateway.nodes.browser.allowPublicPeers"), "{refused}");
    assert!(called_from(&house, "192.168.1.7", "/act").await.is_ok());
    let house = House::with(&config(true)).await;
    assert!(called_from(&house, "203.0.113.9", "/act").await.is_ok());
}

/// N-4.10, N-4.11
#[tokio::test]
async fn nobody_changes_profiles_from_afar_and_only_administrators_steer() {
    let house = House::with(&config(false)).await;
    for path in ["/profiles/create", "//Profiles/x", "/tabs/../profiles/create", "/%70rofiles/create"] {
        let refused = called_from(&house, "192.168.1.7", path).await.unwrap_err();
        assert!(refused.contains("profiles") || refused.contains("escapes"), "{path}: {refused}");
    }
    let mut writer = house.client(&Connect::backend(TOKEN).scopes(&["operator.write"])).await;
    let call = json!({"nodeId": "n", "command": "browser.proxy", "params": {"path": "/"}, "idempotencyKey": "k"});
    let refused = writer.request("node.invoke", call).await.unwrap_err();
    assert_eq!(refused.detail_code(), Some("MISSING_SCOPE"), "{refused:?}");
}
