//! Commands through SSH: the real binary, a real `sshd`, a real Gateway behind it.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
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
    /// `--ssh-backend`.
    pub(crate) backend: &'static str,
    /// Another `ssh_config` than the server's own.
    pub(crate) config: Option<PathBuf>,
}

/// Who may speak SSH.
pub(crate) const BACKENDS: [&str; 2] = ["openssh", "builtin"];

impl<'a> Laptop<'a> {
    pub(crate) fn new(sshd: &'a Sshd, gateway: &Value) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".openclaw");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("openclaw.json"), json!({"gateway": gateway}).to_string()).unwrap();
        Self { home, sshd, backend: "openssh", config: None }
    }

    /// The same, whose SSH is spoken by `backend`.
    pub(crate) fn by(backend: &'static str, sshd: &'a Sshd, gateway: &Value) -> Self {
        Self { backend, ..Self::new(sshd, gateway) }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = alone(&self.home);
        let config = self.config.clone().unwrap_or_else(|| self.sshd.config());
        command.env("OPENCLAW_SSH_CONFIG", config).env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> (i32, String, String) {
        run(self.command().args(["--ssh-backend", self.backend]), args)
    }

    pub(crate) fn json(&self, args: &[&str]) -> (i32, Value) {
        json(self.command().args(["--ssh-backend", self.backend]), args)
    }
}

/// The far side of `gateway`: who logs in finds the `openclaw` of its owner.
pub(crate) fn host_of(gateway: &TestGateway, programs: &TempDir) -> Sshd {
    std::os::unix::fs::symlink(binary(), programs.path().join("openclaw")).unwrap();
    let path = format!("PATH={}:/usr/bin:/bin", programs.path().display());
    let state = format!("OPENCLAW_STATE_DIR={}", gateway.folder().display());
    Sshd::with(&[&format!("SetEnv {path} {state}")])
}

/// SSH-13, SSH-17, CRED-3, PAIR-18: a machine with nothing but a key that the host takes is let in by the `openclaw`
/// there; the shared secret stays on its host, and ten commands cost one SSH handshake.
#[test]
fn a_key_that_the_host_takes_is_all_that_a_new_machine_needs() {
    for backend in BACKENDS {
        let_in_by_a_key(backend);
    }
}

fn let_in_by_a_key(backend: &'static str) {
    let (gateway, programs) = (TestGateway::start(&binary(), &json!({})), tempfile::tempdir().unwrap());
    let sshd = host_of(&gateway, &programs);
    let laptop = Laptop::by(backend, &sshd, &json!({"remote": {"remotePort": gateway.address().port()}}));
    let target = sshd.target();
    let health = ["--ssh", &target, "health"];
    let (exit, stdout, stderr) = laptop.run(&health);
    assert_eq!(exit, 0, "{stdout}{stderr}");
    assert!(stderr.contains("lets this machine in"), "{stderr}");
    for _ in 0..8 {
        let (exit, _, stderr) = laptop.run(&health);
        assert_eq!((exit, stderr.as_str()), (0, ""));
    }
    // More than it was given: asked for again, and added.
    let (exit, devices) = laptop.json(&["--ssh", &target, "devices", "list"]);
    assert_eq!((exit, devices["paired"].as_array().unwrap().len()), (0, 1), "{devices}");
    assert_eq!(laptop.run(&health).0, 0);
    let logins = sshd.logins();
    assert!(if backend == "openssh" { logins == 1 } else { logins > 10 }, "{}", sshd.log());
    // The token is that account's and no other's.
    let (_, here) = laptop.json(&["gateway", "target", "--ssh", &target]);
    let (_, there) = laptop.json(&["gateway", "target", "--ssh", "me@elsewhere.invalid"]);
    assert_eq!((&here["deviceToken"], &there["deviceToken"]), (&json!(true), &json!(false)));
    assert_eq!((&here["transport"], &there["credentials"]["token"]), (&json!("ssh"), &Value::Null));
    let kept = std::fs::read_dir(laptop.home.path().join(".openclaw/identity")).unwrap();
    for file in kept {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(TOKEN), "the shared secret left its host");
    }
    // Taken back there, it is out; `--ssh` asks again.
    let device = devices["paired"][0]["deviceId"].as_str().unwrap();
    let (exit, ..) = run(&mut gateway.command(), &["devices", "remove", device]);
    assert_eq!(exit, 0);
    assert_eq!(laptop.run(&health).0, 0);
}

/// SSH-17: without `--ssh` nobody has said that the host may be asked; and a host that cannot be is told apart.
#[test]
fn a_host_is_only_asked_where_ssh_was_said_and_says_why_it_cannot_be() {
    let (gateway, programs) = (TestGateway::start(&binary(), &json!({})), tempfile::tempdir().unwrap());
    let sshd = host_of(&gateway, &programs);
    let remote = json!({"sshTarget": sshd.target(), "remotePort": gateway.address().port()});
    let laptop = Laptop::new(&sshd, &json!({"mode": "remote", "remote": remote}));
    let (exit, refused) = laptop.json(&["health"]);
    assert_eq!((exit, &refused["error"]["details"]["code"]), (4, &json!("AUTH_TOKEN_MISSING")), "{refused}");
    let cure = format!("openclaw --ssh {} health", sshd.target());
    assert_eq!(refused["error"]["next"][0], json!(cure), "{refused}");
    std::fs::remove_file(programs.path().join("openclaw")).unwrap();
    let (exit, _, stderr) = laptop.run(&["--ssh", &sshd.target(), "health"]);
    assert_eq!(exit, 4, "{stderr}");
    assert!(stderr.contains("there is no `openclaw` in its PATH") && stderr.contains("SSH_NOT_INVITED"), "{stderr}");
    assert!(stderr.contains("--token-file"), "{stderr}");
    // By hand it goes too, and the device's own token follows.
    assert_eq!(laptop.run(&["--ssh", &sshd.target(), "health", "--token", TOKEN]).0, 0);
    assert_eq!(laptop.run(&["health"]).0, 0);
}

/// SSH-17: an invitation works once, and for a device only.
#[test]
fn an_invitation_works_once() {
    let (gateway, programs) = (TestGateway::start(&binary(), &json!({})), tempfile::tempdir().unwrap());
    let sshd = host_of(&gateway, &programs);
    let script = "#!/bin/sh\ncat \"$0.json\"\n";
    let (exit, made) = json(&mut gateway.command(), &["devices", "invite"]);
    assert_eq!((exit, &made["port"]), (0, &json!(gateway.address().port())), "{made}");
    std::fs::remove_file(programs.path().join("openclaw")).unwrap();
    std::fs::write(programs.path().join("openclaw.json"), made.to_string()).unwrap();
    let program = programs.path().join("openclaw");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let gateway_at = json!({"remote": {"remotePort": gateway.address().port()}});
    let (first, second) = (Laptop::new(&sshd, &gateway_at), Laptop::new(&sshd, &gateway_at));
    let health = ["--ssh", &sshd.target(), "health"];
    assert_eq!(first.run(&health).0, 0);
    let (exit, refused) = second.json(&health);
    assert_eq!((exit, &refused["error"]["details"]["code"]), (4, &json!("AUTH_BOOTSTRAP_TOKEN_INVALID")), "{refused}");
    // One for another port is not even shown.
    let elsewhere = json!({"bootstrapToken": "x", "port": 1});
    std::fs::write(programs.path().join("openclaw.json"), elsewhere.to_string()).unwrap();
    let (exit, _, stderr) = second.run(&health);
    assert_eq!(exit, 4, "{stderr}");
    assert!(stderr.contains("the Gateway on port 1, not"), "{stderr}");
}

/// SSH-12, CRED-10, CRED-13, PROBE-10: remote mode with an SSH target needs no flag, and reports say how they got there.
#[test]
fn remote_mode_goes_through_ssh_by_itself() {
    for backend in BACKENDS {
        by_itself(backend);
    }
}

fn by_itself(backend: &'static str) {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let port = gateway.address().port();
    let remote = json!({"sshTarget": sshd.target(), "remotePort": port, "token": TOKEN});
    let laptop = Laptop::by(backend, &sshd, &json!({"mode": "remote", "remote": remote}));
    let (exit, health) = laptop.json(&["health"]);
    assert_eq!((exit, &health["ok"]), (0, &json!(true)), "{health}");
    let (_, target) = laptop.json(&["gateway", "target"]);
    let words = format!("ssh tunnel {}", sshd.target());
    assert_eq!((&target["transport"], &target["urlSource"]), (&json!("ssh"), &json!(words)));
    assert_eq!(target["url"], format!("ws://127.0.0.1:{port}"));
    assert_eq!((&target["ssh"]["remotePort"], &target["ssh"]["backend"]), (&json!(port), &json!(backend)));
    let (_, shown, _) = laptop.run(&["gateway", "target"]);
    assert!(shown.contains(&format!("ssh, by {backend}")), "{shown}");
    let (exit, why) = laptop.json(&["why"]);
    assert!(exit == 0 && why.to_string().contains(&format!("by {backend}")), "{why}");
    let (exit, probe) = laptop.json(&["gateway", "probe", "--timeout", "20s"]);
    assert_eq!((exit, &probe["targets"][0]["kind"]), (0, &json!("sshTunnel")), "{probe}");
    assert_eq!(probe["targets"][0]["tunnel"]["target"], json!(sshd.target()));
    let (exit, _, stderr) = laptop.run(&["status", "--require"]);
    assert_eq!(exit, 0, "{stderr}");
    let (exit, ..) = laptop.run(&["health", "--via", "direct"]);
    assert_eq!(exit, 1, "there is no URL to go to directly");
    assert_eq!(sshd.logins() == 1, backend == "openssh", "{}", sshd.log());
}

/// CLI-5, CLI-6, CLI-7, CRED-10, PROBE-15: what failed, where, and the one command that mends it, on the far host.
#[test]
fn a_failure_says_which_end_it_is_at() {
    for backend in BACKENDS {
        failures_of(backend);
    }
}

fn failures_of(backend: &'static str) {
    let sshd = Sshd::start();
    let port = kit::free_port();
    let remote = json!({"sshTarget": sshd.target(), "remotePort": port, "token": TOKEN});
    let laptop = Laptop::by(backend, &sshd, &json!({"mode": "remote", "remote": remote}));
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

/// At a terminal the passphrase of a key is asked for, and not shown; elsewhere the command says how to load it.
#[test]
fn a_passphrase_is_asked_for_at_a_terminal_only() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let key = sshd.accept_locked_key("correct horse");
    let remote = json!({"sshTarget": sshd.target(), "remotePort": gateway.address().port(), "token": TOKEN});
    let mut laptop = Laptop::by("builtin", &sshd, &json!({"mode": "remote", "remote": remote}));
    let known = sshd.known_hosts().display().to_string();
    let config = laptop.home.path().join("ssh_config");
    let text = format!("UserKnownHostsFile {known}\nGlobalKnownHostsFile /dev/null\n");
    std::fs::write(&config, text).unwrap();
    laptop.config = Some(config);
    let args = ["--ssh-identity", key.to_str().unwrap(), "health"];
    let (exit, _, stderr) = laptop.run(&args);
    assert_eq!(exit, 4, "{stderr}");
    assert!(stderr.contains("ssh-add ") && stderr.contains("SSH_KEY_LOCKED"), "{stderr}");
    let on_a_terminal = |passphrase: &str| {
        let mut command = laptop.command();
        // The harness gives its commands no stdin; here the terminal is one.
        command.args(["--ssh-backend", "builtin"]).args(args).env("TERM", "xterm").stdin(Stdio::inherit());
        let mut terminal = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
        terminal.exp_string("Passphrase of ").unwrap();
        terminal.exp_string("locked_key").unwrap();
        terminal.send_line(passphrase).unwrap();
        terminal.exp_eof().unwrap()
    };
    let healthy = on_a_terminal("correct horse");
    assert!(!healthy.contains("horse") && !healthy.contains("SSH_"), "{healthy}");
    assert_eq!(sshd.logins(), 1, "{healthy} {}", sshd.log());
    let wrong = on_a_terminal("wrong horse");
    assert!(wrong.contains("another than the one given") && !wrong.contains("horse"), "{wrong}");
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
