//! Nodes that lie, flood, flap and vanish, and lines that break under them: whoever asked is told, and nobody else notices.

use kit::{Client, Connect, CutLine, Line, SigningKey};
use serde_json::{Value, json};

use crate::house::{House, TOKEN};
use crate::nodes::{approved, call, code, describe, node};

/// A call of `id` under `key` that another node's owner makes, answered by `node`; the house still works.
async fn works(owner: &mut Client, node: &mut Client, id: &str, key: &str) {
    let asked = owner.send("node.invoke", &call(id, "system.which", key)).await;
    let request = node.event("node.invoke.request").await;
    node.request("node.invoke.result", json!({"id": request["id"], "nodeId": id, "ok": true})).await.unwrap();
    assert_eq!(owner.answer(&asked).await.unwrap()["ok"], json!(true));
}

async fn over(line: &CutLine, key: &SigningKey) -> Client {
    let connect = Connect::node(TOKEN, key).caps(&["system"]).set("/commands", json!(["system.which"]));
    Client::connect(line.address(), &connect).await.expect("this node is let in")
}

/// N-1.2, N-3.9, N-4.1, N-4.2: what a node claims is worth nothing until a person and the policy agree.
#[tokio::test]
async fn a_node_that_lies_about_its_commands_is_asked_for_none_of_them() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let (first, id) = approved(&house, &mut owner, &key, &["system.which"]).await;
    drop(first);
    let more = ["system.which", "system.run", "sms.send", "contacts.add", "worker.run.v1", "device.info"];
    let (mut liar, _) = node(&house, &key, &more).await;
    for command in ["system.run", "sms.send", "contacts.add", "worker.run.v1", "device.info"] {
        let refused = owner.request("node.invoke", call(&id, command, command)).await.unwrap_err();
        assert!(refused.message.starts_with("node command not allowed: "), "{command}: {refused:?}");
    }
    assert_eq!(describe(&mut owner, &id).await["commands"], json!(["system.which"]));
    let unasked = json!({"id": "guessed", "nodeId": id, "ok": true, "payload": {"exitCode": 0}});
    assert_eq!(liar.request("node.invoke.result", unasked).await.unwrap()["ignored"], json!(true));
    works(&mut owner, &mut liar, &id, "k1").await;
    assert!(!liar.drain().into_iter().any(|frame| frame["event"] == "node.invoke.request"), "it was asked for nothing");
    drop(liar);
    let other =
        Connect::node(TOKEN, &key).set("/client/platform", json!("macos")).set("/client/deviceFamily", json!("Mac"));
    assert_eq!(house.refusal(&other).await.0, "PAIRING_REQUIRED", "nor does it become another kind of machine");
}

/// N-5.15, N-5.7: more than a frame may hold ends that node's connection, and only that.
#[tokio::test]
async fn a_node_that_sends_thirty_megabytes_loses_its_own_connection_and_no_other() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let (mut flood, id) = approved(&house, &mut owner, &key, &["system.which"]).await;
    let (mut calm, calm_id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let request = flood.event("node.invoke.request").await;
    let result = json!({"id": request["id"], "nodeId": id, "ok": true, "payload": "x".repeat(30 * 1024 * 1024)});
    let frame = json!({"type": "req", "id": "1", "method": "node.invoke.result", "params": result}).to_string();
    // The Gateway may hang up before all of it is out.
    let _cut_off = flood.send_binary(frame.into_bytes()).await;
    let ended = owner.answer(&asked).await.unwrap_err().unwrap();
    assert!(ended.message.starts_with("DISCONNECTED: "), "{ended:?}");
    works(&mut owner, &mut calm, &calm_id, "k2").await;
    let (mut again, _) = node(&house, &key, &["system.which"]).await;
    works(&mut owner, &mut again, &id, "k3").await;
}

/// N-1.4, N-9.1: a node that comes and goes as fast as it can is one node, and is asked where it is at last.
#[tokio::test]
async fn a_node_that_flaps_is_one_node() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let key = kit::device_key();
    let (mut last, id) = approved(&house, &mut owner, &key, &["system.which"]).await;
    let mut stale = Vec::new();
    for round in 0..100 {
        let (next, _) = node(&house, &key, &["system.which"]).await;
        let before = std::mem::replace(&mut last, next);
        // Some go before the next one comes, some are still there.
        if round % 2 == 0 { drop(before) } else { stale.push(before) }
    }
    for mut old in stale {
        assert_eq!(old.closed().await.code, 1000, "replaced");
    }
    works(&mut owner, &mut last, &id, "k1").await;
    let listed = owner.request("node.list", json!({})).await.unwrap();
    assert_eq!((listed["nodes"].as_array().unwrap().len(), &listed["nodes"][0]["connected"]), (1, &json!(true)));
    let presence = owner.request("system-presence", json!({})).await.unwrap();
    let rows = presence.as_array().unwrap().iter().filter(|row| row["deviceId"] == *id).count();
    assert_eq!(rows, 1);
}

/// N-5.7, N-5.14: a device whose token is taken away in the middle of a call.
#[tokio::test]
async fn a_node_that_is_revoked_in_the_middle_of_a_call_answers_nobody() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut node, id) = approved(&house, &mut owner, &kit::device_key(), &["system.which"]).await;
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k1")).await;
    node.event("node.invoke.request").await;
    owner.request("device.token.revoke", json!({"deviceId": id, "role": "node"})).await.unwrap();
    let ended = owner.answer(&asked).await.unwrap_err().unwrap();
    assert!(ended.message.starts_with("DISCONNECTED: "), "{ended:?}");
    assert_eq!(node.closed().await.code, 4001);
    let away = owner.request("node.invoke", call(&id, "system.which", "k2")).await.unwrap_err();
    assert_eq!(code(&away), "NOT_CONNECTED");
}

/// N-5.7, N-5.12: a line that is cut in the middle of a stream.
#[tokio::test]
async fn a_line_cut_in_the_middle_of_an_answer_ends_the_call_once_and_in_order() {
    let house = House::start().await;
    let (line, key) = (CutLine::to(house.address()).await, kit::device_key());
    let mut owner = house.client(&Connect::backend(TOKEN).caps(&["node-progress"])).await;
    let (first, id) = approved(&house, &mut owner, &key, &["system.which"]).await;
    drop(first);
    let mut node = over(&line, &key).await;
    let asked = owner.send("node.invoke", &call(&id, "system.which", "k1")).await;
    let request = node.event("node.invoke.request").await;
    for seq in 0..20 {
        let piece = json!({"invokeId": request["id"], "nodeId": id, "seq": seq, "chunk": "x".repeat(16_000)});
        node.request("node.invoke.progress", piece).await.unwrap();
    }
    line.become_(Line::Stalled);
    let answer = json!({"id": request["id"], "nodeId": id, "ok": true, "payload": "x".repeat(4 * 1024 * 1024)});
    let frame = json!({"type": "req", "id": "1", "method": "node.invoke.result", "params": answer}).to_string();
    let cut = async { line.cut() };
    let (_cut_off, ()) = tokio::join!(node.send_binary(frame.into_bytes()), cut);
    let ended = owner.answer(&asked).await.unwrap_err().unwrap();
    assert!(ended.message.starts_with("DISCONNECTED: "), "{ended:?}");
    let pieces = owner.drain().into_iter().filter(|frame| frame["event"] == "node.invoke.progress");
    let seqs: Vec<Value> = pieces.map(|frame| frame["payload"]["seq"].clone()).collect();
    assert_eq!(seqs, (0..20).map(|seq| json!(seq)).collect::<Vec<_>>(), "every piece, once, in order");
    line.become_(Line::Good);
    let mut again = over(&line, &key).await;
    let late = json!({"id": request["id"], "nodeId": id, "ok": true});
    assert_eq!(
        again.request("node.invoke.result", late).await.unwrap()["ignored"],
        json!(true),
        "it is not resurrected"
    );
    works(&mut owner, &mut again, &id, "k2").await;
}

/// N-5.6: a line that is open and carries nothing towards the node.
#[tokio::test]
async fn a_half_open_line_is_a_timeout_and_what_comes_late_is_ignored() {
    let house = House::start().await;
    let (line, key) = (CutLine::to(house.address()).await, kit::device_key());
    let mut owner = house.owner().await;
    let (first, id) = approved(&house, &mut owner, &key, &["system.which"]).await;
    drop(first);
    let mut node = over(&line, &key).await;
    line.become_(Line::HalfOpen);
    let mut brief = call(&id, "system.which", "k1");
    brief["timeoutMs"] = json!(200);
    let late = owner.request("node.invoke", brief).await.unwrap_err();
    assert!(late.message.starts_with("TIMEOUT: "), "{late:?}");
    line.become_(Line::Good);
    let request = node.event("node.invoke.request").await;
    assert_eq!(node.event("node.invoke.cancel").await["invokeId"], request["id"]);
    let answer = json!({"id": request["id"], "nodeId": id, "ok": true});
    assert_eq!(node.request("node.invoke.result", answer).await.unwrap()["ignored"], json!(true));
    works(&mut owner, &mut node, &id, "k2").await;
}
