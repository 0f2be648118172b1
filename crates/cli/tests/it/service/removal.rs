//! `reset`, `uninstall` and `gateway auth-token`.

use kit::TOKEN;
use serde_json::json;

use super::double::Host;
use crate::run;

#[test]
fn uninstall_lists_first_and_takes_only_what_was_named() {
    let host = Host::new();
    host.install();
    let workspace = host.home.path().join(".openclaw/workspace");
    std::fs::create_dir_all(&workspace).unwrap();
    let (exit, listed) = host.json(&["uninstall", "--service", "--state", "--dry-run"]);
    assert_eq!((exit, &listed["removed"]), (0, &json!(false)), "{listed}");
    assert!(!listed["paths"].to_string().contains("workspace"), "{listed}");
    assert!(host.unit("openclaw-gateway.service").exists(), "a dry run changes nothing");
    let (exit, answer) = host.json(&["uninstall", "--service", "--state"]);
    assert_eq!((exit, &answer["error"]["code"]), (2, &json!("USAGE")), "{answer}");
    let (exit, done) = host.json(&["uninstall", "--service", "--state", "--yes"]);
    assert_eq!((exit, &done["paths"]), (0, &listed["paths"]), "{done}");
    assert_eq!(host.systemd.pid("openclaw-gateway.service"), None, "stopped first");
    assert!(workspace.is_dir() && !host.home.path().join(".openclaw/openclaw.json").exists());
    assert_eq!(host.units(), "");
    assert_eq!(host.json(&["uninstall"]).0, 2);
}

#[test]
fn reset_takes_as_much_as_its_scope_says_and_never_a_home() {
    let host = Host::new();
    let state = host.home.path().join(".openclaw");
    std::fs::create_dir_all(state.join("workspace")).unwrap();
    std::fs::create_dir_all(state.join("identity")).unwrap();
    assert_eq!(host.json(&["reset", "--scope", "config", "--yes"]).0, 0);
    assert!(!state.join("openclaw.json").exists() && state.join("identity").exists());
    assert_eq!(host.json(&["reset", "--scope", "config+creds+sessions", "--yes"]).0, 0);
    assert!(!state.join("identity").exists() && state.join("workspace").exists());
    assert_eq!(host.json(&["reset", "--scope", "full", "--yes"]).0, 0);
    assert!(!state.exists());
    let mut command = host.command();
    command.env("OPENCLAW_STATE_DIR", host.home.path());
    let (exit, answer) = crate::json(&mut command, &["reset", "--scope", "full", "--yes"]);
    assert_eq!((exit, &answer["error"]["code"]), (1, &json!("REMOVE_REFUSED")), "{answer}");
    assert!(host.home.path().exists());
}

/// CLI-14
#[test]
fn the_token_is_named_by_its_place_and_shown_on_a_terminal_only() {
    let host = Host::new();
    let (exit, stdout, stderr) = run(&mut host.command(), &["gateway", "auth-token"]);
    assert!(exit == 0 && stdout.contains("gateway.auth.token") && !stdout.contains(TOKEN), "{stdout}");
    assert!(!stderr.contains(TOKEN));
    let (exit, stdout, _) = run(&mut host.command(), &["gateway", "auth-token", "--show"]);
    assert!(exit == 2 && !stdout.contains(TOKEN));
    let mut command = host.command();
    command.args(["gateway", "auth-token", "--show"]).env("TERM", "xterm");
    let mut terminal = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
    terminal.exp_string(TOKEN).unwrap();
}
