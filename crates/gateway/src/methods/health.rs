//! `health`.

use serde_json::Value;
use wire::ErrorShape;
use wire::methods::health::HealthParams;

use crate::rpc::{Cx, unavailable};

/// How the Gateway is: the last look, or a fresh one when asked.
pub(super) async fn health(cx: Cx, params: HealthParams) -> Result<Value, ErrorShape> {
    let fresh = params.probe.unwrap_or(false);
    let seen = if fresh { cx.health.probe().await.map_err(unavailable)? } else { cx.health.last() };
    Ok((*seen).clone())
}
