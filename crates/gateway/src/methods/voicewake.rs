//! `voicewake.*`: the words that wake a listening device, and where their sentences go (N-13).

use serde_json::Value;
use wire::ErrorShape;
use wire::methods::voicewake::{Routed, RoutingParams, Triggers};

use crate::rpc::Cx;
use crate::voicewake;

/// The words in force.
pub(super) async fn get(cx: Cx, _: Value) -> Result<Triggers, ErrorShape> {
    voicewake::words(&cx).await
}

/// New words.
pub(super) async fn set(cx: Cx, params: Triggers) -> Result<Triggers, ErrorShape> {
    voicewake::set_words(&cx, &params).await
}

/// The routing in force.
pub(super) async fn routing_get(cx: Cx, _: Value) -> Result<Routed, ErrorShape> {
    voicewake::routing(&cx).await
}

/// A new routing.
pub(super) async fn routing_set(cx: Cx, params: RoutingParams) -> Result<Routed, ErrorShape> {
    voicewake::set_routing(&cx, params.config).await
}
