//! The service, with a systemd of the test's own.

use std::process::Command;

use kit::Systemd;
use serde_json::json;

use super::{check, close, doctor, ids};
use crate::run;
use crate::service::double::Host;

const UNIT: &str = "openclaw-gateway.service";

/// DOC-5, SVC-2: a unit that an older version wrote is written anew, and the Gateway answers.
#[test]
fn a_unit_that_has_fallen_behind_is_written_anew() {
    let host = Host::new();
    host.install();
    close(&host.home.path().join(".openclaw"));
    let (exit, answer) = doctor(&mut host.command(), &[]);
    assert_eq!((exit, ids(&answer, "failed")), (0, vec!["service.linger_off"]), "{answer}");
    let unit = host.unit(UNIT);
    let text = std::fs::read_to_string(&unit).unwrap();
    let kept = |line: &&str| {
        !["After=", "Wants=", "RestartSec=", "Environment=\"PATH="].iter().any(|key| line.starts_with(key))
    };
    std::fs::write(&unit, text.lines().filter(kept).collect::<Vec<_>>().join("\n")).unwrap();

    let expected =
        ["gateway-path-missing", "systemd-after-network-online", "systemd-restart-sec", "systemd-wants-network-online"];
    let (exit, answer) = doctor(&mut host.command(), &["--only", "service", "--skip", "service.linger_off"]);
    let mut found = ids(&answer, "failed");
    found.sort_unstable();
    assert_eq!((exit, found), (0, expected.to_vec()), "{answer}");
    assert_eq!(check(&answer, "systemd-restart-sec")["remediation"], "openclaw gateway install --force");

    let starts = host.systemd.starts(UNIT);
    let (exit, answer) = doctor(&mut host.command(), &["--fix", "--yes"]);
    assert_eq!((exit, &answer["summary"]["fixed"]), (0, &json!(5)), "{answer}");
    assert_eq!(
        (ids(&answer, "failed"), host.systemd.starts(UNIT) - starts),
        (vec![], 1),
        "one cure, one restart: {answer}"
    );
    assert_eq!(std::fs::read_to_string(&unit).unwrap(), text);
    assert!(host.systemd.lingers());
    assert_eq!(run(&mut host.command(), &["health"]).0, 0);
}

/// DOC-5: a unit of another hand is only replaced by force; a program that is gone, and a port that has changed.
#[test]
fn a_unit_of_another_hand_needs_force() {
    let host = Host::new();
    let unit = host.unit(UNIT);
    std::fs::create_dir_all(unit.parent().unwrap()).unwrap();
    let foreign = "[Unit]\nAfter=network-online.target\nWants=network-online.target\n[Service]\n\
                   ExecStart=/opt/gone/openclaw gateway run --port 1\nEnvironment=PATH=/usr/bin\nRestartSec=5\n";
    std::fs::write(&unit, foreign).unwrap();
    let only = ["--only", "service", "--skip", "service.linger_off"];
    let (exit, answer) = doctor(&mut host.command(), &[&only[..], &["--fix", "--yes"]].concat());
    assert_eq!((exit, ids(&answer, "fixed")), (0, vec![]), "{answer}");
    assert_eq!(ids(&answer, "failed"), ["gateway-entrypoint-mismatch", "gateway-port-mismatch"], "{answer}");
    assert_eq!(std::fs::read_to_string(&unit).unwrap(), foreign);
    let (exit, answer) = doctor(&mut host.command(), &[&only[..], &["--fix", "--yes", "--force"]].concat());
    assert_eq!((exit, ids(&answer, "failed")), (0, vec![]), "{answer}");
    assert_eq!(run(&mut host.command(), &["health"]).0, 0);
}

/// DOC-5, PROF-4, SSH-15, SVC-3: services of earlier versions and tunnels made by hand are named with what ends them.
#[test]
fn what_else_is_in_the_way_is_named() {
    let host = Host::new();
    let write = |path: std::path::PathBuf, text: &str| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        host.unit("clawdbot-gateway.service"),
        "[Service]\nExecStart=/usr/bin/node x\nEnvironment=CLAWDBOT_GATEWAY_TOKEN=hunter2\n",
    );
    write(host.unit("openclaw-gateway-work.service"), "[Service]\n");
    write(host.unit("far.service"), "[Service]\nExecStart=/usr/bin/ssh -N -L 18789:127.0.0.1:18789 me@far\n");
    write(host.home.path().join("Library/LaunchAgents/com.openclaw.ssh-tunnel.plist"), "<plist/>");
    let (exit, answer) = doctor(&mut host.command(), &["--only", "service", "--fix", "--yes"]);
    let mut found = ids(&answer, "failed");
    found.sort_unstable();
    let expected = [
        "gateway.service_secret_embedded",
        "service.extra_gateway",
        "service.extra_gateway",
        "service.tunnel_left_over",
        "service.tunnel_left_over",
    ];
    assert_eq!((exit, found), (1, expected.to_vec()), "{answer}");
    let text = answer.to_string();
    assert!(
        text.contains("systemctl --user disable --now clawdbot-gateway.service") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(host.unit("far.service").exists() && host.unit("clawdbot-gateway.service").exists(), "nothing is removed");
}

/// DOC-6: a client has no use for a service.
#[test]
fn a_service_on_a_client_is_not_wanted() {
    let home = tempfile::tempdir().unwrap();
    let systemd = Systemd::start(home.path());
    let unit = home.path().join(".config/systemd/user").join(UNIT);
    std::fs::create_dir_all(unit.parent().unwrap()).unwrap();
    std::fs::write(&unit, "[Service]\nExecStart=/usr/bin/true gateway run\n").unwrap();
    std::fs::create_dir(home.path().join(".openclaw")).unwrap();
    let config = json!({"gateway": {"mode": "remote", "remote": {"url": "ws://127.0.0.1:1", "token": "t"}}});
    std::fs::write(home.path().join(".openclaw/openclaw.json"), config.to_string()).unwrap();
    let mut command: Command = crate::alone(&home);
    command.env("OPENCLAW_SYSTEMCTL", systemd.systemctl()).env("USER", "ann");
    let (_, answer) = doctor(&mut command, &["--only", "service"]);
    assert_eq!(ids(&answer, "failed"), ["service.not_wanted"], "{answer}");
}
