//! What nodes may do, and what waits for a person.

use openclaw_store::{NodeArrival, Provenance};
use serde_json::json;
use wire::Role;
use wire::methods::node::Surface;
use wire::methods::node_pending::{Priority, Work, WorkType};

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

fn work(kind: WorkType, priority: Priority, at: i64) -> Work {
    Work { id: format!("{kind:?} {at}"), kind, priority, created_at_ms: at, expires_at_ms: Some(at + 1000) }
}

/// N-8.2, N-8.3, N-8.4: what was left for a node is there after a restart, once of each kind, and gone with the pairing.
#[tokio::test]
async fn what_operators_leave_for_a_node_outlives_a_restart_and_goes_with_the_pairing() {
    use Priority::{High, Normal};
    use WorkType::{Location, Status};
    let at = paired(&[Role::Node]).await;
    let request = arrives(&at, &["system.which"]).await.node.pending.unwrap().request_id;
    assert_eq!(at.store.leave_work("n", work(Status, Normal, 1)).await.unwrap(), None, "nothing is approved yet");
    at.store.approve_node(&request).await.unwrap();
    let first = at.store.leave_work("n", work(Status, Normal, 1)).await.unwrap().unwrap();
    assert_eq!((first.revision, first.work.clone()), (1, vec![work(Status, Normal, 1)]));
    let same = at.store.leave_work("n", work(Status, High, 2)).await.unwrap().unwrap();
    assert_eq!((same.revision, same.work), (1, first.work), "one of each kind");
    at.store.leave_work("n", work(Location, High, 3)).await.unwrap().unwrap();
    assert_eq!(at.store.leave_work("m", work(Status, Normal, 1)).await.unwrap(), None);

    let at = at.reopened().await;
    let taken = at.store.take_work("n", 1, 4).await.unwrap().unwrap();
    assert_eq!((taken.work, taken.left), (vec![work(Location, High, 3)], 1), "the urgent one first");
    let taken = at.store.take_work("n", 4, 1001).await.unwrap().unwrap();
    assert_eq!((taken.work, taken.left), (vec![], 0), "its time was over");
    at.store.leave_work("n", work(Location, High, 5)).await.unwrap().unwrap();
    let generation = at.store.node("n").await.unwrap().unwrap().generation;
    at.store.remove_node("n").await.unwrap();
    let new = openclaw_store::NewDevice { roles: vec![Role::Node], via: Provenance::Owner, ..device("n") };
    at.store.approve_device(new).await.unwrap();
    let again = arrives(&at, &["system.which"]).await;
    assert!(again.is_first && again.node.work.is_empty() && again.node.generation != generation);
}

/// N-4.13
#[tokio::test]
async fn a_connected_node_asks_again_when_it_may_ask_for_more() {
    let at = paired(&[Role::Node]).await;
    let request = arrives(&at, &["system.which"]).await.node.pending.unwrap().request_id;
    at.store.approve_node(&request).await.unwrap();
    let wider = at.store.node_declares("n", surface(&["a.b", "system.which"])).await.unwrap().unwrap();
    assert!(wider.is_new_request && wider.node.approval_state() == "pending-reapproval");
    let narrow = at.store.node_declares("n", surface(&["system.which"])).await.unwrap().unwrap();
    assert_eq!(narrow.settled, wider.node.pending.map(|pending| pending.request_id));
    assert!(at.store.node_declares("m", surface(&[])).await.unwrap().is_none());
}
