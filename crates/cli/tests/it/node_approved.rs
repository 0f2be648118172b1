//! Commands of a node that wait for a person, through the whole way: the real host, a Gateway, and people who decide from
//! a terminal.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use kit::{Client, Connect, TOKEN, TestGateway};
use serde_json::{Value, json};
use wire::ErrorShape;

use crate::node_host::{approved_in, call};
use crate::{binary, json as as_json, run};

/// A client that shows questions and runs commands.
async fn desk(gateway: &TestGateway) -> Client {
    Client::connect(gateway.address(), &Connect::backend(TOKEN).caps(&["exec-approvals"])).await.unwrap()
}

async fn invoke(desk: &mut Client, id: &str, key: &str, command: &str, params: Value) -> Result<Value, ErrorShape> {
    Ok(desk.request("node.invoke", call(id, key, command, params)).await?["payload"].clone())
}

/// What a node prepared for `argv` is put before people and decided with `decision` from a terminal; the question's id.
async fn decided(gateway: &TestGateway, desk: &mut Client, id: &str, argv: &Value, decision: &str) -> String {
    let prepared = invoke(desk, id, &format!("p{argv}"), "system.run.prepare", json!({"command": argv})).await.unwrap();
    assert_eq!(prepared["approvalRequired"], true, "{prepared}");
    let question = json!({"host": "node", "nodeId": id, "systemRunPlan": prepared["plan"], "twoPhase": true});
    let asking = desk.send("exec.approval.request", &question).await;
    let accepted = desk.answer(&asking).await.unwrap();
    let question = accepted["id"].as_str().unwrap().to_owned();
    let (exit, answer) = as_json(&mut gateway.command(), &["approvals", "resolve", &question[..8], decision]);
    assert_eq!((exit, &answer["id"]), (0, &json!(question)), "{answer}");
    assert_eq!(desk.answer(&asking).await.unwrap()["decision"], decision);
    question
}

/// N-10.16, N-11.7, N-11.10, N-12.14, N-12.16: what was seen runs once, and nothing else does in its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_saw_is_what_the_node_runs() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (_owner, host, id) = approved_in(&gateway, tempfile::tempdir().unwrap()).await;
    let mut desk = desk(&gateway).await;
    std::fs::write(host.path("x.sh"), "echo good").unwrap();
    let argv = json!(["/bin/sh", "-lc", "sh x.sh"]);
    let approved = |question: &str| json!({"command": argv, "runId": question, "approved": true});

    let question = decided(&gateway, &mut desk, &id, &argv, "allow-once").await;
    let ran = invoke(&mut desk, &id, "run", "system.run", approved(&question)).await.unwrap();
    assert_eq!(ran["stdout"], "good\n", "{ran}");
    assert!(invoke(&mut desk, &id, "twice", "system.run", approved(&question)).await.is_err(), "once is once");
    let plain = invoke(&mut desk, &id, "plain", "system.run", json!({"command": argv})).await.unwrap_err();
    assert!(plain.message.starts_with("SYSTEM_RUN_DENIED: approval required"), "{plain:?}");

    std::fs::write(host.path("y.sh"), "echo good").unwrap();
    let other = json!(["sh", "y.sh"]);
    let question = decided(&gateway, &mut desk, &id, &other, "allow-once").await;
    std::fs::write(host.path("y.sh"), "echo evil").unwrap();
    let changed = json!({"command": other, "runId": question, "approved": true});
    let changed = invoke(&mut desk, &id, "changed", "system.run", changed).await.unwrap_err();
    assert!(changed.message.contains("changed since it was approved"), "{changed:?}");
}

/// N-12.1, N-12.6, N-12.18: "always" is written down by the node, and what was decided can be looked up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn always_is_remembered_by_the_node() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (_owner, host, id) = approved_in(&gateway, tempfile::tempdir().unwrap()).await;
    let mut desk = desk(&gateway).await;
    let argv = json!(["id", "-u"]);
    let question = decided(&gateway, &mut desk, &id, &argv, "allow-always").await;
    let approved = json!({"command": argv, "runId": question, "approved": true});
    assert_eq!(invoke(&mut desk, &id, "run", "system.run", approved).await.unwrap()["success"], true);
    let again = invoke(&mut desk, &id, "again", "system.run", json!({"command": argv})).await.unwrap();
    assert_eq!(again["success"], true, "it is not asked about again: {again}");
    let stored = std::fs::read_to_string(host.path(".openclaw/exec-approvals.json")).unwrap();
    assert!(stored.contains("allow-always"), "{stored}");
    let (exit, shown, stderr) = run(&mut gateway.command(), &["approvals", "get", "--node", "Studio"]);
    assert!(exit == 0 && shown.contains("just these") && shown.contains("a decision"), "{shown} {stderr}");

    let refused = decided(&gateway, &mut desk, &id, &json!(["id", "-g"]), "deny").await;
    let (exit, history) = as_json(&mut gateway.command(), &["approvals", "history"]);
    let rows = history["items"].as_array().unwrap();
    let decision = |id: &str| rows.iter().find(|row| row["id"] == id).map(|row| row["decision"].clone());
    assert_eq!((exit, decision(&question)), (0, Some(json!("allow-always"))), "{history}");
    assert_eq!(decision(&refused), Some(json!("deny")), "{history}");
    let text = run(&mut gateway.command(), &["approvals", "history", "--limit", "1"]).1;
    assert!(text.contains("deny") && text.contains("id -g"), "{text}");
    let (exit, _, stderr) = run(&mut gateway.command(), &["approvals", "approve", &refused]);
    assert!(exit == 1 && stderr.contains("already"), "{stderr}");
}

/// N-12.12, N-12.14: who watches is somebody who can be asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_waits_for_who_watches() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let mut asker = Client::connect(gateway.address(), &Connect::backend(TOKEN)).await.unwrap();
    let question = json!({"command": "make all", "host": "gateway", "cwd": "/src", "twoPhase": true});
    let nobody = asker.request("exec.approval.request", question.clone()).await.unwrap();
    assert_eq!(nobody["decision"], Value::Null, "nobody can be asked: {nobody}");
    assert!(run(&mut gateway.command(), &["approvals", "pending"]).1.starts_with("No command is waiting"));

    let mut command = gateway.command();
    command.args(["approvals", "pending", "--watch", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut watcher = command.spawn().unwrap();
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    let mut next = move || -> Value {
        let line = lines.next().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    };
    assert_eq!(next()["type"], "pending");
    let asking = asker.send("exec.approval.request", &question).await;
    let id = asker.answer(&asking).await.unwrap()["id"].clone();
    let asks = next();
    assert_eq!((&asks["type"], &asks["approval"]["id"]), (&json!("asks"), &id), "{asks}");
    let text = run(&mut gateway.command(), &["approvals", "pending"]).1;
    assert!(text.contains("make all") && text.contains("gateway:/src") && text.contains("approvals resolve"), "{text}");
    assert_eq!(run(&mut gateway.command(), &["approvals", "deny", id.as_str().unwrap()]).0, 0);
    assert_eq!(asker.answer(&asking).await.unwrap()["decision"], "deny");
    let decided = next();
    assert_eq!((&decided["type"], &decided["decision"]), (&json!("decided"), &json!("deny")), "{decided}");
    watcher.kill().unwrap();
    watcher.wait().unwrap();
}
