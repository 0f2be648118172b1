//! Changes of the config by the command line: all or nothing, live where a Gateway runs, and undone when asked.

use kit::TestGateway;
use serde_json::json;

use crate::{alone, binary, json as as_json, run};

/// A home with this config.
fn home(config: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".openclaw/openclaw.json");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, config).unwrap();
    (home, file)
}

/// CFGC-2
#[test]
fn a_batch_is_made_whole_or_not_at_all() {
    let (home, file) = home("{gateway: {mode: 'local'}, // mine\n}");
    let before = std::fs::read_to_string(&file).unwrap();
    let batch =
        |text: &str| run(alone(&home).env("T", "a-secret-long-enough"), &["config", "set", "--batch-json", text]);
    let (exit, _, stderr) = batch("[{path: 'gateway.port', value: 4711}, {path: 'gateway.bind', value: 'nowhere'}]");
    assert!(exit != 0 && stderr.contains("gateway.bind"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    for bad in ["[]", "{}", "[{path: 'gateway.port'}]", "[{path: 'gateway.port', value: 1, unset: true}]"] {
        assert_eq!(batch(bad).0, 2, "{bad}");
    }
    let good = "[{path: 'gateway.port', value: 4711}, {path: 'gateway.auth.token', ref: {source: 'env', id: 'T'}}]";
    assert_eq!(batch(good).0, 0);
    let list = home.path().join("batch.json");
    std::fs::write(&list, "[{path: 'gateway.port', unset: true}, {path: 'session.mainKey', value: 'home'}]").unwrap();
    let (exit, _, stderr) =
        run(alone(&home).env("T", "a-secret-long-enough"), &["config", "set", "--batch-file", list.to_str().unwrap()]);
    assert_eq!(exit, 0, "{stderr}");
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.contains("// mine") && after.contains("\"home\"") && !after.contains("4711"), "{after}");
}

/// CFGC-2: what is expected is checked; a secret is named and not written; a program is named only when allowed.
#[test]
fn a_value_may_be_expected_and_a_secret_referred_to() {
    let (home, file) = home("{gateway: {mode: 'local', port: 1}}");
    let set =
        |args: &[&str]| run(alone(&home).env("MY_TOKEN", "a-secret-long-enough"), &[&["config", "set"], args].concat());
    assert_eq!(set(&["gateway.port", "2", "--expect-current-value", "3"]).0, 1);
    assert_eq!(set(&["gateway.port", "2", "--expect-current-absent"]).0, 1);
    assert_eq!(set(&["gateway.port", "2", "--expect-current-value", "1"]).0, 0);
    assert_eq!(set(&["gateway.bind", "loopback", "--expect-current-absent"]).0, 0);
    let reference = ["gateway.auth.token", "--ref-source", "env", "--ref-id", "MY_TOKEN"];
    let (exit, _, stderr) = set(&[&reference[..], &["--ref-provider", "default"]].concat());
    assert_eq!(exit, 0, "{stderr}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("MY_TOKEN") && text.contains("\"env\""), "{text}");
    let (exit, _, stderr) = set(&["gateway.auth.token", "--ref-source", "exec", "--ref-id", "pass"]);
    assert!(exit == 2 && stderr.contains("--allow-exec"), "{stderr}");
    assert_eq!(set(&["gateway.auth.token", "--ref-source", "env"]).0, 2, "which one?");
}

/// CFGC-2
#[test]
fn a_patch_merges_except_where_it_is_to_replace() {
    let (home, file) = home("{tools: {exec: {ask: 'off', timeoutSec: 5}}, gateway: {mode: 'local'}}");
    let patch = home.path().join("patch.json");
    std::fs::write(&patch, "{tools: {exec: {ask: 'always'}}}").unwrap();
    let args = ["config", "patch", "--file", patch.to_str().unwrap()];
    assert_eq!(run(&mut alone(&home), &args).0, 0);
    assert!(std::fs::read_to_string(&file).unwrap().contains("timeoutSec"));
    assert_eq!(run(&mut alone(&home), &[&args[..], &["--replace-path", "tools.exec"]].concat()).0, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("timeoutSec") && text.contains("always"), "{text}");
}

/// CFG-7, CFG-9: only a person restores a backup, and can take that back.
#[test]
fn an_earlier_version_comes_back_when_asked() {
    let (home, file) = home("{gateway: {mode: 'local', port: 1}}");
    let first = std::fs::read_to_string(&file).unwrap();
    assert_eq!(run(&mut alone(&home), &["config", "restore"]).0, 1, "there is none yet");
    assert_eq!(run(&mut alone(&home), &["config", "set", "gateway.port", "2"]).0, 0);
    let second = std::fs::read_to_string(&file).unwrap();
    let (_, list) = as_json(&mut alone(&home), &["config", "restore", "--list"]);
    assert_eq!(list["backups"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(run(&mut alone(&home), &["config", "restore", "1", "--dry-run"]).0, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), second);
    assert_eq!(run(&mut alone(&home), &["config", "restore"]).0, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    assert_eq!(run(&mut alone(&home), &["config", "restore", "1"]).0, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), second);
}

/// CFG-10, CFGC-5: from stdin or another file, and what a Gateway would do with it.
#[test]
fn validate_says_what_a_gateway_would_do() {
    let (home, _) = home("{gateway: {mode: 'local'}}");
    let other = home.path().join("other.json");
    std::fs::write(&other, "{gateway: {mode: 'local', bind: 'lan', port: 4000, auth: {mode: 'none'}}}").unwrap();
    let (exit, said) = as_json(&mut alone(&home), &["config", "validate", other.to_str().unwrap(), "--effective"]);
    assert_eq!((exit, &said["valid"]), (1, &json!(false)));
    let effective = &said["effective"];
    assert_eq!((&effective["bind"], &effective["listens"]), (&json!("lan"), &json!(["0.0.0.0:4000"])));
    assert_eq!(effective["auth"]["mode"], "none");
    assert_eq!(effective["reachableFrom"], json!(["this machine", "the local network"]));
    assert_eq!(effective["refusals"][0]["message"], said["issues"][0]["message"], "{said}");
    let (exit, text, _) =
        run(alone(&home).env("OPENCLAW_GATEWAY_TOKEN", "from-the-environment"), &["config", "validate", "--effective"]);
    assert!(exit == 0 && text.contains("token (mode from default, secret from env)"), "{text}");
    assert!(!text.contains("from-the-environment"), "{text}");
    let mut piped = alone(&home);
    piped.stdin(std::fs::File::open(&other).unwrap());
    assert_eq!(run(&mut piped, &["config", "validate", "-"]).0, 1);
    std::fs::write(&other, "{gateway: {port: 1}}").unwrap();
    let (exit, said) = as_json(&mut alone(&home), &["config", "validate", other.to_str().unwrap()]);
    assert!(exit == 1 && said["issues"][0]["path"] == "gateway.mode", "the daemon would not start: {said}");
}

/// CFGC-3: the running Gateway says whether it took the change over.
#[test]
fn the_running_gateway_takes_a_change_over_and_says_so() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let set = |args: &[&str]| as_json(&mut gateway.command(), &[&["config", "set"], args].concat());
    let (exit, live) = set(&["session.mainKey", "home"]);
    assert_eq!((exit, &live["restart"], &live["restartSource"]), (0, &json!("live"), &json!("gateway")), "{live}");
    let (_, seen) = as_json(&mut gateway.command(), &["gateway", "call", "config.get"]);
    assert_eq!(seen["hash"], live["hash"]);
    let (_, later) = set(&["gateway.tailscale.mode", "off"]);
    assert_eq!(later["restartSource"], "gateway", "{later}");
    let (_, stdout, _) = run(&mut gateway.command(), &["config", "set", "gateway.port", "4711"]);
    assert_eq!(stdout, "Updated gateway.port. Restart the gateway to apply.\n");
    let text = std::fs::read_to_string(gateway.folder().join("openclaw.json")).unwrap();
    assert!(text.contains("4711") && text.contains(kit::TOKEN), "no secret was lost on the way: {text}");
}
