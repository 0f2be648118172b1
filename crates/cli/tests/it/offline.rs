//! What needs no Gateway: help, usage, setup, config, completion.

use serde_json::json;

use crate::{alone, binary, json, run};

const BUILT: &[&[&str]] = &[
    &["gateway"],
    &["gateway", "run"],
    &["gateway", "status"],
    &["gateway", "health"],
    &["gateway", "probe"],
    &["gateway", "call"],
    &["gateway", "target"],
    &["gateway", "agent"],
    &["health"],
    &["status"],
    &["agent"],
    &["chat"],
    &["sessions"],
    &["sessions", "export"],
    &["config", "get"],
    &["config", "set"],
    &["config", "unset"],
    &["config", "patch"],
    &["config", "restore"],
    &["config", "validate"],
    &["config", "schema"],
    &["config", "file"],
    &["devices"],
    &["devices", "approve"],
    &["devices", "rotate"],
    &["devices", "unlock"],
    &["nodes"],
    &["nodes", "approve"],
    &["nodes", "invoke"],
    &["nodes", "screen", "record"],
    &["models", "list"],
    &["models", "set"],
    &["logs"],
    &["setup"],
    &["dashboard"],
    &["system", "presence"],
    &["completion"],
    &["version"],
    &["help"],
];

/// CLI-4, CLI-8, CLI-13: help succeeds, an unknown flag is named and is a usage error, in JSON too.
#[test]
fn every_command_has_help_and_names_an_unknown_flag() {
    let home = tempfile::tempdir().unwrap();
    for command in BUILT {
        let (exit, stdout, _) = run(&mut alone(&home), &[command, &["--help"][..]].concat());
        assert_eq!(exit, 0, "{command:?}");
        assert!(stdout.contains("Usage:"), "{command:?}");
        let (exit, failed) = json(&mut alone(&home), &[command, &["--no-such-flag"][..]].concat());
        assert_eq!((exit, &failed["error"]["type"]), (2, &json!("usage_error")), "{command:?}");
        assert!(failed["error"]["message"].as_str().unwrap().contains("--no-such-flag"), "{command:?} {failed}");
    }
    assert!(!home.path().join(".openclaw").exists(), "help leaves no trace");
}

/// CLI-7, CLI-13
#[test]
fn groups_topics_and_reserved_names_end_as_the_table_says() {
    let home = tempfile::tempdir().unwrap();
    for (args, want) in [(&["config"][..], 2), (&["models"], 2), (&[], 2), (&["helth"], 2), (&["skills", "list"], 1)] {
        assert_eq!(run(&mut alone(&home), args).0, want, "{args:?}");
    }
    let (exit, stdout, _) = run(&mut alone(&home), &["help", "exit-codes"]);
    assert!(exit == 0 && stdout.contains(" 78  configuration"), "{stdout}");
    assert_eq!(run(&mut alone(&home), &["help", "health"]).1, run(&mut alone(&home), &["health", "--help"]).1);
    assert_eq!(run(&mut alone(&home), &["--version"]).1, run(&mut alone(&home), &["version"]).1);
}

#[test]
fn the_help_of_the_whole_reads_well() {
    let home = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("help", run(&mut alone(&home), &["--help"]).1);
    insta::assert_snapshot!("help-health", run(&mut alone(&home), &["health", "--help"]).1);
}

/// ENV-2: warned of once, on stderr only.
#[test]
fn a_legacy_variable_works_and_is_warned_of() {
    let home = tempfile::tempdir().unwrap();
    let mut command = alone(&home);
    command.env("CLAWDBOT_STATE_DIR", home.path().join("old"));
    let (exit, stdout, stderr) = run(&mut command, &["config", "file", "--json"]);
    assert_eq!(exit, 0);
    assert!(stdout.contains("/old/openclaw.json"), "{stdout}");
    assert_eq!(stderr.matches("CLAWDBOT_STATE_DIR (now OPENCLAW_STATE_DIR)").count(), 1, "{stderr}");
}

/// CFGC-1…6
#[test]
fn the_config_is_set_up_read_changed_and_checked() {
    let home = tempfile::tempdir().unwrap();
    let (exit, made) = json(&mut alone(&home), &["setup"]);
    assert_eq!((exit, &made["created"]), (0, &json!(true)));
    let (_, again) = json(&mut alone(&home), &["setup"]);
    assert_eq!((&again["created"], &again["changed"]), (&json!(false), &json!([])));
    let get = |path: &str| run(&mut alone(&home), &["config", "get", path]);
    assert_eq!(get("gateway.mode").1, "local\n");
    assert_eq!(get("gateway.auth.token").1, "__OPENCLAW_REDACTED__\n");
    let (exit, stdout, _) = run(&mut alone(&home), &["config", "set", "gateway.port", "4711"]);
    assert_eq!((exit, stdout.as_str()), (0, "Updated gateway.port. Restart the gateway to apply.\n"));
    assert_eq!(get("gateway.port").1, "4711\n");
    let (exit, _, stderr) = run(&mut alone(&home), &["config", "set", "gateway.bind", "0.0.0.0"]);
    assert!(exit != 0 && stderr.contains("gateway.bind"), "{stderr}");
    assert_eq!(run(&mut alone(&home), &["config", "unset", "gateway.port"]).0, 0);
    let (exit, _, stderr) = get("gateway.port");
    assert!(exit == 1 && stderr.contains("Config path not found"), "{stderr}");
    let (exit, _, stderr) = get("gateway.nosuch");
    assert!(exit == 1 && stderr.contains("Unknown config path"), "{stderr}");
    let (exit, valid) = json(&mut alone(&home), &["config", "validate"]);
    assert_eq!((exit, &valid["valid"], &valid["warnings"]), (0, &json!(true), &json!([])));
    std::fs::write(home.path().join(".openclaw/openclaw.json"), "{gateway: {bind: 'lna'}}").unwrap();
    let (exit, invalid) = json(&mut alone(&home), &["config", "validate"]);
    assert_eq!((exit, &invalid["valid"]), (1, &json!(false)));
    assert!(invalid["issues"][0]["path"].as_str().is_some_and(|path| path.contains("bind")), "{invalid}");
}

/// CFGC-5: what `validate` calls valid, the daemon starts on.
#[test]
fn validate_finds_what_the_daemon_would_refuse_to_start_on() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".openclaw/openclaw.json");
    std::fs::create_dir(home.path().join(".openclaw")).unwrap();
    for refused in [
        json!({"auth": {"mode": "token", "token": "a-long-enough-token"}, "tailscale": {"mode": "funnel"}}),
        json!({"auth": {"mode": "none"}, "bind": "lan"}),
        json!({"auth": {"mode": "token", "token": "undefined"}}),
    ] {
        let mut config = json!({"gateway": refused});
        config["gateway"]["mode"] = json!("local");
        std::fs::write(&file, config.to_string()).unwrap();
        let (exit, said) = json(&mut alone(&home), &["config", "validate"]);
        assert_eq!((exit, &said["valid"]), (1, &json!(false)), "{config}");
        let (exit, daemon) = json(&mut alone(&home), &["gateway", "run"]);
        assert_eq!(exit, 78, "{config}");
        assert_eq!(said["issues"][0]["message"], daemon["error"]["message"], "{config}");
    }
}

/// Section 10, test 8.
#[test]
fn completion_lists_every_command() {
    let home = tempfile::tempdir().unwrap();
    let (exit, script, _) = run(&mut alone(&home), &["completion", "-s", "bash"]);
    assert_eq!(exit, 0);
    for name in [
        "gateway",
        "health",
        "status",
        "agent",
        "sessions",
        "config",
        "devices",
        "nodes",
        "models",
        "logs",
        "dashboard",
    ] {
        assert!(script.contains(name), "{name}");
    }
}

#[test]
fn a_link_by_an_older_name_behaves_the_same() {
    let home = tempfile::tempdir().unwrap();
    let old = home.path().join("moltbot");
    std::os::unix::fs::symlink(binary(), &old).unwrap();
    let mut command = std::process::Command::new(&old);
    command.env_clear().env("HOME", home.path());
    let (exit, stdout, _) = run(&mut command, &["health", "--help"]);
    assert_eq!(exit, 0);
    assert!(stdout.contains("Usage: moltbot health"), "{stdout}");
}
