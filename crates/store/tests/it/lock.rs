//! One process owns a state folder.

use std::path::Path;
use std::time::Duration;

use base::{Env, Explain as _, Kind, Profile, StatePaths};
use openclaw_store::{GatewayLock, LockError, LockOwner, LockRequest};

use crate::child::{self, say};

fn paths(folder: &Path) -> StatePaths {
    StatePaths {
        profile: Profile::default(),
        state_dir: folder.to_owned(),
        config_file: folder.join("openclaw.json"),
        home: folder.to_owned(),
    }
}

async fn acquire(paths: &StatePaths, env: &Env, wait: Duration) -> Result<GatewayLock, LockError> {
    GatewayLock::acquire(LockRequest { paths, env, port: 18789, role: None, wait }).await
}

async fn at_once(paths: &StatePaths) -> Result<GatewayLock, LockError> {
    acquire(paths, &Env::default(), Duration::ZERO).await
}

/// The second process: owns the folder until it is killed.
pub(crate) async fn hold(folder: &Path) {
    let _lock = at_once(&paths(folder)).await.unwrap();
    say("holding");
    std::future::pending::<()>().await;
}

/// LOCK-1
#[tokio::test]
async fn the_lock_files_are_where_and_what_the_original_has() {
    let folder = tempfile::tempdir().unwrap();
    let lock = at_once(&paths(folder.path())).await.unwrap();
    let locks = folder.path().join("tmp").read_dir().unwrap().next().unwrap().unwrap();
    assert!(locks.file_name().to_str().unwrap().starts_with("openclaw-"));
    let mut names: Vec<_> = locks.path().read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    let [config, state] = names.as_slice() else { panic!("{names:?}") };
    assert_eq!(state, "gateway.state.lock");
    let hash = config.to_str().unwrap().strip_prefix("gateway.").unwrap().strip_suffix(".lock").unwrap();
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");

    let text = std::fs::read_to_string(locks.path().join("gateway.state.lock")).unwrap();
    let payload: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(payload["pid"], std::process::id());
    assert_eq!(payload["port"], 18789);
    assert_eq!(payload["stateDir"], folder.path().to_str().unwrap());
    for name in ["ownerId", "createdAt", "configPath"] {
        assert!(payload[name].is_string(), "{name}");
    }
    assert_eq!(serde_json::from_str::<LockOwner>(&text).unwrap(), *lock.owner());
}

/// LOCK-2, LOCK-3
#[tokio::test]
async fn a_second_gateway_is_told_who_has_the_folder_and_how_to_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut second = child::start("hold the lock", folder.path(), 0);
    assert_eq!(second.says().await.as_deref(), Some("holding"));
    let pid = second.process.id().unwrap();

    let refused = at_once(&paths(folder.path())).await.unwrap_err();
    let text = refused.to_string();
    assert!(text.starts_with(&format!("gateway already running (pid {pid}) on port 18789 since 20")), "{text}");
    assert!(text.ends_with("; lock timeout after 0ms"), "{text}");
    assert_eq!(refused.kind(), Kind::Config);
    assert_eq!(refused.kind().exit_code(), 78);
    let steps: Vec<_> = refused.next().iter().map(|step| step.text().to_owned()).collect();
    assert_eq!(steps[..2], ["openclaw gateway stop".to_owned(), format!("kill {pid}")]);
    let holder = GatewayLock::holder(&paths(folder.path())).unwrap().unwrap();
    assert_eq!(holder.pid, pid);
}

/// LOCK-2: the kernel lets go of the lock of a killed owner, whatever its file still says.
#[tokio::test]
async fn the_lock_of_a_killed_gateway_is_free_and_a_stopping_one_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut second = child::start("hold the lock", folder.path(), 0);
    assert_eq!(second.says().await.as_deref(), Some("holding"));
    let (env, wait) = (Env::default(), Duration::from_secs(20));
    let waiting = acquire(&paths, &env, wait);
    let (lock, ()) = tokio::join!(waiting, second.kill());
    let lock = lock.unwrap();
    assert_eq!(lock.owner().pid, std::process::id());

    drop(lock);
    assert_eq!(GatewayLock::holder(&paths).unwrap(), None);
    at_once(&paths).await.unwrap();
}

/// LOCK-3
#[tokio::test]
async fn several_gateways_may_share_a_config_when_asked_but_never_a_state_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = paths(folder.path());
    let other_config = StatePaths { config_file: folder.path().join("other.json"), ..first.clone() };
    let _held = at_once(&first).await.unwrap();
    let many = Env::of([("OPENCLAW_ALLOW_MULTI_GATEWAY", "1")]);
    for paths in [&first, &other_config] {
        let refused = acquire(paths, &many, Duration::ZERO).await;
        assert!(matches!(refused, Err(LockError::Running { .. })), "{refused:?}");
    }
    let files = folder.path().join("tmp").read_dir().unwrap().next().unwrap().unwrap().path();
    assert_eq!(files.read_dir().unwrap().count(), 2, "the config lock was not even looked at");
}
