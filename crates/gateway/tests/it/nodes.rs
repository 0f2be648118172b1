//! Nodes: what they may do, and being asked to do it.

use kit::{Client, Connect, SigningKey};
use serde_json::{Value, json};
use wire::ErrorShape;

use crate::house::{House, TOKEN};

/// A node that offers `commands`, and its id.
pub(crate) async fn node(house: &House, key: &SigningKey, commands: &[&str]) -> (Client, String) {
    let connect = Connect::node(TOKEN, key).caps(&["system"]).set("/commands", json!(commands));
    (house.client(&connect).await, kit::device_id(key))
}

/// The same, approved by `owner`.
pub(crate) async fn approved(
    house: &House,
    owner: &mut Client,
    key: &SigningKey,
    commands: &[&str],
) -> (Client, String) {
    let (node, id) = node(house, key, commands).await;
    let asked = owner.event_where("node.pair.requested", |asked| asked["nodeId"] == *id).await;
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    (node, id)
}

pub(crate) fn call(id: &str, command: &str, key: &str) -> Value {
    json!({"nodeId": id, "command": command, "params": {"bins": ["sh"]}, "idempotencyKey": key})
}

pub(crate) async fn describe(owner: &mut Client, id: &str) -> Value {
    owner.request("node.describe", json!({"nodeId": id})).await.unwrap()
}

pub(crate) fn code(error: &ErrorShape) -> &str {
    error.detail_code().unwrap_or_default()
}

/// N-3.6, N-3.9, N-3.12, N-3.13, N-3.14, N-3.15, N-6.1, N-6.2, N-7.1, N-7.9
#[tokio::test]
async fn a_surface_waits_for_a_person_and_counts_on_the_live_socket_once_approved() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut node, id) = node(&house, &kit::device_key(), &["system.which", "workspace.open"]).await;
    let asked = owner.event("node.pair.requested").await;
    assert_eq!((&asked["nodeId"], &asked["commands"]), (&json!(id), &json!(["system.which"])), "what could be used");
    assert_eq!(asked["requiredApproveScopes"], json!(["operator.pairing", "operator.admin"]));
    let row = describe(&mut owner, &id).await;
    assert_eq!((&row["approvalState"], &row["commands"]), (&json!("pending-approval"), &json!([])), "{row}");
    assert_eq!((&row["connected"], &row["pendingDeclaredCommands"]), (&json!(true), &json!(["system.which"])));
    let early = node.request("node.event", json!({"event": "node.host.stats", "payload": {"cpuCount": 2}})).await;
    assert_eq!(code(&early.unwrap_err()), "PAIRING_CHANGED");
    let skills = node.request("node.skills.update", json!({"skills": []})).await.unwrap();
    assert_eq!(skills, json!({"nodeId": id, "skills": []}), "what counts only later is taken");
    let runners = node.request("node.runnerInventory.update", json!({"protocolFeatures": []})).await.unwrap_err();
    assert!(runners.message.contains("openclaw nodes approve "), "{runners:?}");
    let refused = owner.request("node.invoke", call(&id, "system.which", "k0")).await.unwrap_err();
    assert!(refused.message.contains("openclaw nodes approve "), "{refused:?}");

    let answer = owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    assert_eq!(answer["node"]["commands"], json!(["system.which"]), "{answer}");
    let resolved = owner.event("node.pair.resolved").await;
    assert_eq!((&resolved["decision"], &resolved["requestId"]), (&json!("approved"), &asked["requestId"]));
    assert_eq!(node.event("node.pair.resolved").await, resolved, "the node hears of it");
    let row = describe(&mut owner, &id).await;
    assert_eq!((&row["approvalState"], &row["commands"]), (&json!("approved"), &json!(["system.which"])));
    let listed = owner.request("node.list", json!({})).await.unwrap();
    assert_eq!(listed["nodes"][0]["nodeId"], json!(id));
    let pairs = owner.request("node.pair.list", json!({})).await.unwrap();
    assert_eq!((pairs["pending"].as_array().unwrap().len(), &pairs["paired"][0]["nodeId"]), (0, &json!(id)));
    let again = owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap_err();
    assert_eq!(again.message, "unknown requestId");

    let stats = json!({"event": "node.host.stats", "payloadJSON": "{\"cpuCount\":2,\"loadAverage\":[1.5]}"});
    assert_eq!(node.request("node.event", stats).await.unwrap()["handled"], json!(true));
    assert_eq!(owner.event("node.hostStats").await["hostStats"]["cpuCount"], 2);
    let odd = node.request("node.event", json!({"event": "moon.phase"})).await.unwrap();
    assert_eq!((&odd["handled"], &odd["reason"]), (&json!(false), &json!("unsupported_event")));
}

/// N-5.1, N-5.2, N-5.3, N-5.4, N-5.5, N-5.12
#[tokio::test]
async fn a_node_is_asked_and_its_answer_comes_back() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let mut watcher = house.client(&Connect::backend(TOKEN).caps(&["node-progress"])).await;
    let asked = watcher.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let request = node.event("node.invoke.request").await;
    assert_eq!((&request["command"], &request["paramsJSON"]), (&json!("system.which"), &json!("{\"bins\":[\"sh\"]}")));
    assert!(request["timeoutMs"].as_u64().is_some_and(|left| left <= 30_000), "{request}");
    assert_eq!(request["idempotencyKey"], "k1");
    for seq in [1, 0] {
        let piece = json!({"invokeId": request["id"], "nodeId": id, "seq": seq, "chunk": format!("piece {seq}")});
        assert_eq!(node.request("node.invoke.progress", piece).await.unwrap(), json!({"ok": true}));
    }
    assert_eq!(watcher.event("node.invoke.progress").await["chunk"], "piece 0");
    assert_eq!(watcher.event("node.invoke.progress").await["chunk"], "piece 1");
    let result = json!({"id": request["id"], "nodeId": id, "ok": true, "payloadJSON": "{\"bins\":{}}", "error": null});
    assert_eq!(node.request("node.invoke.result", result.clone()).await.unwrap(), json!({"ok": true}));
    assert_eq!(node.request("node.invoke.result", result).await.unwrap(), json!({"ok": true, "ignored": true}));
    let answer = watcher.answer(&asked).await.unwrap();
    let whole = json!({"ok": true, "nodeId": id, "command": "system.which", "payload": {"bins": {}},
        "payloadJSON": "{\"bins\":{}}"});
    assert_eq!(answer, whole);

    let asked = owner.send("node.invoke", &call(&id, "system.which", "k2")).await;
    let request = node.event("node.invoke.request").await;
    let error = json!({"code": "PERMISSION_MISSING", "message": "no"});
    let result = json!({"id": request["id"], "nodeId": id, "ok": false, "error": error});
    node.request("node.invoke.result", result).await.unwrap();
    let failed = owner.answer(&asked).await.unwrap_err().unwrap();
    assert_eq!(failed.message, "PERMISSION_MISSING: no");
    let details = failed.details.unwrap();
    assert_eq!((&details["nodeError"], &details["nodeCommandDispatched"]), (&error, &json!(true)));
}

/// N-5.6, N-5.7, N-5.8, N-5.14
#[tokio::test]
async fn a_node_that_is_silent_leaves_or_is_removed_is_told_apart() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let (mut node, id) = approved(&house, &mut owner, &key, &["system.which"]).await;
    let mut short = call(&id, "system.which", "k1");
    short["timeoutMs"] = json!(50);
    let asked = owner.send("node.invoke", &short).await;
    let request = node.event("node.invoke.request").await;
    let late = owner.answer(&asked).await.unwrap_err().unwrap();
    assert!(late.message.starts_with("TIMEOUT: "), "{late:?}");
    assert_eq!(node.event("node.invoke.cancel").await, json!({"invokeId": request["id"], "nodeId": id}));
    let result = json!({"id": request["id"], "nodeId": id, "ok": true});
    assert_eq!(node.request("node.invoke.result", result).await.unwrap()["ignored"], json!(true), "too late");

    let asked = owner.send("node.invoke", &call(&id, "system.which", "k2")).await;
    node.event("node.invoke.request").await;
    drop(node);
    let lost = owner.answer(&asked).await.unwrap_err().unwrap();
    assert_eq!(lost.message, "DISCONNECTED: node disconnected (system.which)");
    let away = owner.request("node.invoke", call(&id, "system.which", "k3")).await.unwrap_err();
    assert_eq!(
        (code(&away), away.details.clone().unwrap()["nodeCommandDispatched"].clone()),
        ("NOT_CONNECTED", json!(false))
    );
    let stranger = owner.request("node.invoke", call("nobody", "system.which", "k4")).await.unwrap_err();
    assert_eq!((code(&stranger), stranger.retryable), ("PAIRING_CHANGED", Some(true)));

    let (mut node, _) = node_again(&house, &key).await;
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k5")).await;
    node.event("node.invoke.request").await;
    owner.request("node.pair.remove", json!({"nodeId": id})).await.unwrap();
    assert_eq!(code(&owner.answer(&asked).await.unwrap_err().unwrap()), "PAIRING_CHANGED");
    assert_eq!(node.closed().await.code, 4001);
    assert_eq!(owner.request("node.list", json!({})).await.unwrap()["nodes"], json!([]));
}

pub(crate) async fn node_again(house: &House, key: &SigningKey) -> (Client, String) {
    node(house, key, &["system.which"]).await
}

/// N-5.11: the same key is the same call, running or done.
#[tokio::test]
async fn a_repeated_key_is_one_call_and_another_call_under_it_is_refused() {
    let house = House::start().await;
    let (mut owner, mut other) = (house.owner().await, house.owner().await);
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let first = owner.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let request = node.event("node.invoke.request").await;
    let second = other.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let mut changed = call(&id, "system.which", "k1");
    changed["params"] = json!({"bins": ["rm"]});
    let refused = other.request("node.invoke", changed).await.unwrap_err();
    assert!(refused.message.contains("idempotencyKey"), "{refused:?}");
    let result = json!({"id": request["id"], "nodeId": id, "ok": true, "payload": {"bins": {"sh": "/bin/sh"}}});
    node.request("node.invoke.result", result).await.unwrap();
    let answer = owner.answer(&first).await.unwrap();
    assert_eq!(other.answer(&second).await.unwrap(), answer);
    assert_eq!(owner.request("node.invoke", call(&id, "system.which", "k1")).await.unwrap(), answer, "kept");
    let silent = node.drain().into_iter().any(|frame| frame["event"] == "node.invoke.request");
    assert!(!silent, "the node was asked once");
}

/// N-5.11: who asked has left; the call goes on, and its answer is there for whoever repeats the key.
#[tokio::test]
async fn a_call_outlives_the_connection_that_made_it() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let mut caller = house.owner().await;
    caller.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let request = node.event("node.invoke.request").await;
    for _ in 0..=wire::limits::MAX_UNAUTHORIZED_CALLS {
        caller.send("node.skills.update", &json!({"skills": []})).await;
    }
    assert_eq!(caller.closed().await.code, 1008, "it was sent away");
    let result = json!({"id": request["id"], "nodeId": id, "ok": true, "payload": {"bins": {}}});
    assert_eq!(node.request("node.invoke.result", result).await.unwrap(), json!({"ok": true}), "somebody waits");
    let kept = owner.request("node.invoke", call(&id, "system.which", "k1")).await.unwrap();
    assert_eq!(kept["payload"], json!({"bins": {}}));
    assert!(node.drain().into_iter().all(|frame| frame["event"] != "node.invoke.request"), "asked once");
}

/// N-1.4, N-5.3: a second connection takes the place of the first, and nobody answers for another node.
#[tokio::test]
async fn one_connection_a_node_and_no_answers_for_others() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let (mut first, id) = approved(&house, &mut owner, &key, &["system.which"]).await;
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let request = first.event("node.invoke.request").await;
    let (mut liar, liar_id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let forged = json!({"id": request["id"], "nodeId": id, "ok": true});
    assert_eq!(liar.request("node.invoke.result", forged).await.unwrap_err().message, "nodeId mismatch");
    let guessed = json!({"id": request["id"], "nodeId": liar_id, "ok": true});
    assert_eq!(liar.request("node.invoke.result", guessed).await.unwrap()["ignored"], json!(true));

    let (mut second, _) = node_again(&house, &key).await;
    let lost = owner.answer(&asked).await.unwrap_err().unwrap();
    assert!(lost.message.starts_with("DISCONNECTED: "), "{lost:?}");
    assert_eq!(first.closed().await.code, 1000);
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k2")).await;
    let request = second.event("node.invoke.request").await;
    second.request("node.invoke.result", json!({"id": request["id"], "nodeId": id, "ok": true})).await.unwrap();
    assert_eq!(owner.answer(&asked).await.unwrap()["ok"], json!(true));
    assert_eq!(describe(&mut owner, &id).await["connected"], json!(true), "the first one's leaving took nothing away");
}

/// N-3.9, N-3.16, N-4.5, N-4.10, N-4.11, N-4.12
#[tokio::test]
async fn each_gate_refuses_with_its_own_words() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let commands = ["system.which", "camera.snap", "fs.listDir"];
    let (_node, id) = approved(&house, &mut owner, &kit::device_key(), &commands).await;
    let mut plain = house.client(&Connect::backend(TOKEN).scopes(&["operator.read", "operator.write"])).await;
    for (command, words) in [
        ("camera.snap", "requires explicit gateway.nodes.commands.allow"),
        ("sms.send", "requires explicit gateway.nodes.commands.allow"),
        ("contacts.search", "not in the list for this kind of device"),
        ("system.notify", "does not offer"),
        ("", "a command is required"),
        ("system.execApprovals.get", "use exec.approvals.node"),
    ] {
        let refused = plain.request("node.invoke", call(&id, command, &format!("k {command}"))).await.unwrap_err();
        assert!(refused.message.contains(words), "{command}: {refused:?}");
    }
    let admin = plain.request("node.invoke", call(&id, "fs.listDir", "k")).await.unwrap_err();
    assert_eq!(code(&admin), "MISSING_SCOPE");
    let keyless = json!({"nodeId": id, "command": "system.which"});
    assert!(plain.request("node.invoke", keyless).await.unwrap_err().message.contains("idempotencyKey"));

    let (_other, _) = node(&house, &kit::device_key(), &["system.which"]).await;
    let asked = owner.event("node.pair.requested").await;
    let mut pairing = house.client(&Connect::backend(TOKEN).scopes(&["operator.pairing"])).await;
    let refused = pairing.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap_err();
    assert_eq!(code(&refused), "MISSING_SCOPE", "reaching into a host takes an administrator");
    let rejected = pairing.request("node.pair.reject", json!({"requestId": asked["requestId"]})).await.unwrap();
    assert_eq!(rejected["requestId"], asked["requestId"]);
}

/// SEED-1, N-3.16, N-4.10. The sentence: browser control is operator access, by a node that is paired on purpose. It takes an
/// administrator to let it in, and to ask it.
#[tokio::test]
async fn a_browser_of_a_node_is_an_administrators_to_approve_and_to_ask() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (_node, id) = node(&house, &kit::device_key(), &["browser.proxy"]).await;
    let asked = owner.event_where("node.pair.requested", |asked| asked["nodeId"] == *id).await;
    let waiting = owner.request("node.invoke", call(&id, "browser.proxy", "k0")).await.unwrap_err();
    assert!(waiting.message.contains("openclaw nodes approve "), "{waiting:?}");
    let mut pairing = house.client(&Connect::backend(TOKEN).scopes(&["operator.pairing"])).await;
    let approve = json!({"requestId": asked["requestId"]});
    let refused = pairing.request("node.pair.approve", approve.clone()).await.unwrap_err();
    assert_eq!(code(&refused), "MISSING_SCOPE");
    owner.request("node.pair.approve", approve).await.unwrap();
    let mut plain = house.client(&Connect::backend(TOKEN).scopes(&["operator.read", "operator.write"])).await;
    let refused = plain.request("node.invoke", call(&id, "browser.proxy", "k1")).await.unwrap_err();
    assert_eq!(code(&refused), "MISSING_SCOPE");
}

/// N-1.1, N-2.9, N-3.17, N-6.3, N-6.5
#[tokio::test]
async fn a_node_manages_no_nodes_and_an_operators_name_wins() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    for method in ["node.list", "node.invoke", "chat.send", "sessions.list", "config.get"] {
        assert_eq!(node.request(method, json!({})).await.unwrap_err().message, "unauthorized role: node");
    }
    let mut reader = house.client(&Connect::backend(TOKEN).scopes(&["operator.read"])).await;
    assert_eq!(describe(&mut reader, &id).await["nodeId"], json!(id));
    let call = reader.request("node.invoke", call(&id, "system.which", "k")).await.unwrap_err();
    assert_eq!(code(&call), "MISSING_SCOPE");
    assert_eq!(code(&reader.request("node.pair.list", json!({})).await.unwrap_err()), "MISSING_SCOPE");
    let renamed = owner.request("node.rename", json!({"nodeId": id, "displayName": " Studio "})).await.unwrap();
    assert_eq!(renamed, json!({"nodeId": id, "displayName": "Studio"}));
    assert_eq!(describe(&mut owner, &id).await["displayName"], "Studio");
    let unknown = owner.request("node.rename", json!({"nodeId": "x", "displayName": "y"})).await.unwrap_err();
    assert_eq!(unknown.message, "unknown nodeId");
    assert_eq!(owner.request("node.describe", json!({"nodeId": "x"})).await.unwrap_err().message, "unknown nodeId");
}

/// PAIR-8, N-3.2: a network whose new nodes are let in as devices; what they may do still waits for a person, and nobody
/// else is let in by it.
#[tokio::test]
async fn a_listed_network_admits_new_nodes_and_nothing_more() {
    let config = |networks: Value| {
        let pairing = json!({"autoApproveLocal": false, "autoApproveCidrs": networks});
        let auth = json!({"mode": "token", "token": TOKEN});
        json!({"gateway": {"mode": "local", "auth": auth, "nodes": {"pairing": pairing}}}).to_string()
    };
    let house = House::with(&config(json!(["127.0.0.0/8"]))).await;
    let mut owner = house.client(&Connect::backend(TOKEN)).await;
    let (_node, id) = node(&house, &kit::device_key(), &["system.which"]).await;
    let row = describe(&mut owner, &id).await;
    assert_eq!((&row["paired"], &row["approvalState"]), (&json!(true), &json!("pending-approval")), "{row}");
    let devices = owner.request("device.pair.list", json!({})).await.unwrap();
    assert_eq!(devices["paired"][0]["approvedVia"], "trusted-cidr");
    let terminal = Connect::device(TOKEN, &kit::device_key());
    assert_eq!(house.refusal(&terminal).await.0, "PAIRING_REQUIRED", "an operator asks");
    let proxied = Connect::node(TOKEN, &kit::device_key()).header("x-forwarded-for", "127.0.0.9");
    assert_eq!(house.refusal(&proxied).await.0, "AUTH_UNAUTHORIZED");
    let elsewhere = House::with(&config(json!(["10.0.0.0/8"]))).await;
    assert_eq!(elsewhere.refusal(&Connect::node(TOKEN, &kit::device_key())).await.0, "PAIRING_REQUIRED");
}

/// N-1.5, N-2.1, N-2.2, N-2.4, N-2.7, N-2.8, N-2.10, N-9.1
#[tokio::test]
async fn a_node_is_let_in_by_its_device_and_told_what_to_listen_for() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let mut node = house.client(&Connect::node(TOKEN, &key)).await;
    let auth = &node.hello["auth"];
    assert_eq!((&auth["role"], &auth["scopes"]), (&json!("node"), &json!([])), "{auth}");
    assert!(auth["deviceToken"].is_string() && auth["issuedAtMs"].is_i64(), "{auth}");
    assert_eq!(node.hello["policy"]["maxPayload"], 26_214_400);
    let token = auth["deviceToken"].clone();
    assert_eq!(node.event("voicewake.changed").await["triggers"], json!(["openclaw", "claude", "computer"]));
    assert_eq!(node.event("voicewake.routing.changed").await["config"]["version"], 1);
    let presence = owner.request("system-presence", json!({})).await.unwrap();
    let listed = |entry: &Value| entry["deviceId"] == kit::device_id(&key) && entry["roles"] == json!(["node"]);
    assert!(presence.as_array().unwrap().iter().any(listed), "{presence}");
    drop(node);
    let again = house.client(&Connect::node("", &key).auth(json!({"deviceToken": token}))).await;
    assert_eq!(again.hello["auth"]["method"], "device-token");
    let mut deviceless = Connect::node(TOKEN, &key);
    deviceless.key = None;
    assert_eq!(house.refusal(&deviceless).await.0, "DEVICE_IDENTITY_REQUIRED");
    let named = Connect::node("", &kit::device_key()).auth(json!({})).header("tailscale-user-login", "ann@example.com");
    assert_ne!(house.refusal(&named).await.0, "PAIRING_REQUIRED", "a name in a header lets no node in");
}

/// N-5.10: asked again before anything was done, and never afterwards.
#[tokio::test]
async fn a_node_that_is_not_ready_yet_is_asked_again() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let not_ready = |request: &Value| {
        let error = json!({"code": "NODE_NOT_READY", "message": "starting"});
        json!({"id": request["id"], "nodeId": id, "ok": false, "error": error})
    };
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let first = node.event("node.invoke.request").await;
    node.request("node.invoke.result", not_ready(&first)).await.unwrap();
    let second = node.event("node.invoke.request").await;
    assert_ne!(first["id"], second["id"]);
    node.request("node.invoke.result", json!({"id": second["id"], "nodeId": id, "ok": true})).await.unwrap();
    assert_eq!(owner.answer(&asked).await.unwrap()["ok"], json!(true));

    let asked = owner.send("node.invoke", &call(&id, "system.which", "k2")).await;
    let begun = node.event("node.invoke.request").await;
    let piece = json!({"invokeId": begun["id"], "nodeId": id, "seq": 0, "chunk": "x"});
    node.request("node.invoke.progress", piece).await.unwrap();
    node.request("node.invoke.result", not_ready(&begun)).await.unwrap();
    let failed = owner.answer(&asked).await.unwrap_err().unwrap();
    assert!(failed.message.starts_with("NODE_NOT_READY: "), "it had begun: {failed:?}");
}

/// N-5.15: what fits a frame fits an answer.
#[tokio::test]
async fn an_answer_may_be_as_large_as_a_frame() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let request = node.event("node.invoke.request").await;
    let picture = "x".repeat(8 * 1024 * 1024);
    let result = json!({"id": request["id"], "nodeId": id, "ok": true, "payload": {"base64": picture}});
    node.request("node.invoke.result", result).await.unwrap();
    let answer = owner.answer(&asked).await.unwrap();
    assert_eq!(answer["payload"]["base64"].as_str().map(str::len), Some(picture.len()));
}

/// N-7.7, N-7.11
#[tokio::test]
async fn a_node_says_that_it_lives_and_an_old_connection_says_nothing() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let (mut first, id) = approved(&house, &mut owner, &key, &["system.which"]).await;
    let alive = json!({"event": "node.presence.alive", "payload": {"trigger": "silent_push"}});
    let taken = first.request("node.event", alive.clone()).await.unwrap();
    assert_eq!((&taken["handled"], &taken["reason"]), (&json!(true), &json!("persisted")));
    assert_eq!(describe(&mut owner, &id).await["lastSeenReason"], "alive");
    let (_second, _) = node_again(&house, &key).await;
    assert_eq!(first.closed().await.code, 1000, "it has nothing to say any more");
}
