//! What is on disk: who may read it, what is refused, what is left alone.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base::{Env, Explain as _, Kind, StatePaths};
use openclaw_store::{NewSession, Store, StoreError};
use rusqlite::Connection;

use crate::harness::{fresh, key};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_state_is_private_to_its_user() {
    let at = fresh();
    at.store.ensure_session(&key("main"), NewSession::default()).await.unwrap();
    let state = at.folder.path().join("state");
    assert_eq!(mode(&state), 0o700);
    let mut files = 0;
    for file in state.read_dir().unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        files += 1;
    }
    assert_eq!(files, 5, "database, log, shared memory, token key, lock");
}

#[tokio::test]
async fn what_an_original_install_left_is_not_touched() {
    let home = tempfile::tempdir().unwrap();
    let env = Env::of([("HOME", home.path().to_str().unwrap())]);
    let paths = StatePaths::resolve(&env, None).unwrap();
    let theirs = ["openclaw.json", "agents/main/sessions/sessions.json", "devices/paired.json", "state/other.sqlite"];
    for file in theirs {
        let file = paths.state_dir.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "theirs").unwrap();
    }
    let store = Store::open(&paths).unwrap();
    store.ensure_session(&key("main"), NewSession::default()).await.unwrap();
    store.close().await;
    for file in theirs {
        assert_eq!(std::fs::read_to_string(paths.state_dir.join(file)).unwrap(), "theirs");
    }
    let mut ours: Vec<_> =
        paths.state_dir.join("state").read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
    ours.sort();
    assert_eq!(ours, ["device-token.key", "openclaw.db", "opening.lock", "other.sqlite"]);
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/openclaw.db");
    Store::open_in(&file).unwrap().close().await;
    let conn = Connection::open(&file).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let before = std::fs::read(&file).unwrap();

    let refused = Store::open_in(&file).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "{refused:?}");
    assert!(refused.to_string().contains("version 99"), "{refused}");
    assert_eq!((refused.kind(), refused.code().0), (Kind::Config, "STATE_NEWER"));
    assert!(!refused.next().is_empty());
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_file_is_named_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/openclaw.db");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "not a database at all, but long enough to be looked at as one ".repeat(20)).unwrap();
    let before = std::fs::read(&file).unwrap();
    let refused = Store::open_in(&file).unwrap_err();
    assert!(matches!(&refused, StoreError::Corrupt { file: named, .. } if *named == file), "{refused:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let at = fresh();
    let other = at.store.clone();
    at.store.close().await;
    assert!(matches!(other.session(&key("main")).await, Err(StoreError::Closed)));
    let refused = other.ensure_session(&key("main"), NewSession::default()).await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
}
