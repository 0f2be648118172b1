//! The CLI beside a running Gateway: two processes on one state folder.

use std::path::Path;

use openclaw_store::{SessionFilter, Store};
use wire::{Role, ScopeSet};

use crate::child::{self, say};
use crate::harness::{asked, fresh};
use crate::pairing::device;

const EACH: usize = 50;

/// Writes a fair number of inputs, and one device.
pub(crate) async fn write(folder: &Path, name: &str) {
    let store = Store::open_in(&folder.join("state/openclaw.db")).unwrap();
    store.approve_device(device(name)).await.unwrap();
    for number in 0..EACH {
        store.accept_input(asked(&format!("{name}-{number}"), name, "hello")).await.unwrap();
    }
    say("done");
    store.close().await;
}

#[tokio::test]
async fn two_processes_write_at_once_and_both_are_kept() {
    let at = fresh();
    let mut second = child::start("write beside", at.folder.path(), 0);
    write(at.folder.path(), "parent").await;
    assert_eq!(second.says().await.as_deref(), Some("done"));
    assert!(second.process.wait().await.unwrap().success());

    assert_eq!(at.store.unfinished_inputs().await.unwrap().len(), 2 * EACH);
    assert_eq!(at.store.sessions(&SessionFilter::default()).await.unwrap().total, 2);
    assert_eq!(at.store.integrity_check().await.unwrap(), Vec::<String>::new());
}

/// PAIR-17: what the CLI approves beside a running Gateway counts there at once, under the same key.
#[tokio::test]
async fn processes_that_start_at_once_agree_on_the_token_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut second = child::start("write beside", folder.path(), 0);
    let file = folder.path().join("state/openclaw.db");
    let store = Store::open_in(&file).unwrap();
    let before = store.approve_device(device("parent")).await.unwrap().device.device_id;
    assert_eq!(second.says().await.as_deref(), Some("done"));

    let later = Store::open_in(&file).unwrap();
    for id in [before.as_str(), "child"] {
        let ours = store.issue_token(id, Role::Node, &ScopeSet::none()).await.unwrap();
        let theirs = later.issue_token(id, Role::Node, &ScopeSet::none()).await.unwrap();
        assert_eq!(ours.token.expose(), theirs.token.expose());
    }
    assert_eq!(store.device("child").await.unwrap().unwrap().tokens[0].generation, 1, "nothing had to be re-issued");
}

#[test]
fn many_may_open_a_new_folder_at_the_same_instant() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/openclaw.db");
        let together = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    Store::open_in(&file).unwrap();
                });
            }
        });
    }
}
