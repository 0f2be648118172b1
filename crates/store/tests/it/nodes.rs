//! What nodes may do, and what waits for a person.

use openclaw_store::{NodeArrival, Provenance};
use serde_json::json;
use wire::Role;
use wire::methods::node::Surface;

use crate::harness::{Fresh, fresh};
use crate::pairing::device;

fn surface(commands: &[&str]) -> Surface {
    serde_json::from_value(json!({"caps": ["system"], "commands": commands})).unwrap()
}

async fn arrives(at: &Fresh, commands: &[&str]) -> NodeArrival {
    at.store.node_connected("n", wire::connect::ClientInfo::default(), "10.0.0.2", surface(commands)).await.unwrap()
}

async fn paired(roles: &[Role]) -> Fresh {
    let at = fresh();
    let new = openclaw_store::NewDevice { roles: roles.to_vec(), via: Provenance::Owner, ..device("n") };
    at.store.approve_device(new).await.unwrap();
    at
}

/// N-3.8, N-3.9, N-3.11
#[tokio::test]
async fn a_surface_waits_is_approved_and_waits_again_when_it_grows() {
    let at = paired(&[Role::Node]).await;
    let first = arrives(&at, &["system.which"]).await;
    assert_eq!((first.node.approval_state(), first.is_new_request), ("pending-approval", true));
    let request = first.node.pending.unwrap().request_id;
    let again = arrives(&at, &["system.which"]).await;
    assert!(!again.is_new_request && again.settled.is_none(), "the same request goes on waiting");
    let approved = at.store.approve_node(&request).await.unwrap().unwrap();
    assert_eq!((approved.approval_state(), approved.approved), ("approved", Some(surface(&["system.which"]))));
    assert_eq!(at.store.approve_node(&request).await.unwrap(), None, "it was decided");

    let wider = arrives(&at, &["system.run", "system.which"]).await;
    assert_eq!(wider.node.approval_state(), "pending-reapproval");
    let waiting = wider.node.pending.unwrap().request_id;
    let widest = arrives(&at, &["camera.list", "system.run"]).await;
    assert_eq!(widest.settled, Some(waiting), "superseded");
    let narrow = arrives(&at, &["system.which"]).await;
    assert_eq!(narrow.settled, widest.node.pending.map(|pending| pending.request_id), "not needed any more");
    assert_eq!((narrow.node.approval_state(), narrow.node.revision), ("approved", 3));
}

/// N-3.11
#[tokio::test]
async fn a_rejected_surface_is_asked_for_again_when_the_node_comes_back() {
    let at = paired(&[Role::Node]).await;
    let request = arrives(&at, &["system.which"]).await.node.pending.unwrap().request_id;
    let rejected = at.store.reject_node(&request).await.unwrap().unwrap();
    assert_eq!(rejected.approval_state(), "unapproved");
    assert_eq!(at.store.node_of_request(&request).await.unwrap(), None);
    assert!(arrives(&at, &["system.which"]).await.is_new_request);
}

/// N-3.17, N-3.19
#[tokio::test]
async fn a_removed_node_is_gone_with_what_it_waits_for_and_an_operator_stays() {
    let at = paired(&[Role::Node]).await;
    arrives(&at, &[]).await;
    assert!(at.store.remove_node("n").await.unwrap());
    assert_eq!(at.store.device("n").await.unwrap(), None);
    assert!(at.store.nodes().await.unwrap().is_empty() && !at.store.remove_node("n").await.unwrap());

    let both = paired(&[Role::Operator, Role::Node]).await;
    arrives(&both, &[]).await;
    assert!(both.store.remove_node("n").await.unwrap());
    let left = both.store.device("n").await.unwrap().unwrap();
    assert_eq!((left.roles.clone(), left.token(Role::Node).is_none()), (vec![Role::Operator], true));
    arrives(&both, &[]).await;
    both.store.remove_device("n").await.unwrap();
    assert!(both.store.nodes().await.unwrap().is_empty());
}

#[tokio::test]
async fn names_and_stats_are_kept_over_a_reconnect() {
    let at = paired(&[Role::Node]).await;
    arrives(&at, &[]).await;
    at.store.rename_node("n", "Studio").await.unwrap();
    at.store.note_host_stats("n", json!({"cpuCount": 2})).await.unwrap();
    at.store.node_disconnected("n").await.unwrap();
    let node = arrives(&at, &[]).await.node;
    assert_eq!((node.name.as_deref(), node.host_stats), (Some("Studio"), Some(json!({"cpuCount": 2}))));
    assert!(node.last_disconnected_at_ms.is_some());
    assert_eq!(at.store.rename_node("m", "x").await.unwrap(), None);
}
