//! What the owner of the state folder may do on the Gateway's host without asking anybody.

use kit::{Connect, Signal, TestGateway};
use serde_json::json;

use crate::{binary, json as as_json, run};

/// A command that goes by the port, where the Gateway does not know whose it is.
fn by_port(gateway: &TestGateway) -> std::process::Command {
    let mut command = gateway.command();
    command.env("OPENCLAW_GATEWAY_PORT", gateway.address().port().to_string());
    command
}

/// A Gateway with this `gateway` section for its port.
fn started(section: impl Fn(u16) -> serde_json::Value) -> TestGateway {
    let mut gateway = TestGateway::prepare(&binary(), &json!({}));
    let config = json!({"gateway": section(gateway.address().port())});
    std::fs::write(gateway.folder().join("openclaw.json"), config.to_string()).unwrap();
    gateway.boot();
    gateway
}

/// AUTH-4, CRED-4: the same user comes in, nobody is shown the token, and nothing of it outlives the run.
#[test]
fn a_gateway_without_a_token_lets_its_own_user_in() {
    let mut gateway = started(|port| json!({"mode": "local", "port": port, "bind": "loopback"}));
    let file = gateway.folder().join("identity/run-token");
    let token = std::fs::read_to_string(&file).unwrap();
    assert_eq!(token.len(), 48);
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (exit, stdout, stderr) = run(&mut by_port(&gateway), &["health"]);
    assert_eq!(exit, 0, "{stdout} {stderr}");
    let (_, target) = as_json(&mut by_port(&gateway), &["gateway", "target"]);
    assert_eq!(target["credentials"]["token"], "this run of the Gateway");
    assert!(!target.to_string().contains(&token) && !gateway.printed().contains(&token));
    let wrong = run(&mut by_port(&gateway), &["health", "--token", "another"]);
    assert_eq!(wrong.0, 4, "an explicit secret is the only one: {wrong:?}");

    gateway.end(Signal::KILL);
    assert!(file.exists(), "nobody was there to remove it");
    assert_eq!(run(&mut by_port(&gateway), &["health"]).0, 3, "it opens nothing");
    gateway.boot();
    assert_ne!(std::fs::read_to_string(&file).unwrap(), token, "another run, another token");
    assert_eq!(run(&mut by_port(&gateway), &["health"]).0, 0);
    gateway.end(Signal::TERM);
    assert!(!file.exists(), "it is gone with the run");
}

/// PAIR-17: with nobody to ask, and where the Gateway waits for exactly this approval.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_device_can_always_be_approved_by_the_owner() {
    let mut gateway = started(|port| {
        json!({"mode": "local", "port": port, "bind": "loopback",
        "auth": {"mode": "none"}, "nodes": {"pairing": {"autoApproveLocal": false}}})
    });
    let (exit, refused) = as_json(&mut by_port(&gateway), &["health"]);
    assert_eq!((exit, &refused["error"]["details"]["code"]), (4, &json!("PAIRING_REQUIRED")), "{refused}");
    let (exit, listed) = as_json(&mut by_port(&gateway), &["devices", "list"]);
    assert_eq!(exit, 0, "{listed}");
    let ids: Vec<&str> =
        listed["pending"].as_array().unwrap().iter().map(|row| row["requestId"].as_str().unwrap()).collect();
    assert!(!ids.is_empty(), "{listed}");
    let (exit, approved) = as_json(&mut by_port(&gateway), &["devices", "approve", ids[0]]);
    assert_eq!((exit, &approved["requestId"]), (0, &json!(ids[0])), "{approved}");
    let (exit, stdout, stderr) = run(&mut by_port(&gateway), &["devices", "list"]);
    assert_eq!(exit, 0, "{stdout} {stderr}");

    gateway.end(Signal::TERM);
    let (exit, listed) = as_json(&mut by_port(&gateway), &["devices", "list"]);
    assert!(exit == 0 && listed["paired"][0]["deviceId"].is_string(), "nobody runs: {listed}");
    let (exit, _) = as_json(&mut by_port(&gateway), &["devices", "list", "--url", "ws://127.0.0.1:1", "--token", "t"]);
    assert_eq!(exit, 3, "another Gateway was meant");
}

/// PAIR-15: whoever waits comes in within two seconds of the approval.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approved_device_comes_in_at_once() {
    let gateway = started(|port| {
        json!({"mode": "local", "port": port, "bind": "loopback",
        "auth": {"mode": "token", "token": kit::TOKEN}, "nodes": {"pairing": {"autoApproveLocal": false}}})
    });
    let key = kit::device_key();
    let connect = || Connect::device(kit::TOKEN, &key).scopes(&["operator.read"]);
    let mut watch = by_port(&gateway);
    watch.args(["devices", "approve", "--watch", "--yes", "--json"]).stdout(std::process::Stdio::piped());
    let watching = watch.stderr(std::process::Stdio::piped()).spawn().unwrap();
    assert!(kit::Client::connect(gateway.address(), &connect()).await.is_err(), "it must wait");
    let approved = tokio::task::spawn_blocking(move || watching.wait_with_output().unwrap()).await.unwrap();
    let approved: serde_json::Value = serde_json::from_slice(&approved.stdout).unwrap();
    assert!(approved["requestId"].is_string(), "{approved}");
    let client = kit::Client::connect(gateway.address(), &connect()).await;
    let client = client.unwrap_or_else(|refused| panic!("approved and refused: {:?}", refused.error));
    assert_eq!(client.hello["auth"]["role"], "operator");
    let id = approved["device"]["deviceId"].as_str().unwrap();
    client.close().await;
    let prefix = &id[..8];
    assert_eq!(run(&mut by_port(&gateway), &["devices", "rename", "--device", prefix, "--name", "desk"]).0, 0);
    let (exit, rotated) =
        as_json(&mut by_port(&gateway), &["devices", "rotate", "--device", prefix, "--role", "operator"]);
    assert_eq!((exit, rotated["deviceId"].as_str()), (0, Some(id)), "{rotated}");
    assert_eq!(run(&mut by_port(&gateway), &["devices", "revoke", "--device", prefix, "--role", "operator"]).0, 0);
    let (exit, stdout, _) = run(&mut by_port(&gateway), &["devices", "unlock", "192.0.2.7"]);
    assert!(exit == 0 && stdout.contains("was not locked out"), "{stdout}");
}
