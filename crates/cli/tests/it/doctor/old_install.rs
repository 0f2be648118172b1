//! An install by an earlier version: its folder, its config's name, its keys.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::{doctor, ids};
use crate::{alone, run};

const CONFIG: &str = r#"// by hand
{
  gateway: {
    mode: "local", // here
    bind: "127.0.0.1",
    token: "a-token-of-an-earlier-version-01", // the old place
    nodes: { allowCommands: ["canvas.show"] },
    controlUi: { allowInsecureAuth: true },
  },
  telegram: { enabled: false },
  messages: { queue: { mode: "steer+backlog" } },
}
"#;

/// A home as an earlier version left it.
fn old_home() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".clawdbot");
    std::fs::create_dir_all(folder.join("agents/main")).unwrap();
    std::fs::write(folder.join("clawdbot.json"), CONFIG).unwrap();
    std::fs::write(folder.join("clawdbot.json.bak"), "{}").unwrap();
    std::fs::write(folder.join("agents/main/note.txt"), "mine").unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    home
}

/// Every file below, with what is in it; links are not followed.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let name = entry.file_name().into_string().unwrap();
        if kind.is_dir() {
            files.extend(tree(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
        } else if kind.is_file() {
            files.insert(name, std::fs::read_to_string(path).unwrap());
        }
    }
    files
}

/// DOC-5, ENV-6: without --fix nothing is touched.
#[test]
fn looking_changes_nothing() {
    let home = old_home();
    let before = tree(home.path());
    let (exit, answer) = doctor(&mut alone(&home), &[]);
    assert_eq!(exit, 1, "{answer}");
    for id in ["config.outdated", "config.invalid", "state.legacy_folder", "state.legacy_config_name"] {
        assert!(ids(&answer, "failed").contains(&id), "{id}: {answer}");
    }
    assert!(!answer.to_string().contains("a-token-of-an-earlier"), "{answer}");
    assert_eq!(tree(home.path()), before);
}

/// DOC-5, ENV-6, CFG-2, CFG-7: everything has its name of today, comments stay, and nothing is lost.
#[test]
fn an_old_install_is_brought_up_to_date() {
    let home = old_home();
    let (exit, answer) = doctor(&mut alone(&home), &["--fix", "--yes"]);
    assert_eq!((exit, &answer["ok"]), (0, &json!(true)), "{answer}");
    assert!(ids(&answer, "fixed").contains(&"state.legacy_folder"), "{answer}");
    assert!(!ids(&answer, "failed").iter().any(|id| id.starts_with("config.") || id.starts_with("state.")), "{answer}");
    let files = tree(home.path());
    let config = &files[".openclaw/openclaw.json"];
    for kept in ["// by hand", "// here", "mode: \"local\""] {
        assert!(config.contains(kept), "{kept}: {config}");
    }
    let loaded: serde_json::Value = json5::from_str(config).unwrap();
    let gateway = &loaded["gateway"];
    let token = &gateway["auth"]["token"];
    assert_eq!((&gateway["bind"], token), (&json!("loopback"), &json!("a-token-of-an-earlier-version-01")), "{config}");
    assert!(gateway.get("token").is_none() && !config.contains("allowInsecureAuth"), "{config}");
    assert_eq!(gateway["nodes"]["commands"]["allow"], json!(["canvas.show"]), "{loaded}");
    assert_eq!(loaded["channels"]["telegram"]["enabled"], json!(false), "{loaded}");
    assert_eq!(files[".openclaw/agents/main/note.txt"], "mine");
    assert_eq!((&*files[".openclaw/openclaw.json.bak"], &*files[".openclaw/openclaw.json.bak.1"]), (CONFIG, "{}"));
    let link = home.path().join(".clawdbot");
    assert!(link.is_symlink() && link.join("openclaw.json").is_file(), "whoever names the old place still finds it");
    let (exit, again) = doctor(&mut alone(&home), &["--fix", "--yes"]);
    assert_eq!((exit, ids(&again, "fixed")), (0, vec![]), "{again}");
}

/// DOC-5: killed after any of its steps, it goes on where it was.
#[test]
fn a_kill_between_two_steps_loses_nothing() {
    let steps: [fn(&Path); 3] = [
        |home| std::fs::rename(home.join(".clawdbot"), home.join(".openclaw")).unwrap(),
        |home| {
            let folder = home.join(".clawdbot");
            std::fs::rename(folder.join("clawdbot.json.bak"), folder.join("openclaw.json.bak")).unwrap();
        },
        |home| {
            let folder = home.join(".clawdbot");
            std::fs::rename(folder.join("clawdbot.json"), folder.join("openclaw.json")).unwrap();
        },
    ];
    for (position, step) in steps.iter().enumerate() {
        let home = old_home();
        step(home.path());
        let (exit, answer) = doctor(&mut alone(&home), &["--fix", "--yes"]);
        assert_eq!(exit, 0, "{position}: {answer}");
        let files = tree(home.path());
        assert!(files[".openclaw/openclaw.json"].contains("// by hand"), "{position}");
        assert!(files.values().any(|text| text == CONFIG), "{position}: the text as it was is kept");
        assert_eq!(files[".openclaw/agents/main/note.txt"], "mine", "{position}");
        assert!(!files.keys().any(|name| name.ends_with("clawdbot.json")), "{position}: {files:?}");
    }
}

/// DOC-5: two installs are never put together, and what is in the way is never overwritten.
#[test]
fn what_is_there_already_is_left_alone() {
    let home = old_home();
    let (exit, ..) = run(&mut alone(&home), &["--profile", "default", "doctor", "--fix", "--yes", "--only", "state"]);
    assert_eq!(exit, 0);
    let old = home.path().join(".moltbot");
    std::fs::create_dir(&old).unwrap();
    std::fs::write(old.join("moltbot.json"), "{}").unwrap();
    std::fs::write(home.path().join(".openclaw/clawdbot.json"), "{}").unwrap();
    let before = tree(home.path());
    let (_, answer) = doctor(&mut alone(&home), &["--fix", "--yes", "--only", "state"]);
    assert_eq!(ids(&answer, "failed"), ["state.other_install", "state.other_install"], "{answer}");
    assert_eq!(tree(home.path()), before);
}
