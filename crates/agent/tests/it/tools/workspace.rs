//! Where a workspace is and what it begins with.

use std::fs;
use std::path::Path;

use base::{Env, StatePaths};
use openclaw_agent::workspace::{BOOTSTRAP, Seeded, locate, seed};
use wire::AgentId;

///
#[test]
fn a_workspace_is_where_config_environment_or_the_state_folder_say() {
    let env = Env::of([("HOME", "/home/me"), ("OPENCLAW_STATE_DIR", "/s")]);
    let paths = StatePaths::resolve(&env, None).unwrap();
    let (main, ops) = (AgentId::main(), AgentId::fold("ops"));
    assert_eq!(locate(&main, None, &paths, &env), Path::new("/s/workspace"));
    assert_eq!(locate(&ops, None, &paths, &env), Path::new("/s/workspace-ops"));
    let moved = env.with("OPENCLAW_WORKSPACE_DIR", "~/w");
    assert_eq!(locate(&main, None, &paths, &moved), Path::new("/home/me/w"));
    assert_eq!(locate(&ops, None, &paths, &moved), Path::new("/s/workspace-ops"));
    assert_eq!(locate(&main, Some(Path::new("~/x")), &paths, &env), Path::new("/home/me/x"));
}

///
#[test]
fn a_new_workspace_gets_every_seed_once() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("deep/workspace");
    assert_eq!(seed(&workspace).unwrap(), Seeded::New);
    for name in ["AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md", "BOOTSTRAP.md", "TOOLS.md", "HEARTBEAT.md"] {
        assert!(fs::metadata(workspace.join(name)).unwrap().len() > 40, "{name}");
    }
    assert!(workspace.join("memory").is_dir());

    fs::remove_file(workspace.join(BOOTSTRAP)).unwrap();
    fs::write(workspace.join("SOUL.md"), "mine").unwrap();
    assert_eq!(seed(&workspace).unwrap(), Seeded::Known);
    assert!(!workspace.join(BOOTSTRAP).exists(), "the first conversation happens once");
    assert_eq!(fs::read_to_string(workspace.join("SOUL.md")).unwrap(), "mine", "nothing is overwritten");
}

///
#[test]
fn a_folder_with_somebodys_files_is_not_brand_new() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.md"), "x").unwrap();
    assert_eq!(seed(folder.path()).unwrap(), Seeded::Known);
    assert!(!folder.path().join(BOOTSTRAP).exists());
    assert!(folder.path().join("AGENTS.md").exists());

    let prepared = tempfile::tempdir().unwrap();
    fs::create_dir(prepared.path().join(".git")).unwrap();
    assert_eq!(seed(prepared.path()).unwrap(), Seeded::New);
}
