//! Nodes, decided on in the state itself (PAIR-17). A node that is connected meanwhile learns of it when it next connects.

use serde_json::{Value, json};

use crate::desk::{Desk, explained, gone};
use crate::exit::Failure;

const LIST: &str = "openclaw nodes pending";

impl Desk {
    /// As the Gateway lists them.
    pub(super) async fn nodes(&self) -> Result<Value, Failure> {
        gateway::node_pair_list(self.store()).await.map_err(explained)
    }

    /// Says yes.
    pub(super) async fn approve_node(self, request_id: &str) -> Result<Value, Failure> {
        let approved = self.store().approve_node(request_id).await.map_err(explained)?;
        let node = approved.ok_or_else(|| gone(request_id, LIST))?;
        let device = self.store().device(&node.node_id).await.map_err(explained)?;
        self.close().await;
        Ok(json!({"requestId": request_id, "node": gateway::paired_node(&node, device.as_ref())}))
    }

    /// Says no.
    pub(super) async fn reject_node(self, request_id: &str) -> Result<Value, Failure> {
        let rejected = self.store().reject_node(request_id).await.map_err(explained)?;
        self.close().await;
        let node = rejected.ok_or_else(|| gone(request_id, LIST))?;
        Ok(json!({"requestId": request_id, "nodeId": node.node_id}))
    }
}
