//! `openclaw approvals` with the real binary, a real Gateway, and a node that is a client of the kit.

use std::process::{Child, Output, Stdio};

use kit::{Client, Connect, TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::{alone, binary, json as as_json, run};

/// N-12.1, N-12.10: the Gateway's own document, from nothing to an entry and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateways_document_is_shown_and_changed() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let text = |args: &[&str]| run(&mut gateway.command(), args);
    let (exit, first) = as_json(&mut gateway.command(), &["approvals", "get", "--gateway"]);
    assert_eq!((exit, &first["exists"], &first["file"]["version"]), (0, &json!(false), &json!(1)), "{first}");
    let (_, shown, _) = text(&["approvals", "get"]);
    assert!(shown.contains("not there; the defaults count") && shown.contains("tools.exec"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 160), "{shown}");

    let (exit, shown, stderr) = text(&["approvals", "allowlist", "add", "git", "--agent", "work"]);
    assert!(exit == 0 && shown.contains("`git` is listed now for work"), "{shown} {stderr}");
    assert!(text(&["approvals", "allowlist", "add", "git", "--agent", "work"]).1.contains("was listed already"));
    let (exit, added) =
        as_json(&mut gateway.command(), &["approvals", "allowlist", "add", "~/bin/*", "--arg-pattern", "log.*"]);
    assert_eq!((exit, &added["changed"]), (0, &json!(true)), "{added}");
    let shown = text(&["approvals", "get"]).1;
    assert!(shown.contains("work") && shown.contains("git") && shown.contains("log.*"), "{shown}");
    let (exit, _, stderr) = text(&["approvals", "allowlist", "remove", "git"]);
    assert!(exit == 1 && stderr.contains("openclaw approvals get"), "it is another agent's: {stderr}");
    assert_eq!(text(&["approvals", "allowlist", "remove", "git", "--agent", "work"]).0, 0);
    let (_, left) = as_json(&mut gateway.command(), &["approvals", "get"]);
    assert!(!left.to_string().contains("\"git\"") && left.to_string().contains("~/bin/*"), "{left}");

    let file = gateway.folder().join("new.json");
    std::fs::write(&file, r#"{"version": 1, "defaults": {"ask": "always"}}"#).unwrap();
    let file = file.to_str().unwrap();
    let stale = text(&["approvals", "set", "--file", file, "--base-hash", "00"]);
    assert!(stale.0 == 1 && stale.2.contains("openclaw approvals get"), "{stale:?}");
    assert_eq!(text(&["approvals", "set", "--file", file]).0, 0);
    let (_, now) = as_json(&mut gateway.command(), &["approvals", "get"]);
    assert_eq!((&now["file"]["defaults"]["ask"], &now["file"]["agents"]), (&json!("always"), &json!({})), "{now}");
    for bad in ["{", "[]", r#"{"version": 1, "defaults": {"security": "some"}}"#] {
        std::fs::write(file, bad).unwrap();
        assert_eq!(text(&["approvals", "set", "--file", file]).0, 2, "{bad}");
    }
}

/// N-12.1: where there is no Gateway, the machine's own document is read and changed all the same.
#[test]
fn this_machines_own_document_needs_no_gateway() {
    let home = tempfile::tempdir().unwrap();
    let (exit, none) = as_json(&mut alone(&home), &["approvals", "get", "--local"]);
    assert_eq!((exit, &none["exists"], &none["resolvedDefaults"]["security"]), (0, &json!(false), &json!("allowlist")));
    let (exit, shown, stderr) = run(&mut alone(&home), &["approvals", "allowlist", "add", "/usr/bin/git", "--local"]);
    assert!(exit == 0 && shown.contains("on this machine"), "{shown} {stderr}");
    let file = home.path().join(".openclaw/exec-approvals.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (_, now) = as_json(&mut alone(&home), &["approvals", "get", "--local"]);
    assert_eq!(now["file"]["agents"]["main"]["allowlist"][0]["pattern"], "/usr/bin/git", "{now}");
    std::fs::write(&file, "{").unwrap();
    let (exit, broken) = as_json(&mut alone(&home), &["approvals", "get", "--local"]);
    assert!(exit == 1 && broken.to_string().contains("is not understood"), "{broken}");
    assert_eq!(run(&mut alone(&home), &["approvals", "get"]).0, 3, "the Gateway's is with the Gateway");
}

/// N-12.10: a node's document, by the node's name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nodes_document_is_changed_at_the_node() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let mut node = approved(&gateway).await;
    let asking = started(&gateway, &["approvals", "allowlist", "add", "make", "--node", "STUDIO", "--json"]);
    let file = json!({"version": 1, "agents": {"main": {"allowlist": [{"id": "1", "pattern": "git"}]}}});
    let (get, _) = answer(&mut node, json!({"path": "/x", "exists": true, "hash": "aa", "file": file})).await;
    let (set, params) = answer(&mut node, json!({"path": "/x", "exists": true, "hash": "bb", "file": file})).await;
    assert_eq!((get.as_str(), set.as_str()), ("system.execApprovals.get", "system.execApprovals.set"));
    assert_eq!(params["baseHash"], "aa");
    let list = &params["file"]["agents"]["main"]["allowlist"];
    assert_eq!((&list[0]["pattern"], &list[1]["pattern"]), (&json!("git"), &json!("make")), "{params}");
    let (exit, stdout, stderr) = finished(asking).await;
    assert_eq!((exit, serde_json::from_str::<Value>(&stdout).unwrap()["changed"] == true), (0, true), "{stderr}");
    let (exit, _, stderr) = run(&mut gateway.command(), &["approvals", "get", "--node", "Attic"]);
    assert!(exit == 1 && stderr.contains("unknown node: Attic"), "{stderr}");
}

/// A node called Studio that a person has approved.
async fn approved(gateway: &TestGateway) -> Client {
    let key = kit::device_key();
    let commands = json!(["system.execApprovals.get", "system.execApprovals.set"]);
    let connect = Connect::node(TOKEN, &key).caps(&["system"]).set("/commands", commands);
    let connect = connect.set("/client/displayName", json!("Studio"));
    let node = Client::connect(gateway.address(), &connect).await.unwrap();
    assert_eq!(run(&mut gateway.command(), &["nodes", "approve", "--latest", "--yes"]).0, 0);
    node
}

/// Starts a command that waits for a node's answer.
fn started(gateway: &TestGateway, args: &[&str]) -> Child {
    let mut command = gateway.command();
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

async fn finished(child: Child) -> (i32, String, String) {
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = ended;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The node answers the next call with `payload`; the command and its params.
async fn answer(node: &mut Client, payload: Value) -> (String, Value) {
    let request = node.event("node.invoke.request").await;
    let result =
        json!({"id": request["id"], "nodeId": request["nodeId"], "ok": true, "payloadJSON": payload.to_string()});
    node.request("node.invoke.result", result).await.unwrap();
    let params = serde_json::from_str(request["paramsJSON"].as_str().unwrap()).unwrap();
    (request["command"].as_str().unwrap().to_owned(), params)
}
