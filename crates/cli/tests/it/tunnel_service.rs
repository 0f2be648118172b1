//! A tunnel that a service manager keeps: the real binary, a real `sshd`, a real Gateway, and a systemd of the test's own
//! that reads the real unit.

use std::net::{Ipv4Addr, TcpListener};

use kit::{Sshd, Systemd, TOKEN, TestGateway, free_port};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::binary;
use crate::ssh::Laptop;
use crate::tunnel::{health, until};

/// A laptop whose services a [`Systemd`] keeps.
struct Host<'a> {
    systemd: Systemd,
    laptop: Laptop<'a>,
    far_port: String,
}

impl<'a> Host<'a> {
    fn new(sshd: &'a Sshd, gateway: &TestGateway) -> Self {
        let laptop = Laptop::new(sshd, &json!({}));
        let systemd = Systemd::start(laptop.home.path());
        Self { systemd, laptop, far_port: gateway.address().port().to_string() }
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        let mut command = self.laptop.command();
        command.env("OPENCLAW_SYSTEMCTL", self.systemd.systemctl()).env("USER", "ann");
        crate::json(&mut command, args)
    }

    fn install(&self, port: &str, more: &[&str]) -> (i32, Value) {
        let target = self.laptop.sshd.target();
        let args = ["tunnel", "install", &target, "--remote-port", &self.far_port, "--local-port", port];
        self.json(&[&args, more].concat())
    }

    fn units(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.laptop.home.path().join(".config/systemd/user")) else {
            return Vec::new();
        };
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

/// SSH-15: it takes over from `tunnel up`, carries plain clients, comes back when it is killed, and goes for good.
#[test]
fn an_installed_tunnel_is_kept_until_it_is_uninstalled() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let host = Host::new(&sshd, &gateway);
    let number = free_port();
    let port = number.to_string();
    let target = sshd.target();
    let (exit, up) = host.json(&["tunnel", "up", &target, "--remote-port", &host.far_port, "--local-port", &port]);
    assert_eq!(exit, 0, "{up}");
    let (exit, shown) = host.install(&port, &["--dry-run"]);
    assert_eq!((exit, &shown["dryRun"], host.units().len()), (0, &json!(true), 0), "{shown}");
    let (exit, done) = host.install(&port, &[]);
    assert_eq!((exit, &done["result"]), (0, &json!("installed")), "{done}");
    assert_eq!(done["tunnel"]["service"], true);
    let units = host.units();
    assert_eq!(json!(units), json!([shown["files"][0]["text"]]), "what was shown is what was written");
    assert!(units[0].contains("Restart=always") && !units[0].contains(TOKEN), "{units:?}");
    let (exit, healthy) = health(&host.laptop, number);
    assert_eq!((exit, &healthy["ok"]), (0, &json!(true)), "{healthy}");

    let unit = format!("openclaw-tunnel-{port}.service");
    let pid = host.systemd.pid(&unit).unwrap();
    assert_eq!(done["tunnel"]["pid"], pid);
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
    let is_back =
        || host.json(&["tunnel", "status"]).1["tunnels"][0]["pid"].as_u64().is_some_and(|now| now != u64::from(pid));
    until("nobody started it again", is_back);
    assert_eq!(health(&host.laptop, number).0, 0);
    let (exit, again) = host.install(&port, &[]);
    assert_eq!((exit, &again["result"]), (0, &json!("already-installed")), "{again}");

    let (exit, down) = host.json(&["tunnel", "down", &target]);
    assert_eq!((exit, &down["error"]["code"]), (1, &json!("TUNNEL_IS_A_SERVICE")), "{down}");
    assert_eq!(down["error"]["next"][0], json!(format!("openclaw tunnel uninstall {target}")));
    let (exit, gone) = host.json(&["tunnel", "uninstall", &target]);
    assert_eq!((exit, &gone["removed"]), (0, &json!([format!("openclaw-tunnel-{port}")])), "{gone}");
    assert!(host.units().is_empty() && host.systemd.pid(&unit).is_none());
    assert_eq!(host.json(&["tunnel", "list"]).1, json!({"tunnels": []}));
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).unwrap();
    let (exit, nothing) = host.json(&["tunnel", "uninstall"]);
    assert_eq!((exit, &nothing["removed"]), (0, &json!([])), "{nothing}");
}

/// SSH-15, DOC-5: a definition that has fallen behind is named, written anew as it was meant, and the tunnel is up again.
#[test]
fn the_doctor_renews_a_tunnel_that_has_fallen_behind() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let host = Host::new(&sshd, &gateway);
    let number = free_port();
    assert_eq!(host.install(&number.to_string(), &[]).0, 0);
    let only = ["doctor", "--only", "service", "--skip", "service.linger_off"];
    let behind = |answer: &Value| {
        let checks = answer["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["id"] == "service.tunnel_outdated").cloned().collect::<Vec<_>>()
    };
    let (_, answer) = host.json(&only);
    assert_eq!(behind(&answer), Vec::<Value>::new(), "as it was installed: {answer}");

    let unit = format!("openclaw-tunnel-{number}.service");
    let file = host.laptop.home.path().join(".config/systemd/user").join(&unit);
    let text = std::fs::read_to_string(&file).unwrap();
    let gone = text.replace(&binary().display().to_string(), "/opt/gone/openclaw");
    let unasked = text.lines().filter(|line| !line.starts_with("Wants=")).collect::<Vec<_>>().join("\n");
    for (changed, why) in [(gone, "/opt/gone/openclaw"), (unasked, "Wants=network-online.target")] {
        assert_ne!(changed, text);
        std::fs::write(&file, changed).unwrap();
        let (_, answer) = host.json(&only);
        let [found] = &behind(&answer)[..] else { panic!("one finding: {answer}") };
        assert!(found["detail"].as_str().unwrap().contains(why), "{found}");
        let cure = found["remediation"].as_str().unwrap();
        assert!(cure.starts_with(&format!("openclaw tunnel install {} ", sshd.target())), "{cure}");
        let (_, answer) = host.json(&[&only[..], &["--fix", "--yes"]].concat());
        assert!(behind(&answer).iter().all(|check| check["state"] != "failed"), "{answer}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "with what it was told");
    }
    until("nothing keeps the port", || health(&host.laptop, number).0 == 0);
    assert_eq!(host.json(&["tunnel", "uninstall", "--all"]).0, 0);
}

/// SSH-15, SSH-10: what would not work is not written down.
#[test]
fn an_install_that_cannot_work_writes_nothing() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let host = Host::new(&sshd, &gateway);
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (exit, failed) = host.install(&stranger.local_addr().unwrap().port().to_string(), &[]);
    assert_eq!((exit, &failed["error"]["code"]), (1, &json!("TUNNEL_PORT_IN_USE")), "{failed}");
    sshd.forget_host();
    let (exit, failed) = host.install(&free_port().to_string(), &[]);
    assert_eq!((exit, &failed["error"]["code"]), (3, &json!("SSH_HOST_KEY_UNKNOWN")), "{failed}");
    assert!(host.units().is_empty());
}
