//! Commands through SSH: the real binary, a real `sshd`, a real Gateway behind it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Sshd, TOKEN, TestGateway};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{alone, binary, json, run};

/// A machine that knows of the far host what `gateway` says, and nothing else. Its state folder is short enough for the
/// socket of a shared connection.
pub(crate) struct Laptop<'a> {
    pub(crate) home: TempDir,
    pub(crate) sshd: &'a Sshd,
}

impl<'a> Laptop<'a> {
    pub(crate) fn new(sshd: &'a Sshd, gateway: &Value) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".openclaw");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("openclaw.json"), json!({"gateway": gateway}).to_string()).unwrap();
        Self { home, sshd }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = alone(&self.home);
        command.env("OPENCLAW_SSH_CONFIG", self.sshd.config()).env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> (i32, String, String) {
        run(&mut self.command(), args)
    }

    pub(crate) fn json(&self, args: &[&str]) -> (i32, Value) {
        json(&mut self.command(), args)
    }
}

/// The first sentence, SSH-13, CRED-3, CRED-4: a machine that was never here shows the token once; then its own
/// token does, and ten commands cost one SSH handshake.
#[test]
fn ten_commands_by_flag_cost_one_login_and_the_token_is_shown_once() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let laptop = Laptop::new(&sshd, &json!({"remote": {"remotePort": gateway.address().port()}}));
    let target = sshd.target();
    let health = ["--ssh", &target, "health"];
    let (exit, refused) = laptop.json(&health);
    assert_eq!((exit, &refused["error"]["details"]["code"]), (4, &json!("AUTH_TOKEN_MISSING")), "{refused}");
    assert!(refused["error"]["next"][0].as_str().unwrap().contains("--token-file"), "{refused}");
    let (exit, first) = laptop.json(&["--ssh", &target, "health", "--token", TOKEN]);
    assert_eq!((exit, &first["ok"]), (0, &json!(true)), "{first}");
    for _ in 0..8 {
        let (exit, again) = laptop.json(&health);
        assert_eq!((exit, &again["ok"]), (0, &json!(true)), "{again}");
    }
    assert_eq!(sshd.logins(), 1, "{}", sshd.log());
    // The token is that account's and no other's.
    let (_, here) = laptop.json(&["gateway", "target", "--ssh", &target]);
    let (_, there) = laptop.json(&["gateway", "target", "--ssh", "me@elsewhere.invalid"]);
    assert_eq!((&here["deviceToken"], &there["deviceToken"]), (&json!(true), &json!(false)));
    assert_eq!((&here["transport"], &there["credentials"]["token"]), (&json!("ssh"), &Value::Null));
}

/// SSH-12, CRED-10, CRED-13, PROBE-10: remote mode with an SSH target needs no flag, and reports say how they got there.
#[test]
fn remote_mode_goes_through_ssh_by_itself() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let port = gateway.address().port();
    let remote = json!({"sshTarget": sshd.target(), "remotePort": port, "token": TOKEN});
    let laptop = Laptop::new(&sshd, &json!({"mode": "remote", "remote": remote}));
    let (exit, health) = laptop.json(&["health"]);
    assert_eq!((exit, &health["ok"]), (0, &json!(true)), "{health}");
    let (_, target) = laptop.json(&["gateway", "target"]);
    let words = format!("ssh tunnel {}", sshd.target());
    assert_eq!((&target["transport"], &target["urlSource"]), (&json!("ssh"), &json!(words)));
    assert_eq!(target["url"], format!("ws://127.0.0.1:{port}"));
    assert_eq!(target["ssh"]["remotePort"], port);
    let (exit, probe) = laptop.json(&["gateway", "probe", "--timeout", "20s"]);
    assert_eq!((exit, &probe["targets"][0]["kind"]), (0, &json!("sshTunnel")), "{probe}");
    assert_eq!(probe["targets"][0]["tunnel"]["target"], json!(sshd.target()));
    let (exit, _, stderr) = laptop.run(&["status", "--require"]);
    assert_eq!(exit, 0, "{stderr}");
    let (exit, ..) = laptop.run(&["health", "--via", "direct"]);
    assert_eq!(exit, 1, "there is no URL to go to directly");
    assert_eq!(sshd.logins(), 1);
}

/// CLI-5, CLI-6, CLI-7, CRED-10, PROBE-15: what failed, where, and the one command that mends it, on the far host.
#[test]
fn a_failure_says_which_end_it_is_at() {
    let sshd = Sshd::start();
    let port = kit::free_port();
    let remote = json!({"sshTarget": sshd.target(), "remotePort": port, "token": TOKEN});
    let laptop = Laptop::new(&sshd, &json!({"mode": "remote", "remote": remote}));
    let (exit, stdout, stderr) = laptop.run(&["health", "--timeout", "60s"]);
    assert_eq!((exit, stdout.as_str()), (3, ""), "{stderr}");
    let target = sshd.target();
    assert!(stderr.contains(&format!("the Gateway is not running on 127.0.0.1:{port}")), "{stderr}");
    assert!(stderr.contains(&format!("Gateway target: ws://127.0.0.1:{port} via ssh {target}\n")), "{stderr}");
    assert!(stderr.contains(&format!("Source: ssh tunnel {target}\n")), "{stderr}");
    assert!(stderr.contains("openclaw gateway status  [SSH_GATEWAY_REFUSED]"), "{stderr}");
    assert!(!stderr.contains("gateway run") && stderr.lines().count() <= 6, "{stderr}");
    sshd.forget_host();
    let (exit, failed) = laptop.json(&["--ssh", &format!("me@{}", sshd.address()), "health", "--timeout", "60s"]);
    assert_eq!((exit, &failed["error"]["kind"]), (3, &json!("ssh")), "{failed}");
    assert_eq!(failed["error"]["code"], "SSH_HOST_KEY_UNKNOWN");
    assert!(failed["error"]["message"].as_str().unwrap().contains("SHA256:"), "{failed}");
    assert_eq!(failed["error"]["target"]["transport"], "ssh");
    assert!(!failed.to_string().contains(TOKEN));
}

/// SSH-1, SSH-19, CLI-7: what cannot be meant is a usage error before anything is started.
#[test]
fn flags_that_name_no_host_or_two_ways_are_usage_errors() {
    let sshd = Sshd::start();
    let laptop = Laptop::new(&sshd, &json!({"remote": {"url": "ws://127.0.0.1:18789"}}));
    let cases: [&[&str]; 5] = [
        &["health", "--ssh"],
        &["--ssh", "me@-oProxyCommand=x", "health"],
        &["--ssh", "me@host:0", "health"],
        &["--ssh", "me@host", "health", "--url", "ws://127.0.0.1:1", "--token", "x"],
        &["--ssh", "me@host", "health", "--via", "direct"],
    ];
    for args in cases {
        let (exit, _, stderr) = laptop.run(args);
        assert_eq!(exit, 2, "{args:?}: {stderr}");
    }
    assert_eq!(sshd.logins(), 0);
}

/// SSH-9 for a command: kill -9 leaves no `ssh` but the shared connection, which the next command uses.
#[test]
fn a_killed_command_leaves_nothing_but_the_shared_connection() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let remote = json!({"sshTarget": sshd.target(), "remotePort": gateway.address().port(), "token": TOKEN});
    let laptop = Laptop::new(&sshd, &json!({"mode": "remote", "remote": remote}));
    assert_eq!(laptop.run(&["health"]).0, 0);
    let mut logs = laptop.command().args(["logs", "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(logs.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "it follows");
    let config = sshd.config().display().to_string();
    assert_eq!(processes_with(&config), 1, "the ssh of the command; the shared connection has another title");
    logs.kill().unwrap();
    logs.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while processes_with(&config) > 0 {
        assert!(Instant::now() < deadline, "its ssh outlived it");
        // Another process's end has no event here; this is the poll itself.
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert_eq!(laptop.run(&["health"]).0, 0);
    assert_eq!(sshd.logins(), 1, "{}", sshd.log());
}

/// How many processes have `word` in their command line.
pub(crate) fn processes_with(word: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(word)).count()
}
