//! Found on the local network: advertised and heard on a host of the test's own, also by another implementation.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Netns, TOKEN};
use serde_json::{Value, json};

use crate::binary;
use crate::daemon::Daemon;

/// Nothing here takes longer on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process of the test's, stopped when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Two hosts on one network that carries multicast.
fn network() -> (Netns, Netns) {
    let (one, other) = (Netns::new(), Netns::new());
    one.join("10.77.0.2/24", &other, "10.77.0.3/24");
    for host in [&one, &other] {
        host.ip(&["route", "add", "224.0.0.0/4", "dev", "lan0"]);
    }
    (one, other)
}

fn openclaw(folder: &std::path::Path, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", folder);
    command.env("OPENCLAW_STATE_DIR", folder).env("OPENCLAW_DISABLE_BONJOUR", "0").args(args);
    command
}

/// A Gateway on `host` that is to be found.
fn gateway(host: &Netns, folder: &std::path::Path, mode: &str) -> Running {
    let config = json!({
        "gateway": {"mode": "local", "port": 18789, "bind": "loopback", "auth": {"mode": "token", "token": TOKEN}},
        "discovery": {"mdns": {"mode": mode}},
    });
    base::write_atomic(&folder.join("openclaw.json"), config.to_string().as_bytes()).unwrap();
    let mut command = host.on(&openclaw(folder, &["gateway", "run"]));
    Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// Asks until `wanted` is among the answers.
fn heard(host: &Netns, folder: &std::path::Path, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let discover = openclaw(folder, &["gateway", "discover", "--timeout", "1500", "--json"]);
        let output = host.on(&discover).output().unwrap();
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(value["count"], json!(value["beacons"].as_array().unwrap().len()));
        if let Some(beacon) = value["beacons"].as_array().unwrap().iter().find(|beacon| wanted(beacon)) {
            return Some(beacon.clone());
        }
    }
    None
}

/// DISC-1, DISC-2, DISC-3, DISC-7, DISC-9
#[test]
fn a_gateway_is_found_by_ours_with_what_its_mode_tells() {
    let ((host, other), folder) = (network(), tempfile::tempdir().unwrap());
    let _gateway = gateway(&host, folder.path(), "minimal");
    let beacon = heard(&other, folder.path(), |beacon| !beacon["wsUrl"].is_null()).expect("it is found");
    assert_eq!((&beacon["port"], &beacon["role"]), (&json!(18789), &json!("gateway")));
    assert!(beacon["instanceName"].as_str().unwrap().to_lowercase().contains("openclaw"), "{beacon}");
    assert_eq!((&beacon["legacy"], &beacon["gatewayTls"]), (&json!(false), &json!(false)));
    let url = beacon["wsUrl"].as_str().unwrap();
    assert!(url.starts_with("ws://") && url.ends_with(".local:18789"), "{url}");
    for key in ["sshPort", "cliPath", "tailnetDns"] {
        assert!(beacon[key].is_null(), "minimal does not tell {key}: {beacon}");
    }
    assert!(!beacon.to_string().contains(TOKEN));
}

/// DISC-3, DISC-6, DISC-9: another implementation resolves it, and hears its goodbye.
#[test]
fn avahi_finds_it_and_hears_it_leave() {
    let ((host, other), folder) = (network(), tempfile::tempdir().unwrap());
    let bus = folder.path().join("bus");
    let address = format!("unix:path={}", bus.display());
    let on_host = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DBUS_SYSTEM_BUS_ADDRESS", &address);
        command.args(args);
        other.on(&command)
    };
    let rules = folder.path().join("bus.conf");
    let text = format!(
        "<busconfig><type>custom</type><listen>{address}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
         <allow own=\"*\"/><allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow user=\"*\"/></policy></busconfig>"
    );
    std::fs::write(&rules, text).unwrap();
    let start = |program: &str, args: &[&str]| {
        Running(on_host(program, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let _bus = start("dbus-daemon", &["--nofork", "--nopidfile", "--config-file", rules.to_str().unwrap()]);
    let deadline = Instant::now() + PATIENCE;
    while !bus.exists() {
        assert!(Instant::now() < deadline, "dbus-daemon did not come up");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let avahi = folder.path().join("avahi.conf");
    std::fs::write(&avahi, "[server]\nuse-ipv6=no\nallow-interfaces=lan0\n[publish]\npublish-workstation=no\n")
        .unwrap();
    let config = avahi.to_str().unwrap();
    let _avahi = start("avahi-daemon", &["-f", config, "--no-drop-root", "--no-chroot", "--no-rlimits"]);
    let gateway = gateway(&host, folder.path(), "full");
    let browse = || {
        let output = on_host("avahi-browse", &["-rtpk", "_openclaw-gw._tcp"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let seen = |wanted: &dyn Fn(&str) -> bool| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = browse();
            if wanted(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "avahi-browse last said: {text:?}");
        }
    };
    let text = seen(&|text| text.lines().any(|line| line.starts_with('=')));
    for told in ["\"role=gateway\"", "\"gatewayPort=18789\"", "\"cliPath=", ";18789;"] {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(gateway.0.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, kit::Signal::TERM).unwrap();
    seen(&|text| !text.contains("18789"));
}

/// DISC-8: on a host of a tailnet the zone is there once the Gateway is up, with the addresses others reach it by.
#[test]
fn a_gateway_of_a_tailnet_writes_the_zone_of_its_domain() {
    let (host, folder) = (Netns::new(), tempfile::tempdir().unwrap());
    for address in ["100.101.102.103/32", "fd7a:115c:a1e0::53/128", "10.77.0.9/32"] {
        host.ip(&["addr", "add", address, "dev", "lo"]);
    }
    let config = json!({
        "gateway": {"mode": "local", "port": 18789, "auth": {"mode": "token", "token": TOKEN}},
        "discovery": {"mdns": {"mode": "off"}, "wideArea": {"domain": "claw.example"}},
    });
    base::write_atomic(&folder.path().join("openclaw.json"), config.to_string().as_bytes()).unwrap();
    let run = ["gateway", "run", "--bind", "loopback", "--json"];
    let mut daemon = Daemon::spawn(&mut host.on(&openclaw(folder.path(), &[])), &run);
    daemon.announced();
    let zone = std::fs::read_to_string(folder.path().join("dns/claw.example.db")).unwrap();
    for part in ["$ORIGIN claw.example.", " IN A 100.101.102.103", " IN AAAA fd7a:115c:a1e0::53", "18789"] {
        assert!(zone.contains(part), "{part}: {zone}");
    }
    assert!(!zone.contains("10.77.0.9"), "{zone}");
}
