//! A node that is here for the first time is told of on its owner's screen (N-3.20, N-9.4): a machine that was let in is
//! noticed by whoever sits at another. Best effort; nothing depends on it.

use std::time::Duration;

use serde_json::json;
use store::NodeRecord;
use uuid::Uuid;
use wire::methods::node::InvokeParams;

use super::Nodes;
use super::active::NOTIFY;
use super::by::By;

/// A machine that connects only to ask for something is gone by then.
const SETTLES_WITHIN: Duration = Duration::from_millis(750);
/// When the screen that counts could not show it, the others wait so long.
const OTHERS_AFTER: Duration = Duration::from_secs(5);
/// How long one screen may take.
const SHOWN_WITHIN_MS: u64 = 10_000;

impl Nodes {
    /// Tells of `node` on the active Mac; when that fails, on all others.
    pub(super) fn alert(&self, node: &NodeRecord) {
        let (nodes, node_id) = (self.clone(), node.node_id.clone());
        let name = node.name.clone().or_else(|| node.client.display_name.clone());
        drop(tokio::spawn(async move {
            tokio::time::sleep(SETTLES_WITHIN).await;
            let name = name.unwrap_or_else(|| node_id.chars().take(12).collect());
            let screens = nodes.notifiable(&node_id);
            let Some((first, others)) = screens.split_first() else { return };
            if nodes.show(first, &name).await || others.is_empty() {
                return;
            }
            tokio::time::sleep(OTHERS_AFTER).await;
            for screen in others {
                nodes.show(screen, &name).await;
            }
        }));
    }

    async fn show(&self, screen: &str, name: &str) -> bool {
        let asked = InvokeParams {
            node_id: screen.to_owned(),
            command: NOTIFY.into(),
            params: Some(json!({"title": "OpenClaw", "body": format!("{name} is connected for the first time")})),
            timeout_ms: Some(SHOWN_WITHIN_MS),
            idempotency_key: Uuid::new_v4().to_string(),
            session_key: None,
        };
        let shown = self.ask(By::Gateway, &asked).await;
        if let Err(error) = &shown {
            tracing::info!(node = %screen, %error, "a new node could not be told of on this screen");
        }
        shown.is_ok()
    }
}
