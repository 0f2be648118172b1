//! What operators leave for a node that is away (N-8.2, N-8.3), and where it can be woken (N-7.10). It stands in the node's
//! record, so it outlives a restart and goes with the pairing.

use wire::methods::node_events::PushRegistration;
use wire::methods::node_pending::Work;

use crate::nodes::NodeRecord;
use crate::writer::Flush;
use crate::{Store, StoreError};

/// What waits for a node, after a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Rises with every change.
    pub revision: u32,
    /// What was left or taken.
    pub work: Vec<Work>,
    /// How many wait now.
    pub left: usize,
}

impl NodeRecord {
    fn forget_expired(&mut self, now: i64) {
        self.work.retain(|work| work.expires_at_ms.is_none_or(|until| until > now));
    }
}

impl Store {
    /// Leaves a request for a node; one of its kind that waits already is answered instead. `None` when the node is not
    /// known, or nothing of it was approved yet (N-8.4).
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn leave_work(&self, node_id: &str, work: Work) -> Result<Option<Waiting>, StoreError> {
        self.with_node(node_id, Flush::First, move |node| {
            node.approved.as_ref()?;
            node.forget_expired(work.created_at_ms);
            let queued = match node.work.iter().find(|waiting| waiting.kind == work.kind) {
                Some(waiting) => waiting.clone(),
                None => {
                    node.work.push(work.clone());
                    node.work_revision += 1;
                    work.clone()
                }
            };
            Some(Waiting { revision: node.work_revision, work: vec![queued], left: node.work.len() })
        })
        .await
        .map(Option::flatten)
    }

    /// Takes up to `most` requests away, the most urgent first, then the oldest. `None` when the node is not known.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn take_work(&self, node_id: &str, most: usize, now: i64) -> Result<Option<Waiting>, StoreError> {
        self.with_node(node_id, Flush::First, move |node| {
            node.forget_expired(now);
            node.work.sort_by(|a, b| b.priority.cmp(&a.priority).then(a.created_at_ms.cmp(&b.created_at_ms)));
            let taken: Vec<Work> = node.work.drain(..most.min(node.work.len())).collect();
            node.work_revision += u32::from(!taken.is_empty());
            Waiting { revision: node.work_revision, work: taken, left: node.work.len() }
        })
        .await
    }

    /// Keeps where a node can be woken. Whether the node is known.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn note_push(&self, node_id: &str, push: PushRegistration) -> Result<bool, StoreError> {
        let noted = self.with_node(node_id, Flush::First, move |node| node.push = Some(push.clone())).await?;
        Ok(noted.is_some())
    }
}
