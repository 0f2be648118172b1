//! What nodes may do, as it changes under them: a person's word on it, and a new policy (N-3B, N-4.13).

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use store::{NodeArrival, NodeRecord, StoreError};
use wire::connect::{ClientInfo, ConnectParams};
use wire::events;
use wire::methods::node::Surface;

use super::platform::Platform;
use super::{Live, Nodes, rows};

impl Nodes {
    /// Approves the first surface of a node that was let in by more than a shared secret (N-3.2); one that a person has
    /// decided about stays as that person left it.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) async fn admit(&self, node_id: &str, client: &ClientInfo, offered: Surface) -> Result<(), StoreError> {
        let Some((node, waited)) = self.0.store.approve_first_surface(node_id, client.clone(), offered).await? else {
            return Ok(());
        };
        self.refresh(&node);
        tracing::info!(node = %node_id, "a node's first surface is approved with the node");
        if let Some(request_id) = waited {
            self.resolved(&request_id, node_id, "approved");
        }
        Ok(())
    }

    /// What a node that connects like this offers, as far as its kind may.
    pub(crate) fn offer_of(&self, params: &ConnectParams) -> Surface {
        self.policy().ceiling(Platform::of(&params.client), &Surface::claimed(params))
    }

    /// Approves what waits under this request; on a connected node it counts from now on (N-3.13). `None` when it does
    /// not wait any more.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) async fn approve(&self, request_id: &str) -> Result<Option<NodeRecord>, StoreError> {
        let Some(node) = self.0.store.approve_node(request_id).await? else { return Ok(None) };
        self.refresh(&node);
        tracing::info!(node = %node.node_id, "a node's surface is approved");
        self.resolved(request_id, &node.node_id, "approved");
        Ok(Some(node))
    }

    /// Refuses it.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(crate) async fn reject(&self, request_id: &str) -> Result<Option<NodeRecord>, StoreError> {
        let Some(node) = self.0.store.reject_node(request_id).await? else { return Ok(None) };
        self.refresh(&node);
        self.resolved(request_id, &node.node_id, "rejected");
        Ok(Some(node))
    }

    /// The policy has changed. Calls that it does not allow any more end now, their nodes are told to stop (N-4.13); what
    /// every node declares is compared again with what it may, so that it need not reconnect to be allowed more.
    pub(crate) fn policy_changed(&self) {
        let policy = self.policy();
        let live: HashMap<String, Arc<Live>> = self.live().clone();
        self.0.calls.withdraw(|node_id, command| live.get(node_id).is_none_or(|live| live.may(&policy, command)));
        let nodes = self.clone();
        drop(tokio::spawn(async move {
            for (node_id, live) in live {
                if let Err(error) = nodes.declare_again(&node_id, &live).await {
                    tracing::warn!(%error, node = %node_id, "what a node may ask for under the new policy is not known");
                }
            }
        }));
    }

    async fn declare_again(&self, node_id: &str, live: &Live) -> Result<(), StoreError> {
        let asked = self.policy().ceiling(live.platform(), &live.declared);
        let Some(arrival) = self.0.store.node_declares(node_id, asked).await? else { return Ok(()) };
        self.refresh(&arrival.node);
        self.announce(&arrival).await
    }

    /// Tells operators of a request that is new, and of one that does not wait any more.
    pub(super) async fn announce(&self, arrival: &NodeArrival) -> Result<(), StoreError> {
        let node = &arrival.node;
        if let Some(request_id) = &arrival.settled {
            self.resolved(request_id, &node.node_id, "superseded");
        }
        let Some(pending) = node.pending.as_ref().filter(|_| arrival.is_new_request) else { return Ok(()) };
        let device = self.0.store.device(&node.node_id).await?;
        self.0.hub.broadcast(&events::NODE_PAIR_REQUESTED, &rows::pending_row(node, device.as_ref()));
        tracing::info!(
            node = %node.node_id,
            "a node waits for approval of what it offers; run: openclaw nodes approve {}", pending.request_id
        );
        Ok(())
    }

    fn refresh(&self, node: &NodeRecord) {
        if let Some(live) = self.live().get_mut(&node.node_id).map(Arc::make_mut) {
            live.approved.clone_from(&node.approved);
            live.request_id = node.pending.as_ref().map(|pending| pending.request_id.clone());
        }
    }

    pub(super) fn resolved(&self, request_id: &str, node_id: &str, decision: &str) {
        let payload = json!({"requestId": request_id, "nodeId": node_id, "decision": decision, "ts": base::now_ms()});
        self.0.hub.broadcast(&events::NODE_PAIR_RESOLVED, &payload);
        // The node hears of it too: it goes on with what it had to put off (N-3.12).
        if let Some(live) = self.find(node_id) {
            self.0.hub.to(live.caller.conn_id, &events::NODE_PAIR_RESOLVED, &payload);
        }
    }
}
