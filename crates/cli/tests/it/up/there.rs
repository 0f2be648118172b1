//! On another host: a real `sshd` whose logins have a home of their own.

use std::path::{Path, PathBuf};

use kit::{Sshd, Systemd};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::here::UNIT;
use super::states;
use crate::ssh::Laptop;
use crate::{alone, binary, json as run_json, run};

/// The far host; its Gateway is taken down when the test ends, however it ends.
struct Host {
    home: TempDir,
    sshd: Sshd,
    port: String,
}

impl Host {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let sshd = Sshd::with(&[&format!("SetEnv HOME={}", home.path().display())]);
        Self { home, sshd, port: kit::free_port().to_string() }
    }

    /// `up` or `down` to this host, with its SSH port beside it.
    fn words<'a>(&'a self, login: &'a str, command: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
        let mut words = vec![command, login, "--no-service", "--gateway-port", self.port.as_str()];
        if command == "down" {
            words.truncate(2);
        }
        words.extend(rest);
        words
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A second state folder.
    fn second(&self) -> PathBuf {
        self.path("second one")
    }

    fn secret(&self) -> String {
        let text = std::fs::read_to_string(self.path(".openclaw/openclaw.json")).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        config["gateway"]["auth"]["token"].as_str().unwrap().to_owned()
    }

    /// A program that is quick to copy: it leads to the one under test.
    fn small_program(&self) -> String {
        let file = self.path("small");
        std::fs::write(&file, format!("#!/bin/sh\nexec '{}' \"$@\"\n", binary().display())).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        file.display().to_string()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for state in [self.path(".openclaw"), self.second()] {
            let mut command = alone(&self.home);
            let _ended = command.env("OPENCLAW_STATE_DIR", state).args(["gateway", "stop", "--force"]).output();
        }
    }
}

/// A machine without any config.
fn laptop(host: &Host) -> Laptop<'_> {
    let laptop = Laptop::new(&host.sshd, &json!({}));
    std::fs::remove_file(laptop.home.path().join(".openclaw/openclaw.json")).unwrap();
    laptop
}

fn holds(folder: &Path, secret: &str) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => holds(&entry.path(), secret),
        kind if kind.is_file() => String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).contains(secret),
        _ => false,
    })
}

/// SSH-17, CLI-4, PAIR-18: from a login to a Gateway over there that this machine reaches by its profile, with this very
/// binary; again, nothing is copied or changed; the host's secret stays there; and down takes all of it away.
#[test]
fn one_command_brings_a_gateway_up_on_a_host_and_this_machine_to_it() {
    let host = Host::new();
    let laptop = laptop(&host);
    let (user, port) = (host.sshd.user(), host.sshd.address().port().to_string());
    let login = format!("{user}@127.0.0.1");
    let up = host.words(&login, "up", &["-p", &port]);
    let (exit, planned) = laptop.json(&[&up[..], &["--dry-run"]].concat());
    assert_eq!(
        (exit, states(&planned)),
        (0, vec!["already", "would", "would", "would", "would", "would"]),
        "{planned}"
    );
    assert_eq!(std::fs::read_dir(host.home.path()).unwrap().count(), 0, "a dry run changes nothing there");
    assert!(!laptop.home.path().join(".openclaw/openclaw.json").exists(), "nor here");
    let (exit, refused) = laptop.json(&up);
    assert_eq!((exit, &refused["error"]["code"]), (2, &json!("USAGE")), "{refused}");

    let (exit, made) = laptop.json(&[&up[..], &["--yes"]].concat());
    assert_eq!(exit, 0, "{made}");
    assert_eq!(states(&made), ["already", "done", "done", "done", "done", "done"]);
    assert_eq!((&made["health"]["ok"], made["gateway"]["port"].to_string()), (&json!(true), host.port.clone()));
    assert!(made["warnings"][0].as_str().unwrap().contains("will not come back after a reboot"), "{made}");
    let program = host.path(".local/bin/openclaw");
    let copied = std::fs::metadata(&program).unwrap();
    assert_eq!(copied.len(), std::fs::metadata(binary()).unwrap().len());
    for command in [&["health"][..], &["devices", "list"], &["status", "--require"]] {
        let (exit, _, stderr) = laptop.run(command);
        assert_eq!((exit, stderr.as_str()), (0, ""), "{command:?}");
    }
    let config = std::fs::read_to_string(laptop.home.path().join(".openclaw/openclaw.json")).unwrap();
    let remote: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(remote["gateway"]["mode"], "remote");
    assert_eq!(remote["gateway"]["remote"]["sshTarget"], host.sshd.target());

    let (exit, again) = laptop.json(&up);
    assert_eq!(
        (exit, states(&again)),
        (0, vec!["already", "already", "already", "already", "already", "done"]),
        "{again}"
    );
    let still = std::fs::metadata(&program).unwrap();
    assert_eq!(still.modified().unwrap(), copied.modified().unwrap(), "nothing is copied twice");
    // One, and another where a slow machine made the shared connection look dead while the program was copied.
    assert!(host.sshd.logins() <= 2, "{}", host.sshd.log());
    let secret = host.secret();
    assert!(!holds(laptop.home.path(), &secret) && !made.to_string().contains(&secret), "the secret left its host");

    let (exit, down) = laptop.json(&["down", &login, "-p", &port, "--state", "--yes"]);
    assert_eq!((exit, states(&down)), (0, vec!["already", "done", "done"]), "{down}");
    assert!(!host.path(".openclaw/openclaw.json").exists() && program.exists());
    let (exit, _) = laptop.json(&["health"]);
    assert_ne!(exit, 0);
}

/// SSH-17: a step that fails says which it was and leaves what worked; the same command goes on from there.
#[test]
fn a_failure_in_the_middle_is_named_and_the_next_run_goes_on() {
    let host = Host::new();
    let laptop = laptop(&host);
    let (login, small) = (host.sshd.target(), host.small_program());
    let up = |rest: &[&str]| laptop.json(&host.words(&login, "up", &[&["--yes", "--binary", &small], rest].concat()));
    let failed = |outcome: (i32, Value), step: &str, code: &str| {
        let (exit, value) = outcome;
        assert_eq!((exit, &value["error"]["code"]), (1, &json!(code)), "{value}");
        assert!(value["error"]["message"].as_str().unwrap().starts_with(&format!("step `{step}`: ")), "{value}");
        assert_eq!(states(&value).last(), Some(&"failed"));
    };
    failed(up(&["--remote-path", "/dev/null/openclaw"]), "program", "UP_COPY_FAILED");
    let broken = host.path("broken");
    std::fs::write(&broken, "#!/bin/sh\necho no such loader >&2; exit 3\n").unwrap();
    let broken = broken.display().to_string();
    failed(
        laptop.json(&host.words(&login, "up", &["--yes", "--binary", &broken])),
        "program",
        "UP_BINARY_DOES_NOT_RUN",
    );
    assert!(!host.path(".local/bin/openclaw").exists(), "a program that does not run is not put there");
    // A file where the Gateway's logs have to be.
    std::fs::create_dir(host.path(".openclaw")).unwrap();
    std::fs::write(host.path(".openclaw/logs"), "").unwrap();
    failed(up(&[]), "gateway", "UP_FAILED_THERE");
    assert!(!laptop.home.path().join(".openclaw/openclaw.json").exists(), "nothing that does not work is kept here");
    std::fs::remove_file(host.path(".openclaw/logs")).unwrap();
    let (exit, made) = up(&[]);
    assert_eq!((exit, states(&made)), (0, vec!["already", "already", "done", "done", "done", "done"]), "{made}");
    assert_eq!(laptop.run(&["health"]).0, 0);

    // A device that was taken out there is let in again.
    let (_, devices) = laptop.json(&["devices", "list"]);
    let device = devices["paired"][0]["deviceId"].as_str().unwrap();
    assert_eq!(run(&mut alone(&host.home), &["devices", "remove", device]).0, 0);
    let (exit, made) = up(&[]);
    assert_eq!((exit, states(&made)), (0, vec!["already", "already", "already", "done", "already", "done"]), "{made}");
    let (exit, down) = laptop.json(&["down", &login, "--yes"]);
    assert_eq!((exit, states(&down)), (0, vec!["already", "done", "already"]), "{down}");
    assert!(host.path(".openclaw/openclaw.json").exists(), "the state stays");
}

/// TLS-11: a Gateway that speaks TLS is pinned by what its own host says of it. A folder and a profile over there, and a
/// profile here, keep everything apart.
#[test]
fn a_second_gateway_with_tls_has_a_folder_there_and_a_profile_here() {
    let host = Host::new();
    let laptop = laptop(&host);
    let local = json!({"gateway": {"mode": "local"}}).to_string();
    std::fs::write(laptop.home.path().join(".openclaw/openclaw.json"), &local).unwrap();
    let (login, small, state) = (host.sshd.target(), host.small_program(), host.second());
    let state = state.display().to_string();
    let up = host.words(&login, "up", &["--yes", "--binary", &small, "--remote-state", &state]);
    let (exit, refused) = laptop.json(&up);
    assert_eq!((exit, &refused["error"]["code"]), (1, &json!("UP_IS_A_GATEWAY")), "{refused}");
    std::fs::create_dir(&state).unwrap();
    let config = json!({"gateway": {"mode": "local", "tls": {"enabled": true}}}).to_string();
    std::fs::write(Path::new(&state).join("openclaw.json"), config).unwrap();
    let (exit, made) = laptop.json(&[&["--profile", "far"], &up[..]].concat());
    assert_eq!((exit, &made["health"]["ok"]), (0, &json!(true)), "{made}");
    let (_, shown) = run_json(alone(&host.home).env("OPENCLAW_STATE_DIR", &state), &["gateway", "tls", "show"]);
    let remote = std::fs::read_to_string(laptop.home.path().join(".openclaw-far/openclaw.json")).unwrap();
    let remote: Value = serde_json::from_str(&remote).unwrap();
    assert_eq!(remote["gateway"]["remote"]["tlsFingerprint"], shown["fingerprint"]);
    assert_eq!(std::fs::read_to_string(laptop.home.path().join(".openclaw/openclaw.json")).unwrap(), local);
    let down = ["--profile", "far", "down", &login, "--remote-state", &state, "--state", "--yes"];
    let (exit, down) = laptop.json(&down);
    assert_eq!(exit, 0, "{down}");
    assert!(!Path::new(&state).join("openclaw.json").exists());
}

/// SVC-1, SSH-17: where the far host keeps services, the Gateway is one there, and `down` takes it away.
#[test]
fn where_the_far_host_keeps_services_it_becomes_one() {
    let mut host = Host::new();
    let systemd = Systemd::start(host.home.path());
    let env =
        format!("SetEnv HOME={} OPENCLAW_SYSTEMCTL={}", host.home.path().display(), systemd.systemctl().display());
    host.sshd = Sshd::with(&[&env]);
    let laptop = laptop(&host);
    let (login, small) = (host.sshd.target(), host.small_program());
    let (exit, made) = laptop.json(&["up", &login, "--yes", "--binary", &small, "--gateway-port", &host.port]);
    assert_eq!((exit, &made["health"]["ok"], &made["warnings"]), (0, &json!(true), &json!([])), "{made}");
    assert!(systemd.pid(UNIT).is_some() && systemd.lingers());
    let unit = std::fs::read_to_string(host.path(".config/systemd/user").join(UNIT)).unwrap();
    assert!(!unit.contains(&host.secret()), "no secret is in a unit");
    let (exit, down) = laptop.json(&["down", &login, "--yes"]);
    assert_eq!((exit, systemd.pid(UNIT)), (0, None), "{down}");
}
