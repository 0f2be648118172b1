//! The config file changes under a running Gateway (CFG-8).

use kit::{Closed, Connect};
use serde_json::{Value, json};

use crate::house::{House, TOKEN};

const NEW: &str = "another-token-0123456789abcdef";

fn config(token: &str, more: &Value) -> String {
    let mut config = json!({"gateway": {"mode": "local", "auth": {"mode": "token", "token": token}}});
    for (key, value) in more.as_object().into_iter().flatten() {
        config["gateway"][key] = value.clone();
    }
    config.to_string()
}

/// AUTH-15, CFG-8
#[tokio::test]
async fn a_token_changed_in_the_file_closes_what_the_old_one_opened() {
    let house = House::with(&config(TOKEN, &json!({}))).await;
    let mut owner = house.owner().await;
    house.rewrite(&config(NEW, &json!({})));
    assert_eq!(owner.closed().await, Closed { code: 4001, reason: "gateway auth changed".into() });
    assert_eq!(house.refusal(&Connect::device(TOKEN, &kit::device_key())).await.0, "AUTH_TOKEN_MISMATCH");
    house.client(&Connect::backend(NEW)).await;
}

/// CFG-8
#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing_and_is_told_in_health() {
    let house = House::with(&config(TOKEN, &json!({}))).await;
    let mut owner = house.owner().await;
    let status = |state: &'static str| move |health: &Value| health["configReload"]["hotReloadStatus"] == state;
    house.rewrite("{gateway: {mode: 'local', prot: 1}}");
    let health = owner.event_where("health", status("rejected")).await;
    assert!(health["configReload"]["error"].as_str().unwrap().contains("prot"), "{health}");
    house.rewrite(r#"{gateway: {mode: "local", bind: "lan", auth: {mode: "none"}}}"#);
    let exposed =
        |health: &Value| health["configReload"]["error"].as_str().is_some_and(|why| why.contains("without auth"));
    owner.event_where("health", exposed).await;
    house.client(&Connect::backend(TOKEN)).await;
    house.rewrite(&config(TOKEN, &json!({})));
    owner.event_where("health", status("active")).await;
}

/// CFG-8: a config mounted as a link, swapped whole.
#[tokio::test]
async fn a_swapped_link_and_a_change_behind_it_are_seen() {
    let house = House::with(&config(TOKEN, &json!({}))).await;
    let mut owner = house.owner().await;
    let mounted = house.state().join("mounted");
    std::fs::create_dir(&mounted).unwrap();
    std::fs::write(mounted.join("v2.json"), config(NEW, &json!({}))).unwrap();
    std::os::unix::fs::symlink("mounted/v2.json", house.state().join("next")).unwrap();
    std::fs::rename(house.state().join("next"), house.file()).unwrap();
    assert_eq!(owner.closed().await.code, 4001);
    let mut again = house.client(&Connect::backend(NEW)).await;
    std::fs::write(mounted.join("v2.json"), config(TOKEN, &json!({}))).unwrap();
    assert_eq!(again.closed().await.code, 4001);
    house.owner().await;
}

/// CFG-8
#[tokio::test]
async fn who_came_in_by_a_trust_that_changed_comes_back_under_the_new_one() {
    let trusting = json!({"trustedProxies": ["127.0.0.1"]});
    let house = House::with(&config(TOKEN, &trusting)).await;
    let mut owner = house.owner().await;
    let through = Connect::backend(TOKEN).header("x-forwarded-for", "203.0.113.9");
    let mut far = house.client(&through).await;
    house.rewrite(&config(TOKEN, &json!({"trustedProxies": ["10.9.9.9"]})));
    assert_eq!(far.closed().await, Closed { code: 1012, reason: "gateway policy changed".into() });
    assert!(owner.request("health", json!({})).await.is_ok(), "a direct local client stays");
    assert_eq!(house.refusal(&through).await.0, "AUTH_UNAUTHORIZED");
}

/// CFG-8
#[tokio::test]
async fn a_change_that_needs_a_restart_asks_for_one() {
    let house = House::with(&config(TOKEN, &json!({}))).await;
    house.rewrite(&config(TOKEN, &json!({"port": 20_001})));
    house.restart_wanted().await;
}
