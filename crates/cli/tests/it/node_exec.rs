//! The agent's `exec` with `host=node`: a model that asks, the real host that decides, and a person who is asked.

use kit::vendors::{FakeOpenAi, Reply};
use kit::{Client, Connect, TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::binary;
use crate::node_host::Host;

/// A Gateway whose model is `vendor`, a person who can be asked, and the real host beside it.
async fn desk(vendor: &FakeOpenAi) -> (TestGateway, Client, Host, String) {
    let model = json!({"id": "fake-1", "name": "Fake One", "contextWindow": 120_000});
    let provider = json!({"baseUrl": vendor.base_url(), "apiKey": "k", "api": "openai-completions", "models": [model]});
    let gateway = TestGateway::start(
        &binary(),
        &json!({"agents": {"defaults": {"model": "fake/fake-1", "skipBootstrap": true}},
            "models": {"providers": {"fake": provider}}}),
    );
    let scopes = ["operator.admin", "operator.read", "operator.write", "operator.pairing", "operator.approvals"];
    let person = Connect::backend(TOKEN).scopes(&scopes).caps(&["approvals"]);
    let mut person = Client::connect(gateway.address(), &person).await.unwrap();
    let host = Host::start(&gateway);
    let asked = person.event("node.pair.requested").await;
    person.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    let node_id = asked["nodeId"].as_str().unwrap().to_owned();
    (gateway, person, host, node_id)
}

async fn say(person: &mut Client, run: &str) {
    let words = json!({"sessionKey": "main", "message": "do it", "idempotencyKey": run});
    person.request("chat.send", words).await.unwrap();
}

async fn over(person: &mut Client, run: &str) {
    person.event_where("chat", |event| event["runId"] == run && event["state"] == "final").await;
}

fn exec(line: &str) -> Reply {
    Reply::tool_call("exec", json!({"command": line, "host": "node", "node": "Studio"}))
}

/// What the model was told of its last call.
fn told(vendor: &FakeOpenAi) -> String {
    let last = vendor.requests().pop().unwrap().body;
    last["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned()
}

/// N-12.17
#[tokio::test]
async fn a_command_for_a_node_is_asked_about_and_runs_there_once_allowed() {
    let vendor = FakeOpenAi::start().await;
    let line = "printf hello > made; cat made; pwd";
    vendor.then(exec(line)).reply_text("Done.").then(exec("touch never")).reply_text("No.");
    let (_gateway, mut person, host, node_id) = desk(&vendor).await;
    say(&mut person, "a").await;
    let question = person.event("exec.approval.requested").await;
    let request = &question["request"];
    assert_eq!((&request["host"], &request["nodeId"]), (&json!("node"), &json!(node_id)), "{question}");
    assert!(!host.path("made").exists(), "nothing runs before the answer");
    let yes = json!({"id": question["id"], "decision": "allow-once"});
    person.request("exec.approval.resolve", yes).await.unwrap();
    over(&mut person, "a").await;
    let answer = told(&vendor);
    assert!(answer.starts_with(&format!("[node Studio ({})]\nhello", &node_id[..12])), "{answer}");
    assert_eq!(std::fs::read_to_string(host.path("made")).unwrap(), "hello");

    say(&mut person, "b").await;
    let question = person.event("exec.approval.requested").await;
    person.request("exec.approval.resolve", json!({"id": question["id"], "decision": "deny"})).await.unwrap();
    over(&mut person, "b").await;
    assert!(told(&vendor).contains("the owner said no"), "{}", told(&vendor));
    assert!(!host.path("never").exists());
}

/// N-7.6, A-17.3
#[tokio::test]
async fn how_a_command_of_a_person_ended_is_told_to_the_session_it_was_for() {
    let vendor = FakeOpenAi::start().await;
    vendor.reply_text("The build failed.");
    let (_gateway, mut person, host, node_id) = desk(&vendor).await;
    host.policy(json!({"security": "full", "ask": "off"}));
    let run = |key: &str, more: Value| {
        let mut params = json!({"command": ["/bin/sh", "-c", "echo broken; exit 3"], "sessionKey": "agent:main:main"});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"nodeId": node_id, "command": "system.run", "params": params, "idempotencyKey": key, "timeoutMs": 60_000})
    };
    person.request("node.invoke", run("quiet", json!({"suppressNotifyOnExit": true}))).await.unwrap();
    person.request("node.invoke", run("loud", json!({}))).await.unwrap();
    let said = person.event_where("chat", |event| event["state"] == "final").await;
    assert_eq!(said["message"]["content"][0]["text"], "The build failed.", "the agent was woken");
    let requests = vendor.requests();
    assert_eq!(requests.len(), 1, "once, and not for the quiet one");
    let system = requests[0].body["messages"][0]["content"].to_string();
    assert!(system.contains("ended with code 3: broken"), "{system}");
}
