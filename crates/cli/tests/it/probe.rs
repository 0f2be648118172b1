//! `gateway probe` and the reports, when more than one Gateway could be meant.

use kit::{Sshd, TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::ssh::Laptop;
use crate::{binary, json as as_json};

fn codes(probe: &Value) -> Vec<&str> {
    probe["warnings"].as_array().unwrap().iter().filter_map(|warning| warning["code"].as_str()).collect()
}

fn each<'v>(probe: &'v Value, key: &str) -> Vec<&'v Value> {
    probe["targets"].as_array().unwrap().iter().map(|target| &target[key]).collect()
}

/// PROBE-8, PROBE-9, PROBE-11: the remote of the config is looked at in local mode, too; two Gateways are two.
#[test]
fn two_gateways_are_told_apart_by_what_they_say_they_are() {
    let far = TestGateway::start(&binary(), &json!({}));
    let remote = json!({"url": format!("ws://127.0.0.1:{}", far.address().port()), "token": TOKEN});
    let mut here = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/remote", remote);
    here.boot();
    let (exit, probe) = as_json(&mut here.command(), &["gateway", "probe", "--timeout", "20s"]);
    assert_eq!(exit, 0, "{probe}");
    assert_eq!(each(&probe, "kind"), ["configRemote", "localLoopback"], "{probe}");
    assert_eq!(each(&probe, "active"), [false, true]);
    for target in probe["targets"].as_array().unwrap() {
        assert_eq!(target["connect"]["rpcOk"], true, "{target}");
        let read = ["health", "summary", "presence", "config"];
        assert!(read.iter().all(|key| !target[key].is_null()), "{target}");
        assert!(!target.to_string().contains(TOKEN));
    }
    assert_eq!(codes(&probe), ["multiple_gateways"], "{probe}");
    assert_eq!((&probe["primaryTargetId"], &probe["degraded"]), (&json!("configRemote"), &json!(false)));
}

/// PROBE-8, PROBE-11, SSH-18: one Gateway by two ways is one.
#[test]
fn one_gateway_by_two_ways_is_one() {
    let (sshd, here) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let port = here.address().port().to_string();
    let mut command = here.command();
    command.env("OPENCLAW_SSH_CONFIG", sshd.config()).env("OPENCLAW_SSH_KEEP", "0");
    let target = sshd.target();
    let args = ["gateway", "probe", "--ssh", &target, "--port", &port, "--token", TOKEN, "--timeout", "20s"];
    let (exit, probe) = as_json(&mut command, &args);
    assert_eq!(exit, 0, "{probe}");
    assert_eq!(each(&probe, "kind"), ["sshTunnel", "localLoopback"], "{probe}");
    assert_eq!(each(&probe, "instanceId")[0], each(&probe, "instanceId")[1]);
    assert_eq!(codes(&probe), [""; 0], "{probe}");
    assert_eq!(probe["primaryTargetId"], "sshTunnel");
}

/// PROBE-5: in remote mode the reports speak of the far Gateway, and of nothing on this machine that does not lead there.
#[test]
fn reports_in_remote_mode_are_about_the_remote() {
    let (sshd, far) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let port = far.address().port();
    let remote = json!({"sshTarget": sshd.target(), "remotePort": port, "token": TOKEN});
    let laptop = Laptop::new(&sshd, &json!({"mode": "remote", "port": 4711, "bind": "lan", "remote": remote}));
    let (exit, seen) = laptop.json(&["gateway", "status", "--timeout", "20s"]);
    assert_eq!((exit, &seen["gateway"]["bindMode"]), (0, &Value::Null), "{seen}");
    assert_eq!(seen["gateway"]["controlUiLinks"]["httpUrl"], Value::Null, "nothing here leads there yet: {seen}");
    let text = laptop.run(&["gateway", "status", "--timeout", "20s"]).1;
    assert!(!text.contains("4711") && !text.contains("bind="), "{text}");
    assert!(text.contains(&format!("openclaw tunnel up {}", sshd.target())), "{text}");

    let (exit, up) = laptop.json(&["tunnel", "up", "--local-port", "0"]);
    let _tidy = crate::tunnel::Tidy::up(&laptop);
    assert_eq!(exit, 0, "{up}");
    let page = format!("http://127.0.0.1:{}/", up["tunnel"]["localPort"]);
    let (_, seen) = laptop.json(&["gateway", "status", "--timeout", "20s"]);
    assert_eq!(seen["gateway"]["controlUiLinks"]["httpUrl"], json!(page), "{seen}");
    let text = laptop.run(&["status"]).1;
    assert!(text.contains(&page), "{text}");
    let service = text.lines().find(|line| line.starts_with("Gateway service")).unwrap();
    assert!(service.chars().count() <= 80, "{service}");
}
