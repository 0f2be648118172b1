//! Nodes as an agent's turn reaches them.

use agent::ports::{Admission, Asker, PublishedTool};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::node::{InvokeParams, InvokeResult};

use super::Nodes;
use super::by::By;
use crate::rpc::unavailable;

impl agent::ports::Nodes for Nodes {
    fn list(&self) -> BoxFuture<'_, Result<Vec<Value>, ErrorShape>> {
        Box::pin(async {
            let mut rows = self.rows().await.map_err(unavailable)?;
            for row in &mut rows {
                let node = row["nodeId"].as_str().and_then(|id| self.find(id));
                if let Some(skills) = node.map(|node| self.skills_of(&node)).filter(|skills| !skills.is_empty()) {
                    row["skills"] = json!(skills);
                }
            }
            Ok(rows)
        })
    }

    fn pairing(&self) -> BoxFuture<'_, Result<Value, ErrorShape>> {
        Box::pin(async { self.pair_list().await.map_err(unavailable) })
    }

    fn decide<'a>(
        &'a self,
        request_id: &'a str,
        admission: Admission,
        asker: &'a Asker,
    ) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        Box::pin(async move {
            let by = By::Agent(asker);
            match admission {
                Admission::Approve => self.approve_as(by, request_id).await,
                Admission::Reject => self.reject_as(by, request_id).await,
            }
        })
    }

    fn invoke<'a>(&'a self, params: InvokeParams, asker: &'a Asker) -> BoxFuture<'a, Result<InvokeResult, ErrorShape>> {
        Box::pin(async move { Self::invoke(self, By::Agent(asker), params).await })
    }

    fn active(&self) -> Option<String> {
        self.active_node()
    }

    fn published(&self) -> Vec<PublishedTool> {
        self.published_tools()
    }
}
