//! The node host as a service: the real binary and Gateway, and a systemd of the test's own that reads the real unit.

use kit::{Signal, Systemd, TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::binary;
use crate::join::{Newcomer, eventually, nodes};

const UNIT: &str = "openclaw-node.service";

/// A machine whose services a [`Systemd`] keeps.
struct Host {
    systemd: Systemd,
    machine: Newcomer,
}

impl Host {
    fn new() -> Self {
        let machine = Newcomer::new();
        Self { systemd: Systemd::start(machine.home.path()), machine }
    }

    fn json(&self, env: &[(&str, &str)], args: &[&str]) -> (i32, Value) {
        let mut command = self.machine.command();
        command.env("OPENCLAW_SYSTEMCTL", self.systemd.systemctl()).env("USER", "ann").envs(env.iter().copied());
        crate::json(&mut command, args)
    }

    fn unit(&self) -> Option<String> {
        std::fs::read_to_string(self.machine.home.path().join(".config/systemd/user").join(UNIT)).ok()
    }
}

fn is_connected(gateway: &TestGateway) -> bool {
    nodes(gateway).iter().any(|node| node["displayName"] == "Studio" && node["connected"] == true)
}

/// N-11.2, N-11.3: it joins first, so that the unit needs no secret and no address; it comes back when it is killed, and
/// after a stop only when it is told to.
#[test]
fn an_installed_node_host_is_kept_until_it_is_uninstalled() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let host = Host::new();
    let port = gateway.address().port().to_string();
    let (exit, missing) = host.json(&[], &["node", "start"]);
    assert_eq!((exit, &missing["error"]["code"]), (1, &json!("NODE_SERVICE_NOT_INSTALLED")), "{missing}");
    let install = ["node", "install", "--port", &port, "--display-name", "Studio"];
    let (exit, refused) = host.json(&[("OPENCLAW_GATEWAY_TOKEN", "wrong")], &install);
    assert_eq!((exit, host.unit()), (4, None), "what is not let in is not installed: {refused}");
    let (exit, done) = host.json(&[("OPENCLAW_GATEWAY_TOKEN", TOKEN)], &install);
    assert_eq!((exit, &done["result"], &done["service"]["loaded"]), (0, &json!("installed"), &json!(true)), "{done}");
    assert!(done["warnings"].to_string().contains("lingering is off"), "{done}");
    let unit = host.unit().unwrap();
    assert!(unit.contains("\"node\" \"run\"\n") && !unit.contains(TOKEN) && !unit.contains(&port), "{unit}");
    eventually("the node is there", || unit.clone(), || is_connected(&gateway));

    let pid = host.systemd.pid(UNIT).unwrap();
    kit::signal(pid, Signal::KILL);
    let status = || host.json(&[], &["node", "status"]).1;
    let is_another = || status()["service"]["runtime"]["pid"].as_u64().is_some_and(|now| now != u64::from(pid));
    eventually("it is started again", || status().to_string(), is_another);
    eventually("it is a node again", || status().to_string(), || is_connected(&gateway));
    assert_eq!(
        (&status()["displayName"], &status()["gateway"]),
        (&json!("Studio"), &json!(format!("ws://127.0.0.1:{port}")))
    );
    let (_, whole) = host.json(&[], &["status"]);
    assert_eq!(whole["nodeService"]["runtime"]["status"], "running", "{whole}");
    let (exit, again) = host.json(&[], &["node", "install"]);
    assert_eq!((exit, &again["result"]), (0, &json!("already-installed")), "{again}");

    for (verb, result, runs) in [("stop", "stopped", false), ("start", "started", true), ("restart", "restarted", true)]
    {
        let (exit, done) = host.json(&[], &["node", verb]);
        assert_eq!((exit, &done["result"]), (0, &json!(result)), "{done}");
        eventually(verb, || status().to_string(), || is_connected(&gateway) == runs);
    }
    let (exit, gone) = host.json(&[], &["node", "uninstall"]);
    assert_eq!((exit, &gone["result"], host.unit()), (0, &json!("uninstalled"), None), "{gone}");
    assert_eq!(host.json(&[], &["node", "stop"]).1["result"], "not-loaded");
    let (exit, session) = host.json(&[], &["node", "install", "--session-host"]);
    assert_eq!((exit, &session["error"]["code"]), (1, &json!("NOT_BUILT")), "{session}");
}

/// N-11.2, DOC-5: a definition that has fallen behind is named and written anew, and `down` takes it along, after saying so.
#[test]
fn the_doctor_renews_the_service_of_a_node_host_and_down_removes_it() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let host = Host::new();
    let port = gateway.address().port().to_string();
    let install = ["node", "install", "--port", &port, "--display-name", "Studio"];
    assert_eq!(host.json(&[("OPENCLAW_GATEWAY_TOKEN", TOKEN)], &install).0, 0);
    let only = ["doctor", "--only", "service", "--skip", "service.linger_off"];
    let behind = |answer: &Value| {
        let checks = answer["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["id"] == "service.node_outdated").cloned().collect::<Vec<_>>()
    };
    let (_, answer) = host.json(&[], &only);
    assert_eq!(behind(&answer), Vec::<Value>::new(), "as it was installed: {answer}");

    let file = host.machine.home.path().join(".config/systemd/user").join(UNIT);
    let text = host.unit().unwrap();
    std::fs::write(&file, text.replace(&binary().display().to_string(), "/opt/gone/openclaw")).unwrap();
    let (_, answer) = host.json(&[], &only);
    let [found] = &behind(&answer)[..] else { panic!("one finding: {answer}") };
    assert!(found["detail"].as_str().unwrap().contains("/opt/gone/openclaw"), "{found}");
    assert_eq!(found["remediation"], "openclaw node install --force");
    let (_, answer) = host.json(&[], &[&only[..], &["--fix", "--yes"]].concat());
    assert!(behind(&answer).iter().all(|check| check["state"] != "failed"), "{answer}");
    assert_eq!(host.unit().unwrap(), text, "with what it was told");
    eventually("it is a node again", || text.clone(), || is_connected(&gateway));

    let (exit, listed) = host.json(&[], &["down", "--dry-run"]);
    assert_eq!((exit, &listed["nodeService"]), (0, &json!(true)), "{listed}");
    assert!(host.unit().is_some(), "only listed");
    let (exit, done) = host.json(&[], &["down", "--yes"]);
    assert_eq!((exit, &done["nodeService"], host.unit()), (0, &json!(true), None), "{done}");
    eventually("it has stopped", || done.to_string(), || host.systemd.pid(UNIT).is_none());
    assert_eq!(host.json(&[], &["down", "--dry-run"]).1["nodeService"], json!(false));
}
