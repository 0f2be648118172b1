//! Devices: silent approval, waiting for a person, tokens (PAIR).

use kit::Connect;
use serde_json::json;

use crate::house::{House, TOKEN, detail};

/// protocol.md 3.6, PAIR-4, PAIR-13
#[tokio::test]
async fn a_local_device_is_paired_silently_and_gets_the_same_token_each_time() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let first = house.client(&Connect::device(TOKEN, &key)).await;
    assert_eq!(owner.event("device.pair.resolved").await["decision"], "approved");
    let token = first.hello["auth"]["deviceToken"].clone();
    assert!(token.is_string());
    let by_token = house.client(&Connect::device("", &key).auth(json!({"deviceToken": token}))).await;
    assert_eq!(by_token.hello["auth"]["method"], "device-token");
    assert_eq!(by_token.hello["auth"]["deviceToken"], token);
    let list = owner.request("device.pair.list", json!({})).await.unwrap();
    assert_eq!(list["paired"][0]["deviceId"], kit::device_id(&key));
    assert_eq!(list["paired"][0]["approvedVia"], "silent");
    assert!(!list.to_string().contains(token.as_str().unwrap()), "a list never shows a token");
}

/// AUTH-9
#[tokio::test]
async fn a_right_device_token_beside_a_wrong_shared_one_is_enough() {
    let house = House::start().await;
    let key = kit::device_key();
    let token = house.client(&Connect::device(TOKEN, &key)).await.hello["auth"]["deviceToken"].clone();
    let both = Connect::device("", &key).auth(json!({"token": "wrong", "deviceToken": token}));
    assert_eq!(house.client(&both).await.hello["auth"]["method"], "device-token");
    let in_token = Connect::device("", &key).auth(json!({"token": token}));
    assert_eq!(house.client(&in_token).await.hello["auth"]["method"], "device-token");
    let wider = Connect::device("", &key).auth(json!({"deviceToken": token})).scopes(&["operator.admin"]);
    assert_eq!(house.refusal(&wider).await.0, "AUTH_SCOPE_MISMATCH");
    let stolen = Connect::device("", &kit::device_key()).auth(json!({"deviceToken": token}));
    assert_eq!(house.refusal(&stolen).await.0, "AUTH_DEVICE_TOKEN_MISMATCH");
}

/// PAIR-4
#[tokio::test]
async fn a_local_scope_upgrade_with_the_shared_secret_is_silent() {
    let house = House::start().await;
    let key = kit::device_key();
    house.client(&Connect::device(TOKEN, &key)).await;
    let wider = house.client(&Connect::device(TOKEN, &key).scopes(&["operator.admin"])).await;
    assert_eq!(wider.hello["auth"]["scopes"], json!(["operator.admin"]));
}

/// protocol.md 6, PAIR-5, PAIR-6, PAIR-7, N-3.1, N-3.5
#[tokio::test]
async fn a_changed_machine_waits_for_a_person_under_one_request_id() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    house.client(&Connect::node(TOKEN, &key)).await;
    let moved = Connect::node(TOKEN, &key).set("/client/platform", json!("win32"));
    let refused = house.refused(&moved).await;
    assert_eq!(detail(&refused, "code"), "PAIRING_REQUIRED");
    assert_eq!(detail(&refused, "reason"), "metadata-upgrade");
    let request = detail(&refused, "requestId").as_str().unwrap().to_owned();
    assert_eq!(
        refused.close.reason,
        format!("pairing required: device identity changed and must be re-approved (requestId: {request})")
    );
    let event = owner.event("device.pair.requested").await;
    assert_eq!((&event["requestId"], &event["platform"]), (&json!(request), &json!("windows")));
    let again = house.refused(&moved).await;
    assert_eq!(detail(&again, "requestId"), request.as_str());
    owner.request("device.pair.approve", json!({"requestId": request})).await.unwrap();
    house.client(&moved).await;
    let unknown = owner.request("device.pair.approve", json!({"requestId": request})).await.unwrap_err();
    assert_eq!(unknown.message, "unknown requestId");
}

/// PAIR-13: never wider than what was approved, nor than what the caller holds.
#[tokio::test]
async fn a_rotated_token_has_the_scopes_that_were_asked_for_and_no_more() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let id = kit::device_id(&key);
    let tui = house.client(&Connect::device(TOKEN, &key)).await;
    tui.close().await;
    let asked = |scope: &str| json!({"deviceId": id, "role": "operator", "scopes": [scope]});
    let refused = owner.request("device.token.rotate", asked("operator.admin")).await.unwrap_err();
    assert_eq!(refused.message, "device token rotation denied");
    let pairing = Connect::backend(TOKEN).scopes(&["operator.pairing"]);
    let wider = house.client(&pairing).await.request("device.token.rotate", asked("operator.read")).await;
    assert_eq!(wider.unwrap_err().detail_code(), Some("MISSING_SCOPE"));
    let rotated = owner.request("device.token.rotate", asked("operator.read")).await.unwrap();
    assert_eq!(rotated["scopes"], json!(["operator.read"]));
}

/// protocol.md 6, AUTH-15, PAIR-13
#[tokio::test]
async fn rotate_revoke_and_remove_close_the_devices_sockets() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let id = kit::device_id(&key);
    let mut tui = house.client(&Connect::device(TOKEN, &key)).await;
    let old = tui.hello["auth"]["deviceToken"].clone();
    let rotated = owner.request("device.token.rotate", json!({"deviceId": id, "role": "operator"})).await.unwrap();
    assert_eq!(rotated["tokenDelivery"], "withheld-cross-device");
    assert!(rotated.get("token").is_none());
    let closed = tui.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (4001, "device removed"));
    let with_old = Connect::device("", &key).auth(json!({"deviceToken": old}));
    assert_eq!(house.refusal(&with_old).await.0, "AUTH_DEVICE_TOKEN_MISMATCH");

    let mut tui = house.client(&Connect::device(TOKEN, &key)).await;
    assert_ne!(tui.hello["auth"]["deviceToken"], old);
    owner.request("device.token.revoke", json!({"deviceId": id, "role": "operator"})).await.unwrap();
    assert_eq!(tui.closed().await.code, 4001);

    let mut tui = house.client(&Connect::device(TOKEN, &key)).await;
    owner.request("device.pair.remove", json!({"deviceId": id})).await.unwrap();
    assert_eq!(tui.closed().await.code, 4001);
    let list = owner.request("device.pair.list", json!({})).await.unwrap();
    assert_eq!(list["paired"], json!([]));
}

/// PAIR-4: `autoApproveLocal: false` is the switch for shared machines.
#[tokio::test]
async fn a_shared_machine_can_be_told_to_ask() {
    let house = House::with(
        r#"{gateway: {mode: "local", auth: {mode: "token", token: "test-token-0123456789abcdef"},
            nodes: {pairing: {autoApproveLocal: false}}}}"#,
    )
    .await;
    let refused = house.refused(&Connect::device(TOKEN, &kit::device_key())).await;
    assert_eq!(detail(&refused, "reason"), "not-paired");
    assert!(detail(&refused, "remediationHint").as_str().unwrap().contains("openclaw devices approve "));
}
