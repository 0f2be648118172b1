//! Runs that claim to be approved (N-11.11).

use kit::{Client, Connect};
use serde_json::{Value, json};

use super::{ask, code, decide, question, reviewer, with};
use crate::house::{House, TOKEN};

/// A node that may be asked to run commands, and its id.
async fn runner(house: &House, owner: &mut Client) -> (Client, String) {
    let key = kit::device_key();
    let connect = Connect::node(TOKEN, &key).caps(&["system"]).set("/commands", json!(["system.run"]));
    let (node, id) = (house.client(&connect).await, kit::device_id(&key));
    let asked = owner.event_where("node.pair.requested", |asked| asked["nodeId"] == *id).await;
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    (node, id)
}

fn call(node: &str, key: &str, params: &Value) -> Value {
    json!({"nodeId": node, "command": "system.run", "params": params, "idempotencyKey": key})
}

/// The params the node gets for `params`, and then answers.
async fn arrives(caller: &mut Client, node: &mut Client, id: &str, key: &str, params: &Value) -> Value {
    let asked = caller.send("node.invoke", &call(id, key, params)).await;
    let request = node.event("node.invoke.request").await;
    let result = json!({"id": request["id"], "nodeId": id, "ok": true, "payload": {"success": true}});
    node.request("node.invoke.result", result).await.unwrap();
    caller.answer(&asked).await.unwrap();
    serde_json::from_str(request["paramsJSON"].as_str().unwrap()).unwrap()
}

/// N-11.7, N-11.11, N-12.16, N-12.17
#[tokio::test]
async fn what_was_approved_is_sent_once_and_every_other_claim_is_refused() {
    let house = House::start().await;
    let (mut owner, mut judge) = (house.owner().await, reviewer(&house).await);
    let (mut node, id) = runner(&house, &mut owner).await;
    let (_other, other_id) = runner(&house, &mut owner).await;
    let scopes = ["operator.read", "operator.write", "operator.approvals"];
    let device = Connect::device(TOKEN, &kit::device_key()).scopes(&scopes);
    let mut device = house.client(&device).await;
    let about = with(question(), &json!({"nodeId": id}));

    let (mine, _) = ask(&mut owner, &about).await;
    let (theirs, _) = ask(&mut device, &about).await;
    let (denied, _) = ask(&mut owner, &about).await;
    let (waits, _) = ask(&mut owner, &about).await;
    let over = owner.request("exec.approval.request", with(about, &json!({"timeoutMs": 1}))).await.unwrap();
    for (id, decision) in [(&mine, "allow-once"), (&theirs, "allow-once"), (&denied, "deny")] {
        decide(&mut judge, id, decision).await.unwrap();
    }
    let env = json!({"TOKEN": "hush"});
    let claim = |run: &str| json!({"command": ["rm"], "env": env, "approved": true, "runId": run});
    let good = claim(&mine);
    let mut nameless = good.clone();
    nameless.as_object_mut().unwrap().remove("runId");
    let cases = [
        ("MISSING_RUN_ID", &id, nameless),
        ("MISSING_RUN_ID", &id, json!({"command": ["rm"], "approvalDecision": "allow-once"})),
        ("UNKNOWN_APPROVAL_ID", &id, claim("made-up")),
        ("APPROVAL_EXPIRED", &id, claim(over["id"].as_str().unwrap())),
        ("APPROVAL_NODE_MISMATCH", &other_id, good.clone()),
        ("APPROVAL_DEVICE_MISMATCH", &id, claim(&theirs)),
        ("APPROVAL_REQUEST_MISMATCH", &id, with(good.clone(), &json!({"env": {"LD_PRELOAD": "x"}}))),
        ("APPROVAL_REQUIRED", &id, claim(&denied)),
        ("APPROVAL_REQUIRED", &id, claim(&waits)),
    ];
    for (at, (expected, node, params)) in cases.iter().enumerate() {
        let refused = owner.request("node.invoke", call(node, &format!("f{at}"), params)).await.unwrap_err();
        assert_eq!((refused.code, code(&refused)), (wire::ErrorCode::InvalidRequest, *expected), "{refused:?}");
    }
    let stranger = judge.request("node.invoke", call(&id, "f", &good)).await.unwrap_err();
    assert_eq!(code(&stranger), "APPROVAL_CLIENT_MISMATCH");

    let edited = with(good.clone(), &json!({"rawCommand": "rm", "cwd": "/", "timeoutMs": 9, "agentId": "evil"}));
    let sent = arrives(&mut owner, &mut node, &id, "k1", &edited).await;
    let plan = with(question()["systemRunPlan"].clone(), &json!({"mutableFileOperand": null}));
    let whole = json!({"command": ["/bin/sh", "-lc", "make all"], "rawCommand": "make all", "cwd": "/src", "env": env,
        "agentId": "main", "timeoutMs": 9, "systemRunPlan": plan, "runId": mine, "approved": true,
        "approvalDecision": "allow-once"});
    assert_eq!(sent, whole);
    let again = owner.request("node.invoke", call(&id, "k2", &edited)).await.unwrap_err();
    assert_eq!(code(&again), "APPROVAL_REQUIRED", "once is once");
    let sent = arrives(&mut device, &mut node, &id, "k3", &claim(&theirs)).await;
    assert_eq!(sent["runId"], json!(theirs), "who asked may");
}

/// N-11.7, N-7.6
#[tokio::test]
async fn a_plain_run_claims_nothing_and_only_its_own_node_speaks_of_it() {
    let house = House::start().await;
    let mut owner = house.owner().await;
    let (mut node, id) = runner(&house, &mut owner).await;
    let (mut other, _) = runner(&house, &mut owner).await;
    let params =
        json!({"command": ["ls"], "approved": false, "approvalDecision": null, "sessionKey": "agent:main:main"});
    let sent = arrives(&mut owner, &mut node, &id, "k1", &params).await;
    let run = sent["runId"].as_str().unwrap().to_owned();
    assert_eq!(sent, json!({"command": ["ls"], "sessionKey": "agent:main:main", "runId": run}));
    let own = json!({"command": ["ls"], "runId": "r1"});
    assert_eq!(arrives(&mut owner, &mut node, &id, "k2", &own).await, own, "its own name is kept");

    let event = |name: &str, run: &str, session: Value| json!({"event": name, "payload": {"runId": run, "sessionKey": session, "host": "node"}});
    let main = json!("agent:main:main");
    let told = async |node: &mut Client, event: Value| {
        let answer = node.request("node.event", event).await.unwrap();
        if answer["handled"] == false {
            assert_eq!(answer["reason"], "unmatched_exec_event", "{answer}");
        }
        answer["handled"] == true
    };
    assert!(!told(&mut other, event("exec.finished", &run, main.clone())).await, "another node's run");
    assert!(!told(&mut node, event("exec.finished", "made-up", main.clone())).await);
    assert!(!told(&mut node, event("exec.finished", &run, json!("agent:main:other"))).await);
    assert!(told(&mut node, event("exec.started", &run, main.clone())).await);
    assert!(told(&mut node, event("exec.finished", &run, main.clone())).await);
    assert!(!told(&mut node, event("exec.finished", &run, main)).await, "its last word was said");
    assert!(told(&mut node, event("exec.denied", "r1", json!(null))).await);
}
