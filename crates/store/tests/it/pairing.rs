//! Devices that wait for a person.

use std::time::Duration;

use openclaw_store::{DeviceFacts, NewDevice, NewPairing, PAIRING_TTL, Provenance, StoreError};
use wire::{Role, ScopeSet};

use crate::harness::fresh;

pub(crate) fn facts(name: &str) -> DeviceFacts {
    DeviceFacts {
        display_name: Some(name.into()),
        platform: Some("linux".into()),
        device_family: Some("Linux".into()),
        client_id: Some("node-host".into()),
        client_mode: Some("node".into()),
        version: Some("1.0.0".into()),
        remote_ip: None,
    }
}

/// A silently approved node.
pub(crate) fn device(id: &str) -> NewDevice {
    NewDevice {
        device_id: id.into(),
        public_key: format!("key of {id}"),
        facts: facts("Box"),
        roles: vec![Role::Node],
        scopes: ScopeSet::none(),
        via: Provenance::Silent,
    }
}

fn asks(id: &str, role: Role, scopes: &[&str]) -> NewPairing {
    NewPairing {
        device_id: id.into(),
        public_key: format!("key of {id}"),
        facts: facts("Box"),
        role,
        scopes: ScopeSet::new(scopes.iter().copied()),
        reason: "not-paired".into(),
    }
}

/// PAIR-6, PAIR-7, N-3.3
#[tokio::test]
async fn the_request_id_is_stable_until_the_device_asks_for_more() {
    let at = fresh();
    let first = at.store.put_pairing_request(asks("d", Role::Operator, &["operator.write"])).await.unwrap();
    assert!(first.created && first.superseded.is_none() && !first.request.is_repair);

    for narrower in [&["operator.write"][..], &["operator.read"], &[]] {
        let again = at.store.put_pairing_request(asks("d", Role::Operator, narrower)).await.unwrap();
        assert_eq!((again.created, &again.request), (false, &first.request), "{narrower:?}");
    }

    let wider = at.store.put_pairing_request(asks("d", Role::Operator, &["operator.admin"])).await.unwrap();
    assert!(wider.created);
    assert_eq!(wider.superseded.as_ref(), Some(&first.request.request_id));
    assert_ne!(wider.request.request_id, first.request.request_id);
    assert_eq!(at.store.pairing_requests().await.unwrap(), [wider.request]);
    let gone = at.store.approve_pairing_request(&first.request.request_id, Provenance::Owner).await.unwrap();
    assert!(gone.is_none(), "what was superseded cannot be approved");
}

/// PAIR-7: a phone connects as node and as operator by turns.
#[tokio::test]
async fn two_roles_by_turns_settle_on_one_request() {
    let at = fresh();
    at.store.put_pairing_request(asks("d", Role::Node, &[])).await.unwrap();
    let both = at.store.put_pairing_request(asks("d", Role::Operator, &["operator.read"])).await.unwrap();
    assert_eq!(both.request.roles, [Role::Node, Role::Operator]);
    for (role, scopes) in [(Role::Node, &[][..]), (Role::Operator, &["operator.read"]), (Role::Node, &[])] {
        let again = at.store.put_pairing_request(asks("d", role, scopes)).await.unwrap();
        assert_eq!(again.request.request_id, both.request.request_id);
    }
    let approved = at.store.approve_pairing_request(&both.request.request_id, Provenance::Owner).await.unwrap();
    let (_, approval) = approved.unwrap();
    assert!(approval.device.is_approved(Role::Node, &ScopeSet::none()));
    assert!(approval.device.is_approved(Role::Operator, &ScopeSet::new(["operator.read"])));
    assert_eq!(approval.device.approved_via, Provenance::Owner);
    assert_eq!(at.store.pairing_requests().await.unwrap(), []);
}

/// PAIR-7: what a person approves is what they saw.
#[tokio::test]
async fn a_device_that_says_it_is_another_machine_gets_a_new_request() {
    let at = fresh();
    let first = at.store.put_pairing_request(asks("d", Role::Node, &[])).await.unwrap();
    let mut other = asks("d", Role::Node, &[]);
    other.facts.platform = Some("windows".into());
    let second = at.store.put_pairing_request(other).await.unwrap();
    assert_eq!(second.superseded, Some(first.request.request_id));
}

/// PAIR-6
#[tokio::test]
async fn a_request_waits_five_minutes() {
    let at = fresh();
    let put = at.store.put_pairing_request(asks("d", Role::Node, &[])).await.unwrap().request;
    let ttl = Duration::from_millis((put.expires_at_ms - put.created_at_ms).unsigned_abs());
    assert_eq!((ttl, ttl), (PAIRING_TTL, Duration::from_secs(300)));
    assert_eq!(at.store.prune_pairing_requests(put.expires_at_ms - 1).await.unwrap(), []);
    assert_eq!(at.store.prune_pairing_requests(put.expires_at_ms).await.unwrap(), [put]);
    assert_eq!(at.store.pairing_requests().await.unwrap(), []);
}

/// PAIR-6
#[tokio::test]
async fn a_rejected_request_is_gone_and_the_device_may_ask_again() {
    let at = fresh();
    let put = at.store.put_pairing_request(asks("d", Role::Node, &[])).await.unwrap().request;
    assert_eq!(at.store.pairing_request(&put.request_id).await.unwrap().as_ref(), Some(&put));
    assert_eq!(at.store.take_pairing_request(&put.request_id).await.unwrap().as_ref(), Some(&put));
    assert_eq!(at.store.take_pairing_request(&put.request_id).await.unwrap(), None);
    let again = at.store.put_pairing_request(asks("d", Role::Node, &[])).await.unwrap();
    assert!(again.created && again.superseded.is_none());
}

/// PAIR-5
#[tokio::test]
async fn a_known_device_with_another_key_is_refused_before_a_request_is_made() {
    let at = fresh();
    at.store.approve_device(device("d")).await.unwrap();
    let known = at.store.put_pairing_request(asks("d", Role::Operator, &["operator.read"])).await.unwrap();
    assert!(known.request.is_repair, "it was paired before");

    let other_key = NewPairing { public_key: "another".into(), ..asks("d", Role::Node, &[]) };
    let refused = at.store.put_pairing_request(other_key).await;
    assert!(matches!(refused, Err(StoreError::KeyChanged(_))), "{refused:?}");
    let refused = at.store.approve_device(NewDevice { public_key: "another".into(), ..device("d") }).await;
    assert!(matches!(refused, Err(StoreError::KeyChanged(_))), "{refused:?}");
}
