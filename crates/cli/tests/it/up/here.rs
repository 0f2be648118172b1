//! On this machine.

use std::process::Stdio;

use kit::Systemd;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::states;
use crate::{alone, binary, json};

/// The service of the default profile.
pub(super) const UNIT: &str = "openclaw-gateway.service";

/// A home whose Gateway is taken down when the test ends, however it ends.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        json(&mut alone(&self.0), args)
    }

    fn state(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(".openclaw").join(name)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ended = alone(&self.0).args(["gateway", "stop", "--force"]).output();
    }
}

/// CLI-11, SVC-1: from nothing to a Gateway that answers; again changes nothing; down takes all of it away.
#[test]
fn one_command_brings_a_gateway_up_and_one_takes_it_down() {
    let (home, port) = (Home::new(), kit::free_port().to_string());
    let up = ["up", "--no-service", "--gateway-port", &port];
    let (exit, planned) = home.json(&[&up[..], &["--dry-run"]].concat());
    assert_eq!((exit, states(&planned)), (0, vec!["would"; 3]), "{planned}");
    assert!(!home.state("openclaw.json").exists(), "a dry run changes nothing");
    let (exit, refused) = home.json(&up);
    assert_eq!((exit, &refused["error"]["type"]), (2, &json!("usage_error")), "without a terminal it wants --yes");

    let (exit, made) = home.json(&[&up[..], &["--yes"]].concat());
    assert_eq!((exit, states(&made)), (0, vec!["done"; 3]), "{made}");
    assert_eq!(made["gateway"]["port"].to_string(), port);
    assert!(made["link"].as_str().unwrap().contains("#bootstrapToken="), "{made}");
    assert!(made["warnings"][0].as_str().unwrap().contains("after a reboot"), "{made}");
    let config = std::fs::read_to_string(home.state("openclaw.json")).unwrap();
    let (_, again) = home.json(&["up", "--no-service", "--no-link"]);
    assert_eq!(states(&again), ["already", "already", "done"], "{again}");
    assert_eq!(again["gateway"]["pid"], made["gateway"]["pid"]);
    assert_eq!(std::fs::read_to_string(home.state("openclaw.json")).unwrap(), config);
    assert_eq!(home.json(&["health"]).0, 0);

    let (exit, down) = home.json(&["down", "--yes", "--state"]);
    assert_eq!((exit, &down["removed"]), (0, &json!(true)), "{down}");
    assert!(!home.state("openclaw.json").exists() && home.state("workspace").exists());
    assert_eq!(home.json(&["health"]).0, 3);
}

/// A step that fails says which it was, and what was done stays.
#[test]
fn a_failed_step_is_named_and_the_next_run_goes_on() {
    let (home, port) = (Home::new(), kit::free_port());
    std::fs::create_dir(home.state("")).unwrap();
    std::fs::write(home.state("logs"), "where a folder has to be").unwrap();
    let up = ["up", "--no-service", "--no-link", "--yes", "--gateway-port", &port.to_string()];
    let (exit, failed) = home.json(&up);
    assert_eq!((exit, states(&failed)), (1, vec!["done", "failed"]), "{failed}");
    assert!(failed["error"]["message"].as_str().unwrap().starts_with("step `gateway`: "), "{failed}");
    std::fs::remove_file(home.state("logs")).unwrap();
    let (exit, made) = home.json(&up);
    assert_eq!((exit, states(&made)), (0, vec!["already", "done", "done"]), "{made}");
    // Another port is another Gateway.
    let other = kit::free_port().to_string();
    let (_, moved) = home.json(&["up", "--no-service", "--no-link", "--yes", "--gateway-port", &other]);
    assert_eq!((states(&moved), moved["gateway"]["port"].to_string()), (vec!["done"; 3], other), "{moved}");
}

/// A client's profile is not made into a Gateway's by accident.
#[test]
fn the_profile_of_a_client_is_left_alone() {
    let home = Home::new();
    std::fs::create_dir(home.state("")).unwrap();
    let text = json!({"gateway": {"mode": "remote", "remote": {"sshTarget": "me@far"}}}).to_string();
    std::fs::write(home.state("openclaw.json"), &text).unwrap();
    let (exit, refused) = home.json(&["up", "--yes"]);
    assert_eq!((exit, &refused["error"]["code"]), (1, &json!("UP_IS_A_CLIENT")), "{refused}");
    assert_eq!(std::fs::read_to_string(home.state("openclaw.json")).unwrap(), text);
}

/// CLI-11: on a terminal it asks once, before the first change.
#[test]
fn at_a_terminal_it_asks_before_it_changes_anything() {
    let home = Home::new();
    let mut command = alone(&home.0);
    command.args(["up", "--no-service"]).env("TERM", "xterm").stdin(Stdio::inherit());
    let mut terminal = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    terminal.exp_string("This will be done:").unwrap();
    terminal.exp_string("Go on?").unwrap();
    terminal.send_line("n").unwrap();
    let rest = terminal.exp_eof().unwrap();
    assert!(rest.contains("nothing was changed") && rest.contains("NOT_CONFIRMED"), "{rest}");
    assert!(!home.state("openclaw.json").exists());
}

/// SVC-1, SVC-2: where services are kept the Gateway is one that outlives the login; it is started when it was stopped, and
/// taken away by `down`.
#[test]
fn where_services_are_kept_it_becomes_one() {
    let home = tempfile::tempdir().unwrap();
    let (systemd, port) = (Systemd::start(home.path()), kit::free_port().to_string());
    let ask = |words: &[&str]| {
        let mut command = alone(&home);
        json(command.env("OPENCLAW_SYSTEMCTL", systemd.systemctl()).env("USER", "ann"), words)
    };
    let up = ["up", "--yes", "--no-link", "--gateway-port", &port];
    let (exit, made) = ask(&up);
    assert_eq!((exit, states(&made), &made["warnings"]), (0, vec!["done"; 3], &json!([])), "{made}");
    assert_eq!(json!(systemd.pid(UNIT)), made["gateway"]["pid"]);
    assert!(systemd.lingers());
    let (_, again) = ask(&up);
    assert_eq!((states(&again), systemd.starts(UNIT)), (vec!["already", "already", "done"], 1), "{again}");
    assert_eq!(ask(&["gateway", "stop", "--force"]).0, 0);
    let (exit, back) = ask(&up);
    assert_eq!((exit, states(&back)), (0, vec!["already", "done", "done"]), "{back}");
    assert_eq!(ask(&["down", "--yes"]).0, 0);
    let units = std::fs::read_dir(home.path().join(".config/systemd/user")).map_or(0, Iterator::count);
    assert_eq!((units, systemd.pid(UNIT)), (0, None));
}

/// After an update the Gateway that runs is the new one.
#[test]
fn a_program_that_was_replaced_is_started_anew() {
    let home = Home::new();
    let (program, port) = (home.0.path().join("openclaw"), kit::free_port().to_string());
    let up = || {
        let mut command = std::process::Command::new(&program);
        command.env_clear().env("HOME", home.0.path()).stdin(Stdio::null()).current_dir(home.0.path());
        json(&mut command, &["up", "--yes", "--no-service", "--no-link", "--gateway-port", &port])
    };
    std::fs::copy(binary(), &program).unwrap();
    let (exit, made) = up();
    assert_eq!((exit, states(&made)), (0, vec!["done"; 3]), "{made}");
    assert_eq!(states(&up().1), ["already", "already", "done"]);
    let newer = home.0.path().join("newer");
    std::fs::copy(binary(), &newer).unwrap();
    std::fs::rename(newer, &program).unwrap();
    let (exit, anew) = up();
    assert_eq!((exit, states(&anew)), (0, vec!["already", "done", "done"]), "{anew}");
    assert_ne!(anew["gateway"]["pid"], made["gateway"]["pid"]);
}
