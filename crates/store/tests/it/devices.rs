//! Paired devices and their tokens.

use base::Secret;
use openclaw_store::{NewDevice, Provenance, Store, StoreError, TokenCheck};
use rusqlite::Connection;
use wire::{Role, ScopeSet};

use crate::harness::{Fresh, fresh};
use crate::pairing::{device, facts};

fn operator(id: &str, scopes: &[&str], via: Provenance) -> NewDevice {
    NewDevice { roles: vec![Role::Operator], scopes: ScopeSet::new(scopes.iter().copied()), via, ..device(id) }
}

async fn token(at: &Fresh, id: &str, scopes: &[&str]) -> Secret {
    let scopes = ScopeSet::new(scopes.iter().copied());
    at.store.issue_token(id, Role::Operator, &scopes).await.unwrap().token
}

async fn check(at: &Fresh, id: &str, token: &Secret) -> TokenCheck {
    at.store.check_token(id, Role::Operator, token).await.unwrap()
}

/// PAIR-13
#[tokio::test]
async fn the_same_token_comes_back_until_it_is_rotated() {
    let at = fresh();
    at.store.approve_device(operator("d", &["operator.write"], Provenance::Silent)).await.unwrap();
    let first = token(&at, "d", &["operator.write"]).await;
    assert_eq!(first.expose().len(), 43, "32 bytes, base64url");
    let at = at.reopened().await;
    assert_eq!(token(&at, "d", &["operator.read"]).await.expose(), first.expose());
    let TokenCheck::Good { scopes, .. } = check(&at, "d", &first).await else { panic!("it is the device's token") };
    assert_eq!(scopes.names(), ["operator.write"], "no wider than it was approved");

    let rotated = at.store.rotate_token("d", Role::Operator, None).await.unwrap().unwrap();
    assert_eq!(check(&at, "d", &first).await, TokenCheck::Mismatch);
    assert!(matches!(check(&at, "d", &rotated.token).await, TokenCheck::Good { .. }));
    assert_eq!(token(&at, "d", &[]).await.expose(), rotated.token.expose());
    let device = at.store.device("d").await.unwrap().unwrap();
    let row = device.token(Role::Operator).unwrap();
    assert_eq!((row.generation, row.rotated_at_ms), (2, Some(rotated.rotated_at_ms)));
}

/// PAIR-13
#[tokio::test]
async fn no_token_is_kept_and_the_key_is_private() {
    let at = fresh();
    at.store.approve_device(operator("d", &["operator.read"], Provenance::Silent)).await.unwrap();
    let token = token(&at, "d", &[]).await;
    let state = at.folder.path().join("state");
    let key = std::fs::read_to_string(state.join("device-token.key")).unwrap();
    assert_eq!(key.len(), 64);
    for file in ["openclaw.db", "openclaw.db-wal"] {
        let bytes = std::fs::read(state.join(file)).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!has(token.expose()) && !has(&key), "{file}");
    }
}

/// PAIR-13: a database restored without its key file.
#[tokio::test]
async fn without_the_key_file_old_tokens_still_work_until_a_new_one_is_given() {
    let at = fresh();
    at.store.approve_device(operator("d", &["operator.read"], Provenance::Silent)).await.unwrap();
    let old = token(&at, "d", &[]).await;
    std::fs::remove_file(at.folder.path().join("state/device-token.key")).unwrap();
    let at = at.reopened().await;
    assert!(matches!(check(&at, "d", &old).await, TokenCheck::Good { .. }));
    let new = token(&at, "d", &[]).await;
    assert_ne!(new.expose(), old.expose());
    assert!(matches!(check(&at, "d", &new).await, TokenCheck::Good { .. }));
    assert_eq!(check(&at, "d", &old).await, TokenCheck::Mismatch);
}

/// PAIR-13
#[tokio::test]
async fn a_wider_approval_gives_a_new_token_and_an_equal_one_does_not() {
    let at = fresh();
    let read = operator("d", &["operator.read"], Provenance::Silent);
    assert!(at.store.approve_device(read.clone()).await.unwrap().created);
    let first = token(&at, "d", &[]).await;
    let again = at.store.approve_device(read).await.unwrap();
    assert!(!again.created && !again.reissued);
    assert_eq!(token(&at, "d", &[]).await.expose(), first.expose());

    let refused = at.store.issue_token("d", Role::Operator, &ScopeSet::new(["operator.admin"])).await;
    assert!(matches!(refused, Err(StoreError::NotApproved { .. })), "{refused:?}");
    let wider = at.store.approve_device(operator("d", &["operator.admin"], Provenance::Owner)).await.unwrap();
    assert!(wider.reissued);
    assert_eq!(wider.device.scopes.names(), ["operator.read", "operator.admin"]);
    assert_ne!(token(&at, "d", &["operator.admin"]).await.expose(), first.expose());
    assert_eq!(check(&at, "d", &first).await, TokenCheck::Mismatch);
}

/// PAIR-13
#[tokio::test]
async fn a_revoked_token_takes_its_approval_with_it() {
    let at = fresh();
    let both =
        NewDevice { roles: vec![Role::Node, Role::Operator], ..operator("d", &["operator.read"], Provenance::Silent) };
    at.store.approve_device(both.clone()).await.unwrap();
    let node = at.store.issue_token("d", Role::Node, &ScopeSet::none()).await.unwrap();
    let revoked = token(&at, "d", &[]).await;
    assert!(at.store.revoke_token("d", Role::Operator).await.unwrap().is_some());
    assert_eq!(at.store.revoke_token("d", Role::Operator).await.unwrap(), None);
    assert!(at.store.rotate_token("d", Role::Operator, None).await.unwrap().is_none());
    assert_eq!(check(&at, "d", &revoked).await, TokenCheck::Revoked);
    let refused = at.store.issue_token("d", Role::Operator, &ScopeSet::none()).await;
    assert!(matches!(refused, Err(StoreError::NotApproved { .. })), "{refused:?}");
    let left = at.store.device("d").await.unwrap().unwrap();
    assert_eq!(left.roles, [Role::Node], "the other role is not touched");
    assert!(left.token(Role::Operator).unwrap().revoked_at_ms.is_some());
    let same = at.store.issue_token("d", Role::Node, &ScopeSet::none()).await.unwrap();
    assert_eq!(same.token.expose(), node.token.expose());

    assert!(at.store.approve_device(both).await.unwrap().reissued);
    assert_ne!(token(&at, "d", &[]).await.expose(), revoked.expose());
}

/// PAIR-13
#[tokio::test]
async fn a_removed_device_has_no_token_and_an_unknown_one_never_had() {
    let at = fresh();
    at.store.approve_device(operator("d", &["operator.read"], Provenance::Owner)).await.unwrap();
    let old = token(&at, "d", &[]).await;
    assert_eq!(at.store.remove_device("d").await.unwrap().unwrap().device_id, "d");
    assert_eq!(at.store.remove_device("d").await.unwrap(), None);
    assert_eq!(check(&at, "d", &old).await, TokenCheck::Unknown);
    let refused = at.store.issue_token("d", Role::Operator, &ScopeSet::none()).await;
    assert!(matches!(refused, Err(StoreError::NoDevice(_))), "{refused:?}");
    assert_eq!(at.store.devices().await.unwrap(), []);
}

/// PAIR-10
#[tokio::test]
async fn provenance_is_kept_and_a_silent_approval_does_not_lower_it() {
    let at = fresh();
    at.store.approve_device(operator("d", &["operator.read"], Provenance::Owner)).await.unwrap();
    at.store.rename_device("d", Some("my laptop")).await.unwrap().unwrap();
    let again = NewDevice { facts: facts("Renamed"), ..operator("d", &["operator.read"], Provenance::Silent) };
    let device = at.store.approve_device(again).await.unwrap().device;
    assert_eq!(device.approved_via, Provenance::Owner);
    assert_eq!(device.label.as_deref(), Some("my laptop"), "a person's name for it stays");
    assert_eq!(device.facts.display_name.as_deref(), Some("Renamed"));
}

/// PAIR-10
#[tokio::test]
async fn a_new_silent_record_retires_old_silent_ones_of_the_same_client_only() {
    let at = fresh();
    for (id, via, name) in [
        ("old", Provenance::Silent, "Box"),
        ("connected", Provenance::Silent, "Box"),
        ("owner", Provenance::Owner, "Box"),
        ("other client", Provenance::Silent, "Laptop"),
        ("young", Provenance::Silent, "Box"),
        ("new", Provenance::Silent, "Box"),
    ] {
        at.store.approve_device(NewDevice { facts: facts(name), via, ..device(id) }).await.unwrap();
    }
    // Two minutes ago, for all but the young one and the new one.
    let conn = Connection::open(at.folder.path().join("state/openclaw.db")).unwrap();
    let aged = "UPDATE devices SET body = json_set(body, '$.approvedAtMs', body ->> '$.approvedAtMs' - 120000)
                WHERE device_id NOT IN ('young', 'new')";
    assert_eq!(conn.execute(aged, []).unwrap(), 4);

    let retired = at.store.retire_silent_devices("new", &["connected".into()]).await.unwrap();
    assert_eq!(retired, ["old"]);
    assert_eq!(at.store.devices().await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_device_seen_and_a_token_used_are_noted() {
    let at = fresh();
    at.store.approve_device(device("d")).await.unwrap();
    at.store.device_seen("d", "connect", Some("192.0.2.7"));
    at.store.touch_token("d", Role::Node).await.unwrap();
    let first = at.store.device("d").await.unwrap().unwrap();
    assert_eq!(first.last_seen_reason.as_deref(), Some("connect"));
    assert_eq!(first.facts.remote_ip.as_deref(), Some("192.0.2.7"));
    let used = first.tokens[0].last_used_at_ms;
    assert!(used.is_some());
    at.store.touch_token("d", Role::Node).await.unwrap();
    let again = at.store.device("d").await.unwrap().unwrap();
    assert_eq!(again.tokens[0].last_used_at_ms, used, "to about a minute");
}

/// PAIR-13: what is remembered of a device never outlives a change of it.
#[tokio::test]
async fn a_remembered_device_is_forgotten_with_every_change() {
    let at = fresh();
    at.store.approve_device(operator("d", &["operator.read"], Provenance::Silent)).await.unwrap();
    let known = async || at.store.known_device("d").await.unwrap();
    assert_eq!(known().await.unwrap().scopes.names(), ["operator.read"]);

    at.store.approve_device(operator("d", &["operator.write"], Provenance::Owner)).await.unwrap();
    assert!(known().await.unwrap().scopes.covers(&ScopeSet::new(["operator.write"])));
    at.store.rename_device("d", Some("desk")).await.unwrap();
    assert_eq!(known().await.unwrap().label.as_deref(), Some("desk"));
    at.store.revoke_token("d", Role::Operator).await.unwrap().unwrap();
    assert!(known().await.unwrap().roles.is_empty());
    at.store.remove_device("d").await.unwrap().unwrap();
    assert_eq!(known().await, None);
    let refused = at.store.issue_token("d", Role::Operator, &ScopeSet::none()).await;
    assert!(matches!(refused, Err(StoreError::NoDevice(_))), "{refused:?}");
}

/// PAIR-17: what another process approves counts at once where it matters: before anybody is refused.
#[tokio::test]
async fn what_another_process_grants_is_seen_past_what_is_remembered() {
    let at = fresh();
    let theirs = Store::open_in(&at.folder.path().join("state/openclaw.db")).unwrap();
    assert_eq!(at.store.known_device("d").await.unwrap(), None);
    theirs.approve_device(operator("d", &["operator.read"], Provenance::Owner)).await.unwrap();
    assert!(at.store.known_device("d").await.unwrap().is_some(), "that there is no device is not remembered");

    let rotated = theirs.rotate_token("d", Role::Operator, None).await.unwrap().unwrap();
    assert!(matches!(check(&at, "d", &rotated.token).await, TokenCheck::Good { .. }));
    theirs.approve_device(operator("d", &["operator.admin"], Provenance::Owner)).await.unwrap();
    assert!(at.store.device("d").await.unwrap().unwrap().scopes.covers(&ScopeSet::new(["operator.admin"])));
}

#[tokio::test]
async fn visits_are_on_disk_when_they_were_written_or_the_store_was_closed() {
    let at = fresh();
    let seen = async |at: &Fresh| at.store.device("d").await.unwrap().unwrap().last_seen_reason;
    at.store.approve_device(device("d")).await.unwrap();
    at.store.device_seen("d", "connect", None);
    at.store.device_seen("removed meanwhile", "disconnect", None);
    at.store.write_visits().await.unwrap();
    let theirs = Store::open_in(&at.folder.path().join("state/openclaw.db")).unwrap();
    assert_eq!(theirs.device("d").await.unwrap().unwrap().last_seen_reason.as_deref(), Some("connect"));
    assert_eq!(at.store.devices().await.unwrap().len(), 1);
    at.store.device_seen("d", "disconnect", None);
    let at = at.reopened().await;
    assert_eq!(seen(&at).await.as_deref(), Some("disconnect"));
}
