//! A person's word on what a node offers (N-3.15), by a method or through an agent.

use serde_json::{Value, json};
use store::StoreError;
use wire::{ErrorShape, Scope};

use super::Nodes;
use super::by::By;
use super::rows::{pair_list, paired_row, scopes_to_approve};
use crate::rpc::unavailable;

impl Nodes {
    /// What waits, and what was approved (N-3.14).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn pair_list(&self) -> Result<Value, StoreError> {
        pair_list(&self.0.store).await
    }

    /// Says yes; some commands take more than the pairing scope (N-3.16).
    ///
    /// # Errors
    /// `INVALID_REQUEST` when nothing waits under this id, `FORBIDDEN` for who may not say so.
    pub(crate) async fn approve_as(&self, by: By<'_>, request_id: &str) -> Result<Value, ErrorShape> {
        let waiting = self.0.store.node_of_request(request_id).await.map_err(unavailable)?;
        for scope in scopes_to_approve(&waiting.ok_or_else(unknown)?) {
            by.require(scope)?;
        }
        let node = self.approve(request_id).await.map_err(unavailable)?.ok_or_else(unknown)?;
        let device = self.0.store.device(&node.node_id).await.map_err(unavailable)?;
        Ok(json!({"requestId": request_id, "node": paired_row(&node, device.as_ref())}))
    }

    /// Says no.
    ///
    /// # Errors
    /// As [`Nodes::approve_as`].
    pub(crate) async fn reject_as(&self, by: By<'_>, request_id: &str) -> Result<Value, ErrorShape> {
        by.require(Scope::Pairing)?;
        let node = self.reject(request_id).await.map_err(unavailable)?.ok_or_else(unknown)?;
        Ok(json!({"requestId": request_id, "nodeId": node.node_id}))
    }
}

fn unknown() -> ErrorShape {
    ErrorShape::invalid("unknown requestId")
}
