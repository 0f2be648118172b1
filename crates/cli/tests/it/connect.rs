//! `openclaw connect` and `onboard`: a machine becomes a client, once the Gateway has really answered.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use kit::{Netns, TOKEN, TestGateway};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::ssh::{Laptop, host_of};
use crate::{alone, binary, json, run};

fn config_of(home: &TempDir) -> Option<Value> {
    let text = std::fs::read_to_string(home.path().join(".openclaw/openclaw.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// CON-1, CON-2, SSH-17, TLS-11: over SSH the host says its port and its certificate and lets this machine in; nothing
/// that is secret is typed or kept.
#[test]
fn a_login_is_all_that_connect_needs() {
    let programs = tempfile::tempdir().unwrap();
    let mut gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/tls", json!({"enabled": true}));
    gateway.boot();
    let sshd = host_of(&gateway, &programs);
    let laptop = Laptop::new(&sshd, &json!({}));
    let (exit, joined) = laptop.json(&["connect", &sshd.target()]);
    assert_eq!((exit, &joined["health"]["ok"]), (0, &json!(true)), "{joined}");
    let kept = config_of(&laptop.home).unwrap();
    let remote = &kept["gateway"]["remote"];
    let (_, shown) = json(&mut gateway.command(), &["gateway", "tls", "show"]);
    let port = gateway.address().port();
    let expected = json!({"mode": "remote", "remote": {"transport": "ssh", "sshTarget": sshd.target(),
        "remotePort": port, "tlsFingerprint": shown["fingerprint"]}});
    assert_eq!(kept["gateway"], expected, "{remote}");
    for command in [&["health"][..], &["devices", "list"], &["gateway", "call", "config.get"]] {
        let (exit, _, stderr) = laptop.run(command);
        assert_eq!((exit, stderr.as_str()), (0, ""), "{command:?}");
    }
    // The same as a first setup in a script; that one says that it knows what it does.
    let other = Laptop::new(&sshd, &json!({}));
    let onboard = ["onboard", "--non-interactive", "--mode", "remote", "--remote-ssh", &sshd.target()];
    let (exit, refused) = other.json(&onboard);
    assert_eq!(exit, 2, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("--accept-risk"), "{refused}");
    let (exit, joined) = other.json(&[&onboard[..], &["--accept-risk"]].concat());
    assert_eq!((exit, &joined["mode"]), (0, &json!("remote")), "{joined}");
    assert_eq!(config_of(&other.home).unwrap()["gateway"], expected);
}

/// CON-2, TLS-11, PAIR-6: elsewhere the certificate is compared, the owner's line is printed and waited for, and only
/// then is anything kept; the shared secret is not, for this machine has a token of its own.
#[test]
fn connect_waits_for_the_owner_and_keeps_what_worked() {
    let host = Netns::new();
    host.ip(&["addr", "add", "100.101.102.103/32", "dev", "lo"]);
    let gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/tls", json!({"enabled": true}));
    let run_gateway = ["gateway", "run", "--bind", "lan", "--json"];
    let mut daemon = Daemon::spawn(&mut host.on(&gateway.command()), &run_gateway);
    daemon.announced();
    let (_, shown) = json(&mut gateway.command(), &["gateway", "tls", "show"]);
    let (home, url) = (tempfile::tempdir().unwrap(), format!("wss://100.101.102.103:{}", gateway.address().port()));
    let connect = ["connect", &url, "--remote-token", TOKEN];
    let (exit, refused) = json(&mut host.on(&alone(&home)), &connect);
    assert_eq!((exit, &refused["error"]["code"]), (1, &json!("TLS_NOT_CONFIRMED")), "{refused}");
    let fingerprint = shown["fingerprint"].as_str().unwrap();
    let pinned = [&connect[..], &["--accept-fingerprint", fingerprint]].concat();
    let (exit, refused) = json(&mut host.on(&alone(&home)), &[&pinned[..], &["--wait", "0"]].concat());
    assert_eq!((exit, &refused["error"]["details"]["code"]), (4, &json!("PAIRING_REQUIRED")), "{refused}");
    assert_eq!(config_of(&home), None, "nothing that does not work is kept");

    let mut waiting = host.on(&alone(&home));
    let mut waiting = waiting.args(&pinned).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(waiting.stderr.take().unwrap()).lines().map_while(Result::ok);
    let approve = lines.map(|line| line.trim().to_owned()).find(|line| line.contains("devices approve")).unwrap();
    let id = approve.split_whitespace().last().unwrap();
    let (exit, ..) = run(&mut host.on(&gateway.command()), &["devices", "approve", id]);
    assert_eq!(exit, 0, "{approve}");
    assert!(waiting.wait().unwrap().success());
    let kept = config_of(&home).unwrap();
    let expected = json!({"mode": "remote", "remote": {"url": url, "tlsFingerprint": fingerprint}});
    assert_eq!(kept["gateway"], expected);
    let (exit, _, stderr) = run(&mut host.on(&alone(&home)), &["health"]);
    assert_eq!((exit, stderr.as_str()), (0, ""));
}

/// CON-2: what does not work is only kept when that is said, and is a failure even then.
#[test]
fn what_does_not_work_is_saved_only_anyway() {
    let home = tempfile::tempdir().unwrap();
    let url = format!("ws://127.0.0.1:{}", kit::free_port());
    let (exit, failed) = json(&mut alone(&home), &["connect", &url, "--remote-token", TOKEN]);
    assert_eq!((exit, config_of(&home)), (3, None), "{failed}");
    let (exit, failed) = json(&mut alone(&home), &["connect", &url, "--remote-token", TOKEN, "--save-anyway"]);
    assert_eq!(exit, 3, "{failed}");
    assert_eq!(config_of(&home).unwrap()["gateway"]["remote"], json!({"url": url, "token": TOKEN}));
    // The profile of a Gateway is not made into a client's.
    let home = tempfile::tempdir().unwrap();
    assert_eq!(run(&mut alone(&home), &["setup"]).0, 0);
    let (exit, refused) = json(&mut alone(&home), &["connect", "me@far"]);
    assert_eq!((exit, &refused["error"]["code"]), (1, &json!("CONNECT_IS_A_GATEWAY")), "{refused}");
    let (exit, refused) = json(&mut alone(&home), &["connect", &"eyJ1cmwi".repeat(9)]);
    assert_eq!((exit, &refused["error"]["code"]), (4, &json!("SETUP_CODE_UNREADABLE")), "{refused}");
}

/// CON-1: a Gateway of this machine, as far as the flags say.
#[test]
fn onboarding_makes_a_gateway_here() {
    let (home, port) = (tempfile::tempdir().unwrap(), kit::free_port().to_string());
    let onboard = ["onboard", "--non-interactive", "--accept-risk", "--skip-channels", "--gateway-port", &port];
    let (exit, made) = json(&mut alone(&home), &onboard);
    assert_eq!((exit, &made["mode"], &made["next"][0]), (0, &json!("local"), &json!("openclaw gateway run")), "{made}");
    let kept = config_of(&home).unwrap();
    assert_eq!((kept["gateway"]["port"].to_string(), &kept["gateway"]["bind"]), (port.clone(), &json!("loopback")));
    let (exit, made) = json(&mut alone(&home), &[&onboard[..], &["--install-daemon"]].concat());
    let stopped = run(&mut alone(&home), &["gateway", "stop", "--force"]).0;
    assert_eq!((exit, made["gateway"]["port"].to_string()), (0, port), "{made}");
    assert_eq!(stopped, 0);
}

/// CLI-11: on a terminal the same is asked for, one question after the other.
#[test]
fn onboarding_asks_at_a_terminal() {
    let home = tempfile::tempdir().unwrap();
    let mut command = alone(&home);
    command.args(["onboard", "--gateway-port", "28999"]).env("TERM", "xterm").stdin(Stdio::inherit());
    let mut terminal = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    let mut said = String::new();
    let here =
        [("Go on?", "y"), ("Where does the Gateway run?", ""), ("after a reboot?", "n"), ("by Telegram, too?", "n")];
    for (question, answer) in here {
        said += &terminal.exp_string(question).unwrap();
        terminal.send_line(answer).unwrap();
    }
    said += &terminal.exp_eof().unwrap();
    assert!(said.contains("openclaw gateway run"), "{said}");
    assert_eq!(config_of(&home).unwrap()["gateway"]["port"], 28999);
}
