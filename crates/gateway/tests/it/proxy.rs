//! `gateway.auth.mode=trusted-proxy` through the front door; this test is the proxy.

use kit::{Client, Connect};
use serde_json::json;

use crate::house::{House, detail};

/// A page the config lists.
const LISTED: &str = "https://claw.example";
const PASSWORD: &str = "a-password-of-the-owner";

/// With the proxy at `address`.
fn config(address: &str) -> String {
    let control_ui = json!({"allowedOrigins": [LISTED]});
    json!({"gateway": {"mode": "local", "trustedProxies": [address], "controlUi": control_ui, "auth": {
        "mode": "trusted-proxy", "password": PASSWORD,
        "identityScopes": {"ann@example.com": ["operator.approvals"]},
        "trustedProxy": {"userHeader": "x-user", "requiredHeaders": ["x-sso"], "allowLoopback": true,
            "allowUsers": ["Ann@example.com"], "deviceAutoApprove": {"enabled": true}}}}})
    .to_string()
}

/// A page's client, as the proxy passes it on for `user`.
fn page(user: &str) -> Connect {
    let device = Connect::device("", &kit::device_key()).auth(json!({}));
    device.header("x-forwarded-for", "203.0.113.9").header("x-user", user).header("x-sso", "yes")
}

/// PROXY-1, PROXY-3, PAIR-12
#[tokio::test]
async fn the_proxys_word_approves_a_page_for_what_the_owner_allows_and_no_more() {
    let house = House::with(&config("127.0.0.1")).await;
    let wants = ["operator.admin", "operator.read", "operator.write"];
    let ann = house.client(&page("Ann@example.com").scopes(&wants)).await;
    assert_eq!(ann.hello["auth"]["method"], "trusted-proxy");
    assert_eq!(ann.hello["auth"]["scopes"], json!(["operator.read", "operator.write", "operator.approvals"]));
    let capped = page("Ann@example.com").scopes(&wants).header("x-openclaw-scopes", "operator.read");
    assert_eq!(house.client(&capped).await.hello["auth"]["scopes"], json!(["operator.read"]));
    let none = page("Ann@example.com").scopes(&wants).header("x-openclaw-scopes", "");
    assert_eq!(house.client(&none).await.hello["auth"]["scopes"], json!([]));

    let mut owner = house.client(&Connect::backend("").auth(json!({"password": PASSWORD}))).await;
    let devices = owner.request("device.pair.list", json!({})).await.unwrap().to_string();
    assert!(devices.contains("operator.write") && !devices.contains("operator.approvals"), "{devices}");
    assert!(!devices.contains("operator.admin"), "{devices}");
}

/// PAIR-3, PROXY-3: a Control UI without a device is a person the proxy knows, with what that person has by name and no more.
#[tokio::test]
async fn a_control_ui_without_a_device_has_what_its_person_has_by_name() {
    let house = House::with(&config("127.0.0.1")).await;
    let control_ui = |with: Connect| {
        let bare = Connect { key: None, ..with }.set("/client/id", json!("openclaw-control-ui"));
        bare.set("/client/mode", json!("webchat")).header("origin", "http://localhost:18789")
    };
    let admin = page("Ann@example.com").header("x-forwarded-host", "x").scopes(&["operator.admin", "operator.read"]);
    let refused = house.refused(&control_ui(admin.clone())).await;
    assert_eq!(refused.error.unwrap().detail_code(), Some("CONTROL_UI_ORIGIN_NOT_ALLOWED"), "origins count as ever");
    let listed = |mut with: Connect| {
        with.headers.retain(|(name, _)| name != "origin");
        with.header("origin", LISTED)
    };
    let ann = house.client(&listed(control_ui(admin.clone()))).await;
    assert_eq!(ann.hello["auth"]["scopes"], json!(["operator.approvals"]), "{}", ann.hello["auth"]);
    assert_eq!(ann.hello["auth"]["deviceToken"], json!(null));
    let capped = listed(control_ui(admin)).header("x-openclaw-scopes", "operator.read");
    assert_eq!(house.client(&capped).await.hello["auth"]["scopes"], json!([]));
}

/// PROXY-1
#[tokio::test]
async fn whom_the_proxy_does_not_name_as_it_should_is_told_why() {
    let house = House::with(&config("127.0.0.1")).await;
    let mut unnamed = page("Ann@example.com");
    unnamed.headers.retain(|(name, _)| name != "x-user");
    let mut bare = page("Ann@example.com");
    bare.headers.retain(|(name, _)| name != "x-sso");
    for (connect, reason) in [
        (page("mallory@example.com"), "trusted_proxy_user_not_allowed"),
        (unnamed, "trusted_proxy_user_missing"),
        (bare, "trusted_proxy_missing_header_x-sso"),
    ] {
        let refused = house.refused(&connect).await;
        assert_eq!(detail(&refused, "authReason"), reason);
        assert_eq!(refused.close.code, 1008);
    }
}

/// PROXY-2
#[tokio::test]
async fn on_this_host_the_password_works_and_through_the_proxy_it_does_not() {
    let house = House::with(&config("127.0.0.1")).await;
    let owner = Connect::backend("").auth(json!({"password": PASSWORD}));
    assert_eq!(house.client(&owner).await.hello["auth"]["method"], "password");
    let through = owner.header("x-forwarded-for", "203.0.113.9").header("x-sso", "yes");
    assert_eq!(detail(&house.refused(&through).await, "authReason"), "trusted_proxy_user_missing");
}

/// LOCAL-3: headers of somebody who is no proxy of ours.
#[tokio::test]
async fn spoofed_headers_and_a_proxy_nobody_listed_are_refused() {
    let house = House::with(&config("10.9.9.9")).await;
    let refused = house.refused(&page("Ann@example.com")).await;
    assert_eq!(detail(&refused, "authReason"), "proxy_attribution_required");
    let head = "GET /control-ui-config.json HTTP/1.1\r\nhost: 127.0.0.1\r\nx-forwarded-for: 203.0.113.9\r\nx-user: Ann@example.com\r\nx-sso: yes";
    let answer = house.http(head).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("proxy_attribution_required"), "{answer}");
}

/// AUTH-12
#[tokio::test]
async fn a_mode_that_asks_for_nothing_lets_nobody_in_from_the_internet() {
    let open = json!({"gateway": {"mode": "local", "trustedProxies": ["127.0.0.1"], "auth": {"mode": "none"}}});
    let house = House::with(&open.to_string()).await;
    let through = Connect::device("", &kit::device_key()).auth(json!({})).header("x-forwarded-for", "203.0.113.9");
    let refused = house.refused(&through.clone().header("tailscale-funnel-request", "?1")).await;
    assert_eq!(detail(&refused, "authReason"), "gateway_auth_required");
    let Err(asked) = Client::connect(house.address(), &through).await else { panic!("a far device waits") };
    assert_eq!(asked.error.unwrap().detail_code(), Some("PAIRING_REQUIRED"));
}
