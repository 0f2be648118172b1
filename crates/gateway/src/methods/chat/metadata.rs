//! `chat.metadata`: what a composer offers.

use wire::ErrorShape;
use wire::methods::chat::{MetadataParams, MetadataResult};

use crate::rpc::Cx;
use crate::slash;

/// The models and commands of a chat.
pub(super) async fn metadata(cx: Cx, params: MetadataParams) -> Result<MetadataResult, ErrorShape> {
    cx.agents.find(params.agent_id.as_deref())?;
    Ok(offered(&cx).await)
}

/// What a composer offers.
pub(super) async fn offered(cx: &Cx) -> MetadataResult {
    MetadataResult {
        models: cx.models.list(false).await,
        commands: slash::entries(true),
        swarm_enabled: false,
        runtime_selection_locked: false,
    }
}
