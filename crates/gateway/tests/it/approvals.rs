//! Questions to people: who is asked, who may answer, and what an answer is good for.

mod forged;

use kit::{Client, Connect};
use serde_json::{Value, json};
use store::{ApprovalRecord, Store};
use wire::ErrorShape;

use crate::house::{House, TOKEN};

/// A client that shows approvals and may decide them.
async fn reviewer(house: &House) -> Client {
    house.client(&Connect::backend(TOKEN).caps(&["exec-approvals"])).await
}

/// A question about a command on a node.
fn question() -> Value {
    json!({
        "host": "node", "nodeId": "n", "cwd": "/src", "env": {"TOKEN": "hush"}, "ask": "on-miss", "security": "allowlist",
        "systemRunPlan": {"argv": ["/bin/sh", "-lc", "make all"], "cwd": "/src", "commandText": "make all",
            "agentId": "main", "sessionKey": null},
    })
}

fn with(mut params: Value, more: &Value) -> Value {
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

fn code(error: &ErrorShape) -> &str {
    error.detail_code().unwrap_or_default()
}

fn detail(error: &ErrorShape, name: &str) -> Value {
    error.details.as_ref().unwrap()[name].clone()
}

/// Asks and returns the id, and the request whose second answer is the decision.
async fn ask(client: &mut Client, params: &Value) -> (String, String) {
    let asked = client.send("exec.approval.request", &with(params.clone(), &json!({"twoPhase": true}))).await;
    let accepted = client.answer(&asked).await.unwrap();
    assert_eq!(accepted["status"], "accepted", "{accepted}");
    (accepted["id"].as_str().unwrap().to_owned(), asked)
}

async fn decide(client: &mut Client, id: &str, decision: &str) -> Result<Value, ErrorShape> {
    client.request("exec.approval.resolve", json!({"id": id, "decision": decision})).await
}

/// N-12.11, N-12.13, N-12.14, N-12.15
#[tokio::test]
async fn of_two_operators_who_decide_at_once_one_does_and_both_are_told() {
    let house = House::start().await;
    let (mut asker, mut one, mut two) = (house.owner().await, reviewer(&house).await, reviewer(&house).await);
    let asked = asker.send("exec.approval.request", &with(question(), &json!({"twoPhase": true, "id": "q-1"}))).await;
    let accepted = asker.answer(&asked).await.unwrap();
    let (created, expires) = (accepted["createdAtMs"].clone(), accepted["expiresAtMs"].clone());
    assert_eq!(
        accepted,
        json!({"status": "accepted", "id": "q-1", "deliveryRoute": "approval-client", "createdAtMs": created,
            "expiresAtMs": expires})
    );
    assert_eq!(expires.as_i64().unwrap() - created.as_i64().unwrap(), 30 * 60 * 1000);
    let event = one.event("exec.approval.requested").await;
    assert_eq!(two.event("exec.approval.requested").await, event);
    assert_eq!(
        (&event["approvalKind"], &event["id"], &event["expiresAtMs"]),
        (&json!("exec"), &json!("q-1"), &expires)
    );
    let request = &event["request"];
    assert_eq!((&request["command"], &request["cwd"]), (&json!("make all"), &json!("/src")));
    assert_eq!(request["allowedDecisions"], json!(["allow-once", "allow-always", "deny"]));
    assert_eq!((&request["envKeys"], &request["env"]), (&json!(["TOKEN"]), &json!(null)), "names, not values");
    assert_eq!(two.request("exec.approval.list", json!({})).await.unwrap(), json!([event]));
    let shown = two.request("exec.approval.get", json!({"id": "q-1"})).await.unwrap();
    assert_eq!((&shown["commandText"], &shown["nodeId"]), (&json!("make all"), &json!("n")));
    assert!(!shown.to_string().contains("/src") && !shown.to_string().contains("hush"), "{shown}");
    let twice = one.request("exec.approval.request", with(question(), &json!({"id": "q-1"}))).await.unwrap_err();
    assert_eq!(code(&twice), "APPROVAL_ID_TAKEN");

    let waiter = two.send("exec.approval.waitDecision", &json!({"id": "q-1"})).await;
    let first = one.send("exec.approval.resolve", &json!({"id": "q-1", "decision": "allow-once"})).await;
    let second = two.send("exec.approval.resolve", &json!({"id": "q-1", "decision": "deny"})).await;
    let outcomes = [one.answer(&first).await, two.answer(&second).await];
    let won = outcomes.iter().position(Result::is_ok).unwrap();
    assert_eq!(outcomes[won].as_ref().unwrap(), &json!({"ok": true}));
    let lost = outcomes[1 - won].as_ref().unwrap_err().as_ref().unwrap();
    assert_eq!((lost.code, code(lost)), (wire::ErrorCode::InvalidRequest, "APPROVAL_ALREADY_RESOLVED"));
    let decision = json!(["allow-once", "deny"][won]);
    assert_eq!((detail(lost, "terminalReason"), detail(lost, "decision")), (json!("user"), decision.clone()));
    for client in [&mut one, &mut two] {
        let over = client.event("exec.approval.resolved").await;
        assert_eq!((&over["id"], &over["decision"]), (&json!("q-1"), &decision));
        assert_eq!((&over["resolvedBy"], &over["request"]), (&json!("gateway-client"), request));
        assert!(over["ts"].is_i64());
    }
    let last = asker.answer(&asked).await.unwrap();
    assert_eq!((&last["id"], &last["decision"], &last["createdAtMs"]), (&json!("q-1"), &decision, &created));
    assert_eq!(two.answer(&waiter).await.unwrap(), last);
    let late = asker.request("exec.approval.waitDecision", json!({"id": "q-1"})).await.unwrap();
    assert_eq!((&late["decision"], &late["terminalReason"]), (&decision, &json!("user")), "a late waiter is told");
    assert_eq!(asker.request("exec.approval.list", json!({})).await.unwrap(), json!([]));
    for method in ["exec.approval.resolve", "exec.approval.get", "exec.approval.waitDecision", "approval.get"] {
        let params = json!({"id": "never-asked", "decision": "deny"});
        assert_eq!(
            asker.request(method, params).await.unwrap_err().code,
            wire::ErrorCode::ApprovalNotFound,
            "{method}"
        );
    }
}

/// N-12.11, N-12.4, N-12.14
#[tokio::test]
async fn who_may_not_decide_is_not_asked_and_what_cannot_be_said_is_refused() {
    let house = House::start().await;
    let mut judge = reviewer(&house).await;
    let plain = Connect::backend(TOKEN).caps(&["exec-approvals"]).scopes(&["operator.read", "operator.write"]);
    let mut plain = house.client(&plain).await;
    let one_phase = judge.send("exec.approval.request", &json!({"command": "ls", "ask": "always"})).await;
    let event = judge.event("exec.approval.requested").await;
    assert_eq!(event["request"]["allowedDecisions"], json!(["allow-once", "deny"]));
    let id = event["id"].as_str().unwrap();
    for method in ["exec.approval.request", "exec.approval.resolve", "exec.approval.list", "approval.history"] {
        let refused = plain.request(method, json!({"id": id, "decision": "deny"})).await.unwrap_err();
        assert_eq!((code(&refused), detail(&refused, "missingScope")), ("MISSING_SCOPE", json!("operator.approvals")));
    }
    let never = decide(&mut judge, id, "allow-always").await.unwrap_err();
    assert_eq!(code(&never), "APPROVAL_DECISION_UNAVAILABLE");
    assert!(decide(&mut judge, id, "perhaps").await.unwrap_err().message.contains("/decision"));
    decide(&mut judge, id, "deny").await.unwrap();
    assert_eq!(judge.answer(&one_phase).await.unwrap()["decision"], "deny", "one phase, one answer");
    plain.request("health", json!({})).await.unwrap();
    assert!(!plain.drain().iter().any(|frame| frame["event"].as_str().unwrap_or_default().contains("approval")));

    let asked = judge.send("exec.approval.request", &json!({"command": "a\u{202e}b\u{7}", "timeoutMs": 60_000})).await;
    let event = judge.event("exec.approval.requested").await;
    assert_eq!(event["request"]["command"], "a\\u{202E}b\\u{7}", "nothing invisible is decided about");
    let answer =
        judge.request("approval.resolve", json!({"id": event["id"], "kind": "exec", "decision": "deny"})).await;
    assert_eq!((&answer.unwrap()["applied"]), (&json!(true)));
    judge.answer(&asked).await.unwrap();
    for (bad, why) in [
        (json!({}), "command is required"),
        (json!({"command": "ls", "timeoutMs": 0}), "/timeoutMs"),
        (json!({"command": "ls", "id": "a b"}), "/id"),
        (json!({"command": "ls", "host": "node"}), "nodeId is required"),
        (json!({"command": "x".repeat(70_000)}), "bytes"),
    ] {
        let refused = judge.request("exec.approval.request", bad).await.unwrap_err();
        assert!(refused.code == wire::ErrorCode::InvalidRequest && refused.message.contains(why), "{refused:?}");
    }
}

/// N-12.12, N-15.9
#[tokio::test]
async fn where_nobody_can_be_asked_it_is_denied_at_once_and_a_client_that_can_changes_that() {
    let house = House::start().await;
    let mut asker = house.owner().await;
    let weak = Connect::backend(TOKEN).caps(&["approvals"]).scopes(&["operator.read", "operator.write"]);
    let _weak = house.client(&weak).await;
    let answer = asker.request("exec.approval.request", with(question(), &json!({"twoPhase": true}))).await.unwrap();
    assert_eq!((&answer["decision"], &answer["terminalReason"]), (&json!(null), &json!("no-route")), "{answer}");
    let known = asker.request("approval.get", json!({"id": answer["id"]})).await.unwrap();
    let known = &known["approval"];
    assert_eq!((&known["status"], &known["decision"]), (&json!("denied"), &json!("deny")));
    assert_eq!((&known["reason"], &known["resolver"]), (&json!("no-route"), &json!({"kind": "system"})));
    let late = asker.request("exec.approval.waitDecision", json!({"id": answer["id"]})).await.unwrap();
    assert_eq!(late["terminalReason"], "no-route");

    let judge = reviewer(&house).await;
    let (id, asked) = ask(&mut asker, &question()).await;
    judge.close().await;
    let (_, behind) = (house.owner().await, reviewer(&house).await);
    let mut judge = behind;
    let waiting = judge.request("exec.approval.list", json!({})).await.unwrap();
    assert_eq!(waiting[0]["id"], json!(id), "it waits on although its only reader left");
    decide(&mut judge, &id, "allow-always").await.unwrap();
    assert_eq!(asker.answer(&asked).await.unwrap()["decision"], "allow-always");
}

/// N-12.15
#[tokio::test]
async fn a_question_is_over_when_its_time_is() {
    let house = House::start().await;
    let mut judge = reviewer(&house).await;
    let answer = judge.request("exec.approval.request", with(question(), &json!({"timeoutMs": 20}))).await.unwrap();
    assert_eq!((&answer["decision"], &answer["terminalReason"]), (&json!(null), &json!("timeout")));
    let over = judge.event("exec.approval.resolved").await;
    assert_eq!((&over["id"], &over["decision"], &over["resolvedBy"]), (&answer["id"], &json!(null), &json!(null)));
    let late = decide(&mut judge, answer["id"].as_str().unwrap(), "allow-once").await.unwrap_err();
    assert_eq!((code(&late), detail(&late, "terminalReason")), ("APPROVAL_ALREADY_RESOLVED", json!("timeout")));
    let params = json!({"id": answer["id"], "kind": "exec", "decision": "allow-once"});
    let late = judge.request("approval.resolve", params).await.unwrap();
    assert_eq!((&late["applied"], &late["approval"]["status"]), (&json!(false), &json!("expired")));
}

/// N-12.15, N-12.18
#[tokio::test]
async fn what_waits_when_the_gateway_goes_down_waits_no_more() {
    let house = House::start().await;
    let (mut asker, _judge) = (house.owner().await, reviewer(&house).await);
    let (id, asked) = ask(&mut asker, &question()).await;
    let house = house.again(async |paths| {
        // As after a kill: this one was never ended.
        let store = Store::open(paths).unwrap();
        let left = ApprovalRecord { id: "left".into(), end: None, ..store.approval(&id).await.unwrap().unwrap() };
        assert!(store.put_approval(left).await.unwrap());
        store.close().await;
    });
    let (house, answer) = tokio::join!(house, asker.answer(&asked));
    match answer {
        Ok(told) => assert_eq!((&told["decision"], &told["terminalReason"]), (&json!(null), &json!("gateway-restart"))),
        Err(refused) => assert!(refused.is_none(), "at worst the line is cut first: {refused:?}"),
    }
    let mut judge = reviewer(&house).await;
    for id in [id.as_str(), "left"] {
        let known = judge.request("approval.get", json!({"id": id})).await.unwrap();
        let known = &known["approval"];
        assert_eq!((&known["status"], &known["reason"]), (&json!("cancelled"), &json!("gateway-restart")));
        let late = decide(&mut judge, id, "allow-once").await.unwrap_err();
        assert_eq!(detail(&late, "terminalReason"), "gateway-restart", "{late:?}");
    }
    assert_eq!(judge.request("exec.approval.list", json!({})).await.unwrap(), json!([]));
}

/// N-12.18
#[tokio::test]
async fn the_history_is_read_in_pages_newest_first() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let mut asked = Vec::new();
    for _ in 0..5 {
        let answer = owner.request("exec.approval.request", json!({"command": "ls", "agentId": "main"})).await.unwrap();
        asked.insert(0, answer["id"].clone());
    }
    let mut seen = Vec::new();
    let mut page = owner.request("approval.history", json!({"limit": 2})).await.unwrap();
    loop {
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        page = owner.request("approval.history", json!({"limit": 2, "cursor": cursor, "kind": "exec"})).await.unwrap();
    }
    let key = |item: &Value| (item["resolvedAtMs"].as_i64().unwrap(), item["id"].as_str().unwrap().to_owned());
    let mut sorted = seen.clone();
    sorted.sort_by_key(|item| std::cmp::Reverse(key(item)));
    assert_eq!(seen, sorted);
    let mut ids: Vec<_> = seen.iter().map(|item| item["id"].clone()).collect();
    ids.sort_by_key(Value::to_string);
    asked.sort_by_key(Value::to_string);
    assert_eq!(ids, asked);
    let first = &seen[0];
    assert_eq!(first["urlPath"], json!(format!("/approve/{}", first["id"].as_str().unwrap())));
    assert_eq!(first["source"], json!({"agentId": "main"}));
    let nothing = owner.request("approval.history", json!({"kind": "plugin"})).await.unwrap();
    assert_eq!(nothing, json!({"items": []}));
    for bad in [json!({"limit": 0}), json!({"limit": 101}), json!({"cursor": "?"}), json!({"kind": "moon"})] {
        assert_eq!(owner.request("approval.history", bad).await.unwrap_err().code, wire::ErrorCode::InvalidRequest);
    }
}

/// N-12.12, N-12.13, W-3.17
#[tokio::test]
async fn a_question_of_a_session_is_told_to_who_follows_it_and_answered_in_its_chat() {
    let house = House::start().await;
    let scopes = ["operator.read", "operator.write", "operator.approvals"];
    let person = Connect::device(TOKEN, &kit::device_key()).scopes(&scopes);
    let (mut asker, mut chat) = (house.owner().await, house.client(&person).await);
    let mut page = house.client(&Connect::backend(TOKEN).caps(&["approvals"])).await;
    let follow = json!({"key": "main", "includeApprovals": true});
    let none = page.request("sessions.messages.subscribe", follow.clone()).await.unwrap();
    assert_eq!(none["approvalReplay"]["approvals"], json!([]));
    let (id, asked) = ask(&mut asker, &with(question(), &json!({"sessionKey": "main", "id": "abc-1"}))).await;
    let event = page.event("session.approval").await;
    assert_eq!((&event["phase"], &event["sessionKey"]), (&json!("pending"), &json!("agent:main:main")));
    assert_eq!((&event["approval"]["id"], &event["approval"]["status"]), (&json!(id), &json!("pending")));
    assert_eq!(event["approval"]["presentation"]["commandText"], "make all");
    let replayed = page.request("sessions.messages.subscribe", follow).await.unwrap();
    assert_eq!(replayed["approvalReplay"]["approvals"], json!([event["approval"]]));
    assert_eq!(replayed["approvalReplay"]["truncated"], json!(false));

    let note = chat.event_where("chat", |event| event["runId"] == "approval-abc-1").await;
    assert_eq!(note["sessionKey"], "agent:main:main");
    let text = note["message"]["content"][0]["text"].as_str().unwrap();
    for part in ["make all", "/src", "Node: n", "expires in 30m", "/approve abc-1 allow-once", "/approve abc-1 deny"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let mut meek = house.client(&Connect::device(TOKEN, &kit::device_key())).await;
    let say = |key: &str, text: &str| json!({"sessionKey": "main", "message": text, "idempotencyKey": key});
    let refused = meek.request("chat.send", say("k0", "/approve abc-1 allow-once")).await.unwrap_err();
    assert_eq!(detail(&refused, "missingScope"), "operator.approvals");
    chat.request("chat.send", say("k1", "/approve ab perhaps")).await.unwrap();
    assert!(said(&mut chat, "k1").await.contains("`perhaps` is no decision"));
    chat.request("chat.send", say("k2", "/approve zz deny")).await.unwrap();
    assert!(said(&mut chat, "k2").await.contains("abc-1 make all"), "what waits is listed");
    chat.request("chat.send", say("k3", "/approve ab allow-once")).await.unwrap();
    assert_eq!(said(&mut chat, "k3").await, "Allowed once: make all");
    assert_eq!(asker.answer(&asked).await.unwrap()["decision"], "allow-once");
    let event = page.event("session.approval").await;
    assert_eq!((&event["phase"], &event["approval"]["status"]), (&json!("terminal"), &json!("allowed")));
    let device = chat.hello["auth"]["deviceToken"].is_string();
    assert!(device && event["approval"]["resolver"]["kind"] == "device", "{event}");
    chat.request("chat.send", say("k4", "/approve abc-1 deny")).await.unwrap();
    assert!(said(&mut chat, "k4").await.contains("it was allowed once by"));

    // Whoever follows the session can answer in its chat, without knowing of approvals.
    page.close().await;
    let lost = with(question(), &json!({"sessionKey": "main", "twoPhase": true}));
    let none = asker.request("exec.approval.request", lost.clone()).await.unwrap();
    assert_eq!(none["terminalReason"], "no-route");
    chat.request("sessions.subscribe", json!({})).await.unwrap();
    let asked = asker.request("exec.approval.request", lost).await.unwrap();
    assert_eq!(asked["deliveryRoute"], "chat");
}

/// What the command under this key was answered.
async fn said(client: &mut Client, key: &str) -> String {
    let event = client.event_where("chat", |event| event["runId"] == key).await;
    event["message"]["content"][0]["text"].as_str().unwrap().to_owned()
}
