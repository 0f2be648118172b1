//! Who may come in, and what each refusal says (AUTH, RATE, ORIGIN, LOCAL).

use kit::Connect;
use serde_json::json;

use crate::house::{House, TOKEN, detail};

fn cli(token: &str) -> Connect {
    Connect::backend(token).set("/client/id", json!("cli")).set("/client/mode", json!("cli"))
}

/// protocol.md 3.5, AUTH-2, AUTH-6, AUTH-7
#[tokio::test]
async fn the_shared_token_is_the_way_in_and_a_wrong_one_says_so() {
    let house = House::start().await;
    house.client(&Connect::backend(TOKEN).auth(json!({"password": TOKEN}))).await;
    let refused = house.refused(&cli("wrong")).await;
    assert_eq!(detail(&refused, "code"), "AUTH_TOKEN_MISMATCH");
    assert_eq!(detail(&refused, "recommendedNextStep"), "update_auth_credentials");
    assert_eq!(detail(&refused, "canRetryWithDeviceToken"), false);
    assert_eq!(
        refused.close.reason,
        "unauthorized: gateway token mismatch (use this gateway's gateway.auth.token or pair the device)"
    );
    let device = Connect::device("wrong", &kit::device_key());
    let refused = house.refused(&device).await;
    assert_eq!(detail(&refused, "recommendedNextStep"), "retry_with_device_token");
    let nothing = Connect::device("", &kit::device_key()).auth(json!({}));
    assert_eq!(house.refusal(&nothing).await, ("AUTH_TOKEN_MISSING".into(), 1008));
}

/// protocol.md 3.5, AUTH-1, AUTH-5
#[tokio::test]
async fn password_mode_has_its_own_words() {
    let house =
        House::with(r#"{gateway: {mode: "local", auth: {mode: "password", password: "pass-word-long-enough"}}}"#).await;
    let right = house.client(&Connect::backend("pass-word-long-enough")).await;
    assert_eq!(right.hello["auth"]["method"], "password");
    assert_eq!(house.refusal(&cli("wrong")).await.0, "AUTH_PASSWORD_MISMATCH");
    let nothing = Connect::device("", &kit::device_key()).auth(json!({}));
    assert_eq!(house.refusal(&nothing).await.0, "AUTH_PASSWORD_MISSING");
}

/// PROBE-12
#[tokio::test]
async fn a_probe_of_this_host_may_read_and_nothing_else() {
    let house = House::start().await;
    let probe = || cli(TOKEN).set("/client/mode", json!("probe"));
    let mut local = house.client(&probe()).await;
    assert_eq!(local.hello["auth"]["scopes"], json!(["operator.read"]));
    local.request("status", json!({})).await.unwrap();
    let refused = local.request("config.set", json!({"raw": "{}"})).await.unwrap_err();
    assert_eq!(refused.message, "missing scope: operator.admin");
    let house = House::with(
        r#"{gateway: {mode: "local", trustedProxies: ["127.0.0.1"],
            auth: {mode: "token", token: "test-token-0123456789abcdef"}}}"#,
    )
    .await;
    let mut far = house.client(&probe().header("x-forwarded-for", "192.0.2.7")).await;
    assert_eq!(far.hello["auth"]["scopes"], json!([]), "who comes from elsewhere brings a device");
    assert_eq!(far.request("status", json!({})).await.unwrap_err().message, "missing scope: operator.read");
}

/// protocol.md 3.3, PAIR-3, AUTH-12
#[tokio::test]
async fn without_a_device_only_local_helpers_keep_their_scopes() {
    let house = House::start().await;
    assert_eq!(house.client(&cli(TOKEN)).await.hello["auth"]["scopes"].as_array().unwrap().len(), 5);
    let other = Connect::backend(TOKEN).set("/client/id", json!("openclaw-macos")).set("/client/mode", json!("cli"));
    let mut other = house.client(&other).await;
    assert_eq!(other.hello["auth"]["scopes"], json!([]));
    assert_eq!(other.request("config.get", json!({})).await.unwrap_err().message, "missing scope: operator.read");
    let ui = Connect::backend(TOKEN).set("/client/id", json!("openclaw-tui")).set("/client/mode", json!("ui"));
    assert_eq!(house.refusal(&ui).await.0, "CONTROL_UI_DEVICE_IDENTITY_REQUIRED");
    assert_eq!(house.refusal(&cli(TOKEN).auth(json!({}))).await.0, "DEVICE_IDENTITY_REQUIRED");
    assert_eq!(house.refusal(&cli(TOKEN).set("/role", json!("node"))).await.0, "DEVICE_IDENTITY_REQUIRED");
    let open = House::with(r#"{gateway: {mode: "local", auth: {mode: "none"}}}"#).await;
    assert_eq!(open.client(&Connect::backend("").auth(json!({}))).await.hello["auth"]["method"], "none");
    assert_eq!(open.refusal(&cli("").auth(json!({}))).await.0, "DEVICE_IDENTITY_REQUIRED");
}

/// protocol.md 3.3
#[tokio::test]
async fn a_header_caps_the_scopes_and_never_grants() {
    let house = House::start().await;
    let capped = house.client(&cli(TOKEN).header("x-openclaw-scopes", "operator.read, operator.questions")).await;
    assert_eq!(capped.hello["auth"]["scopes"], json!(["operator.read"]));
}

/// AUTH-4
#[tokio::test]
async fn without_a_token_one_is_made_for_this_run() {
    let house = House::with(r#"{gateway: {mode: "local"}}"#).await;
    assert_eq!(house.refusal(&cli("guess")).await.0, "AUTH_TOKEN_MISMATCH");
    let token = house.run_token();
    assert_eq!(token.len(), 48);
    house.client(&cli(&token)).await;
}

/// ORIGIN-1, ORIGIN-3, ORIGIN-6
#[tokio::test]
async fn pages_from_elsewhere_are_refused() {
    let house = House::start().await;
    let from = |origin: &str| Connect::device(TOKEN, &kit::device_key()).header("origin", origin);
    let refused = house.refused(&from("https://evil.example")).await;
    assert_eq!(detail(&refused, "code"), "CONTROL_UI_ORIGIN_NOT_ALLOWED");
    assert_eq!(detail(&refused, "reason"), "origin not allowed");
    assert!(refused.error.unwrap().message.contains("https://evil.example"));
    let malformed = house.refused(&from("null")).await;
    assert_eq!(detail(&malformed, "reason"), "origin missing or invalid");
    let no_origin = Connect::device(TOKEN, &kit::device_key()).set("/client/id", json!("openclaw-control-ui"));
    assert_eq!(house.refusal(&no_origin).await.0, "CONTROL_UI_ORIGIN_NOT_ALLOWED");
    let page = from("http://localhost:5173")
        .set("/client/id", json!("openclaw-control-ui"))
        .set("/client/mode", json!("webchat"));
    house.client(&page).await;
}

/// LOCAL-3
#[tokio::test]
async fn a_forwarding_header_from_nobody_we_trust_is_refused() {
    let house = House::start().await;
    let refused = house.refused(&cli(TOKEN).header("x-forwarded-for", "203.0.113.9")).await;
    assert_eq!(detail(&refused, "authReason"), "proxy_attribution_required");
}

/// RATE-1, RATE-5
#[tokio::test]
async fn ten_wrong_tokens_lock_an_address_that_is_not_exempt() {
    let house = House::with(
        r#"{gateway: {mode: "local", auth: {mode: "token", token: "test-token-0123456789abcdef",
            rateLimit: {exemptLoopback: false}}}}"#,
    )
    .await;
    for _ in 0..10 {
        assert_eq!(house.refusal(&cli("wrong")).await.0, "AUTH_TOKEN_MISMATCH");
    }
    let refused = house.refused(&cli(TOKEN)).await;
    assert_eq!(detail(&refused, "code"), "AUTH_RATE_LIMITED");
    let error = refused.error.unwrap();
    assert_eq!(error.retryable, Some(true));
    assert!(error.retry_after_ms.unwrap() > 290_000);
}

/// RATE-2
#[tokio::test]
async fn a_local_mistake_waits_and_slows_nobody_else() {
    let house = House::start().await;
    let began = std::time::Instant::now();
    let wrong = cli("wrong");
    let (refusal, right) = tokio::join!(house.refusal(&wrong), async {
        house.owner().await;
        began.elapsed()
    });
    assert_eq!(refusal.0, "AUTH_TOKEN_MISMATCH");
    assert!(began.elapsed().as_millis() >= 250);
    assert!(right < began.elapsed());
}

/// AUTH-15
#[tokio::test]
async fn a_new_secret_closes_the_sessions_of_the_old_one() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let hash = owner.request("config.get", json!({})).await.unwrap()["hash"].clone();
    let patch = json!({"raw": r#"{"gateway":{"auth":{"token":"another-token-0123456789"}}}"#, "baseHash": hash});
    let answer = owner.request("config.patch", patch).await.unwrap();
    assert_eq!(answer["restart"], "live");
    let closed = owner.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (4001, "gateway auth changed"));
    house.client(&cli("another-token-0123456789")).await;
}

/// RATE-6: whatever becomes of the calls, the thirty-first of a minute waits.
#[tokio::test]
async fn writes_to_the_gateway_itself_are_limited_per_method() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    for _ in 0..30 {
        let error = owner.request("config.patch", json!({})).await.unwrap_err();
        assert_ne!(error.detail_code(), Some("RATE_LIMITED"), "{}", error.message);
    }
    let error = owner.request("config.patch", json!({})).await.unwrap_err();
    assert_eq!((error.detail_code(), error.retryable), (Some("RATE_LIMITED"), Some(true)));
    assert!(error.retry_after_ms.unwrap() <= 60_000);
    let other = owner.request("config.apply", json!({})).await.unwrap_err();
    assert_ne!(other.detail_code(), Some("RATE_LIMITED"));
    assert!(owner.request("config.get", json!({})).await.is_ok());
}

/// RATE-8: an admin sees who is locked out and lets them in again.
#[tokio::test]
async fn a_locked_out_device_is_listed_and_can_be_unlocked() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    assert_eq!(owner.request("auth.limits", json!({})).await.unwrap(), json!({"locked": []}));
    let key = kit::device_key();
    let page = |token: &str| {
        let page = Connect::device(token, &key).set("/client/id", json!("openclaw-control-ui"));
        page.set("/client/mode", json!("webchat")).header("origin", &format!("http://{}", house.address()))
    };
    for _ in 0..10 {
        house.refused(&page("a-wrong-token")).await;
    }
    assert_eq!(house.refusal(&page(TOKEN)).await.0, "AUTH_RATE_LIMITED");
    let listed = owner.request("auth.limits", json!({})).await.unwrap();
    let name = listed["locked"][0]["key"].as_str().unwrap().to_owned();
    assert!(name.starts_with("browser-origin:http://127.0.0.1:"), "{listed}");
    assert!(listed["locked"][0]["remainingMs"].as_u64().unwrap() > 290_000);
    let unlocked = owner.request("auth.unlock", json!({"key": name})).await.unwrap();
    assert_eq!(unlocked["cleared"], 1);
    assert_ne!(house.refusal(&page("a-wrong-token")).await.0, "AUTH_RATE_LIMITED");
    let mut reader = house.client(&Connect::backend(TOKEN).scopes(&["operator.read"])).await;
    assert!(reader.request("auth.limits", json!({})).await.is_err());
}
