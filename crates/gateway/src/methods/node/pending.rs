//! `node.pending.*`: what waits for a node (N-8). Actions it put off are kept in memory, requests operators left for it on
//! disk.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;
use wire::ErrorShape;
use wire::methods::node_pending::{
    AckParams, AckResult, DRAIN_DEFAULT, DRAIN_MAX, DrainParams, DrainResult, EXPIRES_IN_MS, EnqueueParams,
    EnqueueResult, Priority, PullResult, Work, WorkType,
};

use super::updates::{speaker, stale};
use crate::nodes::Live;
use crate::nodes::invoke::pairing_changed;
use crate::rpc::{Cx, unavailable};

/// What a node in the foreground is to do now.
pub(super) async fn pull(cx: Cx, _: Value) -> Result<PullResult, ErrorShape> {
    let (node_id, live) = approved(&cx)?;
    Ok(PullResult { node_id, actions: cx.nodes.put_off(&live) })
}

/// It has dealt with some of it.
pub(super) async fn ack(cx: Cx, params: AckParams) -> Result<AckResult, ErrorShape> {
    let (node_id, live) = approved(&cx)?;
    let (acked_ids, remaining_count) = cx.nodes.acknowledge(&live, &params.ids);
    Ok(AckResult { node_id, acked_ids, remaining_count })
}

/// An operator leaves a request. No push is sent, so nobody is woken by it.
pub(super) async fn enqueue(cx: Cx, params: EnqueueParams) -> Result<EnqueueResult, ErrorShape> {
    let life = params.expires_in_ms.unwrap_or(*EXPIRES_IN_MS.end());
    if !EXPIRES_IN_MS.contains(&life) || params.priority == Priority::Default {
        let message = "invalid node.pending.enqueue params: expiresInMs is 1000 to 86400000, priority normal or high";
        return Err(ErrorShape::invalid(message));
    }
    if cx.store.node(&params.node_id).await.map_err(unavailable)?.is_none() {
        return Err(ErrorShape::invalid("unknown nodeId"));
    }
    let now = base::now_ms();
    let work = Work {
        id: Uuid::new_v4().to_string(),
        kind: params.kind,
        priority: params.priority,
        created_at_ms: now,
        expires_at_ms: Some(now + life),
    };
    let left = cx.store.leave_work(&params.node_id, work).await.map_err(unavailable)?;
    let mut left = left.ok_or_else(|| pairing_changed("nothing of this node is approved yet"))?;
    let queued = left.work.pop().ok_or_else(stale)?;
    Ok(EnqueueResult { node_id: params.node_id, revision: left.revision, queued, wake_triggered: false })
}

/// A node takes what was left for it. Without a question how it is, it is asked that anyway (N-8.3).
pub(super) async fn drain(cx: Cx, params: DrainParams) -> Result<DrainResult, ErrorShape> {
    let (node_id, _) = approved(&cx)?;
    let most = params.max_items.unwrap_or(DRAIN_DEFAULT);
    if !(1..=DRAIN_MAX).contains(&most) {
        return Err(ErrorShape::invalid("invalid node.pending.drain params: at /maxItems: must be 1 to 10"));
    }
    let now = base::now_ms();
    let taken = cx.store.take_work(&node_id, most, now).await.map_err(unavailable)?.ok_or_else(stale)?;
    let mut items = taken.work;
    if items.len() < most && items.iter().all(|work| work.kind != WorkType::Status) {
        items.push(Work {
            id: "baseline-status".into(),
            kind: WorkType::Status,
            priority: Priority::Default,
            created_at_ms: now,
            expires_at_ms: None,
        });
    }
    Ok(DrainResult { node_id, revision: taken.revision, items, has_more: taken.left > 0 })
}

/// The node that speaks, once something of it was approved (N-3.12).
fn approved(cx: &Cx) -> Result<(String, Arc<Live>), ErrorShape> {
    let (node_id, live) = speaker(cx)?;
    if live.approved.is_some() { Ok((node_id, live)) } else { Err(stale()) }
}
