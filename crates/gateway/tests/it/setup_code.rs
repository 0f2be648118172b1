//! Setup codes: made for an owner, used by one new device, and what comes of them (N-3.7, PAIR-14).

use kit::Connect;
use serde_json::{Value, json};
use wire::SetupCode;

use crate::house::{House, TOKEN, detail};

/// A Gateway that lets nobody in silently.
async fn house() -> House {
    let auth = json!({"mode": "token", "token": TOKEN});
    let nodes = json!({"pairing": {"autoApproveLocal": false, "sshVerify": false}});
    House::with(&json!({"gateway": {"mode": "local", "auth": auth, "nodes": nodes}}).to_string()).await
}

/// An owner who asks for a code, and what was answered.
async fn made(house: &House, more: Value) -> (kit::Client, Value, SetupCode) {
    let mut owner = house.client(&Connect::backend(TOKEN)).await;
    let mut asked = json!({"publicUrl": format!("ws://{}", house.address())});
    for (key, value) in more.as_object().unwrap() {
        asked[key] = value.clone();
    }
    let made = owner.request("device.pair.setupCode", asked).await.unwrap();
    let code = SetupCode::parse(made["setupCode"].as_str().unwrap()).unwrap();
    (owner, made, code)
}

fn phone(key: &kit::SigningKey, code: &SetupCode) -> Connect {
    let client = json!({"id": "openclaw-ios", "mode": "node", "version": "1.0.0", "platform": "ios 18",
        "deviceFamily": "iPhone", "displayName": "Ann's phone"});
    Connect::node("", key)
        .set("/client", client)
        .set("/commands", json!(["camera.list"]))
        .auth(json!({"bootstrapToken": code.bootstrap_token.as_str()}))
}

/// N-3.7, N-3.2, N-2.10, PAIR-14
#[tokio::test]
async fn a_code_lets_one_phone_in_approves_what_it_offers_and_hands_it_one_bounded_operator_token() {
    let house = house().await;
    let (mut owner, answer, code) = made(&house, json!({})).await;
    assert_eq!((&answer["access"], &answer["auth"]), (&json!("limited"), &json!("token")), "{answer}");
    assert_eq!((&answer["gatewayUrl"], &answer["urlSource"]), (&json!(code.url), &json!("request.publicUrl")));
    let key = kit::device_key();
    let as_operator = Connect::device("", &key).auth(json!({"bootstrapToken": code.bootstrap_token.as_str()}));
    assert_eq!(house.refusal(&as_operator).await.0, "AUTH_BOOTSTRAP_TOKEN_INVALID", "it is for a node");

    let node = house.client(&phone(&key, &code)).await;
    let auth = &node.hello["auth"];
    assert_eq!((&auth["method"], &auth["role"]), (&json!("bootstrap-token"), &json!("node")), "{auth}");
    let handed = auth["deviceTokens"].as_array().unwrap();
    assert_eq!((handed.len(), &handed[0]["role"]), (1, &json!("operator")), "{auth}");
    let scopes = ["operator.approvals", "operator.read", "operator.talk.secrets", "operator.write"];
    assert_eq!(handed[0]["scopes"], json!(scopes));
    let completed = owner.event("device.pair.setup.completed").await;
    assert_eq!((&completed["setupId"], &completed["deviceName"]), (&answer["setupId"], &json!("Ann's phone")));
    let status = owner.request("device.pair.setupStatus", json!({"setupId": answer["setupId"]})).await.unwrap();
    assert_eq!(status["completion"], completed);
    let row = owner.request("node.describe", json!({"nodeId": kit::device_id(&key)})).await.unwrap();
    assert_eq!((&row["approvalState"], &row["commands"]), (&json!("approved"), &json!(["camera.list"])), "{row}");
    let listed = owner.request("device.pair.list", json!({})).await.unwrap();
    assert_eq!(listed["paired"][0]["approvedVia"], "bootstrap", "{listed}");
    let shown = listed.to_string();
    assert!(!shown.contains(handed[0]["deviceToken"].as_str().unwrap()));

    let by_token = |scope: &str| {
        let token = json!({"deviceToken": handed[0]["deviceToken"]});
        let client = json!({"id": "openclaw-ios", "mode": "ui", "version": "1.0.0", "platform": "ios 18",
            "deviceFamily": "iPhone"});
        Connect::device("", &key).set("/client", client).auth(token).scopes(&[scope])
    };
    house.client(&by_token("operator.write")).await;
    for scope in ["operator.admin", "operator.pairing"] {
        assert_eq!(house.refusal(&by_token(scope)).await.0, "AUTH_SCOPE_MISMATCH", "{scope}");
    }
    let again = house.refused(&phone(&kit::device_key(), &code)).await;
    assert_eq!(detail(&again, "code"), "AUTH_BOOTSTRAP_TOKEN_INVALID", "it was used");
    assert_eq!(detail(&again, "recommendedNextStep"), "review_auth_configuration");
}

/// N-3.7: a headless node gets a node's token and nothing more; what a person refused stays refused.
#[tokio::test]
async fn a_headless_node_is_no_operator_and_what_was_refused_stays_so() {
    let house = house().await;
    let (mut owner, _, code) = made(&house, json!({})).await;
    let key = kit::device_key();
    let boot = |code: &SetupCode| json!({"bootstrapToken": code.bootstrap_token.as_str()});
    let node = house.client(&Connect::node("", &key).auth(boot(&code))).await;
    let auth = &node.hello["auth"];
    assert!(auth.get("deviceTokens").is_none() && auth["deviceToken"].is_string(), "{auth}");
    let wider = Connect::node("", &key).auth(json!({"deviceToken": auth["deviceToken"]}));
    let wider = wider.set("/commands", json!(["system.run", "system.which"]));
    drop(node);
    let _wider = house.client(&wider).await;
    let asked = owner.event("node.pair.requested").await;
    let row = owner.request("node.describe", json!({"nodeId": kit::device_id(&key)})).await.unwrap();
    assert_eq!(row["approvalState"], "pending-reapproval", "the code approved what was offered with it: {row}");
    owner.request("node.pair.reject", json!({"requestId": asked["requestId"]})).await.unwrap();

    let other = kit::device_key();
    let refused = house.refused(&Connect::node(TOKEN, &other)).await;
    let request = detail(&refused, "requestId");
    owner.request("device.pair.approve", json!({"requestId": request})).await.unwrap();
    let _waiting = house.client(&Connect::node(TOKEN, &other)).await;
    let asked = owner.event("node.pair.requested").await;
    owner.request("node.pair.reject", json!({"requestId": asked["requestId"]})).await.unwrap();
    let (_, _, code) = made(&house, json!({"bootstrapProfile": "node"})).await;
    let _invited = house.client(&Connect::node("", &other).auth(boot(&code))).await;
    let row = owner.request("node.describe", json!({"nodeId": kit::device_id(&other)})).await.unwrap();
    assert_eq!(row["approvalState"], "pending-approval", "a person decided before: {row}");
}

/// N-3.7: where nothing is asked for, a device still waits for a person, and a code is that person's word.
#[tokio::test]
async fn a_code_counts_where_nothing_is_asked_for() {
    let nodes = json!({"pairing": {"autoApproveLocal": false, "sshVerify": false}});
    let config = json!({"gateway": {"mode": "local", "auth": {"mode": "none"}, "nodes": nodes}});
    let house = House::with(&config.to_string()).await;
    let (_owner, _, code) = made(&house, json!({})).await;
    let key = kit::device_key();
    assert_eq!(house.refusal(&Connect::node("", &key).auth(json!({}))).await.0, "PAIRING_REQUIRED");
    let node = house.client(&phone(&key, &code)).await;
    assert_eq!(node.hello["auth"]["method"], "bootstrap-token");
}

/// N-3.7, RATE-1: wrong codes are counted like any other secret.
#[tokio::test]
async fn guessing_codes_locks_out() {
    let house = house().await;
    let (_owner, _, code) = made(&house, json!({})).await;
    let key = kit::device_key();
    house.client(&phone(&key, &code)).await;
    // A known device is charged for its own mistakes, without the delays of loopback.
    for _ in 0..10 {
        assert_eq!(house.refusal(&phone(&key, &code)).await.0, "AUTH_BOOTSTRAP_TOKEN_INVALID");
    }
    let locked = house.refused(&phone(&key, &code)).await;
    assert_eq!(detail(&locked, "code"), "AUTH_RATE_LIMITED");
}

/// WS-4, CON-4
#[tokio::test]
async fn a_code_leads_somewhere_and_never_in_the_clear_through_other_networks() {
    let house = house().await;
    let mut owner = house.client(&Connect::backend(TOKEN)).await;
    let mut refused = async |params: Value| {
        let error = owner.request("device.pair.setupCode", params).await.unwrap_err();
        error.detail_code().unwrap_or_default().to_owned()
    };
    assert_eq!(refused(json!({})).await, "SETUP_LOOPBACK_ONLY");
    for url in ["ws://gw.example", "ws://100.64.0.9:18789", "ws://studio.tail1.ts.net", "ftp://x"] {
        assert_eq!(refused(json!({"publicUrl": url})).await, "SETUP_ADDRESS_UNFIT", "{url}");
    }
    let page = json!({"publicUrl": "ws://192.168.1.5:18789", "joinUrl": true});
    assert_eq!(refused(page).await, "JOIN_PAGE_NEEDS_TLS");
    assert_eq!(refused(json!({"publicUrl": "wss://gw.example", "bootstrapProfile": "owner"})).await, "");
    let made = owner.request("device.pair.setupCode", json!({"publicUrl": "https://gw.example/"})).await.unwrap();
    assert_eq!(made["gatewayUrl"], "wss://gw.example");
}

/// N-3.7: the page tells people how, a program the code; to look uses nothing up, and the token works once.
#[tokio::test]
async fn a_join_page_is_there_until_its_token_is_used() {
    let house = house().await;
    let (_owner, answer, code) = made(&house, json!({"joinUrl": true})).await;
    assert_eq!(answer["access"], "node");
    let url = answer["joinUrl"].as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{}", house.address())).unwrap();
    let get = |path: &str, accept: &str| format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: {accept}");
    for _ in 0..2 {
        let page = house.http(&get(path, "text/html,*/*;q=0.8")).await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains(&code.link()), "{page}");
        let head = page.split("\r\n\r\n").next().unwrap().to_lowercase();
        for part in
            ["cache-control: no-store", "referrer-policy: no-referrer", "style-src 'sha256-", "default-src 'none'"]
        {
            assert!(head.contains(part), "{part}: {head}");
        }
        let told = house.http(&get(path, "*/*")).await;
        let body = told.split("\r\n\r\n").nth(1).unwrap();
        assert_eq!(SetupCode::of_json(body.trim().as_bytes()).unwrap(), code, "{told}");
    }
    let unknown = house.http(&get("/j/AAAAAAAAAAAAAAAAAAAAAA", "*/*")).await;
    assert!(unknown.starts_with("HTTP/1.1 404") && unknown.contains("not_found"), "{unknown}");
    let node = Connect::node("", &kit::device_key()).auth(json!({"bootstrapToken": code.bootstrap_token.as_str()}));
    house.client(&node).await;
    let used = house.http(&get(path, "text/html")).await;
    assert!(used.starts_with("HTTP/1.1 404") && used.contains("openclaw devices join-code"), "{used}");
}

/// N-2.3: an app from before is let in under today's name, and signs the one it knows.
#[tokio::test]
async fn an_app_by_an_older_name_is_let_in() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    for (older, today) in [("clawdbot-ios", "openclaw-ios"), ("moltbot-android", "openclaw-android")] {
        let key = kit::device_key();
        let node = house.client(&Connect::node(TOKEN, &key).set("/client/id", json!(older))).await;
        let listed = owner.request("device.pair.list", json!({})).await.unwrap();
        assert_eq!(listed["paired"][0]["clientId"], today, "{listed}");
        drop(node);
    }
    let stranger = Connect::node(TOKEN, &kit::device_key()).set("/client/id", json!("moltbot-nosuch"));
    assert_eq!(house.refused(&stranger).await.close.code, 1008);
}

/// N-1.6
#[tokio::test]
async fn an_instance_id_names_a_process_and_changes_nothing() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let as_instance = |id: &str| Connect::node(TOKEN, &key).set("/client/instanceId", json!(id));
    let first = house.client(&as_instance("one")).await;
    let asked = owner.event("node.pair.requested").await;
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    drop(first);
    let _second = house.client(&as_instance("two")).await;
    let row = owner.request("node.describe", json!({"nodeId": kit::device_id(&key)})).await.unwrap();
    assert_eq!((&row["approvalState"], &row["connected"]), (&json!("approved"), &json!(true)), "{row}");
    let listed = owner.request("device.pair.list", json!({})).await.unwrap();
    assert_eq!((listed["paired"].as_array().unwrap().len(), &listed["pending"]), (1, &json!([])), "{listed}");
}
