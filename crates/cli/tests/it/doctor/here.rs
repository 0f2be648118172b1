//! A Gateway on this machine: its state, its port, its token, and the Gateway itself.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use kit::{Signal, TOKEN, TestGateway};
use serde_json::json;

use super::{check, close, doctor, ids};
use crate::{alone, binary, run};

/// DOC-5: all is well, with the secret nowhere.
#[test]
fn a_gateway_that_runs_is_well() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    close(gateway.folder());
    let (exit, answer) = doctor(&mut gateway.command(), &["--deep"]);
    assert_eq!((exit, &answer["ok"]), (0, &json!(true)), "{answer}");
    for family in ["config", "state", "port", "gateway"] {
        assert_eq!(check(&answer, family)["state"], "ok", "{answer}");
    }
    assert_eq!(check(&answer, "remote")["state"], "skipped");
    let (exit, stdout, stderr) = run(&mut gateway.command(), &["doctor", "--all", "--skip", "service"]);
    assert!(exit == 0 && stdout.contains("\nAll is well.\n"), "{stdout} {stderr}");
    assert!(stdout.lines().all(|line| line.chars().count() <= 80), "{stdout}");
    assert!(!stdout.contains(TOKEN) && !answer.to_string().contains(TOKEN));
}

/// DOC-5, LOCK-2: after `kill -9` a lock names who is gone; clearing it harms nobody.
#[test]
fn a_killed_gateway_leaves_a_lock_that_is_cleared() {
    let mut gateway = TestGateway::start(&binary(), &json!({}));
    let (_, answer) = doctor(&mut gateway.command(), &["--fix", "--yes", "--only", "state.lock_left_behind"]);
    assert_eq!(ids(&answer, "failed"), [""; 0], "held, so not left behind: {answer}");
    gateway.end(Signal::KILL);
    let (exit, answer) = doctor(&mut gateway.command(), &[]);
    assert_eq!((exit, check(&answer, "state.lock_left_behind")["severity"].as_str()), (0, Some("info")), "{answer}");
    assert_eq!(check(&answer, "gateway.not_running")["remediation"], "openclaw gateway run", "{answer}");
    let (_, answer) = doctor(&mut gateway.command(), &["--fix", "--yes"]);
    assert!(ids(&answer, "fixed").contains(&"state.lock_left_behind"), "{answer}");
    let (_, answer) = doctor(&mut gateway.command(), &["--only", "state"]);
    assert_eq!(ids(&answer, "failed"), [""; 0], "{answer}");
}

/// DOC-5: others can read the config; the database is none of ours, or damaged.
#[test]
fn the_state_is_closed_to_others_and_its_database_is_looked_at() {
    let mut gateway = TestGateway::start(&binary(), &json!({}));
    gateway.end(Signal::TERM);
    let (config, database) = (gateway.folder().join("openclaw.json"), gateway.folder().join("state/openclaw.db"));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (exit, answer) = doctor(&mut gateway.command(), &["--only", "state"]);
    assert!(exit == 1 && ids(&answer, "failed").contains(&"fs.config.perms_world_readable"), "{answer}");
    let (exit, answer) = doctor(&mut gateway.command(), &["--only", "state", "--fix", "--yes"]);
    assert_eq!((exit, mode(&config), ids(&answer, "failed")), (0, 0o600, vec![]), "{answer}");

    let names =
        || -> Vec<_> { std::fs::read_dir(database.parent().unwrap()).unwrap().flatten().map(|e| e.path()).collect() };
    let before = names();
    let (exit, _) = doctor(&mut gateway.command(), &["--only", "state", "--deep"]);
    assert_eq!((exit, names()), (0, before), "looking leaves nothing behind");
    std::fs::write(&database, "this is no database, however long it is ".repeat(100)).unwrap();
    let (exit, answer) = doctor(&mut gateway.command(), &["--only", "state"]);
    let found = ids(&answer, "failed");
    assert!(exit == 1 && found.iter().any(|id| id.starts_with("state.store_")), "{answer}");
}

/// DOC-5, BIND-7: who has the port is named, and is no Gateway of ours.
#[test]
fn somebody_else_has_the_port() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let taken = TcpListener::bind(gateway.address()).unwrap();
    let (exit, answer) = doctor(&mut gateway.command(), &["--only", "port"]);
    let detail = check(&answer, "port.taken")["detail"].as_str().unwrap();
    assert!(exit == 1 && detail.contains(&format!("pid {}", std::process::id())), "{answer}");
    drop(taken);
    let (exit, answer) = doctor(&mut gateway.command(), &["--only", "port"]);
    assert_eq!((exit, check(&answer, "port")["state"].as_str()), (0, Some("ok")), "{answer}");
}

/// DOC-5, AUTH-4: a token is made once, only when there is none, and never told.
#[test]
fn a_missing_token_is_made_when_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join(".openclaw/openclaw.json");
    std::fs::create_dir(config.parent().unwrap()).unwrap();
    std::fs::write(&config, "{gateway: {mode: 'local', bind: 'loopback'}} // mine\n").unwrap();
    let (exit, answer) = doctor(&mut alone(&home), &["--only", "gateway"]);
    assert!(exit == 0 && ids(&answer, "failed").contains(&"gateway.token_missing"), "{answer}");
    let (exit, stdout, stderr) = run(&mut alone(&home), &["doctor", "--generate-gateway-token"]);
    assert_eq!(exit, 0, "{stdout}{stderr}");
    let text = std::fs::read_to_string(&config).unwrap();
    let token = text.split('"').find(|word| word.len() == 48).unwrap_or_else(|| panic!("{text}"));
    assert!(text.contains("// mine") && !stdout.contains(token) && !stderr.contains(token), "{text}");
    let (_, answer) = doctor(&mut alone(&home), &["--generate-gateway-token"]);
    assert_eq!((ids(&answer, "fixed"), std::fs::read_to_string(&config).unwrap()), (vec![], text), "{answer}");
}

/// DOC-5: a Gateway that runs on another port than commands look at, and one that does not know our secret.
#[test]
fn a_config_that_has_moved_on_without_its_gateway() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let mut command = gateway.command();
    command.env("OPENCLAW_GATEWAY_PORT", kit::free_port().to_string());
    let (_, answer) = doctor(&mut command, &["--only", "port"]);
    assert_eq!(ids(&answer, "failed"), ["port.differs"], "{answer}");
}

/// DOC-5, TS-5, TS-10: a route that is not up is said with its reason, and the Gateway is there all the same.
#[test]
fn a_gateway_that_is_not_on_its_tailnet_says_why() {
    let tailnet = kit::Tailnet::start();
    tailnet.status("/BackendState", json!("NeedsLogin"));
    let gateway = TestGateway::prepare(&binary(), &json!({})).with_env("PATH", &tailnet.path());
    let mut gateway = gateway.with_config("/gateway/tailscale", json!({"mode": "serve"}));
    gateway.boot();
    let began = std::time::Instant::now();
    let answer = loop {
        let (exit, answer) = doctor(&mut gateway.command(), &["--only", "gateway"]);
        assert_eq!(exit, 0, "{answer}");
        if !ids(&answer, "failed").is_empty() {
            break answer;
        }
        assert!(began.elapsed().as_secs() < 60, "{answer}");
    };
    let found = check(&answer, "gateway.not_on_tailnet");
    assert!(found["detail"].as_str().unwrap().starts_with("serve · not up: "), "{found}");
    assert!(found["remediation"].as_str().unwrap().contains("tailscale"), "{found}");
}

#[test]
fn a_new_home_is_told_to_set_up() {
    let home = tempfile::tempdir().unwrap();
    let (exit, stdout, _) = run(&mut alone(&home), &["doctor"]);
    assert!(exit == 0 && stdout.contains("openclaw setup") && stdout.contains("not set up yet"), "{stdout}");
    assert!(std::fs::read_dir(home.path()).unwrap().next().is_none(), "nothing was made");
}
