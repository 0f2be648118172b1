//! Nothing is changed that nobody agreed to.

use serde_json::json;
use tempfile::TempDir;

use super::{doctor, ids};
use crate::{alone, run};

const CONFIG: &str =
    "{gateway: {mode: 'local', bind: 'localhost', auth: {token: 'a-long-token-of-thirty-characters'}}}\n";

fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".openclaw");
    base::ensure_private_dir(&folder).unwrap();
    base::write_atomic(&folder.join("openclaw.json"), CONFIG.as_bytes()).unwrap();
    home
}

fn text(home: &TempDir) -> String {
    std::fs::read_to_string(home.path().join(".openclaw/openclaw.json")).unwrap()
}

/// DOC-5: nobody to ask, or told not to, or Nix: nothing is changed, and that is said.
#[test]
fn without_somebody_to_ask_nothing_is_changed() {
    let home = home();
    for args in [&["--fix"][..], &["--repair", "--non-interactive"]] {
        let (exit, answer) = doctor(&mut alone(&home), args);
        assert_eq!((exit, ids(&answer, "failed")[0]), (1, "config.invalid"), "{answer}");
        assert!(answer["note"].as_str().unwrap().contains("--yes"), "{answer}");
        assert_eq!(text(&home), CONFIG);
    }
    let mut command = alone(&home);
    let (exit, answer) = doctor(command.env("OPENCLAW_NIX_MODE", "1"), &["--fix", "--yes", "--generate-gateway-token"]);
    assert!(exit == 1 && answer["note"].as_str().unwrap().contains("OPENCLAW_NIX_MODE"), "{answer}");
    assert_eq!(text(&home), CONFIG);
    let (exit, answer) = doctor(&mut alone(&home), &["--fix", "--yes"]);
    assert_eq!((exit, ids(&answer, "fixed")), (0, vec!["config.invalid"]), "{answer}");
    assert_eq!(text(&home), CONFIG.replace("'localhost'", "\"loopback\""));
}

/// DOC-5: on a terminal each fix is asked about.
#[test]
fn a_person_is_asked() {
    let home = home();
    for (answer, changes) in [("n", false), ("y", true)] {
        let mut command = alone(&home);
        command
            .args(["doctor", "--fix", "--only", "config"])
            .env("TERM", "xterm")
            .stdin(std::process::Stdio::inherit());
        let mut terminal = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
        terminal.exp_string("Say `loopback` instead?").unwrap();
        terminal.send_line(answer).unwrap();
        terminal.exp_eof().unwrap();
        assert_eq!(text(&home) != CONFIG, changes, "{answer}");
    }
}

/// DOC-5: `--lint` looks at the config alone and fails for less.
#[test]
fn lint_is_about_the_config_and_fails_for_anything() {
    let home = home();
    let file = home.path().join(".openclaw/openclaw.json");
    std::fs::write(&file, CONFIG.replace("bind: 'localhost'", "reload: {mode: 'hot'}, bind: 'loopback'")).unwrap();
    let (exit, answer) = doctor(&mut alone(&home), &["--lint"]);
    assert_eq!((exit, ids(&answer, "failed")), (1, vec!["config.outdated"]), "{answer}");
    assert_eq!((&answer["ok"], answer["checks"].as_array().unwrap().len()), (&json!(true), 1), "{answer}");
    assert_eq!(doctor(&mut alone(&home), &["--only", "config"]).0, 0, "no finding is critical");
    let (exit, answer) = doctor(&mut alone(&home), &["--lint", "--severity-min", "warning"]);
    assert_eq!((exit, ids(&answer, "failed")), (0, vec![]), "{answer}");
    let (exit, _, stderr) = run(&mut alone(&home), &["doctor", "--only", "confg"]);
    assert!(exit == 2 && stderr.contains("did you mean `config`?"), "{stderr}");
}
